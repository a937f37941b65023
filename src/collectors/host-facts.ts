/**
 * What the host says of itself that decides what can be read here. Only files are read, all below /proc and /sys; each is optional,
 * and what can't be read is null. Texts are the host's own: hostile.
 */
import {closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync, readSync} from 'node:fs';
import path from 'node:path';

/** Capabilities that decide something here: their bits in CapEff (include/uapi/linux/capability.h). */
export const capabilityBits = {
  CAP_SYS_ADMIN: 21,
  CAP_BPF: 39,
  CAP_PERFMON: 38,
  CAP_SYSLOG: 34,
  CAP_SYS_PTRACE: 19,
  CAP_DAC_READ_SEARCH: 2,
} as const;
/** One of those that count here. */
export type Capability = keyof typeof capabilityBits;

/** Sysctls that change what can be seen, as sysctl(8) names them. */
export const sysctlNames = [
  'kernel.unprivileged_bpf_disabled',
  'kernel.perf_event_paranoid',
  'kernel.kptr_restrict',
  'net.core.bpf_jit_enable',
  'kernel.bpf_stats_enabled',
] as const;
/** One of those that explain something here. */
export type SysctlName = (typeof sysctlNames)[number];

/** The initial namespaces have fixed inode numbers (include/linux/proc_ns.h). */
const initialInode = {user: 0xeffffffd, pid: 0xeffffffc} as const;

/** Whether a namespace is the one that the kernel booted with. */
export type Namespace = 'initial' | 'other' | null;

/** Where things are mounted: each path once, in the order of the mount table. */
export interface Mounts {
  readonly bpffs: readonly string[];
  readonly tracefs: readonly string[];
  /** Whether there are version 1 hierarchies. */
  readonly cgroup1: boolean;
  readonly cgroup2: readonly string[];
}

/** What /proc and /sys say of this host and this process. */
export interface HostFacts {
  /** Effective; null where there are no users (Windows). */
  readonly uid: number | null;
  readonly capabilities: ReadonlySet<Capability> | null;
  /** True: sudo and file capabilities give nothing to this process (PR_SET_NO_NEW_PRIVS). */
  readonly noNewPrivs: boolean | null;
  /** True: a seccomp filter looks at every system call. */
  readonly seccomp: boolean | null;
  readonly userNamespace: Namespace;
  readonly pidNamespace: Namespace;
  /** Types of the running kernel: the file's length in bytes, or the errno of reading it. */
  readonly btf: {readonly bytes: number} | {readonly code: string};
  readonly sysctls: Readonly<Record<SysctlName, number | null>>;
  /** `none`, `integrity` or `confidentiality`; null: no lockdown in this kernel, or securityfs not to be read. */
  readonly lockdown: string | null;
  /** Active security modules; null as above. */
  readonly lsms: readonly string[] | null;
  readonly mounts: Mounts | null;
}

/** A process that has statistics switched on. */
export interface StatsHolder {
  readonly pid: number;
  /** At most 15 bytes, chosen by the process; null where it can't be read. */
  readonly comm: string | null;
}

/** The file of the running kernel's types, for a person to look for. */
export const btfPath = '/sys/kernel/btf/vmlinux';

/** Reads the facts; `root` stands before every path, for tests. */
export function readHostFacts(root = '/'): HostFacts {
  const at = (file: string) => path.join(root, file);
  const status = parseStatus(read(at('proc/self/status')) ?? '');
  const number = (key: string) => (status.has(key) ? Number(status.get(key)) : null);
  const [noNewPrivs, seccomp] = [number('NoNewPrivs'), number('Seccomp')];
  return {
    uid: process.geteuid?.() ?? null,
    capabilities: parseCapabilities(status.get('CapEff')),
    noNewPrivs: noNewPrivs === null ? null : noNewPrivs === 1,
    seccomp: seccomp === null ? null : seccomp !== 0,
    userNamespace: namespace(at('proc/self/ns/user'), initialInode.user),
    pidNamespace: namespace(at('proc/self/ns/pid'), initialInode.pid),
    btf: readBtf(at(btfPath)),
    sysctls: Object.fromEntries(
      sysctlNames.map((name) => [name, parseNumber(read(at(`proc/sys/${name.replaceAll('.', '/')}`)))]),
    ) as Record<SysctlName, number | null>,
    // All modes are listed, with the present one in brackets.
    lockdown: /\[(\w+)\]/.exec(read(at('sys/kernel/security/lockdown')) ?? '')?.[1] ?? null,
    lsms: read(at('sys/kernel/security/lsm'))?.trim().split(',') ?? null,
    mounts: parseMounts(read(at('proc/self/mountinfo'))),
  };
}

/**
 * Who else has statistics on: processes with a BPF_ENABLE_STATS fd, as far as this process may look into /proc, by pid. A readlink for
 * every open file on the host: tens of milliseconds on a busy one.
 */
export function findStatsHolders(root = '/'): {readonly holders: readonly StatsHolder[]; readonly unreadable: number} {
  const proc = path.join(root, 'proc');
  const holders: StatsHolder[] = [];
  let unreadable = 0;
  for (const pid of list(proc)
    ?.filter((name) => /^\d+$/.test(name))
    .map(Number) ?? []) {
    if (pid === process.pid) continue;
    const fds = list(path.join(proc, String(pid), 'fd'));
    if (fds === null) unreadable++;
    else if (fds.some((fd) => link(path.join(proc, String(pid), 'fd', fd)) === 'anon_inode:bpf-stats'))
      holders.push({pid, comm: read(path.join(proc, String(pid), 'comm'))?.replace(/\n$/, '') ?? null});
  }
  return {holders: holders.sort((a, b) => a.pid - b.pid), unreadable};
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function link(file: string): string | null {
  try {
    return readlinkSync(file);
  } catch {
    return null;
  }
}

function list(folder: string): string[] | null {
  try {
    return readdirSync(folder);
  } catch {
    return null;
  }
}

/** proc_pid_status(5): `Key:\tvalue`, a line each. */
function parseStatus(text: string): Map<string, string> {
  return new Map(Array.from(text.matchAll(/^(\w+):[ \t]*(.*)$/gm), ([, key, value]) => [key as string, value as string]));
}

function parseCapabilities(hex: string | undefined): ReadonlySet<Capability> | null {
  if (hex === undefined || !/^[\da-f]+$/i.test(hex)) return null;
  const effective = BigInt(`0x${hex}`);
  const names = Object.keys(capabilityBits) as Capability[];
  return new Set(names.filter((name) => (effective >> BigInt(capabilityBits[name])) & 1n));
}

function parseNumber(text: string | null): number | null {
  return text !== null && /^-?\d+\s*$/.test(text) ? Number(text) : null;
}

function namespace(file: string, initial: number): Namespace {
  const inode = /:\[(\d+)\]$/.exec(link(file) ?? '')?.[1];
  return inode === undefined ? null : Number(inode) === initial ? 'initial' : 'other';
}

function readBtf(file: string): HostFacts['btf'] {
  try {
    const fd = openSync(file, 'r');
    try {
      readSync(fd, Buffer.alloc(4));
      return {bytes: fstatSync(fd).size};
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    return {code: (error as NodeJS.ErrnoException).code ?? 'EIO'};
  }
}

/** proc_pid_mountinfo(5): the mount point is the fifth word, the type the first one after " - "; blanks are octal escapes. */
function parseMounts(text: string | null): Mounts | null {
  if (text === null) return null;
  const points = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const type = / - (\S+)/.exec(line)?.[1];
    const point = line.split(' ')[4];
    if (type === undefined || point === undefined) continue;
    const plain = point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    points.set(type, (points.get(type) ?? new Set()).add(plain));
  }
  const of = (type: string) => [...(points.get(type) ?? [])];
  return {bpffs: of('bpf'), tracefs: of('tracefs'), cgroup1: points.has('cgroup'), cgroup2: of('cgroup2')};
}
