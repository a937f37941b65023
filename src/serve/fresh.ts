/** Something that is made anew when it is asked for and has grown old, once for all who ask meanwhile. */
export class Fresh<T> {
  readonly #make: () => Promise<T>;
  readonly #maxAgeMs: number;
  #latest: {readonly value: T; readonly beganMs: number} | null = null;
  #making: {readonly value: Promise<T>; readonly beganMs: number} | null = null;
  /** What is made after the one that is being made, for those to whom that is too old already. */
  #next: Promise<T> | null = null;

  /** What `get` gives began to be made at most `maxAgeMs` before it was asked for, or after. */
  constructor(make: () => Promise<T>, maxAgeMs: number) {
    this.#make = make;
    this.#maxAgeMs = maxAgeMs;
  }

  /** @throws what making throws, to all who wait for it; who asks later tries again. */
  async get(): Promise<T> {
    const now = performance.now();
    const isFresh = ({beganMs}: {readonly beganMs: number}) => now - beganMs <= this.#maxAgeMs;
    if (this.#latest && isFresh(this.#latest)) return this.#latest.value;
    if (!this.#making) return this.#begin();
    if (isFresh(this.#making)) return this.#making.value;
    this.#next ??= this.#making.value.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<T> {
    const beganMs = performance.now();
    this.#next = null;
    const value = this.#finish(beganMs);
    this.#making = {value, beganMs};
    return value;
  }

  async #finish(beganMs: number): Promise<T> {
    try {
      const value = await this.#make();
      this.#latest = {value, beganMs};
      return value;
    } finally {
      this.#making = null;
    }
  }
}
