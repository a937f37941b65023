/**
 * What a cgroup is called by those who made it: systemd's unit, the container runtime's id, the pod; and what the container and pod are
 * called, from files that the runtimes and the kubelet leave on the host. No daemon is asked.
 *
 * A path is read from the root: what stands first was made by the host, what follows by whoever lives there, and may be a lie.
 */
import {join} from 'node:path';
import type {CgroupIdentity, CgroupLine, ContainerName, ContainerNames, ContainerRuntime} from '../sample/owners.js';
import {HostFiles} from './host-files.js';

/** Where the kernel says that a removed cgroup was. */
const removed = / \(deleted\)$/;

/**
 * A container's cgroup: `docker-ID.scope` (systemd drivers), `crio-ID` (CRI-O's cgroupfs driver), a bare ID (docker, containerd), or
 * `SLICE:cri-containerd:ID` (a containerd whose driver isn't the kubelet's). `conmon` watches a container from outside: no match.
 */
const containerCgroup =
  /^(?:.+?:)?(?:(docker|nerdctl|cri-containerd|containerd|crio|libpod|libpod-payload)[-:])?([0-9a-f]{64})(?:\.scope)?$/;

const runtimes: Readonly<Record<string, ContainerRuntime>> = {
  docker: 'docker',
  nerdctl: 'containerd',
  'cri-containerd': 'containerd',
  containerd: 'containerd',
  crio: 'cri-o',
  libpod: 'podman',
  'libpod-payload': 'podman',
};

/** Parents whose bare ids are their own. */
const parents: Readonly<Record<string, ContainerRuntime>> = {docker: 'docker', libpod_parent: 'podman'};

/** `podUID` (cgroupfs), `kubepods-burstable-podUID.slice` with _ for - (systemd); a static pod's uid is 32 digits without dashes. */
const podCgroup =
  /^(?:(?:[\w-]+-)?kubepods(?:-besteffort|-burstable)?-)?pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?:\.slice(?::.*)?)?$/;

const unitCgroup = /\.(?:service|scope|socket|mount|swap)$/;

/** What one path tells. */
export function identifyPath(path: string): CgroupIdentity {
  const cgroup = path.replace(removed, '');
  // From inside a cgroup namespace, what is outside begins with `..`.
  const parts = cgroup.split('/').filter((part) => part !== '' && part !== '..');
  const uid = parts[0] === 'user.slice' ? /^user-(\d{1,10})\.slice$/.exec(parts[1] ?? '') : null;

  const containers = parts.flatMap((part, index) => {
    const found = containerCgroup.exec(part);
    if (!found) return [];
    const runtime = found[1] === undefined ? parents[parts[index - 1] ?? ''] : runtimes[found[1]];
    return [{id: found[2]!, index, runtime: runtime ?? null}];
  });
  const [outermost, ...nested] = containers;
  const ofHost = parts.slice(0, outermost ? outermost.index + 1 : parts.length);
  const pod = ofHost.map((part) => podCgroup.exec(part)?.[1]).find((found) => found !== undefined);
  const unit = unitOf(ofHost);
  return {
    cgroup,
    unit: unit?.name ?? null,
    userUnit: unit && /^user@\d+\.service$/.test(unit.name) ? (unitOf(ofHost.slice(unit.index + 1))?.name ?? null) : null,
    uid: uid ? Number(uid[1]) : null,
    podUid: pod?.replaceAll('_', '-') ?? null,
    containerId: outermost?.id ?? null,
    nestedIds: nested.map(({id}) => id),
    runtime: outermost?.runtime ?? null,
    ofHost: uid === null && !delegated(ofHost),
  };
}

/**
 * Whether this is below the cgroup of a service, which may make what it likes there (Delegate=). Two runtimes do put containers
 * there: podman with --cgroups=split, and a containerd that takes systemd's form for a path.
 */
function delegated(parts: readonly string[]): boolean {
  const last = parts.at(-1) ?? '';
  return parts.slice(0, -1).some((part) => part.endsWith('.service')) && !/^libpod-payload-|:cri-containerd:/.test(last);
}

/** The unit that follows the slices, as systemd's cg_path_get_unit() finds it (src/basic/cgroup-util.c). */
function unitOf(parts: readonly string[]): {name: string; index: number} | null {
  const index = parts.findIndex((part) => !part.endsWith('.slice'));
  // systemd puts _ before a name that would be a file of the kernel's.
  const name = parts[index]?.replace(/^_/, '');
  return name !== undefined && unitCgroup.test(name) ? {name, index} : null;
}

/** The order in which hierarchies are asked: v2, then systemd's own, then those that runtimes always use. */
const order = ['', 'name=systemd', 'memory', 'pids', 'cpu'];

/**
 * What all lines of a process tell, from the one path that tells most: a container (the host's, if there is one), else a unit or pod,
 * else that it isn't in the root. On a hybrid host the v2 path is often `/`, and runtimes that don't work through systemd are in the
 * controllers' hierarchies alone.
 * @returns null where there are no lines.
 */
export function identifyCgroups(lines: readonly CgroupLine[]): CgroupIdentity | null {
  const rank = ({controllers}: CgroupLine) => {
    const found = order.findIndex((name) => controllers.split(',').includes(name));
    return found < 0 ? order.length : found;
  };
  const all = [...lines].sort((a, b) => rank(a) - rank(b)).map(({path}) => identifyPath(path));
  return (
    all.find(({containerId, ofHost}) => containerId && ofHost) ??
    all.find(({containerId}) => containerId) ??
    all.find(({unit, podUid}) => unit ?? podUid) ??
    all.find(({cgroup}) => cgroup !== '/') ??
    all[0] ??
    null
  );
}

/** What to look up, and where. */
export interface NamingOptions {
  /** What stands for `/`; `/` by default. */
  readonly hostRoot?: string;
  /** The containers that are asked about. */
  readonly ids: Iterable<string>;
}

/** Names in a directory of which no more are read. */
const mostEntries = 20_000;
const wholeId = /^[0-9a-f]{64}$/;

/**
 * Looks containers up in the kubelet's log directories, then in docker's, then in podman's (and CRI-O's, which keeps its containers in the
 * same store). Nothing is thrown: what can't be read or understood is not known.
 */
export async function nameContainers({hostRoot = '/', ids}: NamingOptions): Promise<ContainerNames> {
  const files = new HostFiles(hostRoot);
  const wanted = new Set([...ids].filter((id) => wholeId.test(id)));
  const pods = await podsByLogs(files);
  const containers = new Map<string, ContainerName>();
  const add = (id: string, name: ContainerName | null) => {
    if (name && wanted.has(id) && !containers.has(id)) containers.set(id, name);
  };
  for (const [id, name] of await kubeletLogs(files)) add(id, name);
  for (const id of wanted) if (!containers.has(id)) add(id, await dockerName(files, id));
  if (wanted.size > containers.size)
    for (const store of stores) for (const [id, name] of await storedNames(files, store)) add(id, name);
  return {containers, pods};
}

/**
 * The kubelet's links /var/log/containers/POD_NAMESPACE_CONTAINER-ID.log. None of the three names can have an underscore (DNS labels,
 * RFC 1123).
 */
async function kubeletLogs(files: HostFiles): Promise<[string, ContainerName][]> {
  const names = await files.list('/var/log/containers', mostEntries);
  return names.flatMap((file): [string, ContainerName][] => {
    const found = /^([^_]+)_([^_]+)_([^_]+)-([0-9a-f]{64})\.log$/.exec(file);
    return found ? [[found[4]!, {name: found[3]!, pod: found[1]!, namespace: found[2]!}]] : [];
  });
}

/** The kubelet's directories /var/log/pods/NAMESPACE_POD_UID. */
async function podsByLogs(files: HostFiles): Promise<ContainerNames['pods']> {
  const pods = new Map<string, {pod: string; namespace: string}>();
  for (const dir of await files.list('/var/log/pods', mostEntries)) {
    const found = /^([^_]+)_([^_]+)_([0-9a-f-]{32,36})$/.exec(dir);
    if (found) pods.set(found[3]!, {pod: found[2]!, namespace: found[1]!});
  }
  return pods;
}

/** docker's state of one container; its name begins with a slash. */
async function dockerName(files: HostFiles, id: string): Promise<ContainerName | null> {
  const state = object(await files.json(join('/var/lib/docker/containers', id, 'config.v2.json')));
  // A container's directory is called after it; one that says otherwise is something else.
  if (state?.['ID'] !== id) return null;
  const labels = object(object(state['Config'])?.['Labels']);
  return labelled(labels) ?? plainName(text(state['Name'])?.replace(/^\//, ''));
}

/** Where containers/storage keeps containers: root's podman and CRI-O. */
const stores = ['overlay', 'vfs', 'btrfs', 'zfs'].map((driver) => `/var/lib/containers/storage/${driver}-containers`);

/** podman's list of containers, with a directory for each; of a pod's, the OCI annotations in its userdata say more. */
async function storedNames(files: HostFiles, store: string): Promise<[string, ContainerName | null][]> {
  const list = await files.json(join(store, 'containers.json'));
  if (!Array.isArray(list)) return [];
  const found: [string, ContainerName | null][] = [];
  for (const entry of list.slice(0, mostEntries).map(object)) {
    const id = text(entry?.['id']);
    if (id === null || !wholeId.test(id)) continue;
    const names = entry?.['names'];
    const name = plainName(text(Array.isArray(names) ? names[0] : null));
    const spec = name?.pod ? null : object(await files.json(join(store, id, 'userdata/config.json')));
    found.push([id, labelled(object(spec?.['annotations'])) ?? name]);
  }
  return found;
}

/** The labels and annotations that the kubelet's runtimes set. */
function labelled(labels: Readonly<Record<string, unknown>> | null): ContainerName | null {
  const pod = text(labels?.['io.kubernetes.pod.name']);
  if (pod === null) return null;
  return {
    name: text(labels?.['io.kubernetes.container.name']),
    pod,
    namespace: text(labels?.['io.kubernetes.pod.namespace']),
  };
}

/** A name as the runtime has it; CRI's runtimes write `k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT`. */
function plainName(name: string | null | undefined): ContainerName | null {
  if (!name) return null;
  const cri = /^k8s_([^_]+)_([^_]+)_([^_]+)_[^_]+_\d+$/.exec(name);
  return cri ? {name: cri[1]!, pod: cri[2]!, namespace: cri[3]!} : {name, pod: null, namespace: null};
}

/** The longest name that is taken for one: a DNS subdomain's length. */
const longestName = 253;

function text(value: unknown): string | null {
  return typeof value === 'string' && value.length > 0 && value.length <= longestName ? value : null;
}

function object(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}

/**
 * What the container of a cgroup is called. One that the host did not make is not looked up: its maker can take the id of another's
 * container.
 * @returns null: in no container or pod, or nothing is known of it.
 */
export function nameOf(identity: CgroupIdentity, names: ContainerNames): ContainerName | null {
  if (!identity.ofHost) return null;
  const container = identity.containerId === null ? undefined : names.containers.get(identity.containerId);
  const pod = identity.podUid === null ? undefined : names.pods.get(identity.podUid);
  if (!container && !pod) return null;
  return {
    name: container?.name ?? null,
    pod: container?.pod ?? pod?.pod ?? null,
    namespace: container?.namespace ?? pod?.namespace ?? null,
  };
}
