/**
 * The library: what the tool reads and measures, for who builds on it.
 *
 *     import {openSampler} from 'bpftop-ts';
 *     await using sampler = openSampler({delayMs: 1000});
 *     for await (const {totals, progs} of sampler) …
 */
import {openHostRoot} from './collectors/host-root.js';
import {KernelCollector} from './collectors/kernel.js';
import {Pace} from './collectors/pace.js';
import {measureAll, type Measured} from './model/measure.js';
import {type SourceName, sourceNames} from './sample/sources.js';
import type {SamplerName} from './sample/types.js';

export {UserError} from './errors.js';
export {type Field, type FieldKey, type FieldKind, type FieldValue, fields, findField, formatField} from './model/fields.js';
export {type Filter, FilterError, parseFilter} from './model/filter.js';
export {type Measured, type MeasuredProg, type Totals} from './model/measure.js';
export {printable} from './model/printable.js';
export {type ProgLink} from './sample/links.js';
export {type ProgMap} from './sample/maps.js';
export {type ProgNames} from './sample/names.js';
export {type ProgOwner} from './sample/owners.js';
export {type ProgPin} from './sample/pins.js';
export {progTypeName} from './sample/prog-types.js';
export {type SourceName} from './sample/sources.js';
export {type Host, type ProgInfo, type Sample, type SamplerName, type Warning} from './sample/types.js';
export {version} from './version.js';

/** How to read; every part has a default. */
export interface SamplerOptions {
  /** Time between readings, ms, 50 to 3 600 000; by default 1000. */
  readonly delayMs?: number;
  /** Whether to switch run-time statistics on for as long as the sampler is open (the default); without them there are no rates. */
  readonly enableStats?: boolean;
  /** How programs are listed; by default as is best here. */
  readonly sampler?: 'auto' | SamplerName;
  /** What else to look at; by default all there is. The second reading waits up to 2 s for the first look. */
  readonly sources?: readonly SourceName[];
  /** Where the host's root directory is; by default `/`. */
  readonly hostRoot?: string;
  /** Ends the loop, as `return` in it would. */
  readonly signal?: AbortSignal;
}

/** An open sampler. Statistics stay on until it is closed; nothing outlives the process. */
export interface Sampler extends AsyncIterable<Measured, void, undefined>, AsyncDisposable {
  /**
   * What was measured in each period, from the second reading on. One loop; leaving it closes the sampler.
   * @throws UserError from the loop, where a reading fails: a sentence for people, with the call and errno.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Measured, void, undefined>;
  /** Closes it: ends the loop, waits for a reading under way, gives everything back. Idempotent. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Opens this host's kernel for reading.
 * @throws UserError where this isn't Linux, the addon can't be loaded, or `hostRoot` isn't a host's root; RangeError for a delay out of bounds.
 */
export function openSampler(options: SamplerOptions = {}): Sampler {
  const {delayMs = 1000, enableStats = true, sampler = 'auto', sources = sourceNames, signal} = options;
  if (!(delayMs >= 50 && delayMs <= 3_600_000)) throw new RangeError('delayMs is from 50 to 3 600 000');
  const hostRoot = openHostRoot(options.hostRoot ?? '/');
  const collector = new KernelCollector({enableStats, sampler, sources, hostRoot, waitForSources: true});
  const stop = new AbortController();
  const ends = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  async function* loop(): AsyncGenerator<Measured, void, undefined> {
    try {
      if (!ends.aborted) yield* measureAll(collector.samples(new Pace(delayMs), ends));
    } finally {
      collector.close();
    }
  }
  const measured = loop();
  return {
    [Symbol.asyncIterator]: () => measured,
    async [Symbol.asyncDispose]() {
      stop.abort();
      // A loop that nobody began is ended by this without its `finally`.
      await measured.return();
      collector.close();
    },
  };
}
