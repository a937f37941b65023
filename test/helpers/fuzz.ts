/** Inputs for readers of what others wrote: valid examples, damaged. */
import type {Test} from 'tap';
import {UserError} from '../../src/errors.js';
import {printable} from '../../src/model/printable.js';
import {type Random, random} from './random.js';

const inputs = process.env['FUZZ_INPUTS'];
const firstSeed = Number(process.env['FUZZ_SEED'] ?? 1);
/** Above what any reader needs, and far below what a length made up could ask for, kB. */
const mostMemory = 2 ** 20;
/** The longest names every field. */
const longestSentence = 1000;

/**
 * Has `read` try so many inputs, or `FUZZ_INPUTS` (of what takes long a share of them), each made of a seed of its own: the first that `read`
 * throws for ends it, and can be had again by its seed.
 */
export async function fuzz(t: Test, inputsHere: number, read: (random: Random) => unknown, {share = 1} = {}): Promise<void> {
  const end = firstSeed + (inputs === undefined ? inputsHere : Math.ceil(Number(inputs) * share));
  let seed = firstSeed;
  try {
    for (; seed < end; seed++) await read(random(seed));
  } catch (error) {
    return void t.error(error, `FUZZ_SEED=${seed} FUZZ_INPUTS=1 has it again`);
  }
  t.ok(process.resourceUsage().maxRSS < mostMemory, `${end - firstSeed} inputs, in bounded memory`);
}

/** Whether so many inputs are tried that all that can become of them does. */
export const triesMany = firstSeed === 1 && !(Number(inputs) < 1000);

/** Refuses what is no error for a person: one short line, with every word in it. @throws what it was given, or what is wrong with it. */
export function checkRefusal(error: unknown, ...words: readonly (string | RegExp)[]): void {
  if (!(error instanceof UserError)) throw error;
  checkSentence(error.message, ...words);
}

/** @throws where it isn't one short line with these words. */
export function checkSentence(sentence: string, ...words: readonly (string | RegExp)[]): void {
  const shown = printable(sentence);
  if (shown.length > longestSentence || !/^\S+ .*\S$/.test(shown)) throw new Error(`no sentence: ${shown}`);
  for (const word of words) if (!shown.match(word)) throw new Error(`without ${String(word)}: ${shown}`);
}

/** One of the examples, damaged in up to four ways. */
export function damage(random: Random, examples: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(random.pick(examples));
  for (let ways = 1 + random.below(4); ways > 0; ways--) bytes = random.pick(damages)(bytes, random, random.pick(examples));
  return bytes;
}

/** A text, damaged: as bytes, or by one of the words that mean something to its reader. */
export function damageText(random: Random, examples: readonly Buffer[], words: readonly string[]): string {
  if (random.below(2) === 0) return damage(random, examples).toString();
  const text = random.pick(examples).toString();
  const [from, to] = [random.below(text.length + 1), random.below(4)];
  return text.slice(0, from) + random.pick(words).repeat(1 + random.below(3)) + text.slice(from + to);
}

type Damage = (bytes: Buffer, random: Random, other: Buffer) => Buffer;

/** Lengths and counts that mean trouble: nothing, one too many for its type, 4 GiB, negative. */
const extremes = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
/** The same as LEB128. */
const longNumbers = [7, 8, 9, 10].map((length) => Buffer.from([...Array<number>(length).fill(0xff), 0x01]));

const damages: readonly Damage[] = [
  (bytes, {below}) => {
    if (bytes.length > 0) bytes[below(bytes.length)]! ^= 1 << below(8);
    return bytes;
  },
  (bytes, {below, pick}) => {
    if (bytes.length > 0) bytes[below(bytes.length)] = pick([0, 1, 2, 0x7f, 0x80, 0xff, below(256)]);
    return bytes;
  },
  (bytes, {below, pick}) => {
    if (bytes.length >= 4) bytes.writeUInt32LE(pick(extremes), below(bytes.length - 3));
    return bytes;
  },
  (bytes, {below, pick}) => insert(bytes, below(bytes.length + 1), pick(longNumbers)),
  (bytes, {below}) => bytes.subarray(0, below(bytes.length + 1)),
  (bytes, {below}, other) =>
    Buffer.concat([bytes.subarray(0, below(bytes.length + 1)), other.subarray(below(other.length + 1))]),
  (bytes, {below}) => {
    const [from, length] = [below(bytes.length + 1), 1 + below(64)];
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + length)]);
  },
  (bytes, {below, pick}) => {
    const from = below(bytes.length + 1);
    const piece = bytes.subarray(from, from + 1 + below(64));
    return insert(bytes, from, Buffer.concat(Array<Buffer>(pick([1, 1, 1, 2, 50])).fill(piece)));
  },
];

function insert(bytes: Buffer, at: number, piece: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
}
