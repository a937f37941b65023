/**
 * Who holds each program: by the addon's iterator over the open files of all processes, a fifth of a µs a file, after which only the
 * processes that hold something are looked up in /proc. Where that can't be had, by /proc/PID/fd.
 */
import {holderKinds, type NativeHolders, type NativeHoldersReader} from '../addon.js';
import {isSystemError} from '../errors.js';
import type {Owner, OwnerProcess, Owners} from '../sample/owners.js';
import type {ProgInfo} from '../sample/types.js';
import {addOwner, Held} from './held.js';
import {addTo} from './lists.js';
import {heldBy, scanFds} from './proc-fds.js';
import {describe, gone, ownPid, ownStartTicks, showsAllProcesses, Slice, startTicks, withProcess} from './processes.js';

/** What to read. */
export interface HoldersOptions {
  /** The iterator over open files; without, or where it is refused, /proc is gone through. */
  readonly files?: NativeHoldersReader | undefined;
  /** Where procfs is mounted; `/proc` by default. */
  readonly procRoot?: string;
  /** The programs that use each map, by the map's id: who holds the map holds them. `progsByMap` makes it. */
  readonly progsOfMap?: ReadonlyMap<number, readonly number[]>;
}

/** Entries between two looks at the clock. */
const entriesAtOnce = 64;

/** The programs that use each map. */
export function progsByMap(progs: Iterable<Pick<ProgInfo, 'id' | 'mapIds'>>): Map<number, number[]> {
  const byMap = new Map<number, number[]>();
  for (const {id, mapIds} of progs) for (const map of mapIds ?? []) addTo(byMap, map, id);
  return byMap;
}

/**
 * Reads who holds which program, by the best way there is. A process that ends meanwhile holds nothing.
 * @throws the fs error where there is no such `procRoot`.
 */
export async function readHolders({
  files,
  procRoot = '/proc',
  progsOfMap = new Map(),
}: HoldersOptions = {}): Promise<Owners> {
  const seesAll = showsAllProcesses(procRoot);
  // The iterator's pids are the initial namespace's: another /proc knows other processes by them.
  const open = files && seesAll ? await readFiles(files) : null;
  const {byProg, unreadable} = open
    ? {byProg: await lookUp(open, procRoot, progsOfMap), unreadable: 0}
    : await scanFds(procRoot, progsOfMap);
  return {byProg: await withoutPassing(byProg, procRoot, progsOfMap), complete: seesAll && unreadable === 0};
}

/**
 * This process opens programs, links and maps for a moment, in other threads, to read what they are: what it has open afterwards, too, is
 * what it holds.
 */
async function withoutPassing(
  byProg: ReadonlyMap<number, readonly Owner[]>,
  procRoot: string,
  progsOfMap: ReadonlyMap<number, readonly number[]>,
): Promise<Owners['byProg']> {
  const self = ownPid(procRoot);
  if (self === null) return byProg;
  const held = await heldBy(`${procRoot}/self`, progsOfMap).catch((error: unknown) => {
    if (isSystemError(error)) return null;
    throw error;
  });
  if (held === null) return byProg;
  const kept = new Map<number, readonly Owner[]>();
  for (const [prog, owners] of byProg) {
    const others = held.has(prog) ? owners : owners.filter(({process}) => process.pid !== self);
    if (others.length > 0) kept.set(prog, others);
  }
  return kept;
}

/** null: not here, or not now. */
async function readFiles(files: NativeHoldersReader): Promise<NativeHolders | null> {
  try {
    return await files.read();
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** Looks up the processes that hold something. */
async function lookUp(
  {pids, startTicks: starts, kinds, ids}: NativeHolders,
  procRoot: string,
  progsOfMap: ReadonlyMap<number, readonly number[]>,
): Promise<Map<number, Owner[]>> {
  const byProg = new Map<number, Owner[]>();
  // In a time namespace /proc has boot at another time.
  const shift = (ownStartTicks(procRoot) ?? 0) - starts[pids.indexOf(process.pid)]!;
  const slice = new Slice();
  for (let at = 0; at < pids.length;) {
    const [pid, start] = [pids[at]!, starts[at]!];
    const held = new Held(progsOfMap);
    for (; pids[at] === pid && starts[at] === start; at++) {
      if (at % entriesAtOnce === 0) await slice.rest();
      add(held, kinds[at]!, ids[at]!);
    }
    if (held.size === 0) continue;
    const found = await whoIs(procRoot, pid, start + shift);
    if (found) addOwner(byProg, found, held);
  }
  return byProg;
}

function add(held: Held, kind: number, id: number): void {
  if (kind === holderKinds.prog) held.add(id, 'prog');
  else if (kind === holderKinds.link) held.add(id, 'link');
  else held.addMap(id, kind === holderKinds.map ? 'map' : 'link');
}

/** The process with that pid, if it is the one that began then; null: that has ended. */
async function whoIs(procRoot: string, pid: number, start: number): Promise<OwnerProcess | null> {
  const found = await withProcess(procRoot, pid, async (dir) => {
    const ticks = await startTicks(pid, dir);
    // What is rounded down twice may differ by one.
    return ticks === gone || (ticks !== null && Math.abs(ticks - start) > 1) ? gone : describe(pid, dir);
  });
  if (found !== null && found !== gone) return found;
  // hidepid (proc(5)) hides processes, their files or all of them: then there is one, of which no more is known.
  return found === null ? {pid, comm: null, cmdline: null, cgroups: null} : null;
}
