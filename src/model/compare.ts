/**
 * What changed between two moments: of a program, of several together, of all. A program is the same if its key is: what was loaded anew
 * went, and something else appeared.
 */
import type {Sample} from '../sample/types.js';
import {measure, type Measured, type MeasuredProg} from './measure.js';

/** What something costs, of all that can be compared. null: not known; of an average run also: it did not run. */
export interface Figures {
  /** Per cent of one CPU. */
  readonly cpuPct: number | null;
  readonly eventsPerSec: number | null;
  /** ns */
  readonly avgRunTimeNs: number | null;
}

/** The same thing at two moments. */
export interface Change {
  /** null: it was not there. */
  readonly before: Figures | null;
  /** null: it is no longer there. */
  readonly after: Figures | null;
}

/** `after` − `before`. What isn't there costs nothing, and has no average run. null: not known. */
export function increase({before, after}: Change, of: keyof Figures): number | null {
  const absent = of === 'avgRunTimeNs' || !(before || after) ? null : 0;
  const from = before ? before[of] : absent;
  const to = after ? after[of] : absent;
  return from === null || to === null ? null : to - from;
}

/** The same in per cent of `before`; null also where that was nothing. */
export function relativeIncrease(change: Change, of: keyof Figures): number | null {
  const from = change.before?.[of];
  const more = increase(change, of);
  return more !== null && from ? (100 * more) / from : null;
}

/** Of several together: sums over those that have the figure, and the average of all their runs. */
export function together(all: Iterable<Figures>): Figures {
  let cpuPct: number | null = null;
  let eventsPerSec: number | null = null;
  let runTimeNs = 0;
  for (const each of all) {
    if (each.cpuPct !== null) cpuPct = (cpuPct ?? 0) + each.cpuPct;
    if (each.eventsPerSec === null) continue;
    eventsPerSec = (eventsPerSec ?? 0) + each.eventsPerSec;
    runTimeNs += (each.avgRunTimeNs ?? 0) * each.eventsPerSec;
  }
  return {cpuPct, eventsPerSec, avgRunTimeNs: eventsPerSec ? runTimeNs / eventsPerSec : null};
}

/** A moment to compare with. It keeps one reading, and nothing of those before. */
export class Baseline {
  /** Wall clock, ms since the epoch. */
  readonly takenAt: number;
  /** CLOCK_BOOTTIME, ns. */
  readonly timeNs: bigint;
  readonly #progs: ReadonlyMap<string, MeasuredProg>;

  /**
   * @param earlier a reading some time before: rates are means since then, of programs that were there already; else, and without one, they
   * are those of the last period.
   */
  constructor(latest: Measured, earlier: Sample | null = null) {
    const means = earlier && measure(latest.sample, earlier);
    this.takenAt = latest.sample.takenAt;
    this.timeNs = latest.sample.timeNs;
    this.#progs = new Map(
      latest.progs.map((prog, i) => {
        const mean = means?.progs[i];
        return [prog.info.key, mean && !mean.isNew && mean.periodRunCnt !== null ? mean : prog];
      }),
    );
  }

  /** The program of that key as it was; null: it was not there. */
  find(key: string): MeasuredProg | null {
    return this.#progs.get(key) ?? null;
  }

  get progs(): Iterable<MeasuredProg> {
    return this.#progs.values();
  }
}

/** A baseline, and what was measured at another moment. */
export class Comparison {
  readonly baseline: Baseline;
  /** Programs that are no longer there: with their counters of then, and no rates. */
  readonly went: readonly MeasuredProg[];
  readonly #progs: readonly MeasuredProg[];
  readonly #keys: ReadonlySet<string>;

  constructor(baseline: Baseline, progs: readonly MeasuredProg[]) {
    this.baseline = baseline;
    this.#progs = progs;
    this.#keys = new Set(progs.map((prog) => prog.info.key));
    this.went = [...baseline.progs].filter(({info}) => !this.#keys.has(info.key)).map((prog) => prog.withoutRates());
  }

  /** Of a program of either moment. */
  of(prog: MeasuredProg): Change {
    const {key} = prog.info;
    return {before: this.baseline.find(key), after: this.#keys.has(key) ? prog : null};
  }

  /** Of several programs, of either moment, together. */
  ofAll(progs: Iterable<MeasuredProg>): Change {
    const before: Figures[] = [];
    const after: Figures[] = [];
    for (const prog of progs) {
      const change = this.of(prog);
      if (change.before) before.push(change.before);
      if (change.after) after.push(change.after);
    }
    return {before: before.length > 0 ? together(before) : null, after: after.length > 0 ? together(after) : null};
  }

  /** Of all programs, this tool's own (`self`) among them if so asked. */
  ofTotals({own}: {readonly own: boolean}): Change {
    const all = [...this.#progs, ...this.went];
    return this.ofAll(own ? all : all.filter(({info}) => !info.self));
  }
}
