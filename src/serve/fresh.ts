/** Something that is made anew when it is asked for and has grown old, once for all who ask meanwhile. */
export class Fresh<T> {
  readonly #make: () => Promise<T>;
  readonly #maxAgeMs: number;
  #latest: {readonly value: T; readonly beganMs: number} | null = null;
  #making: Promise<T> | null = null;

  /** What `get` gives began to be made at most `maxAgeMs` before it was asked for, or after. */
  constructor(make: () => Promise<T>, maxAgeMs: number) {
    this.#make = make;
    this.#maxAgeMs = maxAgeMs;
  }

  /** @throws what making throws, to all who wait for it; who asks later tries again. */
  async get(): Promise<T> {
    const now = performance.now();
    if (this.#latest && now - this.#latest.beganMs <= this.#maxAgeMs) return this.#latest.value;
    this.#making ??= this.#begin(now);
    return this.#making;
  }

  async #begin(beganMs: number): Promise<T> {
    try {
      const value = await this.#make();
      this.#latest = {value, beganMs};
      return value;
    } finally {
      this.#making = null;
    }
  }
}
