/** A recording as a source of Samples: from a file or a stream, at the pace it was made at, or another. Needs no addon and no Linux. */
import {closeSync, constants, createReadStream, fstatSync, openSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {exitStatus, isSystemError, UserError} from '../errors.js';
import {BadRecording, SampleDecoder} from '../sample/codec.js';
import type {Sample} from '../sample/types.js';
import type {Collector} from './kernel.js';
import type {Pace} from './pace.js';

/** Bytes of a recording. */
export interface RecordedBytes {
  /** What a person calls it. */
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  /**
   * Whether it may be being written right now, by a recorder at the other end: then what is waited for has come as soon as it could, and is
   * shown at once.
   */
  readonly live: boolean;
  /** Gives it back. Idempotent. */
  readonly close: () => void;
}

/** No gap is longer, whatever the recording says: there is no longer delay between readings, ms. */
const longestGapMs = 3_600_000;
/** A sample that took so long to come was waited for, ms. */
const waitedMs = 5;
/** What is so late was held up by something else than its own work, ms. */
const stoppedMs = 1000;

/**
 * Opens a file with a recording.
 * @throws UserError where it can't be read.
 */
export function openRecording(path: string): RecordedBytes {
  let fd: number;
  try {
    // Not waiting for whoever might write into a FIFO.
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw unreadable(path, error);
  }
  if (!fstatSync(fd).isFile()) {
    closeSync(fd);
    throw new UserError(`cannot replay ${path}: it is no file. A recording from a pipe is read with: bpftop-ts replay -`);
  }
  const stream = createReadStream(path, {fd});
  // What went wrong is told to who reads.
  stream.on('error', () => {});
  return {name: path, chunks: stream as AsyncIterable<Buffer>, live: false, close: () => void stream.destroy()};
}

/** Yields the samples of a recording. */
export class ReplayCollector implements Collector {
  readonly #bytes: RecordedBytes;
  readonly #speed: number;
  #begun = false;

  /** @param speed how many times as fast as it was recorded; Infinity: without waiting. */
  constructor(bytes: RecordedBytes, speed: number) {
    this.#bytes = bytes;
    this.#speed = speed;
  }

  /**
   * Keeps the recording's own pace. What a second call yields is nothing: there is one reading of a recording.
   * @throws UserError after the last sample that can be read: it is no recording, or is damaged (1), or it was cut off (0).
   */
  async *samples(_: Pace, signal?: AbortSignal): AsyncGenerator<Sample, void, undefined> {
    if (this.#begun) return;
    this.#begun = true;
    const {name, chunks, live} = this.#bytes;
    const decoder = new SampleDecoder();
    /** When it would have begun, had it always been at this pace, ms; null: it hasn't. */
    let beganMs: number | null = null;
    /** Of the recording's time, what has passed at this speed, ms. */
    let passedMs = 0;
    let last: Sample | null = null;
    let askedMs = performance.now();
    try {
      for await (const chunk of chunks) {
        for (const sample of decoder.push(chunk)) {
          const now = performance.now();
          if (last) passedMs += gapMs(last, sample) / this.#speed;
          const lateMs = beganMs === null ? 0 : now - beganMs - passedMs;
          // What was waited for could not be here sooner: then the pace is that of who sends it. And after a stop (Ctrl-Z) a file goes on
          // from where it was.
          const offBeat = live ? lateMs < 0 && now - askedMs > waitedMs : lateMs > stoppedMs;
          if (beganMs === null || offBeat) beganMs = now - passedMs;
          if (!(await waitUntil(beganMs + passedMs, signal))) return;
          last = sample;
          yield sample;
          askedMs = performance.now();
        }
      }
    } catch (error) {
      if (signal?.aborted) return;
      throw explain(name, error, last);
    } finally {
      this.#bytes.close();
    }
    if (decoder.at === 0 && decoder.unfinished === 0)
      throw new UserError(`cannot replay ${name}: it is empty. Whoever records may have failed, and said why.`);
    if (!last)
      throw new UserError(
        `cannot replay ${name}: it ends at byte ${decoder.at + decoder.unfinished}, before its first sample is whole.`,
      );
    if (decoder.unfinished > 0)
      throw new UserError(
        `${name} was cut off: ${decoder.unfinished} bytes from byte ${decoder.at} on are no whole sample. ${shownUpTo(last)}`,
        exitStatus.done,
      );
  }

  close(): void {
    this.#bytes.close();
  }
}

function gapMs(last: Sample, sample: Sample): number {
  return Math.min(Math.max(Number(sample.timeNs - last.timeNs) / 1e6, 0), longestGapMs);
}

/** @returns false if `signal` ended it. */
async function waitUntil(dueMs: number, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted) return false;
  const ms = dueMs - performance.now();
  if (!(ms > 0)) return true;
  try {
    await sleep(ms, undefined, signal ? {signal} : {});
    return true;
  } catch {
    return false; // AbortError is the only way sleep() ends early
  }
}

function shownUpTo({takenAt}: Sample): string {
  return `It is shown up to ${new Date(takenAt).toISOString()}.`;
}

function unreadable(name: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const remedy = error.code === 'ENOENT' ? 'Look for it with ls.' : 'Look at its owner and mode, and at the disk.';
  return new UserError(`cannot replay ${name}: ${error.syscall}: ${error.code}. ${remedy}`, exitStatus.failed, {
    cause: error,
  });
}

function explain(name: string, error: unknown, last: Sample | null): unknown {
  if (!(error instanceof BadRecording)) return unreadable(name, error);
  switch (error.kind) {
    case 'foreign':
      return new UserError(`cannot replay ${name}: it is no recording. bpftop-ts --record FILE makes one.`);
    case 'newer':
      return new UserError(`cannot replay ${name}: it was recorded by a newer bpftop-ts. Replay it with that.`);
    case 'damaged':
      return new UserError(
        `${name} is damaged at byte ${error.at}. ${last ? shownUpTo(last) : 'No sample comes before that.'}`,
        exitStatus.failed,
        {cause: error},
      );
  }
}
