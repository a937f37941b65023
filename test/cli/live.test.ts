/** The whole tool on a terminal: what it shows of the real kernel, and how it gives the terminal back. */
import {spawnSync} from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {type Document, toolPath} from '../helpers/cli.js';
import {parseCsv} from '../helpers/csv.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {PtyProgram, type PtyOptions} from '../helpers/terminal.js';

interface Test {
  teardown(done: () => unknown): void;
}

const tool = `${process.execPath} ${toolPath}`;
const size = {columns: 120, rows: 30};
const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;

/** A shell that notes the terminal's modes, runs a command line, notes them again, and prints how the command ended. */
function startInShell(t: Test, line: string, options: Partial<PtyOptions> = {}) {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  // `set -m` puts the command into a job of its own, as a shell that is typed into does.
  const script = `unset NODE_OPTIONS; set -m; stty -g > ${dir}/before; echo ready; ${line}; echo "ended with $?"; stty -g > ${dir}/after; sleep 60`;
  const program = new PtyProgram(['bash', '-c', script], {...size, ...options});
  t.teardown(() => {
    program.kill();
    rmSync(dir, {recursive: true});
  });
  return {
    program,
    /** Resolves when the command is over and the terminal is as it was. */
    restored: async (status: number | RegExp): Promise<void> => {
      const screen = await program.shows(/ended with \d+/);
      if (program.emulator.alternate) throw new Error('still on the alternate screen');
      const found = /ended with (\d+)/.exec(screen)?.[1] as string;
      if (typeof status === 'number' ? Number(found) !== status : !status.test(found))
        throw new Error(`ended with ${found}, not ${String(status)}\n${screen}`);
      for (let tries = 0; tries < 100 && read(`${dir}/after`) === ''; tries++) await sleep(50);
      if (read(`${dir}/after`) !== read(`${dir}/before`)) throw new Error('stty -g is another than before');
    },
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** A directory whose path fits on the screen. */
function shortDir(t: Test): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  return dir;
}

/** The process that has the tool open, below this one. */
function pidOf(program: PtyProgram, pattern: string): number {
  const {stdout} = spawnSync('pgrep', ['-f', '--session', String(program.pid), pattern], {encoding: 'utf8'});
  const [pid] = stdout.split('\n').filter((line) => line !== '' && Number(line) !== program.pid);
  if (pid === undefined) throw new Error(`no process matches ${pattern}`);
  return Number(pid);
}
const rates = /BPF +[\d.]+% of 1 CPU/;

t.test('shows real programs with their rates; q gives the terminal back', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'live_on_screen', loops: 100});
  const drive = setInterval(() => prog.run(2000), 20);
  t.teardown(() => clearInterval(drive));
  const {program, restored} = startInShell(t, `${tool} -d 200ms`);
  const screen = await program.shows(/live_on_screen .*ns .*k +\d+\.\d\d/);
  t.match(screen, rates);
  t.match(screen, new RegExp(`${prog.id} +xdp +live_on_screen`));
  t.ok(program.emulator.alternate);
  program.type('q');
  await restored(0);
  t.match(program.emulator.text(), /ready\nended with 0/, 'what was there before is there again');
});

t.test('keys, a filter and the page of a program, on the real kernel', {skip: kernelSkip}, async (t) => {
  const progs = ['alpha', 'beta', 'gamma'].map((name) => loadProg(t, {type: 'sched_cls', name: `live_${name}`}));
  const {program, restored} = startInShell(t, `${tool} -d 100ms`);
  await program.shows(rates);
  program.type('/live_b');
  await program.hides('live_alpha');
  program.type('\r');
  const one = await program.shows('live_beta');
  t.notMatch(one, 'live_gamma');
  program.type('j');
  program.type('\r');
  await program.shows(`live_beta  sched_cls ${progs[1]?.id}`);
  // How far down it stands depends on how long the words are that started this process.
  program.type('\u001b[F');
  await program.shows(/tag +[0-9a-f]{16}/);
  program.type('\u001b');
  await program.hides('average run');
  program.type('q');
  await restored(0);
});

t.test('w writes what is on the screen to a file of its own', {skip: kernelSkip}, async (t) => {
  for (const name of ['one', 'two']) loadProg(t, {type: 'xdp', name: `written_${name}`});
  const dir = shortDir(t);
  writeFileSync(`${dir}/there.json`, 'old');
  writeFileSync(`${dir}/victim.json`, 'precious');
  symlinkSync('victim.json', path.join(dir, 'link.json'));
  const {program, restored} = startInShell(t, `cd ${dir}; ${tool} -d 100ms -s id:asc --columns id,name,trend -f written_`);
  await program.shows(/written_one[^]*written_two/);
  const screen = await program.shows(rates);
  const ids = [...screen.matchAll(/^ +[+]? *(\d+) +written_/gm)].map(([, id]) => Number(id));
  program.type('w');
  await program.shows(/write to bpftop-ts-[A-Za-z0-9._-]+-\d{8}T\d{6}Z\.json/);
  program.type('\u0015link.json\r');
  await program.shows('EEXIST');
  program.type('\u0015no/such.json\r');
  await program.shows('open: ENOENT. There is no such directory.');
  program.type('\u0015there.json\r');
  await program.shows('there.json is there: replace?');
  program.type('n');
  await program.shows('write to there.json');
  t.equal(read(`${dir}/there.json`), 'old');
  program.type('\r');
  await program.shows('replace?');
  program.type('y');
  await program.shows(`Written: ${dir}/there.json`);
  program.type('w');
  await program.shows('write to');
  program.type('\u0015new.csv\r');
  await program.shows(`Written: ${dir}/new.csv`);
  program.type('q');
  await restored(0);
  const written = JSON.parse(read(`${dir}/there.json`)) as Document;
  t.same(
    written.programs.map((each) => each.id),
    ids,
  );
  t.match(
    written.programs.map((each) => each.name),
    ['written_one', 'written_two'],
  );
  const [titles, ...rows] = parseCsv(read(`${dir}/new.csv`));
  t.same(titles, ['taken_at', 'id', 'name']);
  t.same(
    rows.map((row) => Number(row[1])),
    ids,
  );
  for (const name of ['there.json', 'new.csv']) t.equal(statSync(`${dir}/${name}`).mode & 0o777, 0o600, name);
  t.equal(read(`${dir}/victim.json`), 'precious');
  t.same(readdirSync(dir).sort(), ['link.json', 'new.csv', 'there.json', 'victim.json']);
});

t.test(
  'W saves the screen, and the next one begins so; nothing is saved in the home of another',
  {skip: kernelSkip},
  async (t) => {
    const dir = shortDir(t);
    mkdirSync(path.join(dir, 'foreign'));
    chownSync(path.join(dir, 'foreign'), 65534, 65534);
    const first = startInShell(t, `XDG_CONFIG_HOME=${dir}/own ${tool} -d 200ms --theme dark`);
    await first.program.shows(rates);
    t.notOk(existsSync(`${dir}/own`), 'not by itself');
    first.program.type('Dc\u001b[C\u001b');
    await first.program.shows(/^ +TYPE +ID▼/m);
    first.program.type('W');
    await first.program.shows(`Saved: ${dir}/own/bpftop-ts/config.json`);
    first.program.type('q');
    await first.restored(0);
    t.equal(statSync(`${dir}/own/bpftop-ts/config.json`).mode & 0o777, 0o600);
    t.match(JSON.parse(read(`${dir}/own/bpftop-ts/config.json`)), {
      sort: 'id:desc',
      delay: '200ms',
      theme: 'dark',
      ascii: false,
    });
    const next = startInShell(t, `XDG_CONFIG_HOME=${dir}/own ${tool}`);
    await next.program.shows(/^ +TYPE +ID▼/m);
    await next.program.shows(/200ms +live/);
    next.program.type('q');
    await next.restored(0);
    const foreign = startInShell(t, `XDG_CONFIG_HOME=${dir}/foreign ${tool}`);
    await foreign.program.shows(rates);
    foreign.program.type('W');
    await foreign.program.shows(/! Not saved: .*foreign belongs to another user\./);
    t.same(readdirSync(path.join(dir, 'foreign')), []);
    foreign.program.type('q');
    await foreign.restored(0);
  },
);

t.test(
  'paused it stands still and steps back; a wait of an hour ends with a shorter delay',
  {skip: kernelSkip},
  async (t) => {
    loadProg(t, {type: 'xdp', name: 'live_before'});
    const {program, restored} = startInShell(t, `${tool} -d 1h -f live_`);
    await program.shows(rates);
    program.type('-'.repeat(20));
    await program.shows('50ms  live');
    loadProg(t, {type: 'xdp', name: 'live_after'});
    await program.shows('live_after');
    program.type(' ');
    const paused = await program.shows(/paused \d\d:\d\d:\d\d UTC/);
    await sleep(300);
    t.equal(program.emulator.text(), paused);
    program.type('\u001b[1;2D'.repeat(100));
    const then = await program.hides('live_after');
    t.match(then, /live_before/);
    t.match(then, /paused (\d\d:\d\d:\d\d UTC )?-/);
    program.type(' ');
    await program.shows('live_after');
    program.type('q');
    await restored(0);
  },
);

t.test('Ctrl-C, TERM, HUP and a bug: the terminal as it was, the status as it should be', {skip: kernelSkip}, async (t) => {
  const boom = quote(`data:text/javascript,setTimeout(() => { throw new Error('boom') }, 1200)`);
  const ends: [name: string, line: string, status: number, end: (program: PtyProgram) => void][] = [
    ['Ctrl-C', tool, 130, (program) => program.type('\u0003')],
    ['TERM', tool, 143, (program) => process.kill(pidOf(program, `node.*${toolPath}`), 'SIGTERM')],
    ['HUP', tool, 129, (program) => process.kill(pidOf(program, `node.*${toolPath}`), 'SIGHUP')],
    ['QUIT', tool, 131, (program) => process.kill(pidOf(program, `node.*${toolPath}`), 'SIGQUIT')],
    ['a bug', `${process.execPath} --import ${boom} ${toolPath}`, 1, () => {}],
  ];
  for (const [name, line, status, end] of ends) {
    const {program, restored} = startInShell(t, line);
    await program.shows(rates);
    end(program);
    await restored(status);
    t.pass(name);
    if (name === 'a bug') t.match(program.emulator.text(), /bpftop-ts: a bug, please report it: Error: boom/);
  }
});

t.test('-n ends the screen by itself', {skip: kernelSkip}, async (t) => {
  const {restored} = startInShell(t, `${tool} -d 50ms -n 3`);
  await restored(0);
  t.pass('ended');
});

t.test('Ctrl-Z gives the terminal to the shell, fg brings the screen back', {skip: kernelSkip}, async (t) => {
  const {program, restored} = startInShell(t, `${tool} -d 100ms; echo "stopped"; sleep 0.5; fg`);
  await program.shows(rates);
  program.type('\u001a');
  await program.shows('stopped');
  await program.shows(rates);
  t.ok(program.emulator.alternate);
  program.type('q');
  await restored(0);
});

t.test('npm start: TERM or KILL to npm takes the tool with it', {skip: kernelSkip}, async (t) => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    // The shell has the terminal back before the tool can know; what it prints in that half second is on the screen that goes.
    const {program, restored} = startInShell(
      t,
      `cd ${path.dirname(path.dirname(toolPath))}; npm start; s=$?; sleep 2; (exit $s)`,
    );
    await program.shows(rates);
    process.kill(pidOf(program, '^npm start'), signal);
    await program.until(() => !program.emulator.alternate, 'the shell');
    await restored(/^(137|143)$/);
    t.throws(() => pidOf(program, `node.*${toolPath}`), /no process matches/, signal);
  }
});

const sudoSkip = kernelSkip || (spawnSync('sudo', ['-n', 'true']).status === 0 ? false : 'needs sudo');
t.test('sudo: q, and TERM to sudo', {skip: sudoSkip}, async (t) => {
  const quit = startInShell(t, `sudo ${tool}`);
  await quit.program.shows(rates);
  quit.program.type('q');
  await quit.restored(0);
  const ended = startInShell(t, `sudo ${tool}`);
  await ended.program.shows(rates);
  process.kill(pidOf(ended.program, '^sudo '), 'SIGTERM');
  await ended.restored(143);
  t.pass('given back');
});

t.test(
  'a terminal that nobody reads: it goes on, ends on TERM, and shows only the present afterwards',
  {skip: kernelSkip},
  async (t) => {
    const progs = Array.from({length: 60}, (_, i) => loadProg(t, {type: 'xdp', name: `stalled_${i}`}));
    let beat = 0;
    const drive = setInterval(() => progs.forEach((prog, i) => prog.run(1 + ((i * 7 + beat++) % 90))), 20);
    t.teardown(() => clearInterval(drive));
    const {program, restored} = startInShell(t, `${tool} -d 50ms`);
    await program.shows(rates);
    const pid = pidOf(program, `node.*${toolPath}`);
    program.freeze();
    const cpuAt = () => Number(read(`/proc/${pid}/schedstat`).split(' ')[0]);
    const before = cpuAt();
    await sleep(4000);
    t.ok(cpuAt() > before + 1e6, 'samples went on');
    const held = program.bytes;
    program.thaw();
    await program.shows(rates);
    await sleep(300);
    // Eighty frames were due. What the pty held, then one frame: far less than all of them.
    t.ok(program.bytes - held < 60_000, `${program.bytes - held} bytes afterwards`);

    program.freeze();
    await sleep(1500);
    process.kill(pid, 'SIGTERM');
    for (let tries = 0; tries < 100 && read(`/proc/${pid}/stat`) !== ''; tries++) await sleep(50);
    t.equal(read(`/proc/${pid}/stat`), '', 'ended with its terminal full');
    program.thaw();
    await restored(143);
  },
);

t.test('TERM=dumb gets a table', {skip: kernelSkip}, async (t) => {
  const {program, restored} = startInShell(t, `${tool} -d 100ms -l 3`, {env: {TERM: 'dumb'}});
  await restored(0);
  t.match(program.emulator.text(), /ID +TYPE +NAME/);
});

t.test('TERM=dumb gets one table after the other for who asks', {skip: kernelSkip}, async (t) => {
  const {program} = startInShell(t, `${tool} -d 100ms -l 1 -n 0`, {env: {TERM: 'dumb'}});
  await program.shows(/ID +TYPE[^]*ID +TYPE/);
  program.type('\u0003');
  // A shell that waits for what SIGINT ended ends with it.
  t.match(await program.exited, {exitCode: 130});
});

t.test('--plain tells it in words until Ctrl-C, on any terminal', {skip: kernelSkip}, async (t) => {
  for (const env of [{}, {TERM: 'dumb'}, {LANG: 'C', LC_ALL: 'C'}]) {
    const prog = loadProg(t, {type: 'xdp', name: 'plain_words'});
    const {program} = startInShell(t, `${tool} --plain -d 100ms -f plain_words`, {env});
    const screen = await program.shows(/UTC, [^]*UTC, /);
    t.match(screen, /\d programs?, BPF takes [\d.]+% of a CPU/);
    t.match(screen, 'None of them ran.');
    prog.close();
    await program.shows(/Gone: plain_words \(id \d+, xdp\)\./);
    program.type('\u0003');
    // A shell that waits for what SIGINT ended ends with it.
    t.match(await program.exited, {exitCode: 130});
  }
});

t.test('TERM at any moment of the start gives the terminal back', {skip: kernelSkip}, async (t) => {
  for (const delay of [0, 10, 30, 60, 120]) {
    const {program, restored} = startInShell(t, tool);
    await program.until(() => program.emulator.alternate, 'the first frame');
    await sleep(delay);
    process.kill(pidOf(program, `node.*${toolPath}`), 'SIGTERM');
    await restored(143);
  }
  t.pass('given back');
});

t.test('q while every reading fails ends it, and a reading that works again is shown', {skip: kernelSkip}, async (t) => {
  const {program, restored} = startInShell(t, `${tool} -d 100ms --sampler walk`);
  loadProg(t, {type: 'xdp', name: 'out_of_fds'});
  await program.shows(rates);
  const pid = pidOf(program, `node.*${toolPath}`);
  const limit = (files: string) => spawnSync('prlimit', ['--pid', String(pid), `--nofile=${files}`]);
  limit('3:4096');
  await program.shows(/! cannot list BPF programs: .*EMFILE/);
  limit('1024:4096');
  await program.hides('EMFILE');
  limit('3:4096');
  await program.shows('EMFILE');
  program.type('q');
  await restored(0);
});

t.test('no terminal to take keys from: one sentence', {skip: kernelSkip}, async (t) => {
  const {program} = startInShell(t, `setsid -w sh -c '${tool} < /dev/null'; sleep 60`);
  const screen = await program.shows(/use --format table/);
  t.match(
    screen.replaceAll('\n', ''),
    /bpftop-ts: cannot open the terminal: open \/dev\/tty: ENXIO\. Run it in a terminal, or use --format table\./,
  );
  t.notOk(program.emulator.alternate);
});
