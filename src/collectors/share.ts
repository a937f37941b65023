/**
 * Sharing: root pins an iterator where a group may open it, and a process that holds nothing but a BPF_ENABLE_STATS fd keeps
 * statistics on. From then on a member of the group reads everything the iterator writes, with no capability at all.
 *
 *     /run/bpftop-ts             root's, open to the group
 *     /run/bpftop-ts/lock        root's alone; who starts or stops sharing has it locked, and the service as long as it lives
 *     /run/bpftop-ts/bpf/        a bpffs of its own: the one at /sys/fs/bpf is closed to all but root on most hosts
 *     /run/bpftop-ts/bpf/progs_1 the pinned iterator
 */
import {chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmdirSync, statfsSync, unlinkSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {loadShare, type NativeShare} from '../addon.js';
import {exitStatus, isNotPermitted, isSystemError, UserError} from '../errors.js';
import {dropPrivileges} from './privileges.js';

export const shareDir = '/run/bpftop-ts';
const lockFile = `${shareDir}/lock`;
const mountPoint = `${shareDir}/bpf`;
const pinName = 'progs_';
/** The pinned iterator. The number is that of the records' form (struct IterRecord): another form is another file. */
export const sharedPin = `${mountPoint}/${pinName}1`;

/** How often it is looked whether another process is done, ms. */
const pollMs = 20;
/** BPF_FS_MAGIC of <linux/magic.h>. */
const bpfFs = 0xcafe4a11;

/** What is shared on this host. */
export interface ShareFacts {
  /** With whom, a name or else a number. */
  readonly group: string;
  /** The service's process; null: it has ended without `stopSharing`; 'unknown': only root may look. */
  readonly servicePid: number | null | 'unknown';
}

/**
 * Looks at the host.
 * @returns null where nothing is shared.
 */
export function readShareFacts(native: NativeShare = loadShare()): ShareFacts | null {
  const stat = lstatSync(shareDir, {throwIfNoEntry: false});
  // Something else is not from bpftop-ts.
  if (!stat?.isDirectory() || stat.uid !== 0) return null;
  const group = native.groupName(stat.gid) ?? String(stat.gid);
  try {
    return {group, servicePid: native.lockHolder(lockFile) ?? null};
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return {group, servicePid: isNotPermitted(error.code) ? 'unknown' : null};
  }
}

/**
 * Pins the iterator for a group, switches statistics on, and gives up every privilege of this process. What is shared stays
 * until `stopSharing`; statistics stay on until this process ends.
 * @param group a name, or a number.
 * @throws UserError: 77 without the rights, 69 where the kernel can't, 2 where there is no such group, 1 where another service is at it.
 */
export async function startSharing(group: string, native: NativeShare = loadShare()): Promise<void> {
  const gid = groupId(group, native);
  try {
    // Who is just ending it needs a moment.
    for (let waited = 0; !lockShare(native); waited += pollMs) {
      const pid = holder(native);
      if (waited > 500)
        throw new UserError(
          `${typeof pid === 'number' ? `process ${pid}` : 'another process'} is sharing already. End that with: sudo bpftop-ts share --stop`,
        );
      await sleep(pollMs);
    }
    try {
      // What a service has left that was killed.
      takeMountAway(native);
      mkdirSync(mountPoint, {recursive: true});
      native.mountBpffs(mountPoint);
      native.pinIterator(sharedPin);
      native.enableStats();
      chownSync(sharedPin, 0, gid);
      chmodSync(sharedPin, 0o440);
      chownSync(mountPoint, 0, gid);
      chmodSync(mountPoint, 0o750);
      // The last thing: nobody finds it half made.
      chownSync(shareDir, 0, gid);
      chmodSync(shareDir, 0o750);
      process.chdir('/');
      dropPrivileges(new Set(), 'nobody');
    } catch (error) {
      try {
        takeAway(native);
      } catch {
        // What went wrong first is what counts; the next start takes away what is left.
      }
      throw error;
    }
  } catch (error) {
    throw explain('cannot share', error);
  }
}

/**
 * Ends the service, if there is one, and takes away what is pinned.
 * @returns false when nothing was shared.
 * @throws UserError: 77 without the rights.
 */
export async function stopSharing(native: NativeShare = loadShare()): Promise<boolean> {
  try {
    for (let waited = 0; isThere(); waited += pollMs) {
      if (lockShare(native)) {
        takeAway(native);
        return true;
      }
      const pid = holder(native);
      if (pid === 'unknown')
        throw new UserError('a process of another pid namespace is sharing. Run it there, or on the host itself.');
      if (waited > 4000) throw new UserError(`process ${pid} does not end. Its statistics stay on until it does.`);
      if (pid !== null && (waited === 0 || waited === 2000)) end(pid, waited === 0 ? 'SIGTERM' : 'SIGKILL');
      await sleep(pollMs);
    }
    return false;
  } catch (error) {
    throw explain('cannot take back what is shared', error);
  }
}

function groupId(group: string, native: NativeShare): number {
  const gid = /^\d+$/.test(group) ? Number(group) : native.groupId(group);
  if (gid === null)
    throw new UserError(`there is no group '${group}'. Make one with: sudo groupadd --system ${group}`, exitStatus.usage);
  if (gid >= 2 ** 32 - 1) throw new UserError(`${group} is no group's number.`, exitStatus.usage);
  return gid;
}

function isThere(): boolean {
  return lstatSync(shareDir, {throwIfNoEntry: false}) !== undefined;
}

/** Does something that may come too late: then what it fails with says so. */
function unless<T>(code: string, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (isSystemError(error) && error.code === code) return null;
    throw error;
  }
}

/** Who has it locked; null: nobody, any more. */
function holder(native: NativeShare): ReturnType<NativeShare['lockHolder']> {
  return unless('ENOENT', () => native.lockHolder(lockFile));
}

/**
 * Makes the directory and locks it, until this process ends.
 * @returns false where another process has it locked, or has just taken it away.
 */
function lockShare(native: NativeShare): boolean {
  unless('EEXIST', () => {
    mkdirSync(shareDir, {mode: 0o700});
    // Who isn't root, but may do all this, is found out later, when there is something to take away.
    chownSync(shareDir, 0, 0);
  });
  const stat = lstatSync(shareDir, {throwIfNoEntry: false});
  if (!stat) return false;
  if (!stat.isDirectory() || stat.uid !== 0)
    throw new UserError(`${shareDir} is no directory of root's: it is not from bpftop-ts. Look at it, and remove it.`);
  return unless('ENOENT', () => native.lock(lockFile)) !== null;
}

/** Everything. The lock must be had, and is given up with it. */
function takeAway(native: NativeShare): void {
  takeMountAway(native);
  unlinkSync(lockFile);
  // Another process may have come for the lock by now.
  unless('ENOTEMPTY', () => rmdirSync(shareDir));
}

function takeMountAway(native: NativeShare): void {
  if (!lstatSync(mountPoint, {throwIfNoEntry: false})) return;
  while (lstatSync(mountPoint).dev !== lstatSync(shareDir).dev) {
    if (statfsSync(mountPoint).type !== bpfFs)
      throw new UserError(`${mountPoint} is no bpffs: it is not from bpftop-ts. Look at it, and unmount it.`);
    for (const name of readdirSync(mountPoint)) if (name.startsWith(pinName)) unpin(`${mountPoint}/${name}`);
    native.unmount(mountPoint);
  }
  rmdirSync(mountPoint);
}

/** A member that has it open could open it anew through /proc/self/fd, as long as its mode lets it. */
function unpin(path: string): void {
  chmodSync(path, 0);
  chownSync(path, 0, 0);
  unlinkSync(path);
}

function end(pid: number, signal: NodeJS.Signals): void {
  // It may have ended by itself.
  unless('ESRCH', () => process.kill(pid, signal));
}

function explain(failed: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  return isNotPermitted(error.code)
    ? new UserError(`${failed}: ${error.syscall}: ${error.code}. Run it with sudo.`, exitStatus.notPermitted, {cause: error})
    : new UserError(`${failed}: ${error.message}. doctor tells what this host lacks.`, exitStatus.unavailable, {
        cause: error,
      });
}
