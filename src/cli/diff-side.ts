/** One side of a diff, from the bytes of a snapshot or of a recording. */
import {UserError} from '../errors.js';
import {Side} from '../model/diff.js';
import type {Filter} from '../model/filter.js';
import {measure} from '../model/measure.js';
import {BadSnapshot, SnapshotDecoder} from '../output/snapshot-reader.js';
import {BadRecording, SampleDecoder} from '../sample/codec.js';
import type {Sample} from '../sample/types.js';

/** Different programs; a host has a few thousand. */
const mostPrograms = 100_000;

/** What a recording begins with, and no text. */
const firstOfRecording = 0x89;

/** Reads a side from pieces of any size. */
export class SideReader {
  readonly #name: string;
  readonly #filter: Filter;
  #reader: SnapshotReader | RecordingReader | null = null;

  /** @param name what a person calls it. */
  constructor(name: string, filter: Filter) {
    this.#name = name;
    this.#filter = filter;
  }

  /** @throws UserError: it can't be read; this reader is of no use after that. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#reader ??= new (chunk[0] === firstOfRecording ? RecordingReader : SnapshotReader)(this.#name, this.#filter);
    this.#reader.push(chunk);
    if (this.#reader.side.programs > mostPrograms)
      throw unfit(this.#name, `it has more than ${mostPrograms} different programs. Compare less of it.`);
  }

  /**
   * What all of it told, and what is wrong with it all the same; null: nothing.
   * @throws UserError: there is nothing to compare.
   */
  end(): {readonly side: Side; readonly warning: string | null} {
    if (!this.#reader) throw unfit(this.#name, 'it is empty. Whoever writes it may have failed, and said why.');
    const warning = this.#reader.end();
    const {side} = this.#reader;
    if (side.readings === 0)
      throw unfit(this.#name, 'it has a first reading alone, and so no period to tell of. Record more than that.');
    return {side, warning};
  }
}

class SnapshotReader {
  readonly side: Side;
  readonly #decoder = new SnapshotDecoder();

  constructor(name: string, filter: Filter) {
    this.side = new Side(name, 'snapshot', filter);
  }

  push(chunk: Uint8Array): void {
    this.#read(() => {
      for (const snapshot of this.#decoder.push(chunk)) if (snapshot.periodNs > 0) this.side.add(snapshot);
    });
  }

  end(): null {
    this.#read(() => this.#decoder.end());
    return null;
  }

  #read(some: () => void): void {
    try {
      some();
    } catch (error) {
      if (!(error instanceof BadSnapshot)) throw error;
      throw unfit(this.side.name, `line ${error.line}: ${error.message}. ${remedies[error.kind]}`);
    }
  }
}

const remedies = {
  foreign: 'bpftop-ts --json makes snapshots, --record FILE recordings.',
  newer: 'Compare it with that.',
  damaged: 'Make it anew with: bpftop-ts --json',
};

class RecordingReader {
  readonly side: Side;
  readonly #decoder = new SampleDecoder();
  #previous: Sample | null = null;

  constructor(name: string, filter: Filter) {
    this.side = new Side(name, 'recording', filter);
  }

  push(chunk: Uint8Array): void {
    try {
      for (const sample of this.#decoder.push(chunk)) this.#add(sample);
    } catch (error) {
      if (!(error instanceof BadRecording)) throw error;
      const told = {
        foreign: `it is neither a snapshot nor a recording. ${remedies.foreign}`,
        newer: `it was recorded by a newer bpftop-ts. ${remedies.newer}`,
        damaged: `it is damaged at byte ${error.at}. Compare another, or what replay --json makes of it.`,
      };
      throw unfit(this.side.name, told[error.kind]);
    }
  }

  end(): string | null {
    const {at, unfinished} = this.#decoder;
    return unfinished > 0 && this.side.readings > 0
      ? `${this.side.name} was cut off: ${unfinished} bytes from byte ${at} on are no whole sample. It is compared as far as that.`
      : null;
  }

  #add(sample: Sample): void {
    const measured = measure(sample, this.#previous);
    this.#previous = sample;
    const {periodNs, progs, othersTotals} = measured;
    if (periodNs === null) return;
    const {cpuPct, eventsPerSec, periodRunTimeNs, periodRunCnt} = othersTotals;
    const avgRunTimeNs = periodRunTimeNs !== null && periodRunCnt ? periodRunTimeNs / periodRunCnt : null;
    const totals = {cpuPct, eventsPerSec, avgRunTimeNs};
    this.side.add({host: sample.host, takenAt: sample.takenAt, periodNs, progs, totals, whole: true});
  }
}

/** @param why a sentence, and what to do. */
function unfit(name: string, why: string): UserError {
  return new UserError(`cannot compare ${name}: ${why}`);
}
