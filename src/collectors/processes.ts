/** What /proc/PID tells of one process: who it is, in which cgroups. A process may end, or be stuck, while it is read. */
import {closeSync, constants, openSync, readFileSync, readlinkSync, statSync} from 'node:fs';
import {open} from 'node:fs/promises';
import {setImmediate as turn, setTimeout as sleep} from 'node:timers/promises';
import {isSystemError} from '../errors.js';
import type {CgroupLine, OwnerProcess} from '../sample/owners.js';

/** PROC_PID_INIT_INO (include/linux/proc_ns.h) */
const initialPidNamespace = 0xeffffffc;
/** How long the event loop may be kept from everything else, ms. */
const sliceMs = 2;
/** Of an argument list or a list of cgroups no more is read. */
const mostBytes = {comm: 64, cmdline: 4096, cgroup: 65_536, stat: 4096};
/** A process whose memory is locked (by a stuck file system, say) never answers for its arguments. */
const patienceMs = 500;
/**
 * Of those so many are waited for, each by a thread of libuv's four; what reads counters needs one too. The other files don't touch a
 * process's memory, and are never waited for.
 */
const mostStuck = 2;
/** Files that haven't answered yet, `PID/name`: they are not asked again. */
const stuck = new Set<string>();

/** This process's number in a /proc, which may be another one than its own; null: that doesn't know it. */
export function ownPid(procRoot: string): number | null {
  try {
    return Number(readlinkSync(`${procRoot}/self`));
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

/** Whether that is a /proc of the initial pid namespace, in which this process is, and in which all processes are. */
export function showsAllProcesses(procRoot: string): boolean {
  try {
    const isOwn = ownPid(procRoot) === process.pid;
    // All but those that hidepid hides (proc(5)); then init, which always runs, is one of them.
    return (
      isOwn && statSync(`${procRoot}/self/ns/pid`).ino === initialPidNamespace && statSync(`${procRoot}/1`).isDirectory()
    );
  } catch {
    return false;
  }
}

/** The process, or the file of it, has ended. No text that a process can write is this. */
export const gone = Symbol('gone');

/** Gives the event loop its turn when this has had its slice. */
export class Slice {
  #began = performance.now();

  async rest(): Promise<void> {
    if (performance.now() - this.#began < sliceMs) return;
    await turn();
    this.#began = performance.now();
  }
}

/**
 * Hands a process's directory, open, to `use`: so it stays the directory of this process, even when its pid goes to another one.
 * @returns what `use` does; gone: the process has ended, null: its directory may not be opened.
 * @throws what `use` throws.
 */
export async function withProcess<T>(
  procRoot: string,
  pid: number,
  use: (dir: string) => Promise<T>,
): Promise<T | typeof gone | null> {
  let fd: number;
  try {
    fd = openSync(`${procRoot}/${pid}`, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return isGone(error) ? gone : null;
  }
  try {
    return await use(`/proc/self/fd/${fd}`);
  } finally {
    closeSync(fd);
  }
}

/** Who a process is, read through its open directory; gone: it has ended. */
export async function describe(pid: number, dir: string): Promise<OwnerProcess | typeof gone> {
  // Three at once: of libuv's four threads the counters need one.
  const [comm, cmdline, cgroup] = await Promise.all([
    readStart(pid, dir, 'comm'),
    readStart(pid, dir, 'cmdline'),
    readStart(pid, dir, 'cgroup'),
  ]);
  if (comm === gone) return gone;
  return {
    pid,
    comm: comm && comm.replace(/\n$/, ''),
    cmdline: cmdline === null || cmdline === gone ? null : argumentsIn(cmdline),
    // There is none in a kernel without cgroups.
    cgroups: cgroup === null || cgroup === gone ? null : cgroupLines(cgroup),
  };
}

/** When a process began, in clock ticks since boot (proc_pid_stat(5)); gone: it has ended, null: that may not be read. */
export async function startTicks(pid: number, dir: string): Promise<number | typeof gone | null> {
  const stat = await readStart(pid, dir, 'stat');
  return stat === null || stat === gone ? stat : startIn(stat);
}

/** The same of this process. @throws the fs error. */
export function ownStartTicks(procRoot: string): number | null {
  return startIn(readFileSync(`${procRoot}/self/stat`, 'utf8'));
}

/** Field 22, the 20th after the name, which may have spaces and parentheses of its own. */
function startIn(stat: string): number | null {
  const ticks = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  return Number.isInteger(ticks) ? ticks : null;
}

/** The first bytes of a file of a process; gone: it has ended, null: that may not be read, or nothing came in time. */
async function readStart(pid: number, dir: string, name: keyof typeof mostBytes): Promise<string | typeof gone | null> {
  const file = `${pid}/${name}`;
  if (stuck.has(file) || (name === 'cmdline' && stuck.size >= mostStuck)) return null;
  const waited = new AbortController();
  const late = sleep(patienceMs, undefined, {signal: waited.signal, ref: false}).catch(() => undefined);
  const reading = startOf(`${dir}/${name}`, mostBytes[name]);
  const text = await Promise.race([reading, late]);
  waited.abort();
  if (text !== undefined) return text;
  stuck.add(file);
  void reading.then(() => stuck.delete(file));
  return null;
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
export function isGone(error: unknown): boolean {
  const {code} = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ESRCH';
}
