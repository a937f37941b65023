import {spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t from 'tap';
import {type DiffOptions, parseOptions} from '../../src/cli/options.js';
import type {Sample} from '../../src/sample/types.js';
import {copyTool, type Finished, run, start, toolPath} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {recordingOf} from '../helpers/recordings.js';
import {makeSample} from '../helpers/samples.js';

/** For so many seconds, once a second: alpha as slow as told, beta always alike, gamma never runs. */
function hostOf(seconds: number, alphaNs: number, tag = 'a'.repeat(16)): Sample[] {
  const samples = Array.from({length: seconds + 1}, (_, i) => {
    const runs = BigInt(i * 1000);
    return makeSample(100 + i, [
      {id: 5, name: 'alpha', tag, runCnt: runs, runTimeNs: BigInt(alphaNs) * runs},
      {id: 7, name: 'beta', type: 3, runCnt: runs, runTimeNs: 900n * runs},
      {id: 9, name: 'gamma'},
    ]);
  });
  const {host, progs} = samples[0] as Sample;
  return samples.map((sample) => ({...sample, host, progs: {...sample.progs, info: progs.info}}));
}

const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
t.teardown(() => rmSync(dir, {recursive: true}));
const fileOf = (name: string, bytes: string | Uint8Array): string => {
  const file = path.join(dir, name);
  writeFileSync(file, bytes);
  return file;
};

const before = fileOf('before.rec', recordingOf(hostOf(12, 100)));
const after = fileOf('after.rec', recordingOf(hostOf(12, 130, 'b'.repeat(16))));

interface Told {
  readonly before: {readonly file: string; readonly readings: number};
  readonly programs: readonly {
    readonly name: string;
    readonly status: string;
    readonly avg_run_time_ns: {readonly change_pct: number; readonly noise: string};
  }[];
}
const told = ({stdout}: Finished) => JSON.parse(stdout) as Told;

/** The tool with this on its stdin. */
async function piped(bytes: Uint8Array, words: readonly string[]): Promise<Finished> {
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, toolPath, ...words]);
  child.stdin.on('error', () => {});
  child.stdin.end(bytes);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (status, signal) => resolve({stdout, stderr, status, signal})));
}

t.test('snapshots and recordings in any combination say the same, without the addon', async (t) => {
  const tool = copyTool(t);
  const snapshotOf = async (file: string, ...words: string[]) =>
    fileOf(`${path.basename(file)}.json`, (await run(['replay', file, '--json', ...words], {tool})).stdout);
  const files = [await snapshotOf(before), await snapshotOf(after)] as const;
  const results = await Promise.all(
    [
      [before, after],
      [files[0], after],
      [before, files[1]],
      [files[0], files[1]],
    ].map((pair) => run(['diff', ...pair, '--json'], {tool})),
  );
  for (const result of results) {
    t.match(result, {status: 0, stderr: ''});
    const [first] = results as [Finished];
    t.strictSame(told(result).programs, told(first).programs);
  }
  t.match(told(results[0] as Finished), {
    before: {file: before, readings: 12},
    programs: [
      {name: 'alpha', status: 'rebuilt', avg_run_time_ns: {change_pct: 30, noise: 'beyond'}},
      {name: 'beta'},
      {name: 'gamma'},
    ],
  });
  const table = await run(['diff', before, after, '-f', 'alpha'], {tool});
  t.match(table, {status: 0, stdout: /\nxdp +alpha +100ns → 130ns +\+30ns \+30% .* rebuilt\ntotal/});
  t.notMatch(table.stdout, 'beta');
  const all = await run(['diff', before, after], {tool});
  t.match(all.stdout, /\n\nAnd 1 program that did not run\.\n/);
  t.notMatch(all.stdout, 'gamma', 'which JSON has alone');
  t.match(await run(['diff', before, after, '--ascii'], {tool}), {stdout: /100ns . 130ns/});
  t.match(await run(['diff', before, after, '--markdown', '-l', '1'], {tool}), {stdout: /\| <code>alpha<\/code> \|/});
  t.match(await run(['diff', before, after, '-s', 'name:desc'], {tool}), {stdout: /\n\S+ +beta.*\n\S+ +alpha/});
});

t.test('what of it was let out of a snapshot is not told as gone', async (t) => {
  const part = fileOf('part.json', (await run(['replay', after, '--json', '-f', 'beta'])).stdout);
  const {stdout, stderr, status} = await run(['diff', before, part]);
  t.equal(status, 0);
  t.match(stdout, /alpha .* not in AFTER\n/);
  t.match(stderr, /^bpftop-ts: .*part\.json does not have all programs/);
});

t.test('--fail-on ends with 3 and says which program, but not for noise', async (t) => {
  const rules = ['--fail-on', 'avg_run_time_ns>+10%', '--fail-on', 'avg>+25ns'];
  const failed = await run(['diff', before, after, ...rules]);
  t.equal(failed.status, 3);
  t.strictSame(failed.stderr.split('\n'), [
    "bpftop-ts: --fail-on 'avg_run_time_ns>+10%' is true of xdp alpha: 100ns → 130ns (+30ns +30%).",
    "bpftop-ts: --fail-on 'avg>+25ns' is true of xdp alpha: 100ns → 130ns (+30ns +30%).",
    '',
  ]);
  t.match(failed.stdout, /alpha/, 'and the table is there all the same');
  t.match(await run(['diff', before, after, '--fail-on', 'avg>+31%']), {status: 0, stderr: ''});
  t.match(await run(['diff', before, after, ...rules, '-f', 'beta']), {status: 0, stderr: ''});
  t.match(await run(['diff', before, after, ...rules, '-l', '1', '-s', 'name:desc']), {status: 3}, 'a limit hides nothing');

  const noisy = hostOf(12, 100).map((sample, i) => {
    const runTimeNs = BigUint64Array.from(sample.progs.runTimeNs);
    // Every other second costs more by half.
    runTimeNs[0] = BigInt(100_000 * i + 50_000 * Math.floor(i / 2));
    return {...sample, progs: {...sample.progs, runTimeNs}};
  });
  const noise = fileOf('noise.rec', recordingOf(noisy));
  const within = await run(['diff', before, noise, ...rules, '--fail-on', 'avg>=+0%']);
  t.match(within, {status: 0, stderr: '', stdout: /alpha .* \+\d+% ~/});

  const single = fileOf('single.json', (await run(['replay', after, '--json', '-n', '1'])).stdout);
  const unsure = await run(['diff', before, single, '--fail-on', 'avg>+10%']);
  t.match(unsure, {status: 3, stderr: /alpha: .*, which may be noise: a side has too few readings\.\n$/});
  t.match(unsure.stdout, /alpha .* \+30% \? /);
});

t.test('one of both may come from stdin', async (t) => {
  const bytes = readFileSync(after);
  t.match(told(await piped(bytes, ['diff', before, '-', '--json'])).programs, [{name: 'alpha', status: 'rebuilt'}, {}, {}]);
  t.match(await piped(bytes.subarray(0, -3), ['diff', '-', after]), {status: 0, stderr: /stdin was cut off/});
  t.match(await piped(Buffer.from(''), ['diff', '-', after]), {status: 1, stderr: /cannot compare stdin: it is empty/});
});

t.test('what can’t be compared is said in one sentence, with status 1 and nothing on stdout', async (t) => {
  const [line = ''] = (await run(['replay', before, '--json', '-n', '1'])).stdout.split('\n');
  const wrong: [string, RegExp][] = [
    [path.join(dir, 'none'), /open: ENOENT\. Look for it/],
    [dir, /it is neither a file nor a pipe/],
    [fileOf('text', 'ID TYPE\u001b[31m\n'), /line 1: it is no snapshot/],
    [fileOf('cut.json', `${line}\n${line.slice(0, 200)}`), /line 2: the document that begins there is cut off/],
    [fileOf('newer.json', '{"schema_version":7}'), /written by a newer/],
    ['/dev/zero', /it is neither a file nor a pipe/],
  ];
  for (const [file, message] of wrong)
    for (const words of [
      [file, after],
      [after, file],
    ]) {
      const {stdout, stderr, status} = await run(['diff', ...words]);
      t.match({stdout, status}, {stdout: '', status: 1}, file);
      t.match(stderr, message);
      t.ok(stderr.startsWith(`bpftop-ts: cannot compare ${file}: `) && stderr.split('\n').length === 2, stderr);
    }
});

t.test('a pipe is waited for, which is said, and a signal ends that', async (t) => {
  const fifo = path.join(dir, 'fifo');
  spawnSync('mkfifo', [fifo]);
  const waiting = (...words: string[]) => {
    const child = start(words);
    t.teardown(() => child.kill('SIGKILL'));
    return child;
  };
  const told = async (child: ReturnType<typeof start>) => String((await once(child.stderr, 'data'))[0]);

  const ended = waiting('diff', fifo, after);
  t.match(await told(ended), /^bpftop-ts: nothing comes from .*fifo yet: waiting for it\.\n$/);
  ended.kill('SIGINT');
  t.strictSame(await once(ended, 'exit'), [null, 'SIGINT']);

  const compared = waiting('diff', fifo, after, '--json');
  const [, json] = await Promise.all([
    told(compared).then(() => writeFile(fifo, readFileSync(before))),
    compared.stdout.toArray(),
  ]);
  t.match(JSON.parse(json.join('')), {programs: [{name: 'alpha', status: 'rebuilt'}, {}, {}]});
  const replayed = run(['replay', fifo, '--json', '-n', '1']);
  await writeFile(fifo, readFileSync(before));
  t.match(await replayed, {status: 0, stdout: /"alpha"/});
});

t.test('a reader that goes away ends it quietly', async (t) => {
  const child = spawn('sh', ['-c', `env -u NODE_OPTIONS ${process.execPath} ${toolPath} diff ${before} ${after} | true`]);
  let stderr = '';
  child.stderr.on('data', (text) => (stderr += String(text)));
  await new Promise((resolve) => child.on('close', resolve));
  t.equal(stderr, '');
});

t.test('it takes what means something to it, and says what does not', async (t) => {
  const options = (...words: string[]) => parseOptions(['diff', 'a', 'b', ...words]) as DiffOptions;
  t.match(options(), {command: 'diff', before: 'a', after: 'b', format: 'table', failOn: [], limit: null});
  t.match(options('--json', '-l', '3'), {format: 'json', limit: 3});
  t.match(options('--markdown'), {format: 'markdown'});
  t.match(options('--fail-on', 'avg>+1%', '--fail-on', 'ev<-1k'), {failOn: [{text: 'avg>+1%'}, {text: 'ev<-1k'}]});
  const wrong: [string[], RegExp][] = [
    [['diff'], /missing required argument 'before'/],
    [['diff', 'a'], /'after'/],
    [['diff', 'a', 'b', 'c'], /diff takes one BEFORE and one AFTER\./],
    [['diff', '-', '-'], /stdin is there once/],
    [['diff', 'a', 'b', '--markdown', '--json'], /contradict/],
    [['diff', 'a', 'b', '--format', 'csv'], /diff writes no csv/],
    [['diff', 'a', 'b', '--plain'], /diff takes no --plain|writes no plain/],
    [['diff', 'a', 'b', '-s', 'pid'], /diff sorts by avg_run_time_ns, events_per_sec, cpu_pct, type, name, tag, not by pid/],
    [['diff', 'a', 'b', '--record', 'x'], /diff takes no --record/],
    [['diff', 'a', 'b', '--columns', 'id'], /diff takes no --columns/],
    [['--markdown'], /unknown option '--markdown'/],
  ];
  for (const [words, message] of wrong) t.throws(() => parseOptions(words), {exitStatus: 2, message}, words.join(' '));
  const pointed = await run(['diff', 'a', 'b', '--fail-on', 'avg>10%']);
  t.match(pointed, {status: 2, stderr: /--fail-on: a change has its sign.*\n {2}avg>10%\n {6}\^\n$/});
  t.match((await run(['diff', '--help'])).stdout, /before +a snapshot[^]*--fail-on <CHANGE>[^]*Exit status: 0 compared; 1/);
});

t.test('what this kernel’s programs cost in two snapshots can be compared', {skip: kernelSkip}, async (t) => {
  loadProg(t, {type: 'xdp', name: 'steady'});
  const [one, two] = [await run(['--json', '-d', '50ms', '-n', '2']), await run(['--json', '-d', '50ms', '-n', '2'])];
  const found = await run([
    'diff',
    fileOf('one.json', one.stdout),
    fileOf('two.json', two.stdout),
    '--json',
    '-f',
    'steady',
  ]);
  t.match(found, {status: 0});
  t.match(told(found), {before: {readings: 2}, programs: [{name: 'steady', status: 'same'}]});
});
