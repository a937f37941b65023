/** What hangs is said, and by its name: the kernel, or the disk that is recorded to. The waits are real ones. */
import {readFileSync} from 'node:fs';
import {type FileHandle, open} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import t, {type Test} from 'tap';
import {parseOptions} from '../../src/cli/options.js';
import {RecordingCollector, recordOnly} from '../../src/cli/record.js';
import {runServe} from '../../src/cli/serve.js';
import {writeSamples} from '../../src/cli/stream.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {waitFor} from '../../src/collectors/late.js';
import {Pace} from '../../src/collectors/pace.js';
import {SampleDecoder} from '../../src/sample/codec.js';
import {FakeKernel, installFakeAddon} from '../helpers/fake-addon.js';
import {makeSample} from '../helpers/samples.js';

/** Waits for what is true sooner or later. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(50);
}

/** Until the test ends, readings don't. */
function stuckKernel(t: Test): void {
  const kernel = new FakeKernel();
  kernel.fail('sample', {syscall: 'read(bpf_iter)', code: 'never'});
  installFakeAddon(kernel);
  t.teardown(() => kernel.mend());
}

const chosen = (...args: string[]) =>
  parseOptions(
    args,
    () => ({}),
    (problem) => t.fail(problem),
  ) as never;

/** From now on writing to a file takes until `go`. */
async function hangingFiles(t: Test): Promise<() => void> {
  const some = await open(import.meta.filename);
  const proto = Object.getPrototypeOf(some) as {write: (this: FileHandle, ...args: never[]) => Promise<unknown>};
  await some.close();
  const {write} = proto;
  t.teardown(() => (proto.write = write));
  return new Promise((resolve) => {
    const hangs = new Promise<void>((go) => resolve(go));
    proto.write = async function (...args) {
      await hangs;
      return write.apply(this, args);
    };
  });
}

t.test('every second, from the third on, until it is done', async (t) => {
  const told: unknown[] = [];
  let done: (value: string) => void = () => {};
  const work = new Promise<string>((resolve) => (done = resolve));
  const late = (sentence: string, again: boolean) => {
    if (told.push([sentence, again]) === 2) done('done');
  };
  t.equal(await waitFor(work, String, late), 'done');
  t.same(told, [
    ['3', false],
    ['4', true],
  ]);
  await sleep(1500);
  t.equal(told.length, 2);
  await t.rejects(waitFor(Promise.reject(new Error('no')), String, late), {message: 'no'});
});

t.test('a disk that does not take the recording: it is that, and not the kernel, and the end waits for it', async (t) => {
  const go = await hangingFiles(t);
  const file = path.join(t.testdir({}), 'f.rec');
  const from = {
    async *samples() {
      yield await Promise.resolve(makeSample(1, [{id: 1}]));
    },
    close() {},
  };
  const recorder = new RecordingCollector(from, file, null, true);
  const told: string[] = [];
  const stop = new AbortController();
  const first = recorder.samples(new Pace(1000), stop.signal, (sentence) => told.push(sentence)).next();
  await until(() => told.length > 0);
  const sentence = `${file} has not taken what is recorded for 3 s. Its disk may hang.`;
  t.equal(told[0], sentence);
  stop.abort();
  t.equal((await first).done, true);
  const stderr = t.capture(process.stderr, 'write');
  const closed = recorder.close();
  const said: unknown[] = [];
  await until(() => (said.push(...stderr().map(({args}) => args[0])), said.length > 0));
  t.same(said, [`bpftop-ts: ${sentence} Ctrl-C does not wait for it.\n`]);
  go();
  await closed;
  t.equal([...new SampleDecoder().push(readFileSync(file))].length, 1, 'and is whole');
});

for (const [what, begin] of [
  [
    'a script',
    () =>
      writeSamples(new KernelCollector({enableStats: true}), chosen('--format', 'prometheus', '--output', '/no/such/file')),
  ],
  ['a recording', () => record('/no/such/file')],
  ['the exporter', () => runServe(chosen('serve', '--no-owners'))],
] as const)
  t.test(`the first reading of ${what}: it is said once, and a signal ends it`, async (t) => {
    stuckKernel(t);
    const stderr = t.capture(process.stderr, 'write');
    const said: unknown[] = [];
    const ended = begin();
    await until(() => (said.push(...stderr().map(({args}) => args[0])), said.length > 0));
    t.same(said, ['bpftop-ts: the kernel has not answered for 3 s. Its log (dmesg) may say why.\n']);
    process.emit('SIGTERM', 'SIGTERM');
    t.equal(await ended, 128 + 15);
  });

async function record(file: string): Promise<number> {
  const collector = new RecordingCollector(new KernelCollector({enableStats: true}), file, null, false);
  try {
    return await recordOnly(collector, chosen('--record', file));
  } finally {
    await collector.close();
  }
}
