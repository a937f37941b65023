/** Writing a recording while something else is done with the samples, or nothing else. docs/recording.md describes what is written. */
import {lstatSync} from 'node:fs';
import {type FileHandle, rename, rm} from 'node:fs/promises';
import type {Collector} from '../collectors/kernel.js';
import {type Late, unlessAborted, waitFor} from '../collectors/late.js';
import {Pace} from '../collectors/pace.js';
import {exitStatus, failedCall, isSystemError, UserError} from '../errors.js';
import {SampleEncoder} from '../sample/codec.js';
import type {Sample} from '../sample/types.js';
import {endBySignal} from './exit.js';
import {createNew} from './files.js';
import type {Rotation, WatchOptions} from './options.js';
import {sayOfWait} from './report.js';
import {write} from './stream.js';

/** Files of one recording that is rotated, the one being written among them; older ones go. */
const filesKept = 10;

/** Where a recording goes. */
interface Sink {
  /**
   * @param signal ends the wait for who takes nothing of it; `close` waits for a file all the same.
   * @param late is told of a file that doesn't; who reads a stream may take their time.
   * @returns false when nobody reads it any more, or that has come. @throws UserError when it can't be written.
   */
  put(sample: Sample, signal?: AbortSignal, late?: Late): Promise<boolean>;
  /** What is being put is whole before. Idempotent. @throws UserError when what was written isn't there after all. */
  close(): Promise<void>;
}

/** Hands on the samples of another collector, each when it has been recorded. */
export class RecordingCollector implements Collector {
  readonly #from: Collector;
  readonly #sink: Sink;
  readonly #goesOn: boolean;
  #begun = false;
  #failure: UserError | null = null;

  /**
   * @param to a file, or `-` for stdout.
   * @param goesOn whether samples are handed on when no more can be recorded, with a warning that says so: for a screen.
   * @throws UserError where something is there already.
   */
  constructor(from: Collector, to: string, rotation: Rotation | null, goesOn: boolean) {
    this.#from = from;
    this.#sink = to === '-' ? new StdoutSink() : new FileSink(to, rotation);
    this.#goesOn = goesOn;
  }

  /** Why nothing is recorded any more; null: it is. */
  get failure(): UserError | null {
    return this.#failure;
  }

  async *samples(pace: Pace, signal?: AbortSignal, late?: Late): AsyncGenerator<Sample, void, undefined> {
    for await (const sample of this.#from.samples(pace, signal, late)) {
      if (!(await this.#record(sample, signal, late))) return;
      yield this.#failure ? withWarning(sample, this.#failure.message) : sample;
    }
  }

  async #record(sample: Sample, signal?: AbortSignal, late?: Late): Promise<boolean> {
    if (this.#failure) return true;
    try {
      const isRead = await this.#sink.put(sample, signal, late);
      this.#begun = true;
      return isRead;
    } catch (error) {
      if (!(error instanceof UserError) || !this.#goesOn || !this.#begun) throw error;
      this.#failure = error;
      return true;
    }
  }

  async close(): Promise<void> {
    try {
      await this.#sink.close();
    } finally {
      await this.#from.close();
    }
  }
}

function withWarning(sample: Sample, why: string): Sample {
  const message = `the recording has ended: ${why}`;
  return {...sample, warnings: [...sample.warnings, {code: 'recording_ended', message}]};
}

/**
 * Records and does nothing else: so many periods, or until a signal comes.
 * @returns the exit status; 128 + n after signal n.
 */
export async function recordOnly(collector: RecordingCollector, options: WatchOptions): Promise<number> {
  const signal = endBySignal();
  const samples = collector.samples(new Pace(options.delayMs), signal, sayOfWait);
  // So many periods have one reading more.
  for (let periods = -1; !(await samples.next()).done;) if (options.iterations && ++periods === options.iterations) break;
  return signal.aborted ? (signal.reason as number) : exitStatus.done;
}

class StdoutSink implements Sink {
  readonly #encoder = new SampleEncoder();

  constructor() {
    if (process.stdout.isTTY)
      throw new UserError('--record -: stdout is a terminal. Pipe it into: bpftop-ts replay -', exitStatus.usage);
  }

  put(sample: Sample, signal?: AbortSignal): Promise<boolean> {
    return write(encode(this.#encoder, sample), signal);
  }

  async close(): Promise<void> {}
}

/**
 * A file that wasn't there before, and with `rotation` its predecessors: FILE.1 is the youngest of them. It is there from its first sample
 * on: an empty one is no recording, and would be in the way of the next.
 */
class FileSink implements Sink {
  readonly #path: string;
  readonly #rotation: Rotation | null;
  /** null: it isn't there yet. */
  #file: FileHandle | null = null;
  #encoder = new SampleEncoder();
  /** Bytes of whole samples. */
  #length = 0;
  /** When the first sample of the file was taken, by the clock of samples. */
  #sinceNs: bigint | null = null;
  /** How many files there were before this one, and still are. */
  #older = 0;
  /** The last put. */
  #putting: Promise<boolean> = Promise.resolve(true);
  #closed = false;

  constructor(path: string, rotation: Rotation | null) {
    this.#path = path;
    this.#rotation = rotation;
    refuseExisting(path);
    if (rotation) for (let i = 1; i < filesKept; i++) refuseExisting(`${path}.${i}`);
  }

  async put(sample: Sample, signal?: AbortSignal, late?: Late): Promise<boolean> {
    // A reading that was under way when it was closed.
    if (this.#closed) return false;
    this.#putting = this.#put(sample);
    const put = waitFor(this.#putting, (seconds) => this.#hangs(seconds), late);
    return (await unlessAborted(put, signal)) ?? false;
  }

  async #put(sample: Sample): Promise<boolean> {
    let bytes = encode(this.#encoder, sample);
    try {
      if (this.#file && this.#isDue(bytes.length, sample.timeNs)) {
        await this.#rotate();
        bytes = encode(this.#encoder, sample);
      }
      this.#sinceNs ??= sample.timeNs;
      this.#file ??= await createNew(this.#path);
      for (let at = 0; at < bytes.length;) at += (await this.#file.write(bytes, at)).bytesWritten;
      this.#length += bytes.length;
    } catch (error) {
      // What is there of it is no sample.
      await this.#file?.truncate(this.#length).catch(() => {});
      throw unwritable(this.#path, error);
    }
    return true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    // The screen has gone, and the first signal has been heeded: the next one ends it.
    const hangs = (seconds: number) => `${this.#hangs(seconds)} Ctrl-C does not wait for it.`;
    await waitFor(
      this.#putting.catch(() => {}),
      hangs,
      sayOfWait,
    );
    const file = this.#file;
    this.#file = null;
    try {
      await file?.close();
    } catch (error) {
      throw unwritable(this.#path, error);
    }
    if (file && this.#length === 0) await rm(this.#path, {force: true});
  }

  #hangs(seconds: number): string {
    return `${this.#path} has not taken what is recorded for ${seconds} s. Its disk may hang.`;
  }

  #isDue(more: number, timeNs: bigint): boolean {
    const {bytes, ms} = this.#rotation ?? {bytes: null, ms: null};
    if (bytes !== null) return this.#length + more > bytes;
    return ms !== null && this.#sinceNs !== null && Number(timeNs - this.#sinceNs) >= ms * 1e6;
  }

  async #rotate(): Promise<void> {
    for (let i = Math.min(this.#older, filesKept - 2); i >= 0; i--) {
      const older = `${this.#path}.${i + 1}`;
      // What wasn't there in the beginning is not one of ours.
      if (i === this.#older) refuseExisting(older);
      try {
        await rename(i === 0 ? this.#path : `${this.#path}.${i}`, older);
      } catch (error) {
        // Somebody has made room by taking an old one away.
        if (i === 0 || !isSystemError(error) || error.code !== 'ENOENT') throw error;
      }
    }
    this.#older = Math.min(this.#older + 1, filesKept - 1);
    await this.#file?.close();
    this.#file = null;
    this.#encoder = new SampleEncoder();
    this.#length = 0;
    this.#sinceNs = null;
  }
}

function encode(encoder: SampleEncoder, sample: Sample): Buffer {
  try {
    return encoder.encode(sample);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(
      `cannot record this host: ${error.message} in one reading. Leave out what there is most of, such as --no-maps.`,
      exitStatus.failed,
      {cause: error},
    );
  }
}

function refuseExisting(path: string): void {
  try {
    if (!lstatSync(path, {throwIfNoEntry: false})) return;
  } catch (error) {
    throw unwritable(path, error);
  }
  throw exists(path);
}

function exists(path: string): UserError {
  return new UserError(`cannot record to ${path}: it is there already. Choose another name, or remove it.`);
}

function unwritable(path: string, error: unknown): unknown {
  if (error instanceof UserError) return new UserError(`cannot record to ${path}: ${error.message} Choose another place.`);
  if (isSystemError(error) && error.code === 'EEXIST') return exists(path);
  const full = 'Make room there; what was recorded until then can be replayed.';
  return failedCall(`cannot record to ${path}`, error, {
    ...{ENOSPC: full, EDQUOT: full},
    otherwise: 'Choose a place that can be written.',
  });
}
