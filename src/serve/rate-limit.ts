/** How often a client may ask. */

/** `burst` requests at once, and one more an interval. */
export interface Rate {
  readonly intervalMs: number;
  readonly burst: number;
}

/** As many clients as are remembered; one that is forgotten may ask as if for the first time. */
const mostClients = 4096;

/** Counts the requests of each client. */
export class RateLimit {
  readonly #rate: Rate;
  /** When each will be as if it had never asked, ms; who asked last comes last. */
  readonly #restedAt = new Map<string, number>();

  constructor(rate: Rate) {
    this.#rate = rate;
  }

  /** Whether this client may ask now; counts it if so. */
  admits(client: string, nowMs = performance.now()): boolean {
    const {intervalMs, burst} = this.#rate;
    const restedAt = Math.max(nowMs, this.#restedAt.get(client) ?? 0) + intervalMs;
    if (restedAt > nowMs + intervalMs * burst) return false;
    this.#restedAt.delete(client);
    for (const longestAgo of this.#restedAt.keys()) {
      if (this.#restedAt.size < mostClients) break;
      this.#restedAt.delete(longestAgo);
    }
    this.#restedAt.set(client, restedAt);
    return true;
  }
}
