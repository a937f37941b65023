/** A host that is mounted in a directory: its own processes in a procfs of their own, and its files, beside those of this host. */
import {mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t, {type Test} from 'tap';
import {exitStatus} from '../../src/errors.js';
import {startChild} from '../helpers/child.js';
import {type Document, run} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {has, mountOf} from '../helpers/mounts.js';

const containerId = 'c0ffee'.padEnd(64, '7');

/** A cgroup like that of a container, gone when the test ends; undefined where there is no cgroup2. */
function makeCgroup(t: Test): string | undefined {
  const root = mountOf('cgroup2');
  if (root === undefined) return undefined;
  const slice = mkdtempSync(path.join(root, 'bpftop-test-'));
  const cgroup = path.join(slice, `docker-${containerId}.scope`);
  mkdirSync(cgroup);
  t.teardown(() => {
    rmdirSync(cgroup);
    rmdirSync(slice);
  });
  return cgroup;
}

t.test(
  '--host-root: owners, pods, pins, names and network namespaces are those of the host below it',
  {skip: kernelSkip},
  async (t) => {
    if (!has('unshare', '-m', '-n', '-p', '-f', '--kill-child', 'true'))
      return void t.pass('not here', {skip: 'needs unshare'});
    const cgroup = makeCgroup(t);
    const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
    t.teardown(() => rmSync(dir, {recursive: true}));
    for (const each of ['proc', 'etc', 'bpf', 'var/log/containers', 'sys/devices/system/cpu'])
      mkdirSync(path.join(dir, each), {recursive: true});
    writeFileSync(path.join(dir, 'etc/hostname'), 'node-7\n');
    writeFileSync(path.join(dir, 'sys/devices/system/cpu/online'), '0-6\n');
    writeFileSync(path.join(dir, `var/log/containers/checkout-x7_shop_api-${containerId}.log`), '');

    const child = startChild(
      t,
      `const {writeFileSync} = require('node:fs');
     const cgroup = ${JSON.stringify(cgroup ?? null)};
     if (cgroup) writeFileSync(cgroup + '/cgroup.procs', '0');
     load('bpf.node').mountBpffs(${JSON.stringify(`${dir}/bpf`)});
     const prog = load('testbed.node').load({type: 'sched_cls', name: 'in_host'});
     prog.attach({tcIngress: 1});
     prog.pin(${JSON.stringify(`${dir}/bpf/prog`)});
     console.log(prog.id);
     process.stdin.resume();`,
      {
        wrapper: [
          'unshare',
          '-m',
          '-n',
          '-p',
          '-f',
          '--kill-child',
          'sh',
          '-e',
          '-c',
          `mount -t proc proc ${dir}/proc; exec "$@"`,
          'sh',
        ],
      },
    );
    const said = await child.line();
    if (said === undefined) throw new Error((await child.end).stderr);
    // In this mount namespace that procfs isn't mounted; the way to it leads through the unshare that waits for its child.
    const {pid} = child;
    const hostRoot = `/proc/${pid}/root${dir}`;
    const {stdout, stderr, status} = await run(['--json', '-d', '50ms', '--host-root', hostRoot]);
    t.equal(status, 0, stderr);
    const document = JSON.parse(stdout) as Document & {host: unknown};
    t.match(document.host, {hostname: 'node-7', cpus_online: 7});
    const prog = document.programs.find(({id}) => id === Number(said));
    t.match(prog, {owners: [{pid: 1, comm: /./, via: 'prog'}], pins: [`${dir}/bpf/prog`]});
    t.match(prog, {links: [{type: 'tc', target: 'lo ingress'}]});
    if (cgroup === undefined) t.comment('no cgroup2: no container');
    else t.match(prog, {owners: [{container_id: containerId, container: 'api', pod: 'checkout-x7', namespace: 'shop'}]});
    child.kill('SIGKILL');
    await child.end;
  },
);

t.test('in a pid namespace nothing is said to be attached or pinned nowhere', {skip: kernelSkip}, async (t) => {
  const inNamespace = ['unshare', '-p', '-f', '--mount-proc'] as const;
  if (!has(...inNamespace, 'true')) return void t.pass('not here', {skip: 'needs unshare'});
  const {id} = loadProg(t, {type: 'sched_cls'});
  const {stdout, stderr, status} = await run(['--json', '-d', '50ms'], {through: inNamespace});
  t.equal(status, 0, stderr);
  const prog = (JSON.parse(stdout) as Document).programs.find((each) => each.id === id);
  t.match(prog, {links: null, pins: null, owners: null});
});

t.test('--host-root: a directory without a host in it is bad usage', async (t) => {
  const {stdout, stderr, status} = await run(['--json', '--host-root', '/nowhere']);
  t.match({stdout, status}, {stdout: '', status: exitStatus.usage});
  t.match(stderr, /^bpftop-ts: --host-root '\/nowhere': stat: ENOENT\. Mount the host there: [^\n]+\n$/);
});
