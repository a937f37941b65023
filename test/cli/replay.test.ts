import {type ChildProcessByStdio, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {constants, tmpdir} from 'node:os';
import path from 'node:path';
import type {Readable, Writable} from 'node:stream';
import t, {type Test} from 'tap';
import type {Sample} from '../../src/sample/types.js';
import {copyTool, type Document, documentsOf, run, toolPath} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {busySamples, recordingOf} from '../helpers/recordings.js';
import {publishedSchema} from '../helpers/schema.js';
import {type PtyProgram, startInPty} from '../helpers/terminal.js';

const samples = busySamples(4);
const recording = recordingOf(samples);

const lines = (text: string) => text.trim().split(/\r?\n/);

function fileOf(t: {teardown(done: () => unknown): void}, bytes: Uint8Array): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  const file = path.join(dir, 'recording');
  writeFileSync(file, bytes);
  return file;
}

/** Runs a line of sh on a screen so wide. */
function startLine(t: Test, line: string, columns: number): PtyProgram {
  return startInPty(t, {columns, rows: 20, words: ['sh', '-c', line]});
}

t.test('every format, with every way to choose, without the addon', async (t) => {
  const tool = copyTool(t);
  const file = fileOf(t, recording);
  const replay = async (...words: string[]) => run(['replay', file, ...words], {tool});

  const documents = lines((await replay('--json', '-s', 'id:asc')).stdout).map((line) => JSON.parse(line) as Document);
  t.equal(documents.length, samples.length - 1);
  t.match(documents[0], {
    taken_at: '2026-01-31T12:01:41.000Z',
    host: {hostname: 'web-3', kernel_release: '6.18.44'},
    programs: [{id: 5, name: 'alpha', period_run_cnt: 1000, avg_run_time_ns: 100}, {id: 7}, {id: 12}],
  });
  t.match((await replay('--json', '-n', '1')).stdout, `"run_cnt":${2n ** 60n + 3000n}`, 'counters are exact');

  const csv = await replay('--format', 'csv', '--columns', 'id,name,cpu_pct', '-s', 'name:asc', '-l', '1', '-n', '2');
  t.match(lines(csv.stdout), [/id,name,cpu_pct$/, /,5,alpha,0\.01$/, /,5,alpha,0\.01$/]);
  const table = await replay('-f', 'beta', '-n', '1');
  t.match(table.stdout, /web-3 .*\n[^]*beta/);
  t.notMatch(table.stdout, /alpha/);
  const groups = await replay('--json', '-g', 'type', '-n', '1');
  t.match(JSON.parse(groups.stdout), {groups: [{programs: 1}, {programs: 2}]});
  for (const {status, stderr} of [csv, table, groups]) t.match({status, stderr}, {status: 0, stderr: ''});
});

t.test(
  'recordings joined: what is of two processes or two boots is not known, and every document fits the schema',
  async (t) => {
    const {problems} = publishedSchema(path.join(import.meta.dirname, '../../docs/snapshot.schema.json'));
    const joined = async (...parts: (readonly Sample[])[]) => {
      const {stdout, status} = await run(['replay', fileOf(t, Buffer.concat(parts.map(recordingOf))), '--json']);
      t.equal(status, 0);
      for (const line of lines(stdout)) t.same(problems(line), []);
      return lines(stdout).map((line) => JSON.parse(line) as Document);
    };
    const eight = busySamples(8);
    const restarted = eight.slice(4).map((sample) => ({...sample, selfCpuNs: sample.selfCpuNs / 1e6}));
    const known = (documents: readonly Document[]) => documents.map(({sampling}) => sampling.self_cpu_pct !== null);
    t.same(known(await joined(eight.slice(0, 4), restarted)), [true, true, true, false, true, true, true]);
    const rebooted = await joined(eight.slice(4), eight.slice(0, 4));
    t.equal(rebooted.length, 6, 'between two boots there is no period');
    t.ok(rebooted.every(({period_ns, totals}) => period_ns > 0 && totals['cpu_pct'] !== null));
  },
);

const taken = ({stdout}: {stdout: string}) => lines(stdout).map((line) => (JSON.parse(line) as {taken_at: string}).taken_at);

t.test('--from and --to give the periods that end between them, in every format, with their own rates', async (t) => {
  const file = fileOf(t, recordingOf(busySamples(8)));
  const replay = (...words: string[]) => run(['replay', file, ...words]);
  const at = (seconds: number) => `2026-01-31T12:01:${40 + seconds}.000Z`;
  const parts: [words: string[], seconds: number[]][] = [
    [
      ['--from', '0'],
      [1, 2, 3, 4, 5, 6, 7],
    ],
    [
      ['--from', '3'],
      [4, 5, 6, 7],
    ],
    [
      ['--from', '3s', '--to', '5s'],
      [4, 5],
    ],
    [
      ['--from', '2999ms', '--to', '1m'],
      [3, 4, 5, 6, 7],
    ],
    [
      ['--from', '2026-01-31T12:01:45Z'],
      [6, 7],
    ],
    [
      ['--to', '2026-01-31T12:01:42.5Z'],
      [1, 2],
    ],
    [
      ['--from', '2026-01-31T12:00Z', '--to', '2s'],
      [1, 2],
    ],
    [['--from', '5s', '--to', '2026-01-31T12:01:47Z', '-n', '1'], [6]],
    [
      ['--from', '5s', '--speed', '1000'],
      [6, 7],
    ],
  ];
  for (const [words, seconds] of parts) {
    const result = await replay('--json', ...words);
    t.same(taken(result), seconds.map(at), words.join(' '));
    t.equal(result.stderr, '');
  }
  const all = lines((await replay('--json')).stdout);
  t.same(
    lines((await replay('--json', '--from', '3s', '--to', '5s')).stdout),
    all.slice(3, 5),
    'as in the whole, to the digit',
  );
  const csv = lines((await replay('--format', 'csv', '--from', '3s', '--to', '5s', '--columns', 'id', '-l', '1')).stdout);
  t.equal(csv.length, 3, 'with one header');
  const table = await replay('--from', '6s');
  t.match(table.stdout.match(/over 1\.0s/g), {length: 1});
  t.match(table.stdout, /alpha .* 1\.0k /);
});

t.test('nothing between --from and --to is one sentence, and fails', async (t) => {
  const file = fileOf(t, recording);
  const part =
    /no period of .* ends between --from and --to: it goes from 2026-01-31T12:01:40\.000Z (to 2026-01-31T12:01:43\.000Z|on)\.\n$/;
  for (const words of [
    ['--from', '3s'],
    ['--from', '1h'],
    ['--to', '0'],
    ['--to', '999ms'],
    ['--from', '1100ms', '--to', '1900ms'],
    ['--from', '2027-01-01T00:00:00Z'],
    ['--from', '2s', '--to', '2026-01-31T12:01:41Z'],
    ['--to', '2026-01-01T00:00:00Z'],
  ])
    t.match(await run(['replay', file, ...words]), {status: 1, stdout: '', stderr: part}, words.join(' '));
  const damaged = fileOf(t, Buffer.concat([recording, Buffer.from('rubbish, and more of it')]));
  const lost = await run(['replay', damaged, '--from', '1h']);
  t.match(lost, {status: 1, stdout: '', stderr: /is damaged at byte \d+\. Nothing between --from and --to comes before/});
  t.match(
    await run(['replay', damaged, '--to', '2s', '--json']),
    {status: 0, stderr: ''},
    'what comes later is not looked at',
  );
});

t.test('on the screen what is before --from is there at once, as its past, and -n counts from there', async (t) => {
  const file = fileOf(t, recordingOf(hourly));
  const line = `${tool} replay ${file} --from 29h --to 2026-01-02T08:00:00Z; echo "ended with $?"; sleep 60`;
  const program = startLine(t, line, 160);
  await program.shows('2026-01-02 06:00:00 UTC  replay');
  program.type('\u001b[D');
  await program.shows('paused 05:00:00 UTC -1h0m');
  program.type(' \u001b[C');
  await program.shows('2026-01-02 07:00:00 UTC  replay');
  program.type('\u001b[C');
  await program.shows('2026-01-02 08:00:00 UTC  end at --to');
  program.type('q');
  await program.shows('ended with 0');
  const counted = startLine(t, `${tool} replay ${file} --from 29h -n 1; echo "ended with $?"; sleep 60`, 160);
  await counted.shows('ended with 0');
  const nothing = startLine(t, `${tool} replay ${file} --from 50h; echo "ended with $?"; sleep 60`, 160);
  t.match(await nothing.shows('ended with 1'), /no period of .* ends between --from and --to/);
});

t.test('without a whole period there is nothing to write about, which is said', async (t) => {
  const file = fileOf(t, recordingOf(samples.slice(0, 1)));
  t.match(await run(['replay', file]), {status: 1, stdout: '', stderr: /one reading alone/});
});

t.test('damage ends it with status 1 after all that can be read; a cut is no failure', async (t) => {
  const damaged = Buffer.from(recording);
  damaged[damaged.length - 6] = (damaged[damaged.length - 6] as number) ^ 1;
  const at = recordingOf(samples.slice(0, -1)).length;
  const broken = await run(['replay', fileOf(t, damaged), '--json']);
  t.match(broken, {status: 1, stderr: `is damaged at byte ${at}. It is shown up to 2026-01-31T12:01:42.000Z.`});
  const cut = await run(['replay', fileOf(t, recording.subarray(0, -1)), '--json']);
  t.match(cut, {status: 0, stderr: `was cut off: ${recording.length - 1 - at} bytes`});
  t.equal(cut.stdout, broken.stdout);
  t.equal(lines(cut.stdout).length, samples.length - 2);
});

t.test('what is no recording, or a newer one, is one line and status 1', async (t) => {
  const newer = Buffer.from(recording);
  newer.writeUInt32LE(99, 8);
  const dir = path.dirname(fileOf(t, recording));
  const cases: readonly (readonly [string, RegExp])[] = [
    [fileOf(t, newer), /recorded by a newer bpftop-ts\. Replay it with that\./],
    [fileOf(t, Buffer.from('{"schema_version": 1}')), /it is no recording\. bpftop-ts --record FILE makes one\./],
    [fileOf(t, Buffer.alloc(0)), /it is empty\./],
    [fileOf(t, recording.subarray(0, 20)), /it ends at byte 20, before its first sample is whole\./],
    [dir, /it is neither a file nor a pipe\./],
    ['/dev/zero', /it is neither a file nor a pipe\./],
    [path.join(dir, 'none'), /open: ENOENT\./],
  ];
  for (const [file, stderr] of cases) {
    const ended = await run(['replay', file, '--json']);
    t.match(ended, {status: 1, stdout: '', stderr}, stderr.source);
    t.match(ended.stderr, /^bpftop-ts: [^\n]+\n$/, 'one line');
  }
});

t.test('what means something to a kernel alone is refused', async (t) => {
  for (const words of [['-d', '1s'], ['--record', 'x'], ['--no-maps'], ['--host-root', '/x'], ['--sampler', 'walk']])
    t.match(await run(['replay', 'x', ...words]), {status: 2, stderr: /^bpftop-ts: replay takes no --/}, words.join(' '));
  t.match(await run(['replay', 'x', 'y']), {status: 2, stderr: /takes one FILE/});
  t.match(await run(['replay', 'x', '--speed', '0']), {status: 2, stderr: /not a factor/});
});

t.test('a pipe is shown as it comes, and its end in the middle of a sample is said', async (t) => {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, toolPath, 'replay', '-', '--json'], {
    stdio: ['pipe', 'pipe', 'pipe'],
  }) as ChildProcessByStdio<Writable, Readable, Readable>;
  t.teardown(() => child.kill('SIGKILL'));
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += text));
  const next = documentsOf(child);
  const whole = recordingOf(samples.slice(0, 2)).length;
  child.stdin.write(recording.subarray(0, whole));
  t.match(
    await next(),
    {programs: [{period_run_cnt: 3000}, {period_run_cnt: 1000}, {}]},
    'while the pipe stays open, and silent',
  );
  child.stdin.end(recording.subarray(whole, whole + 11));
  t.equal((await once(child, 'close'))[0], 0);
  t.match(stderr, `stdin was cut off: 11 bytes from byte ${whole} on`);
});

const tool = `env -u NODE_OPTIONS ${process.execPath} ${toolPath}`;

t.test('the screen shows a recording at its pace, says when it ends, and stays', async (t) => {
  const file = fileOf(t, recording);
  const program = startLine(t, `${tool} replay ${file} --speed 20; echo "ended with $?"; sleep 60`, 160);
  const screen = await program.shows('end of recording');
  t.match(screen, /bpftop-ts +web-3 .*2026-01-31 12:01:43 UTC +end of recording/);
  t.match(screen, /beta.*3\.0k/);
  program.type('/alpha\r');
  await program.hides('beta');
  program.type('q');
  await program.shows('ended with 0');
  t.notOk(program.emulator.alternate);
});

t.test('a recording can be paused and stepped through, and its pace is its own', async (t) => {
  const file = fileOf(t, recording);
  const program = startLine(t, `${tool} replay ${file} --speed max; sleep 60`, 160);
  await program.shows('12:01:43 UTC  end of recording');
  program.type(' ');
  await program.shows('paused 12:01:43 UTC');
  program.type('\u001b[D');
  const earlier = await program.shows('paused 12:01:42 UTC -1s');
  t.match(earlier, /Space go on {2}←→ step/);
  program.type('\u001b[C');
  await program.shows('paused 12:01:43 UTC');
  program.type('\u001b[C');
  await program.shows('12:01:43 UTC  end of recording');
  program.type('?');
  t.notMatch(await program.shows('a reading on'), /read (more|less) often/);
  program.type('q');
  await program.hides('a reading on');
  program.type('q');
  await program.until(() => !program.emulator.alternate, 'the shell');
});

/** An hour between any two: who waits for one of them waits longer than any test. */
const hourly = busySamples(40).map((sample, i) => ({
  ...sample,
  takenAt: Date.UTC(2026, 0, 1) + i * 3_600_000,
  timeNs: BigInt(i) * 3_600_000_000_000n,
}));

t.test('a replay goes ahead, and faster, while it waits, and what it went over is in the past', async (t) => {
  const file = fileOf(t, recordingOf(hourly.slice(0, 6)));
  const program = startLine(t, `${tool} replay ${file}; echo "ended with $?"; sleep 60`, 200);
  t.match(await program.shows(/2026-01-01 00:00:00 UTC {2}replay[^]*→ ahead/), /→ ahead .*\+ - speed/);
  program.type('\u001b[C');
  await program.shows('01-01 01:00:00 UTC  replay');
  program.type('\u001b[1;2C');
  await program.shows('01-01 02:00:00 UTC  replay');
  program.type('++');
  await program.shows('×5  2026-01-01 02:00:00 UTC  replay');
  program.type('---');
  await program.shows('×0.5  2026-01-01 02:00:00 UTC  replay');
  program.type(' \u001b[D');
  await program.shows('paused 01:00:00 UTC -1h0m');
  program.type('\u001b[C\u001b[C');
  await program.shows('02:00:00 UTC  replay');
  for (const hour of ['03', '04', '05']) {
    program.type('\u001b[C');
    await program.shows(`01-01 ${hour}:00:00 UTC`);
  }
  await program.shows('01-01 05:00:00 UTC  end of recording');
  program.type('\u001b[C+');
  await program.hides('×0.5');
  program.type('q');
  await program.shows('ended with 0');
});

t.test('keys come from the terminal while the recording comes from a pipe', async (t) => {
  const file = fileOf(t, recording);
  // The pipe stays open, as that of an ssh does.
  const line = `{ cat ${file}; sleep 60; } | ${tool} replay - --speed max; echo "ended with $?"; sleep 60`;
  const program = startLine(t, line, 120);
  await program.shows(/12:01:43 +replay/);
  program.type('/alpha\r');
  await program.hides('beta');
  await program.shows(/no data \d/);
  program.type('q');
  await program.until(() => !program.emulator.alternate, 'the shell');
});

t.test('a far host is on this screen, live, until its recorder or the way to it ends', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'far_away'});
  // The recorder in a shell of its own: that it was killed isn't said on the screen.
  const line = `{ ${tool} -d 100ms --record -; :; } 2>/dev/null | ${tool} replay - -f far_away; echo "ended with $?"; sleep 60`;
  const program = startLine(t, line, 120);
  await program.shows(/replay\n[^]*far_away/);
  // Beyond the present there is nothing, and nothing stands still.
  program.type('\u001b[1;2C\u001b[C');
  const runs = 54_321;
  prog.run(runs);
  await program.shows(/far_away.* 54\.3k /);
  const {stdout} = spawnSync('pgrep', ['-f', '--session', String(program.pid), '^\\S*node .*--record -'], {
    encoding: 'utf8',
  });
  process.kill(Number(stdout), 'SIGKILL');
  await program.shows('end of recording');
  program.type('q');
  await program.shows('ended with 0');
});

t.test('a damaged recording is shown as far as it goes, and the screen says where it is damaged', async (t) => {
  const file = fileOf(t, Buffer.concat([recording, Buffer.from('rubbish, and more of it')]));
  const program = startLine(t, `${tool} replay ${file} --speed 50; sleep 60`, 160);
  const screen = await program.shows('end of recording');
  t.match(screen, `is damaged at byte ${recording.length}. It is shown up to 2026-01-31T12:01:43.000Z.`);
});

t.test('a terminal that goes away ends it', async (t) => {
  const file = fileOf(t, recording);
  const program = startLine(t, `exec ${tool} replay ${file}`, 120);
  await program.shows('replay');
  program.hangUp();
  const {exitCode, signal} = await program.exited;
  const {SIGHUP} = constants.signals;
  t.ok(exitCode === 128 + SIGHUP || signal === SIGHUP, `by ${exitCode || `signal ${signal}`}: it does not abort`);
});

t.test('what is no recording takes no screen', async (t) => {
  const file = fileOf(t, Buffer.from('ID TYPE NAME'));
  const program = startLine(t, `${tool} replay ${file}; echo "ended with $?"; sleep 60`, 120);
  t.match(await program.shows('ended with 1'), /it is no recording/);
});
