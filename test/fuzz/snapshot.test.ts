import t from 'tap';
import {SideReader} from '../../src/cli/diff-side.js';
import {diff} from '../../src/model/diff.js';
import {noFilter} from '../../src/model/filter.js';
import {toDiffJson, toDiffMarkdown, toDiffTable} from '../../src/output/diff.js';
import {checkRefusal, damage, damageText, fuzz, triesMany} from '../helpers/fuzz.js';
import {random} from '../helpers/random.js';
import {busySamples, documentsOf, randomSamples, recordingOf} from '../helpers/recordings.js';

const busy = busySamples(3);
const snapshots = [
  ...[1, 2, 3].map((seed) => documentsOf(randomSamples(random(seed), 3))),
  documentsOf(busy),
  documentsOf(busy.slice(0, 2), 1),
].map((documents) => Buffer.from(documents.join('')));
const examples = [...snapshots, recordingOf(busy)];
const words = [
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\n',
  'null',
  '-1',
  '1e999',
  '0',
  '""',
  'true',
  '{}',
  '"\\u0000"',
  '[[[[',
];

function read(bytes: Uint8Array, pieceLength = Infinity): ReturnType<SideReader['end']> {
  const reader = new SideReader('a.json', noFilter);
  for (let at = 0; at < bytes.length; at += pieceLength) reader.push(bytes.subarray(at, at + pieceLength));
  return reader.end();
}

t.test('whatever the bytes, there is a side that can be told of, or a sentence', async (t) => {
  const {side: other} = read(recordingOf(busy));
  let [compared, refused] = [0, 0];
  await fuzz(
    t,
    2000,
    (random) => {
      const bytes = random.below(2) === 0 ? damage(random, examples) : Buffer.from(damageText(random, snapshots, words));
      try {
        const {side} = read(bytes, random.pick([Infinity, 1 + random.below(300)]));
        const found = diff(side, other);
        const told = {diff: found, progs: found.progs.map((prog) => ({prog, broken: []})), more: 0, idle: 0};
        for (const text of [toDiffTable(told), toDiffMarkdown(told)])
          if (/[\0-\x09\x0b-\x1f\x7f]/.test(text)) throw new Error('a control character is shown raw');
        JSON.parse(toDiffJson(told, {version: '1', indent: 0}));
        compared++;
      } catch (error) {
        checkRefusal(error, 'a.json');
        refused++;
      }
    },
    {share: 0.5},
  );
  t.ok((compared > 0 && refused > 0) || !triesMany, `${compared} were compared, ${refused} refused`);
});
