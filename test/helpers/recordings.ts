/** Samples at random, with every value and every absence that they can have, for tests of recordings. */
import {measure} from '../../src/model/measure.js';
import {toJson} from '../../src/output/json.js';
import {crc32} from '../../src/sample/bytes.js';
import type {ProgLink} from '../../src/sample/links.js';
import type {ProgMap} from '../../src/sample/maps.js';
import type {ProgNames} from '../../src/sample/names.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import type {ProgPin} from '../../src/sample/pins.js';
import {mapSources, type Reading, type SourceFacts, type SourceName, type Sources} from '../../src/sample/sources.js';
import type {ProgInfo, Sample} from '../../src/sample/types.js';
import {SampleEncoder} from '../../src/sample/codec.js';
import type {Random} from './random.js';
import {makeSample, progInfo} from './samples.js';

/** So many samples of one host, each following from the one before as those of a collector do. */
export function randomSamples(random: Random, count: number): Sample[] {
  const {below, pick} = random;
  const maybe = <T>(value: () => T): T | null => (below(3) === 0 ? null : value());
  const size = () => pick([0, 1, below(100), below(2 ** 31), 2 ** 53 - 1]);
  const u64 = () => pick([0n, 1n, BigInt(below(2 ** 31)), 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]);
  const text = () => pick(['', 'a', 'prog_x', 'über\u001b[31m', '程序', '\u0000', 'x'.repeat(below(300))]);
  const several = <T>(most: number, one: () => T): T[] => Array.from({length: below(most + 1)}, one);
  const facts: {readonly [Name in SourceName]: () => SourceFacts[Name]} = {
    owners: (): ProgOwner => ({
      pid: below(2 ** 22),
      comm: maybe(text),
      cmdline: maybe(() => several(3, text)),
      via: pick(['prog', 'link', 'map']),
      cgroup: maybe(text),
      unit: maybe(text),
      containerId: maybe(text),
      container: maybe(text),
      pod: maybe(text),
      namespace: maybe(text),
    }),
    links: (): ProgLink => ({
      linkId: maybe(size),
      type: text(),
      attachType: maybe(text),
      target: maybe(text),
      missed: maybe(size),
    }),
    pins: (): ProgPin => ({path: text(), via: pick(['prog', 'link'])}),
    maps: (): ProgMap => ({
      ...{id: size(), name: text(), type: text(), maxEntries: size()},
      ...{entries: maybe(size), bytesMemlock: maybe(size)},
    }),
    names: (): ProgNames => ({
      ...{fullName: maybe(text), attachFuncName: maybe(text)},
      tailCallers: several(3, () => ({id: size(), name: text()})),
    }),
  };
  const warning = () => ({code: text(), message: text()});
  const ids = () => several(6, () => below(40));
  const newReading = <T>(one: () => T): Reading<T> => ({
    byProg: maybe(() => new Map(ids().map((id) => [id, several(3, one)]))),
    complete: below(2) === 0,
    ...(below(2) === 0 && {untold: new Set(ids())}),
    ...{warning: maybe(warning), timeNs: u64(), durationNs: size()},
  });
  const nextReading = <T>(before: Reading<T> | null, one: () => T) =>
    pick([() => before, () => before, () => newReading(one), () => null])();
  const newInfo = (id: number): ProgInfo =>
    progInfo({
      ...{id, type: below(40), name: text(), loadTimeNs: u64(), loadedAt: size(), uid: below(2 ** 32)},
      ...{gplCompatible: below(2) === 0, bytesXlated: size(), bytesJited: size(), bytesMemlock: maybe(size)},
      ...{verifiedInsns: maybe(size), btfId: maybe(size), mapIds: maybe(() => several(4, size))},
      ...{sleepable: pick([true, false, null]), attachType: maybe(size), attachBtfId: maybe(size), self: below(2) === 0},
    });
  const host = {
    ...{hostname: text(), kernelRelease: text(), arch: text(), cpusOnline: below(512)},
    bootId: maybe(text),
  };

  const samples: Sample[] = [];
  let sources: Sources = mapSources(() => null);
  let progs: readonly ProgInfo[] = [];
  for (let i = 0; i < count; i++) {
    sources = {
      owners: nextReading(sources.owners, facts.owners),
      links: nextReading(sources.links, facts.links),
      pins: nextReading(sources.pins, facts.pins),
      maps: nextReading(sources.maps, facts.maps),
      names: nextReading(sources.names, facts.names),
    };
    if (below(2) === 0) {
      const there = new Map(progs.filter(() => below(4) > 0).map((info) => [info.id, info]));
      // Sometimes in the place of one that had the same id.
      for (const id of ids()) if (!there.has(id) || below(2) === 0) there.set(id, newInfo(id));
      progs = [...there.values()].sort((a, b) => a.id - b.id);
    }
    const counters = () => BigUint64Array.from(progs, u64);
    samples.push({
      host,
      takenAt: pick([0, below(2 ** 31), 8.64e15, -1]),
      timeNs: u64(),
      durationNs: size(),
      selfCpuNs: below(2 ** 31),
      sampler: pick(['iterator', 'walk']),
      shared: below(2) === 0,
      fallbackReason: maybe(text),
      stats: pick(['off', 'enabled_here', 'already_on']),
      statsCostNs: maybe(size),
      warnings: several(2, warning),
      progs: {
        info: progs,
        sources,
        runTimeNs: counters(),
        runCnt: counters(),
        recursionMisses: maybe(counters),
        hottestCpu: Int32Array.from(progs, () => pick([-1, 0, below(512), 2 ** 31 - 1, -(2 ** 31)])),
        hottestPct: Uint8Array.from(progs, () => below(256)),
      },
    });
  }
  return samples;
}

/** A recording of them. */
export function recordingOf(samples: readonly Sample[]): Buffer {
  const encoder = new SampleEncoder();
  return Buffer.concat(samples.map((sample) => encoder.encode(sample)));
}

/** Two busy programs and an idle one, once a second for so many seconds. */
export function busySamples(seconds: number): Sample[] {
  const samples = Array.from({length: seconds}, (_, i) => {
    const runs = BigInt(i * 1000);
    return makeSample(100 + i, [
      {id: 5, name: 'alpha', type: 6, runCnt: runs, runTimeNs: 100n * runs},
      {id: 7, name: 'beta', type: 3, runCnt: 2n ** 60n + 3n * runs, runTimeNs: 2n ** 63n + 900n * runs},
      {id: 12, name: 'idle', type: 6},
    ]);
  });
  // One host, and one object a program, as a collector gives them.
  const {host, progs} = samples[0] as Sample;
  return samples.map((sample) => ({...sample, host, progs: {...sample.progs, info: progs.info}}));
}

/** A record of these bytes, whatever they are, with sums that fit. */
export function recordOf(type: number, packed: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(packed.length, 0);
  head.writeUInt8(type, 4);
  head.writeUInt32LE(crc32(head.subarray(0, 5)), 5);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(crc32(packed));
  return Buffer.concat([head, packed, tail]);
}

/** What --json prints of them, a document a sample but the first. */
export function documentsOf(samples: readonly Sample[], indent = 0): string[] {
  return samples.slice(1).map((sample, i) => {
    const measured = measure(sample, samples[i] as Sample);
    return `${toJson(measured, measured.progs, null, {version: '1.2.3', indent})}\n`;
  });
}
