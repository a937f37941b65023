import {mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import t from 'tap';
import {identifyCgroups} from '../../src/collectors/containers.js';
import {cgroupLines, progsByMap, readHolders} from '../../src/collectors/holders.js';
import type {Owners} from '../../src/sample/owners.js';
import {type Child, startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openSampler, typeSkip} from '../helpers/kernel.js';
import {mountOf} from '../helpers/mounts.js';

/** The holders of a program, pid and way. */
const holders = ({byProg}: Owners, prog: number) =>
  (byProg.get(prog) ?? []).map(({process: {pid}, via}) => `${pid} ${via}`).sort();

/** A child that holds what `body` opens, until it is killed; and the line it printed. */
async function holding(t: Parameters<typeof startChild>[0], body: string): Promise<{child: Child; said: string}> {
  const child = startChild(t, `const fs = require('node:fs'); ${body}; setInterval(() => 0, 1e6);`);
  const said = await child.line();
  if (said === undefined) throw new Error((await child.end).stderr);
  return {child, said};
}

/** The ids of a program's maps. */
async function mapsOf(t: Parameters<typeof openSampler>[0], id: number): Promise<readonly number[]> {
  const {appeared} = await openSampler(t, {enableStats: false, sampler: 'walk'}).sample();
  return appeared.find((info) => info.id === id)!.mapIds!;
}

t.test('a process that holds a program is its owner until it ends', {skip: kernelSkip}, async (t) => {
  const {child, said} = await holding(
    t,
    `const prog = load('testbed.node').load({type: 'socket_filter', name: 'held'});
     console.log(process.pid + ' ' + prog.id)`,
  );
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  const [owner, ...others] = (await readHolders()).byProg.get(id)!;
  t.strictSame(others, []);
  t.match(owner, {via: 'prog', process: {pid, comm: /./, cmdline: [process.execPath, '-e', /socket_filter/]}});
  t.ok(owner!.process.cgroups!.every(({path}) => path.startsWith('/')));

  child.kill('SIGKILL');
  await child.end;
  t.equal((await readHolders()).byProg.get(id), undefined);
});

t.test('a loader that keeps the link alone is found by it', {skip: typeSkip('raw_tracepoint')}, async (t) => {
  const {child, said} = await holding(
    t,
    `const prog = load('testbed.node').load({type: 'raw_tracepoint', name: 'linked'});
     prog.attach({rawTracepoint: 'sched_process_exit'});
     const fds = fs.readdirSync('/proc/self/fd').filter((fd) => {
       try { return fs.readlinkSync('/proc/self/fd/' + fd) === 'anon_inode:bpf-prog'; } catch { return false; }
     });
     fds.forEach((fd) => fs.closeSync(Number(fd)));
     console.log(process.pid + ' ' + prog.id + ' ' + fds.length)`,
  );
  const [pid, id, closed] = said.split(' ').map(Number) as [number, number, number];
  t.equal(closed, 1);
  t.strictSame(holders(await readHolders(), id), [`${pid} link`]);
  child.kill('SIGKILL');
  await child.end;
  t.strictSame(holders(await readHolders(), id), []);
});

t.test('who holds a map holds the programs that use it', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'socket_filter', name: 'mapped', maps: ['first', 'second']});
  const mapIds = await mapsOf(t, prog.id);
  const progsOfMap = progsByMap([{id: prog.id, mapIds}]);
  const {child, said} = await holding(
    t,
    `${JSON.stringify(mapIds)}.forEach((id) => load('testbed.node').openMap(id)); console.log(process.pid)`,
  );
  t.strictSame(
    holders(await readHolders({progsOfMap}), prog.id),
    [`${process.pid} prog`, `${said} map`].sort(),
    'once, though it holds both maps',
  );
  t.strictSame(holders(await readHolders(), prog.id), [`${process.pid} prog`], 'maps whose programs are not known');
  child.kill('SIGKILL');
  await child.end;
  t.strictSame(holders(await readHolders({progsOfMap}), prog.id), [`${process.pid} prog`]);
});

t.test('without privilege, others’ fds are counted as not readable', {skip: kernelSkip}, async (t) => {
  const {said} = await holding(t, `console.log(load('testbed.node').load({type: 'socket_filter'}).id)`);
  const asRoot = await readHolders();
  t.equal(asRoot.byProg.get(Number(said))!.length, 1);
  process.seteuid!(65534);
  t.teardown(() => process.seteuid!(0));
  const asNobody = await readHolders();
  process.seteuid!(0);
  t.equal(asNobody.byProg.get(Number(said)), undefined);
  t.ok(asNobody.unreadable > asRoot.unreadable);
});

t.test('a process may be called anything', {skip: kernelSkip}, async (t) => {
  const {said} = await holding(
    t,
    `process.title = 'a\\nb\\x1b[31m';
     const prog = load('testbed.node').load({type: 'socket_filter'});
     console.log(prog.id)`,
  );
  const [owner] = (await readHolders()).byProg.get(Number(said))!;
  t.equal(owner!.process.comm, 'a\nb\x1b[31m');
});

t.test('a process in the cgroup of a container', {skip: kernelSkip}, async (t) => {
  const root = mountOf('cgroup2');
  if (root === undefined) return void t.pass('not here', {skip: 'no cgroup2 mounted'});
  const containerId = '0123456789abcdef'.repeat(4);
  const slice = mkdtempSync(join(root, 'bpftop-test-'));
  const cgroup = join(slice, `docker-${containerId}.scope`);
  mkdirSync(cgroup);
  const {child, said} = await holding(
    t,
    `fs.writeFileSync(${JSON.stringify(join(cgroup, 'cgroup.procs'))}, String(process.pid));
     console.log(load('testbed.node').load({type: 'socket_filter'}).id)`,
  );
  t.teardown(async () => {
    child.kill('SIGKILL');
    await child.end;
    rmdirSync(cgroup);
    rmdirSync(slice);
  });
  const [owner] = (await readHolders()).byProg.get(Number(said))!;
  t.match(identifyCgroups(owner!.process.cgroups!), {containerId, runtime: 'docker', ofHost: true});
});

/** A /proc of our own: processes with their fds, `[what readlink says, fdinfo]`. */
function fakeProc(
  t: {teardown(done: () => unknown): void},
  processes: Readonly<Record<string, readonly (readonly [string, string])[]>>,
) {
  const root = mkdtempSync(join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(root, {recursive: true}));
  for (const [pid, fds] of Object.entries(processes)) {
    for (const dir of ['fd', 'fdinfo']) mkdirSync(join(root, pid, dir), {recursive: true});
    writeFileSync(join(root, pid, 'comm'), `comm ${pid}\n`);
    for (const [fd, [target, fdinfo]] of fds.entries()) {
      symlinkSync(target, join(root, pid, 'fd', String(fd)));
      writeFileSync(join(root, pid, 'fdinfo', String(fd)), fdinfo);
    }
  }
  return root;
}

const link = (id: number) => `pos:\t0\nlink_type:\tcgroup\nlink_id:\t9\nprog_tag:\t00\nprog_id:\t${id}\n`;

t.test('of several fds the strongest counts, whatever their order', async (t) => {
  const prog = ['anon_inode:bpf-prog', 'prog_type:\t1\nmemlock:\t4096\nprog_id:\t7\n'] as const;
  const map = ['anon_inode:bpf-map', 'map_type:\t1\nmap_id:\t3\nfrozen:\t0\n'] as const;
  const procRoot = fakeProc(t, {
    '20': [map, ['anon_inode:bpf_link', link(7)], prog],
    '3': [prog, ['anon_inode:bpf-link', link(7)], map],
    '4': [['anon_inode:bpf-link', link(7)], map],
  });
  const progsOfMap = new Map([[3, [7, 8]]]);
  const {byProg} = await readHolders({procRoot, progsOfMap});
  const seen = (id: number) => byProg.get(id)!.map(({process: {pid}, via}) => [pid, via]);
  t.strictSame(seen(7), [
    [3, 'prog'],
    [4, 'link'],
    [20, 'prog'],
  ]);
  t.strictSame(seen(8), [
    [3, 'map'],
    [4, 'map'],
    [20, 'map'],
  ]);
});

t.test('the link of a struct_ops map holds what the map holds', async (t) => {
  const fdinfo = 'link_type:\tstruct_ops\nlink_id:\t9\nmap_id:\t3\n';
  const procRoot = fakeProc(t, {'5': [['anon_inode:bpf_link', fdinfo]]});
  t.strictSame(holders(await readHolders({procRoot, progsOfMap: new Map([[3, [7]]])}), 7), ['5 link']);
});

t.test('what has gone is nothing, what may not be read is counted', async (t) => {
  const procRoot = fakeProc(t, {'1': [['anon_inode:bpf-prog', 'prog_id:\t7\n']], '2': [], '3': [], self: []});
  rmSync(join(procRoot, '2/fd'), {recursive: true});
  rmSync(join(procRoot, '3/fd'), {recursive: true});
  writeFileSync(join(procRoot, '3/fd'), 'no directory');
  symlinkSync('anon_inode:bpf-prog', join(procRoot, '1/fd/9')); // and its fdinfo has gone
  const owners = await readHolders({procRoot});
  t.equal(owners.unreadable, 1);
  t.strictSame([...owners.byProg.keys()], [7]);
  t.strictSame(owners.byProg.get(7), [{via: 'prog', process: {pid: 1, comm: 'comm 1', cmdline: null, cgroups: null}}]);
});

t.test('no ids are read out of names', async (t) => {
  // A program's name is in no fdinfo, but what is in there need not stay as it is.
  const procRoot = fakeProc(t, {
    '1': [
      ['/tmp/anon_inode:bpf-prog', 'prog_id:\t7\n'],
      ['anon_inode:bpf-prog', 'name:\tprog_id:\t8\nprog_id:\tx\n'],
    ],
  });
  t.equal((await readHolders({procRoot})).byProg.size, 0);
});

t.test('a huge argument list is read up to its limit', async (t) => {
  const procRoot = fakeProc(t, {'1': [['anon_inode:bpf-prog', 'prog_id:\t7\n']]});
  writeFileSync(join(procRoot, '1/cmdline'), 'é\0'.repeat(100_000));
  const [owner] = (await readHolders({procRoot})).byProg.get(7)!;
  const length = owner!.process.cmdline!.join('\0').length;
  t.ok(length > 1000 && length <= 4096, `${length}`);
});

t.test('lines of /proc/PID/cgroup, colons in the path and all', (t) => {
  t.strictSame(cgroupLines('12:cpu,cpuacct:/a:b\n1:name=systemd:/user.slice\n0::/\nnonsense\n'), [
    {hierarchy: 12, controllers: 'cpu,cpuacct', path: '/a:b'},
    {hierarchy: 1, controllers: 'name=systemd', path: '/user.slice'},
    {hierarchy: 0, controllers: '', path: '/'},
  ]);
  t.end();
});
