/** Numbers and text as bytes, for recordings: LEB128 with zigzag for signed numbers, UTF-8 with its length before it. */

/** Bytes that can't be what they should be. */
export class Damage extends Error {
  override readonly name = 'Damage';
}

/**
 * How many things (list entries and what stands alone) one payload may have: far more than any host's, and few enough that a
 * recording made up to fill memory can't.
 */
const mostItems = 2 ** 20;
/** Of a text, bytes: the longest there are, command lines and paths, have 4096. */
const longestText = 65_536;

/** Writes into a buffer that grows. */
export class ByteWriter {
  #bytes = Buffer.allocUnsafe(4096);
  #length = 0;
  #items = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** The place of a value in a list of all there are. */
  choice<T>(from: readonly T[], value: T): void {
    const at = from.indexOf(value);
    if (at < 0) throw new RangeError(`${String(value)} is none of ${from.join(', ')}`);
    this.byte(at);
  }

  /** A safe integer of either sign. @throws RangeError: it is none. */
  int(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is no safe integer`);
    if (Math.abs(value) > 2 ** 51) return this.big(BigInt(value));
    this.#reserve(10);
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** 64 bits, as signed: what of a u64 is beyond that comes out again as long as it is read as one. Written as `int` writes it. */
  big(value: bigint): void {
    const signed = BigInt.asIntN(64, value);
    const number = Number(signed);
    if (Math.abs(number) <= 2 ** 51) return this.int(number);
    this.#reserve(10);
    let rest = signed < 0n ? -2n * signed - 1n : 2n * signed;
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#length++] = Number(rest);
  }

  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.int(length);
    if (length > longestText) throw new RangeError(`a text of ${length} bytes`);
    this.#reserve(length);
    this.#length += this.#bytes.write(value, this.#length);
  }

  /** Something that may be unknown. */
  maybe<T>(value: T | null, write: (value: T) => void): void {
    this.bool(value !== null);
    if (value !== null) write(value);
  }

  list<T>(values: Iterable<T> & ({readonly length: number} | {readonly size: number}), write: (value: T) => void): void {
    const count = 'length' in values ? values.length : values.size;
    this.#count(count);
    this.int(count);
    for (const value of values) write(value);
  }

  /** All that another one has written. */
  embed(other: ByteWriter): void {
    this.#count(other.#items);
    this.#reserve(other.#length);
    this.#bytes.set(other.#bytes.subarray(0, other.#length), this.#length);
    this.#length += other.#length;
  }

  /** A copy of what was written. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length));
  }

  /** Begins anew. */
  clear(): void {
    this.#length = 0;
    this.#items = 0;
  }

  #count(items: number): void {
    this.#items += items;
    if (this.#items > mostItems) throw new RangeError(`more than ${mostItems} things`);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads what a ByteWriter wrote; everything throws Damage where that can't be. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;
  #items = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new Damage('it ends too soon');
    return value;
  }

  bool(): boolean {
    return this.choice([false, true]);
  }

  choice<T>(from: readonly T[]): T {
    const at = this.byte();
    if (at >= from.length) throw new Damage(`${at} is none of ${from.length} values`);
    return from[at] as T;
  }

  int(): number {
    const raw = this.#varint();
    if (typeof raw === 'number') return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
    const value = Number(unzigzag(raw));
    if (!Number.isSafeInteger(value)) throw new Damage('a number is too large');
    return value;
  }

  big(): bigint {
    const raw = this.#varint();
    if (typeof raw === 'number') return BigInt(raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2);
    return unzigzag(raw);
  }

  text(): string {
    const length = this.int();
    if (length < 0 || length > this.#bytes.length - this.#at) throw new Damage('a text is longer than what it is in');
    if (length > longestText) throw new Damage(`a text is longer than ${longestText} bytes`);
    this.#at += length;
    return this.#bytes.toString('utf8', this.#at - length, this.#at);
  }

  maybe<T>(read: () => T): T | null {
    return this.bool() ? read() : null;
  }

  /** How many things follow; each takes a byte at least. */
  count(): number {
    const count = this.int();
    if (count < 0 || count > this.#bytes.length - this.#at) throw new Damage('a list is longer than what it is in');
    this.#items += count;
    if (this.#items > mostItems) throw new Damage(`it has more than ${mostItems} things`);
    return count;
  }

  list<T>(read: () => T): T[] {
    const values: T[] = [];
    for (let count = this.count(); count > 0; count--) values.push(read());
    return values;
  }

  /** That nothing follows. */
  end(): void {
    if (this.#at !== this.#bytes.length) throw new Damage('something follows its end');
  }

  /** A number below 2^49, else a bigint of at most 64 bits. */
  #varint(): number | bigint {
    let value = 0;
    let size = 1;
    for (let i = 0; i < 7; i++, size *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * size;
      if (byte < 0x80) return value;
    }
    let long = BigInt(value);
    for (let shift = 49n; shift <= 63n; shift += 7n) {
      const byte = this.byte();
      long |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (long >> 64n) break;
        return long;
      }
    }
    throw new Damage('a number has more than 64 bits');
  }
}

function unzigzag(raw: bigint): bigint {
  return raw & 1n ? -(raw >> 1n) - 1n : raw >> 1n;
}

/** CRC-32 of IEEE 802.3, as in gzip and PNG (RFC 1952, section 8); Node has it only from 20.15 on. */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crcTable[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

const crcTable = Uint32Array.from({length: 256}, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});
