/**
 * The past of every program and of the host, from the first sample on: a frame for each sample, and in it a place (CPU %, events/s,
 * average run time) for each program. Bounded twice: by age, and by bytes over all programs; when it is full, its older half is
 * thinned two to one, so that the past gets coarser with age rather than short. By frame, not by program, because then adding one and
 * thinning touch little: at 1 000 programs 0.05 ms and 2 ms, at 10 000 0.5 ms and 11 ms, which is what a key may have to wait.
 */
import type {Measured, MeasuredProg, Totals} from './measure.js';

/** What is kept of each point. */
export const historyMetrics = ['cpu_pct', 'events_per_sec', 'avg_run_time_ns'] as const;
/** One of them. */
export type HistoryMetric = (typeof historyMetrics)[number];

const perPoint = historyMetrics.length;
const bytesPerPoint = perPoint * Float32Array.BYTES_PER_ELEMENT;

/** All that is kept of a sample: `perPoint` values for each slot, NaN where one isn't known. */
interface Frame {
  readonly timeNs: number;
  readonly values: Float32Array;
}

/** Where the points of a program are. */
interface Series {
  readonly slot: number;
  /** Index of the first frame that it was in. */
  start: number;
  /** Frames from there to the last that it was in. */
  length: number;
}

const hostSlot = 0;

/** How much of the past is kept. */
export interface HistoryLimits {
  /** Older points go, ns. */
  readonly spanNs: number;
  /** Frames when there is memory for them. */
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

/** What one metric did between two moments. */
export interface MetricPast {
  /** Oldest first. */
  readonly points: readonly HistoryPoint[];
  /** Of the values that are known; null: none is. `avg` is their mean, each counting alike. */
  readonly min: number | null;
  readonly avg: number | null;
  readonly max: number | null;
}

/** What there is to read, up to now or up to a moment. Keys are those of programs; 'host' is all of them together. */
export interface Trends {
  /** The last `count` values, oldest first; fewer where there are fewer. */
  last(key: string, metric: HistoryMetric, count: number): (number | null)[];
  /**
   * The sums over these programs in each of the last `count` frames, oldest first, null where none of them had a value. Programs that went
   * are in the frames of their time, as long as they are remembered.
   */
  sums(keys: Iterable<string>, metric: HistoryMetric, count: number): (number | null)[];
  /** CLOCK_BOOTTIME of the first sample that a program was in, as far as is remembered, ns; null: it was in none. */
  firstNs(key: string): number | null;
  /** What all metrics of a program did from one moment (CLOCK_BOOTTIME, ns) to another, both included, in one pass. */
  past(key: string, fromNs: number, toNs: number): Record<HistoryMetric, MetricPast>;
}

/** The frames of some time, and which of them each program was in. */
class Frames implements Trends {
  protected constructor(
    protected frames: Frame[],
    protected readonly series: Map<string, Series>,
    protected readonly host: Series,
  ) {}

  last(key: string, metric: HistoryMetric, count: number): (number | null)[] {
    const series = key === 'host' ? this.host : this.series.get(key);
    if (!series) return [];
    const offset = series.slot * perPoint + historyMetrics.indexOf(metric);
    const values: (number | null)[] = [];
    const end = series.start + series.length;
    for (let i = Math.max(series.start, end - count); i < end; i++) {
      // A frame is as long as there were slots.
      const value = (this.frames[i] as Frame).values[offset] ?? NaN;
      values.push(Number.isNaN(value) ? null : value);
    }
    return values;
  }

  sums(keys: Iterable<string>, metric: HistoryMetric, count: number): (number | null)[] {
    const metricAt = historyMetrics.indexOf(metric);
    const from = Math.max(0, this.frames.length - count);
    const sums = new Float64Array(this.frames.length - from).fill(NaN);
    for (const key of keys) {
      const series = this.series.get(key);
      if (!series) continue;
      const offset = series.slot * perPoint + metricAt;
      const end = series.start + series.length;
      for (let i = Math.max(from, series.start); i < end; i++) {
        const value = (this.frames[i] as Frame).values[offset] ?? NaN;
        const sum = sums[i - from] as number;
        // NaN is the only number that isn't itself.
        if (value === value) sums[i - from] = sum === sum ? sum + value : value;
      }
    }
    return Array.from(sums, (sum) => (Number.isNaN(sum) ? null : sum));
  }

  firstNs(key: string): number | null {
    const series = this.series.get(key);
    return series ? (this.frames[series.start] as Frame).timeNs : null;
  }

  past(key: string, fromNs: number, toNs: number): Record<HistoryMetric, MetricPast> {
    const {slot, start, length} = this.series.get(key) ?? {slot: 0, start: 0, length: 0};
    const found = historyMetrics.map(() => ({
      points: [] as HistoryPoint[],
      count: 0,
      sum: 0,
      min: Infinity,
      max: -Infinity,
    }));
    for (let i = start; i < start + length; i++) {
      const {timeNs, values} = this.frames[i] as Frame;
      if (timeNs < fromNs || timeNs > toNs) continue;
      for (let at = 0; at < perPoint; at++) {
        const each = found[at] as (typeof found)[number];
        const value = values[slot * perPoint + at] ?? NaN;
        const known = !Number.isNaN(value);
        each.points.push({timeNs, value: known ? value : null});
        if (!known) continue;
        each.count++;
        each.sum += value;
        each.min = Math.min(each.min, value);
        each.max = Math.max(each.max, value);
      }
    }
    const pasts = found.map(({points, count, sum, min, max}, at) => {
      const figures = count === 0 ? {min: null, avg: null, max: null} : {min, avg: sum / count, max};
      return [historyMetrics[at], {points, ...figures}] as const;
    });
    return Object.fromEntries(pasts) as Record<HistoryMetric, MetricPast>;
  }
}

/** The past of all programs; see above. */
export class History extends Frames {
  readonly #limits: HistoryLimits;
  /** Keys of programs that went, oldest first. */
  readonly #gone = new Set<string>();
  /** Slots below #slots that nobody has; in no frame they hold anything. */
  #free: number[] = [];
  #slots = hostSlot + 1;

  constructor(limits: HistoryLimits = historyLimits) {
    super([], new Map(), {slot: hostSlot, start: 0, length: 0});
    this.#limits = limits;
  }

  /** Adds what a sample measured. Every program of it gets a point. */
  push(measured: Measured): void {
    // Totals as the screen's header says them.
    const {progs, gone, othersTotals: totals, sample} = measured;
    if (this.frames.length >= this.#capacity(progs.length)) this.#compact();
    const at = this.frames.length;
    const all = progs.map(({info}) => this.#seriesOf(info.key, at));
    const values = new Float32Array(this.#slots * perPoint).fill(NaN);
    this.frames.push({timeNs: Number(sample.timeNs), values});
    this.host.length = at - this.host.start + 1;
    put(values, hostSlot, totals.cpuPct, totals.eventsPerSec, averageOf(totals));
    for (let i = 0; i < all.length; i++) {
      const series = all[i] as Series;
      const {cpuPct, eventsPerSec, avgRunTimeNs} = progs[i] as MeasuredProg;
      series.length = at - series.start + 1;
      put(values, series.slot, cpuPct, eventsPerSec, avgRunTimeNs);
    }
    for (const prog of gone) this.#gone.add(prog.info.key);
    this.#forget();
  }

  /**
   * The same up to that moment (CLOCK_BOOTTIME, ns), as it is now: what is added, thinned or too old from now on changes nothing of it. Only
   * of programs that are forgotten later, too many having gone, it has no values any more.
   */
  until(timeNs: number): Trends {
    const count = this.frames.findLastIndex((frame) => frame.timeNs <= timeNs) + 1;
    return new Until(this.frames, this.series, this.host, count);
  }

  /** Bytes held by all points. */
  get bytes(): number {
    return this.frames.reduce((total, {values}) => total + values.byteLength, 0);
  }

  #capacity(progs: number): number {
    const {points, bytes} = this.#limits;
    const slots = Math.max(this.#slots, progs + this.#gone.size + 1);
    return Math.max(fewestPoints, Math.min(points, Math.floor(bytes / bytesPerPoint / slots)));
  }

  #seriesOf(key: string, frame: number): Series {
    let series = this.series.get(key);
    if (!series) {
      series = {slot: this.#free.pop() ?? this.#slots++, start: frame, length: 0};
      this.series.set(key, series);
    } else if (series.start + series.length < frame) {
      this.#gone.delete(key); // it has come back
    }
    return series;
  }

  /** Lets go of those that went the longest ago, if there are too many. */
  #forget(): void {
    const slots: number[] = [];
    for (const key of this.#gone) {
      if (this.#gone.size <= goneKept) break;
      this.#gone.delete(key);
      const series = this.series.get(key);
      if (series) slots.push(series.slot);
      this.series.delete(key);
    }
    this.#release(slots);
  }

  /** Makes slots free: what is in them must not be taken for the next one's. */
  #release(slots: readonly number[]): void {
    if (slots.length === 0) return;
    for (const {values} of this.frames)
      for (const slot of slots) if (slot * perPoint < values.length) put(values, slot, null, null, null);
    // The lowest are taken first; the highest, once free, are no longer there at all.
    this.#free = [...this.#free, ...slots].sort((a, b) => b - a);
    let above = 0;
    while (this.#free[above] === this.#slots - 1) {
      this.#slots--;
      above++;
    }
    this.#free.splice(0, above);
  }

  /** Drops what is too old; where that isn't enough, thins the older half. */
  #compact(): void {
    const frames = this.frames;
    const oldest = (frames[frames.length - 1] as Frame).timeNs - this.#limits.spanNs;
    const half = frames.length >> 1;
    const place = new Int32Array(frames.length);
    const kept: Frame[] = [];
    let dropped = 0;
    while (dropped < frames.length && (frames[dropped] as Frame).timeNs < oldest) dropped++;
    const thin = dropped < half >> 1;
    for (let i = dropped; i < frames.length; i++) {
      const frame = frames[i] as Frame;
      const first = thin && i < half && (i - dropped) % 2 === 1 ? kept.pop() : undefined;
      kept.push(first ? {timeNs: first.timeNs, values: means(first.values, frame.values)} : frame);
      place[i] = kept.length - 1;
    }
    this.frames = kept;
    const released: number[] = [];
    moveTo(this.host, place, dropped);
    for (const [key, series] of this.series) {
      if (moveTo(series, place, dropped)) continue;
      released.push(series.slot);
      this.series.delete(key);
      this.#gone.delete(key);
    }
    this.#release(released);
  }
}

/** The first of the frames, for good. */
class Until extends Frames {
  constructor(frames: readonly Frame[], series: ReadonlyMap<string, Series>, host: Series, count: number) {
    const upTo = ({slot, start, length}: Series): Series => ({slot, start, length: Math.min(length, count - start)});
    const there = [...series].filter(([, {start}]) => start < count);
    super(frames.slice(0, count), new Map(there.map(([key, each]) => [key, upTo(each)])), upTo(host));
  }
}

function averageOf({periodRunTimeNs, periodRunCnt}: Totals): number | null {
  return periodRunTimeNs !== null && periodRunCnt ? periodRunTimeNs / periodRunCnt : null;
}

/** To the places that its frames have now; false: they were all dropped. */
function moveTo(series: Series, place: Int32Array, dropped: number): boolean {
  const last = series.start + series.length - 1;
  if (last < dropped) return false;
  series.start = place[Math.max(dropped, series.start)] as number;
  series.length = (place[last] as number) - series.start + 1;
  return true;
}

function put(values: Float32Array, slot: number, cpu: number | null, events: number | null, average: number | null): void {
  const at = slot * perPoint;
  values[at] = cpu ?? NaN;
  values[at + 1] = events ?? NaN;
  values[at + 2] = average ?? NaN;
}

/** Each place's mean of two, of the one that is known where only one is. */
function means(one: Float32Array, other: Float32Array): Float32Array {
  const [first, shorter] = one.length > other.length ? [one, other] : [other, one];
  const longer = first.slice();
  for (let i = 0; i < shorter.length; i++) {
    const a = shorter[i] as number;
    const b = longer[i] as number;
    const mean = (a + b) / 2;
    // NaN is the only number that isn't itself.
    longer[i] = mean === mean ? mean : b === b ? b : a;
  }
  return longer;
}
