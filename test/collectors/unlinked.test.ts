/** What is attached without a BPF link: what attach-points.test.ts, which has most places, doesn't, and what is made of what can't be had here. */
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmdirSync} from 'node:fs';
import path from 'node:path';
import t, {type Test} from 'tap';
import {
  loadTestbed,
  loadUnlinkedFinder,
  type NativeLink,
  type NativeUnlinked,
  type NativeUnlinkedFinder,
  type TestStructOps,
} from '../../src/addon.js';
import {LinksCollector} from '../../src/collectors/links.js';
import {UnlinkedProgs} from '../../src/collectors/unlinked.js';
import {showsAllProcesses} from '../../src/collectors/processes.js';
import type {ProgLink} from '../../src/sample/links.js';
import type {Found} from '../../src/sample/sources.js';
import type {ProgInfo} from '../../src/sample/types.js';
import {kernelSkip, loadProg, openFds, openSampler, typeSkip} from '../helpers/kernel.js';
import {has, mountOf} from '../helpers/mounts.js';

const linksSkip: string | false = kernelSkip || (await whyNoLinks());

async function whyNoLinks(): Promise<string | false> {
  return new LinksCollector().read([]).then(
    () => false,
    (error: unknown) => (error as Error).message,
  );
}

/** What a sampler says of these programs, as far as it is used here. */
async function infoOf(t: Test, ids: readonly number[]): Promise<ProgInfo[]> {
  const {appeared} = await openSampler(t, {enableStats: false}).sample();
  return appeared
    .filter(({id}) => ids.includes(id))
    .map(({id, type, expectedAttachType}) => ({id, type, attachType: expectedAttachType}) as ProgInfo);
}

async function look(progs: readonly ProgInfo[]): Promise<Found<ProgLink>> {
  return new LinksCollector('/', undefined, [new UnlinkedProgs()]).read(progs);
}

/** Looks until none of them is attached: somebody else who looks keeps an fd a moment longer. One that waits in vain times out. */
async function untilGone(progs: readonly ProgInfo[]): Promise<void> {
  const left = async () => {
    const {byProg} = await look(progs);
    return progs.some(({id}) => byProg!.has(id));
  };
  while (await left());
}

function notHere(t: Test, why: string): null {
  t.pass('not here', {skip: why});
  return null;
}

/** A cgroup for the length of a test, and how it is called; null, with a pass that says so, where there is none. */
function cgroupOf(t: Test): {dir: string; name: string} | null {
  const root = mountOf('cgroup2');
  if (root === undefined) return notHere(t, 'no cgroup2 mounted');
  const dir = mkdtempSync(path.join(root, 'bpftop-test-'));
  t.teardown(() => rmdirSync(dir));
  return {dir, name: `/${path.relative(root, dir)}`};
}

t.test('what hangs on a cgroup is there, and not on those below', {skip: linksSkip}, async (t) => {
  const cgroup = cgroupOf(t);
  if (!cgroup) return;
  const below = path.join(cgroup.dir, 'below');
  mkdirSync(below);
  t.teardown(() => rmdirSync(below));
  const prog = loadProg(t, {type: 'cgroup_device'});
  prog.attach({cgroupWithoutLink: cgroup.dir});
  const {byProg} = await look(await infoOf(t, [prog.id]));
  const targets = byProg!.get(prog.id)?.map(({target}) => target);
  t.equal(targets?.length, 1);
  t.ok(targets?.[0]?.endsWith(cgroup.name), String(targets));
});

t.test('what hangs on a cgroup by a link is there once, also beside one without', {skip: linksSkip}, async (t) => {
  const cgroup = cgroupOf(t);
  if (!cgroup) return;
  const [linked, unlinked] = [loadProg(t, {type: 'cgroup_sock'}), loadProg(t, {type: 'cgroup_sock'})];
  linked.attach({cgroup: cgroup.dir});
  unlinked.attach({cgroupWithoutLink: cgroup.dir});
  const {byProg} = await look(await infoOf(t, [linked.id, unlinked.id]));
  const links = byProg!.get(linked.id);
  t.equal(links?.length, 1);
  t.type(links?.[0]?.linkId, 'number');
  t.strictSame(byProg!.get(unlinked.id), [{...links![0]!, linkId: null}]);
});

t.test('what else is mounted in the tree of cgroups is not entered', {skip: linksSkip}, async (t) => {
  const cgroup = cgroupOf(t);
  if (!cgroup) return;
  const below = path.join(cgroup.dir, 'below');
  mkdirSync(below);
  t.teardown(() => rmdirSync(below));
  if (!has('mount', '-t', 'tmpfs', 'none', below)) return void t.pass('not here', {skip: 'mount is refused'});
  try {
    mkdirSync(path.join(below, 'no-cgroup'));
    const found = await loadUnlinkedFinder().findCgroupProgs([{point: cgroup.dir, root: '/'}], [6], 60_000);
    t.strictSame(found, {links: [], missed: null});
  } finally {
    spawnSync('umount', [below]);
  }
});

t.test(
  'of a sockmap with one verdict nothing is missed, though it refuses to tell of the other',
  {skip: linksSkip || typeSkip('sk_skb')},
  async (t) => {
    const prog = loadProg(t, {type: 'sk_skb'});
    try {
      prog.attach({sockmap: 'test_sockets'});
    } catch (error) {
      return void notHere(t, `attaching gives ${(error as NodeJS.ErrnoException).code}`);
    }
    const progs = await infoOf(t, [prog.id, loadProg(t, {type: 'sk_skb'}).id]);
    const {untold, warning} = await new UnlinkedProgs().read(progs, []);
    if (untold?.has(prog.id)) return void t.pass('not here', {skip: 'this kernel does not tell (before 5.17)'});
    t.equal(warning, null);
  },
);

t.test('struct_ops', {skip: linksSkip || typeSkip('cgroup_skb')}, async (t) => {
  const load = (name: string, byLink: boolean): TestStructOps | null => {
    try {
      const made = loadTestbed().loadStructOps(name, byLink);
      t.teardown(() => made.close());
      return made;
    } catch (error) {
      const {code, syscall} = error as NodeJS.ErrnoException;
      if (!['ENOENT', 'EINVAL', 'EOPNOTSUPP', 'EPERM', 'EACCES'].includes(code!)) throw error;
      return notHere(t, `${syscall} gives ${code}`);
    }
  };
  const whereAre = async (progs: readonly ProgInfo[]) => {
    const {byProg, warning} = await look(progs);
    t.equal(warning, null);
    return progs.map(({id}) => byProg!.get(id) ?? []);
  };

  await t.test('registered by filling the map', async (t) => {
    const ops = load('bpftop_test', false);
    if (!ops) return;
    const progs = await infoOf(t, ops.progIds);
    t.equal(progs.length, 3);
    t.strictSame(await whereAre(progs), [[], [], []], 'not before it is filled');
    ops.fill();
    const here = {
      linkId: null,
      type: 'struct_ops',
      attachType: null,
      target: 'bpftop_test (tcp_congestion_ops)',
      missed: null,
    };
    t.strictSame(await whereAre(progs), [[here], [here], [here]]);
    ops.detach();
    t.strictSame(await whereAre(progs), [[], [], []]);
  });

  await t.test('registered by a link', async (t) => {
    const ops = load('bpftop_link', true);
    if (!ops) return;
    const progs = await infoOf(t, ops.progIds);
    ops.fill();
    t.strictSame(await whereAre(progs), [[], [], []], 'not before there is a link');
    ops.link();
    const [first, ...others] = await whereAre(progs);
    t.match(first, [
      {linkId: Number, type: 'struct_ops', attachType: null, target: 'bpftop_link (tcp_congestion_ops)', missed: null},
    ]);
    t.strictSame(others, [first, first]);
    ops.detach();
    await untilGone(progs);
  });
});

t.test('looking leaves no fd behind', {skip: linksSkip}, async (t) => {
  const finder = loadUnlinkedFinder();
  const before = openFds();
  await finder.findCgroupProgs([{point: mountOf('cgroup2') ?? '/nowhere', root: '/'}], [6], 60_000);
  await finder.findPerfEventProgs('/proc', 60_000);
  await finder.findMapProgs({structOps: true, sockmaps: true}, 60_000);
  t.strictSame(openFds(), before);
});

t.test(
  'a search ends when its time is over, and says so',
  {skip: linksSkip || (!mountOf('cgroup2') && 'no cgroup2')},
  async (t) => {
    const finder = loadUnlinkedFinder();
    const late = {links: [], missed: {code: 'ETIME'}};
    t.match(await finder.findCgroupProgs([{point: mountOf('cgroup2')!, root: '/'}], [6], 0), late);
    t.match(await finder.findPerfEventProgs('/proc', 0), late);
  },
);

t.test('what is mounted over a cgroup2 is not looked through', {skip: linksSkip}, async (t) => {
  const found = await loadUnlinkedFinder().findCgroupProgs([{point: '/proc', root: '/'}], [6], 60_000);
  t.match(found, {links: [], missed: {code: 'EBADF'}});
});

t.test('arguments of the wrong kind are a TypeError', {skip: kernelSkip}, (t) => {
  const finder = loadUnlinkedFinder() as unknown as Record<string, (...words: unknown[]) => unknown>;
  for (const name of ['findCgroupProgs', 'findPerfEventProgs', 'findMapProgs'])
    t.throws(() => finder[name]!(), TypeError, name);
  t.end();
});

/** Notes what it is asked, and finds this. */
class FakeFinder implements NativeUnlinkedFinder {
  readonly asked: unknown[] = [];
  constructor(readonly found: Partial<NativeUnlinked> = {}) {}

  findCgroupProgs(_mounts: unknown, attachTypes: readonly number[]) {
    return this.#answer({attachTypes});
  }
  findPerfEventProgs() {
    return this.#answer('perf events');
  }
  findMapProgs(sought: unknown) {
    return this.#answer(sought);
  }
  #answer(question: unknown): Promise<NativeUnlinked> {
    this.asked.push(question);
    return Promise.resolve({links: [], missed: null, ...this.found});
  }
}

/** A host where all cgroups can be seen, or that of a container. */
const hostOf = (t: Test, {namespace = 'cgroup:[4026531835]', mountRoot = '/'} = {}) =>
  t.testdir({
    proc: {
      1: {
        mountinfo: `30 23 0:28 ${mountRoot} /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n`,
        ns: {cgroup: t.fixture('symlink', namespace)},
      },
    },
  });
const prog = (id: number, type: number, attachType: number | null = 0) => ({id, type, attachType}) as ProgInfo;
const [xdp, kprobe, perfEvent, cgroupSkb, cgroupDevice, cgroupSockAddr, skSkb, structOps, lsm] = [
  6, 2, 7, 8, 15, 18, 14, 27, 29,
];
const link = (values: Partial<NativeLink>) =>
  ({id: 0, progId: 1, type: 0, name: null, cgroupId: null, mapId: null, missed: null, ...values}) as NativeLink;

t.test('nothing is looked for that can not be there, or of which a link tells', async (t) => {
  const asked = async (progs: readonly ProgInfo[], links: readonly NativeLink[] = []) => {
    const finder = new FakeFinder();
    await new UnlinkedProgs(hostOf(t), finder).read(progs, links);
    return finder.asked;
  };
  t.strictSame(await asked([prog(1, xdp)]), []);
  t.strictSame(await asked([prog(1, cgroupDevice)], [link({id: 7, type: 3})]), []);
  t.strictSame(await asked([prog(1, cgroupDevice)], [link({id: 7, type: 3, progId: 2})]), [{attachTypes: [6]}]);
  t.strictSame(await asked([prog(1, cgroupSkb)]), [{attachTypes: [0, 1]}]);
  t.strictSame(await asked([prog(1, cgroupSkb, 1), prog(2, cgroupSockAddr, 10)]), [{attachTypes: [1, 10]}]);
  t.match(
    await asked([prog(1, cgroupSockAddr, null)]),
    [{attachTypes: [8, 9, 10]}],
    'all of them, where the sampler can not tell',
  );
  t.strictSame(await asked([prog(1, lsm, 27)]), [], 'lsm_mac');
  t.strictSame(await asked([prog(1, lsm, 43)]), [{attachTypes: [43]}], 'lsm_cgroup');
  t.strictSame(await asked([prog(1, kprobe)]), ['perf events']);
  t.strictSame(await asked([prog(1, skSkb)]), [{structOps: false, sockmaps: true}]);
  t.strictSame(await asked([prog(1, structOps)]), [{structOps: true, sockmaps: false}]);
});

t.test('what is missing matters only for programs that were not found', async (t) => {
  const read = (progs: readonly ProgInfo[], found: Partial<NativeUnlinked>) =>
    new UnlinkedProgs(hostOf(t), new FakeFinder(found)).read(progs, []);
  const late = {code: 'ETIME', syscall: 'bpf(BPF_PROG_QUERY)'};
  const here = link({type: 3, attachType: 6, cgroupId: 5n, name: '/a'});
  t.match(await read([prog(1, cgroupDevice)], {missed: late}), {
    complete: false,
    warning: {code: 'links_incomplete', message: 'not all cgroups could be looked into: it took longer than 1 s.'},
  });
  const all = await read([prog(1, cgroupDevice)], {missed: late, links: [here]});
  t.match(all, {complete: true, warning: null});
  t.strictSame(all.byProg!.get(1), [
    {linkId: null, type: 'cgroup', attachType: 'cgroup_device', target: '/a', missed: null},
  ]);
  const failed = {code: 'EMFILE', syscall: 'open'};
  t.match((await read([prog(1, cgroupDevice)], {missed: failed})).warning, {message: /: open: EMFILE\.$/});
  for (const code of ['EOPNOTSUPP', 'EPERM']) {
    const {complete, warning, untold} = await read([prog(1, perfEvent)], {
      missed: {code, syscall: 'bpf(BPF_TASK_FD_QUERY)'},
    });
    t.strictSame({complete, warning, untold}, {complete: true, warning: null, untold: new Set([1])});
  }
});

t.test('where not all cgroups can be seen it says so', async (t) => {
  for (const host of [{namespace: 'cgroup:[4026532000]'}, {mountRoot: '/../..'}]) {
    const found = await new UnlinkedProgs(hostOf(t, host), new FakeFinder()).read([prog(1, cgroupDevice)], []);
    t.match(found, {complete: false, warning: {message: /^not all cgroups can be seen from here/}});
  }
});

t.test('what a link tells of by number is not told twice, in whatever words', async (t) => {
  const found = async (one: Partial<NativeLink>, links: readonly NativeLink[]) =>
    (
      await new UnlinkedProgs(hostOf(t), new FakeFinder({links: [link(one)]})).read([prog(9, cgroupDevice)], links)
    ).byProg!.get(1);
  const cgroup = {type: 3, attachType: 6, cgroupId: 5n};
  t.equal(await found({...cgroup, name: '/a'}, [link({id: 7, ...cgroup})]), undefined);
  t.equal((await found({...cgroup, name: '/a'}, [link({id: 7, ...cgroup, cgroupId: 6n})]))?.length, 1);
  // Before 6.6 a link doesn't say which event it is on.
  const event = {type: 7, perfType: 5, name: 'sched_switch'};
  t.equal(await found(event, [link({id: 7, type: 7})]), undefined);
});

t.test('programs of sockets and routes are not said to be attached nowhere', async (t) => {
  const links = {
    readLinks: () => Promise.resolve({links: [], unreadable: 0}),
    readNetns: () => Promise.resolve({namespaces: [], hidden: 0, unread: 0, error: null}),
  };
  const collector = new LinksCollector('/', links, [new UnlinkedProgs(hostOf(t), new FakeFinder())]);
  const {complete, untold} = await collector.read([prog(1, 1), prog(2, cgroupDevice), prog(3, 12)]);
  t.strictSame({complete, untold}, {complete: showsAllProcesses('/proc'), untold: new Set([1, 3])});
});
