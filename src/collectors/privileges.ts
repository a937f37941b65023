/** Giving up what reading needs no longer, for good: for services, which run for months and may be reached by others. */
import {readdirSync, readFileSync} from 'node:fs';
import {loadPrivileges, type NativePrivileges} from '../addon.js';
import {exitStatus, isSystemError, UserError} from '../errors.js';
import type {LastingSource} from '../sample/sources.js';
import type {SamplerName} from '../sample/types.js';

/** Numbers of <linux/capability.h>, of those that reading may go on needing. */
const capabilities = {CAP_DAC_READ_SEARCH: 2, CAP_SYS_PTRACE: 19, CAP_SYS_ADMIN: 21} as const;
/** The same of those that it takes to become somebody else. */
const toBecome = [6 /* CAP_SETGID */, 7 /* CAP_SETUID */];

/** A capability, under its name in capabilities(7). */
export type Capability = keyof typeof capabilities;

/** What a source needs beyond its first look, which has loaded its iterators. */
const needsOf: {readonly [Name in LastingSource]: readonly Capability[]} = {
  // What the host's files call a container is for root alone; and /proc/PID/fd of other users' processes, where the iterator can't be had.
  owners: ['CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
  // …_GET_NEXT_ID, …_GET_FD_BY_ID, setns(2); and /proc/PID/ns and /proc/PID/fdinfo of other users' processes.
  links: ['CAP_SYS_ADMIN', 'CAP_SYS_PTRACE', 'CAP_DAC_READ_SEARCH'],
  maps: ['CAP_SYS_ADMIN'],
  names: ['CAP_SYS_ADMIN'],
};

/** What to read by that sampler takes, and to look at these sources, once both have begun. An iterator needs nothing: its fd is enough. */
export function needsAfterSetUp(sampler: SamplerName, sources: readonly LastingSource[]): ReadonlySet<Capability> {
  return new Set([...(sampler === 'walk' ? (['CAP_SYS_ADMIN'] as const) : []), ...sources.flatMap((name) => needsOf[name])]);
}

/** The kernel's overflow ids, "nobody", to whom nothing belongs. */
const nobody = 65534;

/** Who a process is, and what it may, in its every thread. */
export interface Privileges {
  readonly uid: number;
  readonly capabilities: readonly Capability[];
}

/**
 * Keeps these capabilities, as far as they are had, and gives up all others in every thread, and the way to any (no_new_privs).
 * @param become whether to become nobody, without groups: 'if possible' where that takes capabilities that aren't had.
 * @returns what is left.
 * @throws UserError (77) if anything else is left; the process is to end then.
 */
export function dropPrivileges(
  keep: ReadonlySet<Capability>,
  become: 'nobody' | 'nobody if possible',
  native: NativePrivileges = loadPrivileges(),
): Privileges {
  const wanted = [...keep].reduce((set, name) => set | bit(capabilities[name]), 0n);
  const own = readStatus('self');
  const mayBecome = toBecome.every((each) => own.effective & bit(each));
  const id = become === 'nobody' || mayBecome ? nobody : null;
  try {
    native.dropPrivileges(wanted, id);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const isRefused = mayBecome && /^set(groups|resgid|resuid)$/.test(error.syscall);
    throw failed(error.message, isRefused ? insteadOfNamespace : insteadOfUser, {cause: error});
  }
  const left = wanted & own.permitted;
  // Believed only when seen.
  for (const task of readdirSync('/proc/self/task')) {
    const status = ifAlive(() => readStatus(`self/task/${task}`));
    if (!status) continue;
    const {ids, groups, inherited, permitted, effective, noNewPrivs} = status;
    const became = id === null || (ids.every((each) => each === id) && groups === '');
    if (!became || inherited !== 0n || permitted !== left || effective !== left || !noNewPrivs)
      throw failed(`thread ${task} keeps some`, insteadOfUser);
  }
  return {
    uid: id ?? process.getuid?.() ?? nobody,
    capabilities: Object.entries(capabilities).flatMap(([name, each]) => (left & bit(each) ? [name as Capability] : [])),
  };
}

const insteadOfUser = 'Start it as root, with sudo.';
/** It may, and can't: what user_namespaces(7) says of setgroups, and of ids that aren't mapped. */
const insteadOfNamespace = `Its user namespace forbids setgroups, or has no uid and gid ${nobody}: start it outside of that, or without CAP_SETUID.`;

function failed(why: string, remedy: string, options?: ErrorOptions): UserError {
  return new UserError(`cannot give up privileges: ${why}. ${remedy}`, exitStatus.notPermitted, options);
}

/** What is told of a thread; null: it has ended. */
function ifAlive<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
}

function bit(number: number): bigint {
  return 1n << BigInt(number);
}

/** What /proc tells of a thread (proc_pid_status(5)). */
function readStatus(which: string) {
  const status = readFileSync(`/proc/${which}/status`, 'latin1');
  const of = (key: string) => new RegExp(`^${key}:\t(.*)$`, 'm').exec(status)?.[1]?.trim();
  const set = (key: string) => BigInt(`0x${of(key) ?? 'f'}`);
  return {
    ids: `${of('Uid')}\t${of('Gid')}`.split('\t').map(Number),
    groups: of('Groups'),
    inherited: set('CapInh') | set('CapAmb'),
    permitted: set('CapPrm'),
    effective: set('CapEff'),
    // Before Linux 4.10 status doesn't tell.
    noNewPrivs: (of('NoNewPrivs') ?? '1') === '1',
  };
}
