import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import {Readable} from 'node:stream';
import {setImmediate, setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {RecordingCollector} from '../../src/cli/record.js';
import {Pace} from '../../src/collectors/pace.js';
import {SampleDecoder} from '../../src/sample/codec.js';
import type {Sample} from '../../src/sample/types.js';
import {run, start, toolPath} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {busySamples, recordingOf} from '../helpers/recordings.js';
import {makeSample} from '../helpers/samples.js';

const read = (file: string) => [...new SampleDecoder().push(readFileSync(file))];
const pace = new Pace(1000);

/** A collector of given samples. */
function of(samples: readonly Sample[]) {
  return {
    samples: () => Readable.from(samples) as AsyncIterable<Sample>,
    close() {},
  };
}

/** Where a link leads; null: it is gone. */
function linkOf(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}

async function record(
  to: string,
  samples: readonly Sample[],
  rotation: ConstructorParameters<typeof RecordingCollector>[2],
  goesOn = false,
) {
  const recorder = new RecordingCollector(of(samples), to, rotation, goesOn);
  const found: Sample[] = [];
  try {
    for await (const sample of recorder.samples(pace)) found.push(sample);
  } finally {
    await recorder.close();
  }
  return found;
}

/** What the tool makes of it, in one format. */
const replay = async (file: string, ...words: string[]) => run(['replay', file, ...words]);

t.test('what is recorded is handed on untouched, and is for its owner alone', async (t) => {
  const samples = busySamples(3);
  const file = path.join(t.testdir(), 'recording');
  t.strictSame(await record(file, samples, null), samples);
  t.strictSame(read(file), samples);
  t.equal(statSync(file).mode & 0o777, 0o600);
});

t.test('neither a file that is there nor a link is written to', async (t) => {
  const dir = t.testdir({old: 'old'});
  const at = (name: string) => path.join(dir, name);
  symlinkSync(at('old'), at('link'));
  symlinkSync(at('elsewhere'), at('dangling'));
  for (const name of ['old', 'link', 'dangling'])
    t.throws(() => new RecordingCollector(of([]), at(name), null, false), {exitStatus: 1, message: /it is there already/});
  // On a screen too: nobody has seen it yet.
  await t.rejects(record(at('no/such'), busySamples(1), null, true), {exitStatus: 1, message: /open: ENOENT/});
  t.throws(() => new RecordingCollector(of([]), '/dev/full', null, false), {message: /it is there already/});
  t.equal(readFileSync(at('old'), 'utf8'), 'old');
  t.notOk(existsSync(at('elsewhere')));
});

t.test('where nothing could be read there is no file, nor for what comes after the end', async (t) => {
  const file = path.join(t.testdir(), 'recording');
  const recorder = new RecordingCollector(of(busySamples(1)), file, null, false);
  t.notOk(existsSync(file));
  await recorder.close();
  t.match(await recorder.samples(pace).next(), {done: true});
  t.notOk(existsSync(file));
});

t.test('what may not be written is not permitted', {skip: process.getuid?.() !== 0 && 'needs root'}, async (t) => {
  const file = path.join(t.testdir(), 'recording');
  process.seteuid?.(65_534);
  await t.rejects(record(file, busySamples(1), null), {exitStatus: 77, message: /open: EACCES/});
  process.seteuid?.(0);
});

t.test('a sample that is being written when it ends is whole', async (t) => {
  const progs = Array.from({length: 20_000}, (_, i) => ({id: i + 1, name: `prog_${i}`, runCnt: BigInt(i)}));
  const [samples, dir] = [[makeSample(1, progs)], t.testdir()];
  for (let i = 0; i < 10; i++) {
    const file = path.join(dir, String(i));
    const recorder = new RecordingCollector(of(samples), file, null, false);
    const put = recorder.samples(pace).next();
    while (!existsSync(file)) await setImmediate();
    await recorder.close();
    t.strictSame(read(file), samples);
    await put;
  }
});

t.test('whatever the moment of a signal, a recording has whole samples or is not there', {skip: kernelSkip}, async (t) => {
  const dir = t.testdir();
  for (let i = 0; i < 20; i++) {
    const file = path.join(dir, String(i));
    const child = start(['-d', '50ms', '--record', file, '--json']);
    // At any time of the start, and at once when it is there.
    if (i % 2 === 0) await sleep(15 * i);
    else while (!existsSync(file)) await setImmediate();
    child.kill(i % 3 === 0 ? 'SIGINT' : 'SIGTERM');
    await once(child, 'close');
    if (!existsSync(file)) continue;
    const decoder = new SampleDecoder();
    t.ok([...decoder.push(readFileSync(file))].length > 0, `run ${i}`);
    t.equal(decoder.unfinished, 0);
  }
});

t.test('a reader of its JSON that takes nothing does not keep it from its end', {skip: kernelSkip}, async (t) => {
  const file = path.join(t.testdir(), 'recording');
  const child = start(['-d', '50ms', '--record', file, '--json']);
  // More than a pipe holds: what is recorded stands still.
  let length = -1;
  while (!existsSync(file) || statSync(file).size !== length) {
    length = existsSync(file) ? statSync(file).size : -1;
    await sleep(500);
  }
  child.kill('SIGTERM');
  t.strictSame(await once(child, 'exit'), [143, null]);
  t.ok(read(file).length > 0);
});

t.test('nor does a reader of the recording', {skip: kernelSkip}, async (t) => {
  const fifo = path.join(t.testdir(), 'fifo');
  spawnSync('mkfifo', [fifo]);
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const stdout = openSync(fifo, constants.O_RDWR);
  t.teardown(() => [fd, stdout].forEach((each) => closeSync(each)));
  t.throws(
    () => {
      for (;;) writeSync(fd, 'x'.repeat(4096));
    },
    {code: 'EAGAIN'},
  );
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, toolPath, '--record', '-'], {
    stdio: ['ignore', stdout, 'ignore'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  // It reads: a signal no longer ends it on the spot.
  const fds = `/proc/${child.pid}/fd`;
  while (!readdirSync(fds).some((name) => linkOf(path.join(fds, name))?.includes('bpf-stats'))) await sleep(20);
  child.kill('SIGTERM');
  t.strictSame(await once(child, 'exit'), [143, null]);
});

t.test('what fails at its end is said, and the kernel is given back all the same', async (t) => {
  const file = path.join(t.testdir(), 'recording');
  let closed = 0;
  const recorder = new RecordingCollector({...of(busySamples(1)), close: () => void closed++}, file, null, false);
  for await (const sample of recorder.samples(pace)) t.ok(sample);
  // An fs that tells only now: the descriptor is not there any more.
  const name = readdirSync('/proc/self/fd').find((each) => each !== '0' && linkOf(`/proc/self/fd/${each}`) === file);
  closeSync(Number(name));
  await t.rejects(recorder.close(), {message: /^cannot record to .*recording: close: EBADF\. /});
  t.equal(closed, 1);
  await recorder.close();
});

t.test('rotated by size: each file can be read alone, none is larger, and the last ten are kept', async (t) => {
  const samples = busySamples(400);
  const file = path.join(t.testdir(), 'recording');
  const bytes = 500;
  await record(file, samples, {bytes, ms: null});
  const names = readdirSync(path.dirname(file));
  t.same(names.sort(), ['recording', ...Array.from({length: 9}, (_, i) => `recording.${i + 1}`)]);
  const found = names
    .map((name) => path.join(path.dirname(file), name))
    .reverse()
    .map((each) => ({length: statSync(each).size, mode: statSync(each).mode & 0o777, samples: read(each)}));
  t.ok(found.every(({length, mode}) => length <= bytes && mode === 0o600));
  const kept = found.flatMap((each) => each.samples);
  t.ok(kept.length > 10 && kept.length < samples.length);
  t.strictSame(kept, samples.slice(-kept.length), 'nothing is missing between two files');
});

t.test('rotated by time', async (t) => {
  const samples = busySamples(5);
  const file = path.join(t.testdir(), 'recording');
  await record(file, samples, {bytes: null, ms: 2000});
  t.same(
    ['.2', '.1', ''].map((end) => read(file + end).length),
    [2, 2, 1],
  );
});

t.test('an old file that somebody takes away is not missed', async (t) => {
  const samples = busySamples(12);
  const file = path.join(t.testdir(), 'recording');
  const recorder = new RecordingCollector(of(samples), file, {bytes: null, ms: 2000}, false);
  let seen = 0;
  for await (const sample of recorder.samples(pace)) if (sample && ++seen === 7) rmSync(`${file}.2`);
  await recorder.close();
  t.strictSame(read(file), samples.slice(-2));
  t.strictSame(read(`${file}.1`), samples.slice(-4, -2));
});

t.test('what lies where a rotated file would go is not replaced', async (t) => {
  const dir = t.testdir({'recording.3': 'precious'});
  const file = path.join(dir, 'recording');
  const rotation = {bytes: 1000, ms: null};
  t.throws(() => new RecordingCollector(of([]), file, rotation, false), {message: /recording\.3: it is there already/});
  t.same(readdirSync(dir), ['recording.3']);
  // Put there later.
  const recorder = new RecordingCollector(of(busySamples(400)), path.join(dir, 'other'), rotation, false);
  writeFileSync(path.join(dir, 'other.2'), 'precious');
  const readings = recorder.samples(pace);
  const toTheEnd = async () => {
    while (!(await readings.next()).done);
  };
  await t.rejects(toTheEnd(), {message: /other\.2: it is there already/});
  await recorder.close();
  t.equal(readFileSync(path.join(dir, 'other.2'), 'utf8'), 'precious');
});

t.test('on a screen samples go on when they cannot be recorded any more, with a word on it', async (t) => {
  const dir = t.testdir();
  const samples = busySamples(400);
  const recorder = new RecordingCollector(of(samples), path.join(dir, 'a'), {bytes: 1000, ms: null}, true);
  mkdirSync(path.join(dir, 'a.1'));
  const found: Sample[] = [];
  for await (const sample of recorder.samples(pace)) found.push(sample);
  await recorder.close();
  t.equal(found.length, samples.length);
  t.match(found.at(-1)?.warnings, [{code: 'recording_ended', message: /^the recording has ended: .*a\.1: it is there/}]);
  t.match(recorder.failure, {exitStatus: 1});
  t.strictSame(read(path.join(dir, 'a')), samples.slice(0, read(path.join(dir, 'a')).length));
});

t.test('a replay gives the documents that were written live, to the digit', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'recorded', loops: 30});
  const drive = setInterval(() => prog.run(1000), 10);
  t.teardown(() => clearInterval(drive));
  const file = path.join(t.testdir(), 'recording');
  const live = await run(['-n', '5', '-d', '100ms', '--record', file, '--json']);
  t.equal(live.status, 0);
  t.equal(live.stdout.trim().split('\n').length, 5);
  t.match(live.stdout, /"recorded"/);
  t.same(await replay(file, '--json'), {...live, stderr: ''});
});

t.test('alone it only records; a signal ends it with whole samples', {skip: kernelSkip}, async (t) => {
  const file = path.join(t.testdir(), 'recording');
  t.match(await run(['-n', '2', '-d', '50ms', '--record', file]), {status: 0, stdout: '', stderr: ''});
  t.equal(read(file).length, 3);
  const child = start(['-d', '50ms', '--record', `${file}2`]);
  while (!existsSync(`${file}2`) || statSync(`${file}2`).size === 0) await sleep(20);
  child.kill('SIGINT');
  t.equal((await once(child, 'exit'))[0], 130);
  const decoder = new SampleDecoder();
  t.ok([...decoder.push(readFileSync(`${file}2`))].length > 0);
  t.equal(decoder.unfinished, 0);
});

t.test('killed, it leaves what can be replayed', {skip: kernelSkip}, async (t) => {
  const file = path.join(t.testdir(), 'recording');
  const child = start(['-d', '50ms', '--record', file]);
  const samples = () => (existsSync(file) ? read(file).length : 0);
  while (samples() < 4) await sleep(20);
  child.kill('SIGKILL');
  await once(child, 'exit');
  const {status, stdout} = await replay(file, '--json');
  t.equal(status, 0);
  t.equal(stdout.trim().split('\n').length, samples() - 1);
});

t.test('a full disk is said, and what fitted can be replayed', {skip: kernelSkip}, (t) => {
  const dir = t.testdir();
  // In a mount namespace of its own, which is filled up when a whole period is there, however many programs this host has.
  const script = `mount -t tmpfs -o size=64m none ${dir}
    { "$0" "$1" -d 50ms --record ${dir}/recording; echo "recorder: $?"; } &
    until "$0" "$1" replay ${dir}/recording --json 2>/dev/null | grep -q .; do :; done
    cat /dev/zero > ${dir}/fill 2>/dev/null
    wait; "$0" "$1" replay ${dir}/recording --json | wc -l`;
  const {stdout, stderr} = spawnSync(
    'env',
    ['-u', 'NODE_OPTIONS', 'unshare', '-m', 'sh', '-c', script, process.execPath, toolPath],
    {encoding: 'utf8'},
  );
  const [, status, documents] = /recorder: (\d+)\n\s*(\d+)/.exec(stdout) ?? [];
  t.equal(status, '1', stderr);
  t.ok(Number(documents) > 0);
  t.match(stderr, /^bpftop-ts: cannot record to \S+: write: ENOSPC\. Make room there/);
  t.equal(stderr.trim().split('\n').length, 1, 'and the replay finds nothing cut off');
  t.end();
});

t.test('a pipe whose reader goes away ends it quietly; a terminal is no place for it', {skip: kernelSkip}, async (t) => {
  const child = start(['-d', '50ms', '--record', '-']);
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  await once(child.stdout, 'data');
  child.stdout.destroy();
  t.equal((await once(child, 'close'))[0], 0);
  t.equal(stderr, '');
  t.match(await run(['--record', '-', '--json']), {status: 2, stderr: /cannot be used with --format/});
});

t.test('a pipe that stalls holds it up, and it goes on', {skip: kernelSkip}, async (t) => {
  const child = start(['-d', '50ms', '--record', '-']);
  t.teardown(() => child.kill('SIGKILL'));
  const decoder = new SampleDecoder();
  let last: Sample | undefined;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    const samples = [...decoder.push(chunk)];
    if (samples.length > 0 && last) {
      t.ok((samples.at(-1) as Sample).timeNs > last.timeNs);
      break;
    }
    last ??= samples.at(-1);
    await sleep(300);
  }
  t.equal(child.exitCode, null);
});

t.test('recordings one after the other, as --rotate leaves them', async (t) => {
  const samples = busySamples(4);
  const file = path.join(t.testdir(), 'both');
  writeFileSync(file, Buffer.concat([recordingOf(samples.slice(0, 2)), recordingOf(samples.slice(2))]));
  t.equal((await replay(file, '--json')).stdout.trim().split('\n').length, 3);
  t.ok(lstatSync(file).isFile());
});
