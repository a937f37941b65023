/**
 * What differs between two measurements, each of one period or of many: of programs, and of all together. Where `Comparison` follows what
 * stays loaded, here hosts, builds and days are compared: a program is the same if type, name and tag are, else, as one that was built
 * anew, if type and name are.
 */
import {progTypeName} from '../sample/prog-types.js';
import type {Host, ProgInfo} from '../sample/types.js';
import {type Change, type Figures, increase, relativeIncrease, together} from './compare.js';
import type {FieldKey} from './fields.js';
import {type Filter, noFilter} from './filter.js';
import type {MeasuredProg} from './measure.js';
import {wanted} from './select.js';
import {byOrder, type SortOrder} from './sort.js';

/** What is compared, in the order it is shown. */
export const comparedKeys = {
  avg_run_time_ns: 'avgRunTimeNs',
  events_per_sec: 'eventsPerSec',
  cpu_pct: 'cpuPct',
} as const satisfies Partial<Record<FieldKey, keyof Figures>>;
/** The key of one of them. */
export type ComparedKey = keyof typeof comparedKeys;
/** All of them. */
export const comparedFieldKeys = Object.keys(comparedKeys) as readonly ComparedKey[];

/** Whether that is the key of a figure that is compared. */
export function isCompared(key: string): key is ComparedKey {
  return Object.hasOwn(comparedKeys, key);
}

/** What one period has to tell. */
export interface Period {
  readonly host: Host;
  /** Wall clock at its end, ms since the epoch. */
  readonly takenAt: number;
  readonly periodNs: number;
  readonly progs: readonly MeasuredProg[];
  /** Of all programs but this tool's own. */
  readonly totals: Figures;
  /** Whether `progs` are all there were: if not, who isn't among them may have been there. */
  readonly whole: boolean;
}

/** With fewer readings nothing is said of how far apart they are. */
export const leastReadings = 4;
/** From so many readings on the middle half of them counts, and not those at its sides. */
export const readingsForHalf = 10;

/** One figure over all readings that have it. */
export interface Summary {
  readonly median: number;
  /**
   * How far apart the readings are, from low to high: the middle half (quartiles, interpolated) of ten readings and more, all of fewer; null
   * of fewer than four.
   */
  readonly spread: readonly [low: number, high: number] | null;
  readonly readings: number;
}

/** Of each figure; null: no reading has it. */
type Summaries = Readonly<Record<keyof Figures, Summary | null>>;

/** Whether two spreads overlap (`within`), or don't; `unknown`: one side has too few readings. */
export type Noise = 'within' | 'beyond' | 'unknown';

/** The same thing on both sides. */
export interface Difference extends Change {
  /** What `before` and `after` are the medians of; null: it wasn't there. */
  readonly summaries: {readonly before: Summaries | null; readonly after: Summaries | null};
  /** null: the change isn't known. */
  readonly noise: Readonly<Record<keyof Figures, Noise | null>>;
}

/**
 * `same`: type, name and tag are; `rebuilt`: type and name are; `new` and `gone`: only one side has it; `only_after` and `only_before`: so it
 * seems, but the other side doesn't tell of all programs.
 */
type Status = 'same' | 'rebuilt' | 'new' | 'gone' | 'only_after' | 'only_before';

/** A program: all that have the same type, name and tag, together. */
export interface ProgDifference extends Difference {
  readonly type: string;
  /** In full, where a reading has that. From the host: hostile. */
  readonly name: string;
  /** Several, if there is no telling which of them became which. */
  readonly tags: {readonly before: readonly string[]; readonly after: readonly string[]};
  /** How many were loaded, in the last reading that has any; 0: none. */
  readonly copies: {readonly before: number; readonly after: number};
  readonly status: Status;
}

/** What was found. */
export interface Diff {
  readonly before: Side;
  readonly after: Side;
  /** Of all programs but this tool's own, whatever the filter. */
  readonly totals: Difference;
  /** Those that the filter is true of, before or after. */
  readonly progs: readonly ProgDifference[];
}

/** So many figures of programs and readings are kept of a side; with more, every second reading is left out. */
const mostPoints = 2_000_000;

/** Figures of one thing, reading by reading; NaN: not known. */
class Series {
  /** Numbers of the readings; they ascend. */
  at: number[] = [];
  readonly #columns: Record<keyof Figures, number[]> = {cpuPct: [], eventsPerSec: [], avgRunTimeNs: []};

  add(at: number, figures: Figures): void {
    this.at.push(at);
    for (const of of figureNames) this.#columns[of].push(figures[of] ?? NaN);
  }

  figures(i: number): Figures {
    const known = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value);
    const {cpuPct, eventsPerSec, avgRunTimeNs} = this.#columns;
    return {cpuPct: known(cpuPct[i]), eventsPerSec: known(eventsPerSec[i]), avgRunTimeNs: known(avgRunTimeNs[i])};
  }

  /** Leaves out all readings but each `stride`th; one stays in any case. */
  thin(stride: number): void {
    const kept = this.at.map((at, i) => at % stride === 0 || (i === 0 && this.at.every((each) => each % stride !== 0)));
    this.at = this.at.filter((_, i) => kept[i]);
    for (const of of figureNames) this.#columns[of] = this.#columns[of].filter((_, i) => kept[i]);
  }

  summaries(): Summaries {
    const {cpuPct, eventsPerSec, avgRunTimeNs} = this.#columns;
    return {cpuPct: summary(cpuPct), eventsPerSec: summary(eventsPerSec), avgRunTimeNs: summary(avgRunTimeNs)};
  }

  static sum(all: readonly Series[]): Series {
    const [first] = all;
    if (all.length === 1 && first) return first;
    const byReading = new Map<number, Figures[]>();
    for (const series of all)
      series.at.forEach((at, i) => {
        const found = byReading.get(at);
        if (found) found.push(series.figures(i));
        else byReading.set(at, [series.figures(i)]);
      });
    const sum = new Series();
    for (const [at, figures] of [...byReading].sort(([a], [b]) => a - b)) sum.add(at, together(figures));
    return sum;
  }
}

const figureNames = ['cpuPct', 'eventsPerSec', 'avgRunTimeNs'] as const satisfies readonly (keyof Figures)[];

/** Programs of one type, name and tag. */
interface Alike {
  readonly type: string;
  name: string;
  readonly tag: string;
  copies: number;
  isWanted: boolean;
  readonly series: Series;
}

/** The kernel's part of a name: readings may differ in whether they have the rest. */
const kernelNameLength = 15;

/** All that one side has to tell; its memory is bounded, but for the number of different programs. */
export class Side {
  /** What a person calls it. */
  readonly name: string;
  readonly kind: 'snapshot' | 'recording';
  readonly #filter: Filter;
  readonly #alike = new Map<string, Alike>();
  readonly #byInfo = new WeakMap<ProgInfo, Alike>();
  readonly #totals = new Series();
  #readings = 0;
  #points = 0;
  #stride = 1;
  #whole = true;
  #periodNs = 0;
  #last: Pick<Period, 'host' | 'takenAt'> | null = null;

  /** @param filter which programs are of interest. */
  constructor(name: string, kind: Side['kind'], filter: Filter) {
    this.name = name;
    this.kind = kind;
    this.#filter = filter;
  }

  get readings(): number {
    return this.#readings;
  }

  /** How many different programs it has. */
  get programs(): number {
    return this.#alike.size;
  }

  /** Of all its periods together, ns. */
  get periodNs(): number {
    return this.#periodNs;
  }

  /** Of the last period; there must be one. */
  get last(): Pick<Period, 'host' | 'takenAt'> {
    return this.#last as Period;
  }

  /** Whether it tells of all programs there were. */
  get whole(): boolean {
    return this.#whole;
  }

  add(period: Period): void {
    const at = this.#readings++;
    this.#periodNs += period.periodNs;
    this.#last = {host: period.host, takenAt: period.takenAt};
    this.#whole &&= period.whole;
    const kept = at % this.#stride === 0;
    const loaded = new Map<Alike, MeasuredProg[]>();
    for (const prog of wanted(period.progs, {filter: noFilter, own: false})) {
      const alike = this.#find(prog);
      alike.isWanted ||= this.#filter.matches(prog);
      const found = loaded.get(alike);
      if (found) found.push(prog);
      else loaded.set(alike, [prog]);
    }
    for (const [alike, progs] of loaded) {
      alike.copies = progs.length;
      if (kept) this.#keep(alike.series, at, figuresOf(progs));
    }
    if (kept) this.#keep(this.#totals, at, period.totals);
    if (this.#points > mostPoints) this.#thin();
  }

  #keep(series: Series, at: number, figures: Figures): void {
    if (figureNames.every((of) => figures[of] === null)) return;
    series.add(at, figures);
    this.#points++;
  }

  #thin(): void {
    this.#stride *= 2;
    this.#points = 0;
    for (const series of [this.#totals, ...[...this.#alike.values()].map((each) => each.series)]) {
      series.thin(this.#stride);
      this.#points += series.at.length;
    }
  }

  #find(prog: MeasuredProg): Alike {
    const {info, name} = prog;
    let alike = this.#byInfo.get(info);
    if (!alike) {
      const type = progTypeName(info.type);
      const key = keyOf(type, name.slice(0, kernelNameLength), info.tag);
      alike = this.#alike.get(key);
      if (!alike)
        this.#alike.set(key, (alike = {type, name, tag: info.tag, copies: 0, isWanted: false, series: new Series()}));
      this.#byInfo.set(info, alike);
    }
    if (name.length > alike.name.length) alike.name = name;
    return alike;
  }

  /** By type, the kernel's part of the name, and tag. */
  get alike(): ReadonlyMap<string, Readonly<Alike>> {
    return this.#alike;
  }

  get totals(): Summaries {
    return this.#totals.summaries();
  }

  /** Of what wasn't there in any reading; null where that can't be told. */
  get nothing(): Summaries | null {
    if (!this.#whole) return null;
    const none = {median: 0, spread: this.#readings < leastReadings ? null : ([0, 0] as const), readings: this.#readings};
    return {cpuPct: none, eventsPerSec: none, avgRunTimeNs: null};
  }
}

function figuresOf(progs: readonly MeasuredProg[]): Figures {
  const [first] = progs;
  return progs.length === 1 && first ? first : together(progs);
}

function keyOf(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}

/** Compares two sides. */
export function diff(before: Side, after: Side): Diff {
  const progs: ProgDifference[] = [];
  const rest = {before: new Map<string, Alike[]>(), after: new Map<string, Alike[]>()};
  const leave = (where: Map<string, Alike[]>, alike: Alike) => {
    // To have no name is nothing to have in common.
    const key = keyOf(alike.type, alike.name, alike.name === '' ? alike.tag : '');
    const found = where.get(key);
    if (found) found.push(alike);
    else where.set(key, [alike]);
  };
  for (const [key, alike] of before.alike) {
    const same = after.alike.get(key);
    if (same) progs.push(...progDifference(before, after, [alike], [same]));
    else leave(rest.before, alike);
  }
  for (const [key, alike] of after.alike) if (!before.alike.has(key)) leave(rest.after, alike);
  for (const [key, gone] of rest.before) {
    const come = rest.after.get(key) ?? [];
    rest.after.delete(key);
    // With nothing to be matched with each stands for itself.
    if (come.length > 0) progs.push(...progDifference(before, after, gone, come));
    else for (const alike of gone) progs.push(...progDifference(before, after, [alike], []));
  }
  for (const come of rest.after.values())
    for (const alike of come) progs.push(...progDifference(before, after, [], [alike]));
  const totals = difference({before: before.totals, after: after.totals});
  return {before, after, totals, progs};
}

/** None, if the filter isn't true of it. */
function progDifference(before: Side, after: Side, was: readonly Alike[], is: readonly Alike[]): ProgDifference[] {
  const all = [...was, ...is];
  const [first] = all;
  if (!first || !all.some(({isWanted}) => isWanted)) return [];
  const tags = {before: was.map(({tag}) => tag), after: is.map(({tag}) => tag)};
  const rebuilt = tags.before.join() !== tags.after.join();
  const status =
    was.length === 0
      ? before.whole
        ? 'new'
        : 'only_after'
      : is.length === 0
        ? after.whole
          ? 'gone'
          : 'only_before'
        : rebuilt
          ? 'rebuilt'
          : 'same';
  const summaries = (of: readonly Alike[]) =>
    of.length === 0 ? null : Series.sum(of.map(({series}) => series)).summaries();
  const copies = (of: readonly Alike[]) => of.reduce((sum, each) => sum + each.copies, 0);
  return [
    {
      type: first.type,
      name: all.reduce((longest, {name}) => (name.length > longest.length ? name : longest), ''),
      tags,
      copies: {before: copies(was), after: copies(is)},
      status,
      ...difference({before: summaries(was), after: summaries(is)}, {before: before.nothing, after: after.nothing}),
    },
  ];
}

const unknownFigures: Figures = {cpuPct: null, eventsPerSec: null, avgRunTimeNs: null};

/** @param nothing what stands for a side where it wasn't; null: that isn't known. */
function difference(
  summaries: Difference['summaries'],
  nothing: Difference['summaries'] = {before: null, after: null},
): Difference {
  const figures = (of: Summaries | null, none: Summaries | null) => {
    if (of) return medians(of);
    // What may have been there is not known to have cost nothing.
    return none ? null : unknownFigures;
  };
  const before = figures(summaries.before, nothing.before);
  const after = figures(summaries.after, nothing.after);
  const change = {before, after};
  const noise = (of: keyof Figures): Noise | null => {
    if (increase(change, of) === null) return null;
    const a = (summaries.before ?? nothing.before)?.[of]?.spread;
    const b = (summaries.after ?? nothing.after)?.[of]?.spread;
    if (!a || !b) return 'unknown';
    return a[0] <= b[1] && b[0] <= a[1] ? 'within' : 'beyond';
  };
  return {
    before,
    after,
    summaries,
    noise: {cpuPct: noise('cpuPct'), eventsPerSec: noise('eventsPerSec'), avgRunTimeNs: noise('avgRunTimeNs')},
  };
}

function medians({cpuPct, eventsPerSec, avgRunTimeNs}: Summaries): Figures {
  return {
    cpuPct: cpuPct && cpuPct.median,
    eventsPerSec: eventsPerSec && eventsPerSec.median,
    avgRunTimeNs: avgRunTimeNs && avgRunTimeNs.median,
  };
}

function summary(values: readonly number[]): Summary | null {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  const readings = sorted.length;
  if (readings === 0) return null;
  const tail = readings < readingsForHalf ? 0 : 1 / 4;
  const spread = readings < leastReadings ? null : ([quantile(sorted, tail), quantile(sorted, 1 - tail)] as const);
  return {median: quantile(sorted, 1 / 2), spread, readings};
}

/** Between two values in proportion. @param sorted not empty. */
function quantile(sorted: Float64Array, share: number): number {
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (place - Math.floor(place)) * (above - below);
}

/** Whether it was there before and after, and is known to have run in no reading of either. */
export function isIdle({status, summaries: {before, after}}: ProgDifference): boolean {
  const ranNever = (of: Summaries | null) => of !== null && of.eventsPerSec !== null && of.avgRunTimeNs === null;
  return (status === 'same' || status === 'rebuilt') && ranNever(before) && ranNever(after);
}

/** What a change is ordered by: that of an average run in per cent, as on the screen. */
function changeOf(key: ComparedKey, change: Change): number | null {
  return key === 'avg_run_time_ns' ? relativeIncrease(change, 'avgRunTimeNs') : increase(change, comparedKeys[key]);
}

/** Names and figures that programs can be ordered by here. */
export const diffSortKeys: readonly string[] = [...comparedFieldKeys, 'type', 'name', 'tag'];

/** A new list in that order, of a figure by its change. @param order of one of `diffSortKeys`. */
export function sortDiff(progs: readonly ProgDifference[], {field: {key}, descending}: SortOrder): ProgDifference[] {
  const get = (prog: ProgDifference) => {
    if (isCompared(key)) return changeOf(key, prog);
    return key === 'type' ? prog.type : key === 'name' ? prog.name : tagsOf(prog);
  };
  const tie = (a: ProgDifference, b: ProgDifference) => {
    const [first, second] = [a, b].map((each) => keyOf(each.type, each.name, tagsOf(each))) as [string, string];
    return first < second ? -1 : first > second ? 1 : 0;
  };
  return byOrder(progs, get, descending, tie);
}

function tagsOf({tags}: ProgDifference): string {
  return [...tags.after, ...tags.before].join();
}
