/** The exporter and the textfile as they are run, on the real kernel; and what a real Prometheus makes of them. */
import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {constants} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {setImmediate, setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {hashSync} from 'bcryptjs';
import t, {type Test} from 'tap';
import type {TestProg} from '../../src/addon.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {run, type RunOptions, start, toolPath} from '../helpers/cli.js';
import {areOn, iteratorSkip, kernelSkip, loadProg, someoneElseHasThemOn} from '../helpers/kernel.js';
import {parseExposition, promtoolSkip} from '../helpers/prometheus.js';
import {busySamples, recordingOf} from '../helpers/recordings.js';

const setprivSkip = spawnSync('setpriv', ['--version']).status !== 0 && 'needs setpriv';

/** Starts the exporter on a port of its own, and waits until it says where it is. */
async function serve(t: Test, words: readonly string[] = [], options: RunOptions = {}) {
  const exporter = start(['serve', '--listen', '127.0.0.1:0', ...words], options);
  t.teardown(() => exporter.kill('SIGKILL'));
  const ended = once(exporter, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = createInterface(exporter.stderr)[Symbol.asyncIterator]();
  const first = String((await lines.next()).value);
  const [url] = /http:\/\/[\d.:]+/.exec(first) ?? [];
  if (url === undefined) throw new Error(first);
  const text = async (accept = '') => (await fetch(`${url}/metrics`, {headers: {accept}})).text();
  return {pid: exporter.pid!, kill: (signal: NodeJS.Signals) => exporter.kill(signal), ended, first, url, text, lines};
}

/** A free port, for who can't be told any. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const {port} = server.address() as {port: number};
  server.close();
  return port;
}

function valueOf(text: string, name: string, labels: Readonly<Record<string, string>>): number | undefined {
  return parseExposition(text).find(
    (each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
  )?.value;
}

const idOf = ({id}: TestProg) => ({program_id: String(id)});

t.test('the counters of a real program, as the kernel has them, once a scrape', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'scraped'});
  const {text, first, pid} = await serve(t, ['--max-age', '0']);
  t.match(first, /^bpftop-ts: metrics at http:\S+\/metrics\. Statistics stay on until this ends/);
  prog.run(70);
  const before = await text();
  t.equal(valueOf(before, 'bpftop_program_runs_total', idOf(prog)), Number(prog.counters().runCnt));
  t.equal(valueOf(before, 'bpftop_program_run_time_seconds_total', idOf(prog)), Number(prog.counters().runTimeNs) / 1e9);
  t.equal(valueOf(before, 'bpftop_program_info', {...idOf(prog), name: 'scraped', type: 'xdp'}), 1);
  t.equal(valueOf(before, 'bpftop_runs_total', {name: 'scraped'}), 70);
  prog.run(30);
  const after = await text('application/openmetrics-text;version=1.0.0,text/plain;q=0.5');
  t.match(after, /# EOF\n$/);
  t.equal(valueOf(after, 'bpftop_runs_total', {name: 'scraped'}), 100);
  t.equal(valueOf(after, 'bpftop_program_owner_info', {pid: String(pid)}), undefined, 'its own programs are not among them');
  prog.close();
  const gone = await text();
  t.equal(valueOf(gone, 'bpftop_runs_total', {name: 'scraped'}), 100, 'a program that goes lowers no sum');
  t.equal(valueOf(gone, 'bpftop_program_runs_total', idOf(prog)), undefined);
});

t.test('fifty scrapers at once get the same, and those after them, while it is young', {skip: kernelSkip}, async (t) => {
  const {text} = await serve(t, ['--max-age', '5m']);
  const texts = await Promise.all(Array.from({length: 50}, () => text()));
  t.equal(new Set([...texts, await text()]).size, 1);
  const readAt = (text: string) => valueOf(text, 'bpftop_collection_timestamp_seconds', {source: 'programs'});
  t.equal(readAt(await text('application/openmetrics-text')), readAt(texts[0]!), 'in another form the same reading');
});

t.test('many scrapes leave it as it was, without files that stay open', {skip: kernelSkip}, async (t) => {
  const {text, pid} = await serve(t, ['--max-age', '0']);
  const openFiles = () => readdirSync(`/proc/${pid}/fd`).length;
  const scrape = async (times: number) => {
    for (let i = 0; i < times; i++) await text();
  };
  await scrape(200);
  const files = openFiles();
  await scrape(300);
  t.ok(openFiles() <= files + 2, `${openFiles()} files, ${files} before`);
  t.equal(valueOf(await text(), 'bpftop_collection_errors_total', {source: 'programs'}), 0);
});

t.test('TERM and INT end it, and statistics with it', {skip: kernelSkip}, async (t) => {
  const witness = loadProg(t, {type: 'xdp'});
  for (const [signal, status] of [
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const) {
    const {kill, ended, text} = await serve(t);
    t.ok(areOn(witness), 'on while it serves');
    await text();
    kill(signal);
    t.same(await ended, [status, null]);
  }
  for (let tries = 0; areOn(witness) && tries < 200; tries++) await sleep(50);
  t.ok(!areOn(witness) || someoneElseHasThemOn(), 'off afterwards');
});

/** Who each thread of a process is, and what it may: one text where all are the same. */
function rightsOf(pid: number): readonly string[] {
  const rights = readdirSync(`/proc/${pid}/task`).map((task) => {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    const of = (key: string) => new RegExp(`^${key}:[ \\t]*(.*?)[ \\t]*$`, 'm').exec(status)?.[1]?.split(/\s+/);
    const sets = ['Inh', 'Prm', 'Eff', 'Bnd', 'Amb'].map((name) => `${name} ${BigInt(`0x${of(`Cap${name}`)?.[0]}`)}`);
    const ids = [...new Set([...(of('Uid') ?? []), ...(of('Gid') ?? []), ...(of('Groups') ?? [])])].filter((id) => id);
    return `${ids.join()} ${sets.join(' ')} NoNewPrivs ${of('NoNewPrivs')?.[0]}`;
  });
  return [...new Set(rights)];
}

// <linux/capability.h>
const [dacReadSearch, sysPtrace, sysAdmin] = [2, 19, 21].map((bit) => 2 ** bit) as [number, number, number];
const nobodyKeeping = (set: number) => [`65534 Inh 0 Prm ${set} Eff ${set} Bnd 0 Amb 0 NoNewPrivs 1`];
const noSources = ['--no-owners', '--no-links', '--no-maps', '--no-names'];

t.test(
  'once it serves no thread has a right that is not needed any more; figures stay true',
  {skip: iteratorSkip},
  async (t) => {
    const all = dacReadSearch + sysPtrace + sysAdmin;
    const cases: readonly [readonly string[], number, RegExp][] = [
      [[], all, /with CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE and CAP_SYS_ADMIN alone\.$/],
      [noSources, 0, /From here on it is uid 65534 with no capability\.$/],
      [noSources.slice(1), dacReadSearch + sysPtrace, /with CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE alone\.$/],
      [[...noSources, '--sampler', 'walk'], sysAdmin, /with CAP_SYS_ADMIN alone\.$/],
    ];
    for (const [words, kept, says] of cases) {
      const {pid, text, first} = await serve(t, ['--max-age', '0', ...words]);
      t.match(first, says);
      t.same(rightsOf(pid), nobodyKeeping(kept), words.join(' '));
      const prog = loadProg(t, {type: 'xdp', name: 'loaded_later'});
      await text();
      prog.run(57);
      t.equal(valueOf(await text(), 'bpftop_program_runs_total', idOf(prog)), 57);
      t.same(rightsOf(pid), nobodyKeeping(kept), 'nor has one that was begun since');
      prog.close();
    }
  },
);

const threads = (oneMore: string): RunOptions => ({
  nodeArgs: ['--import', fileURLToPath(new URL('../fixtures/threads.mjs', import.meta.url))],
  env: {ONE_MORE_THREAD: oneMore},
});

t.test('where rights could not be given up nobody is served, and that at once', {skip: iteratorSkip}, async (t) => {
  // Whoever the first process is, it has not given up what this one has.
  const {status, stdout, stderr} = await run(['serve', '--listen', '127.0.0.1:0'], threads('../../1'));
  t.match(stderr, /^bpftop-ts: cannot give up privileges: thread \S+ keeps some\./);
  t.equal(status, 77);
  t.notMatch(stdout, /TCPServer/, 'the port is closed before it ends');
});

t.test('a thread that ends meanwhile has no rights', {skip: iteratorSkip}, async (t) => {
  const {first} = await serve(t, [], threads('0'));
  t.match(first, /From here on it is uid 65534/);
});

t.test('owners are told by /proc alone, too: at every look, not the first alone', {skip: kernelSkip}, async (t) => {
  // In a pid namespace of its own it has /proc only.
  const tool = JSON.stringify([toolPath, 'serve', '--listen', '127.0.0.1:0', '--max-age', '0', ...noSources.slice(1)]);
  const holder = startChild(
    t,
    `const testbed = load('testbed.node');
     let prog;
     process.stdin.once('data', () => console.log((prog = testbed.load({type: 'xdp'})).id));
     require('node:child_process').spawn(process.execPath, ${tool}, {stdio: ['ignore', 'inherit', process.stdout]});`,
    {wrapper: ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc']},
  );
  const [url] = /http:\/\/[\d.:]+/.exec((await holder.line()) ?? '') ?? [];
  const text = async () => (await fetch(`${url}/metrics`)).text();
  // Each look took another time, to the nanosecond.
  const look = async () => valueOf(await text(), 'bpftop_collection_duration_seconds', {source: 'owners'});
  const first = await look();
  holder.send('');
  const later = {program_id: (await holder.line()) ?? ''};
  while ((await look()) === first) await sleep(50);
  t.equal(valueOf(await text(), 'bpftop_program_owner_info', {...later, pid: '1'}), 1);
});

t.test('HUP reads users again; what can’t be used changes nothing', {skip: kernelSkip}, async (t) => {
  const file = path.join(t.testdir({}), 'web.yml');
  const write = (password: string) =>
    writeFileSync(file, `basic_auth_users:\n  prom: ${hashSync(password, 4)}\n`, {mode: 0o600});
  write('one');
  const exporter = start(['serve', '--listen', '127.0.0.1:0', '--web.config.file', file]);
  t.teardown(() => exporter.kill('SIGKILL'));
  const lines = createInterface(exporter.stderr)[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  t.match(await next(), /passwords go over the network as they are/);
  const [url] = /http:\/\/[\d.:]+/.exec(await next()) ?? [];
  const statusWith = async (password: string) =>
    (await fetch(`${url}/metrics`, {headers: {authorization: `Basic ${btoa(`prom:${password}`)}`}})).status;
  t.same([await statusWith('one'), await statusWith('two')], [200, 401]);
  write('two');
  exporter.kill('SIGHUP');
  await next();
  t.match(await next(), /read again/);
  t.same([await statusWith('one'), await statusWith('two')], [401, 200]);
  writeFileSync(file, 'nonsense: true');
  exporter.kill('SIGHUP');
  t.match(await next(), /it has 'nonsense'/);
  t.same([await statusWith('one'), await statusWith('two')], [401, 200]);
});

t.test('what can’t be done is one sentence', {skip: kernelSkip}, async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.teardown(() => taken.close());
  const {port} = taken.address() as {port: number};
  const tls = 'tls_server_config: {cert_file: none.pem, key_file: none.key}';
  const dir = t.testdir({
    'bad.yml': tls,
    'bad.pem.yml': tls.replaceAll(/none\.\w+/g, 'bad.yml'),
    'no.yml': 'a: [',
    'other.yml': 'tls: yes',
  });
  const cases: readonly [readonly string[], number, RegExp][] = [
    [['--listen', `127.0.0.1:${port}`], 1, /cannot listen on 127\.0\.0\.1:\d+: listen: EADDRINUSE\. Another process/],
    [['--listen', '203.0.113.9:9935'], 1, /cannot listen on 203\.0\.113\.9:9935: listen: EADDRNOTAVAIL\. Choose/],
    [['--listen', 'nine'], 2, /--listen 'nine': not an address such as/],
    [['--listen', '127.0.0.1:70000'], 2, /not an address/],
    [['--max-age', '1h'], 2, /an age is from 0 to 5m/],
    [['--max-series', '0'], 2, /it is 1 or more/],
    [['--format', 'json'], 2, /serve takes no --format/],
    [['--delay', '1s'], 2, /serve takes no --delay/],
    [['--web.config.file', path.join(dir, 'none')], 1, /cannot read .*none: \w+: ENOENT/],
    [['--web.config.file', path.join(dir, 'bad.yml')], 1, /cannot read .*none\.pem: \w+: ENOENT|none\.key: \w+: ENOENT/],
    [
      ['--web.config.file', path.join(dir, 'bad.pem.yml')],
      2,
      /tls_server_config: .*\. It needs a certificate and its key, in PEM\./,
    ],
    [['--web.config.file', path.join(dir, 'no.yml')], 2, /no\.yml', line 1: it is no YAML/],
    [['--web.config.file', path.join(dir, 'other.yml')], 2, /it has 'tls'\. There are tls_server_config/],
    [['--web.config.file', dir], 2, /is no plain file/],
    [['--frobnicate'], 2, /unknown option '--frobnicate'\. Try: bpftop-ts --help/],
    [['extra'], 2, /unknown command 'extra'|too many/],
  ];
  for (const [words, status, stderr] of cases) {
    const ended = await run(['serve', ...words]);
    t.match(ended, {status, stdout: '', stderr}, words.join(' '));
    t.match(ended.stderr, /^bpftop-ts: [^\n]+\n$/, 'one line');
  }
});

t.test('who may not read is told so at the start', {skip: kernelSkip || setprivSkip}, async (t) => {
  const {status, stderr} = await run(['serve', '--listen', '127.0.0.1:0'], {through: nobodyWith()});
  t.equal(status, 77);
  t.match(stderr, /EPERM\. Run it with sudo/);
});

t.test('a textfile: whole, readable for its collector, in the place of what was there', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'in_a_textfile'});
  const dir = t.testdir({'bpftop.prom': '# HELP bpftop_old', 'empty.prom': '', victim: 'precious'});
  const file = path.join(dir, 'bpftop.prom');
  const words = ['--format', 'prometheus', '-d', '60ms', '--output'];
  t.match(await run([...words, file]), {status: 0, stdout: '', stderr: ''});
  const text = readFileSync(file, 'utf8');
  t.equal(valueOf(text, 'bpftop_program_info', {...idOf(prog), name: 'in_a_textfile'}), 1);
  t.notMatch(text, /^bpftop_runs_total/m, 'sums of one reading mean nothing');
  t.equal(statSync(file).mode & 0o777, 0o644);
  t.same(readdirSync(dir).sort(), ['bpftop.prom', 'empty.prom', 'victim']);
  t.match(await run([...words, path.join(dir, 'empty.prom')]), {status: 0, stderr: ''});
  t.match(await run([...words, path.join(dir, 'victim')]), {
    status: 1,
    stderr:
      /^bpftop-ts: cannot write .*: \S+ is there, and is another's: .* '# HELP bpftop_'\. Choose another place with --output\.\n$/,
  });
  const going = await run([...words, file, '-n', '2', '-f', 'name=in_a_textfile']);
  t.equal(going.status, 0);
  t.match(readFileSync(file, 'utf8'), /^bpftop_runs_total\{name="in_a_textfile"/m);

  symlinkSync(path.join(dir, 'victim'), path.join(dir, 'link.prom'));
  mkdirSync(path.join(dir, 'folder.prom'));
  for (const name of ['link.prom', 'folder.prom'])
    t.match(await run([...words, path.join(dir, name)]), {
      status: 1,
      stderr: /^bpftop-ts: cannot write .*: \S+ is no plain file\. Choose another place with --output\.\n$/,
    });
  t.equal(readFileSync(path.join(dir, 'victim'), 'utf8'), 'precious');
  t.match(await run([...words, path.join(dir, 'none', 'x.prom')]), {status: 1, stderr: /open: ENOENT\. Choose/});
  t.match(await run(['--output', file]), {status: 2, stderr: /--output goes with --format prometheus/});
  t.match(await run(['--format', 'prometheus', '-g', 'pod']), {status: 2, stderr: /--group and --format prometheus/});
});

t.test('a textfile that does not fit leaves the one before, whole, and nothing beside it', {skip: kernelSkip}, (t) => {
  const dir = t.testdir();
  // Room for one page, in a mount namespace of its own.
  const script = `mount -t tmpfs -o size=4k none ${dir} && echo '# HELP bpftop_old' > ${dir}/bpftop.prom &&
    { "$0" "$1" --format prometheus -d 50ms --output ${dir}/bpftop.prom; echo "ended: $?"; cat ${dir}/bpftop.prom; ls ${dir}; }`;
  const words = ['-u', 'NODE_OPTIONS', 'unshare', '-m', 'sh', '-c', script, process.execPath, toolPath];
  const {stdout, stderr} = spawnSync('env', words, {encoding: 'utf8'});
  t.equal(stdout, 'ended: 1\n# HELP bpftop_old\nbpftop.prom\n');
  t.match(stderr, /^bpftop-ts: cannot write \S+: write: ENOSPC\. Choose another place with --output\.\n$/);
  t.end();
});

t.test('a signal while a textfile is written leaves a whole one, and nothing beside it', {skip: kernelSkip}, async (t) => {
  const dir = t.testdir({'bpftop.prom': '# HELP bpftop_old\n'});
  const file = path.join(dir, 'bpftop.prom');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const child = start(['--format', 'prometheus', '-n', '0', '-d', '50ms', '--output', file]);
    // The one beside it is there: it is being written.
    while (readdirSync(dir).length < 2) await setImmediate();
    child.kill(signal);
    t.strictSame(await once(child, 'exit'), [128 + constants.signals[signal], null]);
    t.same(readdirSync(dir), ['bpftop.prom']);
    t.match(readFileSync(file, 'utf8'), /\n$/);
  }
});

t.test('on stdout there is one page', {skip: kernelSkip}, async (t) => {
  for (const words of [
    ['-n', '0'],
    ['-n', '2'],
    ['--record', 'x'],
  ])
    t.match(await run(['--format', 'prometheus', ...words]), {
      status: 2,
      stdout: '',
      stderr: /one page to stdout.*-n 1, or/,
    });
  const recording = path.join(t.testdir(), 'recording');
  writeFileSync(recording, recordingOf(busySamples(5)));
  const replay = async (...words: string[]) => run(['replay', recording, '--format', 'prometheus', ...words]);
  const last = await replay();
  t.equal(last.status, 0);
  t.match(last.stdout.match(/^# TYPE bpftop_program_info/gm), {length: 1});
  t.equal((await replay('-n', '4')).stdout, last.stdout);
  t.not((await replay('-n', '2')).stdout, last.stdout);
  t.match((await replay('-n', '2')).stdout.match(/^# TYPE bpftop_program_info/gm), {length: 1});
  writeFileSync(recording, 'rubbish', {flag: 'a'});
  t.match(await replay(), {status: 0, stdout: last.stdout, stderr: /was cut off/});
});

t.test('promtool finds nothing to say of either', {skip: kernelSkip || promtoolSkip}, async (t) => {
  loadProg(t, {type: 'xdp', name: 'checked', maps: ['one']});
  const {text} = await serve(t);
  const {stdout} = await run(['--format', 'prometheus', '-d', '60ms']);
  for (const input of [await text(), stdout]) {
    const checked = spawnSync('promtool', ['check', 'metrics'], {input, encoding: 'utf8'});
    t.same([checked.status, checked.stdout, checked.stderr], [0, '', '']);
  }
});

/** Starts Prometheus on loopback, scraping `target` each 200 ms, with its data in a directory of the test; null: it has ended at once. */
async function startPrometheus(t: Test, target: string) {
  const dir = t.testdir({'prometheus.yml': ''});
  writeFileSync(
    path.join(dir, 'prometheus.yml'),
    `global: {scrape_interval: 200ms, scrape_timeout: 200ms}
scrape_configs:
  - job_name: bpftop
    static_configs: [{targets: ['${target}']}]
`,
  );
  const address = `127.0.0.1:${await freePort()}`;
  const words = [
    `--config.file=${dir}/prometheus.yml`,
    `--storage.tsdb.path=${dir}/data`,
    `--web.listen-address=${address}`,
  ];
  const prometheus: ChildProcess = spawn('prometheus', words, {stdio: 'ignore'});
  t.teardown(async () => {
    const ended = once(prometheus, 'exit');
    prometheus.kill('SIGKILL');
    if (prometheus.exitCode === null) await ended;
  });
  /** The result of a query once `isThere` is true of it; the last one after half a minute. */
  return async (query: string, isThere: (result: readonly Result[]) => boolean): Promise<readonly Result[]> => {
    let result: readonly Result[] = [];
    for (let tries = 0; tries < 300; tries++) {
      const answer = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(query)}`).catch(() => null);
      if (answer?.ok) ({result} = ((await answer.json()) as {data: {result: readonly Result[]}}).data);
      if (isThere(result)) break;
      await sleep(100);
    }
    return result;
  };
}

interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

t.test('a real Prometheus scrapes it, and answers for real programs', {skip: kernelSkip || promtoolSkip}, async (t) => {
  const busy = loadProg(t, {type: 'xdp', name: 'prom_busy', loops: 1000});
  const calm = loadProg(t, {type: 'sched_cls', name: 'prom_calm'});
  const {url} = await serve(t, ['--max-age', '50ms']);
  const query = await startPrometheus(t, new URL(url).host);
  t.match(await query('up', ([first]) => first?.value[1] === '1'), [{metric: {job: 'bpftop'}, value: [Number, '1']}]);
  const driver = setInterval(() => {
    busy.run(500);
    calm.run(5);
  }, 20);
  t.teardown(() => clearInterval(driver));
  const names = (result: readonly Result[]) => result.map(({metric}) => metric['name']);
  const top = 'topk(1, rate(bpftop_run_time_seconds_total{name=~"prom_.*"}[3s]) > 0)';
  t.same(names(await query(top, (result) => result.length === 1)), ['prom_busy']);
  const joined =
    'topk(1, rate(bpftop_program_runs_total[3s]) * on(program_id) group_left(name) bpftop_program_info{name=~"prom_.*"} > 0)';
  t.same(names(await query(joined, (result) => result.length === 1)), ['prom_busy']);
  clearInterval(driver);
  const total = 'bpftop_program_runs_total * on(program_id) group_left(name) bpftop_program_info{name="prom_calm"}';
  const runs = String(calm.counters().runCnt);
  t.match(await query(total, ([first]) => first?.value[1] === runs), [{value: [Number, runs]}], 'to the last run');
});
