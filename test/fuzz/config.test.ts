import {writeFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {readConfig} from '../../src/cli/config.js';
import {parseOptions} from '../../src/cli/options.js';
import {checkSentence, damageText, fuzz, triesMany} from '../helpers/fuzz.js';

const examples = [
  {columns: ['name', 'cpu_pct', 'trend'], sort: 'id:asc', delay: '2s', theme: 'light', ascii: true},
  {sort: 'avg', delay: '500ms'},
  {columns: [], theme: 'mono', ascii: false},
].map((config) => Buffer.from(JSON.stringify(config, null, 2)));

const words = [
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"__proto__": {}',
    '"columns": [1],',
    '"ascii": null,',
    '"constructor"',
    '1e999',
    '\\u0000',
  ],
  ...[
    'null',
    'true',
    '-',
    '.',
    '"sort": "\\ud800",',
    '"delay": "0",',
    '"delay": "-1s",',
    '"theme": "\\u001b[2J",',
    '//',
    '\ufeff',
  ],
];

t.test('any file is a config, or is left out with the reason', async (t) => {
  const file = path.join(t.testdir(), 'config.json');
  let [used, leftOut] = [0, 0];
  await fuzz(t, 2000, (random) => {
    writeFileSync(file, damageText(random, examples, words), {mode: 0o600});
    const {config, problem} = readConfig(file);
    if (problem !== null) {
      leftOut++;
      return checkSentence(problem, file);
    }
    // What it says may still be nothing that an option takes.
    if (used++ % 100 > 0) return;
    const problems: string[] = [];
    parseOptions(
      [],
      () => config,
      (sentence) => problems.push(sentence),
    );
    for (const each of problems) checkSentence(each, 'the config file');
  });
  t.ok((used > 0 && leftOut > 0) || !triesMany, `${used} were used, ${leftOut} left out`);
});

t.test('a file as large as it can be is read in one go', (t) => {
  const file = path.join(t.testdir(), 'config.json');
  for (const word of [...words, '{"columns":', '[1,', '"a":']) {
    writeFileSync(file, word.repeat(65_536 / Buffer.byteLength(word)), {mode: 0o600});
    const {problem} = readConfig(file);
    t.not(problem, null, word);
    checkSentence(String(problem), file);
  }
  t.end();
});
