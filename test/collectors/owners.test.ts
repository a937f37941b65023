import t from 'tap';
import type {NativeBpf, NativeHolders, NativeSample} from '../../src/addon.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {OwnersCollector} from '../../src/collectors/owners.js';
import {SlowSource} from '../../src/collectors/slow-source.js';

/** An addon that finds no programs, and how often it was asked. */
function fakeBpf() {
  const calls = {samples: 0};
  const sample: NativeSample = {
    ...{timeNs: 1n, realtimeNs: 1n, durationNs: 1, sampler: 'walk', readBy: null, pinned: false, fallbackReason: null},
    ...{stats: 'off', statsError: null, statsCostNs: null, ids: new Uint32Array(0), runTimeNs: new BigUint64Array(0)},
    ...{runCnt: new BigUint64Array(0), recursionMisses: null, hottestCpu: new Int32Array(0), hottestPct: new Uint8Array(0)},
    appeared: [],
  };
  class Sampler {
    sample(): Promise<NativeSample> {
      calls.samples++;
      return Promise.resolve({...sample, timeNs: BigInt(calls.samples)});
    }
    close(): void {}
  }
  return {calls, bpf: {Sampler} as Pick<NativeBpf, 'Sampler'>};
}

t.test('the counters are read on while a look at the owners is under way', async (t) => {
  let looks = 0;
  let answer: (held: Error) => void = () => undefined;
  // The iterator or, where that isn't asked, the reading of /proc/PID/fd: neither is waited for.
  const files = {
    read: () => {
      looks++;
      return new Promise<NativeHolders>((_, reject) => (answer = reject));
    },
    close: () => undefined,
  };
  const owners = new OwnersCollector('/', files);
  const {calls, bpf} = fakeBpf();
  let ended = 0;
  const source = new SlowSource('owners', async (progs) => {
    const found = owners.read(progs);
    await held;
    return found.finally(() => ended++);
  });
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const collector = new KernelCollector({enableStats: false}, bpf, {owners: source});
  for (let i = 1; i <= 3; i++) {
    const {progs} = await collector.sample();
    t.equal(calls.samples, i);
    t.equal(progs.sources.owners, null, 'nobody has looked to the end');
    t.equal(ended, 0);
  }
  t.ok(looks <= 1, 'one look, however many samples');
  answer(Object.assign(new Error('bpf(BPF_MAP_CREATE): EPERM'), {code: 'EPERM', syscall: 'bpf(BPF_MAP_CREATE)', errno: -1}));
  release();
  const {byProg, warning} = await source.settled(60_000);
  t.equal(ended, 1);
  t.ok(byProg);
  t.equal(warning, null, 'that the iterator was refused is nothing to warn of');
  t.ok((await collector.sample()).progs.sources.owners?.byProg);
  t.equal(calls.samples, 4);
});
