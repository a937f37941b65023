/**
 * Attachments without a BPF link, but for those to network interfaces and namespaces: programs of cgroups, perf events, sockmaps and
 * struct_ops maps. Each is a search through all of its kind, so each is made only if there is a program of a type that goes there, and that
 * no link tells of.
 */
import {readlink} from 'node:fs/promises';
import {
  loadUnlinkedFinder,
  type NativeCallError,
  type NativeLink,
  type NativeUnlinked,
  type NativeUnlinkedFinder,
} from '../addon.js';
import {isNotPermitted} from '../errors.js';
import type {ProgLink} from '../sample/links.js';
import {progTypeName} from '../sample/prog-types.js';
import type {Found} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {cgroupMounts} from './cgroup-paths.js';
import {homeProcess, inHost} from './host-root.js';
import {addTo} from './lists.js';
import {progLink, type UnlinkedReader} from './links.js';

/** No search takes longer, ms. */
const limitMs = 1000;

/** Where programs of some types hang, and how to look there. */
interface Place {
  /** As a warning calls it. */
  readonly name: string;
  readonly types: ReadonlySet<string>;
  find(sought: readonly ProgInfo[]): Promise<NativeUnlinked & {readonly hidden?: string | null}>;
}

/** enum bpf_attach_type: what a program of a type can be attached as. A program of most types is loaded for one of them. */
const cgroupAttachTypes: Readonly<Record<string, readonly number[]>> = {
  cgroup_skb: [0, 1],
  cgroup_sock: [2, 12, 13, 34],
  sock_ops: [3],
  cgroup_device: [6],
  cgroup_sock_addr: [8, 9, 10, 11, 14, 15, 19, 20, 29, 30, 31, 32, 49, 50, 51, 52, 53],
  cgroup_sysctl: [18],
  cgroup_sockopt: [21, 22],
  lsm: [43],
};
/** BPF_LSM_CGROUP */
const lsmCgroup = 43;

/** What those programs may be attached to a cgroup as. */
function attachTypesOf(sought: readonly ProgInfo[]): number[] {
  const all = sought.flatMap(({type, attachType}) => {
    const types = cgroupAttachTypes[progTypeName(type)] ?? [];
    // One loaded for cgroup_inet_ingress (0) is one that was loaded for none, and may go to egress as well.
    return attachType !== null && attachType !== 0 && types.includes(attachType) ? [attachType] : types;
  });
  return [...new Set(all)];
}

/** Finds what hangs on cgroups, perf events and maps. */
export class UnlinkedProgs implements UnlinkedReader {
  readonly #places: readonly Place[];

  /**
   * `root` stands before every path.
   * @throws UserError (69) where this isn't Linux or the addon can't be loaded.
   */
  constructor(root = '/', finder: NativeUnlinkedFinder = loadUnlinkedFinder()) {
    const procRoot = inHost(root, 'proc');
    this.#places = [
      {
        name: 'cgroups',
        types: new Set(Object.keys(cgroupAttachTypes)),
        find: (sought) => findInCgroups(root, attachTypesOf(sought), finder),
      },
      {
        name: 'perf events',
        types: new Set(['kprobe', 'tracepoint', 'perf_event']),
        find: () => finder.findPerfEventProgs(procRoot, limitMs),
      },
      {
        name: 'maps',
        types: new Set(['sk_skb', 'sk_msg', 'struct_ops']),
        find: (sought) => {
          const structOps = sought.some(({type}) => progTypeName(type) === 'struct_ops');
          const sockmaps = sought.some(({type}) => progTypeName(type) !== 'struct_ops');
          return finder.findMapProgs({structOps, sockmaps}, limitMs);
        },
      },
    ];
  }

  /** One reading: some ms; a second for each of the three where there is very much. */
  async read(progs: readonly ProgInfo[], links: readonly NativeLink[]): Promise<Found<ProgLink>> {
    const byProg = new Map<number, ProgLink[]>();
    const told = toldBy(links);
    const linked = new Set(links.map(({progId}) => progId));
    const untold = new Set<number>();
    const messages: string[] = [];
    // One after the other: of libuv's four threads the counters need one.
    for (const place of this.#places) {
      const sought = progs.filter(
        ({id, type, attachType}) =>
          place.types.has(progTypeName(type)) && !linked.has(id) && !isElsewhere(progTypeName(type), attachType),
      );
      if (sought.length === 0) continue;
      const {links: found, missed, hidden = null} = await place.find(sought);
      for (const link of found) {
        const linkId = told(link);
        if (link.progId === null || linkId === undefined) continue;
        const attached = {...progLink(link, new Map([[link.cgroupId ?? 0n, link.name ?? '']]), new Map()), linkId};
        addTo(byProg, link.progId, attached);
      }
      // What was looked for and found misses nothing.
      const without = sought.filter(({id}) => !byProg.has(id));
      if (without.length === 0) continue;
      if (hidden !== null) messages.push(hidden);
      else if (missed && !isUntold(missed)) messages.push(`not all ${place.name} could be looked into: ${why(missed)}`);
      else if (missed) for (const {id} of without) untold.add(id);
    }
    const complete = messages.length === 0;
    const warning = complete ? null : {code: 'links_incomplete', message: messages.join(' ')};
    return {byProg, complete, untold, warning};
  }
}

/** An LSM program for the whole host hangs on a link, or not at all. */
function isElsewhere(type: string, attachType: number | null): boolean {
  return type === 'lsm' && attachType !== null && attachType !== lsmCgroup;
}

/** This kernel doesn't tell, or not of some process, and nobody can do anything about it. */
function isUntold({code}: NativeCallError): boolean {
  return code === 'EOPNOTSUPP' || code === 'EINVAL' || isNotPermitted(code);
}

function why({code, syscall}: NativeCallError): string {
  return code === 'ETIME' ? `it took longer than ${limitMs / 1000} s.` : `${syscall}: ${code}.`;
}

/** BPF_F_LINK: a struct_ops map that only a link registers. */
const byLink = 1 << 13;

/**
 * Which link an attachment that was found is by: null: by none; undefined: it isn't there, or a link tells of it already. What the same words
 * would not tell apart or together is told here by what the kernel numbers.
 */
function toldBy(links: readonly NativeLink[]): (found: NativeLink) => number | null | undefined {
  const key = ({type, progId, attachType, cgroupId, mapId}: NativeLink) =>
    [type, progId, attachType, cgroupId, mapId].join(' ');
  const keys = new Set(links.filter(({cgroupId, mapId}) => cgroupId !== null || mapId !== null).map(key));
  const linkOfMap = new Map(links.filter(({type}) => type === structOps).map(({id, mapId}) => [mapId, id]));
  // Before 6.6 the kernel doesn't say what a perf event's link is on.
  const untold = new Set(links.filter(({type, name}) => type === perfEvent && name === null).map(({progId}) => progId));
  return (found) => {
    if (found.type === structOps) {
      const link = linkOfMap.get(found.mapId);
      return ((found.flags ?? 0) & byLink) === 0 ? null : link;
    }
    if (found.type === perfEvent && untold.has(found.progId)) return undefined;
    return keys.has(key(found)) ? undefined : null;
  };
}

/** enum bpf_link_type. */
const perfEvent = 7;
const structOps = 9;

/** The inode of the first cgroup namespace (PROC_CGROUP_INIT_INO, include/linux/proc_ns.h). */
const hostCgroups = 'cgroup:[4026531835]';

/** The same, and why there may be cgroups that can't be seen from here; null: there are none. */
async function findInCgroups(root: string, attachTypes: readonly number[], finder: NativeUnlinkedFinder) {
  const mounts = await cgroupMounts(root);
  const found = await finder.findCgroupProgs(mounts, attachTypes, limitMs);
  const namespace = await readlink(inHost(root, `proc/${homeProcess(root)}/ns/cgroup`)).catch(() => hostCgroups);
  const all = namespace === hostCgroups && mounts.some((mount) => mount.root === '/');
  const hidden = "not all cgroups can be seen from here: it needs the host's cgroup namespace and its cgroup2 mounted.";
  return {...found, hidden: all ? null : hidden};
}
