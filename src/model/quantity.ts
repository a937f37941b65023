/** Numbers with units as people write them: `10us`, `5ms`, `2k`, `3M`, `4KiB`, `1.5%`. Each kind of field has its own units. */
import type {FieldKind} from './fields.js';

type Units = readonly (readonly [name: RegExp, size: bigint])[];

const counts: Units = [
  [/^$/, 1n],
  [/^k$/i, 10n ** 3n],
  [/^m$/i, 10n ** 6n],
  [/^g$/i, 10n ** 9n],
  [/^t$/i, 10n ** 12n],
  [/^p$/i, 10n ** 15n],
  [/^e$/i, 10n ** 18n],
];

/** Those of each kind; the first is that of the raw value. `m` is a minute, but a million of what is counted. */
const unitsOf: Partial<Record<FieldKind, {readonly units: Units; readonly examples: string}>> = {
  number: {units: [[/^$/, 1n]], examples: 'a number'},
  percent: {units: [[/^%?$/, 1n]], examples: 'a percentage such as 0.5 or 12%'},
  count: {units: counts, examples: 'a count such as 250, 2k or 3M'},
  rate: {units: counts, examples: 'a rate such as 250, 2k or 3M'},
  bytes: {
    units: [
      [/^b?$/i, 1n],
      // As the columns are drawn.
      [/^k(i?b)?$/i, 2n ** 10n],
      [/^m(i?b)?$/i, 2n ** 20n],
      [/^g(i?b)?$/i, 2n ** 30n],
      [/^t(i?b)?$/i, 2n ** 40n],
    ],
    examples: 'a size such as 512, 4KiB or 2M',
  },
  duration: {
    units: [
      [/^(ns)?$/, 1n],
      [/^[uµμ]s$/, 10n ** 3n],
      [/^ms$/, 10n ** 6n],
      [/^s$/, 10n ** 9n],
      [/^m(in)?$/, 60n * 10n ** 9n],
      [/^h$/, 3600n * 10n ** 9n],
      [/^d$/, 86400n * 10n ** 9n],
    ],
    examples: 'a time such as 800ns, 10us, 5ms or 2s',
  },
  time: {units: [[/^$/, 1n]], examples: 'a moment such as 2026-01-31 or 2026-01-31T12:00, in UTC'},
};

/** What a value of that kind looks like, for who wrote another. */
export function quantityExamples(kind: FieldKind): string {
  return unitsOf[kind]?.examples ?? 'a number';
}

// Digits enough for a u64, and for what a double can tell apart.
const written = /^([+-]?)(\d{1,40})?(?:\.(\d{0,40}))?([^\d.\s]*)$/;

/**
 * Reads a value of that kind in the unit of the field's raw values. What is whole is exact: a number while it is a safe integer, else a
 * bigint. Comparing either with either is exact in JavaScript.
 * @returns null: it is none.
 */
export function parseQuantity(kind: FieldKind, text: string): number | bigint | null {
  if (kind === 'time' && text.includes('-')) return parseMoment(text);
  const [, sign = '', whole = '', fraction = '', unit = ''] = written.exec(text) ?? [];
  const size = unitsOf[kind]?.units.find(([name]) => name.test(unit))?.[1];
  if (size === undefined || whole + fraction === '') return null;
  const parts = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * size;
  if (scaled % parts !== 0n)
    return Number(`${sign}${scaled / parts}.${String(scaled % parts).padStart(fraction.length, '0')}`);
  const exact = (sign === '-' ? -1n : 1n) * (scaled / parts);
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

/** `2026-01-31`, with `T12:00`, `T12:00:30` or a blank instead of the T after it, and a zone if it isn't UTC: Unix seconds. */
function parseMoment(text: string): number | null {
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)?)?$/i.exec(text);
  if (!found) return null;
  const [, date = '', time = '00:00', zone = 'Z'] = found;
  const ms = Date.parse(`${date}T${time}${zone.toUpperCase()}`);
  return Number.isNaN(ms) ? null : ms / 1000;
}
