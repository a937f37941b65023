/**
 * What takes longer than a reading of the counters, on a clock of its own: soon where there are programs that the last look can't know,
 * seldom where there are none. The counters never wait for a look; a sample has what the last one found.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import type {ProgInfo} from '../sample/types.js';

/** Between two looks, ms, with and without new programs. */
const soonMs = 1000;
const usualMs = 30_000;
/** Looks take at most this part of the time. */
const share = 1 / 200;

/** Looks now and then; `T` is what a look finds. */
export class SlowSource<T> {
  readonly #lookAt: (progs: readonly ProgInfo[], timeNs: bigint) => Promise<T | null>;
  #latest: T | null = null;
  #look: Promise<void> | null = null;
  /** CLOCK_BOOTTIME of the last look; null: there was none. */
  #timeNs: bigint | null = null;
  /** When the last look ended; never: any time is long enough. */
  #ended = -Infinity;
  #restMs = 0;

  /** `lookAt` is given the programs and CLOCK_BOOTTIME when they were listed; null, or what it throws, is that nothing is known. */
  constructor(lookAt: (progs: readonly ProgInfo[], timeNs: bigint) => Promise<T | null>) {
    this.#lookAt = lookAt;
  }

  /** What the last look found, null before the first has ended; begins another if it is time. */
  take(progs: readonly ProgInfo[], timeNs: bigint): T | null {
    if (!this.#look && this.#isDue(progs)) {
      this.#timeNs = timeNs;
      this.#look = this.#begin(progs, timeNs);
    }
    return this.#latest;
  }

  /** Waits for the look that is under way, but not longer than `patienceMs`. */
  async settled(patienceMs: number): Promise<T | null> {
    const enough = new AbortController();
    await Promise.race([this.#look, sleep(patienceMs, undefined, {signal: enough.signal}).catch(() => undefined)]);
    enough.abort();
    return this.#latest;
  }

  #isDue(progs: readonly ProgInfo[]): boolean {
    const last = this.#timeNs;
    if (last === null) return true;
    // Ids ascend, and so do the times of loading.
    const isNew = (progs.at(-1)?.loadTimeNs ?? 0n) > last;
    return performance.now() - this.#ended > Math.max(this.#restMs, isNew ? soonMs : usualMs);
  }

  async #begin(progs: readonly ProgInfo[], timeNs: bigint): Promise<void> {
    const began = performance.now();
    this.#latest = await this.#lookAt(progs, timeNs).catch(() => null);
    this.#ended = performance.now();
    this.#restMs = (this.#ended - began) / share;
    this.#look = null;
  }
}
