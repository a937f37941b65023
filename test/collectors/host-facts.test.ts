/** Facts of hosts that are made of files, so that any host can be had. */
import {mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t, {type Test} from 'tap';
import {findStatsHolders, readHostFacts} from '../../src/collectors/host-facts.js';

/** A root folder with these files; a text that begins with `@` is a symbolic link's. */
function makeRoot(t: Test, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(root, {recursive: true}));
  for (const [file, text] of Object.entries(files)) {
    const at = path.join(root, file);
    mkdirSync(path.dirname(at), {recursive: true});
    if (text.startsWith('@')) symlinkSync(text.slice(1), at);
    else writeFileSync(at, text);
  }
  return root;
}

t.test('a host that tells everything', (t) => {
  const root = makeRoot(t, {
    'proc/self/status': 'Name:\tCapEff: 0\nUid:\t0\t0\t0\t0\nCapEff:\t000000c000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n',
    'proc/self/ns/user': '@user:[4026531837]',
    'proc/self/ns/pid': '@pid:[4026532001]',
    'proc/sys/kernel/unprivileged_bpf_disabled': '2\n',
    'proc/sys/kernel/perf_event_paranoid': '-1\n',
    'proc/sys/kernel/kptr_restrict': '1\n',
    'proc/sys/kernel/bpf_stats_enabled': '0\n',
    'proc/sys/net/core/bpf_jit_enable': '1\n',
    'proc/self/mountinfo': [
      '22 27 0:21 / /proc rw,relatime - proc proc rw',
      '30 22 0:30 / /sys/fs/bpf rw shared:1 - bpf bpf rw,mode=700',
      '31 22 0:30 / /sys/fs/bpf rw - bpf bpf rw,mode=700',
      '32 22 0:31 / /run/my\\040bpf rw - bpf none rw',
      '33 22 0:32 / /sys/kernel/tracing rw - tracefs tracefs rw',
      '34 22 0:33 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw',
      '',
    ].join('\n'),
    'sys/kernel/btf/vmlinux': '\x9f\xeb\x01\x00',
    'sys/kernel/security/lockdown': 'none [integrity] confidentiality\n',
    'sys/kernel/security/lsm': 'lockdown,capability,bpf\n',
  });
  t.strictSame(readHostFacts(root), {
    uid: process.geteuid?.(),
    capabilities: new Set(['CAP_BPF', 'CAP_PERFMON']),
    noNewPrivs: true,
    seccomp: true,
    userNamespace: 'initial',
    pidNamespace: 'other',
    btf: {bytes: 6}, // as UTF-8
    sysctls: {
      'kernel.unprivileged_bpf_disabled': 2,
      'kernel.perf_event_paranoid': -1,
      'kernel.kptr_restrict': 1,
      'net.core.bpf_jit_enable': 1,
      'kernel.bpf_stats_enabled': 0,
    },
    lockdown: 'integrity',
    lsms: ['lockdown', 'capability', 'bpf'],
    mounts: {
      bpffs: ['/sys/fs/bpf', '/run/my bpf'],
      tracefs: ['/sys/kernel/tracing'],
      cgroup1: false,
      cgroup2: ['/sys/fs/cgroup'],
    },
  });
  t.end();
});

t.test('a host that tells nothing: all is unknown, nothing is 0', (t) => {
  const root = makeRoot(t, {});
  t.strictSame(readHostFacts(root), {
    uid: process.geteuid?.(),
    capabilities: null,
    noNewPrivs: null,
    seccomp: null,
    userNamespace: null,
    pidNamespace: null,
    btf: {code: 'ENOENT'},
    sysctls: {
      'kernel.unprivileged_bpf_disabled': null,
      'kernel.perf_event_paranoid': null,
      'kernel.kptr_restrict': null,
      'net.core.bpf_jit_enable': null,
      'kernel.bpf_stats_enabled': null,
    },
    lockdown: null,
    lsms: null,
    mounts: null,
  });
  t.strictSame(findStatsHolders(root), {holders: [], unreadable: 0});
  t.end();
});

t.test('texts that are not what they should be are unknown', (t) => {
  const facts = readHostFacts(
    makeRoot(t, {
      'proc/self/status': 'CapEff:\tall\n',
      'proc/self/ns/user': '@elsewhere',
      'proc/sys/kernel/kptr_restrict': 'yes\n',
      'proc/self/mountinfo': 'nonsense\n',
      'sys/kernel/security/lockdown': '\n',
    }),
  );
  t.match(facts, {capabilities: null, userNamespace: null, lockdown: null});
  t.equal(facts.sysctls['kernel.kptr_restrict'], null);
  t.strictSame(facts.mounts, {bpffs: [], tracefs: [], cgroup1: false, cgroup2: []});
  t.end();
});

t.test('who holds statistics: each process once, by pid, with its name as it is; not this one', (t) => {
  const root = makeRoot(t, {
    [`proc/${process.pid}/fd/3`]: '@anon_inode:bpf-stats',
    'proc/900/fd/0': '@/dev/null',
    'proc/900/comm': 'idle\n',
    'proc/1000/fd/3': '@anon_inode:bpf-stats',
    'proc/1000/fd/4': '@anon_inode:bpf-stats',
    'proc/1000/comm': '\x1b[2J \nx\n',
    'proc/77/fd/12': '@anon_inode:bpf-stats',
    'proc/5/comm': 'no fds to be seen\n',
    'proc/self/fd/3': '@anon_inode:bpf-stats',
  });
  t.strictSame(findStatsHolders(root), {
    holders: [
      {pid: 77, comm: null},
      {pid: 1000, comm: '\x1b[2J \nx'},
    ],
    unreadable: 1,
  });
  t.end();
});
