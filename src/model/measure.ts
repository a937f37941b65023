/**
 * measure(sample, previous) turns two readings into what anyone shows: increases, rates, totals, what came and went. Pure, and
 * the only place that computes a rate. One merge of two lists in id order; the cost is that of one object a program.
 */
import type {ProgLink} from '../sample/links.js';
import type {ProgMap} from '../sample/maps.js';
import type {ProgNames} from '../sample/names.js';
import type {ProgOwner} from '../sample/owners.js';
import type {ProgPin} from '../sample/pins.js';
import {mapSources, type Reading, type SourceFacts, type SourceName, sourceNames} from '../sample/sources.js';
import type {ProgColumns, ProgInfo, Sample, Warning} from '../sample/types.js';
import {printable} from './printable.js';
import {shownName} from './prog-name.js';

/**
 * What statistics add to every run while they are on, ns, where it was not timed on the host itself. Measured on Linux 6.18 (x86-64): a
 * socket filter took 26 ns without and 94 ns with them, XDP 21 and 93.
 */
export const documentedStatsCostNs = 70;

/** One list for all: what is made from a list can be kept with it. */
const nothing: readonly never[] = [];

/** A program as one pair of readings shows it. Every null means: not known, see the field. */
export class MeasuredProg {
  readonly info: ProgInfo;
  /** Not in the reading before this one. Never true in the first. */
  readonly isNew: boolean;
  /**
   * Increase since the previous reading, ns; exact (below 2^53 up to 104 CPU-days in one period). Null on first sight, except
   * for a program loaded after the previous reading; after a counter went backwards; unless statistics were on at both.
   */
  readonly periodRunTimeNs: number | null;
  /** Runs since the previous reading; null as above. */
  readonly periodRunCnt: number | null;
  /**
   * Runs since the previous reading that did not happen, because the program was running on that CPU already. Counted whether
   * statistics are on or off; null on first sight (as above), after it went backwards, and where the kernel doesn't count them.
   */
  readonly periodRecursionMisses: number | null;
  /** periodRunTimeNs / periodRunCnt, ns; null also when it did not run. */
  readonly avgRunTimeNs: number | null;
  /** Runs a second; null as periodRunCnt. */
  readonly eventsPerSec: number | null;
  /** Per cent of one CPU; null as periodRunTimeNs, and for sleepable programs, whose run time is wall time. */
  readonly cpuPct: number | null;
  readonly #columns: ProgColumns;
  readonly #index: number;
  readonly #increase: Increase | null;
  /** What its increases and rates are measured over, ns; 0: nothing was read before. */
  readonly periodNs: number;
  readonly #timeNs: bigint;

  /** @param timeNs the sample's. */
  constructor(
    columns: ProgColumns,
    index: number,
    timeNs: bigint,
    isNew: boolean,
    increase: Increase | null,
    missed: number | null,
    periodNs: number,
  ) {
    const info = columns.info[index] as ProgInfo;
    this.info = info;
    this.isNew = isNew;
    this.#columns = columns;
    this.#index = index;
    this.#increase = increase;
    this.periodNs = periodNs;
    this.#timeNs = timeNs;
    this.periodRunTimeNs = increase && increase.runTimeNs;
    this.periodRunCnt = increase && increase.runCnt;
    this.periodRecursionMisses = missed;
    this.avgRunTimeNs = increase && increase.runCnt > 0 ? increase.runTimeNs / increase.runCnt : null;
    this.eventsPerSec = increase && perSecond(increase.runCnt, periodNs);
    this.cpuPct = increase && info.sleepable !== true ? percent(increase.runTimeNs, periodNs) : null;
  }

  /** The same program without its sample: to be kept when the sample, with all other programs, is let go. */
  detached(): MeasuredProg {
    const at = this.#index;
    const columns: ProgColumns = {
      info: [this.info],
      sources: mapSources((name) => readingOf(this.#columns.sources[name], this.info.id)),
      runTimeNs: this.#columns.runTimeNs.slice(at, at + 1),
      runCnt: this.#columns.runCnt.slice(at, at + 1),
      recursionMisses: this.#columns.recursionMisses && this.#columns.recursionMisses.slice(at, at + 1),
      hottestCpu: this.#columns.hottestCpu.slice(at, at + 1),
      hottestPct: this.#columns.hottestPct.slice(at, at + 1),
    };
    return new MeasuredProg(columns, 0, this.#timeNs, this.isNew, this.#increase, this.periodRecursionMisses, this.periodNs);
  }

  /** The same program as one that went: with its counters, and no rates. */
  withoutRates(): MeasuredProg {
    return new MeasuredProg(this.#columns, this.#index, this.#timeNs, false, null, null, 0);
  }

  /** Who holds it, pids ascending; empty: no process does (a pin, the kernel, a link's target). null: not known. */
  get owners(): readonly ProgOwner[] | null {
    return this.#known('owners');
  }
  /** What it is attached to, link ids ascending; null: not known. */
  get links(): readonly ProgLink[] | null {
    return this.#known('links');
  }
  /** Where it is pinned, or a link of it; null: not known. */
  get pins(): readonly ProgPin[] | null {
    return this.#known('pins');
  }
  /** The maps it uses, in the order it refers to them; null: not known. */
  get maps(): readonly ProgMap[] | null {
    return this.#known('maps');
  }
  /** In full where that is known, else the kernel's, at most 15 bytes; empty when it has none. From the host: hostile. */
  get name(): string {
    return this.names?.fullName ?? this.info.name;
  }
  /** What BTF and arrays of programs tell of it; null: nothing, or not known. */
  get names(): ProgNames | null {
    return this.#known('names')?.[0] ?? null;
  }
  /**
   * Where its runs and their time are counted, if not in itself: in the `target` whose function it replaces (freplace), or, of a program that
   * never ran, hangs on nothing and can be tail called, in the `caller`. null: in itself, as far as is known.
   */
  get countedIn(): 'target' | 'caller' | null {
    if (this.info.type === ext) return 'target';
    const canBeCalled = this.runCnt === 0n && !this.links?.length && (this.names?.tailCallers.length ?? 0) > 0;
    return canBeCalled ? 'caller' : null;
  }
  #known<Name extends SourceName>(name: Name): readonly SourceFacts[Name][] | null {
    return factsOf<SourceFacts[Name]>(this.#columns.sources[name], this.info);
  }
  /** Since it was loaded, ns, when the sample was taken. */
  get ageNs(): number {
    // It may have been loaded while the sample was being read.
    return Math.max(0, Number(this.#timeNs - this.info.loadTimeNs));
  }
  /** The kernel's counter: ns since the program was loaded, while statistics were on. */
  get runTimeNs(): bigint {
    return this.#columns.runTimeNs[this.#index] as bigint;
  }
  /** The kernel's counter: runs since the program was loaded, while statistics were on. */
  get runCnt(): bigint {
    return this.#columns.runCnt[this.#index] as bigint;
  }
  /** The kernel's counter: runs that did not happen, because the program was running on that CPU already. Null before Linux 5.12. */
  get recursionMisses(): bigint | null {
    return this.#columns.recursionMisses && (this.#columns.recursionMisses[this.#index] as bigint);
  }
  /** The CPU with the largest share of its run time since it was loaded; null when it never ran or the sampler can't tell. */
  get hottestCpu(): number | null {
    const cpu = this.#columns.hottestCpu[this.#index] as number;
    return cpu >= 0 ? cpu : null;
  }
  /** Average over the program's life, ns; null when it never ran. */
  get totalAvgRunTimeNs(): number | null {
    const runs = this.runCnt;
    return runs > 0n ? Number(this.runTimeNs) / Number(runs) : null;
  }
}

/** BPF_PROG_TYPE_EXT */
const ext = 28;

/** What a look told of a program; empty: there is none. null: it does not tell. */
export function factsOf<T>(reading: Reading<T> | null, {id, loadTimeNs}: ProgInfo): readonly T[] | null {
  if (!reading?.byProg) return null;
  const found = reading.byProg.get(id);
  if (found) return found;
  const knew = reading.complete && loadTimeNs < reading.timeNs && !reading.untold?.has(id);
  return knew ? nothing : null;
}

/** What of a look is about one program. */
function readingOf<T>(reading: Reading<T> | null, id: number): Reading<T> | null {
  if (!reading) return null;
  const found = reading.byProg?.get(id);
  const untold = new Set(reading.untold?.has(id) ? [id] : []);
  return {...reading, byProg: reading.byProg && new Map(found && [[id, found]]), untold};
}

/** Sums over many programs, whatever filter or limit. Rates are over those programs that have one; null when none can have any. */
export interface Totals {
  readonly programs: number;
  /** Per cent of one CPU; sleepable programs are not in it. */
  readonly cpuPct: number | null;
  readonly eventsPerSec: number | null;
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  readonly periodRunTimeNs: number | null;
  readonly periodRunCnt: number | null;
}

/** A Sample with all that follows from it and the one before. */
export interface Measured {
  readonly sample: Sample;
  /** Between the beginnings of the two readings, by CLOCK_BOOTTIME; null in the first. */
  readonly periodNs: number | null;
  /** In id order, one for each program of the sample. */
  readonly progs: readonly MeasuredProg[];
  /** Programs of the previous reading that this one no longer has, with their last counters and no rates. */
  readonly gone: readonly MeasuredProg[];
  /** Of all programs, this tool's own (`self`) among them. */
  readonly totals: Totals;
  /** Of all but this tool's own. */
  readonly othersTotals: Totals;
  /** The sample's, and what the figures themselves give reason for. */
  readonly warnings: readonly Warning[];
  /** Why a source is not known, or what of it is missing: no reason to doubt the figures. */
  readonly sourceWarnings: readonly Warning[];
  /** CPU that the process that read used in the period, per cent of one CPU; null also where it was another one before (recordings joined). */
  readonly selfCpuPct: number | null;
  /** Estimate of what statistics cost the host in the period: runs × `statsCostNsPerRun`, per cent of one CPU. */
  readonly statsCostPct: number | null;
  /** What statistics add to a run, ns: of whatever program, though it was found with a socket filter. */
  readonly statsCostNsPerRun: number;
  /** Whether that was timed on this host, when statistics were switched on, or is `documentedStatsCostNs`. */
  readonly statsCostSource: 'calibrated' | 'documented';
}

interface Increase {
  readonly runTimeNs: number;
  readonly runCnt: number;
}

/**
 * Measures `sample` against `previous` (null: the first reading).
 * Both must have their programs in ascending id order, as collectors give them.
 */
export function measure(sample: Sample, previous: Sample | null): Measured {
  const elapsedNs = previous && Number(sample.timeNs - previous.timeNs);
  // Two readings at one instant, or a clock that went back (a damaged recording): there is no period to divide by.
  const periodNs = elapsedNs !== null && elapsedNs > 0 ? elapsedNs : null;
  const statsOnThroughout = sample.stats !== 'off' && previous !== null && previous.stats !== 'off';
  const measurable = periodNs !== null && statsOnThroughout;
  const selfCpuNs = previous && sample.selfCpuNs - previous.selfCpuNs;

  const now = sample.progs;
  const before = previous?.progs;
  const nowWords = wordsOf(now);
  const beforeWords = before && wordsOf(before);
  const progs = new Array<MeasuredProg>(now.info.length);
  const gone: MeasuredProg[] = [];
  const all = new Increases();
  const others = new Increases();
  const own: MeasuredProg[] = [];

  let b = 0;
  const beforeCount = before ? before.info.length : 0;
  for (let i = 0; i < progs.length; i++) {
    const info = now.info[i] as ProgInfo;
    while (before && b < beforeCount && (before.info[b] as ProgInfo).id < info.id)
      gone.push(new MeasuredProg(before, b++, previous.timeNs, false, null, null, 0));
    let wasThere = false;
    let increase: Increase | null = null;
    // The kernel counts them whether statistics are on or not.
    let missed: number | null = null;
    if (before && beforeWords && b < beforeCount && (before.info[b] as ProgInfo).id === info.id) {
      wasThere = (before.info[b] as ProgInfo).key === info.key;
      if (!wasThere) gone.push(new MeasuredProg(before, b, previous.timeNs, false, null, null, 0));
      else {
        if (measurable) increase = increaseOf(nowWords, i, beforeWords, b);
        missed = missesOf(nowWords, i, beforeWords, b);
      }
      b++;
    }
    if (!wasThere && previous && info.loadTimeNs > previous.timeNs) {
      if (measurable) increase = increaseOf(nowWords, i, null, 0);
      missed = missesOf(nowWords, i, null, 0);
    }
    const prog = new MeasuredProg(now, i, sample.timeNs, previous !== null && !wasThere, increase, missed, periodNs ?? 0);
    progs[i] = prog;
    all.add(prog);
    if (info.self) own.push(prog);
    else others.add(prog);
  }
  while (before && b < beforeCount) gone.push(new MeasuredProg(before, b++, previous.timeNs, false, null, null, 0));

  const totalsOf = (programs: number, runTimeNs: bigint, runCnt: bigint, increases: Increases): Totals => ({
    programs,
    cpuPct: measurable ? percent(increases.cpuNs, periodNs) : null,
    eventsPerSec: measurable ? perSecond(increases.runCnt, periodNs) : null,
    runTimeNs,
    runCnt,
    periodRunTimeNs: measurable ? increases.runTimeNs : null,
    periodRunCnt: measurable ? increases.runCnt : null,
  });
  const totals = totalsOf(progs.length, sum(now.runTimeNs), sum(now.runCnt), all);
  const statsCostNsPerRun = sample.statsCostNs ?? documentedStatsCostNs;
  return {
    sample,
    periodNs,
    progs,
    gone,
    totals,
    othersTotals: totalsOf(
      progs.length - own.length,
      own.reduce((rest, prog) => rest - prog.runTimeNs, totals.runTimeNs),
      own.reduce((rest, prog) => rest - prog.runCnt, totals.runCnt),
      others,
    ),
    warnings: [...sample.warnings, ...missedRuns(progs)],
    sourceWarnings: sourceNames.flatMap((name) => now.sources[name]?.warning ?? []),
    selfCpuPct: selfCpuNs !== null && selfCpuNs >= 0 && periodNs !== null ? percent(selfCpuNs, periodNs) : null,
    statsCostPct: measurable ? percent(all.runCnt * statsCostNsPerRun, periodNs) : null,
    statsCostNsPerRun,
    statsCostSource: sample.statsCostNs === null ? 'documented' : 'calibrated',
  };
}

/** Each sample but the first, measured against the one before it, so that all that comes has rates. */
export async function* measureAll(samples: AsyncIterable<Sample>): AsyncGenerator<Measured, void, undefined> {
  let previous: Sample | null = null;
  for await (const sample of samples) {
    if (previous) yield measure(sample, previous);
    previous = sample;
  }
}

/** Increases of many programs, added up. */
class Increases {
  runTimeNs = 0;
  runCnt = 0;
  /** Run time that is CPU time: not of sleepable programs. */
  cpuNs = 0;

  add({periodRunTimeNs, periodRunCnt, cpuPct}: MeasuredProg): void {
    this.runTimeNs += periodRunTimeNs ?? 0;
    this.runCnt += periodRunCnt ?? 0;
    if (cpuPct !== null) this.cpuNs += periodRunTimeNs ?? 0;
  }
}

/** As many programs as a warning names. */
const mostNamed = 3;

/** The warning that programs missed runs in the period, if they did; who missed most is named first. */
function missedRuns(progs: readonly MeasuredProg[]): Warning[] {
  const missed = (prog: MeasuredProg) => prog.periodRecursionMisses ?? 0;
  const all = progs.filter((prog) => missed(prog) > 0).sort((a, b) => missed(b) - missed(a));
  if (all.length === 0) return [];
  const named = all.slice(0, mostNamed).map((prog) => `${printable(shownName(prog))} (id ${prog.info.id}) ${missed(prog)}`);
  const more = all.length > mostNamed ? ` and ${all.length - mostNamed} more` : '';
  return [
    {
      code: 'recursion_misses',
      message: `runs did not happen in this period, because the program was running on that CPU already: ${named.join(', ')}${more}.`,
    },
  ];
}

/** Per cent of one CPU that `ns` nanoseconds are of a period. */
function percent(ns: number, periodNs: number): number {
  return (100 * ns) / periodNs;
}

function perSecond(count: number, periodNs: number): number {
  return (1e9 * count) / periodNs;
}

/**
 * The u64 columns seen as pairs of u32 words: a difference of two u64 is exact in a double while it is below 2^53, and no
 * BigInt has to be made for it (at 2 000 programs: 8 000 allocations a sample).
 */
interface Words {
  readonly runTimeNs: Uint32Array;
  readonly runCnt: Uint32Array;
  readonly recursionMisses: Uint32Array | null;
}

const low = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const high = 1 - low;

function words(column: BigUint64Array): Uint32Array {
  return new Uint32Array(column.buffer, column.byteOffset, column.length * 2);
}

function wordsOf(columns: ProgColumns): Words {
  return {
    runTimeNs: words(columns.runTimeNs),
    runCnt: words(columns.runCnt),
    recursionMisses: columns.recursionMisses && words(columns.recursionMisses),
  };
}

function word(column: Uint32Array, at: number): number {
  return column[at] as number;
}

/** now[i] − before[b], or now[i] itself where there is no before. */
function difference(now: Uint32Array, i: number, before: Uint32Array | undefined, b: number): number {
  let highWord = word(now, 2 * i + high);
  let lowWord = word(now, 2 * i + low);
  if (before) {
    highWord -= word(before, 2 * b + high);
    lowWord -= word(before, 2 * b + low);
  }
  return highWord * 2 ** 32 + lowWord;
}

/** Null when a counter went backwards: the counts since then have no beginning. */
function increaseOf(now: Words, i: number, before: Words | null, b: number): Increase | null {
  const runTimeNs = difference(now.runTimeNs, i, before?.runTimeNs, b);
  const runCnt = difference(now.runCnt, i, before?.runCnt, b);
  return runTimeNs < 0 || runCnt < 0 ? null : {runTimeNs, runCnt};
}

/** The same of missed runs; null also where the kernel doesn't count them. */
function missesOf(now: Words, i: number, before: Words | null, b: number): number | null {
  if (!now.recursionMisses || (before && !before.recursionMisses)) return null;
  const misses = difference(now.recursionMisses, i, before?.recursionMisses ?? undefined, b);
  return misses < 0 ? null : misses;
}

/** The exact sum of a u64 column. */
function sum(column: BigUint64Array): bigint {
  const halves = words(column);
  let lows = 0;
  let highs = 0;
  for (let i = 0; i < halves.length; i += 2) {
    lows += word(halves, i + low);
    highs += word(halves, i + high);
  }
  return (BigInt(highs) << 32n) + BigInt(lows);
}
