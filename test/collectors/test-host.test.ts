/**
 * A host as others have them, of real parts: cgroups laid out as container runtimes and systemd lay them out, a process with a program in
 * each, the runtimes' files below a root of its own, two network namespaces with a pair of interfaces, and pins in two mount namespaces.
 */
import {mkdirSync, mkdtempSync, rmdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t, {type Test} from 'tap';
import {startChild} from '../helpers/child.js';
import {type Document, settledDocument} from '../helpers/cli.js';
import {kernelSkip} from '../helpers/kernel.js';
import {has, mountOf} from '../helpers/mounts.js';

const cgroups = mountOf('cgroup2');
const hostSkip: string | false =
  kernelSkip ||
  (cgroups === undefined && 'no cgroup2 mounted') ||
  (!has('unshare', '-m', '-n', 'true') && 'needs unshare and the right to use it');

const idOf = (n: number) => `${n}0ffee`.padEnd(64, 'abcdef0123456789');
const dashed = '01234567-89ab-cdef-0123-456789abcdef';
const slices = `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${dashed.replaceAll('-', '_')}.slice`;
const nobody = {unit: null, container_id: null, container: null, pod: null, namespace: null};
const checkout = {pod: 'checkout-x7', namespace: 'shop'};

/** Where a process is, and what is to be said of it. */
const homes: readonly {readonly name: string; readonly cgroup: string; readonly owner: object}[] = [
  {
    name: 'systemd_kubelet',
    cgroup: `${slices}/cri-containerd-${idOf(1)}.scope`,
    owner: {unit: `cri-containerd-${idOf(1)}.scope`, container_id: idOf(1), container: 'api', ...checkout},
  },
  {
    name: 'cgroupfs_kubele',
    cgroup: `kubepods/besteffort/pod${dashed}/${idOf(2)}`,
    owner: {unit: null, container_id: idOf(2), container: 'sidecar', ...checkout},
  },
  {
    name: 'docker_systemd',
    cgroup: `system.slice/docker-${idOf(3)}.scope`,
    owner: {unit: `docker-${idOf(3)}.scope`, container_id: idOf(3), container: 'web', pod: null, namespace: null},
  },
  {
    name: 'docker_cgroupfs',
    cgroup: `docker/${idOf(4)}`,
    owner: {unit: null, container_id: idOf(4), container: 'cache', pod: null, namespace: null},
  },
  {
    name: 'podman',
    cgroup: `machine.slice/libpod-${idOf(5)}.scope`,
    owner: {unit: `libpod-${idOf(5)}.scope`, container_id: idOf(5), container: 'quiet_fox', pod: null, namespace: null},
  },
  {
    name: 'crio',
    cgroup: `${slices}/crio-${idOf(6)}.scope`,
    owner: {unit: `crio-${idOf(6)}.scope`, container_id: idOf(6), container: 'store', ...checkout},
  },
  {name: 'service', cgroup: 'system.slice/agent.service', owner: {...nobody, unit: 'agent.service'}},
  {
    name: 'nested',
    cgroup: `docker/${idOf(4)}/docker/${idOf(7)}`,
    owner: {unit: null, container_id: idOf(4), container: 'cache', pod: null, namespace: null},
  },
  // Made by a user, whoever it says it is: no name of another's container.
  {
    name: 'fake',
    cgroup: `user.slice/user-1000.slice/user@1000.service/docker-${idOf(3)}.scope`,
    owner: {container: null, pod: null, namespace: null},
  },
];

/** What the runtimes leave on a host, below `dir`. */
function writeState(dir: string): void {
  const write = (file: string, text: string) => {
    mkdirSync(path.join(dir, path.dirname(file)), {recursive: true});
    writeFileSync(path.join(dir, file), text);
  };
  const log = (container: string, id: string) => write(`var/log/containers/checkout-x7_shop_${container}-${id}.log`, '');
  log('api', idOf(1));
  log('sidecar', idOf(2));
  log('store', idOf(6));
  for (const [id, name] of [
    [idOf(3), 'web'],
    [idOf(4), 'cache'],
    [idOf(7), 'inner'],
  ] as const)
    write(
      `var/lib/docker/containers/${id}/config.v2.json`,
      JSON.stringify({ID: id, Name: `/${name}`, Config: {Labels: {}}}),
    );
  const stored = [{id: idOf(5), names: ['quiet_fox']}];
  write('var/lib/containers/storage/overlay-containers/containers.json', JSON.stringify(stored));
}

/** Makes a cgroup and what is above it; whatever of that wasn't there goes when the test ends. */
function makeCgroup(t: Test, cgroup: string): string {
  const made: string[] = [];
  let dir = cgroups!;
  for (const part of cgroup.split('/')) {
    dir = path.join(dir, part);
    try {
      mkdirSync(dir);
      made.unshift(dir);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  t.teardown(() => made.forEach((each) => rmdirSync(each)));
  return dir;
}

/** A child that goes into a cgroup, then loads a program of that name and does what `more` says with it, and prints what that gives. */
async function settle<T>(
  t: Test,
  name: string,
  cgroup: string | null,
  more = '{}',
  wrapper: readonly string[] = [],
): Promise<T> {
  const child = startChild(
    t,
    `const cgroup = ${JSON.stringify(cgroup)};
     if (cgroup) require('node:fs').writeFileSync(cgroup + '/cgroup.procs', '0');
     const testbed = load('testbed.node');
     const keep = [];
     const hold = (spec, point) => {
       const prog = testbed.load(spec);
       keep.push(prog);
       if (point) prog.attach(point);
       return prog;
     };
     const prog = hold({type: 'xdp', name: '${name}'});
     console.log(JSON.stringify({id: prog.id, pid: process.pid, ...${more}}));
     process.stdin.resume();`,
    {wrapper},
  );
  // Or the cgroup can't be removed: what is torn down first is what was set up last.
  t.teardown(async () => {
    child.kill('SIGKILL');
    await child.end;
  });
  const line = await child.line();
  if (line === undefined) throw new Error((await child.end).stderr);
  return JSON.parse(line) as T;
}

t.test('a host with everything on it, in one document', {skip: hostSkip}, async (t) => {
  const hostRoot = mkdtempSync(path.join(tmpdir(), 'bpftop-test-'));
  t.teardown(() => rmSync(hostRoot, {recursive: true}));
  // As if the host were mounted there.
  for (const dir of ['proc', 'sys']) symlinkSync(`/${dir}`, path.join(hostRoot, dir));
  writeState(hostRoot);

  const settled = new Map<string, {id: number; pid: number}>();
  for (const {name, cgroup} of homes) settled.set(name, await settle(t, name, makeCgroup(t, cgroup)));

  type Net = {id: number; netns: string; tc: number};
  const inNet = `{
    netns: require('node:fs').readlinkSync('/proc/self/ns/net'),
    tc: hold({type: 'sched_cls'}, {tcIngress: 7}).id,
    xdp: prog.attach({xdpNetlink: 7}),
  }`;
  const withVeth = (words: string) => ['sh', '-c', `${words} && exec "$@"`, 'sh'];
  const here = has('unshare', '-n', 'ip', 'link', 'add', 'name', 'a', 'type', 'veth');
  const one = here
    ? await settle<Net & {pid: number}>(t, 'left', null, inNet, [
        'unshare',
        '-n',
        ...withVeth('ip link add left index 7 type veth peer name right index 8'),
      ])
    : null;
  const move = (pid: number) =>
    withVeth(
      `nsenter -t ${pid} -n ip link set right netns $$ && ip link set right down && (ip link set right name right7 || true)`,
    );
  const two = one
    ? await settle<{id: number; netns: string}>(
        t,
        'right',
        null,
        `{netns: require('node:fs').readlinkSync('/proc/self/ns/net'), xdp: prog.attach({xdpNetlink: 8})}`,
        ['unshare', '-n', ...move(one.pid)],
      )
    : null;

  const pinned = `(load('bpf.node').mountBpffs('${hostRoot}/var'), prog.pin('${hostRoot}/var/kept'), {})`;
  const pins: {id: number; pid: number}[] = [];
  for (const name of ['pinned_one', 'pinned_two'])
    pins.push(await settle<{id: number; pid: number}>(t, name, null, pinned, ['unshare', '-m']));

  const ofHost = ['-d', '50ms', '--host-root', hostRoot];
  const {programs} = await settledDocument(ofHost);
  const find = (id: number) => programs.find((prog) => prog.id === id);

  for (const {name, cgroup, owner} of homes)
    t.test(name, (t) => {
      const {id, pid} = settled.get(name)!;
      const owners = find(id)?.['owners'] as {cgroup: string}[];
      t.match(owners, [{pid, comm: /./, via: 'prog', ...owner}]);
      t.equal(owners.length, 1);
      t.ok(owners[0]!.cgroup.endsWith(`/${cgroup}`), owners[0]!.cgroup);
      t.end();
    });

  t.test('a pair of interfaces, each in a namespace of its own', (t) => {
    if (!one || !two) {
      t.pass('not here', {skip: 'needs ip, and veth in the kernel'});
      return void t.end();
    }
    t.match(find(one.id)?.['links'], [{link_id: null, type: 'xdp', target: `left generic in ${one.netns}`}]);
    t.match(find(one.tc)?.['links'], [{link_id: null, type: 'tc', target: `left ingress in ${one.netns}`}]);
    t.match(find(two.id)?.['links'], [
      {link_id: null, type: 'xdp', target: new RegExp(`^right7? generic in ${two.netns.replace(/[[\]]/g, '\\$&')}$`)},
    ]);
    t.not(one.netns, two.netns);
    t.end();
  });

  t.test('pins of mount namespaces that this one does not see', (t) => {
    for (const {id, pid} of pins)
      t.match(find(id)?.['pins'], [new RegExp(`^${hostRoot}/var/kept .*\\b${pid}\\b`)], JSON.stringify(find(id)?.['pins']));
    t.end();
  });

  await t.test('a filter and a grouping by pod', async (t) => {
    const filtered = await settledDocument([...ofHost, '-f', 'pod:checkout']);
    const ofPod = ['systemd_kubelet', 'cgroupfs_kubele', 'crio'];
    t.strictSame(filtered.programs.map(({name}) => name).sort(), [...ofPod].sort());
    const {groups, programs: all} = (await settledDocument([...ofHost, '-g', 'pod'])) as Document & {
      groups: {group: string | null; program_ids: number[]}[];
    };
    const group = groups.find(({group}) => group?.includes('checkout-x7'));
    const names = group?.program_ids.map((id) => all.find((prog) => prog.id === id)?.name);
    t.strictSame(names?.sort(), [...ofPod].sort(), JSON.stringify(groups));
  });
});
