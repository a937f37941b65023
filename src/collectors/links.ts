/**
 * BPF links as a source of attachments: calls the addon, and says in words what a link is attached to. Slow beside the counters (10 µs a link,
 * and a walk over all cgroups when a new one comes up), so it is read on a clock of its own, and never throws into theirs.
 */
import {loadLinkReader, type NativeLink, type NativeLinkReader} from '../addon.js';
import {exitStatus, isNotPermitted, isSystemError, UserError} from '../errors.js';
import {attachTypeName, linkTypeName, type LinksReading, type LinkTypeName, type ProgLink} from '../sample/links.js';
import {CgroupPaths} from './cgroup-paths.js';

/** Where to read, and how long to wait. */
export interface LinksOptions {
  /** Stands before every path; `/` by default. */
  readonly root?: string;
  /** How long `read` waits; 2 000 by default. */
  readonly limitMs?: number;
}

/** Reads all links of this kernel. */
export class LinksCollector {
  readonly #reader: NativeLinkReader;
  readonly #cgroups: CgroupPaths;
  readonly #limitMs: number;
  /** The reading under way. */
  #reading: Promise<LinksReading> | null = null;

  /**
   * @throws UserError (69) where this isn't Linux or the addon can't be loaded.
   */
  constructor({root, limitMs = 2000}: LinksOptions = {}, reader: NativeLinkReader = loadLinkReader()) {
    this.#reader = reader;
    this.#cgroups = new CgroupPaths(root);
    this.#limitMs = limitMs;
  }

  /**
   * One reading. Never rejects, and never takes longer than the limit: what fails or is slow gives null and a warning. One that was too slow
   * goes on, and is what the next call waits for.
   */
  async read(): Promise<LinksReading> {
    const takenAt = Date.now();
    this.#reading ??= this.#readAll(takenAt).finally(() => (this.#reading = null));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<LinksReading>((resolve) => {
      timer = setTimeout(() => {
        const message = `attachments are not known: reading the BPF links takes longer than ${this.#limitMs} ms.`;
        resolve({takenAt, links: null, byProg: null, warning: {code: 'links_slow', message}});
      }, this.#limitMs);
    });
    try {
      return await Promise.race([this.#reading, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #readAll(takenAt: number): Promise<LinksReading> {
    try {
      const {links, unreadable} = await this.#reader.readLinks();
      const ids = new Set(links.flatMap(({cgroupId}) => (cgroupId === null ? [] : [cgroupId])));
      // A cgroup without its path is still a cgroup: half the time for them.
      const cgroups = await this.#cgroups.find(ids, this.#limitMs / 2);
      const warning =
        unreadable === 0
          ? null
          : {code: 'links_unreadable', message: `of ${unreadable} BPF links the kernel doesn't tell what they are.`};
      const all = links.map((link) => progLink(link, cgroups));
      return {takenAt, links: all, byProg: groupByProg(all), warning};
    } catch (error) {
      const explained = explainLinks(error);
      const refused = explained instanceof UserError && explained.exitStatus === exitStatus.notPermitted;
      const message = explained instanceof Error ? explained.message : String(explained);
      return {
        takenAt,
        links: null,
        byProg: null,
        warning: {code: refused ? 'links_not_permitted' : 'links_unavailable', message},
      };
    }
  }
}

function groupByProg(links: readonly ProgLink[]): Map<number, ProgLink[]> {
  const byProg = new Map<number, ProgLink[]>();
  for (const link of links) {
    if (link.progId === null) continue;
    const others = byProg.get(link.progId);
    if (others) others.push(link);
    else byProg.set(link.progId, [link]);
  }
  return byProg;
}

/** What it means that links can't be read: a UserError (77, 69 or 1); what isn't a failed call stays what it is. */
export function explainLinks(error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const what = `attachments are not known: ${error.syscall}: ${error.code}.`;
  if (isNotPermitted(error.code))
    return new UserError(`${what} Run it with sudo; listing BPF links needs CAP_SYS_ADMIN.`, exitStatus.notPermitted, {
      cause: error,
    });
  if (error.code === 'EINVAL' || error.code === 'ENOSYS')
    return new UserError(`${what} This kernel can't list BPF links; Linux 5.8 and later can.`, exitStatus.unavailable, {
      cause: error,
    });
  if (error.code === 'EMFILE' || error.code === 'ENFILE')
    return new UserError(`${what} Too many files are open; raise the limit with ulimit -n.`, exitStatus.failed, {
      cause: error,
    });
  return new UserError(`${what} Try again; if it stays, please report it.`, exitStatus.failed, {cause: error});
}

/** A link with what it is attached to in words; `cgroups` has the paths of those cgroups that were found. */
export function progLink(link: NativeLink, cgroups: ReadonlyMap<bigint, string>): ProgLink {
  // A freplace program is loaded for no attach type at all, which reads as the first one.
  const attachType = link.type === tracing && link.attachType === 0 ? null : link.attachType;
  return {
    linkId: link.id,
    progId: link.progId,
    type: linkTypeName(link.type),
    attachType: attachType === null ? null : attachTypeName(attachType),
    target: targetOf(link, cgroups),
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
      if (link.attachType === null) return null;
      // As /proc/PID/ns/net reads.
      return link.netnsIno === null ? 'removed netns' : `net:[${link.netnsIno}]`;
    case 'xdp':
    case 'tcx':
    case 'netkit':
      return interfaceOf(link);
    case 'perf_event':
      return perfEvent(link);
    case 'kprobe_multi':
      return link.count === null ? null : plural(link.count, onReturn(link) ? 'function return' : 'function');
    case 'uprobe_multi':
      return uprobeMulti(link);
    case 'struct_ops':
    case 'sockmap':
      return link.mapId === null ? null : `map ${link.mapId}`;
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

function interfaceOf({ifindex, netns, ifname}: NativeLink): string {
  if (ifindex === null) return 'removed interface';
  if (ifname !== null) return ifname;
  return `ifindex ${ifindex}${netns === 'other' ? ' (another netns)' : ''}`;
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
