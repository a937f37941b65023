/**
 * The past of every program and of the host, from the first sample on: one shared time line, and per program a column of
 * points (CPU %, events/s, average run time). Bounded twice: by age, and by bytes over all programs; when the line is full, its
 * older half is thinned two to one, so that the past gets coarser with age rather than short.
 */
import type {Measured, MeasuredProg, Totals} from './measure.js';

/** What is kept of each point. */
export const historyMetrics = ['cpu_pct', 'events_per_sec', 'avg_run_time_ns'] as const;
export type HistoryMetric = (typeof historyMetrics)[number];

const perPoint = historyMetrics.length;
const bytesPerPoint = perPoint * Float32Array.BYTES_PER_ELEMENT;

/** Points from the first frame the program was in; NaN where a value wasn't known. */
interface Series {
  /** Index into the time line of the first point. */
  start: number;
  length: number;
  values: Float32Array;
}

export interface HistoryLimits {
  /** Older points go, ns. */
  readonly spanNs: number;
  /** Points on the time line when there is memory for them. */
  readonly points: number;
  /** Over all programs. */
  readonly bytes: number;
}

/** Ten minutes at a second; 32 MiB hold that for 4 600 programs. */
export const historyLimits: HistoryLimits = {spanNs: 600e9, points: 600, bytes: 32 * 2 ** 20};

/** Gone programs whose past is kept, so that their page can still show it. */
const goneKept = 256;
/** However many programs there are, this much past is kept: a sparkline is this long at most. */
const fewestPoints = 60;

/** One point of a series. */
export interface HistoryPoint {
  /** CLOCK_BOOTTIME, ns. */
  readonly timeNs: number;
  /** null: not known. */
  readonly value: number | null;
}

export class History {
  readonly #limits: HistoryLimits;
  #times: number[] = [];
  readonly #host: Series = {start: 0, length: 0, values: new Float32Array(0)};
  readonly #series = new Map<string, Series>();
  /** Keys of programs that went, oldest first. */
  readonly #gone = new Set<string>();

  constructor(limits: HistoryLimits = historyLimits) {
    this.#limits = limits;
  }

  /** Adds what a sample measured. Every program of it gets a point. */
  push(measured: Measured): void {
    if (this.#times.length >= this.#capacity(measured.progs.length)) this.#compact();
    const frame = this.#times.length;
    this.#times.push(Number(measured.sample.timeNs));
    // What the screen's header says.
    const {othersTotals: totals} = measured;
    append(this.#host, frame, totals.cpuPct, totals.eventsPerSec, averageOf(totals));
    for (const prog of measured.progs) this.#append(prog, frame);
    for (const prog of measured.gone) this.#retire(prog.info.key);
  }

  /** The last `count` values of a program ('host': of all of them together), oldest first; fewer where there are fewer. */
  last(key: string, metric: HistoryMetric, count: number): (number | null)[] {
    return this.points(key, metric, count).map((point) => point.value);
  }

  /** The last `count` points of a program ('host': of all of them together), oldest first. */
  points(key: string, metric: HistoryMetric, count = Infinity): HistoryPoint[] {
    const series = key === 'host' ? this.#host : this.#series.get(key);
    if (!series) return [];
    const offset = historyMetrics.indexOf(metric);
    const points: HistoryPoint[] = [];
    for (let i = Math.max(0, series.length - count); i < series.length; i++) {
      const value = series.values[i * perPoint + offset] as number;
      points.push({timeNs: this.#times[series.start + i] as number, value: Number.isNaN(value) ? null : value});
    }
    return points;
  }

  /** Bytes held by all points. */
  get bytes(): number {
    let total = this.#host.values.byteLength;
    for (const series of this.#series.values()) total += series.values.byteLength;
    return total;
  }

  #capacity(progs: number): number {
    const {points, bytes} = this.#limits;
    return Math.max(fewestPoints, Math.min(points, Math.floor(bytes / bytesPerPoint / (progs + this.#gone.size + 1))));
  }

  #append(prog: MeasuredProg, frame: number): void {
    let series = this.#series.get(prog.info.key);
    if (!series) {
      series = {start: frame, length: 0, values: new Float32Array(0)};
      this.#series.set(prog.info.key, series);
    }
    append(series, frame, prog.cpuPct, prog.eventsPerSec, prog.avgRunTimeNs);
  }

  #retire(key: string): void {
    this.#gone.add(key);
    if (this.#gone.size <= goneKept) return;
    const oldest = this.#gone.values().next().value as string;
    this.#gone.delete(oldest);
    this.#series.delete(oldest);
  }

  /** Drops what is too old; where that isn't enough, thins the older half. */
  #compact(): void {
    const times = this.#times;
    const newest = times[times.length - 1] as number;
    const oldest = newest - this.#limits.spanNs;
    const thinned = times.length >> 1;
    const place = new Int32Array(times.length);
    const kept: number[] = [];
    let dropped = 0;
    while (dropped < times.length && (times[dropped] as number) < oldest) place[dropped++] = -1;
    const thin = dropped < thinned >> 1;
    for (let i = dropped; i < times.length; i++) {
      const second = thin && i < thinned && (i - dropped) % 2 === 1;
      if (!second) kept.push(times[i] as number);
      place[i] = kept.length - 1;
    }
    this.#times = kept;
    move(this.#host, place);
    for (const [key, series] of this.#series) {
      move(series, place);
      if (series.length > 0) continue;
      this.#series.delete(key);
      this.#gone.delete(key);
    }
  }
}

function averageOf({periodRunTimeNs, periodRunCnt}: Totals): number | null {
  return periodRunTimeNs !== null && periodRunCnt ? periodRunTimeNs / periodRunCnt : null;
}

function append(series: Series, frame: number, cpu: number | null, events: number | null, average: number | null): void {
  // A frame that the program wasn't in (it can't be, ids come once; a damaged recording can) is a point of unknowns.
  const length = frame - series.start + 1;
  if (length * perPoint > series.values.length) {
    const grown = new Float32Array(Math.max(8, length + (length >> 1)) * perPoint).fill(NaN);
    grown.set(series.values);
    series.values = grown;
  }
  series.length = length;
  const at = (length - 1) * perPoint;
  series.values[at] = cpu ?? NaN;
  series.values[at + 1] = events ?? NaN;
  series.values[at + 2] = average ?? NaN;
}

/** Moves the points of a series to their new places; points that share a place become their mean. */
function move(series: Series, place: Int32Array): void {
  const moved: number[] = [];
  const counts: number[] = [];
  let start = -1;
  for (let i = 0; i < series.length; i++) {
    const to = place[series.start + i] as number;
    if (to < 0) continue;
    if (start < 0) start = to;
    for (let m = 0; m < perPoint; m++) {
      const at = (to - start) * perPoint + m;
      const value = series.values[i * perPoint + m] as number;
      const count = counts[at] ?? 0;
      if (Number.isNaN(value)) {
        moved[at] ??= NaN;
        counts[at] ??= 0;
      } else {
        moved[at] = count === 0 ? value : ((moved[at] as number) * count + value) / (count + 1);
        counts[at] = count + 1;
      }
    }
  }
  series.values = Float32Array.from(moved);
  series.length = moved.length / perPoint;
  series.start = Math.max(0, start);
}
