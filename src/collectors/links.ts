/**
 * What programs are attached to: BPF links, as the addon gives them, put into words, what the network namespaces have, and what readers of
 * other kinds find. Slow beside the counters: 10 µs a link, 20 µs an interface, and a walk over all cgroups when a new one comes up.
 */
import {loadLinkReader, type NativeLink, type NativeLinkReader, type NativeNetNamespaces} from '../addon.js';
import {isNotPermitted, isSystemError} from '../errors.js';
import {attachTypeName, linkTypeName, type LinkTypeName, type ProgLink} from '../sample/links.js';
import {progTypeName} from '../sample/prog-types.js';
import type {Found} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {CgroupPaths} from './cgroup-paths.js';
import {explain, type Remedies} from './explain.js';
import {homeProcess, inHost} from './host-root.js';
import {addTo} from './lists.js';
import {netPlaces} from './net-places.js';
import {showsAllProcesses} from './processes.js';
import {TracingTargets} from './tracing-targets.js';

/** A cgroup without its path is still a cgroup: the search for them ends after so many ms. */
const cgroupsMs = 1000;

const remedies: Remedies = {
  notPermitted: 'Run it with sudo; listing BPF links needs CAP_SYS_ADMIN.',
  unsupported: "This kernel can't list BPF links; Linux 5.8 and later can.",
};

/** What finds attachments that have no link. */
export interface UnlinkedReader {
  /**
   * One reading, beside the links that were read just before. What has a link too may be in it: the same program, type, attach type and
   * target in the same words are the same attachment.
   */
  read(progs: readonly ProgInfo[], links: readonly NativeLink[]): Promise<Found<ProgLink>>;
}

/** Reads what the programs of this kernel are attached to. */
export class LinksCollector {
  readonly #reader: NativeLinkReader;
  readonly #unlinked: readonly UnlinkedReader[];
  readonly #cgroups: CgroupPaths;
  readonly #procRoot: string;
  /** undefined: this thread, which may be in another network namespace than the process's first. */
  readonly #home: string | undefined;
  #targets: TracingTargets | null = null;

  /**
   * `root` stands before every path.
   * @throws UserError (69) where this isn't Linux or the addon can't be loaded.
   */
  constructor(root = '/', reader: NativeLinkReader = loadLinkReader(), unlinked: readonly UnlinkedReader[] = []) {
    this.#reader = reader;
    this.#unlinked = unlinked;
    this.#cgroups = new CgroupPaths(root);
    this.#procRoot = inHost(root, 'proc');
    this.#home = root === '/' ? undefined : homeProcess(root);
  }

  /**
   * One reading.
   * @throws UserError: 77 where this process may not read links, 69 where this kernel has none, 1 otherwise.
   */
  async read(progs: readonly ProgInfo[]): Promise<Found<ProgLink>> {
    const {links, unreadable} = await this.#reader.readLinks().catch((error: unknown) => {
      throw explain(error, remedies);
    });
    // After the links: one that is made meanwhile is then in none of them, instead of in another one.
    const nets = await this.#reader.readNetns(this.#procRoot, this.#home).catch(unreadNets);
    const {targets: places, unlinked} = netPlaces(nets.namespaces, links);
    const ids = new Set(links.flatMap(({cgroupId}) => (cgroupId === null ? [] : [cgroupId])));
    const cgroups = await this.#cgroups.find(ids, cgroupsMs);
    const targets = new Map([...places, ...(await this.#tracingTargets(links, progs))]);
    const byProg = new Map<number, ProgLink[]>();
    const known = new Set<string>();
    const add = (prog: number, link: ProgLink) => {
      const words = wordsOf(prog, link);
      if (link.linkId === null && known.has(words)) return;
      known.add(words);
      addTo(byProg, prog, link);
    };
    for (const link of links) if (link.progId !== null) add(link.progId, progLink(link, cgroups, targets));
    for (const [prog, each] of unlinked) for (const link of each) add(prog, link);
    const messages = unreadable === 0 ? [] : [`of ${unreadable} BPF links the kernel doesn't tell what they are.`];
    if (nets.error) messages.push(explainNets(nets));
    // What network namespaces there are, and who has a perf event, is known from the processes.
    let complete = this.#unlinked.length > 0 && unreadable === 0 && nets.hidden === 0 && nets.error === null;
    complete &&= showsAllProcesses(this.#procRoot);
    const untold = new Set(progs.filter(({type}) => untoldTypes.has(progTypeName(type))).map(({id}) => id));
    // One after the other: of libuv's four threads the counters need one.
    for (const reader of this.#unlinked) {
      const found = await reader.read(progs, links);
      for (const [prog, each] of found.byProg ?? []) for (const link of each) add(prog, link);
      for (const prog of found.untold ?? []) untold.add(prog);
      if (found.warning) messages.push(found.warning.message);
      complete &&= found.complete;
    }
    const warning = messages.length === 0 ? null : {code: 'links_incomplete', message: messages.join(' ')};
    return {byProg, complete, untold, warning};
  }

  /** Where they may not be read there are ids: no reason to fail. @throws what isn't a failed call. */
  async #tracingTargets(links: readonly NativeLink[], progs: readonly ProgInfo[]): Promise<ReadonlyMap<number, string>> {
    try {
      this.#targets ??= new TracingTargets();
      return await this.#targets.find(links, progs);
    } catch (error) {
      if (isSystemError(error)) return new Map();
      throw error;
    }
  }
}

/** The links are worth having without them. @throws what isn't a failed call. */
function unreadNets(error: unknown): NativeNetNamespaces {
  if (!isSystemError(error)) throw error;
  return {namespaces: [], hidden: 0, unread: 1, error: {code: error.code, syscall: error.syscall}};
}

function explainNets({unread, error}: NativeNetNamespaces): string {
  const remedy = error && isNotPermitted(error.code) ? ' Entering them needs CAP_SYS_ADMIN.' : '';
  const times = unread > 1 ? ` (and ${unread - 1} more)` : '';
  return `not all of what is attached in network namespaces is known: ${error?.syscall}: ${error?.code}${times}.${remedy}`;
}

/** In the same words it is the same attachment. */
function wordsOf(prog: number, {type, attachType, target}: ProgLink): string {
  return `${prog} ${type} ${attachType} ${target}`;
}

/** Types of programs that hang where nothing tells of them: on a socket, a route, an infrared device. */
const untoldTypes: ReadonlySet<string> = new Set([
  'socket_filter',
  'sk_reuseport',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'lwt_seg6local',
  'lirc_mode2',
]);

/**
 * A link with what it is attached to in words; `cgroups` has the paths of those cgroups that were found, `targets` what links hang on, by
 * their ids, as far as network namespaces and BTF tell.
 */
export function progLink(
  link: NativeLink,
  cgroups: ReadonlyMap<bigint, string>,
  targets: ReadonlyMap<number, string> = new Map(),
): ProgLink {
  // A freplace program is loaded for no attach type at all, which reads as the first one.
  const attachType = link.type === tracing && link.attachType === 0 ? null : link.attachType;
  return {
    linkId: link.id,
    type: linkTypeName(link.type),
    attachType: attachType === null ? null : attachTypeName(attachType),
    target: targets.get(link.id) ?? targetOf(link, cgroups),
    missed: link.missed,
  };
}

/** BPF_LINK_TYPE_TRACING */
const tracing = 2;

function targetOf(link: NativeLink, cgroups: ReadonlyMap<bigint, string>): string | null {
  switch (linkTypeName(link.type) as LinkTypeName) {
    case 'raw_tracepoint':
    case 'iter':
      return link.name;
    case 'tracing':
      return tracingTarget(link);
    case 'cgroup':
      if (link.attachType === null) return null;
      if (link.cgroupId === null) return 'removed cgroup';
      return cgroups.get(link.cgroupId) ?? `cgroup id ${link.cgroupId}`;
    case 'netns':
      return link.attachType === null ? null : 'removed netns';
    case 'xdp':
    case 'tcx':
    case 'netkit':
      return 'removed interface';
    case 'perf_event':
      return perfEvent(link);
    case 'kprobe_multi':
      return link.count === null ? null : plural(link.count, onReturn(link) ? 'function return' : 'function');
    case 'uprobe_multi':
      return uprobeMulti(link);
    case 'struct_ops':
      return link.mapId === null
        ? null
        : `${link.mapName ?? `map ${link.mapId}`}${link.name === null ? '' : ` (${link.name})`}`;
    case 'sockmap':
      if (link.mapId === null) return null;
      return link.mapName === null ? `map ${link.mapId}` : `${link.mapName} (map ${link.mapId})`;
    case 'netfilter':
      return netfilter(link);
    case 'unspec':
    default:
      return null;
  }
}

function tracingTarget({attachType, targetObjId, targetBtfId}: NativeLink): string | null {
  if (targetObjId === null || targetBtfId === null) return null;
  // freplace goes into a program; the others into a function of a program or of the kernel, and only the caller can tell which.
  return attachType === 0
    ? `program ${targetObjId} btf_id ${targetBtfId}`
    : `target_obj_id ${targetObjId} target_btf_id ${targetBtfId}`;
}

/** BPF_F_KPROBE_MULTI_RETURN and BPF_F_UPROBE_MULTI_RETURN. */
function onReturn({flags}: NativeLink): boolean {
  return ((flags ?? 0) & 1) !== 0;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

function uprobeMulti(link: NativeLink): string | null {
  const where = link.count === null ? null : plural(link.count, onReturn(link) ? 'function return' : 'function');
  const words = [link.name, where === null ? null : `(${where})`, link.pid === null ? null : `pid ${link.pid}`];
  return words.filter((word) => word !== null).join(' ') || null;
}

/** enum bpf_perf_event_type. */
const perfTypes = ['unspec', 'uprobe', 'uretprobe', 'kprobe', 'kretprobe', 'tracepoint', 'event'];

function perfEvent(link: NativeLink): string | null {
  if (link.perfType === null) return null;
  const type = perfTypes[link.perfType] ?? `type ${link.perfType}`;
  if (type === 'event') return eventName(link);
  if (link.name === null) return type;
  const offset = link.offset ? `+0x${link.offset.toString(16)}` : '';
  return `${type} ${link.name}${offset}`;
}

/** enum perf_sw_ids and enum perf_hw_id (include/uapi/linux/perf_event.h), as `perf list` calls them. */
const eventNames: Readonly<Record<number, readonly string[]>> = {
  0: [
    'cpu-cycles',
    'instructions',
    'cache-references',
    'cache-misses',
    'branches',
    'branch-misses',
    'bus-cycles',
    'stalled-cycles-frontend',
    'stalled-cycles-backend',
    'ref-cycles',
  ],
  1: [
    'cpu-clock',
    'task-clock',
    'page-faults',
    'context-switches',
    'cpu-migrations',
    'minor-faults',
    'major-faults',
    'alignment-faults',
    'emulation-faults',
    'dummy',
    'bpf-output',
    'cgroup-switches',
  ],
};

function eventName({eventType, eventConfig}: NativeLink): string | null {
  if (eventType === null || eventConfig === null) return null;
  return eventNames[eventType]?.[Number(eventConfig)] ?? `perf event type ${eventType} config 0x${eventConfig.toString(16)}`;
}

/** enum nf_inet_hooks, and the families that BPF knows of them (NFPROTO_*). */
const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting'];
const families: Readonly<Record<number, string>> = {2: 'ip', 10: 'ip6'};

function netfilter({pf, hooknum, priority, flags}: NativeLink): string | null {
  if (pf === null || hooknum === null) return null;
  // BPF_F_NETFILTER_IP_DEFRAG
  const defrag = (flags ?? 0) & 1 ? ' defrag' : '';
  return `${families[pf] ?? `pf ${pf}`} ${hooks[hooknum] ?? `hook ${hooknum}`} priority ${priority}${defrag}`;
}
