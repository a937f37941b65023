/**
 * When the next reading is due. The beats are counted from the first one, so that the time a reading takes doesn't add up; beats
 * that passed while a reading was under way are left out, not caught up with.
 */
import {Nap} from './nap.js';

/** The beat of a loop of readings. */
export class Pace {
  #delayMs: number;
  #firstMs: number | null;
  #due: number | null = null;
  readonly #nap = new Nap();

  /** `firstMs` is the delay before the second reading: a short one puts rates on a screen soon. */
  constructor(delayMs: number, firstMs: number = delayMs) {
    this.#delayMs = delayMs;
    this.#firstMs = Math.min(firstMs, delayMs);
  }

  /** Between readings, ms. Changed while somebody waits, it holds from the last reading on: what is due by it already comes a delay from then. */
  get delayMs(): number {
    return this.#delayMs;
  }

  set delayMs(ms: number) {
    this.#delayMs = ms;
    this.#nap.end();
  }

  /** Tells when a reading began. The first one starts the beat. */
  begin(now: number = performance.now()): void {
    this.#due ??= now;
  }

  /** How long to wait from `now` for the next beat, ms; that beat counts as begun. */
  next(now: number): number {
    const delay = this.#firstMs ?? this.#delayMs;
    this.#firstMs = null;
    const due = (this.#due ?? now) + delay;
    this.#due = due > now ? due : due + Math.ceil((now - due) / delay) * delay;
    return this.#due - now;
  }

  /** Waits until the next reading is due. @returns false if `signal` ended the wait. */
  async wait(signal?: AbortSignal): Promise<boolean> {
    for (;;) {
      const last = this.#due;
      if (await this.#nap.take(this.next(performance.now()), signal)) return true;
      if (signal?.aborted) return false;
      // Another delay.
      this.#due = last;
    }
  }
}
