import {Readable} from 'node:stream';
import {deflateRawSync, inflateRawSync} from 'node:zlib';
import t from 'tap';
import {writers} from '../../src/cli/stream.js';
import {ReplayCollector} from '../../src/collectors/replay.js';
import {Pace} from '../../src/collectors/pace.js';
import {noFilter} from '../../src/model/filter.js';
import {Ledger} from '../../src/model/ledger.js';
import {measure} from '../../src/model/measure.js';
import {expose, formatFamilies} from '../../src/output/prometheus.js';
import {crc32} from '../../src/sample/bytes.js';
import type {Sample} from '../../src/sample/types.js';
import {checkRefusal, damage, fuzz, triesMany} from '../helpers/fuzz.js';
import {type Random, random} from '../helpers/random.js';
import {randomSamples, recordingOf, recordOf} from '../helpers/recordings.js';

const preamble = 12;
/** Deflate makes no byte into more (zlib's technical details), and no program of a sample takes less than four. */
const mostProgsPerByte = 1032 / 4;

interface Content {
  readonly type: number;
  readonly content: Buffer;
}

const samplesOf = random(1);
const recordings = Array.from({length: 100}, () => recordingOf(randomSamples(samplesOf, 1 + samplesOf.below(4))));
const unpacked = recordings.map(contentsOf);
const contents = unpacked.flat().map(({content}) => content);
const contentsByType = new Map(
  [...new Set(unpacked.flat().map(({type}) => type))].map((wanted) => [
    wanted,
    unpacked.flat().flatMap(({type, content}) => (type === wanted ? [content] : [])),
  ]),
);
const start = (recordings[0] as Buffer).subarray(0, preamble);

/** The contents of a recording's records, by docs/recording.md and not by the decoder. */
function contentsOf(bytes: Buffer): Content[] {
  const dictionaries = new Map<number, Buffer>();
  const found: Content[] = [];
  for (let at = preamble; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    const type = bytes.readUInt8(at + 4);
    const dictionary = dictionaries.get(type);
    const content = inflateRawSync(bytes.subarray(at + 9, at + 9 + length), dictionary ? {dictionary} : {});
    dictionaries.set(type, content.subarray(-32768));
    found.push({type, content});
    at += 9 + length + 4;
  }
  return found;
}

/** Not made smaller: that would be most of the time. */
const pack = (content: Buffer) => deflateRawSync(content, {level: 0});

type Input = (random: Random) => Buffer;

/** As a disk or a line may damage it; and behind the sums, as somebody may have made it. */
const inputs: readonly Input[] = [
  (random) => damage(random, recordings),
  (random) => join(random, ({type, content}) => recordOf(type, damage(random, [pack(content)]))),
  (random) =>
    join(random, ({type, content}) => recordOf(type, pack(damage(random, [content, ...(contentsByType.get(type) ?? [])])))),
  (random) => {
    const changed = random.below(8);
    return join(random, (one, i) => recordOf(one.type, pack(i === changed ? damage(random, [one.content]) : one.content)));
  },
  // In another order, with some of another recording, and of another type.
  ({below, pick}) =>
    Buffer.concat([
      start,
      ...Array.from({length: 1 + below(6)}, () => {
        const {type, content} = pick(pick(unpacked));
        return recordOf(below(10) === 0 ? below(32) : type, pack(below(20) === 0 ? pick(contents) : content));
      }),
    ]),
];

function join({pick}: Random, record: (content: Content, i: number) => Buffer): Buffer {
  return Buffer.concat([start, ...pick(unpacked).map(record)]);
}

const pace = new Pace(1000);

/** What can be read of it, in pieces. @throws what is no error for a person. */
async function replay(bytes: Buffer, step: number): Promise<Sample[]> {
  const pieces = Array.from({length: Math.ceil(bytes.length / step)}, (_, i) => bytes.subarray(i * step, (i + 1) * step));
  const chunks = Readable.from(pieces);
  const samples: Sample[] = [];
  try {
    const bytes = {name: 'FILE', chunks, live: false, close() {}};
    for await (const sample of new ReplayCollector(bytes, {speed: Infinity}).samples(pace)) samples.push(sample);
  } catch (error) {
    checkRefusal(error, 'FILE', /byte \d|is empty|no recording|newer/);
  }
  return samples;
}

/** Writes them in every form. */
async function writeAll(samples: readonly Sample[]): Promise<void> {
  const ledger = new Ledger(100);
  let previous: Sample | null = null;
  for (const sample of samples) {
    const measured = measure(sample, previous);
    previous = sample;
    ledger.add(measured);
    const {progs} = measured;
    const options = {filter: noFilter, limit: null};
    for (const write of Object.values(writers))
      write({measured, progs, by: null, groups: null, columns: null, first: true, options, indent: 0});
    await formatFamilies(expose({measured, progs, ledger, lasting: true, version: '1', maxSeries: 1000}), 'text');
  }
}

t.test('any bytes are replayed as far as they go, and then refused in a sentence with its place', async (t) => {
  let read = 0;
  await fuzz(t, 3000, async (random) => {
    const bytes = random.pick(inputs)(random);
    const samples = await replay(bytes, 1 + random.below(random.pick([8, 200, 5000])));
    read += samples.length;
    const progs = samples.reduce((sum, {progs: {info}}) => sum + info.length, 0);
    if (progs > mostProgsPerByte * bytes.length) throw new Error(`${progs} programs of ${bytes.length} bytes`);
    if (random.below(20) === 0) await writeAll(samples);
  });
  t.ok(read > 0 || !triesMany, `${read} samples were read`);
});

t.test('a length that lies asks for no memory', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const head = Buffer.from(recordOf(2, Buffer.alloc(0)).subarray(0, 9));
  for (const length of [2 ** 24, 2 ** 24 + 1, 2 ** 31, 2 ** 32 - 1]) {
    head.writeUInt32LE(length);
    head.writeUInt32LE(crc32(head.subarray(0, 5)), 5);
    t.same(await replay(Buffer.concat([start, head, Buffer.alloc(2)]), 5), []);
  }
  t.ok(process.memoryUsage().arrayBuffers - before < 2 ** 20);
});
