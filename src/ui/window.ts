/** How far back a program's page looks, and what it finds there. */
import type {HistoryMetric, MetricPast, Trends} from '../model/history.js';
import type {Measured, MeasuredProg} from '../model/measure.js';

/** Those that keys choose, ns: 1, 5 and 10 minutes. */
export const windowsNs = {window1: 60e9, window5: 300e9, window10: 600e9} as const;

/** Longer ones are never chosen but taken: at long delays the past is long. */
const allNs: readonly number[] = [...Object.values(windowsNs), 3600e9];

/** The smallest window that holds a past of that length, ns. */
export function windowFor(spanNs: number): number {
  return allNs.find((each) => each >= spanNs) ?? Math.max(spanNs, ...allNs);
}

/** `5m`, `1m30s` */
export function windowText(ns: number): string {
  const seconds = Math.round(ns / 1e9);
  if (seconds < 60) return `${seconds}s`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** What it takes to look back at a program. */
export interface PastInput {
  readonly prog: MeasuredProg;
  readonly measured: Measured;
  readonly history: Trends;
  /** CLOCK_BOOTTIME of the first reading without it, ns; null while it is loaded. */
  readonly goneNs: bigint | null;
  /** null: as long as there is something to see. */
  readonly windowNs: number | null;
}

/** A program's figures within a window. */
export interface WindowPast {
  readonly windowNs: number;
  /** CLOCK_BOOTTIME where the window ends, ns: the reading that is shown, or the first one without the program. */
  readonly endNs: number;
  /** How much of the window there are readings of, ns. */
  readonly seenNs: number;
  readonly metrics: Readonly<Record<HistoryMetric, MetricPast>>;
}

function look({prog, measured, history, goneNs, windowNs}: PastInput): WindowPast {
  const {key} = prog.info;
  const now = Number(measured.sample.timeNs);
  const endNs = goneNs === null ? now : Math.min(now, Number(goneNs));
  const since = endNs - (history.firstNs(key) ?? endNs);
  const chosen = windowNs ?? windowFor(since);
  return {
    windowNs: chosen,
    endNs,
    seenNs: Math.max(0, Math.min(chosen, since)),
    metrics: history.past(key, endNs - chosen, endNs),
  };
}

let last: {readonly input: PastInput; readonly past: WindowPast} | null = null;

/** The figures within the window; looked up once a reading, however often they are painted. */
export function pastOf(input: PastInput): WindowPast {
  const of = last?.input;
  const same =
    of &&
    of.prog === input.prog &&
    of.measured === input.measured &&
    of.history === input.history &&
    of.goneNs === input.goneNs &&
    of.windowNs === input.windowNs;
  if (!last || !same) last = {input, past: look(input)};
  return last.past;
}
