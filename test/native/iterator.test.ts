/** The iterator beside the walk: the same figures and the same facts, and what only the iterator knows. */
import {spawnSync} from 'node:child_process';
import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import t from 'tap';
import type {NativeProgInfo, NativeSample} from '../../src/addon.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {
  iteratorSkip,
  loadProg,
  openFds,
  openSampler,
  rowOf,
  runnableTypes,
  switchStatsOn,
  typeSkip,
} from '../helpers/kernel.js';

/** CPUs that this process may run on. */
const cpus = spawnSync('taskset', ['-cp', String(process.pid)], {encoding: 'utf8'})
  .stdout?.trim()
  .split(': ')
  .at(-1)
  ?.split(',')
  .flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    return Array.from({length: last - first + 1}, (_, i) => first + i);
  }) ?? [0];

const infoOf = (sample: NativeSample, id: number): NativeProgInfo => sample.appeared.find((info) => info.id === id)!;

/** What both samplers can know of a program, as each has it; its row is left out. */
function commonInfo(
  one: NativeSample,
  walked: NativeSample,
  id: number,
): [Partial<NativeProgInfo>, Partial<NativeProgInfo>] {
  // Some kernels (5.10) don't tell the walk what a program is attached to.
  const toldOfAttach = infoOf(walked, id).attachBtfId !== null;
  const common = ({index: _, sleepable: __, expectedAttachType: ___, attachBtfId, ...info}: NativeProgInfo) =>
    toldOfAttach ? {...info, attachBtfId} : info;
  return [common(infoOf(one, id)), common(infoOf(walked, id))];
}

t.test('both samplers give the same totals, to the count, for runs on every CPU', {skip: iteratorSkip}, async (t) => {
  const [iterator, walk] = [openSampler(t, {sampler: 'iterator'}), openSampler(t, {sampler: 'walk'})];
  for (const sampler of [iterator, walk]) await sampler.sample(); // statistics are on from then on
  const progs = runnableTypes.map((type) => loadProg(t, {type, loops: 7}));
  for (let round = 1; round <= 3; round++) {
    for (const [i, prog] of progs.entries()) for (const cpu of cpus) prog.run(round * 100 + 10 * i + cpu, cpu);
    const [one, other] = [await iterator.sample(), await walk.sample()];
    for (const [i, prog] of progs.entries()) {
      const type = runnableTypes[i] as string;
      t.strictSame(rowOf(one, prog.id), rowOf(other, prog.id), type);
      t.strictSame(rowOf(one, prog.id), prog.counters(), type);
    }
  }
});

t.test('the iterator says how it reads counters; the walk has nothing to say of it', {skip: iteratorSkip}, async (t) => {
  t.match((await openSampler(t, {sampler: 'iterator'}).sample()).readBy, /^(cast|probe)$/);
  t.equal((await openSampler(t, {sampler: 'walk'}).sample()).readBy, null);
});

t.test('both samplers give the same static information, field by field', {skip: iteratorSkip}, async (t) => {
  const progs = [
    loadProg(t, {type: 'xdp'}),
    loadProg(t, {type: 'sched_cls', name: 'abcdefghijklmno', loops: 40}),
    loadProg(t, {type: 'socket_filter', name: 'a', maps: ['one']}),
    loadProg(t, {type: 'cgroup_sock', name: 'many_maps', maps: Array.from({length: 64}, (_, i) => `map_${i}`)}),
    ...(typeSkip('syscall') ? [] : [loadProg(t, {type: 'syscall', name: 'sleepable'})]),
    loadProg(t, {type: 'tracepoint', name: 'functions', functions: 1}),
    loadProg(t, {type: 'xdp', functions: 255, maps: ['one', 'two']}),
    // More than one page.
    loadProg(t, {type: 'raw_tracepoint', name: 'large', functions: 200, loops: 3}),
  ];
  const one = await openSampler(t, {sampler: 'iterator'}).sample();
  const other = await openSampler(t, {sampler: 'walk'}).sample();
  for (const {id} of progs) t.strictSame(...commonInfo(one, other, id), infoOf(one, id).name);
  t.equal(new Set(progs.map(({id}) => infoOf(one, id).memlock)).size, 2, 'some take a page, some two');
});

t.test('programs of others, with BTF and attached to functions, are described alike', {skip: iteratorSkip}, async (t) => {
  // Another sampler's iterator: a tracing program with an attach type and a BTF id of what it is attached to.
  const other = openSampler(t, {sampler: 'iterator'});
  const {id} = (await other.sample()).appeared.find(({self}) => self)!;
  const one = await openSampler(t, {sampler: 'iterator'}).sample();
  const walked = await openSampler(t, {sampler: 'walk'}).sample();
  t.match(infoOf(one, id), {name: 'bpftop_iter', type: 26, expectedAttachType: 28, sleepable: false, self: false});
  t.ok(infoOf(one, id).attachBtfId! > 0);
  t.strictSame(...commonInfo(one, walked, id));
});

t.test(
  'only the iterator tells a sleepable program from another, and its attach type',
  {skip: iteratorSkip || typeSkip('syscall')},
  async (t) => {
    const sleepable = loadProg(t, {type: 'syscall'});
    const awake = loadProg(t, {type: 'cgroup_skb'});
    const one = await openSampler(t, {sampler: 'iterator'}).sample();
    t.match(infoOf(one, sleepable.id), {sleepable: true, expectedAttachType: 0});
    t.match(infoOf(one, awake.id), {sleepable: false, expectedAttachType: 1}); // BPF_CGROUP_INET_EGRESS
    const walked = await openSampler(t, {sampler: 'walk'}).sample();
    t.match(infoOf(walked, sleepable.id), {sleepable: null, expectedAttachType: null});
  },
);

t.test('the hottest CPU, and its share', {skip: iteratorSkip}, async (t) => {
  const sampler = openSampler(t, {sampler: 'iterator'});
  await sampler.sample(); // statistics are on from then on
  const never = loadProg(t, {type: 'xdp'});
  const onOne = cpus.map(() => loadProg(t, {type: 'xdp', loops: 100}));
  const onMost = cpus.map(() => loadProg(t, {type: 'xdp', loops: 100}));
  for (const [i, cpu] of cpus.entries()) {
    onOne[i]!.run(500, cpu);
    for (const other of cpus) onMost[i]!.run(other === cpu ? 20_000 : 10, other);
  }
  const sample = await sampler.sample();
  const hottest = ({id}: {id: number}) => {
    const row = sample.ids.indexOf(id);
    return {cpu: sample.hottestCpu[row], pct: sample.hottestPct[row]!};
  };
  t.strictSame(hottest(never), {cpu: -1, pct: 0});
  for (const [i, cpu] of cpus.entries()) {
    t.strictSame(hottest(onOne[i]!), {cpu, pct: 100});
    const most = hottest(onMost[i]!);
    t.equal(most.cpu, cpu);
    t.ok(cpus.length === 1 || (most.pct >= 50 && most.pct < 100), `${most.pct} %`);
  }
  const walked = await openSampler(t, {sampler: 'walk'}).sample();
  t.ok(walked.hottestCpu.every((cpu) => cpu === -1));
  t.ok(walked.hottestPct.every((pct) => pct === 0));
});

t.test(
  'by default it is the iterator, its program is marked, and nothing else is loaded',
  {skip: iteratorSkip},
  async (t) => {
    for (const enableStats of [true, false]) {
      const before = openFds('bpf').length;
      const sampler = openSampler(t, {enableStats});
      const sample = await sampler.sample();
      t.match(sample, {sampler: 'iterator', fallbackReason: null});
      const own = sample.appeared.filter(({self}) => self);
      t.match(own, [{name: 'bpftop_iter', type: 26}]);
      const held = openFds('bpf')
        .map((fd) => fd.replace(/.*:/, ''))
        .sort();
      t.equal(held.length, before + (enableStats ? 2 : 1), 'the link, which holds the program, and statistics');
      sampler.close();
      t.equal(openFds('bpf').length, before);
    }
  },
);

t.test('a pass goes on while JavaScript does not come back to its loop', {skip: iteratorSkip}, async (t) => {
  const sampler = openSampler(t);
  const before = openFds('link').length;
  const sample = sampler.sample();
  // Nothing is awaited here: what the pass opens can only appear by another thread. (That sample() itself doesn't do it: a second
  // one meanwhile is refused.)
  const giveUp = performance.now() + 30_000;
  while (openFds('link').length === before && performance.now() < giveUp);
  t.equal(openFds('link').length, before + 1, "the iterator's link is there");
  t.match(await sample, {sampler: 'iterator'});
});

t.test('two copies side by side see each other as programs like any other', {skip: iteratorSkip}, async (t) => {
  const [one, two] = [openSampler(t), openSampler(t)];
  const ids: number[] = [];
  for (const sampler of [one, two]) ids.push((await sampler.sample()).appeared.find(({self}) => self)!.id);
  const prog = loadProg(t, {type: 'xdp'});
  for (let round = 1; round <= 50; round++) {
    prog.run(3);
    const [a, b] = await Promise.all([one.sample(), two.sample()]);
    for (const sample of [a, b]) {
      t.equal(rowOf(sample, prog.id)?.runCnt, 3n * BigInt(round));
      t.ok(ids.every((id) => sample.ids.includes(id)));
    }
  }
});

t.test(
  'without BTF it walks, and says why; where only the iterator will do, that is the error',
  {skip: iteratorSkip},
  async (t) => {
    const wrapper = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /sys/kernel/btf && exec "$@"', 'sh'];
    if (spawnSync(wrapper[0]!, [...wrapper.slice(1), 'true']).status !== 0)
      return void t.pass('not here', {skip: 'cannot mount over /sys/kernel/btf'});
    const prog = loadProg(t, {type: 'xdp', maps: ['one']});
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
     (async () => {
       const {sampler, fallbackReason, appeared} = await new Sampler({enableStats: true}).sample();
       const prog = appeared.find(({id}) => id === ${prog.id});
       console.log(JSON.stringify({sampler, fallbackReason, maps: prog.mapIds.length}));
       const forced = new Sampler({enableStats: true, sampler: 'iterator'});
       for (let i = 0; i < 2; i++)
         await forced.sample().catch(({code, syscall, message}) => console.log(JSON.stringify({code, syscall, message})));
     })();`,
      {wrapper},
    );
    const reason = 'open: ENOENT: /sys/kernel/btf/vmlinux';
    t.strictSame(JSON.parse((await child.line())!), {sampler: 'walk', fallbackReason: reason, maps: 1});
    for (let i = 0; i < 2; i++)
      t.strictSame(JSON.parse((await child.line())!), {code: 'ENOENT', syscall: 'open', message: reason});
    t.match(await child.end, {code: 0, stderr: ''});
  },
);

const nobodySkip = iteratorSkip || (spawnSync('setpriv', ['--version']).status !== 0 && 'needs setpriv');

t.test(
  'CAP_BPF and CAP_PERFMON are enough, for all but map ids and switching statistics on',
  {skip: nobodySkip},
  async (t) => {
    const plain = loadProg(t, {type: 'sched_cls', name: 'for_nobody', functions: 3});
    const withMaps = loadProg(t, {type: 'xdp', maps: ['one', 'two']});
    await switchStatsOn(t);
    plain.run(77);
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
     (async () => {
       const sampler = new Sampler({enableStats: true});
       let sample;
       const appeared = [];
       for (let i = 0; i < 3; i++) appeared.push(...(sample = await sampler.sample()).appeared);
       const find = (id) => appeared.filter((info) => info.id === id);
       console.log(JSON.stringify({
         uid: process.getuid(), sampler: sample.sampler, stats: sample.stats, statsError: sample.statsError,
         runs: sample.runCnt[sample.ids.indexOf(${plain.id})], plain: find(${plain.id}), withMaps: find(${withMaps.id}),
       }, (_, value) => typeof value === 'bigint' ? Number(value) : value));
     })();`,
      {wrapper: nobodyWith('bpf', 'perfmon')},
    );
    const line = await child.line();
    t.match(await child.end, {code: 0, stderr: ''});
    const seen = JSON.parse(line!) as {plain: NativeProgInfo[]; withMaps: NativeProgInfo[]};
    t.match(seen, {
      uid: 65534,
      sampler: 'iterator',
      stats: 'already_on',
      statsError: {code: 'EPERM', syscall: 'bpf(BPF_ENABLE_STATS)'},
      runs: 77,
    });
    const asRoot = await openSampler(t).sample();
    const numbers = (info: object) =>
      Object.fromEntries(
        Object.entries(info).map(([key, value]) => [key, typeof value === 'bigint' ? Number(value) : value]),
      );
    const {index: _, ...expected} = numbers(infoOf(asRoot, plain.id));
    t.match(seen.plain, [expected]);
    t.match(seen.withMaps, [{mapIds: null, memlock: 4096}]);
  },
);

t.test('with one of the two, or none, it is EPERM', {skip: nobodySkip}, async (t) => {
  for (const capabilities of [[], ['bpf'], ['perfmon']]) {
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
       (async () => {
         for (const sampler of ['auto', 'iterator'])
           await new Sampler({enableStats: false, sampler}).sample().catch(({code}) => console.log(code));
       })();`,
      {wrapper: nobodyWith(...capabilities)},
    );
    t.equal(await child.line(), 'EPERM');
    t.equal(await child.line(), 'EPERM');
    t.match(await child.end, {code: 0, stderr: ''});
  }
});

t.test('once it is attached, it reads on without any capability', {skip: nobodySkip}, async (t) => {
  const child = startChild(
    t,
    `const {Sampler} = load('bpf.node');
     (async () => {
       const sampler = new Sampler({enableStats: true});
       const prog = load('testbed.node').load({type: 'xdp'});
       await sampler.sample();
       process.setgroups([]);
       process.setgid(65534);
       process.setuid(65534);
       try {
         prog.counters();
       } catch ({code, syscall}) {
         return console.log(JSON.stringify({code, syscall}));
       }
       const {sampler: name, stats} = await sampler.sample();
       const capabilities = require('node:fs').readFileSync('/proc/thread-self/status', 'utf8').match(/CapEff:\\s*(\\w+)/)[1];
       console.log(JSON.stringify({name, stats, capabilities}));
     })();`,
  );
  const answer = JSON.parse((await child.line())!) as {code?: string; syscall?: string};
  // Before 5.19, where unprivileged_bpf_disabled is set.
  if (answer.code === 'EPERM') return void t.pass('not here', {skip: `${answer.syscall} is refused without a capability`});
  t.strictSame(answer, {
    name: 'iterator',
    stats: 'enabled_here',
    capabilities: '0000000000000000',
  });
  t.match(await child.end, {code: 0, stderr: ''});
});

/** Programs that anybody holds, directly or by a link, and the processes that hold statistics on. */
function loaded(): {progs: Set<number>; stats: string[]} {
  const progs = new Set<number>();
  const stats: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
        if (target === 'anon_inode:bpf-stats') stats.push(pid);
        const id = /prog_id:\s*(\d+)/.exec(
          target.includes('bpf') ? readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'utf8') : '',
        )?.[1];
        if (id) progs.add(Number(id));
      }
    } catch {
      // it ended
    }
  return {progs, stats};
}

t.test('killed in mid-sample it leaves no program, no link and no statistics', {skip: iteratorSkip}, async (t) => {
  const watcher = openSampler(t, {enableStats: false});
  for (let i = 0; i < 200; i++) loadProg(t, {type: 'xdp'});
  for (let round = 0; round < 5; round++) {
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
       (async () => {
         const sampler = new Sampler({enableStats: true});
         const {appeared} = await sampler.sample();
         console.log(process.pid, appeared.find(({self}) => self).id);
         for (;;) await sampler.sample();
       })();`,
    );
    const [pid, own] = (await child.line())!.split(' ').map(Number) as [number, number];
    t.ok((await watcher.sample()).ids.includes(own));
    child.kill('SIGKILL');
    t.equal((await child.end).signal, 'SIGKILL');
    // A link gives its program back by a worker of the kernel's, a moment later.
    let there = true;
    for (let tries = 0; there && tries < 500; tries++) {
      there = (await watcher.sample()).ids.includes(own);
      if (there) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    t.notOk(there, 'its program is gone');
    const left = loaded();
    t.notOk(left.progs.has(own));
    t.notOk(left.stats.includes(String(pid)));
  }
});
