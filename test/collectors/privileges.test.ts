/** What sources need once they have begun is tried: as nobody, with that, they tell what root is told. */
import {spawn, spawnSync} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {chmodSync, mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import {fileURLToPath} from 'node:url';
import t, {type Test} from 'tap';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {type Capability, dropPrivileges, needsAfterSetUp} from '../../src/collectors/privileges.js';
import {lookers} from '../../src/collectors/sources.js';
import {UserError} from '../../src/errors.js';
import type {LastingSource} from '../../src/sample/sources.js';
import {startChild} from '../helpers/child.js';
import {iteratorSkip} from '../helpers/kernel.js';
import {mountOf} from '../helpers/mounts.js';

const cgroups = mountOf('cgroup2');
const fixture = fileURLToPath(new URL('../fixtures/privileges.ts', import.meta.url));

/** Who has given up all but these; the function it returns asks for a program. */
async function startReduced(t: Test, source: LastingSource, keep: Iterable<Capability>, hostRoot = '/') {
  const words = ['-u', 'NODE_OPTIONS', process.execPath, '--import', 'tsx', fixture, source, [...keep].join(), hostRoot];
  const child = spawn('env', words, {stdio: ['pipe', 'pipe', 'inherit']});
  t.teardown(async () => {
    child.stdin.end();
    if (child.exitCode === null) await once(child, 'exit');
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  if ((await next()) !== 'ready') throw new Error('it has not begun');
  return (id: number) => {
    child.stdin.write(`${id}\n`);
    return next();
  };
}

t.test(
  'a source that has begun goes on with what it is said to need, and not with less',
  {skip: iteratorSkip},
  async (t) => {
    const sources: readonly LastingSource[] = ['owners', 'links', 'maps', 'names'];
    const asked = await Promise.all(
      sources.map(async (source) => ({
        source,
        reduced: await startReduced(t, source, needsAfterSetUp('iterator', [source])),
        bare: await startReduced(t, source, []),
      })),
    );
    // Of root's, in a network namespace of its own, and later than what is asked.
    const loader = startChild(
      t,
      `const prog = load('testbed.node').load({type: 'sched_cls', name: 'its_name_is_15c', maps: ['its_map']});
    prog.attach({tcx: 1});
    console.log(prog.id);
    process.stdin.resume();`,
      {wrapper: ['unshare', '--net']},
    );
    const id = Number(await loader.line());
    const kernel = new KernelCollector({enableStats: false});
    const {progs, timeNs} = await kernel.sample();
    for (const {source, reduced, bare} of asked) {
      const look = lookers[source]('/');
      const all = (await look(progs.info, timeNs)).byProg?.get(id) ?? [];
      look.close?.();
      t.same(JSON.parse(await reduced(id)), JSON.parse(JSON.stringify(all)), source);
      if (source === 'links') t.match(all, [{target: /^lo in net:/}], 'which takes looking into its namespace');
      // Its holders an iterator tells. What their containers are called is tried below.
      if (source !== 'owners') t.match(await bare(id), /^UserError: .*EPERM\. Run it with sudo/, source);
      else t.match(JSON.parse(await bare(id)), [{pid: loader.pid}]);
    }
    kernel.close();
  },
);

/** A host with a container, whose name a file for root alone tells; its root, and the container's cgroup. */
function hostWithContainer(t: Test, cgroups: string): {root: string; cgroup: string} {
  const root = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  t.teardown(() => rmSync(root, {recursive: true}));
  chmodSync(root, 0o755);
  symlinkSync('/proc', path.join(root, 'proc'));
  const id = randomBytes(32).toString('hex');
  const dir = path.join(root, 'var/lib/docker/containers', id);
  mkdirSync(dir, {recursive: true});
  writeFileSync(path.join(dir, 'config.v2.json'), JSON.stringify({ID: id, Name: '/web'}), {mode: 0o600});
  const cgroup = path.join(cgroups, `docker-${id}.scope`);
  mkdirSync(cgroup);
  t.teardown(() => rmdirSync(cgroup));
  return {root, cgroup};
}

t.test(
  'what a container is called is told with what its owners are said to need, and not with less',
  {skip: iteratorSkip || (cgroups === undefined && 'needs cgroup2')},
  async (t) => {
    const {root, cgroup} = hostWithContainer(t, cgroups!);
    const loader = startChild(
      t,
      `require('node:fs').writeFileSync(${JSON.stringify(path.join(cgroup, 'cgroup.procs'))}, '0');
    const prog = load('testbed.node').load({type: 'xdp', name: 'contained'});
    console.log(prog.id);
    process.stdin.resume();`,
    );
    // Or the cgroup can't be removed.
    t.teardown(async () => {
      loader.kill('SIGKILL');
      await loader.end;
    });
    const id = Number(await loader.line());
    const told = async (keep: Iterable<Capability>) =>
      JSON.parse(await (await startReduced(t, 'owners', keep, root))(id)) as unknown;
    t.match(await told(needsAfterSetUp('iterator', ['owners'])), [{pid: loader.pid, container: 'web'}]);
    t.match(await told([]), [{pid: loader.pid, container: null}]);
  },
);

t.test('the walk goes on asking for ids; an iterator needs nothing', (t) => {
  t.same([...needsAfterSetUp('walk', [])], ['CAP_SYS_ADMIN']);
  t.same([...needsAfterSetUp('iterator', [])], []);
  t.end();
});

t.test(
  'what has not been given up is an error, whatever the call says',
  {skip: process.getuid?.() !== 0 && 'needs root'},
  (t) => {
    const does = (dropPrivilegesOf: () => void) => () =>
      dropPrivileges(new Set(), 'nobody', {dropPrivileges: dropPrivilegesOf});
    t.throws(
      does(() => {}),
      new UserError(`cannot give up privileges: thread ${process.pid} keeps some. Start it as root, with sudo.`, 77),
    );
    const error = Object.assign(new Error('prctl: EINVAL: thread 7'), {code: 'EINVAL', syscall: 'prctl'});
    t.throws(
      does(() => {
        throw error;
      }),
      {message: 'cannot give up privileges: prctl: EINVAL: thread 7. Start it as root, with sudo.', exitStatus: 77},
    );
    t.end();
  },
);

const inNamespace = ['-u', 'NODE_OPTIONS', 'unshare', '--user', '--map-root-user'];
const namespaceSkip = spawnSync('env', [...inNamespace, 'true']).status !== 0 && 'needs user namespaces';

t.test('a user namespace in which nobody can become nobody is named', {skip: namespaceSkip}, (t) => {
  const module = JSON.stringify(new URL('../../src/collectors/privileges.ts', import.meta.url));
  for (const become of ['nobody', 'nobody if possible']) {
    const script = `(await import(${module})).dropPrivileges(new Set(), '${become}')`;
    const words = [...inNamespace, process.execPath, '--import', 'tsx', '--input-type=module', '-e', script];
    const {stderr} = spawnSync('env', words, {encoding: 'utf8'});
    t.match(stderr, /cannot give up privileges: setgroups: EPERM.*\. Its user namespace forbids setgroups, or has no uid/);
  }
  t.end();
});
