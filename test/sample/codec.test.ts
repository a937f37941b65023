import {isDeepStrictEqual} from 'node:util';
import {deflateRawSync} from 'node:zlib';
import t from 'tap';
import {measure} from '../../src/model/measure.js';
import {toJson} from '../../src/output/json.js';
import {ByteReader, ByteWriter} from '../../src/sample/bytes.js';
import {BadRecording, formatVersion, SampleDecoder, SampleEncoder} from '../../src/sample/codec.js';
import type {Sample} from '../../src/sample/types.js';
import {random} from '../helpers/random.js';
import {randomSamples, recordOf} from '../helpers/recordings.js';
import {makeSample, owner, progInfo, progMap, reading} from '../helpers/samples.js';

const preamble = 12;

/** What each sample adds to a recording. */
function encode(samples: readonly Sample[]): Buffer[] {
  const encoder = new SampleEncoder();
  return samples.map((sample) => encoder.encode(sample));
}

/** What can be read of it, and why no more can. */
function decode(bytes: Uint8Array, step = bytes.length): {samples: Sample[]; error: BadRecording | null; at: number} {
  const decoder = new SampleDecoder();
  const samples: Sample[] = [];
  try {
    for (let at = 0; at < bytes.length; at += step) samples.push(...decoder.push(bytes.subarray(at, at + step)));
    return {samples, error: null, at: decoder.at};
  } catch (error) {
    if (error instanceof BadRecording) return {samples, error, at: decoder.at};
    throw error;
  }
}

/** A record with that content, as the encoder would pack it. */
const record = (type: number, content: Uint8Array) => recordOf(type, deflateRawSync(content));

t.test('whatever samples go in, the same come out, in pieces of any size', (t) => {
  const from = random(7);
  let compared = 0;
  for (let round = 0; round < 150; round++) {
    const samples = randomSamples(from, 1 + from.below(8));
    const bytes = Buffer.concat(encode(samples));
    const found = decode(bytes, 1 + from.below(from.pick([2, 50, 5000])));
    if (found.error) throw found.error;
    // Deep comparison by tap takes long; it shows what differs.
    if (!isDeepStrictEqual(found.samples, samples)) t.strictSame(found.samples, samples);
    compared += samples.length;
  }
  t.ok(compared > 150);
  t.end();
});

t.test('what comes out is measured and written as what went in', (t) => {
  const progs = (runs: bigint) => [
    {id: 1, runCnt: runs, runTimeNs: 2n ** 64n - 10n + runs},
    {id: 9, runCnt: 3n * runs, runTimeNs: 7n * runs, recursionMisses: runs},
  ];
  const live = [1, 2, 3, 4].map((second) => makeSample(second, progs(BigInt(second))));
  const {samples} = decode(Buffer.concat(encode(live)));
  const written = (list: readonly Sample[]) =>
    list.map((sample, i) => {
      const measured = measure(sample, list[i - 1] ?? null);
      return toJson(measured, measured.progs, null, {version: '1', indent: 0});
    });
  t.same(written(samples), written(live));
  t.match(written(samples)[3], /18446744073709551610/);
  t.end();
});

t.test('programs that did not run cost next to nothing, and what a source told is written once', (t) => {
  const progs = Array.from({length: 500}, (_, i) => progInfo({id: i + 1}));
  const at = (seconds: number, runs: bigint, told = reading<never>({})) => {
    const sample = makeSample(
      seconds,
      progs.map(({id}) => ({id, runCnt: runs})),
    );
    return {...sample, progs: {...sample.progs, info: progs, sources: {...sample.progs.sources, pins: told}}};
  };
  const told = reading<never>({});
  const sizes = encode([at(1, 5n, told), at(2, 5n, told), at(3, 5n, told)]).map((bytes) => bytes.length);
  t.ok((sizes[1] as number) < 100 && (sizes[2] as number) < 100, sizes.join());
  t.end();
});

t.test('what several programs have in common is one object again', (t) => {
  const shared = progMap({id: 3});
  const sample = makeSample(1, [{id: 1}, {id: 2}]);
  const sources = {...sample.progs.sources, maps: reading({1: [shared], 2: [shared]}), owners: reading({1: [owner()]})};
  const [found] = decode(Buffer.concat(encode([{...sample, progs: {...sample.progs, sources}}]))).samples;
  const byProg = found?.progs.sources.maps?.byProg;
  t.equal(byProg?.get(1)?.[0], byProg?.get(2)?.[0]);
  t.strictSame(byProg?.get(1), [shared]);
  t.end();
});

t.test('of a recording that was cut off anywhere, every whole sample can be read', (t) => {
  const samples = randomSamples(random(3), 5);
  const parts = encode(samples);
  const bytes = Buffer.concat(parts);
  const ends = parts.map((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.length, 0));
  const wrong: string[] = [];
  for (let length = 0; length < bytes.length; length++) {
    const {samples: found, error} = decode(bytes.subarray(0, length));
    const whole = ends.filter((end) => end <= length).length;
    if (error || found.length !== whole) wrong.push(`cut at ${length}: ${found.length} of ${whole}, ${String(error)}`);
  }
  t.same(wrong, []);
  t.end();
});

t.test('a flipped bit anywhere is found: what is read up to it is right, and its record is named', (t) => {
  const samples = randomSamples(random(5), 4);
  const bytes = Buffer.concat(encode(samples));
  const wrong: string[] = [];
  for (let at = 0; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] = (damaged[at] as number) ^ (1 << (at % 8));
    const {samples: found, error} = decode(damaged);
    if (!error) wrong.push(`nothing is wrong with byte ${at}`);
    else if (error.at > at) wrong.push(`byte ${at} was found in a record at ${error.at}`);
    if (!isDeepStrictEqual(found, samples.slice(0, found.length))) wrong.push(`another sample came of byte ${at}`);
  }
  t.same(wrong, []);
  t.end();
});

t.test('content that unpacks to more than a record may have is refused', (t) => {
  const start = Buffer.concat(encode([makeSample(1, [])])).subarray(0, preamble);
  t.match(decode(Buffer.concat([start, record(1, Buffer.alloc(2 ** 24 + 1))])), {error: {kind: 'damaged', at: preamble}});
  t.end();
});

t.test('a list that is longer than what it is in is refused before any of it is made', (t) => {
  const [first] = encode([makeSample(1, [])]) as [Buffer];
  // timeNs, durationNs, complete, no warning, no untold, then 2^40 programs.
  const content = Buffer.from([0, 0, 1, 0, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0]);
  t.match(decode(Buffer.concat([first, record(16, content)])), {error: {kind: 'damaged', at: first.length}});
  t.end();
});

t.test('a recording of version 1 can be read: what it had no place for is not known', (t) => {
  const bytes = Buffer.from(
    'iWJwZnRvcAoBAAAAIQAAAAE/wYRN4ypPTdI15jPTM7TQMzHhqbAwizczYWHkM0gzTX7UsAwAhLWv/ikAAAARmppDYGu4sOYzX0NnFSMDAyMTCwsDoxBbRUoBI5jg' +
      'SC3JMGBiFGErSa5gYAAAQrBNNkQAAAACuGhfhfuw7Om+pvSGH01rxQ602Db0nZNhZGBgZIBgBiYGFh6mAgUDVGDUsOLaTvaGJ2un8jIwNjB+YGRscGAUYIBq' +
      'ZOBgBNIAlKYqRQ==',
    'base64',
  );
  const links = reading({
    2: [
      {linkId: 9, type: 'xdp', attachType: 'xdp', target: 'eth0', missed: null},
      {linkId: 10, type: 'tcx', attachType: null, target: null, missed: null},
    ],
  });
  const sample = makeSample(3, [{id: 2, name: 'p', runCnt: 4n}]);
  const expected = {...sample, progs: {...sample.progs, sources: {...sample.progs.sources, links}}};
  t.strictSame(decode(bytes), {samples: [expected], error: null, at: bytes.length});
  t.end();
});

t.test('something else is told at its first byte; a newer version, and a number that is none, as well', (t) => {
  t.match(decode(Buffer.from('x')), {error: {kind: 'foreign', at: 0}});
  t.match(decode(Buffer.from('{"schema_version":1}')), {error: {kind: 'foreign', at: 0}});
  const bytes = Buffer.concat(encode([makeSample(1, [])]));
  bytes.writeUInt32LE(formatVersion + 1, 8);
  t.match(decode(bytes), {error: {kind: 'newer'}});
  bytes.writeUInt32LE(0, 8);
  t.match(decode(bytes), {error: {kind: 'damaged'}});
  t.end();
});

t.test('records of a type that is not known are passed over', (t) => {
  const [first, second] = encode([makeSample(1, []), makeSample(2, [])]) as [Buffer, Buffer];
  const {samples, error} = decode(Buffer.concat([first, record(99, Buffer.from('later')), second]));
  t.equal(error, null);
  t.same(
    samples.map(({timeNs}) => timeNs),
    [1_000_000_000n, 2_000_000_000n],
  );
  t.end();
});

t.test('recordings one behind the other are read as one', (t) => {
  const samples = randomSamples(random(2), 4);
  const bytes = Buffer.concat([...encode(samples.slice(0, 2)), ...encode(samples.slice(2))]);
  t.strictSame(decode(bytes, 5).samples, samples);
  t.end();
});

t.test('what is too large for a recording is refused, not written', (t) => {
  const sample = makeSample(1, [{id: 1}]);
  const withPin = (length: number) => {
    const pins = reading({1: [{path: 'x'.repeat(length), via: 'prog' as const}]});
    return {...sample, progs: {...sample.progs, sources: {...sample.progs.sources, pins}}};
  };
  t.equal(decode(Buffer.concat(encode([withPin(65_536)]))).samples.length, 1);
  t.throws(() => encode([withPin(65_537)]), RangeError);
  const [info] = sample.progs.info;
  const crowd = {...sample.progs, info: Array.from({length: 2 ** 17 + 1}, () => info!)};
  t.throws(() => encode([{...sample, progs: crowd}]), {name: 'RangeError', message: /131073 programs/});
  t.end();
});

t.test('a text that is longer than any is refused, however much there is of it', (t) => {
  const textOf = (length: number) => {
    const writer = new ByteWriter();
    writer.int(length);
    return new ByteReader(Buffer.concat([writer.bytes(), Buffer.alloc(length, 'x')])).text();
  };
  t.equal(textOf(65_536).length, 65_536);
  t.throws(() => textOf(65_537), {name: 'Damage', message: 'a text is longer than 65536 bytes'});
  t.end();
});
