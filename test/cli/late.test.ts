/** What hangs is said, and by its name: the kernel, or the disk that is recorded to. The waits are real ones. */
import {type FileHandle, open} from 'node:fs/promises';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import t, {type Test} from 'tap';
import {parseOptions} from '../../src/cli/options.js';
import {RecordingCollector} from '../../src/cli/record.js';
import {runServe} from '../../src/cli/serve.js';
import {writeSamples} from '../../src/cli/stream.js';
import {type Collector, KernelCollector} from '../../src/collectors/kernel.js';
import {waitFor} from '../../src/collectors/late.js';
import {Pace} from '../../src/collectors/pace.js';
import {FakeKernel, installFakeAddon} from '../helpers/fake-addon.js';
import {makeSample} from '../helpers/samples.js';

/** It is said after 3 s. */
const longEnoughMs = 5200;

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
  const work = sleep(longEnoughMs, 'done');
  t.equal(await waitFor(work, String, (sentence, again) => told.push([sentence, again])), 'done');
  t.same(told.slice(0, 2), [
    ['3', false],
    ['4', true],
  ]);
  const all = told.length;
  await sleep(1100);
  t.equal(told.length, all);
  await t.rejects(
    waitFor(Promise.reject(new Error('no')), String, () => {}),
    {message: 'no'},
  );
});

t.test('a disk that does not take the recording: it is that, and not the kernel', async (t) => {
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
  const first = recorder.samples(new Pace(1000), undefined, (sentence) => told.push(sentence)).next();
  await sleep(longEnoughMs);
  t.equal(told[0], `${file} has not taken what is recorded for 3 s. Its disk may hang.`);
  go();
  t.equal((await first).done, false);
  await recorder.close();
});

t.test('the first reading, of a script and of the exporter: once, and a signal ends it', async (t) => {
  const kernel = new FakeKernel();
  kernel.fail('sample', {syscall: 'read(bpf_iter)', code: 'never'});
  installFakeAddon(kernel);
  const chosen = (...args: string[]) =>
    parseOptions(
      args,
      () => ({}),
      (problem) => t.fail(problem),
    ) as never;
  const stderr = t.capture(process.stderr, 'write');
  const told = async () => {
    await sleep(longEnoughMs);
    return stderr().map(({args}) => args[0]);
  };
  const sentence = 'bpftop-ts: the kernel has not answered for 3 s. Its log (dmesg) may say why.\n';
  const collector = new KernelCollector({enableStats: true});
  const first: Collector = {
    async *samples(...args) {
      await collector
        .samples(...args)
        [Symbol.asyncIterator]()
        .next();
    },
    close() {},
  };
  const written = writeSamples(first, chosen('--json'));
  t.same(await told(), [sentence]);
  const served = runServe(chosen('serve', '--no-owners'));
  t.same(await told(), [sentence]);
  process.emit('SIGTERM', 'SIGTERM');
  t.equal(await served, 128 + 15);
  kernel.mend();
  await t.rejects(written, {message: /one reading alone/});
});
