/**
 * What is kept over many samples, for counters that may not fall: the increases of all programs by what they are called and whose they are,
 * and how often reading failed. A program that goes leaves its part in the sum, which a sum over those that are loaded would lose.
 */
import type {ProgNames} from '../sample/names.js';
import type {ProgOwner} from '../sample/owners.js';
import {progTypeName} from '../sample/prog-types.js';
import {lateCode, type Reading, type SourceName, sourceNames} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {factsOf, type Measured, type MeasuredProg} from './measure.js';
import {printable} from './printable.js';

/** Increases since the ledger was opened, of all programs so called; empty strings: none, or not known. Safe to print. */
export interface Sum {
  readonly name: string;
  /** Empty: of all programs for which there was no more room, `otherName`. */
  readonly type: string;
  readonly namespace: string;
  readonly pod: string;
  /** Whether they may sleep, so that their run time is wall time; null where that isn't known. */
  readonly sleepable: boolean | null;
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  /** 0 also where this kernel doesn't count them. */
  readonly recursionMisses: bigint;
}

/** What can fail to be read. */
export type Readable = 'programs' | SourceName;

interface Counters {
  readonly runTimeNs: bigint;
  readonly runCnt: bigint;
  readonly recursionMisses: bigint;
}

/** What a sum is of. */
type Labels = Pick<Sum, 'name' | 'type' | 'namespace' | 'pod' | 'sleepable'>;

/** Who holds a program, as far as sums tell. */
type Holder = Pick<ProgOwner, 'namespace' | 'pod'>;

type Mutable<T> = {-readonly [Key in keyof T]: T[Key]};

const none: Counters = {runTimeNs: 0n, runCnt: 0n, recursionMisses: 0n};
const nobody: Holder = {namespace: null, pod: null};

/** What stands for all programs for which there is no more room. A program may be called so, too: it has a type. */
export const otherName = '(other)';

/**
 * How long a program waits to be told apart by sources that are slow or stuck: as long, ns, and so many samples. A look that takes 3 s is
 * taken every ten minutes; and where a sample is taken every ten minutes the next one has what was begun at the last.
 */
const patienceNs = 600e9;
const patienceSamples = 3;

/** As many sums as there may be where a reader takes `maxSeries` series: with three of each they are half of them. */
export function mostSums(maxSeries: number): number {
  return Math.max(1, Math.floor(maxSeries / 6));
}

/** One program, as long as it is loaded: what is known of it, and what of it is in the sums. */
class Account {
  readonly #info: ProgInfo;
  readonly #beganNs: bigint;
  #samples = 0;
  #counted: Counters;
  #name: string;
  #holder = nobody;
  /** Where its increases go; null: not looked for yet, or it is called otherwise since. */
  sum: Mutable<Sum> | null = null;

  /** @param counted the counters that no sum shall have. */
  constructor(info: ProgInfo, counted: Counters, timeNs: bigint) {
    this.#info = info;
    this.#counted = counted;
    this.#beganNs = timeNs;
    this.#name = info.name;
  }

  get labels(): Labels {
    // Told apart by what is shown of them: two series of the same labels would fail a whole scrape.
    return {
      name: printable(this.#name),
      type: progTypeName(this.#info.type),
      namespace: printable(this.#holder.namespace ?? ''),
      pod: printable(this.#holder.pod ?? ''),
      sleepable: this.#info.sleepable,
    };
  }

  /** Takes what sources tell of it; null, what they don't know (any more), stays as it was. */
  learn(owners: readonly Holder[] | null, names: readonly ProgNames[] | null): void {
    const holder = owners ? (owners[0] ?? nobody) : this.#holder;
    const name = names?.[0]?.fullName ?? this.#name;
    if (name === this.#name && holder.namespace === this.#holder.namespace && holder.pod === this.#holder.pod) return;
    this.#name = name;
    this.#holder = holder;
    this.sum = null;
  }

  /** Lets a sample pass. @returns whether it may: not for ever. */
  waits(timeNs: bigint): boolean {
    return this.#samples++ < patienceSamples || Number(timeNs - this.#beganNs) < patienceNs;
  }

  /** Whether there is something to put into a sum. */
  hasNew({runTimeNs, runCnt, recursionMisses}: Counters): boolean {
    const counted = this.#counted;
    return runTimeNs > counted.runTimeNs || runCnt > counted.runCnt || recursionMisses > counted.recursionMisses;
  }

  /** Puts what is new into the sum. */
  book(now: Counters, sum: Mutable<Sum>): void {
    sum.runTimeNs += increase(now.runTimeNs, this.#counted.runTimeNs);
    sum.runCnt += increase(now.runCnt, this.#counted.runCnt);
    sum.recursionMisses += increase(now.recursionMisses, this.#counted.recursionMisses);
    this.#counted = now;
  }
}

/**
 * Adds up sample after sample. Its memory is bounded: `room` sums and three more, which stay, and an account of each program of the last
 * sample.
 */
export class Ledger {
  readonly #room: number;
  readonly #sources: readonly SourceName[];
  readonly #sums = new Map<string, Mutable<Sum>>();
  /** By whether their programs may sleep: three at most. */
  readonly #others = new Map<boolean | null, Mutable<Sum>>();
  #roomless = 0;
  readonly #errors = new Map<Readable, number>();
  readonly #seen = new WeakSet<object>();
  /** By the key of each program of the last sample. */
  #accounts = new Map<string, Account>();
  #lastTimeNs: bigint | null = null;

  /**
   * Keeps at most `room` sums; what comes later is added to those called `otherName`. `sources` are looked at, so that a sample without one of
   * them will be followed by one with it.
   */
  constructor(room: number, sources: readonly SourceName[] = []) {
    this.#room = room;
    this.#sources = sources;
  }

  /** The sums in the order they began, `otherName` last; each stays, and never falls. */
  get sums(): readonly Sum[] {
    return [...this.#sums.values(), ...this.#others.values()];
  }

  /** How many sums there would be beside these, had there been room for the programs of the last sample and those gone since the one before. */
  get roomless(): number {
    return this.#roomless;
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
   * sample begins at 0, one that was loaded since the last with all that it did.
   *
   * What a program does before a look has told what it is called and whose it is, is added when one does; if that fails, or the program
   * goes first, to the sum of what is known. Where it belongs elsewhere later (an owner came, or went), what it does from then on is added
   * there; what was added stays where it is.
   */
  add({sample: {progs, timeNs}, progs: measured, gone}: Measured): void {
    const {owners, names} = progs.sources;
    const accounts = new Map<string, Account>();
    const roomless = new Set<string>();
    const book = (account: Account, counters: Counters) => {
      account.sum ??= this.#sumOf(account.labels);
      account.book(counters, account.sum);
      if (this.#isOther(account.sum)) roomless.add(keyOf(account.labels));
    };
    for (const prog of measured) {
      const {info} = prog;
      if (info.self) continue;
      const account = this.#accounts.get(info.key) ?? new Account(info, this.#beginningOf(prog), timeNs);
      accounts.set(info.key, account);
      account.learn(factsOf(owners, info), factsOf(names, info));
      if ((this.#tellsLater('owners', owners, info) || this.#tellsLater('names', names, info)) && account.waits(timeNs))
        continue;
      book(account, countersOf(prog));
    }
    for (const prog of gone) {
      const account = this.#accounts.get(prog.info.key);
      // What it did since the last sample nobody will know.
      const last = countersOf(prog);
      if (!account?.hasNew(last)) continue;
      account.learn(this.#foundThen(owners, prog.info), this.#foundThen(names, prog.info));
      book(account, last);
    }
    this.#accounts = accounts;
    this.#roomless = roomless.size;
    this.#lastTimeNs = timeNs;
    for (const name of sourceNames) this.#countFailure(name, progs.sources[name]);
  }

  #beginningOf(prog: MeasuredProg): Counters {
    const isLater = this.#lastTimeNs !== null && prog.info.loadTimeNs > this.#lastTimeNs;
    return isLater ? none : countersOf(prog);
  }

  #sumOf(labels: Labels): Mutable<Sum> {
    const key = keyOf(labels);
    const sum = this.#sums.get(key);
    if (sum) return sum;
    return this.#sums.size < this.#room ? open(this.#sums, key, labels) : this.#otherOf(labels.sleepable);
  }

  #otherOf(sleepable: boolean | null): Mutable<Sum> {
    const other = this.#others.get(sleepable);
    return other ?? open(this.#others, sleepable, {name: otherName, type: '', namespace: '', pod: '', sleepable});
  }

  #isOther(sum: Sum): boolean {
    return this.#others.get(sum.sleepable) === sum;
  }

  /** Whether it is too soon for a source to tell of a program: the last look began before that was loaded, or hasn't ended. */
  #tellsLater(name: SourceName, reading: Reading<unknown> | null, {id, loadTimeNs}: ProgInfo): boolean {
    if (!reading) return this.#sources.includes(name);
    if (!reading.byProg) return reading.warning?.code === lateCode(name);
    return loadTimeNs >= reading.timeNs && !reading.byProg.has(id);
  }

  /** What a look found that began while a program that is gone by now was there, and ended since. */
  #foundThen<T>(reading: Reading<T> | null, {id}: ProgInfo): readonly T[] | null {
    const began = reading && this.#lastTimeNs !== null && reading.timeNs <= this.#lastTimeNs;
    return (began && reading.byProg?.get(id)) || null;
  }

  /** A look counts once, in however many samples it is. */
  #countFailure(name: SourceName, reading: Reading<unknown> | null): void {
    if (!reading || this.#seen.has(reading)) return;
    this.#seen.add(reading);
    if (reading.byProg === null) this.fail(name);
  }
}

function open<Key>(sums: Map<Key, Mutable<Sum>>, key: Key, labels: Labels): Mutable<Sum> {
  const opened = {...labels, ...none};
  sums.set(key, opened);
  return opened;
}

function keyOf({name, type, namespace, pod, sleepable}: Labels): string {
  return JSON.stringify([name, type, namespace, pod, sleepable]);
}

function countersOf({runTimeNs, runCnt, recursionMisses}: MeasuredProg): Counters {
  return {runTimeNs, runCnt, recursionMisses: recursionMisses ?? 0n};
}

/** A counter that went backwards began anew, nobody knows when. */
function increase(now: bigint, before: bigint): bigint {
  return now > before ? now - before : 0n;
}
