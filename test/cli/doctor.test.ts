/** The doctor on this host, with all rights and with few, and how its report is laid out. */
import {spawnSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {doctorText} from '../../src/cli/doctor.js';
import type {Check, Conclusion, TerminalFacts} from '../../src/cli/doctor-checks.js';
import {cellsOf} from '../../src/ui/text.js';
import {version} from '../../src/version.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {copyTool, run, toolPath, type RunOptions} from '../helpers/cli.js';
import {iteratorSkip, kernelSkip, loadProg, sysctlSkip} from '../helpers/kernel.js';
import {PtyProgram} from '../helpers/terminal.js';

const notLinux = process.platform !== 'linux' && `needs Linux, this is ${process.platform}`;

interface Report {
  readonly schema_version: number;
  readonly tool: object;
  readonly host: object;
  readonly taken_at: string;
  readonly conclusion: {
    readonly shows: string;
    readonly finding: string;
    readonly remedy: string | null;
    exit_status: number;
  };
  readonly checks: readonly Check[];
}

/** Runs `doctor --json`: its document, the checks by their ids, and the exit status. */
async function examine(options: RunOptions = {}) {
  const {stdout, stderr, status} = await run(['doctor', '--json'], options);
  if (stderr !== '') throw new Error(stderr);
  const report = JSON.parse(stdout) as Report;
  return {report, status, check: Object.fromEntries(report.checks.map((check) => [check.id, check]))};
}

t.test('as root: every way of reading works, and everything is shown', {skip: iteratorSkip}, async (t) => {
  loadProg(t, {type: 'xdp', name: 'not_empty'});
  const {check, report, status} = await examine();
  t.equal(status, 0);
  for (const id of ['kernel', 'node', 'addon', 'user', 'btf', 'iterator', 'walk', 'sampler', 'statistics'])
    t.match(check[id], {verdict: 'ok', remedy: null}, id);
  t.match(
    check['iterator']?.finding,
    /^\d+ programs? in [\d.]+(ns|µs|ms), counters by bpf_(rdonly_cast|probe_read_kernel)$/,
  );
  t.match(check['walk']?.finding, /^\d+ programs? in [\d.]+(µs|ms)$/);
  t.equal(check['sampler']?.finding, 'iterator');
  t.match(report.conclusion, {shows: 'everything', remedy: null, exit_status: 0});
});

t.test('the document: who says it, of which host, and the checks as data', {skip: kernelSkip}, async (t) => {
  const {report} = await examine();
  t.match(report, {
    schema_version: 1,
    tool: {name: 'bpftop-ts', version},
    host: {hostname: String, kernel_release: String, arch: String, cpus_online: Number},
    taken_at: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
  });
  t.strictSame(Object.keys(report), ['schema_version', 'tool', 'host', 'taken_at', 'conclusion', 'checks']);
  t.strictSame(Object.keys(report.conclusion), ['shows', 'finding', 'remedy', 'exit_status']);
  for (const each of report.checks) {
    t.strictSame(Object.keys(each), ['id', 'verdict', 'finding', 'remedy']);
    t.match(each.verdict, /^(ok|limited|missing)$/);
    t.equal(each.remedy === null, each.verdict === 'ok', each.id);
  }
});

t.test('without any right: 77, what was refused, and how to be let', {skip: kernelSkip}, async (t) => {
  const {check, report, status} = await examine({through: nobodyWith()});
  t.equal(status, 77);
  t.match(check['user'], {verdict: 'missing', finding: /^uid 65534 without any capability/});
  t.match(check['walk'], {verdict: 'missing', finding: 'bpf(BPF_PROG_GET_NEXT_ID): EPERM'});
  t.match(check['iterator'], {verdict: 'missing', finding: /^bpf\(BPF_\w+\): EPERM/});
  t.match(check['statistics'], {verdict: 'missing', remedy: /sudo sysctl kernel\.bpf_stats_enabled=1/});
  t.match(report.conclusion, {shows: 'nothing', exit_status: 77});
  t.ok(report.conclusion.remedy);
});

t.test('with CAP_BPF and CAP_PERFMON: the iterator, and no switching of statistics', {skip: iteratorSkip}, async (t) => {
  const {check, report, status} = await examine({through: nobodyWith('bpf', 'perfmon')});
  t.equal(status, 0);
  t.match(check['user'], {verdict: 'limited', finding: /^uid 65534 with CAP_BPF, CAP_PERFMON; without CAP_SYS_ADMIN/});
  t.match(check['iterator'], {verdict: 'ok'});
  t.match(check['walk'], {verdict: 'limited', finding: 'bpf(BPF_PROG_GET_NEXT_ID): EPERM'});
  t.match(check['statistics'], {verdict: /^(limited|missing)$/, finding: /bpf\(BPF_ENABLE_STATS\): EPERM/});
  // Others may hold them on.
  const on = check['statistics']?.finding.startsWith('on');
  t.match(report.conclusion, {shows: on ? 'everything' : 'programs', exit_status: 0});
});

t.test('who has statistics on, by a name that does no harm', {skip: sysctlSkip}, async (t) => {
  const holder = startChild(
    t,
    `load('bpf.node').enableStats();
     require('fs').writeFileSync('/proc/self/comm', '\\x1b[2Jevil\\u202e');
     console.log(process.pid);
     setInterval(() => {}, 1000);`,
  );
  const pid = await holder.line();
  const {stdout, status} = await run(['doctor']);
  t.equal(status, 0);
  t.notMatch(stdout, /\x1b|\u202e/);
  const line = stdout.split('\n').find((each) => each.includes('statistics')) as string;
  t.match(line, /^ok +statistics +on, by /);
  // Where more than a few have them on, not all are named.
  if (!/ and \d+ more/.test(line)) t.match(line, `${pid} (<1b>[2Jevil<202e>)`);

  const {check} = await examine({through: nobodyWith('bpf', 'perfmon')});
  if (!iteratorSkip) t.match(check['statistics'], {verdict: 'limited', finding: /^on, by whom can't be told: .*EPERM/});
});

t.test('without BTF: walked, and why', {skip: iteratorSkip || mountSkip()}, async (t) => {
  const hideBtf = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', 'sh'];
  const {check, report, status} = await examine({through: hideBtf});
  t.equal(status, 0);
  t.match(check['btf'], {verdict: 'missing', finding: '/sys/kernel/btf/vmlinux: ENOENT'});
  t.match(check['iterator'], {verdict: 'limited', finding: /ENOENT.*vmlinux/});
  t.match(check['sampler'], {verdict: 'limited', finding: /^walk, because of .*ENOENT.*vmlinux/});
  t.equal(report.conclusion.shows, 'everything');
});

function mountSkip(): string | false {
  const {status} = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/sys/kernel/btf']);
  return status !== 0 && 'no mount namespace to hide BTF in';
}

t.test("a user namespace's root is told that it is none", {skip: kernelSkip || userNamespaceSkip()}, async (t) => {
  const {check, status} = await examine({through: [...nobodyWith(), 'unshare', '-Ur']});
  t.equal(status, 77);
  t.match(check['namespaces'], {verdict: 'missing', finding: /^a user namespace of its own/});
  t.match(check['user'], {verdict: 'missing', finding: /^uid 0 .* in its user namespace alone$/});
});

function userNamespaceSkip(): string | false {
  const [command, ...words] = [...nobodyWith(), 'unshare', '-Ur', 'true'];
  return spawnSync(command, words).status !== 0 && 'no user namespaces for users here';
}

t.test(
  'without an addon, or with a foreign one: 69, the rest of the report, and the remedy',
  {skip: notLinux},
  async (t) => {
    const tool = copyTool(t);
    const missing = await examine({tool});
    t.equal(missing.status, 69);
    t.match(missing.check['addon'], {
      verdict: 'missing',
      finding: /there is none for this system \(linux .*\)$/,
      remedy: /^Build it, with g\+\+ 12 or later: sh \/\S+\/native\/build\.sh$/,
    });
    t.match(missing.check['iterator'], {verdict: 'missing', finding: 'not tried'});
    t.match(missing.check['kernel'], {verdict: 'ok'});
    t.match(missing.report.conclusion, {shows: 'nothing', remedy: /build\.sh$/, exit_status: 69});

    const built = path.join(path.dirname(tool), '../build/Release');
    mkdirSync(built, {recursive: true});
    writeFileSync(path.join(built, 'bpf.node'), 'MZ this is of another platform');
    const foreign = await examine({tool});
    t.equal(foreign.status, 69);
    t.match(foreign.check['addon'], {verdict: 'missing', finding: /does not fit this system \(.*\): /});
  },
);

t.test('not Linux: 69, and where to run it instead', async (t) => {
  const pretend = `data:text/javascript,Object.defineProperty(process, 'platform', {value: 'darwin'})`;
  const {stdout, stderr, status} = await run(['doctor'], {nodeArgs: ['--import', pretend]});
  t.equal(status, 69);
  t.equal(stderr, '');
  t.match(stdout, /^missing +kernel +darwin .*\n +→ Run it on the Linux host itself\.\n/);
  t.match(stdout, /\nbpftop-ts will show nothing here: this is not Linux\.\n→ Run it on the Linux host itself\.\n$/);
});

t.test('an option that means nothing to it, and a full disk, are errors', async (t) => {
  const {status, stderr} = await run(['doctor', '--sort', 'id']);
  t.equal(status, 2);
  t.equal(stderr, 'bpftop-ts: doctor takes no --sort. Try: bpftop-ts --help\n');
  const full = await run(['doctor'], {through: ['sh', '-c', 'exec "$@" > /dev/full', 'sh']});
  t.equal(full.status, 1);
  t.match(full.stderr, /^bpftop-ts: cannot write to stdout: write: ENOSPC\. /);
});

t.test('on a terminal it fits the width, with the same words as without colours', {skip: kernelSkip}, async (t) => {
  for (const columns of [80, 40]) {
    const words = ['env', '-u', 'NODE_OPTIONS', process.execPath, toolPath, 'doctor'];
    const program = new PtyProgram(words, {columns, rows: 70});
    t.teardown(() => program.kill());
    const screen = await program.shows('bpftop-ts will show');
    t.match(screen, /^ok +kernel:? +Linux/);
    t.match(screen, new RegExp(`${columns}×70, 256 colours,\\s+UTF-8`));
    t.equal((await program.exited).exitCode, 0);
    const {active} = program.emulator.term.buffer;
    for (let y = 0; y < active.length; y++) t.notOk(active.getLine(y)?.isWrapped);
    t.not(program.emulator.cell(0, 0).getFgColor(), -1, 'ok is green');
  }
});

const longFinding = 'bpf(BPF_PROG_GET_NEXT_ID): EPERM, and more that is to be said of it';
const checks: Check[] = [
  {id: 'kernel', verdict: 'ok', finding: 'Linux 6.18 in 34µs', remedy: null},
  {id: 'statistics', verdict: 'missing', finding: longFinding, remedy: 'Decide: sudo sysctl kernel.bpf_stats_enabled=1.'},
];
const conclusion: Conclusion = {shows: 'nothing', finding: 'Nothing to see.', remedy: 'Run it with sudo.', exitStatus: 77};
const screen: TerminalFacts = {isTerminal: true, term: 'xterm', columns: 60, rows: 24, colors: 'none', utf8: true};

t.test('a column for the names, texts below each other, a command unbroken, the conclusion last', (t) => {
  t.equal(
    doctorText(checks, conclusion, screen),
    `ok       kernel      Linux 6.18 in 34µs
missing  statistics  bpf(BPF_PROG_GET_NEXT_ID): EPERM, and
                     more that is to be said of it
                     → Decide:
                       sudo sysctl kernel.bpf_stats_enabled=1.

Nothing to see.
→ Run it with sudo.`,
  );
  t.end();
});

t.test('where it is narrow, the names stand in the text', (t) => {
  t.equal(
    doctorText(checks, conclusion, {...screen, columns: 40}),
    `ok       kernel: Linux 6.18 in 34µs
missing  statistics:
         bpf(BPF_PROG_GET_NEXT_ID):
         EPERM, and more that is to be
         said of it
         → Decide:
           sudo sysctl kernel.bpf_stats_enabled=1.

Nothing to see.
→ Run it with sudo.`,
  );
  for (let columns = 1; columns < 45; columns++)
    t.ok(doctorText(checks, conclusion, {...screen, columns}).includes('Nothing'), `${columns} columns`);
  t.end();
});

t.test('in a file a check is one line; without UTF-8 a terminal gets ASCII; colours only where there are some', (t) => {
  const file = doctorText(checks, conclusion, {...screen, isTerminal: false, colors: '256', utf8: false});
  t.match(file, `missing  statistics  ${longFinding}\n`);
  t.notMatch(file, '\x1b');
  const ascii = doctorText(checks, conclusion, {...screen, utf8: false});
  t.match(ascii, /34us\n/);
  t.match(ascii, /^> Run it/m);
  t.match(ascii, /^[\x20-\x7e\n]*$/);
  const coloured = doctorText(checks, conclusion, {...screen, colors: '16'});
  t.match(coloured, /^\x1b\[[\d;]+mok\x1b\[/);
  t.equal(coloured.replace(/\x1b\[[\d;]*m/g, ''), doctorText(checks, conclusion, screen));
  for (const line of doctorText(checks, conclusion, screen).split('\n'))
    t.ok(cellsOf(line) <= screen.columns || /sudo/.test(line));
  t.end();
});
