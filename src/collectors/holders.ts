/**
 * Who holds each program, by /proc/PID/fd: of every process the fds that are a program, a link or a map, and of those what fdinfo says.
 * A readlink an fd, some 3 µs. It runs in slices of a few ms, between which everything else has its turn.
 *
 * A process is what its main thread has open: a thread with fds of its own (clone(2) without CLONE_FILES) is not looked into.
 */
import {closeSync, constants, opendirSync, openSync, readdirSync, readlinkSync, readSync} from 'node:fs';
import {open} from 'node:fs/promises';
import {setImmediate as turn, setTimeout as sleep} from 'node:timers/promises';
import type {CgroupLine, Owner, OwnerProcess, Owners, OwnerVia} from '../sample/owners.js';
import type {ProgInfo} from '../sample/types.js';

/** What to read. */
export interface HoldersOptions {
  /** Where procfs is mounted; `/proc` by default. */
  readonly procRoot?: string;
  /** The programs that use each map, by the map's id: who holds the map holds them. `progsByMap` makes it. */
  readonly progsOfMap?: ReadonlyMap<number, readonly number[]>;
}

/** How long it may keep the event loop from everything else, ms. */
const sliceMs = 2;
/** Fds between two looks at the clock. */
const fdsAtOnce = 64;
/** Of an argument list or a list of cgroups no more is read. */
const mostBytes = {comm: 64, cmdline: 4096, cgroup: 65_536, fdinfo: 4096};
/** A process whose memory is locked (by a stuck file system, say) never answers for its arguments. */
const patienceMs = 500;

/** No text that a process can write is this. */
const gone = Symbol('gone');

const strength: Readonly<Record<OwnerVia, number>> = {prog: 2, link: 1, map: 0};

/** What a link's fd is called depends on how it was opened. */
const kinds: Readonly<Record<string, OwnerVia>> = {
  'anon_inode:bpf-prog': 'prog',
  'anon_inode:bpf_link': 'link',
  'anon_inode:bpf-link': 'link',
  'anon_inode:bpf-map': 'map',
};

/** The programs that use each map. */
export function progsByMap(progs: Iterable<Pick<ProgInfo, 'id' | 'mapIds'>>): Map<number, number[]> {
  const byMap = new Map<number, number[]>();
  for (const {id, mapIds} of progs)
    for (const map of mapIds ?? []) {
      const users = byMap.get(map);
      if (users) users.push(id);
      else byMap.set(map, [id]);
    }
  return byMap;
}

/**
 * Reads who holds which program. A process that ends meanwhile holds nothing; what may not be read is counted.
 * @throws the fs error where there is no such `procRoot`.
 */
export async function readHolders({procRoot = '/proc', progsOfMap = new Map()}: HoldersOptions = {}): Promise<Owners> {
  const byProg = new Map<number, Owner[]>();
  let unreadable = 0;
  const pids = readdirSync(procRoot)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  const slice = new Slice();
  for (const pid of pids) {
    await slice.rest();
    // A directory that is held open stays the directory of this process, even when its pid goes to another one.
    const dir = openDirectory(`${procRoot}/${pid}`);
    if (typeof dir === 'number') {
      try {
        const held = await heldBy(`${procRoot}/${pid}`, slice, progsOfMap);
        const process = held.size > 0 ? await describe(pid, `/proc/self/fd/${dir}`) : null;
        if (process)
          for (const [prog, via] of held) {
            const owners = byProg.get(prog);
            if (owners) owners.push({process, via});
            else byProg.set(prog, [{process, via}]);
          }
      } catch (error) {
        if (!isGone(error)) unreadable++;
      } finally {
        closeSync(dir);
      }
    } else if (dir === null) unreadable++;
  }
  return {byProg, unreadable};
}

/** A process's directory, open; gone: it has ended, null: it may not be opened. */
function openDirectory(dir: string): number | typeof gone | null {
  try {
    return openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return isGone(error) ? gone : null;
  }
}

/** Gives the event loop its turn when this has had its slice. */
class Slice {
  #began = performance.now();

  async rest(): Promise<void> {
    if (performance.now() - this.#began < sliceMs) return;
    await turn();
    this.#began = performance.now();
  }
}

/** The programs that a process holds, each with the strongest way. @throws the fs error where its fds can't be listed. */
async function heldBy(
  processDir: string,
  slice: Slice,
  progsOfMap: ReadonlyMap<number, readonly number[]>,
): Promise<Map<number, OwnerVia>> {
  const held = new Map<number, OwnerVia>();
  const dir = opendirSync(`${processDir}/fd`, {bufferSize: fdsAtOnce});
  try {
    let seen = 0;
    for (let entry = dir.readSync(); entry; entry = dir.readSync()) {
      if (++seen % fdsAtOnce === 0) await slice.rest();
      const kind = kindOf(`${processDir}/fd/${entry.name}`);
      if (!kind) continue;
      const ids = idsIn(`${processDir}/fdinfo/${entry.name}`);
      const hold = (prog: number, via: OwnerVia) => {
        const before = held.get(prog);
        if (before === undefined || strength[via] > strength[before]) held.set(prog, via);
      };
      if (kind !== 'map' && ids.prog !== null) hold(ids.prog, kind);
      // The link of a struct_ops map has no program of its own.
      if (kind !== 'prog' && ids.map !== null) for (const prog of progsOfMap.get(ids.map) ?? []) hold(prog, kind);
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
  const buffer = Buffer.allocUnsafe(mostBytes.fdinfo);
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

/** Who a process is, read through its open directory; null: it has ended. */
async function describe(pid: number, dir: string): Promise<OwnerProcess | null> {
  const [comm, cmdline, cgroup] = await Promise.all([
    readStart(`${dir}/comm`, mostBytes.comm),
    readStart(`${dir}/cmdline`, mostBytes.cmdline),
    readStart(`${dir}/cgroup`, mostBytes.cgroup),
  ]);
  if (comm === gone) return null;
  return {
    pid,
    comm: comm && comm.replace(/\n$/, ''),
    cmdline: cmdline === null || cmdline === gone ? null : argumentsIn(cmdline),
    // There is none in a kernel without cgroups.
    cgroups: cgroup === null || cgroup === gone ? null : cgroupLines(cgroup),
  };
}

/** The first bytes of a file of a process; gone: it has ended, null: that may not be read, or nothing came in time. */
async function readStart(path: string, bytes: number): Promise<string | typeof gone | null> {
  const waited = new AbortController();
  const late = sleep(patienceMs, null, {signal: waited.signal, ref: false}).catch(() => null);
  const text = await Promise.race([startOf(path, bytes), late]);
  waited.abort();
  return text;
}

async function startOf(path: string, bytes: number): Promise<string | typeof gone | null> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.allocUnsafe(bytes);
      let length = 0;
      // procfs gives less than was asked for where a line or a page ends.
      for (let read = -1; read !== 0 && length < bytes; length += read)
        read = (await file.read(buffer, length, bytes - length)).bytesRead;
      return buffer.toString('utf8', 0, length);
    } finally {
      await file.close();
    }
  } catch (error) {
    return isGone(error) ? gone : null;
  }
}

/** The arguments in /proc/PID/cmdline: each ends with a zero, unless the process has written over them. */
function argumentsIn(cmdline: string): string[] {
  return cmdline === '' ? [] : cmdline.replace(/\0+$/, '').split('\0');
}

/** The lines of /proc/PID/cgroup. A path may have colons; the kernel keeps newlines out of it. */
export function cgroupLines(text: string): CgroupLine[] {
  return text.split('\n').flatMap((line) => {
    const found = /^(\d+):([^:]*):(\/.*)$/s.exec(line);
    return found ? [{hierarchy: Number(found[1]), controllers: found[2]!, path: found[3]!}] : [];
  });
}

/** ENOENT: the process or the fd has gone; ESRCH: the process, behind an open directory. */
function isGone(error: unknown): boolean {
  const {code} = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
