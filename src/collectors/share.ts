/**
 * Sharing: root pins an iterator where a group may open it, and a process that holds nothing but a BPF_ENABLE_STATS fd keeps
 * statistics on. From then on a member of the group reads everything the iterator writes, with no capability at all.
 */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import {dirname} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {loadShare, type NativeShare} from '../addon.js';
import {exitStatus, isSystemError, UserError} from '../errors.js';
import {readProcStat} from './proc-stat.js';

/** A bpffs of its own: the one at /sys/fs/bpf is closed to all but root on most hosts. */
export const shareDir = '/run/bpftop-ts';
/** The pinned iterator. The number is that of the records' form (struct IterRecord): another form is another file. */
export const sharedPin = `${shareDir}/progs_1`;
/** A symbolic link to nowhere: bpffs takes no other files. It names the service's process: pid and start time. */
const serviceNote = `${shareDir}/service`;

/** Who the service becomes: the kernel's overflow ids, "nobody", to whom nothing belongs. */
const nobody = 65534;

/** What is shared on this host. */
export type ShareState =
  /** Nothing. */
  | 'none'
  /** A service has ended without `stopSharing`: programs may be read, but nobody keeps statistics on. */
  | 'left_over'
  | {readonly servicePid: number};

/** What the doctor tells of it. */
export interface ShareFacts {
  /** null: this user may not look, who isn't in the group then. */
  readonly state: ShareState | null;
  /** With whom, a name or else a number; null: with nobody. */
  readonly group: string | null;
}

/** Looks at the host. */
export function readShareFacts(native: NativeShare = loadShare()): ShareFacts {
  const state = readShareState();
  if (state === 'none') return {state, group: null};
  try {
    const {gid} = lstatSync(shareDir);
    return {state, group: native.groupName(gid) ?? String(gid)};
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return {state, group: null}; // it has gone since, or the system can't tell its groups
  }
}

/**
 * Looks at the host.
 * @returns null where this user may not look.
 */
export function readShareState(): ShareState | null {
  try {
    lstatSync(shareDir);
  } catch {
    return 'none';
  }
  try {
    const [pid, startTime] = readlinkSync(serviceNote).split(':');
    const stat = readProcStat(Number(pid));
    return stat && stat !== 'gone' && stat.startTime === startTime ? {servicePid: Number(pid)} : 'left_over';
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM' ? null : 'left_over';
  }
}

/**
 * Pins the iterator for a group, switches statistics on, and gives up every privilege of this process. What is shared stays
 * until `stopSharing`; statistics stay on until this process ends.
 * @param group a name, or a number.
 * @throws UserError: 77 without the rights, 69 where the kernel can't, 1 where another service is at it.
 */
export function startSharing(group: string, native: NativeShare = loadShare()): void {
  const gid = groupId(group, native);
  const state = readShareState();
  if (state !== null && typeof state === 'object')
    throw new UserError(`process ${state.servicePid} is sharing already. End that with: sudo bpftop-ts share --stop`);
  try {
    if (state === 'left_over') takeAway(native);
    mkdirSync(shareDir, {mode: 0o700});
    native.mountBpffs(shareDir);
    native.pinIterator(sharedPin);
    native.enableStats();
    const self = readProcStat(process.pid);
    if (self === null || self === 'gone') throw new UserError('cannot share: /proc is not there. Mount it first.');
    symlinkSync(`${process.pid}:${self.startTime}`, serviceNote);
    chownSync(sharedPin, 0, gid);
    chmodSync(sharedPin, 0o440);
    // The last thing: nobody finds it half made.
    chownSync(shareDir, 0, gid);
    chmodSync(shareDir, 0o750);
    dropPrivileges();
  } catch (error) {
    try {
      takeAway(native);
    } catch {
      // What went wrong first is what counts; the next start takes away what is left.
    }
    throw explain('cannot share', error);
  }
}

/**
 * Ends the service, if there is one, and takes away what is pinned.
 * @returns false when nothing was shared.
 * @throws UserError: 77 without the rights.
 */
export async function stopSharing(native: NativeShare = loadShare()): Promise<boolean> {
  const state = readShareState();
  if (state === 'none') return false;
  try {
    if (state !== null && typeof state === 'object') await end(state.servicePid);
    takeAway(native);
  } catch (error) {
    throw explain('cannot take back what is shared', error);
  }
  return true;
}

function groupId(group: string, native: NativeShare): number {
  const gid = /^\d+$/.test(group) ? Number(group) : native.groupId(group);
  if (gid === null)
    throw new UserError(`there is no group '${group}'. Make one with: sudo groupadd --system ${group}`, exitStatus.usage);
  if (gid >= 2 ** 32 - 1) throw new UserError(`${group} is no group's number.`, exitStatus.usage);
  return gid;
}

/** Everything in the directory, its mount, and itself. */
function takeAway(native: NativeShare): void {
  const stat = lstatSync(shareDir);
  if (!stat.isDirectory() || stat.uid !== 0)
    throw new UserError(`${shareDir} is no directory of root's: it is not from bpftop-ts. Look at it, and remove it.`);
  while (lstatSync(shareDir).dev !== lstatSync(dirname(shareDir)).dev) {
    // A name with a dot is the kernel's own (maps.debug); it goes with the mount, and in no other way.
    for (const name of readdirSync(shareDir)) if (!name.includes('.')) unlinkSync(`${shareDir}/${name}`);
    native.unmount(shareDir);
  }
  rmdirSync(shareDir);
}

async function end(pid: number): Promise<void> {
  const before = readProcStat(pid);
  process.kill(pid, 'SIGTERM');
  for (let waited = 0; ; waited += 20) {
    const stat = readProcStat(pid);
    if (stat === 'gone' || (stat && before && before !== 'gone' && stat.startTime !== before.startTime)) return;
    if (waited === 2000) process.kill(pid, 'SIGKILL');
    if (waited > 4000) throw new UserError(`process ${pid} does not end. Its statistics stay on until it does.`);
    await sleep(20);
  }
}

/**
 * Becomes nobody, without groups and capabilities, in every thread.
 * @throws UserError if anything is left.
 */
function dropPrivileges(): void {
  const failed = (why: string, options?: ErrorOptions) =>
    new UserError(`cannot give up privileges: ${why}. Start it as root, with sudo.`, exitStatus.notPermitted, options);
  try {
    process.chdir('/');
    process.setgroups?.([]);
    process.setgid?.(nobody);
    process.setuid?.(nobody);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw failed(`${error.syscall}: ${error.code}`, {cause: error});
  }
  // Believed only when seen: what setuid(2) does to capabilities depends on who one was, and on securebits.
  for (const task of readdirSync('/proc/self/task')) {
    const status = readFileSync(`/proc/self/task/${task}/status`, 'latin1');
    const ids = [...status.matchAll(/^(?:Uid|Gid):\t(.*)$/gm)].flatMap(([, each]) => (each as string).split('\t'));
    const sets = [...status.matchAll(/^Cap(?:Inh|Prm|Eff|Amb):\t(.*)$/gm)].map(([, set]) => BigInt(`0x${set}`));
    const gone =
      ids.length === 8 &&
      sets.length === 4 &&
      ids.every((id) => Number(id) === nobody) &&
      sets.every((set) => set === 0n) &&
      /^Groups:\s*$/m.test(status);
    if (!gone) throw failed(`thread ${task} keeps some`);
  }
}

function explain(failed: string, error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const what = `${failed}: ${error.syscall}: ${error.code}.`;
  switch (error.code) {
    case 'EPERM':
    case 'EACCES':
      return new UserError(`${what} Run it with sudo.`, exitStatus.notPermitted, {cause: error});
    default:
      return new UserError(`${failed}: ${error.message}. doctor tells what this host lacks.`, exitStatus.unavailable, {
        cause: error,
      });
  }
}
