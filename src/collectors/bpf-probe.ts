/**
 * What of BPF can be done here, found out by doing it: each way of reading is tried, for two passes. Loads what the samplers load,
 * and holds statistics on for the last of them; nothing of it stays.
 */
import {closeSync} from 'node:fs';
import {
  buildCommand,
  loadBpf,
  type NativeBpf,
  type NativeCallError,
  type NativeSample,
  type NativeSamplerOptions,
} from '../addon.js';
import {exitStatus, isSystemError, UserError} from '../errors.js';
import type {SamplerName} from '../sample/types.js';
import {sharedPin} from './share.js';

/** A way of reading that works. */
export interface Reading {
  /** Without what was loaded for reading them. */
  readonly programs: number;
  /** Of the second pass: the first one also describes every program. */
  readonly durationNs: number;
  readonly sampler: SamplerName;
  /** Whether the iterator is one that root has pinned for a group. */
  readonly shared: boolean;
  /** null: the walk, or another's iterator. */
  readonly readBy: 'cast' | 'probe' | null;
  readonly fallbackReason: string | null;
  readonly stats: NativeSample['stats'];
}

/** One that doesn't: the call, its errno, and both with what it was about. */
export interface Refusal extends NativeCallError {
  readonly text: string;
}

/** What came of trying a way of reading: one of the two. */
export type Attempt =
  {readonly reading: Reading; readonly refusal: null} | {readonly reading: null; readonly refusal: Refusal};

/** What came of trying them all. */
export interface BpfProbe {
  readonly walk: Attempt;
  readonly iterator: Attempt;
  /** What a run without options gets, statistics switched on if that may be. */
  readonly auto: Attempt;
  /** Why statistics can't be switched on; null: they can. */
  readonly statsRefusal: NativeCallError | null;
  /** Whether somebody else has them on; null where nothing can be read. */
  readonly statsOn: boolean | null;
}

/**
 * Loads the addon, and looks whether it is one that this version can use.
 * @throws UserError (69) where it isn't.
 */
export function loadProbe(load: () => NativeBpf = loadBpf): NativeBpf {
  const bpf = load();
  if (typeof (bpf as Partial<NativeBpf>).Sampler === 'function') return bpf;
  throw new UserError(
    `cannot use the native addon: it was built from another version. Build it, with g++ 12 or later: ${buildCommand}`,
    exitStatus.unavailable,
  );
}

/** Tries everything; what is refused is part of the answer. */
export async function probeBpf(bpf: NativeBpf): Promise<BpfProbe> {
  const walk = await attempt(bpf, {enableStats: false, sampler: 'walk'});
  const iterator = await attempt(bpf, {enableStats: false, sampler: 'iterator'});
  const auto = await attempt(bpf, {enableStats: true, sampler: 'auto', pin: sharedPin});
  const statsRefusal = refusalOfStats(bpf);
  // The iterator's word first: it is there where a program may be loaded at all. The last one's only if it hasn't got them on
  // itself.
  const seen = iterator.reading ?? walk.reading ?? (statsRefusal && auto.reading);
  return {walk, iterator, auto, statsRefusal, statsOn: seen && seen.stats !== 'off'};
}

/** Switches them on and off again. */
function refusalOfStats(bpf: NativeBpf): NativeCallError | null {
  try {
    closeSync(bpf.enableStats());
    return null;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const {code, syscall} = error;
    return {code, syscall};
  }
}

async function attempt(bpf: NativeBpf, options: NativeSamplerOptions): Promise<Attempt> {
  const sampler = new bpf.Sampler(options);
  try {
    const first = await sampler.sample();
    const second = await sampler.sample();
    const own = [...first.appeared, ...second.appeared].filter(({self}) => self).map(({id}) => id);
    const {durationNs, readBy, fallbackReason, stats} = second;
    const programs = second.ids.filter((id) => !own.includes(id)).length;
    return {
      reading: {programs, durationNs, sampler: second.sampler, shared: second.pinned, readBy, fallbackReason, stats},
      refusal: null,
    };
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const {code, syscall, message} = error;
    return {reading: null, refusal: {code, syscall, text: message}};
  } finally {
    sampler.close();
  }
}
