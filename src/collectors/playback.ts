/** When it is time for each sample of a recording: how fast it is played, and how far ahead somebody wants it. Its times are ms from its first sample. */
import {setImmediate as turn} from 'node:timers/promises';
import {Nap} from './nap.js';

/** No gap is longer, whatever the recording says: there is no longer delay between readings, ms. */
const longestGapMs = 3_600_000;
/** What is so late was held up by something else than its own work, ms. */
const stoppedMs = 1000;

/** The clock of one recording. */
export class Playback {
  #speed: number;
  readonly #catchesUp: boolean;
  /** The time it was at #sinceMs, which is one of performance.now(); null: it hasn't begun. */
  #atMs = 0;
  #sinceMs: number | null = null;
  /** Nothing until then is waited for. */
  #aheadMs = 0;
  /** Nor is the next sample, whenever it is. */
  #takesNext = false;
  /** The time of the sample that is waited for, or was last. */
  #sampleMs = 0;
  /** Since when its recorder has given nothing; null: it isn't waited for. */
  #silentSinceMs: number | null = null;
  readonly #nap = new Nap();

  /**
   * @param catchesUp whether what is late is shown at once however late it is, as what comes from a recorder that is running. Else it goes on
   * from where it was after a stop (Ctrl-Z).
   */
  constructor(speed: number, catchesUp: boolean) {
    this.#speed = speed;
    this.#catchesUp = catchesUp;
  }

  /** How many times as fast as it was recorded; Infinity: without waiting. Another one holds at once, for the wait under way too. */
  get speed(): number {
    return this.#speed;
  }

  set speed(speed: number) {
    // Where samples are no longer kept up with it is far ahead of them, and would be so for long.
    if (this.#sinceMs !== null) this.#moveTo(Math.min(this.#now(), this.#sampleMs));
    this.#speed = speed;
    this.#nap.end();
  }

  /** For how long a recorder that is running has given nothing, ms; null: it is none. */
  get silentMs(): number | null {
    if (!this.#catchesUp) return null;
    return this.#silentSinceMs === null ? 0 : performance.now() - this.#silentSinceMs;
  }

  /** More is waited for, or something has come. */
  waits(waits: boolean): void {
    this.#silentSinceMs = waits ? performance.now() : null;
  }

  /** Goes so much further, to the next sample at least: all until then come without a wait. Again and again it adds up. */
  ahead(ms: number): void {
    this.#takesNext = true;
    this.skipTo(Math.max(this.#aheadMs, this.#now()) + ms);
  }

  /** Samples until that time come without a wait. */
  skipTo(atMs: number): void {
    this.#aheadMs = Math.max(this.#aheadMs, atMs);
    this.#nap.end();
  }

  /** All that there was has been played, and one at that time comes only now: there is nothing to go ahead to, and no sense in waiting. */
  isPresent(atMs: number): void {
    this.#aheadMs = Math.min(this.#aheadMs, atMs);
    if (this.#now() < atMs) this.#moveTo(atMs);
  }

  /**
   * Waits until it is time for the sample at that time; of what comes after it none is earlier. Other events have their turn, also where there
   * is nothing to wait for.
   * @returns false if `signal` ended it.
   */
  async reach(atMs: number, signal?: AbortSignal): Promise<boolean> {
    this.#sampleMs = atMs;
    for (;;) {
      const ms = this.#untilMs(atMs);
      if (!(ms > 0)) {
        this.#takesNext = false;
        await turn();
        return !signal?.aborted;
      }
      if (!(await this.#nap.take(ms, signal)) && signal?.aborted) return false;
    }
  }

  /** How long there is to wait, ms; not for ever, and not where it goes ahead. */
  #untilMs(atMs: number): number {
    if (this.#sinceMs === null) this.#moveTo(atMs);
    const earlyMs = atMs - this.#now();
    const skips = this.#takesNext || atMs <= this.#aheadMs || this.#speed === Infinity;
    const wasStopped = !this.#catchesUp && -earlyMs / this.#speed > stoppedMs;
    if (skips ? earlyMs > 0 : wasStopped) this.#moveTo(atMs);
    else if (earlyMs > longestGapMs) this.#moveTo(atMs - longestGapMs);
    return (atMs - this.#now()) / this.#speed;
  }

  /** Where it is now. */
  #now(): number {
    if (this.#sinceMs === null || this.#speed === Infinity) return this.#atMs;
    return this.#atMs + (performance.now() - this.#sinceMs) * this.#speed;
  }

  #moveTo(atMs: number): void {
    this.#atMs = atMs;
    this.#sinceMs = performance.now();
  }
}
