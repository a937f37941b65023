/**
 * What is kept over many samples, for counters that may not fall: the increases of all programs by what they are called and whose they are,
 * and how often reading failed. A program that goes leaves its part in the sum, which a sum over those that are loaded would lose.
 */
import {progTypeName} from '../sample/prog-types.js';
import {type Reading, type SourceName, sourceNames} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import type {Measured, MeasuredProg} from './measure.js';
import {printable} from './printable.js';

/** Increases since the ledger was opened, of all programs so called; empty strings: none, or not known. Safe to print. */
export interface Sum {
  readonly name: string;
  readonly type: string;
  readonly namespace: string;
  readonly pod: string;
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  /** 0 also where this kernel doesn't count them. */
  readonly recursionMisses: bigint;
}

/** What can fail to be read. */
export type Readable = 'programs' | SourceName;

/** The counters of a program that are in the sums already. */
interface Counted {
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  readonly recursionMisses: bigint;
}

type Mutable<T> = {-readonly [Key in keyof T]: T[Key]};

const none: Counted = {runTimeNs: 0n, runCnt: 0n, recursionMisses: 0n};

/** What stands for all programs for which there is no more room. */
export const otherName = '(other)';

/** How long a program waits to be told apart by what slow sources tell of it, ns. */
const patienceNs = 120e9;

/** As many sums as there may be where a reader takes `maxSeries` series: with three of each they are half of them. */
export function mostSums(maxSeries: number): number {
  return Math.max(1, Math.floor(maxSeries / 6));
}

/** Adds up sample after sample. */
export class Ledger {
  readonly #room: number;
  readonly #sums = new Map<string, Mutable<Sum>>();
  readonly #errors = new Map<Readable, number>();
  readonly #seen = new WeakSet<object>();
  /** By the key of each program of the last sample. */
  #counted = new Map<string, Counted>();
  #lastTimeNs: bigint | null = null;

  /** Keeps at most `room` sums; what comes later is added to one more, `otherName`. */
  constructor(room: number) {
    this.#room = room;
  }

  /** The sums in the order they began; each stays, and never falls. */
  get sums(): readonly Sum[] {
    return [...this.#sums.values()];
  }

  /** How many readings of it failed. */
  errorsOf(source: Readable): number {
    return this.#errors.get(source) ?? 0;
  }

  /** Counts a reading that failed. */
  fail(source: Readable): void {
    this.#errors.set(source, this.errorsOf(source) + 1);
  }

  /**
   * Adds what the programs of a sample did since the one before; this tool's own are left out. A program that was there before the first
   * sample begins at 0, one that was loaded since the last with all that it did. What a program did before a look tells whose it is, is
   * added when it does.
   */
  add({sample: {progs, timeNs}, progs: measured, gone}: Measured): void {
    const {owners, names} = progs.sources;
    const counted = new Map<string, Counted>();
    for (const prog of measured) {
      const {info} = prog;
      if (info.self) continue;
      const isLater = this.#lastTimeNs !== null && info.loadTimeNs > this.#lastTimeNs;
      const before = this.#counted.get(info.key) ?? (isLater ? none : countersOf(prog));
      const isAwaited = prog.ageNs < patienceNs && (tellsLater(owners, info) || tellsLater(names, info));
      counted.set(info.key, isAwaited ? before : this.#book(prog, before));
    }
    for (const prog of gone) {
      const before = this.#counted.get(prog.info.key);
      // What it did since the last sample nobody will know.
      if (before) this.#book(prog, before);
    }
    this.#counted = counted;
    this.#lastTimeNs = timeNs;
    for (const name of sourceNames) this.#countFailure(name, progs.sources[name]);
  }

  #book(prog: MeasuredProg, before: Counted): Counted {
    const now = countersOf(prog);
    const sum = this.#sumOf(prog);
    sum.runTimeNs += increase(now.runTimeNs, before.runTimeNs);
    sum.runCnt += increase(now.runCnt, before.runCnt);
    sum.recursionMisses += increase(now.recursionMisses, before.recursionMisses);
    return now;
  }

  #sumOf({name, info, owners}: MeasuredProg): Mutable<Sum> {
    const owner = owners?.[0];
    const type = progTypeName(info.type);
    // Told apart by what is shown of them: two series of the same labels would fail a whole scrape.
    return this.#open(printable(name), type, printable(owner?.namespace ?? ''), printable(owner?.pod ?? ''));
  }

  #open(...[name, type, namespace, pod]: [string, string, string, string]): Mutable<Sum> {
    const key = JSON.stringify([name, type, namespace, pod]);
    const sum = this.#sums.get(key);
    if (sum) return sum;
    if (this.#sums.size >= this.#room && name !== otherName) return this.#open(otherName, '', '', '');
    const opened = {name, type, namespace, pod, ...none};
    this.#sums.set(key, opened);
    return opened;
  }

  /** A look counts once, in however many samples it is. */
  #countFailure(name: SourceName, reading: Reading<unknown> | null): void {
    if (!reading || this.#seen.has(reading)) return;
    this.#seen.add(reading);
    if (reading.byProg === null) this.fail(name);
  }
}

function countersOf({runTimeNs, runCnt, recursionMisses}: MeasuredProg): Counted {
  return {runTimeNs, runCnt, recursionMisses: recursionMisses ?? 0n};
}

/** A counter that went backwards began anew, nobody knows when. */
function increase(now: bigint, before: bigint): bigint {
  return now > before ? now - before : 0n;
}

/** Whether it is too soon for a source to tell of a program: the last look began before that was loaded. */
function tellsLater(reading: Reading<unknown> | null, {id, loadTimeNs}: ProgInfo): boolean {
  return !!reading?.byProg && !reading.byProg.has(id) && loadTimeNs >= reading.timeNs;
}
