/** Hosts of all kinds, and what is said of them. */
import t from 'tap';
import {type Check, diagnose, type Findings} from '../../src/cli/doctor-checks.js';
import type {Attempt, BpfProbe} from '../../src/collectors/bpf-probe.js';
import {type Capability, capabilityBits, type HostFacts} from '../../src/collectors/host-facts.js';

const reads = (sampler: 'iterator' | 'walk', rest: Partial<NonNullable<Attempt['reading']>> = {}): Attempt => ({
  reading: {
    ...{programs: 12, durationNs: 34_000, sampler, readBy: sampler === 'walk' ? null : 'cast', fallbackReason: null},
    ...{stats: 'off', shared: false},
    ...rest,
  },
  refusal: null,
});

const refuses = (syscall: string, code: string, detail = ''): Attempt => ({
  reading: null,
  refusal: {syscall, code, text: `${syscall}: ${code}${detail && `: ${detail}`}`},
});

const nextId = 'bpf(BPF_PROG_GET_NEXT_ID)';
const enableStats = 'bpf(BPF_ENABLE_STATS)';

const allWorks: BpfProbe = {
  walk: reads('walk'),
  iterator: reads('iterator'),
  auto: reads('iterator'),
  statsRefusal: null,
  statsOn: false,
};
const nothingAllowed: BpfProbe = {
  walk: refuses(nextId, 'EPERM'),
  iterator: refuses('bpf(BPF_MAP_CREATE)', 'EPERM'),
  auto: refuses(nextId, 'EPERM'),
  statsRefusal: {syscall: enableStats, code: 'EPERM'},
  statsOn: null,
};
const iteratorAlone: BpfProbe = {
  ...nothingAllowed,
  iterator: reads('iterator'),
  auto: reads('iterator'),
  statsOn: false,
};
const walkAlone: BpfProbe = {
  ...allWorks,
  iterator: refuses('open', 'ENOENT', '/sys/kernel/btf/vmlinux'),
  auto: reads('walk', {fallbackReason: 'open: ENOENT: /sys/kernel/btf/vmlinux'}),
};

const root: HostFacts = {
  uid: 0,
  capabilities: new Set(Object.keys(capabilityBits) as Capability[]),
  noNewPrivs: false,
  seccomp: false,
  userNamespace: 'initial',
  pidNamespace: 'initial',
  btf: {bytes: 5_300_000},
  sysctls: {
    'kernel.unprivileged_bpf_disabled': 2,
    'kernel.perf_event_paranoid': 2,
    'kernel.kptr_restrict': 0,
    'net.core.bpf_jit_enable': 1,
    'kernel.bpf_stats_enabled': 0,
  },
  lockdown: 'integrity',
  lsms: ['lockdown', 'capability'],
  mounts: {bpffs: ['/sys/fs/bpf'], tracefs: [], cgroup1: false, cgroup2: ['/sys/fs/cgroup']},
};
const nobody: HostFacts = {...root, uid: 1000, capabilities: new Set()};

const plain: Findings = {
  platform: 'linux',
  host: {hostname: 'web-3', kernelRelease: '6.18.44', arch: 'x86_64', cpusOnline: 2, bootId: null},
  node: {version: 'v20.1.0', wanted: '>=20', fits: true},
  facts: root,
  addonProblem: null,
  bpf: allWorks,
  statsHolders: null,
  share: null,
  terminal: {isTerminal: true, term: 'xterm', columns: 80, rows: 24, colors: '256', utf8: true},
};

type Id =
  | ('addon' | 'user' | 'namespaces' | 'btf' | 'iterator' | 'walk')
  | ('sampler' | 'statistics' | 'sysctls' | 'security' | 'share');

/** The checks by their ids, and the conclusion, of a host that is plain but for this. */
function examine(rest: Partial<Findings>) {
  const {checks, conclusion} = diagnose({...plain, ...rest});
  return {checks, conclusion, ...(Object.fromEntries(checks.map((check) => [check.id, check])) as Record<Id, Check>)};
}

t.test('where everything works, all is ok, nothing is to be done, and everything will be shown', (t) => {
  const {checks, conclusion} = examine({});
  for (const {id, verdict, remedy} of checks) t.strictSame([verdict, remedy], ['ok', null], id);
  t.match(conclusion, {shows: 'everything', remedy: null, exitStatus: 0});
  t.strictSame(new Set(checks.map(({id}) => id)).size, checks.length, 'ids are unique');
  t.end();
});

t.test('whatever is not ok has a remedy, and what is ok has none, on every host', (t) => {
  const hosts: Partial<Findings>[] = [
    {facts: nobody, bpf: nothingAllowed},
    {facts: nobody, bpf: iteratorAlone},
    {bpf: walkAlone},
    {bpf: null, addonProblem: 'cannot load it: it has not been built. Build it with: npm run build:addon'},
    {platform: 'darwin', bpf: null, addonProblem: 'cannot read them on darwin. Run it on the Linux host itself.'},
    {facts: {...nobody, capabilities: null, userNamespace: null, btf: {code: 'EACCES'}, mounts: null, lsms: null}},
    {terminal: {...plain.terminal, isTerminal: false}},
    {terminal: {...plain.terminal, term: 'dumb'}},
    {terminal: {...plain.terminal, utf8: false}},
    {node: {version: 'v18.0.0', wanted: '>=20', fits: false}},
  ];
  for (const host of hosts)
    for (const {id, verdict, finding, remedy} of examine(host).checks) {
      t.equal(remedy === null, verdict === 'ok', `${id}: ${verdict}, ${remedy}`);
      t.ok(finding.length > 0);
    }
  t.end();
});

t.test('not permitted: 77, sudo, and the ways without it', (t) => {
  const {user, iterator, walk, sampler, statistics, conclusion} = examine({facts: nobody, bpf: nothingAllowed});
  t.match(user, {verdict: 'missing', finding: 'uid 1000 without any capability that counts'});
  t.match(user.remedy, /^Run it with sudo\. .*CAP_BPF and CAP_PERFMON .*CAP_SYS_ADMIN/);
  t.match(iterator, {verdict: 'missing', finding: 'bpf(BPF_MAP_CREATE): EPERM', remedy: /CAP_BPF and CAP_PERFMON/});
  t.match(walk, {verdict: 'missing', finding: `${nextId}: EPERM`, remedy: 'Run it with sudo.'});
  t.equal(sampler.verdict, 'missing');
  t.match(statistics, {verdict: 'missing', finding: `off as far as is known; ${enableStats}: EPERM`});
  t.match(statistics.remedy, /^Run it with sudo\. Or .*: sudo sysctl kernel\.bpf_stats_enabled=1/);
  t.match(conclusion, {shows: 'nothing', remedy: 'Run it with sudo.', exitStatus: 77});
  t.end();
});

t.test('CAP_BPF and CAP_PERFMON: the programs without rates, by the iterator', (t) => {
  const facts = {...nobody, capabilities: new Set<Capability>(['CAP_BPF', 'CAP_PERFMON'])};
  const {user, iterator, walk, statistics, conclusion} = examine({facts, bpf: iteratorAlone});
  t.match(user, {verdict: 'limited', finding: /^uid 1000 with CAP_BPF, CAP_PERFMON; without CAP_SYS_ADMIN, /});
  t.match(iterator, {verdict: 'ok', finding: '12 programs in 34.0µs, counters by bpf_rdonly_cast'});
  t.match(walk, {verdict: 'limited', remedy: /^Not needed/});
  t.match(statistics, {verdict: 'missing', finding: `off; ${enableStats}: EPERM`});
  t.match(conclusion, {shows: 'programs', remedy: 'Run it with sudo.', exitStatus: 0});
  t.end();
});

t.test('statistics that somebody else has on: who, and that rates last as long', (t) => {
  const holder = (pid: number, comm: string | null = 'agent') => ({pid, comm});
  const examineOn = (holders: ReturnType<typeof holder>[], unreadable = 0) =>
    examine({facts: nobody, bpf: {...iteratorAlone, statsOn: true}, statsHolders: {holders, unreadable}});
  const {statistics, conclusion} = examineOn([holder(7), holder(8, null)]);
  t.match(statistics, {verdict: 'limited', finding: /^on, by 7 \(agent\), 8; not to be switched on here /});
  t.match(conclusion, {shows: 'everything', finding: /as long as statistics stay on\.$/, exitStatus: 0});
  t.match(
    examineOn([1, 2, 3, 4, 5].map((pid) => holder(pid))).statistics.finding,
    'by 1 (agent), 2 (agent), 3 (agent) and 2 more',
  );
  t.match(examineOn([], 4).statistics.finding, "by whom can't be told: the open files of 4 processes can't be read");
  const could = examine({bpf: {...allWorks, statsOn: true}, statsHolders: {holders: [holder(9)], unreadable: 0}});
  t.match(could.statistics, {verdict: 'ok', finding: 'on, by 9 (agent); could be switched on here too'});
  t.end();
});

t.test('statistics that the sysctl has on are enough', (t) => {
  const facts = {...nobody, sysctls: {...root.sysctls, 'kernel.bpf_stats_enabled': 1}};
  const {statistics, conclusion} = examine({facts, bpf: {...iteratorAlone, statsOn: true}});
  t.match(statistics, {verdict: 'ok', finding: 'on for all, by the sysctl kernel.bpf_stats_enabled'});
  t.match(conclusion, {shows: 'everything', finding: 'bpftop-ts will show everything here.', remedy: null});
  t.end();
});

t.test('a kernel that has no BPF_ENABLE_STATS: the sysctl, for the person to decide', (t) => {
  const bpf = {...allWorks, statsRefusal: {syscall: enableStats, code: 'EINVAL'}};
  const {statistics, conclusion} = examine({bpf});
  t.match(statistics, {verdict: 'missing', remedy: /^Linux 5\.8 .*sudo sysctl kernel\.bpf_stats_enabled=1/});
  t.match(conclusion, {shows: 'programs', remedy: /sysctl kernel\.bpf_stats_enabled=1/, exitStatus: 0});
  t.end();
});

t.test('without BTF programs are walked, and everything is shown all the same', (t) => {
  const {btf, iterator, sampler, conclusion} = examine({facts: {...root, btf: {code: 'ENOENT'}}, bpf: walkAlone});
  t.match(btf, {verdict: 'missing', finding: '/sys/kernel/btf/vmlinux: ENOENT', remedy: /CONFIG_DEBUG_INFO_BTF/});
  t.match(iterator, {verdict: 'limited', remedy: /^See btf\. Programs are walked/});
  t.match(sampler, {verdict: 'limited', finding: 'walk, because of open: ENOENT: /sys/kernel/btf/vmlinux'});
  t.match(conclusion, {shows: 'everything', exitStatus: 0});
  t.end();
});

t.test('an iterator by the slower read, and one that this kernel refuses', (t) => {
  const slower = {...allWorks, iterator: reads('iterator', {readBy: 'probe', programs: 1})};
  t.match(examine({bpf: slower}).iterator, {
    verdict: 'ok',
    finding: '1 program in 34.0µs, counters by bpf_probe_read_kernel',
  });
  const bpf = {...walkAlone, iterator: refuses('bpf(BPF_PROG_LOAD)', 'EACCES', 'unknown func')};
  const {iterator, security} = examine({bpf, facts: {...root, lockdown: 'confidentiality'}});
  t.match(iterator, {verdict: 'limited', finding: 'bpf(BPF_PROG_LOAD): EACCES: unknown func'});
  t.match(iterator.remedy, /^Nothing to be done on this kernel\./);
  t.match(security, {verdict: 'limited', finding: 'lockdown confidentiality, LSMs lockdown capability'});
  t.end();
});

t.test('the remedy is one that can help: not sudo where that gives nothing', (t) => {
  const cases: [Partial<HostFacts>, RegExp][] = [
    [{userNamespace: 'other'}, /user namespace/],
    [{pidNamespace: 'other'}, /on the host, or give the container CAP_SYS_ADMIN/],
    [{noNewPrivs: true}, /no_new_privs/],
    [{uid: 0}, /which this root has not got/],
    [{capabilities: root.capabilities, seccomp: true}, /seccomp/],
    [{capabilities: root.capabilities}, /LSM/],
  ];
  for (const [rest, remedy] of cases) {
    const {conclusion, walk} = examine({facts: {...nobody, ...rest}, bpf: nothingAllowed});
    t.match(conclusion.remedy, remedy);
    t.notMatch(conclusion.remedy, /Run it with sudo/);
    t.equal(walk.remedy, conclusion.remedy);
  }
  const bpf = {...nothingAllowed, auto: refuses('bpf(BPF_PROG_GET_FD_BY_ID)', 'EPERM')};
  t.match(examine({facts: nobody, bpf}).conclusion, {remedy: /LSM/, exitStatus: 77});
  t.end();
});

t.test('rights in a user namespace are not taken for rights', (t) => {
  const {user, namespaces} = examine({facts: {...root, userNamespace: 'other', seccomp: true}, bpf: nothingAllowed});
  t.match(user, {verdict: 'missing', finding: /in its user namespace alone$/, remedy: 'See namespaces.'});
  t.match(namespaces, {verdict: 'missing', finding: /a user namespace of its own.*under a seccomp filter$/});
  t.match(examine({facts: {...root, pidNamespace: 'other'}}).namespaces, {verdict: 'limited', finding: /container/});
  t.end();
});

t.test('no BPF in the kernel, no addon, no Linux: 69, and why', (t) => {
  const enosys: BpfProbe = {...nothingAllowed, walk: refuses(nextId, 'ENOSYS'), auto: refuses(nextId, 'ENOSYS')};
  t.match(examine({bpf: enosys}).conclusion, {shows: 'nothing', remedy: /without BPF/, exitStatus: 69});
  t.match(examine({bpf: {...enosys, auto: refuses(nextId, 'EINVAL')}}).conclusion, {remedy: /4\.13/, exitStatus: 69});

  const addonProblem = 'cannot load the native addon: it has not been built. Build it with: npm run build:addon';
  const {addon, iterator, walk, statistics, conclusion} = examine({bpf: null, addonProblem});
  t.match(addon, {
    verdict: 'missing',
    finding: 'cannot load the native addon: it has not been built',
    remedy: 'Build it with: npm run build:addon',
  });
  for (const check of [iterator, walk, statistics]) t.match(check, {verdict: 'missing', finding: 'not tried'});
  t.match(conclusion, {shows: 'nothing', remedy: addon.remedy, exitStatus: 69});

  const elsewhere = examine({platform: 'darwin', bpf: null, addonProblem: 'cannot. Run it elsewhere.'});
  t.strictSame(
    elsewhere.checks.map(({id}) => id),
    ['kernel', 'node', 'terminal'],
  );
  t.match(elsewhere.conclusion, {shows: 'nothing', remedy: 'Run it on the Linux host itself.', exitStatus: 69});
  t.end();
});

t.test('an empty host is told of the demo', (t) => {
  const {conclusion} = examine({bpf: {...allWorks, auto: reads('iterator', {programs: 0})}});
  t.match(conclusion, {shows: 'everything', finding: /no BPF program is loaded/, remedy: /bpftop-ts demo/});
  t.end();
});

t.test('programs that are interpreted are a limit; settings that are not known are left out', (t) => {
  const facts = (jit: number | null) => ({...root, sysctls: {...root.sysctls, 'net.core.bpf_jit_enable': jit}});
  t.match(examine({facts: facts(0)}).sysctls, {verdict: 'limited', remedy: /sudo sysctl net\.core\.bpf_jit_enable=1/});
  t.match(examine({facts: facts(null)}).sysctls, {
    verdict: 'ok',
    finding: 'unprivileged_bpf_disabled=2 perf_event_paranoid=2 kptr_restrict=0',
  });
  t.end();
});

t.test("nothing of the host's texts can move the cursor", (t) => {
  const evil = '\x1b[2J\u202e\n';
  const {checks, conclusion} = examine({
    host: {...plain.host, kernelRelease: evil},
    facts: {...nobody, lsms: [evil], lockdown: evil, mounts: {...root.mounts!, bpffs: [evil], cgroup2: [evil]}},
    bpf: {
      ...walkAlone,
      iterator: refuses('open', 'ENOENT', evil),
      auto: reads('walk', {fallbackReason: evil}),
      statsOn: true,
    },
    statsHolders: {holders: [{pid: 1, comm: evil}], unreadable: 0},
  });
  const shown = JSON.stringify({checks, conclusion});
  t.equal(shown.split('<1b>[2J<202e><a>').length - 1, 8, 'every one is shown, and harmless');
  t.notMatch(shown, /\\u001b|\u202e|\\n/);
  t.end();
});

t.test('what is shared, and what to do for who gets nothing of it', (t) => {
  const sharedOnly: BpfProbe = {...nothingAllowed, auto: reads('iterator', {readBy: null, shared: true}), statsOn: true};
  const shared = {servicePid: 77, group: 'ops'};
  const member = examine({facts: nobody, bpf: sharedOnly, share: shared});
  t.match(member.share, {verdict: 'ok', finding: 'shared with group ops by process 77', remedy: null});
  t.match(member.sampler, {verdict: 'ok', finding: 'the iterator that root shares'});
  t.match(member.iterator, {verdict: 'limited', remedy: /^Not needed/});
  t.match(member.walk, {verdict: 'limited', remedy: /^Not needed/});
  t.match(member.conclusion, {shows: 'everything', finding: /as long as statistics stay on/, exitStatus: 0});

  const left = examine({facts: nobody, bpf: {...sharedOnly, statsOn: false}, share: {servicePid: 'unknown', group: 'ops'}});
  t.match(left.share, {verdict: 'limited', remedy: /share --group ops\. .* share --stop\.$/});
  t.match(left.conclusion, {shows: 'programs', remedy: /share --group ops/, exitStatus: 0});
  const asRoot = examine({share: {servicePid: null, group: 'ops'}});
  t.match(asRoot.share, {verdict: 'limited', finding: /has ended$/, remedy: /--stop\.$/});

  const outsider = examine({facts: nobody, bpf: nothingAllowed, share: {servicePid: 'unknown', group: 'ops'}});
  t.match(outsider.share, {verdict: 'missing', remedy: /usermod -aG ops /});
  t.equal(outsider.conclusion.exitStatus, 77);
  const none = examine({facts: nobody, bpf: nothingAllowed});
  t.match(none.share, {verdict: 'missing', remedy: /sudo bpftop-ts share --group GROUP/});
  t.end();
});
