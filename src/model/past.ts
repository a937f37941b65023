/**
 * The readings of the last minutes, whole, so that the table can be shown as it was at any of them. Kept readings are measured against
 * the one kept before: where the past has been thinned, over a longer period, and as exactly as ever.
 */
import type {Sample} from '../sample/types.js';
import {measure, type Measured} from './measure.js';

/** How much is kept. */
export interface PastLimits {
  /** Over all readings, about. */
  readonly bytes: number;
  /** Readings older than this go, ns. */
  readonly spanNs: number;
}

/** Ten minutes; at a second, 24 MiB hold them for 1 400 programs. */
export const pastLimits: PastLimits = {bytes: 24 * 2 ** 20, spanNs: 600e9};

/** However many programs there are: with fewer there would be no past. */
const fewest = 4;

/** The kept readings, oldest first. */
export class Past {
  readonly #limits: PastLimits;
  #samples: Sample[] = [];
  #bytes = 0;
  /** What was asked for last: it is shown again and again. */
  #shown: Measured | null = null;

  constructor(limits: PastLimits = pastLimits) {
    this.#limits = limits;
  }

  /** Adds the newest reading. */
  push(sample: Sample): void {
    this.#samples.push(sample);
    this.#bytes += bytesOf(sample);
    const first = sample.timeNs - BigInt(this.#limits.spanNs);
    while (this.#samples.length > fewest && (this.#samples[0] as Sample).timeNs < first)
      this.#bytes -= bytesOf(this.#samples.shift() as Sample);
    while (this.#bytes > this.#limits.bytes && this.#samples.length > fewest) this.#thin();
  }

  /** Every other reading of the older half goes: the past gets coarser rather than short. */
  #thin(): void {
    const half = Math.floor(this.#samples.length / 2);
    this.#samples = this.#samples.filter((_, i) => i >= half || i % 2 === 1);
    this.#bytes = this.#samples.reduce((sum, sample) => sum + bytesOf(sample), 0);
  }

  /**
   * What was measured at that moment (CLOCK_BOOTTIME), or so many kept readings after it (before it: negative); at the ends, the oldest or
   * newest. null: there are fewer than two readings, so that nothing has been measured.
   */
  at(timeNs: bigint, steps = 0): Measured | null {
    const last = this.#samples.length - 1;
    if (last < 1) return null;
    let found = last;
    while (found > 1 && (this.#samples[found] as Sample).timeNs > timeNs) found--;
    const i = Math.min(Math.max(found + steps, 1), last);
    const [before, sample] = [this.#samples[i - 1] as Sample, this.#samples[i] as Sample];
    // The same moment stays the same figures, also when the reading before it has been thinned out.
    if (this.#shown?.sample !== sample) this.#shown = measure(sample, before);
    return this.#shown;
  }

  /** Whether that is the newest reading. */
  isNewest(sample: Sample): boolean {
    return this.#samples.at(-1) === sample;
  }

  /** About how many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }
}

/** The list of programs is mostly that of the reading before, but need not be. */
function bytesOf({progs}: Sample): number {
  const {info, runTimeNs, runCnt, recursionMisses, hottestCpu, hottestPct} = progs;
  const columns = [runTimeNs, runCnt, recursionMisses, hottestCpu, hottestPct];
  return columns.reduce((sum, each) => sum + (each?.byteLength ?? 0), info.length * 8);
}
