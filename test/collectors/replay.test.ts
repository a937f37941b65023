import {readdirSync, readlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {PassThrough} from 'node:stream';
import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {Pace} from '../../src/collectors/pace.js';
import {type PlayOptions, ReplayCollector} from '../../src/collectors/replay.js';
import {type Input, openInput} from '../../src/input.js';
import type {Sample} from '../../src/sample/types.js';
import {busySamples, recordingOf} from '../helpers/recordings.js';

const pace = new Pace(1000);

function piped(live = true): {stream: PassThrough; bytes: Input} {
  const stream = new PassThrough();
  return {stream, bytes: {name: 'stdin', chunks: stream, live, close: () => void stream.destroy()}};
}

function linkOf(name: string): string | null {
  try {
    return readlinkSync(name);
  } catch {
    return null; // the one by which they were listed
  }
}

async function all(collector: ReplayCollector): Promise<{samples: Sample[]; error: unknown}> {
  const samples: Sample[] = [];
  try {
    for await (const sample of collector.samples(pace)) samples.push(sample);
    return {samples, error: null};
  } catch (error) {
    return {samples, error};
  }
}

t.test('a file gives what was recorded, once', async (t) => {
  const samples = busySamples(4);
  const file = path.join(t.testdir(), 'recording');
  writeFileSync(file, recordingOf(samples));
  const collector = new ReplayCollector(openInput(file, 'replay'), {speed: Infinity});
  t.strictSame(await all(collector), {samples, error: null});
  t.strictSame(await all(collector), {samples: [], error: null});
});

t.test('a stream gives each sample as soon as its last byte is there', async (t) => {
  const samples = busySamples(3);
  const {stream, bytes} = piped();
  const readings = new ReplayCollector(bytes, {speed: Infinity}).samples(pace);
  const encoded = recordingOf(samples);
  const first = recordingOf(samples.slice(0, 1)).length;
  stream.write(encoded.subarray(0, first));
  t.strictSame((await readings.next()).value, samples[0]);
  const next = readings.next();
  stream.write(encoded.subarray(first, first + 10));
  t.equal(await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 50, 'nothing yet'))]), 'nothing yet');
  stream.end(encoded.subarray(first + 10));
  t.strictSame((await next).value, samples[1]);
});

t.test('who sends one sample after the other is kept up with, whatever the recorded times say', async (t) => {
  // An hour from one to the next: waiting for that would be noticed.
  const samples = [0, 3600, 7200].map((i) => ({...(busySamples(1)[0] as Sample), timeNs: BigInt(i) * 10n ** 9n}));
  const {stream, bytes} = piped();
  const readings = new ReplayCollector(bytes, {speed: 1}).samples(pace);
  const encoded = recordingOf(samples);
  let sent = 0;
  for (let i = 1; i <= samples.length; i++) {
    const next = readings.next();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const end = recordingOf(samples.slice(0, i)).length;
    stream.write(encoded.subarray(sent, end));
    sent = end;
    t.strictSame((await next).value, samples[i - 1]);
  }
});

t.test('a file keeps its own pace, and its wait can be ended', async (t) => {
  const samples = [0, 3600].map((i) => ({...(busySamples(1)[0] as Sample), timeNs: BigInt(i) * 10n ** 9n}));
  const file = path.join(t.testdir(), 'recording');
  writeFileSync(file, recordingOf(samples));
  const stop = new AbortController();
  const readings = new ReplayCollector(openInput(file, 'replay'), {speed: 1}).samples(pace, stop.signal);
  t.strictSame((await readings.next()).value, samples[0]);
  const next = readings.next();
  t.equal(await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]), 'waits');
  stop.abort();
  t.equal((await next).done, true);
});

t.test('only a part of it is yielded: with all before it, or with the sample that it is measured against', async (t) => {
  const samples = busySamples(6);
  const file = path.join(t.testdir(), 'recording');
  writeFileSync(file, recordingOf(samples));
  const of = async (options: Partial<PlayOptions>) => {
    const collector = new ReplayCollector(openInput(file, 'replay'), {speed: 1e-3, ...options});
    const reached: boolean[] = [];
    const found: Sample[] = [];
    for await (const sample of collector.samples(pace)) {
      reached.push(collector.reached);
      found.push(sample);
    }
    return {found, reached};
  };
  // At such a speed nothing of it may be waited for.
  const from = {afterMs: 2500};
  const to = {afterMs: 3000};
  t.same(await of({from, to, past: true}), {found: samples.slice(0, 4), reached: [false, false, false, true]});
  t.same(await of({from, to}), {found: samples.slice(2, 4), reached: [false, true]});
  const moment = {atMs: (samples[4] as Sample).takenAt};
  t.same((await of({from: moment})).found, samples.slice(4));
  t.same((await of({to: moment, speed: Infinity})).found, samples.slice(0, 5));
  t.same(
    (await of({speed: Infinity})).reached,
    samples.map(() => true),
  );
});

t.test('a stream that never reaches the part ends without it, which is said', async (t) => {
  const {stream, bytes} = piped();
  stream.end(recordingOf(busySamples(2)));
  const collector = new ReplayCollector(bytes, {speed: Infinity, from: {afterMs: 60_000}});
  const {samples, error} = await all(collector);
  t.same(samples, []);
  t.equal(collector.reached, false);
  t.match(error, {name: 'UserError', exitStatus: 1, message: /^no period of stdin ends between --from and --to: it goes/});
});

t.test('who goes ahead has all samples until there', async (t) => {
  const samples = Array.from({length: 5}, (_, i) => ({
    ...(busySamples(1)[0] as Sample),
    timeNs: BigInt(i) * 3_600_000_000_000n,
  }));
  const file = path.join(t.testdir(), 'recording');
  writeFileSync(file, recordingOf(samples));
  const stop = new AbortController();
  const collector = new ReplayCollector(openInput(file, 'replay'), {speed: 1});
  const readings = collector.samples(pace, stop.signal);
  t.strictSame((await readings.next()).value, samples[0]);
  collector.playback.ahead(3 * 3_600_000);
  for (const sample of samples.slice(1, 4)) t.strictSame((await readings.next()).value, sample);
  const next = readings.next();
  t.equal(await Promise.race([next, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))]), 'waits');
  collector.playback.ahead(1);
  t.strictSame((await next).value, samples[4]);
  t.equal((await readings.next()).done, true);
});

t.test('a recording that was cut off is said after its last sample, and is no failure', async (t) => {
  const samples = busySamples(3);
  const encoded = recordingOf(samples);
  const file = path.join(t.testdir(), 'recording');
  writeFileSync(file, encoded.subarray(0, -1));
  const {samples: found, error} = await all(new ReplayCollector(openInput(file, 'replay'), {speed: Infinity}));
  t.strictSame(found, samples.slice(0, 2));
  const at = recordingOf(samples.slice(0, 2)).length;
  t.match(error, {exitStatus: 0, message: `was cut off: ${encoded.length - 1 - at} bytes from byte ${at} on`});
  t.match(error, {message: 'It is shown up to 2026-01-31T12:01:41.000Z.'});
});

t.test('cut off at any byte, it is replayed up to there, and that is said', async (t) => {
  const samples = busySamples(3);
  const encoded = recordingOf(samples);
  const ends = samples.map((_, i) => recordingOf(samples.slice(0, i + 1)).length);
  const wrong: string[] = [];
  for (let length = 1; length < encoded.length; length++) {
    const {stream, bytes} = piped();
    stream.end(encoded.subarray(0, length));
    const {samples: found, error} = await all(new ReplayCollector(bytes, {speed: Infinity}));
    const whole = ends.filter((end) => end <= length).length;
    const at = ends[whole - 1];
    const said = error instanceof Error ? error.message : '';
    const expected =
      at === undefined
        ? `it ends at byte ${length}, before`
        : length === at
          ? ''
          : `${length - at} bytes from byte ${at} on`;
    if (found.length !== whole || !said.includes(expected) || (expected === '') !== (said === ''))
      wrong.push(`at ${length}: ${found.length} of ${whole}, ${said}`);
  }
  t.same(wrong, []);
});

t.test('damage is said with its place, after the last sample before it', async (t) => {
  const samples = busySamples(3);
  const encoded = recordingOf(samples);
  encoded[encoded.length - 6] = (encoded[encoded.length - 6] as number) ^ 1;
  const {stream, bytes} = piped();
  stream.end(encoded);
  const {samples: found, error} = await all(new ReplayCollector(bytes, {speed: Infinity}));
  t.strictSame(found, samples.slice(0, 2));
  const at = recordingOf(samples.slice(0, 2)).length;
  t.match(error, {exitStatus: 1, message: `stdin is damaged at byte ${at}. It is shown up to 2026-01-31T12:01:41.000Z.`});
});

t.test('what is no recording, or none any more, is one sentence', async (t) => {
  const encoded = recordingOf(busySamples(2));
  const newer = Buffer.from(encoded);
  newer.writeUInt32LE(99, 8);
  const dir = t.testdir({
    empty: '',
    text: 'ID TYPE NAME\n',
    newer,
    short: encoded.subarray(0, 40),
    folder: {},
  });
  const expected = {
    empty: /it is empty/,
    text: /it is no recording/,
    newer: /by a newer bpftop-ts/,
    short: /it ends at byte 40, before its first sample is whole/,
    folder: /it is neither a file nor a pipe/,
    'not there': /open: ENOENT/,
  };
  for (const [name, message] of Object.entries(expected)) {
    const replay = async () => {
      const {error} = await all(new ReplayCollector(openInput(path.join(dir, name), 'replay'), {speed: Infinity}));
      throw error;
    };
    await t.rejects(replay(), {name: 'UserError', exitStatus: 1, message}, name);
  }
});

t.test('nothing stays open when the reader has seen enough', async (t) => {
  const file = path.join(t.testdir(), 'recording');
  writeFileSync(file, recordingOf(busySamples(50)));
  const bytes = openInput(file, 'replay');
  for await (const sample of new ReplayCollector(bytes, {speed: Infinity}).samples(pace)) {
    t.equal(sample.progs.info.length, 3);
    break;
  }
  const isOpen = () => readdirSync('/proc/self/fd').some((fd) => linkOf(`/proc/self/fd/${fd}`) === file);
  while (isOpen()) await sleep(5);
});
