import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import t from 'tap';
import {loadBpf, loadShare} from '../../src/addon.js';
import {copyTool, type Document, documentsOf, run, start, toolPath} from '../helpers/cli.js';
import {nobodyWith} from '../helpers/child.js';
import {iteratorSkip, kernelSkip, loadProg, switchStatsOn} from '../helpers/kernel.js';
import {uncountedSkip} from '../helpers/maps.js';

const root = path.dirname(path.dirname(toolPath));
/** By texts of React's and Yoga's that no minifying takes away. */
const holdsInk = (file: string) => /react\.transitional\.element|YGNode/.test(readFileSync(file, 'utf8'));
const parse = (text: string): Document => JSON.parse(text) as Document;
const find = (document: Document, id: number) => document.programs.find((prog) => prog.id === id);

t.test('N runs in a period are N in the document, and every figure equals its formula', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'exactly15bytes_', loops: 30});
  const tool = start(['--json', '-n', '0', '-d', '200ms']);
  t.teardown(() => tool.kill());
  const lines = createInterface(tool.stdout)[Symbol.asyncIterator]();
  const next = async () => parse((await lines.next()).value as string);

  let before = find(await next(), prog.id);
  t.match(before, {name: 'exactly15bytes_', type: 'xdp', run_cnt: 0, period_run_cnt: 0, avg_run_time_ns: null});
  const runs = 54_321;
  prog.run(runs);
  let counted = 0;
  while (counted < runs) {
    const document = await next();
    const now = find(document, prog.id) as Record<string, number>;
    const runTime = (now['run_time_ns'] as number) - (before?.['run_time_ns'] as number);
    const runCnt = (now['run_cnt'] as number) - (before?.['run_cnt'] as number);
    t.equal(now['period_run_cnt'], runCnt);
    t.equal(now['period_run_time_ns'], runTime);
    t.equal(now['cpu_pct'], (100 * runTime) / document.period_ns);
    t.equal(now['events_per_sec'], (1e9 * runCnt) / document.period_ns);
    t.equal(now['avg_run_time_ns'], runCnt === 0 ? null : runTime / runCnt);
    counted += now['period_run_cnt'] as number;
    before = now as never;
  }
  t.equal(counted, runs);
  const kernel = prog.counters();
  t.match(before, {run_cnt: Number(kernel.runCnt), run_time_ns: Number(kernel.runTimeNs)});
});

t.test('who holds a program, by what, and where that runs', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', maps: ['held']});
  const document = parse((await run(['--json', '-d', '50ms'])).stdout);
  const cgroups = readFileSync('/proc/self/cgroup', 'utf8');
  const {owners, map_ids: maps} = find(document, prog.id) as unknown as {
    owners: Record<string, unknown>[];
    map_ids: number[];
  };
  t.equal(maps.length, 1);
  t.match(owners, [{pid: process.pid, comm: readFileSync('/proc/self/comm', 'utf8').trim(), via: 'prog'}]);
  t.ok(cgroups.includes(owners[0]!['cgroup'] as string));
  t.match(Object.keys(owners[0]!), [
    'pid',
    'comm',
    'via',
    'cgroup',
    'unit',
    'container_id',
    'container',
    'pod',
    'namespace',
  ]);
  const without = parse((await run(['--json', '-d', '50ms', '--no-owners'])).stdout);
  t.equal(find(without, prog.id)?.['owners'], null);
  t.match(await run(['-d', '50ms', '-f', 'no_such_owner']), {stdout: /OWNER/});
});

t.test('groups add up to the totals of the document', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp'});
  const document = parse((await run(['--json', '-d', '50ms', '-g', 'type'])).stdout);
  const {groups, programs, totals} = document as unknown as {
    groups: (Record<string, number> & {group: string; program_ids: number[]})[];
    programs: {id: number}[];
    totals: Record<string, number>;
  };
  t.ok(groups.find(({group}) => group === 'xdp')?.program_ids.includes(prog.id));
  t.same(
    groups.flatMap((each) => each.program_ids).sort((a, b) => a - b),
    programs.map(({id}) => id).sort((a, b) => a - b),
  );
  for (const key of ['programs', 'run_time_ns', 'run_cnt', 'period_run_time_ns', 'period_run_cnt'])
    t.equal(
      groups.reduce((sum, group) => sum + (group[key] ?? 0), 0),
      totals[key],
      key,
    );
  const process = readFileSync('/proc/self/comm', 'utf8').trim();
  const {stdout} = await run(['-d', '50ms', '--group', 'owner']);
  t.match(stdout, /^OWNER +PROGRAMS +AVG +TOTAL +EV\/S +CPU%$/m);
  t.ok(stdout.split('\n').some((line) => line.startsWith(`${process} `)));
});

t.test('what a program is attached to by links, and what is not known', {skip: iteratorSkip}, async (t) => {
  const prog = loadProg(t, {type: 'raw_tracepoint', name: 'hung_up'});
  const loose = loadProg(t, {type: 'xdp', name: 'loose'});
  prog.attach({rawTracepoint: 'sys_enter'});
  const document = parse((await run(['--json', '-d', '50ms'])).stdout);
  t.match(find(document, prog.id)?.['links'], [
    {link_id: Number, type: 'raw_tracepoint', attach_type: null, target: 'sys_enter'},
  ]);
  // Where some process hides its network namespace it isn't known that there is none.
  t.notOk((find(document, loose.id)?.['links'] as unknown[] | null)?.length);
  t.match((await run(['-d', '50ms', '-f', 'sys_enter'])).stdout, /hung_up .* sys_enter /);
  const without = parse((await run(['--json', '-d', '50ms', '--no-links'])).stdout);
  t.equal(find(without, prog.id)?.['links'], null);
  const {stdout} = await run(['--json', '-d', '50ms'], {through: nobodyWith('bpf', 'perfmon')});
  const warning = parse(stdout).warnings.find(({code}) => code.startsWith('links'));
  t.match(warning, {code: 'links_not_permitted', message: /EPERM\. Run it with sudo/});
});

t.test('the maps of a program, how full and how large, and what they take in all', {skip: kernelSkip}, async (t) => {
  const spec = {name: 'filled', type: 'hash', maxEntries: 10, inserts: 4} as const;
  const prog = loadProg(t, {type: 'xdp', maps: [spec, 'slots']});
  const document = parse((await run(['--json', '-d', '50ms'])).stdout);
  type Shown = {id: number; bytes_memlock: number};
  const {maps, ...shown} = find(document, prog.id) as unknown as {maps: Shown[]; map_ids: number[]; bytes_maps: number};
  t.same(maps, [
    {
      id: maps[0]!.id,
      name: 'filled',
      type: 'hash',
      max_entries: 10,
      entries: uncountedSkip ? null : 4,
      bytes_memlock: maps[0]!.bytes_memlock,
    },
    {id: maps[1]!.id, name: 'slots', type: 'array', max_entries: 1, entries: null, bytes_memlock: maps[1]!.bytes_memlock},
  ]);
  t.same(
    maps.map(({id}) => id),
    shown.map_ids,
  );
  t.equal(shown.bytes_maps, maps[0]!.bytes_memlock + maps[1]!.bytes_memlock);
  const all = document.programs.flatMap((each) => (each['maps'] as Shown[] | null) ?? []);
  const bytes = new Map(all.map(({id, bytes_memlock}) => [id, bytes_memlock]));
  t.equal(
    document.totals['bytes_maps'],
    [...bytes.values()].reduce((sum, each) => sum + each, 0),
  );
  const without = parse((await run(['--json', '-d', '50ms', '--no-maps'])).stdout);
  t.match(find(without, prog.id), {maps: null, bytes_maps: null});
  t.equal(without.totals['bytes_maps'], null);
  t.notOk(
    without.programs.some(({name, self}) => self && name === 'bpftop_maps'),
    'nor is the helper loaded',
  );
});

t.test('who may not list maps is told once, and shown none', {skip: iteratorSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', maps: ['one']});
  const {stdout} = await run(['--json', '-d', '50ms'], {through: nobodyWith('bpf', 'perfmon')});
  const document = parse(stdout);
  t.match(find(document, prog.id), {maps: null, bytes_maps: null});
  const warnings = document.warnings.filter(({code}) => code.startsWith('maps'));
  t.match(warnings, [{code: 'maps_not_permitted', message: /EPERM\. Run it with sudo/}]);
  t.equal(warnings.length, 1);
});

t.test('where a program is pinned', {skip: iteratorSkip}, async (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  loadShare().mountBpffs(dir);
  t.teardown(() => {
    loadShare().unmount(dir);
    rmdirSync(dir);
  });
  const prog = loadProg(t, {type: 'xdp'});
  prog.pin(path.join(dir, 'pinned'));
  const document = parse((await run(['--json', '-d', '50ms'])).stdout);
  t.same(find(document, prog.id)?.['pins'], [path.join(dir, 'pinned')]);
  const without = parse((await run(['--json', '-d', '50ms', '--no-pins'])).stdout);
  t.equal(find(without, prog.id)?.['pins'], null);
  const {stdout} = await run(['--json', '-d', '50ms'], {through: nobodyWith('bpf', 'perfmon')});
  t.equal(find(parse(stdout), prog.id)?.['pins'], null);
  t.match(
    parse(stdout).warnings.find(({code}) => code === 'pins_not_permitted'),
    {message: /EACCES\. Run it with sudo/},
  );
});

t.test('names in full, and who a tail call comes from', {skip: kernelSkip}, async (t) => {
  const fullName = 'a_name_of_more_than_15_letters';
  const name = fullName.slice(0, 15);
  const prog = loadProg(t, {type: 'xdp', name, fullName});
  const caller = loadProg(t, {type: 'xdp', name: 'caller', tailCalls: [prog.id]});
  const document = parse((await run(['--json', '-d', '50ms'])).stdout);
  t.match(find(document, prog.id), {name: fullName, counted_in: 'caller', attach_type: null, attach_func_name: null});
  t.match(find(document, caller.id), {name: 'caller', counted_in: null});
  t.match((await run(['-d', '50ms', '-f', fullName])).stdout, new RegExp(` ${fullName} .* caller$`, 'm'));
  t.match(find(parse((await run(['--json', '-d', '50ms', '--no-names'])).stdout), prog.id), {name, counted_in: null});
});

t.test('who may not look into all processes does not say "nobody"', {skip: iteratorSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp'});
  // Of another pid namespace's processes no iterator tells whose they are; these capabilities don't open their /proc/PID/fd either.
  const through = ['unshare', '--pid', '--fork', '--kill-child', ...nobodyWith('bpf', 'perfmon')];
  if (spawnSync(through[0]!, [...through.slice(1), 'true']).status !== 0)
    return void t.pass('not here', {skip: 'cannot make a pid namespace'});
  const {stdout} = await run(['--json', '-d', '50ms'], {through});
  t.equal(find(parse(stdout), prog.id)?.['owners'], null);
});

t.test('with CAP_BPF and CAP_PERFMON alone all holders are known', {skip: iteratorSkip}, async (t) => {
  if (statSync('/proc/self/ns/pid').ino !== 0xeffffffc)
    return void t.pass('not here', {skip: 'not the initial pid namespace'});
  const prog = loadProg(t, {type: 'xdp'});
  const {stdout} = await run(['--json', '-d', '50ms'], {through: nobodyWith('bpf', 'perfmon')});
  t.match(find(parse(stdout), prog.id)?.['owners'], [{pid: process.pid, via: 'prog', comm: /./}]);
});

t.test('programs that come and go while it streams', {skip: kernelSkip}, async (t) => {
  const tool = start(['--json', '-n', '0', '-d', '100ms']);
  t.teardown(() => tool.kill());
  const lines = createInterface(tool.stdout)[Symbol.asyncIterator]();
  const next = async () => parse((await lines.next()).value as string);
  await next();
  const prog = loadProg(t, {type: 'socket_filter'});
  prog.run(3);
  let document = await next();
  while (!find(document, prog.id)) document = await next();
  // Loaded after the reading before, with statistics on: its counters began at 0, so it has a rate at once.
  t.match(find(document, prog.id), {name: '', period_run_cnt: Number});
  prog.close();
  while (find(document, prog.id)) document = await next();
  t.pass('it left the list');
});

t.test('one document by default, over a whole period, on one line', {skip: kernelSkip}, async (t) => {
  const {stdout, stderr, status} = await run(['--json', '-d', '120ms']);
  t.equal(status, 0);
  t.equal(stderr, '');
  t.equal(stdout.split('\n').length, 2);
  const document = parse(stdout);
  t.ok(document.period_ns >= 119e6, 'measured, and not shorter than asked for');
  t.not(document.period_ns, 120e6, 'not the nominal delay');
  t.match(document.sampling, {stats: 'enabled_here', sampler: iteratorSkip ? 'walk' : 'iterator'});
});

t.test('sort, filter and limit choose the programs; totals are of all', {skip: kernelSkip}, async (t) => {
  const progs = [1, 2, 3, 4].map((n) => loadProg(t, {type: 'sched_cls', name: `chosen_${n}`}));
  progs.forEach((prog) => prog.run(5));
  const {stdout} = await run(['--json', '-d', '60ms', '-f', 'CHOSEN_ sched', '-s', 'name:desc', '-l', '3']);
  const document = parse(stdout);
  t.same(
    document.programs.map((prog) => prog.name),
    ['chosen_4', 'chosen_3', 'chosen_2'],
  );
  t.ok((document.totals['programs'] as number) >= 4);
});

t.test(
  '--fail-on ends with 3 after the first sample that it is true of, and names the programs',
  {skip: kernelSkip},
  async (t) => {
    const prog = loadProg(t, {type: 'xdp', name: 'watched'});
    const other = loadProg(t, {type: 'xdp', name: 'unwatched'});
    const words = ['--json', '-d', '50ms', '-f', 'name=watched', '--fail-on', 'run_cnt>=100'];
    t.match(await run([...words, '-n', '2']), {status: 0, stderr: '', stdout: /^.*\n.*\n$/});
    const tool = start([...words, '-n', '0']);
    t.teardown(() => tool.kill());
    const ended = once(tool, 'close');
    let stderr = '';
    tool.stderr.on('data', (text) => (stderr += text));
    const documents: Document[] = [];
    for await (const line of createInterface(tool.stdout)) {
      documents.push(parse(line));
      if (documents.length === 2) [other, prog].forEach((each) => each.run(100));
    }
    t.same(await ended, [3, null]);
    t.equal(stderr, `bpftop-ts: --fail-on 'run_cnt>=100' is true of watched (id ${prog.id}).\n`);
    t.match(
      documents.map((document) => find(document, prog.id)?.['run_cnt']),
      [...documents.slice(1).map(() => 0), 100],
    );
    t.match(await run(['--fail-on', 'nonsense>1']), {status: 2, stderr: /--fail-on: unknown field 'nonsense'/});
  },
);

t.test("this tool's own programs are in the document, marked, and not in the table", {skip: iteratorSkip}, async (t) => {
  loadProg(t, {type: 'xdp', name: 'not_ours'});
  const document = parse((await run(['--json', '-d', '50ms'])).stdout);
  const own = document.programs.filter((prog) => prog['self']);
  t.match(
    own.filter(({name}) => name === 'bpftop_iter'),
    [{period_run_cnt: Number}],
  );
  t.ok(own.every(({name}) => ['bpftop_iter', 'bpftop_files', 'bpftop_maps'].includes(name)));
  t.equal(document.totals['programs'], document.programs.length);
  const sum = (key: string) => document.programs.reduce((total, prog) => total + ((prog[key] as number | null) ?? 0), 0);
  t.equal(document.totals['period_run_cnt'], sum('period_run_cnt'));

  const {stdout} = await run(['-d', '50ms']);
  const [summary, , , ...rows] = stdout.trimEnd().split('\n');
  t.ok(rows.some((row) => row.includes('not_ours')));
  // Another copy of it is a program like any other: so it's the count that tells.
  t.match(summary, new RegExp(` ${rows.length} programs? `));
});

t.test('a table where stdout is no terminal, -n of them with a line between', {skip: kernelSkip}, async (t) => {
  loadProg(t, {type: 'xdp', name: 'in_the_table'});
  const {stdout, status} = await run(['-d', '60ms', '-n', '2']);
  t.equal(status, 0);
  t.equal(stdout.match(/ID +TYPE +NAME/g)?.length, 2);
  t.match(stdout, /\d+ {2}xdp +in_the_table/);
  t.match(stdout, /\n\n\S+ .* programs?  /);
});

for (const words of [['--json', '-d', '50ms'], ['doctor']])
  t.test(`${words[0]} loads neither React nor Ink`, {skip: kernelSkip}, async (t) => {
    const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
    t.teardown(() => rmSync(dir, {recursive: true}));
    // V8's coverage names every script that was loaded.
    const {status} = await run(words, {env: {NODE_V8_COVERAGE: dir}});
    t.equal(status, 0);
    const {result} = JSON.parse(readFileSync(path.join(dir, readdirSync(dir)[0] as string), 'utf8')) as {
      result: {url: string}[];
    };
    const loaded = result.map(({url}) => url).filter((url) => url.includes('/dist/'));
    t.ok(loaded.some((url) => url.endsWith('/dist/main.js')));
    const screens = readdirSync(path.join(root, 'dist')).filter((file) => holdsInk(path.join(root, 'dist', file)));
    t.ok(screens.length > 0, 'the bundle has Ink somewhere');
    for (const url of loaded) t.notOk(holdsInk(fileURLToPath(url)), url);
  });

t.test('a reader that goes away ends it quietly', {skip: kernelSkip}, async (t) => {
  const tool = start(['--json', '-n', '0', '-d', '50ms']);
  let stderr = '';
  tool.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  await once(tool.stdout, 'data');
  tool.stdout.destroy();
  const [status] = (await once(tool, 'exit')) as [number];
  t.equal(status, 0);
  t.equal(stderr, '');
});

t.test('a full disk is an error with call, errno and remedy, whatever is written', {skip: kernelSkip}, async (t) => {
  const through = ['sh', '-c', 'exec "$@" > /dev/full', 'sh'];
  const forms = ['table', 'json', 'csv', 'plain', 'prometheus'].map((format) => ['-d', '50ms', '--format', format]);
  for (const words of [...forms, ['-d', '50ms', '--record', '-'], ['--help'], ['completion', 'bash']]) {
    const {stderr, status} = await run(words, {through});
    t.equal(status, 1, words.join(' '));
    t.match(stderr, /^bpftop-ts: cannot write to stdout: write: ENOSPC\. .*\n$/);
  }
});

t.test('without privilege: 77, one sentence, and the remedy', {skip: kernelSkip}, async (t) => {
  const through = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all'];
  for (const words of [['--json'], []]) {
    const {stdout, stderr, status} = await run(words, {through});
    t.equal(status, 77);
    t.equal(stdout, '');
    t.match(stderr, /^bpftop-ts: cannot .*: bpf\(BPF_\w+\): EPERM\. Run it with sudo; doctor lists ways without\.\n$/);
  }
});

t.test('--sampler chooses, and both give the same document', {skip: iteratorSkip}, async (t) => {
  const prog = loadProg(t, {type: 'sched_cls', name: 'seen_by_both', functions: 2, maps: ['one']});
  await switchStatsOn(t);
  prog.run(9, 0);
  const found = [];
  for (const sampler of ['iterator', 'walk', 'auto']) {
    const {stdout, status} = await run(['--json', '-d', '50ms', '--sampler', sampler, '-f', 'seen_by_both']);
    t.equal(status, 0);
    const document = parse(stdout);
    t.match(document.sampling, {sampler: sampler === 'walk' ? 'walk' : 'iterator', fallback_reason: null});
    found.push(find(document, prog.id));
  }
  const [iterator, walk, auto] = found;
  t.match(iterator, {hottest_cpu: 0, sleepable: false, run_cnt: 9});
  t.strictSame(auto, iterator);
  t.strictSame(walk, {...iterator, hottest_cpu: null});
});

t.test(
  'CAP_BPF and CAP_PERFMON, without root: everything, and rates if statistics are on',
  {skip: iteratorSkip},
  async (t) => {
    const through = nobodyWith('bpf', 'perfmon');
    const prog = loadProg(t, {type: 'sched_cls', name: 'for_nobody'});
    const statistics = await switchStatsOn(t);
    const {stdout, stderr, status} = await run(['--json', '-d', '50ms'], {through});
    t.equal(status, 0);
    t.equal(stderr, '');
    const document = parse(stdout);
    t.match(document, {sampling: {sampler: 'iterator', stats: 'already_on'}, warnings: []});
    t.match(find(document, prog.id), {name: 'for_nobody', period_run_cnt: 0, cpu_pct: 0, map_ids: []});
    statistics.close();
    for (const words of [['--json'], ['--json', '--sampler', 'iterator']]) {
      const document = parse((await run([...words, '-d', '50ms'], {through})).stdout);
      // Others may hold them on.
      if (document.sampling.stats !== 'off') continue;
      t.match(document.warnings, [
        {code: 'stats_not_permitted', message: /bpf\(BPF_ENABLE_STATS\): EPERM.* Run it with sudo/},
      ]);
      t.equal(find(document, prog.id)?.['cpu_pct'], null);
    }
  },
);

t.test('an iterator that may not be: 77, the call, and the remedy', {skip: iteratorSkip}, async (t) => {
  const {stdout, stderr, status} = await run(['--json', '--sampler', 'iterator'], {through: nobodyWith()});
  t.equal(status, 77);
  t.equal(stdout, '');
  t.match(
    stderr,
    /^bpftop-ts: cannot read through a BPF iterator: bpf\(BPF_\w+\): EPERM\. Run it with sudo; doctor lists ways without\.\n$/,
  );
});

t.test('killed in any way, it leaves statistics off', {skip: kernelSkip}, async (t) => {
  const before = new (loadBpf().Sampler)({enableStats: false});
  const others = (await before.sample()).stats;
  before.close();
  if (others !== 'off') return t.pass('others', {skip: 'somebody else on this host holds statistics on'});
  for (const signal of ['SIGTERM', 'SIGKILL', 'SIGINT'] as const) {
    const tool = start(['--json', '-n', '0', '-d', '50ms']);
    await once(tool.stdout, 'data');
    const watcher = new (loadBpf().Sampler)({enableStats: false});
    t.equal((await watcher.sample()).stats, 'already_on', 'the tool holds them on');
    tool.kill(signal);
    await once(tool, 'exit');
    // Someone else on this machine may hold statistics on too: off is what must come once they are done.
    let stats = (await watcher.sample()).stats;
    for (let tries = 0; stats !== 'off' && tries < 100; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      stats = (await watcher.sample()).stats;
    }
    t.equal(stats, 'off', signal);
    watcher.close();
  }
});

t.test('SIGUSR1 opens no debugger, and changes nothing', {skip: kernelSkip}, async (t) => {
  const tool = start(['--json', '-n', '0', '-d', '100ms']);
  let said = '';
  tool.stderr.on('data', (data) => (said += data));
  const next = documentsOf(tool);
  await next();
  tool.kill('SIGUSR1');
  // A debugger would be there by then; if it isn't yet, this test says less, not something else.
  for (let i = 0; i < 5; i++) t.ok((await next())?.programs);
  tool.kill();
  await once(tool, 'close');
  t.equal(said, '');
});

t.test(
  '--no-enable-stats watches only: nothing switched on, no rates, and a warning that says so',
  {skip: kernelSkip},
  async (t) => {
    const {stdout, status} = await run(['--json', '-d', '50ms', '--no-enable-stats']);
    t.equal(status, 0);
    const document = parse(stdout);
    t.not(document.sampling.stats, 'enabled_here');
    if (document.sampling.stats === 'off') {
      t.match(document.warnings, [{code: 'stats_off'}]);
      t.equal(document.totals['cpu_pct'], null);
    }
  },
);

t.test('bad usage: status 2, nothing on stdout', async (t) => {
  const {stdout, stderr, status} = await run(['--sort', 'nonsense\u001b[2J']);
  t.equal(status, 2);
  t.equal(stdout, '');
  t.match(stderr, /^bpftop-ts: --sort 'nonsense<1b>\[2J': unknown field /);
});

t.test(
  'an addon that is missing or for another platform: 69, and the command that builds it',
  {skip: kernelSkip},
  async (t) => {
    const tool = copyTool(t);
    const missing = await run(['--json'], {tool});
    t.equal(missing.status, 69);
    t.match(
      missing.stderr,
      /^bpftop-ts: cannot load the native addon: there is none for this system \(linux .*\)\. Build it, with g\+\+ 12 or later: sh \/\S+\/native\/build\.sh\n$/,
    );

    const built = path.join(path.dirname(tool), '../build/Release');
    mkdirSync(built, {recursive: true});
    writeFileSync(path.join(built, 'bpf.node'), 'MZ this is of another platform');
    const foreign = await run(['--json'], {tool});
    t.equal(foreign.status, 69);
    t.match(
      foreign.stderr,
      /^bpftop-ts: cannot load the native addon: build\/Release\/bpf\.node does not fit this system \(linux .*\n$/,
    );

    const shipped = path.join(path.dirname(tool), `../prebuilds/linux-${process.arch}`);
    mkdirSync(shipped, {recursive: true});
    writeFileSync(path.join(shipped, 'bpf.node'), 'nor does this');
    t.match((await run(['--json'], {tool})).stderr, /: build\S+ and prebuilds\S+ do not fit this system \(.*\): .*; .*\n$/);
    copyFileSync(path.join(import.meta.dirname, '../../build/Release/bpf.node'), path.join(shipped, 'bpf.node'));
    t.notMatch((await run(['--json'], {tool})).stderr, /native addon/, 'what came with the package fits');
  },
);

t.test('not Linux: 69, and where to run it instead', async (t) => {
  const pretend = `data:text/javascript,Object.defineProperty(process, 'platform', {value: 'darwin'})`;
  const {stderr, status} = await run(['--json'], {nodeArgs: ['--import', pretend]});
  t.equal(status, 69);
  t.match(stderr, /^bpftop-ts: cannot read BPF programs on darwin: .* Linux host itself\.\n$/);
});
