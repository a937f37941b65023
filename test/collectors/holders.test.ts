import {spawnSync} from 'node:child_process';
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {setTimeout as sleep} from 'node:timers/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import t, {type Test} from 'tap';
import {holderKinds, type NativeHoldersReader, openHolders} from '../../src/addon.js';
import {identifyCgroups} from '../../src/collectors/containers.js';
import {progsByMap, readHolders} from '../../src/collectors/holders.js';
import {scanFds} from '../../src/collectors/proc-fds.js';
import {cgroupLines} from '../../src/collectors/processes.js';
import type {Owners} from '../../src/sample/owners.js';
import {isSystemError} from '../../src/errors.js';
import {type Child, nobodyWith, startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openFds, openSampler, typeSkip} from '../helpers/kernel.js';
import {has, mountOf} from '../helpers/mounts.js';

/** Why there is no iterator over open files here; false where there is one. */
const filesSkip: string | false = kernelSkip || (await whyNoFiles());

async function whyNoFiles(): Promise<string | false> {
  const files = openHolders();
  try {
    await files.read();
    return false;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return `no iterator over open files: ${error.message}`;
  } finally {
    files.close();
  }
}

/** The iterator, which must not fail: then /proc would answer in its place. */
function openFiles(t: Test): NativeHoldersReader {
  const files = openHolders();
  t.teardown(() => files.close());
  const read = async () => {
    try {
      return await files.read();
    } catch (error) {
      throw new Error('the iterator failed', {cause: error});
    }
  };
  return {read, close: () => files.close()};
}

type ReadHolders = (progsOfMap?: ReadonlyMap<number, readonly number[]>) => Promise<Owners>;

/** One test a way of reading. */
function bothWays(name: string, body: (t: Test, read: ReadHolders) => Promise<unknown>, skip: string | false = kernelSkip) {
  t.test(`/proc: ${name}`, {skip}, (t) => body(t, (progsOfMap = new Map()) => readHolders({progsOfMap})));
  t.test(`iterator: ${name}`, {skip: skip || filesSkip}, (t) => {
    const files = openFiles(t);
    return body(t, (progsOfMap = new Map()) => readHolders({files, progsOfMap}));
  });
}

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

bothWays('a process that holds a program is its owner until it ends', async (t, read) => {
  const {child, said} = await holding(
    t,
    `const prog = load('testbed.node').load({type: 'socket_filter', name: 'held'});
     console.log(process.pid + ' ' + prog.id)`,
  );
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  const [owner, ...others] = (await read()).byProg.get(id)!;
  t.strictSame(others, []);
  t.match(owner, {via: 'prog', process: {pid, comm: /./, cmdline: [process.execPath, '-e', /socket_filter/]}});
  t.ok(owner!.process.cgroups!.every(({path}) => path.startsWith('/')));

  child.kill('SIGKILL');
  await child.end;
  t.equal((await read()).byProg.get(id), undefined);
});

bothWays(
  'a loader that keeps the link alone is found by it',
  async (t, read) => {
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
    t.strictSame(holders(await read(), id), [`${pid} link`]);
    child.kill('SIGKILL');
    await child.end;
    t.strictSame(holders(await read(), id), []);
  },
  typeSkip('raw_tracepoint'),
);

bothWays('who holds a map holds the programs that use it', async (t, read) => {
  const prog = loadProg(t, {type: 'socket_filter', name: 'mapped', maps: ['first', 'second']});
  const mapIds = await mapsOf(t, prog.id);
  const progsOfMap = progsByMap([{id: prog.id, mapIds}]);
  const {child, said} = await holding(
    t,
    `${JSON.stringify(mapIds)}.forEach((id) => load('testbed.node').openMap(id)); console.log(process.pid)`,
  );
  t.strictSame(
    holders(await read(progsOfMap), prog.id),
    [`${process.pid} prog`, `${said} map`].sort(),
    'once, though it holds both maps',
  );
  t.strictSame(holders(await read(), prog.id), [`${process.pid} prog`], 'maps whose programs are not known');
  child.kill('SIGKILL');
  await child.end;
  t.strictSame(holders(await read(progsOfMap), prog.id), [`${process.pid} prog`]);
});

t.test('without privilege, others’ fds are counted as not readable', {skip: kernelSkip}, async (t) => {
  const {said} = await holding(t, `console.log(load('testbed.node').load({type: 'socket_filter'}).id)`);
  const asRoot = await scanFds('/proc', new Map());
  t.equal(asRoot.byProg.get(Number(said))!.length, 1);
  process.seteuid!(65534);
  t.teardown(() => process.seteuid!(0));
  const asNobody = await scanFds('/proc', new Map());
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

/** What the children hold, each with all that is known of it. */
function ofChildren({byProg}: Owners, progs: readonly number[], pids: readonly number[]) {
  return progs.map((id) => (byProg.get(id) ?? []).filter(({process: {pid}}) => pids.includes(pid)));
}

t.test('both ways give the same answer', {skip: filesSkip || typeSkip('raw_tracepoint')}, async (t) => {
  const prog = loadProg(t, {type: 'socket_filter', name: 'mapped', maps: ['first', 'second']});
  const mapIds = await mapsOf(t, prog.id);
  const openMaps = `${JSON.stringify(mapIds)}.forEach((id) => load('testbed.node').openMap(id));`;
  const children = await Promise.all(
    [
      `console.log(process.pid + ' ' + load('testbed.node').load({type: 'xdp'}).id)`,
      `const prog = load('testbed.node').load({type: 'raw_tracepoint'});
       prog.attach({rawTracepoint: 'sched_process_exit'});
       for (const fd of fs.readdirSync('/proc/self/fd')) try {
         if (fs.readlinkSync('/proc/self/fd/' + fd) === 'anon_inode:bpf-prog') fs.closeSync(Number(fd));
       } catch {}
       console.log(process.pid + ' ' + prog.id)`,
      `${openMaps} console.log(process.pid + ' ${prog.id}')`,
      // Beyond what a process has room for from the start (NR_OPEN_DEFAULT), and with the last fd of all.
      `for (let i = 0; i < 300; i++) fs.openSync('/dev/null');
       ${openMaps} console.log(process.pid + ' ' + load('testbed.node').load({type: 'xdp'}).id)`,
    ].map((body) => holding(t, body)),
  );
  const told = children.map(({said}) => said.split(' ').map(Number) as [number, number]);
  const [pids, progs] = [told.map(([pid]) => pid), told.map(([, id]) => id)];
  const progsOfMap = progsByMap([{id: prog.id, mapIds}]);
  const [byFiles, byProc] = [await readHolders({files: openFiles(t), progsOfMap}), await readHolders({progsOfMap})];
  t.strictSame(ofChildren(byFiles, progs, pids), ofChildren(byProc, progs, pids));
  const found = ofChildren(byFiles, progs, pids).map((owners) => owners.map(({process: {pid}, via}) => `${pid} ${via}`));
  const mapHolders = [pids[2]!, pids[3]!].sort((a, b) => a - b).map((pid) => `${pid} map`);
  t.strictSame(found, [[`${pids[0]} prog`], [`${pids[1]} link`], mapHolders, [`${pids[3]} prog`]]);
});

t.test('a thread with fds of its own is found by the iterator alone', {skip: filesSkip}, async (t) => {
  if (!has('python3', '--version')) return void t.pass('not here', {skip: 'needs python3'});
  const script = `
import ctypes, os, sys, threading
alone = threading.Event()
def hold():
    if ctypes.CDLL(None, use_errno=True).unshare(0x400) != 0: os._exit(1)  # CLONE_FILES
    alone.set()
    threading.Event().wait()
threading.Thread(target=hold, daemon=True).start()
alone.wait()
os.close(3)
print(os.getpid(), flush=True)
sys.stdin.read()`;
  const {said} = await holding(
    t,
    `const prog = load('testbed.node').load({type: 'socket_filter'});
     const fd = fs.readdirSync('/proc/self/fd').map(Number).find((fd) => {
       try { return fs.readlinkSync('/proc/self/fd/' + fd) === 'anon_inode:bpf-prog'; } catch { return false; }
     });
     const python = require('node:child_process').spawn('python3', ['-c', ${JSON.stringify(script)}], {
       stdio: ['pipe', 'pipe', 'inherit', fd],
     });
     python.stdout.once('data', (pid) => { prog.close(); console.log(Number(pid) + ' ' + prog.id); })`,
  );
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  t.strictSame(holders(await readHolders({files: openFiles(t)}), id), [`${pid} prog`]);
  t.strictSame(holders(await readHolders(), id), []);
});

t.test('the iterator has seen all processes, whether or not /proc/PID/fd can be read', {skip: filesSkip}, async (t) => {
  const {said} = await holding(t, `console.log(process.pid + ' ' + load('testbed.node').load({type: 'socket_filter'}).id)`);
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  const files = openFiles(t);
  await files.read();
  process.seteuid!(65534);
  t.teardown(() => process.seteuid!(0));
  // Before 5.11 reading through it takes the capability too.
  const refused = await files.read().then(
    () => null,
    ({code}: NodeJS.ErrnoException) => code,
  );
  if (refused !== null) return void t.pass('not here', {skip: `going on without capabilities gives ${refused}`});
  const [byFiles, byProc] = [await readHolders({files}), await readHolders()];
  process.seteuid!(0);
  t.equal(byFiles.complete, true);
  t.strictSame(holders(byFiles, id), [`${pid} prog`]);
  t.match(byFiles.byProg.get(id)![0], {process: {comm: /./, cgroups: Array}});
  t.equal(byProc.complete, false);
  t.strictSame(holders(byProc, id), []);
});

t.test('a pid that another process has by now is nobody', {skip: filesSkip}, async (t) => {
  const {said} = await holding(t, `console.log(process.pid + ' ' + load('testbed.node').load({type: 'socket_filter'}).id)`);
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  const seen = await openFiles(t).read();
  const as = (ticks: number) =>
    readHolders({
      files: {
        read: () =>
          Promise.resolve({
            ...seen,
            startTicks: seen.startTicks.map((each, i) => each + (seen.pids[i] === pid ? ticks : 0)),
          }),
        close: () => undefined,
      },
    });
  t.strictSame(holders(await as(0), id), [`${pid} prog`]);
  t.strictSame(holders(await as(-100), id), []);
  t.strictSame(holders(await as(100), id), []);
});

t.test('where the iterator is refused, /proc answers; what is no refusal is thrown', {skip: kernelSkip}, async (t) => {
  const {said} = await holding(t, `console.log(process.pid + ' ' + load('testbed.node').load({type: 'socket_filter'}).id)`);
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  const failing = (error: Error) => ({read: () => Promise.reject(error), close: () => undefined});
  const refused = Object.assign(new Error('bpf(BPF_MAP_CREATE): EPERM'), {
    code: 'EPERM',
    syscall: 'bpf(BPF_MAP_CREATE)',
    errno: -1,
  });
  t.strictSame(holders(await readHolders({files: failing(refused)}), id), [`${pid} prog`]);
  if (filesSkip === false) await t.rejects(readHolders({files: failing(new Error('a mistake'))}), {message: 'a mistake'});
});

t.test('what this process had open for a moment alone, to read it, it does not hold', {skip: filesSkip}, async (t) => {
  const {said} = await holding(t, `console.log(process.pid + ' ' + load('testbed.node').load({type: 'socket_filter'}).id)`);
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  const own = loadProg(t, {type: 'socket_filter'});
  const files = openFiles(t);
  const read = async () => {
    const {pids, startTicks, kinds, ids} = await files.read();
    const at = pids.indexOf(process.pid);
    const insert = (column: Iterable<number>, value: number) => [...column].toSpliced(at, 0, value);
    return {
      pids: Uint32Array.from(insert(pids, process.pid)),
      startTicks: Float64Array.from(insert(startTicks, startTicks[at]!)),
      kinds: Uint8Array.from(insert(kinds, holderKinds.link)),
      ids: Uint32Array.from(insert(ids, id)),
    };
  };
  const owners = await readHolders({files: {read, close: () => undefined}});
  t.strictSame(holders(owners, id), [`${pid} prog`]);
  t.strictSame(holders(owners, own.id), [`${process.pid} prog`]);
});

t.test('a /proc of other processes is gone through by itself', async (t) => {
  const procRoot = fakeProc(t, {'1': [['anon_inode:bpf-prog', 'prog_id:\t7\n']]});
  let readings = 0;
  const files = {read: () => Promise.reject(new Error(`reading ${++readings}`)), close: () => undefined};
  const {byProg, complete} = await readHolders({procRoot, files});
  t.strictSame([...byProg.keys()], [7]);
  t.equal(complete, false, 'those need not be all');
  t.equal(readings, 0);
});

t.test('processes that never answer cost two threads, not all of them', async (t) => {
  const fifos: string[] = [];
  const procRoot = fakeProc(
    t,
    Object.fromEntries([1, 2, 3, 4, 5].map((pid) => [pid, [['anon_inode:bpf-prog', 'prog_id:\t7\n']]])),
  );
  for (const pid of [1, 2, 3, 4, 5]) {
    const fifo = join(procRoot, String(pid), 'cmdline');
    if (!has('mkfifo', fifo)) return void t.pass('not here', {skip: 'needs mkfifo'});
    fifos.push(fifo);
  }
  for (let look = 0; look < 3; look++) {
    const {byProg} = await readHolders({procRoot});
    t.equal(byProg.get(7)!.length, 5);
    t.ok(byProg.get(7)!.every(({process: {comm, cmdline}}) => comm !== null && cmdline === null));
  }
  t.ok(await readFile('/proc/self/comm'), 'a thread is left');
  // Whoever is waiting for a writer gets one; then there is room for others again.
  for (const fifo of fifos) closeSync(openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK));
  const other = fakeProc(t, {'1': [['anon_inode:bpf-prog', 'prog_id:\t7\n']]});
  writeFileSync(join(other, '1/cmdline'), 'x\0');
  const cmdline = async () => (await readHolders({procRoot: other})).byProg.get(7)![0]!.process.cmdline;
  while ((await cmdline()) === null) await sleep(10);
  t.strictSame(await cmdline(), ['x']);
});

const nobodySkip = filesSkip || (!has('setpriv', '--version') && 'needs setpriv');

t.test('CAP_BPF and CAP_PERFMON are enough for the iterator, less is refused', {skip: nobodySkip}, async (t) => {
  const {said} = await holding(t, `console.log(process.pid + ' ' + load('testbed.node').load({type: 'socket_filter'}).id)`);
  const [pid, id] = said.split(' ').map(Number) as [number, number];
  for (const capabilities of [['bpf', 'perfmon'], ['bpf'], ['perfmon'], []]) {
    const child = startChild(
      t,
      `const files = new (load('bpf.node').Holders)();
       const say = ({pids, ids, kinds}) =>
         console.log(process.getuid(), pids.some((pid, i) => pid === ${pid} && ids[i] === ${id} && kinds[i] === 0));
       (async () => { for (let i = 0; i < 2; i++) await files.read().then(say, ({code}) => console.log(code)); })();`,
      {wrapper: nobodyWith(...capabilities)},
    );
    for (let i = 0; i < 2; i++)
      t.equal(await child.line(), capabilities.length === 2 ? '65534 true' : 'EPERM', capabilities.join(' '));
    t.match(await child.end, {code: 0, stderr: ''});
  }
});

t.test(
  'in another pid namespace the iterator answers nothing: its pids are not those there',
  {skip: filesSkip},
  async (t) => {
    const wrapper = ['unshare', '--pid', '--fork', '--kill-child'];
    if (spawnSync(wrapper[0]!, [...wrapper.slice(1), 'true']).status !== 0)
      return void t.pass('not here', {skip: 'cannot make a pid namespace'});
    const child = startChild(
      t,
      `const files = new (load('bpf.node').Holders)();
     files.read().then(() => console.log('read'), ({code}) => console.log(code));`,
      {wrapper},
    );
    t.equal(await child.line(), 'ESRCH');
    t.match(await child.end, {code: 0, stderr: ''});
  },
);

t.test('it is loaded once, is told from the programs of others, and leaves nothing', {skip: filesSkip}, async (t) => {
  const samplers = (['walk', 'auto'] as const).map((sampler) => openSampler(t, {enableStats: false, sampler}));
  for (const sampler of samplers) await sampler.sample();
  const before = openFds('bpf').sort();
  const files = openHolders();
  const seen = await files.read();
  const kept = openFds('bpf').sort();
  t.equal(kept.length, before.length + 1, 'one fd');
  for (let i = 0; i < 20; i++) await files.read();
  t.strictSame(openFds('bpf').sort(), kept);

  const links = seen.ids.filter((_, i) => seen.pids[i] === process.pid && seen.kinds[i] === holderKinds.link);
  for (const sampler of samplers) {
    const {appeared} = await sampler.sample();
    const own = appeared.filter(({name}) => name === 'bpftop_files').filter(({id}) => links.includes(id));
    t.match(own, [{self: true}]);
    t.equal(appeared.filter(({self}) => self).length, 1);
  }
  files.close();
  await t.rejects(files.read(), {code: 'EBADF'});
  t.strictSame(openFds('bpf').sort(), before);
});

t.test('one reading at a time', {skip: filesSkip}, async (t) => {
  const files = openHolders();
  t.teardown(() => files.close());
  const first = files.read();
  await t.rejects(files.read(), {code: 'EBUSY'});
  t.ok((await first).pids.includes(process.pid));
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
  const owners = await scanFds(procRoot, new Map());
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
