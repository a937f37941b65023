/**
 * Who holds each program, by /proc/PID/fd: of every process the fds that are a program, a link or a map, and of those what fdinfo says.
 * A readlink an fd, some 3 µs. It runs in slices of a few ms, between which everything else has its turn.
 *
 * A process is what its main thread has open: a thread with fds of its own (clone(2) without CLONE_FILES) is not looked into.
 */
import {closeSync, opendirSync, openSync, readdirSync, readlinkSync, readSync} from 'node:fs';
import type {Owner, OwnerVia} from '../sample/owners.js';
import {addOwner, Held} from './held.js';
import {describe, gone, isGone, Slice, withProcess} from './processes.js';

/** Fds between two looks at the clock. */
const fdsAtOnce = 64;
const mostBytes = 4096;

/** What a link's fd is called depends on how it was opened. */
const kinds: Readonly<Record<string, OwnerVia>> = {
  'anon_inode:bpf-prog': 'prog',
  'anon_inode:bpf_link': 'link',
  'anon_inode:bpf-link': 'link',
  'anon_inode:bpf-map': 'map',
};

/** What a scan found. */
export interface Scanned {
  /** As in `Owners`. */
  readonly byProg: ReadonlyMap<number, readonly Owner[]>;
  /** Processes whose open files could not be read. */
  readonly unreadable: number;
}

/**
 * Goes through all processes that `procRoot` shows. One that ends meanwhile holds nothing; what may not be read is counted.
 * @throws the fs error where there is no such `procRoot`.
 */
export async function scanFds(procRoot: string, progsOfMap: ReadonlyMap<number, readonly number[]>): Promise<Scanned> {
  const byProg = new Map<number, Owner[]>();
  let unreadable = 0;
  const pids = readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  const slice = new Slice();
  for (const pid of pids) {
    await slice.rest();
    try {
      const seen = await withProcess(procRoot, pid, async (dir) => {
        const held = await heldBy(`${procRoot}/${pid}`, progsOfMap, slice);
        const process = held.size > 0 ? await describe(pid, dir) : gone;
        if (process !== gone) addOwner(byProg, process, held);
        return process;
      });
      if (seen === null) unreadable++;
    } catch (error) {
      if (!isGone(error)) unreadable++;
    }
  }
  return {byProg, unreadable};
}

/** The programs that a process holds. @throws the fs error where its fds can't be listed. */
export async function heldBy(
  processDir: string,
  progsOfMap: ReadonlyMap<number, readonly number[]>,
  slice = new Slice(),
): Promise<Held> {
  const held = new Held(progsOfMap);
  const dir = opendirSync(`${processDir}/fd`, {bufferSize: fdsAtOnce});
  try {
    let seen = 0;
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) {
      if (++seen % fdsAtOnce === 0) await slice.rest();
      const kind = kindOf(`${processDir}/fd/${entry.name}`);
      if (!kind) continue;
      const ids = idsIn(`${processDir}/fdinfo/${entry.name}`);
      if (kind !== 'map' && ids.prog !== null) held.add(ids.prog, kind);
      // The link of a struct_ops map has no program of its own.
      if (kind !== 'prog' && ids.map !== null) held.addMap(ids.map, kind);
    }
  } finally {
    dir.closeSync();
  }
  return held;
}

/** What an fd is; undefined: nothing of BPF's, or closed meanwhile. */
function kindOf(fd: string): OwnerVia | undefined {
  try {
    return kinds[readlinkSync(fd)];
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** The ids in an fdinfo (bpf_prog_show_fdinfo and its like, kernel/bpf/syscall.c); null: not in it. */
function idsIn(fdinfo: string): {prog: number | null; map: number | null} {
  const buffer = Buffer.allocUnsafe(mostBytes);
  let text: string;
  try {
    const fd = openSync(fdinfo, 'r');
    try {
      text = buffer.toString('latin1', 0, readSync(fd, buffer));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    if (isGone(error)) return {prog: null, map: null};
    throw error;
  }
  const id = (key: string) => {
    const found = new RegExp(`^${key}:\\t(\\d+)$`, 'm').exec(text);
    return found ? Number(found[1]) : null;
  };
  return {prog: id('prog_id'), map: id('map_id')};
}
