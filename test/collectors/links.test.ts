/** Links of the real kernel, and words for those that it can't have; each of the real ones by itself is in attach-points.test.ts. */
import {mkdtempSync, rmdirSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {loadLinkReader, type NativeLink} from '../../src/addon.js';
import {exitStatus} from '../../src/errors.js';
import {LinksCollector, progLink} from '../../src/collectors/links.js';
import {showsAllProcesses} from '../../src/collectors/processes.js';
import type {ProgLink} from '../../src/sample/links.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {iteratorSkip, kernelSkip, loadProg, openFds, openSampler} from '../helpers/kernel.js';
import {has, mountOf} from '../helpers/mounts.js';

const linksSkip: string | false = kernelSkip || (await whyNoLinks());

async function whyNoLinks(): Promise<string | false> {
  return new LinksCollector().read([]).then(
    () => false,
    (error: unknown) => (error as Error).message,
  );
}

/** The links of a program, now. */
async function linksOf(collector: LinksCollector, progId: number): Promise<readonly ProgLink[]> {
  return (await collector.read([])).byProg!.get(progId) ?? [];
}

/** Reads until the program has no link: someone else reading them keeps one a moment longer. A test that waits in vain times out. */
async function untilGone(collector: LinksCollector, progId: number): Promise<void> {
  while ((await linksOf(collector, progId)).length > 0);
}

t.test('the iterator of a sampler', {skip: linksSkip || iteratorSkip}, async (t) => {
  const sampler = openSampler(t, {enableStats: false, sampler: 'iterator'});
  const self = (await sampler.sample()).appeared.filter((prog) => prog.self).map(({id}) => id);
  const collector = new LinksCollector();
  const mine = async () =>
    [...((await collector.read([])).byProg ?? [])].flatMap(([progId, links]) => (self.includes(progId) ? links : []));
  t.match(await mine(), [{type: 'iter', attachType: null, target: 'bpf_prog'}]);
  sampler.close();
  while ((await mine()).length > 0);
});

t.test('a cgroup, by its path, and what is left of one that is removed', {skip: linksSkip}, async (t) => {
  const root = mountOf('cgroup2');
  if (root === undefined) return void t.pass('not here', {skip: 'no cgroup2 mounted'});
  const cgroup = mkdtempSync(path.join(root, 'bpftop-test-'));
  const inMount = `/${path.relative(root, cgroup)}`;
  t.teardown(() => removeIfThere(cgroup));
  const packets = loadProg(t, {type: 'cgroup_skb'});
  const sockets = loadProg(t, {type: 'cgroup_sock'});
  packets.attach({cgroup});
  sockets.attach({cgroup});
  const collector = new LinksCollector();
  const [egress] = await linksOf(collector, packets.id);
  t.match(egress, {type: 'cgroup', attachType: 'cgroup_inet_egress'});
  t.ok(egress?.target?.endsWith(inMount), egress?.target ?? 'null');
  t.match(await linksOf(collector, sockets.id), [{type: 'cgroup', attachType: 'cgroup_inet_sock_create'}]);
  packets.detach();
  await untilGone(collector, packets.id);

  rmdirSync(cgroup);
  // The kernel takes programs off it a little later.
  let left: readonly ProgLink[];
  do left = await linksOf(collector, sockets.id);
  while (left[0]?.target !== 'removed cgroup');
  t.equal(left.length, 1);
});

function removeIfThere(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

t.test('reading leaves no fd behind', {skip: linksSkip}, async (t) => {
  const before = openFds();
  await Promise.all([1, 2, 3].map(() => loadLinkReader().readLinks()));
  t.strictSame(openFds(), before);
});

/** A host of which nothing is known but its links. */
const noNets = {readNetns: () => Promise.resolve({namespaces: [], hidden: 0, unread: 0, error: null})};

t.test('without the right to list links: EPERM, in words, and no exception', {skip: linksSkip}, async (t) => {
  if (!has('setpriv', '--version')) return void t.pass('not here', {skip: 'needs setpriv'});
  const child = startChild(
    t,
    `load('bpf.node').readLinks().then(
       () => console.log('{}'),
       ({code, syscall, message}) => console.log(JSON.stringify({code, syscall, message})));`,
    {wrapper: nobodyWith()},
  );
  const refused = JSON.parse((await child.line())!) as {code: string; syscall: string; message: string};
  t.match(refused, {code: 'EPERM', syscall: 'bpf(BPF_LINK_GET_NEXT_ID)'});
  const error = Object.assign(new Error(refused.message), refused);
  const collector = new LinksCollector('/', {...noNets, readLinks: () => Promise.reject(error)});
  await t.rejects(collector.read([]), {exitStatus: exitStatus.notPermitted, message: /EPERM\. Run it with sudo/});
});

t.test('a kernel without ids of links, too many open files, a bug: what is thrown says what to do', async (t) => {
  const readWith = (error: Error) => new LinksCollector('/', {...noNets, readLinks: () => Promise.reject(error)}).read([]);
  const failed = (code: string) => Object.assign(new Error(code), {code, syscall: 'bpf(X)'});
  for (const [error, message] of [
    [failed('EINVAL'), /bpf\(X\): EINVAL\. This kernel can't list BPF links/],
    [failed('EMFILE'), /ulimit -n/],
    [failed('EIO'), /report it/],
    [new TypeError('oops'), /oops/],
  ] as const)
    await t.rejects(readWith(error), {message});
});

t.test('what has no link is found by other readers, and what they both find is there once', async (t) => {
  const link = {...nothing, type: 1, name: 'sys_enter'};
  const same = {linkId: null, type: 'raw_tracepoint', attachType: null, target: 'sys_enter', missed: null};
  const other = {...same, type: 'tc', target: 'lo ingress'};
  const found = new Map([
    [link.progId!, [same, other]],
    [77, [other]],
  ]);
  const read = (complete: boolean, message?: string) =>
    new LinksCollector('/', {...noNets, readLinks: () => Promise.resolve({links: [link], unreadable: 0})}, [
      {read: () => Promise.resolve({byProg: found, complete, warning: message ? {code: 'x', message} : null})},
      {read: () => Promise.resolve({byProg: null, complete: true, warning: null})},
    ]).read([]);
  const all = await read(true);
  t.same(all.byProg!.get(link.progId!), [{...same, linkId: link.id}, other]);
  t.same(all.byProg!.get(77), [other]);
  t.match(all, {complete: showsAllProcesses('/proc'), warning: null});
  t.match(await read(false, 'no tc.'), {complete: false, warning: {message: 'no tc.'}});
});

t.test('links of which the kernel tells nothing are counted in a warning', async (t) => {
  const links = {links: [{...nothing, type: 4, name: 'bpf_map'}], unreadable: 2};
  const found = await new LinksCollector('/', {...noNets, readLinks: () => Promise.resolve(links)}).read([]);
  t.match(found, {complete: false, warning: {code: 'links_incomplete', message: /2 BPF/}});
  t.match(found.byProg!.get(2), [{type: 'iter', target: 'bpf_map'}]);
});

const nothing: NativeLink = {
  id: 1,
  type: 0,
  progId: 2,
  attachType: null,
  missed: null,
  name: null,
  offset: null,
  ifindex: null,
  cgroupId: null,
  netnsIno: null,
  mapId: null,
  mapName: null,
  targetObjId: null,
  targetBtfId: null,
  perfType: null,
  eventType: null,
  eventConfig: null,
  count: null,
  flags: null,
  pid: null,
  pf: null,
  hooknum: null,
  priority: null,
};
const target = (link: NativeLink) =>
  progLink(link, new Map([[5n, '/a']]), new Map(link.ifindex === null ? [] : [[link.id, 'eth0']])).target;

t.test('a type that is newer than this tool is its number', (t) => {
  t.strictSame(progLink({...nothing, type: 99, attachType: 98}, new Map(), new Map()), {
    linkId: 1,
    type: '99',
    attachType: '98',
    target: null,
    missed: null,
  });
  t.end();
});

t.test('each type in words', (t) => {
  for (const [link, words] of [
    [{type: 1, name: 'sys_enter'}, 'sys_enter'],
    [{type: 2, attachType: 24, targetObjId: 1, targetBtfId: 77}, 'target_obj_id 1 target_btf_id 77'],
    [{type: 2, attachType: 0, targetObjId: 12, targetBtfId: 3}, 'program 12 btf_id 3'],
    [{type: 2, attachType: 24}, null],
    [{type: 3, attachType: 1, cgroupId: 5n}, '/a'],
    [{type: 3, attachType: 1, cgroupId: 6n}, 'cgroup id 6'],
    [{type: 3, attachType: 1}, 'removed cgroup'],
    [{type: 3}, null],
    [{type: 5, attachType: 36}, 'removed netns'],
    [{type: 6, ifindex: 3}, 'eth0'],
    [{type: 11, attachType: 46}, 'removed interface'],
    [{type: 7}, null],
    [{type: 7, perfType: 5, name: 'sched_switch'}, 'tracepoint sched_switch'],
    [{type: 7, perfType: 3, name: 'do_exit', offset: 16}, 'kprobe do_exit+0x10'],
    [{type: 7, perfType: 2, name: '/bin/sh', offset: 0}, 'uretprobe /bin/sh'],
    [{type: 7, perfType: 3}, 'kprobe'],
    [{type: 7, perfType: 6, eventType: 1, eventConfig: 0n}, 'cpu-clock'],
    [{type: 7, perfType: 6, eventType: 4, eventConfig: 0x1c0n}, 'perf event type 4 config 0x1c0'],
    [{type: 7, perfType: 42}, 'type 42'],
    [{type: 8, count: 3, flags: 0}, '3 functions'],
    [{type: 8, count: 1, flags: 1}, '1 function return'],
    [{type: 8}, null],
    [{type: 9, mapId: 4, progId: null}, 'map 4'],
    [{type: 9, mapId: 4, mapName: 'my_cc', name: 'tcp_congestion_ops'}, 'my_cc (tcp_congestion_ops)'],
    [{type: 10, pf: 2, hooknum: 0, priority: -300, flags: 1}, 'ip prerouting priority -300 defrag'],
    [{type: 10, pf: 77, hooknum: 9, priority: 1, flags: 0}, 'pf 77 hook 9 priority 1'],
    [{type: 12, name: '/bin/sh', count: 2, flags: 0, pid: 9}, '/bin/sh (2 functions) pid 9'],
    [{type: 12}, null],
    [{type: 14, attachType: 38, mapId: 4}, 'map 4'],
    [{type: 14, attachType: 38, mapId: 4, mapName: 'socks'}, 'socks (map 4)'],
  ] as const)
    t.equal(target({...nothing, ...link}), words, JSON.stringify({...link, cgroupId: undefined, eventConfig: undefined}));
  t.equal(progLink({...nothing, type: 2, attachType: 0}, new Map(), new Map()).attachType, null, 'freplace has none');
  t.end();
});
