import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import t from 'tap';
import {identifyCgroups, identifyPath, nameContainers, nameOf} from '../../src/collectors/containers.js';
import {cgroupLines} from '../../src/collectors/processes.js';
import type {CgroupIdentity} from '../../src/sample/owners.js';

const a = 'a1'.repeat(32);
const b = 'b2'.repeat(32);
const podUid = '0a1b2c3d-1111-2222-3333-444455556666';
const underscored = podUid.replaceAll('-', '_');
const staticPod = '0123456789abcdef0123456789abcdef';

const nobody = {
  unit: null,
  userUnit: null,
  uid: null,
  podUid: null,
  containerId: null,
  nestedIds: [],
  runtime: null,
  ofHost: true,
};

/** What each path tells, beside what it tells nothing of. */
const paths: Readonly<Record<string, readonly [string, Partial<CgroupIdentity>]>> = {
  'the root': ['/', {}],
  'a service': ['/system.slice/nginx.service', {unit: 'nginx.service'}],
  'a template’s instance in its own slice': [
    '/system.slice/system-getty.slice/getty@tty1.service',
    {unit: 'getty@tty1.service'},
  ],
  'a cgroup below a service': ['/system.slice/foo.service/worker/1', {unit: 'foo.service', ofHost: false}],
  'a service that systemd had to escape': ['/system.slice/_cgroup.service', {unit: 'cgroup.service'}],
  'a slice alone': ['/system.slice', {}],
  init: ['/init.scope', {unit: 'init.scope'}],
  'a service that was stopped': [
    '/system.slice/old.service (deleted)',
    {cgroup: '/system.slice/old.service', unit: 'old.service'},
  ],
  'a login': ['/user.slice/user-1000.slice/session-3.scope', {unit: 'session-3.scope', uid: 1000, ofHost: false}],
  'a user’s service': [
    '/user.slice/user-1000.slice/user@1000.service/app.slice/sync.service',
    {unit: 'user@1000.service', userUnit: 'sync.service', uid: 1000, ofHost: false},
  ],
  'docker, systemd driver': [
    `/system.slice/docker-${a}.scope`,
    {unit: `docker-${a}.scope`, containerId: a, runtime: 'docker'},
  ],
  'docker, cgroupfs driver': [`/docker/${a}`, {containerId: a, runtime: 'docker'}],
  'docker with a parent of its own': [`/batch/${a}`, {containerId: a}],
  'rootless docker': [
    `/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${a}.scope`,
    {
      unit: 'user@1000.service',
      userUnit: `docker-${a}.scope`,
      uid: 1000,
      containerId: a,
      runtime: 'docker',
      ofHost: false,
    },
  ],
  'containerd under the kubelet, systemd driver': [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${underscored}.slice/cri-containerd-${a}.scope`,
    {unit: `cri-containerd-${a}.scope`, podUid, containerId: a, runtime: 'containerd'},
  ],
  'the same, guaranteed': [
    `/kubepods.slice/kubepods-pod${underscored}.slice/cri-containerd-${a}.scope`,
    {unit: `cri-containerd-${a}.scope`, podUid, containerId: a, runtime: 'containerd'},
  ],
  'containerd under the kubelet, cgroupfs driver': [`/kubepods/besteffort/pod${podUid}/${a}`, {podUid, containerId: a}],
  'a static pod': [`/kubepods/burstable/pod${staticPod}/${a}`, {podUid: staticPod, containerId: a}],
  'a pod without a container': [`/kubepods/burstable/pod${podUid}`, {podUid}],
  'containerd that takes systemd’s form for a path': [
    `/system.slice/containerd.service/kubepods-besteffort-pod${underscored}.slice:cri-containerd:${a}`,
    {unit: 'containerd.service', podUid, containerId: a, runtime: 'containerd'},
  ],
  'containerd alone, by nerdctl': [
    `/system.slice/nerdctl-${a}.scope`,
    {unit: `nerdctl-${a}.scope`, containerId: a, runtime: 'containerd'},
  ],
  'docker under the kubelet': [
    `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${underscored}.slice/docker-${a}.scope`,
    {unit: `docker-${a}.scope`, podUid, containerId: a, runtime: 'docker'},
  ],
  'CRI-O, systemd driver': [
    `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod${underscored}.slice/crio-${a}.scope/container`,
    {unit: `crio-${a}.scope`, podUid, containerId: a, runtime: 'cri-o'},
  ],
  'CRI-O, cgroupfs driver': [`/kubepods/burstable/pod${podUid}/crio-${a}`, {podUid, containerId: a, runtime: 'cri-o'}],
  'CRI-O’s monitor, which is in no container': [
    `/kubepods.slice/kubepods-pod${underscored}.slice/crio-conmon-${a}.scope`,
    {unit: `crio-conmon-${a}.scope`, podUid},
  ],
  'podman, systemd driver': [
    `/machine.slice/libpod-${a}.scope/container`,
    {unit: `libpod-${a}.scope`, containerId: a, runtime: 'podman'},
  ],
  'podman, cgroupfs driver': [`/libpod_parent/libpod-${a}`, {containerId: a, runtime: 'podman'}],
  'podman in a pod of its own': [
    `/machine.slice/machine-libpod_pod_${b}.slice/libpod-${a}.scope`,
    {unit: `libpod-${a}.scope`, containerId: a, runtime: 'podman'},
  ],
  'podman, split below its service': [
    `/system.slice/web.service/libpod-payload-${a}`,
    {unit: 'web.service', containerId: a, runtime: 'podman'},
  ],
  'podman’s monitor': [`/machine.slice/libpod-conmon-${a}.scope`, {unit: `libpod-conmon-${a}.scope`}],
  'rootless podman': [
    `/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${a}.scope/container`,
    {
      unit: 'user@1000.service',
      userUnit: `libpod-${a}.scope`,
      uid: 1000,
      containerId: a,
      runtime: 'podman',
      ofHost: false,
    },
  ],
  'docker in docker': [`/docker/${a}/docker/${b}`, {containerId: a, nestedIds: [b], runtime: 'docker'}],
  'a cluster in a container': [
    `/docker/${a}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${underscored}.slice/cri-containerd-${b}.scope`,
    {containerId: a, nestedIds: [b], runtime: 'docker'},
  ],
  'a kubelet with a root of its own': [
    `/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod${underscored}.slice/cri-containerd-${a}.scope`,
    {unit: `cri-containerd-${a}.scope`, podUid, containerId: a, runtime: 'containerd'},
  ],
  'systemd in a container': [`/docker/${a}/system.slice/nginx.service`, {containerId: a, runtime: 'docker'}],
  'seen from inside a cgroup namespace': [
    `/../../system.slice/docker-${a}.scope`,
    {unit: `docker-${a}.scope`, containerId: a, runtime: 'docker'},
  ],
  'a service that calls its cgroup a container': [
    `/system.slice/evil.service/docker-${a}.scope`,
    {unit: 'evil.service', containerId: a, runtime: 'docker', ofHost: false},
  ],
  'a service that calls its cgroup a pod': [
    `/system.slice/evil.service/kubepods/pod${podUid}`,
    {unit: 'evil.service', podUid, ofHost: false},
  ],
  'an id that is too short': [`/docker/${a.slice(1)}`, {}],
  'an id that is too long': [`/docker/${a}0`, {}],
  'an id with other digits': [`/docker/${a.slice(1)}G`, {}],
  'names with newlines and escape codes': [
    `/system.slice/\x1b[31m\n.service/x`,
    {unit: '\x1b[31m\n.service', ofHost: false},
  ],
  'a very long path': [`${'/x'.repeat(20_000)}/${a}`, {containerId: a}],
};

for (const [what, [path, told]] of Object.entries(paths))
  t.test(`cgroup path: ${what}`, (t) => {
    t.strictSame(identifyPath(path), {...nobody, cgroup: path, ...told});
    t.end();
  });

const mounts: Readonly<Record<string, readonly [string, Partial<CgroupIdentity> | null]>> = {
  v2: [`0::/system.slice/docker-${a}.scope\n`, {containerId: a}],
  v1: [`4:memory:/docker/${a}\n1:name=systemd:/docker/${a}\n`, {cgroup: `/docker/${a}`, containerId: a}],
  'hybrid, the container in the controllers’ hierarchies alone': [
    `9:name=systemd:/\n4:memory:/docker/${a}\n0::/\n`,
    {containerId: a, runtime: 'docker'},
  ],
  'hybrid, a service': [
    '5:pids:/system.slice/ssh.service\n1:name=systemd:/system.slice/ssh.service\n0::/system.slice/ssh.service\n',
    {unit: 'ssh.service'},
  ],
  'a container goes before the unit of another hierarchy': [
    `3:cpu,cpuacct:/docker/${a}\n0::/system.slice/docker.service\n`,
    {containerId: a, unit: null},
  ],
  'the host’s container goes before one that a service made up': [
    `4:memory:/docker/${a}\n0::/system.slice/evil.service/docker-${b}.scope\n`,
    {containerId: a, ofHost: true},
  ],
  'neither: the one that isn’t the root': ['3:cpuset:/mine\n0::/\n', {cgroup: '/mine', unit: null, containerId: null}],
  'nowhere but in the root': ['4:memory:/\n0::/\n', {cgroup: '/', unit: null}],
  'no cgroups': ['', null],
};

for (const [what, [text, told]] of Object.entries(mounts))
  t.test(`hierarchies: ${what}`, (t) => {
    if (told === null) t.equal(identifyCgroups(cgroupLines(text)), null);
    else t.match(identifyCgroups(cgroupLines(text)), told);
    t.end();
  });

/** A host of files, `[path, text]`; text that begins with `-> ` is a symbolic link. */
function host(t: {teardown(done: () => unknown): void}, files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(root, {recursive: true}));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), {recursive: true});
    if (text.startsWith('-> ')) symlinkSync(text.slice(3), join(root, path));
    else writeFileSync(join(root, path), text);
  }
  return root;
}

const dockerState = (id: string, name: string, labels = {}) =>
  JSON.stringify({ID: id, Name: name, Config: {Labels: labels}});
const dockerFile = (id: string) => `var/lib/docker/containers/${id}/config.v2.json`;
const podmanFile = 'var/lib/containers/storage/overlay-containers/containers.json';
const labels = {
  'io.kubernetes.pod.name': 'web-0',
  'io.kubernetes.pod.namespace': 'shop',
  'io.kubernetes.container.name': 'nginx',
};
const nginx = {name: 'nginx', pod: 'web-0', namespace: 'shop'};
const alone = (name: string) => ({name, pod: null, namespace: null});

t.test('the kubelet’s logs name container, pod and namespace', async (t) => {
  const target = `/var/log/pods/shop_web-0_${podUid}/side-car/0.log`;
  const hostRoot = host(t, {
    [`var/log/containers/web-0_shop_side-car-${a}.log`]: `-> ${target}`,
    [`var/log/containers/web-0_shop_other-${b}.log`]: `-> ${target}`,
    'var/log/containers/nonsense.log': '',
    [target]: 'a line',
    [`var/log/pods/kube-system_etcd-node_${staticPod}/etcd/0.log`]: '',
    'var/log/pods/nonsense/0.log': '',
  });
  const names = await nameContainers({hostRoot, ids: [a, 'f'.repeat(64)]});
  t.strictSame([...names.containers], [[a, {name: 'side-car', pod: 'web-0', namespace: 'shop'}]], 'only what was asked for');
  t.strictSame(
    [...names.pods].sort(),
    [
      [podUid, {pod: 'web-0', namespace: 'shop'}],
      [staticPod, {pod: 'etcd-node', namespace: 'kube-system'}],
    ].sort(),
  );
  const pause = identifyPath(`/kubepods/besteffort/pod${podUid}/${b.replace('b', 'c')}`);
  t.strictSame(nameOf(pause, names), {name: null, pod: 'web-0', namespace: 'shop'}, 'its pod is known by its uid');
});

t.test('docker’s state names a container, its labels a pod’s', async (t) => {
  const c = 'c3'.repeat(32);
  const hostRoot = host(t, {
    [dockerFile(a)]: dockerState(a, '/web'),
    [dockerFile(b)]: dockerState(b, '/k8s_x', labels),
    [dockerFile(c)]: dockerState(c, '/k8s_nginx_web-0_shop_uid_0'),
  });
  t.strictSame(Object.fromEntries((await nameContainers({hostRoot, ids: [a, b, c]})).containers), {
    [a]: alone('web'),
    [b]: nginx,
    [c]: nginx,
  });
});

t.test('podman’s list names a container, the OCI annotations in its userdata a pod’s', async (t) => {
  const c = 'c3'.repeat(32);
  const hostRoot = host(t, {
    [podmanFile]: JSON.stringify([
      {id: a, names: ['web']},
      {id: b, names: ['pod-ctr']},
      {id: c, names: ['k8s_nginx_web-0_shop_uid_0']},
      {id: 'd4'.repeat(32), names: []},
      {id: `../${a}`, names: ['no id']},
      null,
      7,
    ]),
    [join(dirname(podmanFile), b, 'userdata/config.json')]: JSON.stringify({annotations: labels}),
  });
  const {containers} = await nameContainers({hostRoot, ids: [a, b, c, 'd4'.repeat(32), `../${a}`]});
  t.strictSame(Object.fromEntries(containers), {[a]: alone('web'), [b]: nginx, [c]: nginx});
});

t.test('a host without containers has no names', async (t) => {
  const hostRoot = host(t, {});
  t.strictSame(await nameContainers({hostRoot, ids: [a]}), {containers: new Map(), pods: new Map()});
  t.strictSame(await nameContainers({hostRoot: join(hostRoot, 'no such'), ids: [a]}), {
    containers: new Map(),
    pods: new Map(),
  });
});

t.test('links are followed below the host’s root, and not out of it', async (t) => {
  const elsewhere = host(t, {[`containers/${a}/config.v2.json`]: dockerState(a, '/outside')});
  const moved = host(t, {
    'var/lib/docker': '-> /data/./docker/',
    [`data/docker/containers/${a}/config.v2.json`]: dockerState(a, '/moved'),
  });
  t.strictSame((await nameContainers({hostRoot: moved, ids: [a]})).containers.get(a), alone('moved'));
  const up = host(t, {
    'var/lib/docker': `-> ${'../'.repeat(20)}data/docker`,
    [`data/docker/containers/${a}/config.v2.json`]: dockerState(a, '/up'),
  });
  t.strictSame((await nameContainers({hostRoot: up, ids: [a]})).containers.get(a), alone('up'));
  for (const target of [elsewhere, `${'../'.repeat(20)}${elsewhere}`]) {
    const hostRoot = host(t, {'var/lib/docker': `-> ${target}`});
    t.equal((await nameContainers({hostRoot, ids: [a]})).containers.size, 0, target);
  }
});

t.test('a link round in a circle is nothing', async (t) => {
  const hostRoot = host(t, {'var/lib/docker': '-> containers', 'var/lib/containers': '-> docker', 'var/log': '-> log'});
  t.equal((await nameContainers({hostRoot, ids: [a]})).containers.size, 0);
});

t.test('a FIFO where a state file should be is not waited for', async (t) => {
  const hostRoot = host(t, {[dockerFile(b)]: dockerState(b, '/web')});
  for (const path of [dockerFile(a), podmanFile]) {
    mkdirSync(dirname(join(hostRoot, path)), {recursive: true});
    if (spawnSync('mkfifo', [join(hostRoot, path)]).status !== 0) return void t.pass('not here', {skip: 'needs mkfifo'});
  }
  t.strictSame([...(await nameContainers({hostRoot, ids: [a, b]})).containers], [[b, alone('web')]]);
});

const bad: Readonly<Record<string, string>> = {
  nothing: '',
  'half a state': dockerState(a, '/web').slice(0, -9),
  'another’s state': dockerState(b, '/web'),
  'no object': '7',
  null: 'null',
  'an array': '[]',
  'a name that is none': JSON.stringify({ID: a, Name: {}}),
  'an empty name': dockerState(a, '/'),
  'a name of 4096 characters': dockerState(a, `/${'x'.repeat(4096)}`),
  'labels that are none': JSON.stringify({ID: a, Config: {Labels: [1]}}),
  'deep nesting': '['.repeat(200_000),
};
for (const [what, text] of Object.entries(bad))
  t.test(`a state file with ${what} says nothing`, async (t) => {
    const hostRoot = host(t, {[dockerFile(a)]: text, [podmanFile]: text});
    t.equal((await nameContainers({hostRoot, ids: [a]})).containers.size, 0);
  });

t.test('a huge state file is not read', async (t) => {
  const hostRoot = host(t, {[dockerFile(a)]: dockerState(a, '/web')});
  const {containers} = await nameContainers({hostRoot, ids: [a]});
  t.equal(containers.size, 1);
  writeFileSync(join(hostRoot, dockerFile(a)), `${dockerState(a, '/web')}${' '.repeat(9 * 1024 * 1024)}`);
  t.equal((await nameContainers({hostRoot, ids: [a]})).containers.size, 0);
  truncateSync(join(hostRoot, dockerFile(a)), 2 ** 40); // sparse
  t.equal((await nameContainers({hostRoot, ids: [a]})).containers.size, 0);
});

t.test('names are handed on as they are, whatever is in them', async (t) => {
  const evil = '\x1b[31m\n\u202eevil';
  const hostRoot = host(t, {
    [dockerFile(a)]: dockerState(a, `/${evil}`),
    [`var/log/containers/${evil}_shop_nginx-${b}.log`]: '-> nowhere',
  });
  const {containers} = await nameContainers({hostRoot, ids: [a, b]});
  t.equal(containers.get(a)!.name, evil);
  t.strictSame(containers.get(b), {...nginx, pod: evil});
});

t.test('whoever may name a cgroup gets no other’s name by it', async (t) => {
  const hostRoot = host(t, {[dockerFile(a)]: dockerState(a, '/bank'), [`var/log/pods/shop_web-0_${podUid}/x`]: ''});
  const names = await nameContainers({hostRoot, ids: [a]});
  const name = (path: string) => nameOf(identifyPath(path), names);
  t.strictSame(name(`/system.slice/docker-${a}.scope`), alone('bank'));
  t.equal(name(`/user.slice/user-1000.slice/user@1000.service/docker-${a}.scope`), null, 'a user');
  t.equal(name(`/system.slice/evil.service/docker-${a}.scope`), null, 'a service');
  t.equal(name(`/user.slice/user-1000.slice/user@1000.service/kubepods/pod${podUid}/${a}`), null, 'a user’s pod');
  t.equal(name(`/docker/${b}/docker/${a}`), null, 'a container');
  t.equal(name(`/docker/${b}/kubepods/pod${podUid}/${a}`), null, 'a container’s pod');
  t.equal(name('/system.slice/ssh.service'), null);
});

t.test('nothing is left open', async (t) => {
  const hostRoot = host(t, {
    [dockerFile(a)]: dockerState(a, '/web'),
    [podmanFile]: '[]',
    [`var/log/pods/a_b_${podUid}/x`]: '',
  });
  const before = readdirSync('/proc/self/fd').length;
  for (let i = 0; i < 20; i++) await nameContainers({hostRoot, ids: [a, b]});
  t.equal(readdirSync('/proc/self/fd').length, before);
});
