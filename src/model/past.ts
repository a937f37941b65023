/**
 * The readings of the last minutes, whole, so that the table can be shown as it was at any of them. Kept readings are measured against
 * the one kept before: where the past has been thinned, over a longer period, and as exactly as ever.
 */
import {type Reading, sourceNames} from '../sample/sources.js';
import type {ProgInfo, Sample} from '../sample/types.js';
import {measure, type Measured, type MeasuredProg} from './measure.js';

/** How much is kept. */
export interface PastLimits {
  /** Over all readings, about. */
  readonly bytes: number;
  /** Readings older than this go, ns. */
  readonly spanNs: number;
}

/** Ten minutes; at a second, 6 MiB hold all of them for 300 programs; of 2 000 each of the last 30 s. */
const pastLimits: PastLimits = {bytes: 6 * 2 ** 20, spanNs: 600e9};

/** However many programs there are: with fewer there would be no past. */
const fewest = 4;

/** A moment of the past. */
export interface Moment {
  readonly measured: Measured;
  /** Keys of the programs that had come shortly before. */
  readonly came: ReadonlySet<string>;
  /** Those that had gone shortly before, as they were when last measured; with the first reading that was without them. */
  readonly gone: readonly {readonly prog: MeasuredProg; readonly without: Sample}[];
}

/** A reading, and what keeping it costs beside those before it. */
interface Kept {
  readonly sample: Sample;
  bytes: number;
}

/** The kept readings, oldest first. */
export class Past {
  readonly #limits: PastLimits;
  #kept: Kept[] = [];
  #bytes = 0;

  constructor(limits: PastLimits = pastLimits) {
    this.#limits = limits;
  }

  /** Adds the newest reading. */
  push(sample: Sample): void {
    const bytes = bytesOf(sample, this.#kept.at(-1)?.sample);
    this.#kept.push({sample, bytes});
    this.#bytes += bytes;
    const first = sample.timeNs - BigInt(this.#limits.spanNs);
    while (this.#kept.length > fewest && this.#timeAt(0) < first) this.#drop(0);
    while (this.#bytes > this.#limits.bytes && this.#kept.length > fewest) this.#drop(this.#leastMissed());
  }

  /** One goes. What it shared with the next one is now the next one's. */
  #drop(index: number): void {
    const [gone] = this.#kept.splice(index, 1) as [Kept];
    this.#bytes -= gone.bytes;
    const next = this.#kept[index];
    if (!next) return;
    const bytes = bytesOf(next.sample, this.#kept[index - 1]?.sample);
    this.#bytes += bytes - next.bytes;
    next.bytes = bytes;
  }

  /**
   * The reading that is missed least: without it the gap is the smallest for its age. So the past gets coarser with age, but not short: the
   * oldest stays until it is too old.
   */
  #leastMissed(): number {
    const last = this.#kept.length - 1;
    const times = this.#kept.map(({sample}) => Number(sample.timeNs));
    const now = times[last] as number;
    let found = 1;
    let least = Infinity;
    for (let i = 1; i < last; i++) {
      const gap = ((times[i + 1] as number) - (times[i - 1] as number)) / (now - (times[i] as number));
      if (gap >= least) continue;
      found = i;
      least = gap;
    }
    return found;
  }

  #sampleAt(index: number): Sample {
    return (this.#kept[index] as Kept).sample;
  }

  #timeAt(index: number): bigint {
    return this.#sampleAt(index).timeNs;
  }

  /** When the newest reading was (CLOCK_BOOTTIME); null: there are fewer than two, so that nothing has been measured. */
  get newest(): bigint | null {
    const last = this.#kept.length - 1;
    return last < 1 ? null : this.#timeAt(last);
  }

  /**
   * The moment so many kept readings after that one (CLOCK_BOOTTIME), or before it: negative. That one itself may have been let go. At the
   * beginning it is the oldest that has figures; null: it would be past the newest.
   */
  step(timeNs: bigint, steps: number): bigint | null {
    if (this.newest === null) return null;
    const last = this.#kept.length - 1;
    let at = this.#lastUntil(timeNs);
    if (steps < 0 && (at < 0 || this.#timeAt(at) < timeNs)) at++;
    if (at + steps > last) return null;
    const found = this.#timeAt(Math.max(1, at + steps));
    // What is shown is older than all that is kept: there is no way further back.
    return steps < 0 && found > timeNs ? timeNs : found;
  }

  /** Index of the last reading that isn't after that moment; −1: all are. */
  #lastUntil(timeNs: bigint): number {
    return this.#kept.findLastIndex(({sample}) => sample.timeNs <= timeNs);
  }

  /**
   * The last moment that isn't after that one, with what came and went in the time before it.
   * @returns null when nothing had been measured then.
   */
  at(timeNs: bigint, shortlyNs: number): Moment | null {
    const at = this.#lastUntil(timeNs);
    if (at < 1) return null;
    const measuredAt = (i: number) => measure(this.#sampleAt(i), i === 0 ? null : this.#sampleAt(i - 1));
    const measured = measuredAt(at);
    const from = measured.sample.timeNs - BigInt(shortlyNs);
    const came = new Set<string>();
    const gone: {prog: MeasuredProg; without: Sample}[] = [];
    for (let i = at; i >= 1 && this.#timeAt(i) > from; i--) {
      const [before, sample] = [this.#sampleAt(i - 1), this.#sampleAt(i)];
      if (before.progs.info === sample.progs.info) continue;
      for (const {key} of newIn(sample, before)) came.add(key);
      const went = new Set(newIn(before, sample).map(({key}) => key));
      if (went.size === 0) continue;
      for (const prog of measuredAt(i - 1).progs) if (went.has(prog.info.key)) gone.push({prog, without: sample});
    }
    // What came back meanwhile is there.
    const back = gone.length === 0 ? new Set() : new Set(measured.progs.map((prog) => prog.info.key));
    return {measured, came, gone: gone.filter(({prog}) => !back.has(prog.info.key))};
  }

  /** The last reading that isn't after that moment (CLOCK_BOOTTIME), else the oldest that is kept; null: there is none. */
  until(timeNs: bigint): Sample | null {
    return this.#kept[Math.max(0, this.#lastUntil(timeNs))]?.sample ?? null;
  }

  /** About how many bytes are kept. */
  get bytes(): number {
    return this.#bytes;
  }
}

/** Programs of a reading that another doesn't have; ids ascend in both. */
function newIn(sample: Sample, other: Sample): ProgInfo[] {
  return withoutEqual(sample, other, (a, b) => a.key === b.key);
}

function withoutEqual(sample: Sample, other: Sample, equal: (a: ProgInfo, b: ProgInfo) => boolean): ProgInfo[] {
  const others = other.progs.info;
  let at = 0;
  return sample.progs.info.filter((prog) => {
    while (at < others.length && (others[at] as ProgInfo).id < prog.id) at++;
    const found = others[at];
    return !found || !equal(found, prog);
  });
}

/** Of a reading beside its columns; of the static information of a program, and of an entry of a map. Measured, V8 of Node 20. */
const perReading = 1400;
const perProg = 500;
const perEntry = 32;

/** What keeping a reading costs where the one before is kept too: programs and what sources told of them are mostly the same objects. */
function bytesOf(sample: Sample, before?: Sample): number {
  const {info, runTimeNs, runCnt, recursionMisses, hottestCpu, hottestPct, sources} = sample.progs;
  const columns = [runTimeNs, runCnt, recursionMisses, hottestCpu, hottestPct];
  let bytes = columns.reduce((sum, each) => sum + (each?.byteLength ?? 0), perReading);
  for (const {message} of sample.warnings) bytes += message.length;
  if (info !== before?.progs.info) {
    const added = before ? withoutEqual(sample, before, Object.is) : info;
    bytes += 8 * info.length + added.reduce((sum, {name, tag}) => sum + perProg + name.length + tag.length, 0);
  }
  for (const name of sourceNames) {
    const reading = sources[name];
    const last = before?.progs.sources[name];
    if (reading && reading !== last) bytes += last ? bytesBeside(reading, last) : bytesOfLook(reading);
  }
  return bytes;
}

const looks = new WeakMap<Reading<unknown>, number>();

function bytesOfLook(reading: Reading<unknown>): number {
  let bytes = looks.get(reading);
  if (bytes === undefined) looks.set(reading, (bytes = bytesBeside(reading, null)));
  return bytes;
}

function bytesBeside({byProg}: Reading<unknown>, last: Reading<unknown> | null): number {
  let bytes = 0;
  for (const [id, facts] of byProg ?? []) bytes += perEntry + (last?.byProg?.get(id) === facts ? 0 : bytesOfFacts(facts));
  return bytes;
}

const known = new WeakMap<object, number>();

/** They don't change, and are asked for again whenever one of two neighbours goes. */
function bytesOfFacts(facts: unknown): number {
  if (typeof facts !== 'object' || facts === null) return bytesOfValue(facts);
  let bytes = known.get(facts);
  if (bytes === undefined) known.set(facts, (bytes = bytesOfValue(facts)));
  return bytes;
}

/** Of plain values, about. */
function bytesOfValue(value: unknown): number {
  if (typeof value === 'string') return 24 + value.length;
  if (typeof value !== 'object' || value === null) return 0;
  let bytes = 32;
  for (const each of Object.values(value)) bytes += 8 + bytesOfValue(each);
  return bytes;
}
