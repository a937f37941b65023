/** What is attached in network namespaces: real ones of children, and words for what can't be had. Each place on `lo` is in attach-points.test.ts. */
import {spawnSync} from 'node:child_process';
import {readdirSync, readlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import t, {type Test} from 'tap';
import {
  loadLinkReader,
  type NativeLink,
  type NativeNetAttachment,
  type NativeNetNamespaces,
  type NativeNetns,
  type TestAttachPoint,
  type TestProgSpec,
} from '../../src/addon.js';
import {LinksCollector} from '../../src/collectors/links.js';
import {netPlaces} from '../../src/collectors/net-places.js';
import type {ProgLink} from '../../src/sample/links.js';
import {nobodyWith, startChild, type Child} from '../helpers/child.js';
import {kernelSkip, openFds} from '../helpers/kernel.js';
import {has} from '../helpers/mounts.js';

const netnsSkip: string | false =
  kernelSkip || (await whyNoLinks()) || (!has('unshare', '-n', 'true') && 'needs unshare and the right to use it');

async function whyNoLinks(): Promise<string | false> {
  return new LinksCollector().read([]).then(
    () => false,
    (error: unknown) => (error as Error).message,
  );
}

/** What to attach, and how it is to be told of. */
interface Wanted {
  readonly type: TestProgSpec['type'];
  readonly point: TestAttachPoint;
  readonly expected: Omit<ProgLink, 'linkId' | 'missed'>;
}

const xdp = {type: 'xdp', attachType: null} as const;
const tc = {type: 'tc', attachType: null} as const;

/** Everything, on an interface of that index and name. */
const onInterface = (ifindex: number, name: string): readonly Wanted[] => [
  {type: 'xdp', point: {xdpNetlink: ifindex}, expected: {...xdp, target: `${name} generic`}},
  {type: 'sched_cls', point: {tcIngress: ifindex}, expected: {...tc, target: `${name} ingress`}},
  {type: 'sched_cls', point: {tcEgress: ifindex}, expected: {...tc, target: `${name} egress`}},
  {
    type: 'sched_cls',
    point: {tcx: ifindex},
    expected: {type: 'tcx', attachType: 'tcx_ingress', target: name},
  },
];

/** A child in a network namespace of its own with that attached; `attached` has the programs' ids, null where this kernel can't. */
interface Inhabitant {
  readonly child: Child;
  readonly pid: number;
  /** As its /proc/PID/ns/net reads. */
  readonly netns: string;
  readonly attached: readonly (number | null)[];
}

async function inhabit(
  t: Test,
  wanted: readonly Wanted[],
  wrapper: readonly string[] = ['unshare', '-n'],
): Promise<Inhabitant> {
  const child = startChild(
    t,
    `const testbed = load('testbed.node');
     const progs = [];
     const attached = ${JSON.stringify(wanted)}.map(({type, point}) => {
       try {
         const prog = testbed.load({type});
         prog.attach(point);
         progs.push(prog);
         return prog.id;
       } catch (error) {
         // Attaching a link, or a kind of tc, that this kernel hasn't got.
         if (!['EINVAL', 'ENOENT', 'EOPNOTSUPP', 'ENOTSUPP'].includes(error.code)) throw error;
         return null;
       }
     });
     console.log(JSON.stringify({pid: process.pid, netns: require('node:fs').readlinkSync('/proc/self/ns/net'), attached}));
     process.stdin.once('data', () => {
       for (const prog of progs) prog.detach();
       console.log('detached');
     });`,
    {wrapper},
  );
  const line = await child.line();
  if (line === undefined) throw new Error((await child.end).stderr);
  return {child, ...(JSON.parse(line) as {pid: number; netns: string; attached: (number | null)[]})};
}

const linksOf = async (prog: number) => (await new LinksCollector().read([])).byProg!.get(prog) ?? [];

/** A test that waits in vain times out: a link is kept a moment longer by whoever reads it. */
async function untilGone(prog: number): Promise<void> {
  while ((await linksOf(prog)).length > 0);
}

/** Compares what is found with what is wanted, in the namespace of that name. */
async function isFound(t: Test, {attached}: Inhabitant, wanted: readonly Wanted[], netns: string): Promise<void> {
  for (const [i, {point, expected}] of wanted.entries()) {
    const prog = attached[i];
    const what = JSON.stringify(point);
    if (typeof prog !== 'number') {
      t.pass(what, {skip: 'not in this kernel'});
      continue;
    }
    const found = await linksOf(prog);
    t.equal(found.length, 1, `${what} once`);
    t.strictSame(
      {...found[0], linkId: null},
      {...expected, target: `${expected.target} in ${netns}`, linkId: null, missed: null},
      what,
    );
    t.equal(found[0]!.linkId === null, !('tcx' in point || 'xdp' in point), `${what}: its link, if it has one`);
  }
}

async function isGoneAfterDetaching(inhabitant: Inhabitant): Promise<void> {
  inhabitant.child.send('');
  await inhabitant.child.line();
  for (const prog of inhabitant.attached) if (prog !== null) await untilGone(prog);
}

t.test('among more interfaces than fit into one answer, by their names', {skip: netnsSkip}, async (t) => {
  if (!has('unshare', '-n', 'ip', 'link', 'add', 'name', 'a', 'type', 'veth'))
    return void t.pass('not here', {skip: 'needs ip, and veth in the kernel'});
  const pairs = Array.from({length: 100}, (_, i) => `link add name a${i} type veth peer name b${i}`);
  const script = path.join(t.testdir(), 'batch');
  writeFileSync(script, `link add name one index 500 type veth peer name two index 501\n${pairs.join('\n')}\n`);
  const wanted = [...onInterface(500, 'one'), ...onInterface(501, 'two')];
  const inhabitant = await inhabit(t, wanted, ['unshare', '-n', 'sh', '-c', `ip -batch '${script}' && exec "$@"`, 'sh']);
  await isFound(t, inhabitant, wanted, inhabitant.netns);
  await isGoneAfterDetaching(inhabitant);
});

t.test('a namespace that only a mount keeps, by its path', {skip: netnsSkip}, async (t) => {
  const file = path.join(t.testdir({netns: ''}), 'netns');
  const wanted = onInterface(1, 'lo').slice(0, 3);
  t.teardown(() => spawnSync('umount', ['-l', file]));
  const inhabitant = await inhabit(t, wanted, ['unshare', `--net=${file}`]);
  await isFound(t, inhabitant, wanted, file);
  inhabitant.child.kill('SIGKILL');
  await inhabitant.child.end;
  await isFound(t, inhabitant, wanted, file);
  t.equal(spawnSync('umount', [file]).status, 0);
  for (const prog of inhabitant.attached) if (prog !== null) await untilGone(prog);
});

t.test('a namespace that `ip netns` made, by its name', {skip: netnsSkip}, async (t) => {
  const name = `bpftop-test-${process.pid}`;
  t.teardown(() => spawnSync('ip', ['netns', 'del', name]));
  if (!has('ip', 'netns', 'add', name)) return void t.pass('not here', {skip: 'needs ip netns'});
  const wanted = onInterface(1, 'lo');
  const inhabitant = await inhabit(t, wanted, ['ip', 'netns', 'exec', name]);
  await isFound(t, inhabitant, wanted, name);
});

t.test(
  'filters of qdiscs, of their classes and of blocks that interfaces share, and XDP in a driver',
  {skip: netnsSkip},
  async (t) => {
    if (!has('tc', '-V') || !has('ip', '-V') || !has('bpftool', 'version'))
      return void t.pass('not here', {skip: 'needs tc, ip and bpftool'});
    const dir = t.testdir();
    // In a mount namespace of its own too: the pin of the program goes with it.
    const child = startChild(
      t,
      `const testbed = load('testbed.node');
     const {execFileSync} = require('node:child_process');
     const run = (words) => execFileSync(words.split(' ')[0], words.split(' ').slice(1), {stdio: ['ignore', 'ignore', 'pipe']});
     const [filter, xdp] = ['sched_cls', 'xdp'].map((type) => testbed.load({type}));
     const bpf = 'bpf object-pinned ${dir}/filter';
     let refused = null;
     try {
       for (const words of [
         'mount -t bpf none ${dir}',
         'bpftool prog pin id ' + filter.id + ' ${dir}/filter',
         'ip link add name one type veth peer name two',
         'bpftool net attach xdpdrv id ' + xdp.id + ' dev one',
         'tc qdisc add dev lo root handle 1: htb',
         'tc class add dev lo parent 1: classid 1:a htb rate 1mbit',
         'tc filter add dev lo parent 1: ' + bpf,
         'tc filter add dev lo parent 1: ' + bpf,
         'tc filter add dev lo parent 1:a ' + bpf,
         'tc qdisc add dev one ingress_block 7 clsact',
         'tc qdisc add dev two ingress_block 7 ingress',
         'tc filter add block 7 ' + bpf,
       ]) run(words);
     } catch (error) {
       refused = error.message.split('\\n').slice(0, 2).join(' ');
     }
     console.log(JSON.stringify({refused, filter: filter.id, xdp: xdp.id, netns: require('node:fs').readlinkSync('/proc/self/ns/net')}));
     process.stdin.once('data', () => [filter, xdp].map((prog) => prog.close()));`,
      {wrapper: ['unshare', '-n', '-m']},
    );
    const there = JSON.parse((await child.line())!) as {refused: string | null; filter: number; xdp: number; netns: string};
    if (there.refused !== null) return void t.pass('not here', {skip: there.refused});
    const targets = async (prog: number) => (await linksOf(prog)).map(({type, target}) => `${type}: ${target}`).sort();
    t.strictSame(await targets(there.xdp), [`xdp: one in ${there.netns}`]);
    t.strictSame(
      await targets(there.filter),
      ['lo class 1:a', 'lo qdisc 1:', 'one ingress', 'two ingress'].map((where) => `tc: ${where} in ${there.netns}`),
    );
  },
);

t.test('bpftool, in that namespace, finds the same programs', {skip: netnsSkip}, async (t) => {
  if (!has('bpftool', 'version') || !has('nsenter', '--version'))
    return void t.pass('not here', {skip: 'needs bpftool and nsenter'});
  // An older one doesn't know tcx.
  const {pid, attached} = await inhabit(t, onInterface(1, 'lo').slice(0, 3));
  const {stdout} = spawnSync('nsenter', ['-t', String(pid), '-n', 'bpftool', '-j', 'net', 'show'], {encoding: 'utf8'});
  const said = [...stdout.matchAll(/"(?:prog_)?id":(\d+)/g)].map(([, id]) => Number(id));
  t.strictSame(
    said.sort((a, b) => a - b),
    attached.filter((id) => id !== null),
  );
});

t.test(
  'reading leaves no thread, no fd and no namespace behind, and this process where it was',
  {skip: netnsSkip},
  async (t) => {
    const {child, netns} = await inhabit(t, []);
    const threads = () => readdirSync('/proc/self/task').map((task) => readlinkSync(`/proc/self/task/${task}/ns/net`));
    await loadLinkReader().readNetns();
    const before = {fds: openFds(), threads: threads()};
    t.notOk(before.threads.includes(netns));
    await Promise.all(Array.from({length: 20}, () => loadLinkReader().readNetns()));
    t.strictSame(openFds(), before.fds);
    t.strictSame(new Set(threads()), new Set([readlinkSync('/proc/self/ns/net')]));
    child.kill('SIGKILL');
  },
);

t.test('who may not enter other namespaces is told of the own one, and that it is not all', {skip: netnsSkip}, async (t) => {
  if (!has('setpriv', '--version')) return void t.pass('not here', {skip: 'needs setpriv'});
  await inhabit(t, []);
  const readWith = async (...capabilities: string[]) => {
    const child = startChild(
      t,
      `const {statSync} = require('node:fs');
       const seen = (() => { try { return !!statSync('/proc/${process.pid}/ns/net'); } catch { return false; } })();
       load('bpf.node').readNetns().then((found) => console.log(JSON.stringify({...found, seen})));`,
      {wrapper: nobodyWith(...capabilities)},
    );
    const found = JSON.parse((await child.line())!) as NativeNetNamespaces & {seen: boolean};
    t.equal(found.namespaces.length, 1);
    t.match(found.namespaces, [{own: true}]);
    return found;
  };
  const refused = await readWith();
  // Where anybody may see in which namespace a process is, nothing is hidden.
  t.equal(refused.hidden > 0, !refused.seen, `processes of root: ${JSON.stringify(refused)}`);
  const seesThem = await readWith('sys_ptrace', 'net_admin', 'bpf');
  t.match(seesThem, {error: {code: 'EPERM', syscall: 'setns(CLONE_NEWNET)'}});
  t.ok(seesThem.unread > 0);
});

const ownReadFine: NativeNetns = {ino: 1, own: true, complete: true, path: null, attachments: []};
const xdpOnLo: NativeNetAttachment = {
  type: 'xdp',
  progId: 7,
  linkId: null,
  attachType: null,
  ifindex: 1,
  ifname: 'lo',
  hook: null,
};
const link = (id: number, rest: Partial<NativeLink>) =>
  ({id, progId: 7, attachType: null, netnsIno: null, ...rest}) as NativeLink;
const xdpLink = (id: number) => link(id, {type: 6, ifindex: 1});

t.test('a link in none of the namespaces that were read is in another one', (t) => {
  t.equal(netPlaces([ownReadFine], [xdpLink(1)]).targets.get(1), 'ifindex 1 (another netns)');
  t.equal(netPlaces([{...ownReadFine, complete: false}], [xdpLink(1)]).targets.get(1), 'ifindex 1');
  t.end();
});

t.test('links of a program at the same index of several namespaces: nothing says which is where', (t) => {
  const namespaces = [
    {...ownReadFine, attachments: [xdpOnLo]},
    {...ownReadFine, own: false, ino: 2, attachments: [xdpOnLo]},
  ];
  const both = netPlaces(namespaces, [xdpLink(1), xdpLink(2)]);
  t.same([...both.targets.values()], ['ifindex 1 (one of several netns)', 'ifindex 1 (one of several netns)']);
  t.equal(both.unlinked.size, 0);
  // The other one's namespace may not have been read.
  t.match(netPlaces(namespaces.slice(0, 1), [xdpLink(1), xdpLink(2)]).targets.get(1), 'ifindex 1 (one of several netns)');
  t.same(
    netPlaces(namespaces, [])
      .unlinked.get(7)
      ?.map(({target}) => target),
    ['lo', 'lo in net:[2]'],
  );
  t.end();
});

t.test('a netkit or tcx program is known by its link, which may be newer than the list of links', (t) => {
  const place: NativeNetAttachment = {...xdpOnLo, type: 'netkit', linkId: 3, attachType: 54, ifname: 'nk0'};
  const namespaces = [{...ownReadFine, attachments: [place]}];
  t.equal(netPlaces(namespaces, [link(3, {type: 13, attachType: 54, ifindex: 1})]).targets.get(3), 'nk0');
  t.strictSame(netPlaces(namespaces, []).unlinked.get(7), [
    {linkId: 3, type: 'netkit', attachType: 'netkit_primary', target: 'nk0', missed: null},
  ]);
  t.end();
});

t.test('namespaces that could not be read are a warning, and links are there all the same', async (t) => {
  const links = {links: [xdpLink(1)], unreadable: 0};
  const read = (readNetns: () => Promise<NativeNetNamespaces>) =>
    new LinksCollector('/', {readLinks: () => Promise.resolve(links), readNetns}).read([]);
  const failed = Object.assign(new Error('late'), {code: 'ETIMEDOUT', syscall: 'reading network namespaces'});
  t.match(await read(() => Promise.reject(failed)), {
    complete: false,
    warning: {code: 'links_incomplete', message: /reading network namespaces: ETIMEDOUT/},
    byProg: new Map([[7, [{target: 'ifindex 1'}]]]),
  });
  const refused = {namespaces: [ownReadFine], hidden: 0, unread: 3, error: {code: 'EPERM', syscall: 'setns(CLONE_NEWNET)'}};
  t.match(await read(() => Promise.resolve(refused)), {
    complete: false,
    warning: {message: /setns\(CLONE_NEWNET\): EPERM \(and 2 more\)\. .*CAP_SYS_ADMIN/},
  });
  await t.rejects(
    read(() => Promise.reject(new TypeError('oops'))),
    {message: 'oops'},
  );
});
