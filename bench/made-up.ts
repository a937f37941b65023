/** Programs that are not there, with all that is known of programs, for measuring what is made of them. */
import type {Found} from '../src/sample/sources.js';
import type {Sample} from '../src/sample/types.js';
import type {Random} from '../test/helpers/random.js';
import {progInfo} from '../test/helpers/samples.js';

/** Readings between two looks of the slow sources. */
const lookEvery = 30;

/**
 * @returns what gives one sample after the other, as of that second; `busy`: every program has run since the one before, in a pattern, or
 * as `chance` has it.
 */
export function madeUpSamples(count: number, chance?: Random): (seconds: number, busy: boolean) => Sample {
  const info = Array.from({length: count}, (_, i) => {
    const id = i + 1;
    return progInfo({id, key: `${id}/1/${i}`, type: i % 2 ? 3 : 6, name: `bench_${i}`, loadTimeNs: 1n, mapIds: [id]});
  });

  /** A look at a source as of that second; the lists are new ones each time, as a look's are. */
  function look<T>(seconds: number, of: (id: number) => T) {
    const found: Found<T> = {byProg: new Map(info.map(({id}) => [id, [of(id)]])), complete: true, warning: null};
    return {...found, timeNs: BigInt(seconds) * 1_000_000_000n, durationNs: 1e6};
  }

  function lookAround(seconds: number): Sample['progs']['sources'] {
    return {
      owners: look(seconds, (id) => ({
        pid: 1000 + (id % 100),
        comm: `agent-${id % 100}`,
        cmdline: ['agent', '--all'],
        via: 'prog' as const,
        cgroup: '/',
        unit: null,
        containerId: null,
        container: null,
        pod: `agent-x${id % 100}`,
        namespace: 'kube-system',
      })),
      links: look(seconds, (id) => ({linkId: id, type: 'xdp', attachType: 'xdp', target: `lxc${id}`, missed: null})),
      pins: look(seconds, (id) => ({path: `/sys/fs/bpf/prog_${id}`, via: 'prog' as const})),
      maps: look(seconds, (id) => ({
        id,
        name: `map_${id}`,
        type: 'hash',
        maxEntries: 100,
        entries: 5,
        bytesMemlock: 4096,
      })),
      names: look(seconds, (id) => ({fullName: `bench_${id}_in_full`, attachFuncName: null, tailCallers: []})),
    };
  }

  /** Counters of the last sample; what a program adds varies from sample to sample. */
  let runTimeNs = new BigUint64Array(count);
  let runCnt = new BigUint64Array(count);
  let sources = lookAround(0);

  return (seconds, busy) => {
    runTimeNs = runTimeNs.slice();
    runCnt = runCnt.slice();
    for (let i = 0; busy && i < count; i++) {
      const runs = 1 + (chance ? chance.below(10_000) : (i * 7 + seconds * 3) % 23);
      runCnt[i]! += BigInt(runs);
      runTimeNs[i]! += BigInt(runs * (100 + (chance ? chance.below(1000) : ((i + seconds) % 50) * 20)));
    }
    if (seconds % lookEvery === 0) sources = lookAround(seconds);
    return {
      host: {hostname: 'web-3', kernelRelease: '6.18.44', arch: 'x86_64', cpusOnline: 2, bootId: null},
      takenAt: Date.UTC(2026, 0, 31) + seconds * 1000,
      timeNs: BigInt(seconds) * 1_000_000_000n,
      durationNs: 500_000,
      selfCpuNs: seconds * 1e7,
      sampler: 'iterator',
      shared: false,
      fallbackReason: null,
      stats: 'enabled_here',
      statsCostNs: null,
      warnings: [],
      progs: {
        ...{info, sources, runTimeNs, runCnt, recursionMisses: new BigUint64Array(count)},
        ...{hottestCpu: new Int32Array(count), hottestPct: new Uint8Array(count).fill(50)},
      },
    };
  };
}
