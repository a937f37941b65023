/** A recording as a source of Samples: from a file or a stream, at the pace it was made at, or another. Needs no addon and no Linux. */
import {exitStatus, UserError} from '../errors.js';
import type {Input} from '../input.js';
import {BadRecording, SampleDecoder} from '../sample/codec.js';
import type {Sample} from '../sample/types.js';
import type {Collector} from './kernel.js';
import type {Pace} from './pace.js';
import {Playback} from './playback.js';

/** A place in a recording, ms: so long after its first sample, or a moment by the clock of its host, since the epoch. */
export type Place = {readonly afterMs: number} | {readonly atMs: number};

/** A sample that took so long to come was waited for, ms. */
const waitedMs = 5;

/** What of a recording to yield, and how fast: the periods that end after `from` and not after `to`. */
export interface PlayOptions {
  /** How many times as fast as it was recorded; Infinity: without waiting. */
  readonly speed: number;
  /** null: from its beginning. */
  readonly from?: Place | null;
  /** null: to its end. */
  readonly to?: Place | null;
  /** Whether all that was before `from` comes too, at once, for who shows the past; else its last sample alone, to measure against. */
  readonly past?: boolean;
}

/** Yields the samples of a recording. */
export class ReplayCollector implements Collector {
  /** The pace, to be changed while it is yielded. */
  readonly playback: Playback;
  readonly #bytes: Input;
  readonly #from: Place | null;
  readonly #to: Place | null;
  readonly #past: boolean;
  #begun = false;
  #reached: boolean;
  #endsAsAsked = false;

  constructor(bytes: Input, {speed, from = null, to = null, past = false}: PlayOptions) {
    this.playback = new Playback(speed, bytes.live);
    this.#bytes = bytes;
    this.#from = from;
    this.#to = to;
    this.#past = past;
    this.#reached = from === null && to === null;
  }

  /** Whether a period between `from` and `to` has been yielded; where neither is given, from the beginning. */
  get reached(): boolean {
    return this.#reached;
  }

  /** Whether all until `to` has been yielded, and more is there. */
  get endsAsAsked(): boolean {
    return this.#endsAsAsked;
  }

  /**
   * Keeps the recording's own pace, or that of `playback`. What a second call yields is nothing: there is one reading of a recording.
   * @throws UserError after the last sample that can be read: it is no recording, is damaged, or has nothing in that span (1), or it was cut
   * off (0).
   */
  async *samples(_: Pace, signal?: AbortSignal): AsyncGenerator<Sample, void, undefined> {
    if (this.#begun) return;
    this.#begun = true;
    const {name, chunks, live} = this.#bytes;
    const [from, to, past, playback] = [this.#from, this.#to, this.#past, this.playback];
    const decoder = new SampleDecoder();
    let first: Sample | null = null;
    let last: Sample | null = null;
    let within = from === null;
    let atMs = 0;
    let askedMs = performance.now();
    try {
      playback.waits(true);
      for await (const chunk of chunks) {
        playback.waits(false);
        for (const sample of decoder.push(chunk)) {
          first ??= sample;
          if (last) atMs += Math.max(Number(sample.timeNs - last.timeNs) / 1e6, 0);
          if (to && isAfter(sample, atMs, to)) {
            if (!this.#reached) throw nothingThere(name, first, null);
            this.#endsAsAsked = true;
            return;
          }
          if (!within) {
            playback.skipTo(atMs);
            within = from !== null && isAfter(sample, atMs, from);
            if (!past && within && last) yield last;
            if (!past && !within) {
              last = sample;
              continue;
            }
          }
          // What was waited for could not be here sooner.
          if (live && performance.now() - askedMs > waitedMs) playback.isPresent(atMs);
          if (!(await playback.reach(atMs, signal))) return;
          if (within && last) this.#reached = true;
          last = sample;
          yield sample;
          askedMs = performance.now();
        }
        playback.waits(true);
      }
    } catch (error) {
      if (signal?.aborted) return;
      throw explain(name, error, this.#whatIsShown(last));
    } finally {
      this.#bytes.close();
    }
    if (decoder.at === 0 && decoder.unfinished === 0)
      throw new UserError(`cannot replay ${name}: it is empty. Whoever records may have failed, and said why.`);
    if (!first || !last)
      throw new UserError(
        `cannot replay ${name}: it ends at byte ${decoder.at + decoder.unfinished}, before its first sample is whole.`,
      );
    if (!this.#reached) throw nothingThere(name, first, last);
    if (decoder.unfinished > 0)
      throw new UserError(
        `${name} was cut off: ${decoder.unfinished} bytes from byte ${decoder.at} on are no whole sample. ${this.#whatIsShown(last)}`,
        exitStatus.done,
      );
  }

  #whatIsShown(last: Sample | null): string {
    if (!last) return 'No sample comes before that.';
    return this.#reached ? `It is shown up to ${moment(last)}.` : 'Nothing between --from and --to comes before that.';
  }

  close(): void {
    this.#bytes.close();
  }
}

function isAfter({takenAt}: Sample, atMs: number, place: Place): boolean {
  return 'atMs' in place ? takenAt > place.atMs : atMs > place.afterMs;
}

/** @param last null: it goes on, after the span. */
function nothingThere(name: string, first: Sample, last: Sample | null): UserError {
  const end = last ? `to ${moment(last)}` : 'on';
  return new UserError(`no period of ${name} ends between --from and --to: it goes from ${moment(first)} ${end}.`);
}

function moment({takenAt}: Sample): string {
  return new Date(takenAt).toISOString();
}

function explain(name: string, error: unknown, shown: string): unknown {
  if (!(error instanceof BadRecording)) return error;
  switch (error.kind) {
    case 'foreign':
      return new UserError(`cannot replay ${name}: it is no recording. bpftop-ts --record FILE makes one.`);
    case 'newer':
      return new UserError(`cannot replay ${name}: it was recorded by a newer bpftop-ts. Replay it with that.`);
    case 'damaged':
      return new UserError(`${name} is damaged at byte ${error.at}. ${shown}`, exitStatus.failed, {cause: error});
  }
}
