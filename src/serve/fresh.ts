/** Something that is made anew when it is asked for and has grown old, once for all who ask meanwhile. */
export class Fresh<T> {
  readonly #make: () => Promise<T>;
  readonly #maxAgeMs: number;
  /** The last that was begun, made or being made; or why it could not be. */
  #latest: {readonly value: Promise<T>; readonly beganMs: number} | null = null;
  #isMaking = false;
  /** What is made after the one that is being made, for those to whom that is too old already. */
  #next: Promise<T> | null = null;

  /** What `get` gives began to be made at most `maxAgeMs` before it was asked for, or after. */
  constructor(make: () => Promise<T>, maxAgeMs: number) {
    this.#make = make;
    this.#maxAgeMs = maxAgeMs;
  }

  /** @throws what making throws, to all who wait for it, and to who asks while that is young; who asks later tries again. */
  async get(): Promise<T> {
    const latest = this.#latest;
    if (!latest) return this.#begin();
    if (performance.now() - latest.beganMs <= this.#maxAgeMs) return latest.value;
    if (this.#next) return this.#next;
    if (!this.#isMaking) return this.#begin();
    this.#next = latest.value.then(
      () => this.#begin(),
      () => this.#begin(),
    );
    return this.#next;
  }

  #begin(): Promise<T> {
    this.#next = null;
    this.#isMaking = true;
    const beganMs = performance.now();
    const value = this.#make().finally(() => (this.#isMaking = false));
    this.#latest = {value, beganMs};
    return value;
  }
}
