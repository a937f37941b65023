/**
 * What takes longer than a reading of the counters, on a clock of its own: soon where there are programs that the last look can't know,
 * seldom where there are none. The counters never wait for a look; a sample has what the last one found.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import {isDeepStrictEqual} from 'node:util';
import {exitStatus, isNotPermitted, isSystemError, UserError} from '../errors.js';
import {type Found, lateCode, type Reading} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';

/** Looks once; given the programs and CLOCK_BOOTTIME when they were listed. */
export interface Look<T> {
  (progs: readonly ProgInfo[], timeNs: bigint): Promise<Found<T>>;
  /** Gives back what it keeps between two looks, if it keeps anything. Idempotent. */
  readonly close?: () => void;
}

/** Between two looks, ms, with and without new programs. */
const soonMs = 1000;
const usualMs = 30_000;
/** Looks take at most this part of the time. */
const share = 1 / 200;

/**
 * As many looks at once: each has one of libuv's four threads, that of the owners at worst two, and the counters need one whatever keeps the
 * others.
 */
const atOnce = 2;

/** Lets so many of those that share it look at the same time. */
export class Lookout {
  #free = atOnce;
  readonly #waiting: (() => void)[] = [];

  /** Runs `look` when there is room. */
  async run<T>(look: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      return await look();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/** Looks now and then; `T` is what a look tells of a program. */
export class SlowSource<T> {
  readonly #name: string;
  readonly #lookAt: Look<T>;
  readonly #lookout: Lookout;
  #latest: Reading<T> | null = null;
  #look: Promise<void> | null = null;
  /** CLOCK_BOOTTIME of the last look; null: there was none. */
  #timeNs: bigint | null = null;
  /** When the last look ended; never: any time is long enough. */
  #ended = -Infinity;
  #restMs = 0;

  /** What `lookAt` throws becomes a warning; `name` is whose. All sources of a process share one `lookout`. */
  constructor(name: string, lookAt: Look<T>, lookout = new Lookout()) {
    this.#name = name;
    this.#lookAt = lookAt;
    this.#lookout = lookout;
  }

  /** What the last look found, null before the first has ended; begins another if it is time. */
  take(progs: readonly ProgInfo[], timeNs: bigint): Reading<T> | null {
    if (!this.#look && this.#isDue(progs)) {
      this.#timeNs = timeNs;
      this.#look = this.#begin(progs, timeNs);
    }
    return this.#latest;
  }

  /** Waits for the look that is under way, but not longer than `patienceMs`: then nothing is known, and a warning says why. */
  async settled(patienceMs: number): Promise<Reading<T>> {
    const enough = new AbortController();
    await Promise.race([this.#look, sleep(patienceMs, undefined, {signal: enough.signal}).catch(() => undefined)]);
    enough.abort();
    const message = `no ${this.#name}: they could not be read in ${patienceMs / 1000} s. Leave them out: --no-${this.#name}.`;
    return this.#latest ?? this.#unknown({code: lateCode(this.#name), message}, patienceMs);
  }

  /** Gives back what looking keeps. Idempotent. */
  close(): void {
    this.#lookAt.close?.();
  }

  #isDue(progs: readonly ProgInfo[]): boolean {
    const last = this.#timeNs;
    if (last === null) return true;
    // Ids ascend, and so do the times of loading. A helper of our own, which a look may load, is no reason for another.
    const isNew = (progs.findLast(({self}) => !self)?.loadTimeNs ?? 0n) > last;
    return performance.now() - this.#ended > Math.max(this.#restMs, isNew ? soonMs : usualMs);
  }

  async #begin(progs: readonly ProgInfo[], timeNs: bigint): Promise<void> {
    let began = 0;
    const look = () => {
      began = performance.now();
      return this.#lookAt(progs, timeNs).catch((error: unknown) => this.#failed(error));
    };
    const found = await this.#lookout.run(look);
    this.#ended = performance.now();
    const tookMs = this.#ended - began;
    const byProg = sharing(found.byProg, this.#latest?.byProg);
    this.#latest = {...found, byProg, timeNs, durationNs: Math.round(tookMs * 1e6)};
    this.#restMs = tookMs / share;
    this.#look = null;
  }

  #failed(error: unknown): Found<T> {
    const said = error instanceof UserError;
    const refused = said ? error.exitStatus === exitStatus.notPermitted : isSystemError(error) && isNotPermitted(error.code);
    const why = error instanceof Error ? error.message : String(error);
    const code = `${this.#name}_${refused ? 'not_permitted' : 'unavailable'}`;
    return {byProg: null, complete: false, warning: {code, message: `no ${this.#name}: ${why}${said ? '' : '.'}`}};
  }

  #unknown(warning: Reading<T>['warning'], afterMs: number): Reading<T> {
    return {byProg: null, complete: false, warning, timeNs: this.#timeNs ?? 0n, durationNs: afterMs * 1e6};
  }
}

/** What is told of a program again is the same object again: readings of ten minutes are kept, and looks differ in little. */
function sharing<T>(byProg: Found<T>['byProg'], last: Found<T>['byProg'] | undefined): Found<T>['byProg'] {
  if (!byProg || !last) return byProg;
  const shared = new Map<number, readonly T[]>();
  for (const [id, facts] of byProg) {
    const known = last.get(id);
    shared.set(id, known && isDeepStrictEqual(known, facts) ? known : facts);
  }
  return shared;
}
