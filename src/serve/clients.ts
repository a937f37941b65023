/** Who counts as one client, so that none can take another's share of what there is. */
import {isIPv6} from 'node:net';

/**
 * What an address is counted under: an IPv4 address by itself, also one that is mapped into IPv6; of any other IPv6 address the first 64 bits,
 * for whoever has one has all that begin so (RFC 4291, 2.5.4).
 */
export function clientOf(address: string): string {
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [before = [], after] = address.split('::').map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = after ? Array<string>(8 - before.length - after.length).fill('0') : [];
  return `${[...before, ...zeros, ...(after ?? [])].slice(0, 4).join(':')}::/64`;
}

/** What clients have of something, each in the order in which it got it. */
export class Shares<T> {
  readonly #byClient = new Map<string, Set<T>>();
  #size = 0;

  /** Of all together. */
  get size(): number {
    return this.#size;
  }

  of(client: string): readonly T[] {
    return [...(this.#byClient.get(client) ?? [])];
  }

  add(client: string, item: T): void {
    const own = this.#byClient.get(client);
    if (own) own.add(item);
    else this.#byClient.set(client, new Set([item]));
    this.#size++;
  }

  /** @returns whether it was there. */
  delete(client: string, item: T): boolean {
    const own = this.#byClient.get(client);
    if (!own?.delete(item)) return false;
    this.#size--;
    if (own.size === 0) this.#byClient.delete(client);
    return true;
  }

  /** The client that has most; `favoured` where nobody has more than that. */
  greediest(favoured = ''): string {
    let found = favoured;
    let most = this.#byClient.get(favoured)?.size ?? 0;
    for (const [client, {size}] of this.#byClient) if (size > most) [found, most] = [client, size];
    return found;
  }

  /** Takes away what one client got first, of one client after the other. */
  take(): T | null {
    for (const [client, own] of this.#byClient)
      for (const item of own) {
        this.delete(client, item);
        // Its turn comes again after the others'.
        if (own.size > 0 && this.#byClient.delete(client)) this.#byClient.set(client, own);
        return item;
      }
    return null;
  }
}
