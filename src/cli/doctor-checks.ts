/**
 * What was found on the host, in words: one check a line, and what follows from them all. Pure, so that any host can be tried in a test.
 * To add a check, write its function and name it in `diagnose`; text and JSON show it from there.
 */
import type {Attempt, BpfProbe, Refusal} from '../collectors/bpf-probe.js';
import type {ShareFacts} from '../collectors/share.js';
import {btfPath, type Capability, capabilityBits, type HostFacts, type StatsHolder} from '../collectors/host-facts.js';
import {switchStatsOn} from '../collectors/kernel.js';
import {exitStatus, type ExitStatus, isNotPermitted} from '../errors.js';
import {formatBytes, formatDuration, formatNumberOf} from '../model/format.js';
import {printable} from '../model/printable.js';
import type {Host} from '../sample/types.js';

/** `limited`: it works in part, or another way has to do. */
export type Verdict = 'ok' | 'limited' | 'missing';

/** One thing that was looked at, and what came of it. */
export interface Check {
  /** For scripts, and the name on the line. */
  readonly id: string;
  readonly verdict: Verdict;
  readonly finding: string;
  /** What to do; null when all is well. */
  readonly remedy: string | null;
}

/** What a run of the tool will come to. */
export interface Conclusion {
  /** `programs`: all of them, without rates. */
  readonly shows: 'everything' | 'programs' | 'nothing';
  readonly finding: string;
  /** The shortest way to more; null: there is no more. */
  readonly remedy: string | null;
  readonly exitStatus: ExitStatus;
}

/** What stdout is. */
export interface TerminalFacts {
  readonly isTerminal: boolean;
  /** What TERM says. */
  readonly term: string;
  readonly columns: number;
  readonly rows: number;
  readonly colors: 'none' | '16' | '256';
  readonly utf8: boolean;
}

/** All that the checks look at. */
export interface Findings {
  readonly platform: string;
  readonly host: Host;
  /** This Node's version, and whether the tool is made for it. */
  readonly node: {readonly version: string; readonly wanted: string; readonly fits: boolean};
  readonly facts: HostFacts;
  /** Why there is no addon, as the tool itself says it; null: there is. */
  readonly addonProblem: string | null;
  /** null: no addon to try with. */
  readonly bpf: BpfProbe | null;
  /** Who has statistics on; null: nobody has, or the sysctl does it, or it wasn't looked for. */
  readonly statsHolders: {readonly holders: readonly StatsHolder[]; readonly unreadable: number} | null;
  /** null: nothing is, or there is no addon to ask. */
  readonly share: ShareFacts | null;
  readonly terminal: TerminalFacts;
}

/** Every check in order, and the conclusion. */
export function diagnose(found: Findings): {readonly checks: readonly Check[]; readonly conclusion: Conclusion} {
  const all =
    found.platform === 'linux'
      ? [
          kernel,
          node,
          addon,
          user,
          namespaces,
          btf,
          iterator,
          walk,
          sampler,
          statistics,
          share,
          sysctls,
          security,
          mounts,
          terminal,
        ]
      : [kernel, node, terminal];
  const {finding, remedy, ...conclusion} = conclude(found);
  return {
    checks: all.map((each) => each(found)),
    conclusion: {...conclusion, finding: printable(finding), remedy: remedy && printable(remedy)},
  };
}

type CheckOf = (found: Findings) => Check;

/** The one place that makes a check: host texts in it are harmless from here on. */
function check(id: string, verdict: Verdict, finding: string, remedy: string | null = null): Check {
  return {id, verdict, finding: printable(finding), remedy: remedy && printable(remedy)};
}

const mountProc = 'Mount /proc, which tells.';
const lsmRefuses = 'A security module (LSM) refuses it; its log says why.';
const leaveUserNamespace = "Run it on the host itself: a user namespace's rights don't count for BPF.";
const elsewhere = 'Run it on the Linux host itself.';
const addonFirst = 'See addon.';

/** `message` of the tool's errors: its last sentence is the remedy. */
function splitRemedy(message: string): [finding: string, remedy: string] {
  const end = message.lastIndexOf('. ');
  return [message.slice(0, end), message.slice(end + 2)];
}

function callOf({syscall, code}: {readonly syscall: string; readonly code: string}): string {
  return `${syscall}: ${code}`;
}

/** How this process could come to read everything. */
function moreRights({facts}: Findings): string {
  if (facts.userNamespace === 'other') return leaveUserNamespace;
  if (facts.capabilities?.has('CAP_SYS_ADMIN'))
    return facts.seccomp ? 'Run it outside the seccomp filter that it is under, or let bpf() through there.' : lsmRefuses;
  if (facts.pidNamespace === 'other') return 'Run it on the host, or give the container CAP_SYS_ADMIN.';
  if (facts.noNewPrivs) return 'Start it somewhere else: no_new_privs is set here, so sudo gives nothing.';
  return facts.uid === 0 ? 'Start it with CAP_SYS_ADMIN, which this root has not got.' : 'Run it with sudo.';
}

const kernel: CheckOf = ({platform, host}) =>
  platform === 'linux'
    ? check('kernel', 'ok', `Linux ${host.kernelRelease} ${host.arch}, ${formatNumberOf(host.cpusOnline, 'CPU')}`)
    : check('kernel', 'missing', `${platform} ${host.kernelRelease}: BPF programs live in the Linux kernel`, elsewhere);

const node: CheckOf = ({node: {version, wanted, fits}}) =>
  fits
    ? check('node', 'ok', `Node ${version}`)
    : check('node', 'limited', `Node ${version}, made for ${wanted}`, `Use Node ${wanted}.`);

const addon: CheckOf = ({addonProblem}) =>
  addonProblem === null
    ? check('addon', 'ok', 'loads, and fits this Node')
    : check('addon', 'missing', ...splitRemedy(addonProblem));

const user: CheckOf = (found) => {
  const {facts, bpf} = found;
  const who = facts.uid === null ? 'no uid' : `uid ${facts.uid}`;
  if (facts.capabilities === null) return check('user', 'limited', `${who}, capabilities not known`, mountProc);
  const held = facts.capabilities;
  const all = Object.keys(capabilityBits) as Capability[];
  const lacking = all.filter((name) => !held.has(name));
  const finding =
    held.size === 0
      ? `${who} without any capability that counts`
      : lacking.length === 0
        ? `${who} with every capability that counts`
        : `${who} with ${[...held].join(', ')}; without ${lacking.join(', ')}`;
  if (facts.userNamespace === 'other')
    return check(
      'user',
      bpf?.auto.reading ? 'limited' : 'missing',
      `${finding}, in its user namespace alone`,
      'See namespaces.',
    );
  if (held.has('CAP_SYS_ADMIN')) return check('user', 'ok', finding);
  const remedy = moreRights(found);
  if (bpf?.auto.reading || (held.has('CAP_BPF') && held.has('CAP_PERFMON')))
    return check('user', 'limited', finding, `To switch statistics on takes CAP_SYS_ADMIN. ${remedy}`);
  return check(
    'user',
    'missing',
    finding,
    `${remedy} Or give it CAP_BPF and CAP_PERFMON (for the programs) or CAP_SYS_ADMIN (for everything): ` +
      'AmbientCapabilities= of a unit, --cap-add of a container, setpriv --ambient-caps.',
  );
};

const namespaces: CheckOf = ({facts, bpf}) => {
  const {userNamespace, pidNamespace} = facts;
  const also = [facts.seccomp && 'a seccomp filter', facts.noNewPrivs && 'no_new_privs'].filter((each) => each);
  const under = also.length === 0 ? '' : `; under ${also.join(' and ')}`;
  if (userNamespace === 'other')
    return check(
      'namespaces',
      bpf?.auto.reading ? 'limited' : 'missing',
      `a user namespace of its own: its root isn't the host's${under}`,
      leaveUserNamespace,
    );
  if (pidNamespace === 'other')
    return check(
      'namespaces',
      'limited',
      `a pid namespace of its own, as in a container${under}`,
      "To see the host's processes too: docker run --pid=host, hostPID: true of a pod.",
    );
  if (userNamespace === null || pidNamespace === null) return check('namespaces', 'limited', `not known${under}`, mountProc);
  return check('namespaces', 'ok', `the host's own (user, pid)${under}`);
};

const btf: CheckOf = ({facts}) => {
  if ('bytes' in facts.btf) return check('btf', 'ok', `${btfPath}, ${formatBytes(facts.btf.bytes)}`);
  return check(
    'btf',
    'missing',
    `${btfPath}: ${facts.btf.code}`,
    facts.btf.code === 'ENOENT'
      ? 'A kernel with CONFIG_DEBUG_INFO_BTF has it; without, programs are walked.'
      : 'Let this user read it; without, programs are walked.',
  );
};

/** `12 programs in 34µs` */
function readingOf({programs, durationNs}: NonNullable<Attempt['reading']>): string {
  return `${formatNumberOf(programs, 'program')} in ${formatDuration(durationNs)}`;
}

/** Whether the capabilities say that it may; something else refuses it then. */
function mayIterate({facts: {capabilities, userNamespace}}: Findings): boolean {
  const has = (name: Capability) => capabilities?.has(name) === true;
  return userNamespace === 'other' || has('CAP_SYS_ADMIN') || (has('CAP_BPF') && has('CAP_PERFMON'));
}

const iterator: CheckOf = (found) => {
  const {facts, bpf} = found;
  if (!bpf) return check('iterator', 'missing', 'not tried', addonFirst);
  const {reading, refusal} = bpf.iterator;
  if (reading) {
    const how = reading.readBy === 'cast' ? 'bpf_rdonly_cast' : 'bpf_probe_read_kernel';
    return check('iterator', 'ok', `${readingOf(reading)}, counters by ${how}`);
  }
  if (bpf.auto.reading?.shared)
    return check('iterator', 'limited', refusal.text, 'Not needed for the table: root shares one, which is read instead.');
  const remedy =
    refusal.code === 'EPERM'
      ? mayIterate(found)
        ? moreRights(found)
        : 'CAP_BPF and CAP_PERFMON allow it.'
      : 'bytes' in facts.btf
        ? 'Nothing to be done on this kernel.'
        : 'See btf.';
  return check(
    'iterator',
    bpf.auto.reading ? 'limited' : 'missing',
    refusal.text,
    bpf.walk.reading ? `${remedy} Programs are walked, which is slower.` : remedy,
  );
};

const walk: CheckOf = (found) => {
  const {bpf} = found;
  if (!bpf) return check('walk', 'missing', 'not tried', addonFirst);
  const {reading, refusal} = bpf.walk;
  if (reading) return check('walk', 'ok', readingOf(reading));
  if (bpf.auto.reading?.sampler === 'iterator')
    return check(
      'walk',
      'limited',
      refusal.text,
      'Not needed, the iterator is there; only maps, links, pins and full names take CAP_SYS_ADMIN.',
    );
  return check('walk', 'missing', refusal.text, walkRemedy(refusal, found));
};

function walkRemedy({code, syscall}: Refusal, found: Findings): string {
  // Whoever may ask for the next id may open it, unless a security module says otherwise.
  if (isNotPermitted(code)) return syscall.includes('GET_FD_BY_ID') ? lsmRefuses : moreRights(found);
  if (code === 'ENOSYS') return 'This kernel was built without BPF, or a sandbox hides it: run it on the host itself.';
  return code === 'EINVAL' ? "This kernel can't list them; Linux 4.13 and later can." : 'Try again.';
}

const sampler: CheckOf = ({bpf}) => {
  if (!bpf) return check('sampler', 'missing', 'not tried', addonFirst);
  const {reading} = bpf.auto;
  if (!reading) return check('sampler', 'missing', 'none: neither iterator nor walk works', 'See walk.');
  if (reading.sampler === 'iterator')
    return check('sampler', 'ok', reading.shared ? 'the iterator that root shares' : 'iterator');
  return check('sampler', 'limited', `walk, because of ${reading.fallbackReason ?? 'an unknown reason'}`, 'See iterator.');
};

const statistics: CheckOf = (found) => {
  const {bpf} = found;
  if (!bpf) return check('statistics', 'missing', 'not tried', addonFirst);
  const bySysctl = found.facts.sysctls['kernel.bpf_stats_enabled'] === 1;
  const on = bySysctl ? 'on for all, by the sysctl kernel.bpf_stats_enabled' : bpf.statsOn ? `on, ${byWhom(found)}` : null;
  const {statsRefusal} = bpf;
  if (statsRefusal === null)
    return check('statistics', 'ok', on ? `${on}; could be switched on here too` : 'off now, on while bpftop-ts runs');
  if (bySysctl) return check('statistics', 'ok', on as string);
  const ways = isNotPermitted(statsRefusal.code)
    ? `${moreRights(found)} Or switch them on for all: ${switchStatsOn}.`
    : `Linux 5.8 and later can. Here, to switch them on for all: ${switchStatsOn}.`;
  if (on)
    return check(
      'statistics',
      'limited',
      `${on}; not to be switched on here (${callOf(statsRefusal)})`,
      `There are rates as long as that lasts. To be sure of them: ${ways}`,
    );
  return check(
    'statistics',
    'missing',
    `${bpf.statsOn === null ? 'off as far as is known' : 'off'}; ${callOf(statsRefusal)}`,
    ways,
  );
};

const holdersShown = 3;

/** `by 1234 (bpftop)` */
function byWhom({statsHolders}: Findings): string {
  const {holders, unreadable} = statsHolders ?? {holders: [], unreadable: 0};
  const names = holders.slice(0, holdersShown).map(({pid, comm}) => (comm === null ? `${pid}` : `${pid} (${comm})`));
  const more = holders.length - names.length;
  if (names.length === 0)
    return `by whom can't be told${unreadable > 0 ? `: the open files of ${unreadable} processes can't be read` : ''}`;
  return `by ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const share: CheckOf = ({bpf, share}) => {
  if (!bpf) return check('share', 'missing', 'not tried', addonFirst);
  const {reading} = bpf.auto;
  if (share === null)
    return reading
      ? check('share', 'ok', 'nothing is shared with a group')
      : check(
          'share',
          'missing',
          'nothing is shared with a group',
          'Root can let one watch without any right: sudo bpftop-ts share --group GROUP.',
        );
  const {group, servicePid} = share;
  const shared = `shared with group ${group}`;
  if (typeof servicePid === 'number') return check('share', 'ok', `${shared} by process ${servicePid}`);
  if (servicePid === null || (reading?.shared && !bpf.statsOn))
    return check(
      'share',
      'limited',
      `${shared}, but its service has ended`,
      `For rates: ${shareAgain(group)} To take it back: sudo bpftop-ts share --stop.`,
    );
  if (reading) return check('share', 'ok', shared);
  return check(
    'share',
    'missing',
    `${shared}, which this user isn't in`,
    `sudo usermod -aG ${group} USER, then log in again.`,
  );
};

function shareAgain(group: string): string {
  return `sudo bpftop-ts share --group ${group}.`;
}

const sysctls: CheckOf = ({facts}) => {
  const {'kernel.bpf_stats_enabled': _, ...shown} = facts.sysctls;
  const known = Object.entries(shown).filter(([, value]) => value !== null);
  const finding = known.map(([name, value]) => `${name.slice(name.lastIndexOf('.') + 1)}=${value}`).join(' ');
  const jit = facts.sysctls['net.core.bpf_jit_enable'];
  if (jit === 0)
    return check(
      'sysctls',
      'limited',
      `${finding}: programs are interpreted, several times slower than compiled`,
      'To compile those loaded from then on: sudo sysctl net.core.bpf_jit_enable=1.',
    );
  return check('sysctls', 'ok', finding || 'none can be read');
};

const security: CheckOf = ({facts, bpf}) => {
  if (facts.lockdown === null && facts.lsms === null)
    return check('security', 'ok', 'lockdown and LSMs not known: no /sys/kernel/security');
  const finding = `lockdown ${facts.lockdown ?? 'not known'}, LSMs ${facts.lsms?.join(' ') ?? 'not known'}`;
  // bpf_probe_read_kernel is what it takes away.
  if (facts.lockdown === 'confidentiality' && !bpf?.iterator.reading)
    return check(
      'security',
      'limited',
      finding,
      'It keeps BPF from reading kernel memory, so programs are walked; it is set for the whole boot.',
    );
  return check('security', 'ok', finding);
};

const mounts: CheckOf = ({facts}) => {
  if (facts.mounts === null) return check('mounts', 'limited', 'not known', mountProc);
  const {bpffs, tracefs, cgroup1, cgroup2} = facts.mounts;
  const where = (name: string, points: readonly string[]) => (points.length === 0 ? `no ${name}` : `${name} ${points[0]}`);
  const versions = [cgroup1 && 'v1', cgroup2.length > 0 && `v2 ${cgroup2[0]}`].filter((each) => each);
  const cgroup = versions.length === 0 ? 'no cgroups' : `cgroup ${versions.join(' and ')}`;
  return check('mounts', 'ok', `${where('bpffs', bpffs)}, ${where('tracefs', tracefs)}, ${cgroup}`);
};

const terminal: CheckOf = ({terminal: {isTerminal, term, columns, rows, colors, utf8}}) => {
  if (!isTerminal)
    return check('terminal', 'limited', 'stdout is no terminal: a table instead of the screen', 'ssh -t gives one.');
  const finding = `${columns}×${rows}, ${colors === 'none' ? 'no' : colors} colours, ${utf8 ? 'UTF-8' : 'not UTF-8'}`;
  if (term === 'dumb')
    return check('terminal', 'limited', `${finding}: a table instead of the screen`, 'Set TERM to what the terminal is.');
  if (!utf8) return check('terminal', 'limited', `${finding}: drawn in ASCII`, 'LANG=C.UTF-8 gives finer charts.');
  return check('terminal', 'ok', finding);
};

function conclude(found: Findings): Conclusion {
  const nothing = (why: string, remedy: string, status: ExitStatus): Conclusion => ({
    shows: 'nothing',
    finding: `bpftop-ts will show nothing here: ${why}.`,
    remedy,
    exitStatus: status,
  });
  const {bpf, addonProblem, platform} = found;
  if (platform !== 'linux') return nothing('this is not Linux', elsewhere, exitStatus.unavailable);
  if (!bpf) return nothing("its native addon can't be loaded", splitRemedy(addonProblem ?? '')[1], exitStatus.unavailable);
  const {reading, refusal} = bpf.auto;
  if (!reading)
    return isNotPermitted(refusal.code)
      ? nothing('it may not list BPF programs', walkRemedy(refusal, found), exitStatus.notPermitted)
      : nothing("it can't list BPF programs", walkRemedy(refusal, found), exitStatus.unavailable);
  const done = exitStatus.done;
  if (bpf.statsRefusal !== null && !bpf.statsOn)
    return {
      shows: 'programs',
      finding: 'bpftop-ts will show the programs here, but no rates: statistics are off.',
      remedy: reading.shared
        ? `Share it again: ${shareAgain(found.share?.group ?? 'GROUP')}`
        : isNotPermitted(bpf.statsRefusal.code)
          ? moreRights(found)
          : `Decide on: ${switchStatsOn}.`,
      exitStatus: done,
    };
  if (reading.programs === 0)
    return {
      shows: 'everything',
      finding: 'bpftop-ts will show everything here; no BPF program is loaded at present.',
      remedy: 'See it at work: bpftop-ts demo',
      exitStatus: done,
    };
  const lasting = bpf.statsRefusal !== null && found.facts.sysctls['kernel.bpf_stats_enabled'] !== 1;
  return {
    shows: 'everything',
    finding: `bpftop-ts will show everything here${lasting ? ', as long as statistics stay on' : ''}.`,
    remedy: null,
    exitStatus: done,
  };
}
