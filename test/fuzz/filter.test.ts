import t from 'tap';
import {parseOptions} from '../../src/cli/options.js';
import {fieldNames} from '../../src/model/fields.js';
import {completeFilter} from '../../src/model/filter-completion.js';
import {FilterError, parseFilter} from '../../src/model/filter.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import {checkRefusal, checkSentence, damageText, fuzz, triesMany} from '../helpers/fuzz.js';
import {type Random, random} from '../helpers/random.js';
import {randomSamples} from '../helpers/recordings.js';

const examples = [
  'cpu>0.5 type=xdp',
  'not (owner:cilium or pod:"web 1") and avg>=10us',
  'name=tc_* attached!=eth0 ev<2k jited=yes',
  'map_ids=17 loaded_at>"2026-01-31 12:00" bytes_memlock>4KiB',
  "'it\\'s' \"a\\*b\" via:link or pid=1 or uid!=0",
].map((text) => Buffer.from(text));

const words = [
  ...fieldNames,
  ...[
    '(',
    ')',
    '((((',
    '"',
    "'",
    '\\',
    '*',
    '?',
    '\ufdd0',
    ' and ',
    ' or ',
    ' not ',
    ':',
    '=',
    '==',
    '!=',
    '<',
    '>=',
    '-',
    '.',
  ],
  ...[
    '1e9',
    '0x10',
    '999999999999999999999999999999',
    'ns',
    '%',
    '2026-02-30',
    'yes',
    '\u001b[2J',
    '\ud800',
    '\u202e',
    '\n',
  ],
];

/** Programs with all that they can have, and can lack. */
const progs: readonly MeasuredProg[] = randomSamples(random(1), 6).flatMap((sample) => measure(sample, null).progs);

/** Of whole words alone. */
function made({below, pick}: Random): string {
  return Array.from({length: below(12)}, () => pick(words)).join('');
}

t.test('any text is a filter, or is refused in a sentence with its place', async (t) => {
  let [read, refused] = [0, 0];
  await fuzz(t, 20_000, (random) => {
    const {below, pick} = random;
    const text = below(3) === 0 ? made(random) : damageText(random, examples, words);
    completeFilter(text, below(text.length + 1), progs);
    try {
      const {matches} = parseFilter(text);
      if (typeof matches(pick(progs)) !== 'boolean') throw new Error(`neither yes nor no: ${text}`);
      read++;
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      checkSentence(error.message);
      if (!(error.at >= 0 && error.at <= text.length)) throw new Error(`at ${error.at} of ${text}`, {cause: error});
      refused++;
      // What the person sees of it.
      if (refused % 500 === 0) refusedOnTheCommandLine(pick(['--filter', '--fail-on']), text);
    }
  });
  t.ok((read > 0 && refused > 0) || !triesMany, `${read} were filters, ${refused} were none`);
});

function refusedOnTheCommandLine(option: string, text: string): void {
  try {
    parseOptions([`${option}=${text}`]);
  } catch (error) {
    return checkRefusal(error, option);
  }
  throw new Error(`${option} took ${text}`);
}
