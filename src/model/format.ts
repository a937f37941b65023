/** Numbers as people read them: three significant digits and a unit, in a width that a column can count on. */

/** How wide the widest output of each scaled format is, in terminal cells. */
export const formatWidth = {duration: 6, count: 5, bytes: 7, percent: 6, relative: 6};

interface Step {
  readonly from: number;
  readonly unit: string;
}

const durationSteps: readonly Step[] = [
  {from: 1, unit: 'ns'},
  {from: 1e3, unit: 'µs'},
  {from: 1e6, unit: 'ms'},
  {from: 1e9, unit: 's'},
  {from: 60e9, unit: 'm'},
  {from: 3600e9, unit: 'h'},
  {from: 86400e9, unit: 'd'},
];
const countSteps: readonly Step[] = [
  {from: 1, unit: ''},
  {from: 1e3, unit: 'k'},
  {from: 1e6, unit: 'M'},
  {from: 1e9, unit: 'G'},
  {from: 1e12, unit: 'T'},
  {from: 1e15, unit: 'P'},
  {from: 1e18, unit: 'E'},
];
const byteSteps: readonly Step[] = [
  {from: 1, unit: 'B'},
  {from: 2 ** 10, unit: 'KiB'},
  {from: 2 ** 20, unit: 'MiB'},
  {from: 2 ** 30, unit: 'GiB'},
  {from: 2 ** 40, unit: 'TiB'},
];

/** `<0.1`, `0.4`, `9.9`, `45`, `999`: one decimal below 10 (unless whole), none from there on. What isn't 0 isn't drawn as 0. */
function smallest(value: number): string {
  if (value > 0 && value < 0.05) return '<0.1';
  return value >= 9.95 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

/** `1.2`, `12.4`, `124`: one decimal up to 99.9. */
function mantissa(value: number): string {
  return value < 99.95 ? value.toFixed(1) : value.toFixed(0);
}

function scaled(value: number, steps: readonly Step[]): string {
  let i = 0;
  // 999.6 of a unit is printed as 1.0 of the next: compare what would be printed, not what is there.
  while (i + 1 < steps.length) {
    const size = (steps[i] as Step).from;
    const next = (steps[i + 1] as Step).from;
    if (Math.round(value / size) * size < next) break;
    i++;
  }
  const {from, unit} = steps[i] as Step;
  return (i === 0 ? smallest(value) : mantissa(value / from)) + unit;
}

/** Nanoseconds: `45ns`, `1.2µs`, `124ms`, `3.0h`. At most 6 cells up to 999 days. */
export function formatDuration(ns: number | bigint): string {
  return scaled(Number(ns), durationSteps);
}

/** A count or a rate: `0.4`, `999`, `36.0k`, `1.2M`. At most 5 cells. */
export function formatCount(value: number | bigint): string {
  return scaled(Number(value), countSteps);
}

/** Bytes in powers of 1024: `4.0KiB`. */
export function formatBytes(bytes: number | bigint): string {
  return scaled(Number(bytes), byteSteps);
}

/** Per cent, without the sign: `0.04`, `12.30`, `134.5`, `12800`. */
export function formatPercent(percent: number): string {
  const magnitude = Math.abs(percent);
  return percent.toFixed(magnitude < 99.995 ? 2 : magnitude < 9999.95 ? 1 : 0);
}

/** A share of what something was: `0.4%`, `12%`, `1.2k%`, `34k%`. At most 5 cells up to 999k. */
export function formatRelative(percent: number): string {
  return percent < 9950 ? `${formatCount(percent)}%` : `${(percent / 1000).toFixed(0)}k%`;
}

/** A change, by how its size is printed: `+0.51`, `-12%`, `0`. What is too small to be printed has its sign still: `+0.00`. */
export function formatSigned(change: number, size: (size: number) => string): string {
  const text = size(Math.abs(change)).replace('<0.1', '0.0');
  return change === 0 ? text : (change < 0 ? '-' : '+') + text;
}

/** A moment, Unix time in seconds, as `2026-01-31 12:00:00` in UTC. */
export function formatTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 19).replace('T', ' ');
}

/** The same without the day: `12:00:00`. */
export function formatClock(seconds: number): string {
  return formatTime(seconds).slice(-8);
}

/** `1 program`, `12 programs` */
export function formatNumberOf(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
