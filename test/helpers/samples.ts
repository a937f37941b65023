/** Samples made by hand, for everything behind the collectors. */
import type {ProgMap} from '../../src/sample/maps.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import {noSources, type Reading} from '../../src/sample/sources.js';
import type {ProgInfo, Sample} from '../../src/sample/types.js';

export type ProgSpec = Partial<ProgInfo> & {
  readonly id: number;
  readonly runTimeNs?: bigint;
  readonly runCnt?: bigint;
  /** null, of any: this kernel doesn't count them. */
  readonly recursionMisses?: bigint | null;
  readonly hottestCpu?: number;
};

/** Who holds a program, with plain values where the test doesn't care. */
export function owner(rest: Partial<ProgOwner> = {}): ProgOwner {
  // One shape for all of them, as the collector gives them.
  return {
    pid: 77,
    comm: 'agent',
    cmdline: ['agent', '--all'],
    via: 'prog',
    cgroup: '/',
    unit: null,
    containerId: null,
    container: null,
    pod: null,
    namespace: null,
    ...rest,
  };
}

/** A map, with plain values where the test doesn't care. */
export function progMap(rest: Partial<ProgMap> & {readonly id: number}): ProgMap {
  return {name: `map_${rest.id}`, type: 'hash', maxEntries: 10, entries: 5, bytesMemlock: 4096, ...rest};
}

/** What one look found, complete unless told otherwise. */
export function reading<T>(byProg: Record<number, readonly T[]>, rest: Partial<Reading<T>> = {}): Reading<T> {
  const found = new Map(Object.entries(byProg).map(([id, each]) => [Number(id), each]));
  return {byProg: found, complete: true, warning: null, timeNs: 2_000_000_000n, durationNs: 1_000_000, ...rest};
}

/** Static information with plain values where the test doesn't care. */
export function progInfo(spec: Partial<ProgInfo> & {readonly id: number}): ProgInfo {
  const {id, loadTimeNs = 1_000_000_000n, tag = id.toString(16).padStart(16, '0')} = spec;
  return {
    key: `${id}/${loadTimeNs}/${tag}`,
    type: 6,
    name: `prog_${id}`,
    tag,
    loadTimeNs,
    loadedAt: 1_767_225_600,
    uid: 0,
    gplCompatible: true,
    bytesXlated: 64,
    bytesJited: 120,
    bytesMemlock: 4096,
    verifiedInsns: 8,
    btfId: null,
    mapIds: [],
    sleepable: false,
    attachType: 0,
    attachBtfId: null,
    self: false,
    ...spec,
    id,
  };
}

/** A sample at `seconds` after boot, of these programs (in ascending id order). */
export function makeSample(seconds: number, progs: readonly ProgSpec[], rest: Partial<Sample> = {}): Sample {
  return {
    host: {hostname: 'web-3', kernelRelease: '6.18.44', arch: 'x86_64', cpusOnline: 2, bootId: '0f5c…'},
    takenAt: Date.UTC(2026, 0, 31, 12) + seconds * 1000,
    timeNs: BigInt(Math.round(seconds * 1e9)),
    durationNs: 500_000,
    selfCpuNs: seconds * 1e7,
    sampler: 'walk',
    shared: false,
    fallbackReason: null,
    stats: 'enabled_here',
    statsCostNs: null,
    warnings: [],
    progs: {
      info: progs.map(({runTimeNs, runCnt, recursionMisses, hottestCpu, ...info}) => progInfo(info)),
      sources: noSources,
      runTimeNs: BigUint64Array.from(progs, (each) => each.runTimeNs ?? 0n),
      runCnt: BigUint64Array.from(progs, (each) => each.runCnt ?? 0n),
      recursionMisses: progs.some((each) => each.recursionMisses === null)
        ? null
        : BigUint64Array.from(progs, (each) => each.recursionMisses ?? 0n),
      hottestCpu: Int32Array.from(progs, (each) => each.hottestCpu ?? -1),
      hottestPct: Uint8Array.from(progs, (each) => (each.hottestCpu === undefined ? 0 : 100)),
    },
    ...rest,
  };
}
