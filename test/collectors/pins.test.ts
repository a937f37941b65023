/** Pins of the real kernel, in bpffs of the tests' own; and a procfs made of plain files, for what the real one can't be made to say. */
import {spawnSync} from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t, {type Test} from 'tap';
import {loadPinReader, loadShare, loadTestbed, type NativePin, type NativePins} from '../../src/addon.js';
import {lookAtPins} from '../../src/collectors/pins.js';
import {showsAllProcesses} from '../../src/collectors/processes.js';
import {UserError} from '../../src/errors.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {iteratorSkip, kernelSkip, loadProg, openFds, openSampler, typeSkip} from '../helpers/kernel.js';
import {has} from '../helpers/mounts.js';
import {progInfo} from '../helpers/samples.js';

const pinsSkip: string | false = kernelSkip || whyNoBpffs();
const linkSkip = pinsSkip || typeSkip('raw_tracepoint');
const unshareSkip = pinsSkip || (!has('unshare', '-m', 'true') && 'needs unshare');

function whyNoBpffs(): string | false {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  const {mountBpffs, unmount} = loadShare();
  try {
    mountBpffs(dir);
    unmount(dir);
    return false;
  } catch (error) {
    return (error as Error).message;
  } finally {
    rmdirSync(dir);
  }
}

/** A directory, gone when the test ends. */
function makeDir(t: Test): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  t.teardown(() => rmSync(dir, {recursive: true, force: true}));
  return dir;
}

/** A bpffs, gone when the test ends with all that is in it. */
function mountBpffs(t: Test): string {
  const dir = path.join(makeDir(t), 'bpf');
  mkdirSync(dir);
  loadShare().mountBpffs(dir);
  t.teardown(() => loadShare().unmount(dir));
  return dir;
}

const pinsOf = (all: NativePins, progId: number) => all.pins.filter((pin) => pin.progId === progId);
const pathsOf = async (progId: number) => (await lookAtPins([])).byProg!.get(progId)?.map((pin) => pin.path);

t.test(
  'a program and a link are found by their pins, a map is not; what is unlinked is gone',
  {skip: linkSkip},
  async (t) => {
    const dir = mountBpffs(t);
    const prog = loadProg(t, {type: 'raw_tracepoint', maps: ['pinned_map']});
    prog.attach({rawTracepoint: 'sched_process_exec'});
    mkdirSync(path.join(dir, 'a/b'), {recursive: true});
    prog.pin(path.join(dir, 'prog'));
    prog.pinLink(path.join(dir, 'a/b/link'));
    loadTestbed().pinMap(await mapOf(t, prog.id), path.join(dir, 'map'));
    t.same((await lookAtPins([])).byProg!.get(prog.id), [
      {path: path.join(dir, 'a/b/link'), via: 'link'},
      {path: path.join(dir, 'prog'), via: 'prog'},
    ]);
    sameAsBpftool(t, prog.id, [path.join(dir, 'prog')]);
    unlinkSync(path.join(dir, 'a/b/link'));
    t.same(await pathsOf(prog.id), [path.join(dir, 'prog')]);
    unlinkSync(path.join(dir, 'prog'));
    t.equal(await pathsOf(prog.id), undefined);
  },
);

async function mapOf(t: Test, progId: number): Promise<number> {
  const {appeared} = await openSampler(t, {enableStats: false, sampler: 'walk'}).sample();
  return appeared.find(({id}) => id === progId)!.mapIds![0]!;
}

/** Where there is a bpftool, it must find the same. */
function sameAsBpftool(t: Test, progId: number, pinned: readonly string[]): void {
  const {status, stdout} = spawnSync('bpftool', ['-j', '-f', 'prog', 'show', 'id', String(progId)], {encoding: 'utf8'});
  if (status !== 0) return void t.comment('no bpftool to compare with');
  t.same((JSON.parse(stdout) as {pinned: string[]}).pinned, pinned);
}

t.test('an iterator is found by its pin', {skip: pinsSkip || iteratorSkip}, async (t) => {
  const pin = path.join(mountBpffs(t), 'iterator');
  loadShare().pinIterator(pin);
  t.match(
    (await loadPinReader().readPins()).pins.filter((each) => each.path === pin),
    [{via: 'link', pid: null}],
  );
});

/** What Node calls its main thread: `node`, from 25 on something longer. */
const nodeComm = readFileSync('/proc/self/comm', 'utf8').trim();

/** Runs a shell script in a mount namespace of its own, then `body`, and waits for it to say what it has to say. */
async function elsewhere(t: Test, script: string, body: string) {
  const child = startChild(t, `${body}; process.stdin.resume();`, {
    wrapper: ['unshare', '-m', 'sh', '-e', '-c', `${script}\nexec "$@"`, 'sh'],
  });
  const line = await child.line();
  if (line === undefined) throw new Error((await child.end).stderr);
  return {...child, said: JSON.parse(line) as {pid: number; id: number}};
}

t.test(
  'what is pinned in another mount namespace has its path there, and says whose it is',
  {skip: unshareSkip},
  async (t) => {
    const dir = makeDir(t);
    const child = await elsewhere(
      t,
      '',
      `load('bpf.node').mountBpffs(${JSON.stringify(dir)});
     const prog = load('testbed.node').load({type: 'socket_filter'});
     prog.pin(${JSON.stringify(`${dir}/there`)});
     console.log(JSON.stringify({pid: process.pid, id: prog.id}));`,
    );
    t.same(await pathsOf(child.said.id), [`${dir}/there (mount namespace of ${child.said.pid} ${nodeComm})`]);
    child.kill('SIGKILL');
    await child.end;
    while ((await pathsOf(child.said.id)) !== undefined);
  },
);

t.test('a bpffs that many have mounted is read once, by its path here', {skip: unshareSkip}, async (t) => {
  const dir = mountBpffs(t);
  const prog = loadProg(t, {type: 'socket_filter'});
  prog.pin(path.join(dir, 'prog'));
  await Promise.all([1, 2].map(() => elsewhere(t, '', `console.log(JSON.stringify({pid: process.pid, id: 0}));`)));
  t.same(await pathsOf(prog.id), [path.join(dir, 'prog')]);
});

t.test('where only a part of a bpffs is mounted, that part is read', {skip: unshareSkip}, async (t) => {
  const dir = makeDir(t);
  const [whole, part] = [path.join(dir, 'whole'), path.join(dir, 'part')];
  mkdirSync(whole);
  mkdirSync(part);
  const child = await elsewhere(
    t,
    '',
    `const {mountBpffs, unmount} = load('bpf.node');
     const {mkdirSync} = require('node:fs');
     const {execFileSync} = require('node:child_process');
     mountBpffs(${JSON.stringify(whole)});
     const prog = load('testbed.node').load({type: 'socket_filter'});
     mkdirSync(${JSON.stringify(`${whole}/in/deep`)}, {recursive: true});
     prog.pin(${JSON.stringify(`${whole}/in/deep/prog`)});
     execFileSync('mount', ['--bind', ${JSON.stringify(`${whole}/in`)}, ${JSON.stringify(part)}]);
     unmount(${JSON.stringify(whole)});
     console.log(JSON.stringify({pid: process.pid, id: prog.id}));`,
  );
  t.same(await pathsOf(child.said.id), [`${part}/deep/prog (mount namespace of ${child.said.pid} ${nodeComm})`]);
});

t.test('a pin may be called anything', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  const prog = loadProg(t, {type: 'socket_filter'});
  const names = ['new\nline', '\u001b[31mred', 'x'.repeat(255), 'a b\\040c', '\u202eback'].map((name) => Buffer.from(name));
  for (const name of [...names, Buffer.from([0xff, 0xfe, 0x41])]) {
    prog.pin(path.join(dir, 'plain'));
    renameSync(path.join(dir, 'plain'), Buffer.concat([Buffer.from(`${dir}/`), name]));
  }
  const expected = [...names.map(String), '\ufffd\ufffdA'].map((name) => `${dir}/${name}`);
  t.same(new Set(await pathsOf(prog.id)), new Set(expected));
});

t.test('the mount point may be called anything', {skip: pinsSkip}, async (t) => {
  const dir = path.join(makeDir(t), 'new\nline \\040 \u001b[31m');
  mkdirSync(dir);
  loadShare().mountBpffs(dir);
  t.teardown(() => loadShare().unmount(dir));
  const prog = loadProg(t, {type: 'socket_filter'});
  prog.pin(path.join(dir, 'prog'));
  t.same(await pathsOf(prog.id), [path.join(dir, 'prog')]);
});

t.test('nothing is followed out of a bpffs, by link or by mount', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  const outside = makeDir(t);
  const prog = loadProg(t, {type: 'socket_filter'});
  prog.pin(path.join(dir, 'prog'));
  spawnSync('mkfifo', [path.join(outside, 'fifo')]);
  symlinkSync(path.join(outside, 'fifo'), path.join(dir, 'to_fifo'));
  symlinkSync('loop', path.join(dir, 'loop'));
  symlinkSync('prog', path.join(dir, 'to_prog'));
  symlinkSync('.', path.join(dir, 'round'));
  mkdirSync(path.join(dir, 'covered'));
  const bound = has('mount', '--bind', outside, path.join(dir, 'covered'));
  if (bound) t.teardown(() => loadShare().unmount(path.join(dir, 'covered')));
  const found = await loadPinReader().readPins();
  t.match(pinsOf(found, prog.id), [{path: path.join(dir, 'prog')}]);
  t.equal(pinsOf(found, prog.id).length, 1);
});

t.test('a reading has limits: entries, time, depth', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  const prog = loadProg(t, {type: 'socket_filter'});
  for (const name of ['a', 'b', 'c']) prog.pin(path.join(dir, name));
  const {readPins} = loadPinReader();
  const few = await readPins({mostEntries: 2});
  t.ok(few.cutShort);
  t.ok(few.pins.length <= 2);
  t.match(await readPins({mostMs: 0}), {pins: [], cutShort: true});
  t.equal(pinsOf(await readPins(), prog.id).length, 3);

  const deep = path.join(dir, ...Array.from({length: 50}, () => 'd'));
  mkdirSync(deep, {recursive: true});
  prog.pin(path.join(deep, 'bottom'));
  const found = await readPins();
  t.ok(found.cutShort);
  t.equal(pinsOf(found, prog.id).length, 3);
});

t.test('without the right to open a bpffs: not known, and in words why', {skip: pinsSkip}, async (t) => {
  if (!has('setpriv', '--version')) return void t.pass('not here', {skip: 'needs setpriv'});
  mountBpffs(t);
  const child = startChild(
    t,
    `load('bpf.node').readPins().then(
       () => console.log('{}'),
       ({code, syscall, message}) => console.log(JSON.stringify({code, syscall, message})));`,
    {wrapper: nobodyWith()},
  );
  const refused = JSON.parse((await child.line())!) as {code: string; syscall: string; message: string};
  t.match(refused, {code: 'EACCES', syscall: 'open(bpffs)'});
  const error = Object.assign(new Error(refused.message), refused);
  await t.rejects(lookAtPins([], '/', {readPins: () => Promise.reject(error)}), {message: /EACCES\. Run it with sudo/});
});

t.test('reading leaves no fd behind', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  mkdirSync(path.join(dir, 'a/b/c'), {recursive: true});
  loadProg(t, {type: 'socket_filter'}).pin(path.join(dir, 'a/b/c/prog'));
  const {readPins} = loadPinReader();
  await readPins();
  // Not those of the test runner, and of children that end.
  const mine = () => openFds().filter((target) => /^\/|bpf/.test(target));
  const before = mine();
  await Promise.all([readPins(), readPins({mostEntries: 2}), readPins({procRoot: '/nowhere'}).catch(() => undefined)]);
  t.strictSame(mine(), before);
});

/** A procfs of plain files; `mounts` of a process: bpffs in its mount table, each `DEV ROOT POINT [TYPE]`. */
interface FakeProcess {
  readonly ns: string;
  readonly mounts?: readonly string[];
  /** What it sees as `/`; none: it has ended. */
  readonly root?: string;
}

function makeProc(t: Test, processes: Readonly<Record<string, FakeProcess>>): string {
  const proc = makeDir(t);
  for (const [pid, {ns, mounts, root}] of Object.entries(processes)) {
    mkdirSync(path.join(proc, pid, 'ns'), {recursive: true});
    symlinkSync(`mnt:[${ns}]`, path.join(proc, pid, 'ns/mnt'));
    const lines = mounts?.map((mount, i) => {
      const [dev, below, point, type = 'bpf'] = mount.split(' ');
      return `${i + 1} 0 ${dev} ${below} ${point} rw,relatime shared:${i} - ${type} none rw\n`;
    });
    if (lines) writeFileSync(path.join(proc, pid, 'mountinfo'), lines.join(''));
    if (root !== undefined) symlinkSync(root, path.join(proc, pid, 'root'));
    writeFileSync(path.join(proc, pid, 'comm'), `proc_${pid}\n`);
  }
  return proc;
}

/** The device of a file, as mount tables write it. */
function deviceOf(file: string): string {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[4] === file);
  return line!.split(' ')[2]!;
}

t.test('a process that ends in mid-walk hands on to the next of its namespace', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  const prog = loadProg(t, {type: 'socket_filter'});
  prog.pin(path.join(dir, 'prog'));
  const mounts = [`${deviceOf(dir)} / ${dir}`];
  const proc = makeProc(t, {
    5: {ns: '1'},
    6: {ns: '1', mounts},
    7: {ns: '1', mounts, root: '/'},
    8: {ns: '2', mounts},
  });
  const found = await loadPinReader().readPins({procRoot: proc});
  t.match(found, {pins: [{path: `${dir}/prog`, pid: 7, comm: 'proc_7'}], unreadable: 0, cutShort: false});
  const ended = await loadPinReader().readPins({procRoot: makeProc(t, {8: {ns: '2', mounts}})});
  t.match(ended, {pins: [], unreadable: 0, cutShort: false});
});

t.test('the home of the paths needs no mention', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  loadProg(t, {type: 'socket_filter'}).pin(path.join(dir, 'prog'));
  const process = {mounts: [`${deviceOf(dir)} / ${dir}`], root: '/'};
  const procRoot = makeProc(t, {1: {ns: '1', ...process}, 2: {ns: '2', ...process}});
  const {readPins} = loadPinReader();
  t.match(await readPins({procRoot, home: '1'}), {pins: [{path: `${dir}/prog`, pid: null, comm: ''}]});
  t.match(await readPins({procRoot, home: '2'}), {pins: [{path: `${dir}/prog`, pid: null}]});
  t.match(await readPins({procRoot}), {pins: [{path: `${dir}/prog`, pid: 1}]});
});

t.test('what is no bpffs, whatever a mount table says, is not read', {skip: pinsSkip}, async (t) => {
  const dir = mountBpffs(t);
  loadProg(t, {type: 'socket_filter'}).pin(path.join(dir, 'prog'));
  const dev = deviceOf(dir);
  const other = makeDir(t);
  spawnSync('mkfifo', [path.join(other, 'fifo')]);
  const {dev: otherDev} = statSync(other);
  const major = (otherDev >> 8) & 0xfff;
  const minor = (otherDev & 0xff) | ((otherDev >> 12) & 0xfff00);
  for (const [what, mounts] of [
    ['another file system', [`${major}:${minor} / ${other}`]],
    ['another bpffs', [`0:999999 / ${dir}`]],
    ['covered', [`${dev} / ${other}`]],
    ['a FIFO', [`${major}:${minor} / ${other}/fifo`]],
    ['nothing', [`${dev} / /no/where`]],
    ['out of the root', [`${dev} / /../../..`]],
    ['below FUSE', [`0:7 / ${path.dirname(dir)} fuse.sshfs`, `${dev} / ${dir}`]],
    ['below a dead root', [`0:7 / / nfs4`, `${dev} / ${dir}`]],
  ] as const) {
    const procRoot = makeProc(t, {7: {ns: '1', mounts, root: '/'}});
    t.match(await loadPinReader().readPins({procRoot}), {pins: [], unreadable: 1, cutShort: false}, what);
  }
});

t.test('a file system that never answers is not waited for', {skip: unshareSkip}, async (t) => {
  const dir = makeDir(t);
  const [bpf, dead] = [path.join(dir, 'bpf'), path.join(dir, 'dead')];
  mkdirSync(bpf);
  mkdirSync(dead);
  // Of FUSE, with nobody behind it: one on top of a bpffs, and one that no table names.
  const mountDead = (fd: number, on: string) =>
    `exec ${fd}<>/dev/fuse; mount -i -t fuse -o fd=${fd},rootmode=40000,user_id=0,group_id=0 dead ${on}`;
  const script = `mount -t bpf bpf ${bpf}; ${mountDead(3, bpf)}; ${mountDead(4, dead)}`;
  if (!has('unshare', '-m', 'sh', '-e', '-c', script)) return void t.pass('not here', {skip: 'no FUSE to mount'});
  const procRoot = makeProc(t, {7: {ns: '1', mounts: [`0:7 / ${dead}/sub`], root: '/'}});
  const child = await elsewhere(
    t,
    script,
    `const {readPins} = load('bpf.node');
     Promise.all([readPins(), readPins({procRoot: ${JSON.stringify(procRoot)}})]).then((all) => console.log(JSON.stringify(all)))`,
  );
  const [real, fake] = child.said as unknown as readonly NativePins[];
  t.ok(real!.unreadable > 0);
  t.match(fake, {pins: [], unreadable: 1});
  t.ok((await loadPinReader().readPins()).unreadable > 0, 'nor from outside');
});

t.test('a mount table may be garbage', async (t) => {
  if (kernelSkip) return void t.pass('not here', {skip: kernelSkip});
  const procRoot = makeProc(t, {7: {ns: '1', root: '/'}, 8: {ns: '2', root: '/'}, 9: {ns: '3', root: '/'}});
  writeFileSync(path.join(procRoot, '7/mountinfo'), ' - bpf \n - bpf\n - \n\n1 2 - bpf x\n1 2 3 4 \\1 - bpf');
  writeFileSync(path.join(procRoot, '8/mountinfo'), Buffer.alloc(9 << 20, 'x'));
  mkdirSync(path.join(procRoot, '9/mountinfo'));
  t.match(await loadPinReader().readPins({procRoot}), {pins: [], cutShort: true});
  await t.rejects(loadPinReader().readPins({procRoot: '/nowhere'}), {code: 'ENOENT', syscall: 'open(/proc)'});
});

const pin = (rest: Partial<NativePin>): NativePin => {
  return {via: 'prog', progId: 5, mapId: null, path: '/sys/fs/bpf/x', pid: null, comm: '', ...rest};
};
const reader = (pins: readonly NativePin[], rest: Partial<NativePins> = {}) => ({
  readPins: () => Promise.resolve({pins, cutShort: false, unreadable: 0, hidden: 0, ...rest}),
});

t.test('paths here come first; a struct_ops link pins the programs of its map', async (t) => {
  const pins = [
    pin({path: '/a', pid: 7, comm: 'agent'}),
    pin({path: '/c'}),
    pin({path: '/b', via: 'link'}),
    pin({path: '/ops', via: 'link', progId: null, mapId: 3}),
    pin({path: '/d', pid: 8}),
  ];
  const progs = [progInfo({id: 5}), progInfo({id: 6, mapIds: [3]})];
  const found = await lookAtPins(progs, '/', reader(pins));
  t.strictSame(
    [...found.byProg!].map(([id, each]) => [id, each.map(({path}) => path)]),
    [
      [5, ['/b', '/c', '/a (mount namespace of 7 agent)', '/d (mount namespace of 8)']],
      [6, ['/ops']],
    ],
  );
  t.match(found, {complete: showsAllProcesses('/proc'), warning: null});
});

t.test('what may be missing is said', async (t) => {
  const code = 'pins_incomplete';
  t.match(await lookAtPins([], '/', reader([], {cutShort: true})), {complete: false, warning: {code, message: /one look/}});
  t.match(await lookAtPins([], '/', reader([], {unreadable: 2})), {complete: false, warning: {code, message: /2 parts/}});
  t.match(await lookAtPins([], '/', reader([], {hidden: 2})), {complete: false, warning: null});
});

t.test('what is thrown says what to do', async (t) => {
  const failed = (code: string) => Object.assign(new Error(code), {code, syscall: 'x(Y)'});
  for (const [error, message] of [
    [failed('EPERM'), /x\(Y\): EPERM\. Run it with sudo/],
    [failed('EMFILE'), /ulimit -n/],
    [failed('EIO'), /report it/],
  ] as const) {
    const thrown = await lookAtPins([], '/', {readPins: () => Promise.reject(error)}).catch((each: unknown) => each);
    t.ok(thrown instanceof UserError);
    t.match((thrown as Error).message, message);
  }
  const bug = new TypeError('oops');
  await t.rejects(lookAtPins([], '/', {readPins: () => Promise.reject(bug)}), bug);
});

t.test('the search wants what it says it wants', {skip: kernelSkip}, (t) => {
  const {readPins} = loadPinReader();
  for (const wrong of [7, {procRoot: 7}, {mostMs: 'x'}]) t.throws(() => readPins(wrong as never), TypeError);
  t.end();
});
