/** A wait that can be cut short. */
import {setTimeout as sleep} from 'node:timers/promises';

/** The longest that a timer takes, ms: 25 days. */
const longestMs = 2 ** 31 - 1;

/** One wait after the other. */
export class Nap {
  #end: () => void = () => {};

  /** @returns whether it lasted so long: neither `signal` nor `end` ended it. */
  async take(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return false;
    const woken = new AbortController();
    this.#end = () => woken.abort();
    signal?.addEventListener('abort', this.#end);
    try {
      await sleep(Math.min(ms, longestMs), undefined, {signal: woken.signal});
      return true;
    } catch {
      return false; // AbortError is the only way sleep() ends early
    } finally {
      signal?.removeEventListener('abort', this.#end);
      this.#end = () => {};
    }
  }

  /** Ends the wait under way, if there is one. */
  end(): void {
    this.#end();
  }
}
