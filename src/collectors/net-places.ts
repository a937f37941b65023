/**
 * Which place in which network namespace an attachment is at, in words. A link tells an interface's index or a namespace's inode; netlink and
 * BPF_PROG_QUERY, asked in every namespace, tell the rest, and what is attached there without a link.
 */
import type {NativeLink, NativeNetAttachment, NativeNetns} from '../addon.js';
import {attachTypeName, linkTypeName, type ProgLink} from '../sample/links.js';
import {addTo} from './lists.js';

/** What the network namespaces have. */
export interface NetPlaces {
  /** Targets of those links that are in one, by id. */
  readonly targets: ReadonlyMap<number, string>;
  /** What has no link, by the program's id. */
  readonly unlinked: ReadonlyMap<number, readonly ProgLink[]>;
}

interface Place {
  readonly netns: NativeNetns;
  readonly attachment: NativeNetAttachment;
}

/** Finds each link among what the namespaces have; what is left over has no link. */
export function netPlaces(namespaces: readonly NativeNetns[], links: readonly NativeLink[]): NetPlaces {
  const all = namespaces.flatMap((netns) => netns.attachments.map((attachment): Place => ({netns, attachment})));
  const places = groupBy(all, keyOfPlace);
  const linked = groupBy(links, keyOfLink);
  const ownIsKnown = namespaces.some(({own, complete}) => own && complete);
  const targets = new Map<number, string>();
  for (const [key, same] of linked)
    for (const link of same) targets.set(link.id, targetOf(link, same, places.get(key) ?? [], namespaces, ownIsKnown));

  const unlinked = new Map<number, ProgLink[]>();
  for (const [key, found] of places) {
    if (linked.has(key)) continue;
    for (const place of found) {
      const {type, progId, linkId, attachType} = place.attachment;
      const link = {
        linkId,
        type,
        attachType: attachType === null ? null : attachTypeName(attachType),
        target: wordsOf(place),
        missed: null,
      };
      addTo(unlinked, progId, link);
    }
  }
  return {targets, unlinked};
}

/** By key; null: left out. */
function groupBy<T>(list: readonly T[], keyOf: (one: T) => string | null): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) {
    const key = keyOf(one);
    if (key !== null) addTo(groups, key, one);
  }
  return groups;
}

/** What a place and its link have in common. For XDP two of a host may have the same: interface 1 is `lo` in each namespace. */
function keyOfPlace({netns, attachment}: Place): string {
  const {type, progId, linkId, attachType, ifindex, hook} = attachment;
  if (linkId !== null) return `link ${linkId}`;
  if (type === 'xdp') return `xdp ${progId} ${ifindex}`;
  if (type === 'netns') return `netns ${netns.ino} ${attachType} ${progId}`;
  return `${type} ${netns.ino} ${ifindex} ${attachType} ${hook} ${progId}`;
}

/** null: not of a network namespace, or of none that is still there. */
function keyOfLink({id, type, progId, attachType, ifindex, netnsIno}: NativeLink): string | null {
  switch (linkTypeName(type)) {
    case 'tcx':
    case 'netkit':
      return ifindex === null ? null : `link ${id}`;
    case 'xdp':
      return ifindex === null ? null : `xdp ${progId} ${ifindex}`;
    case 'netns':
      return netnsIno === null ? null : `netns ${netnsIno} ${attachType} ${progId}`;
    default:
      return null;
  }
}

function targetOf(
  {ifindex, netnsIno}: NativeLink,
  same: readonly NativeLink[],
  places: readonly Place[],
  namespaces: readonly NativeNetns[],
  ownIsKnown: boolean,
): string {
  if (ifindex === null) return nameOf(namespaces.find(({ino}) => ino === netnsIno) ?? {ino: netnsIno, path: null});
  const [place, ...others] = places;
  if (!place) return `ifindex ${ifindex}${ownIsKnown ? ' (another netns)' : ''}`;
  // Nothing says which of them is at which.
  if (others.length > 0 || same.length > 1) return `ifindex ${ifindex} (one of several netns)`;
  return wordsOf(place);
}

function wordsOf({netns, attachment: {ifindex, ifname, hook}}: Place): string {
  if (ifindex === null) return nameOf(netns);
  const where = [ifname ?? `ifindex ${ifindex}`, hook].filter((word) => word !== null).join(' ');
  return netns.own ? where : `${where} in ${nameOf(netns)}`;
}

/** As `ip netns` calls it, else where it is mounted, else as /proc/PID/ns/net reads. */
function nameOf({ino, path}: Pick<NativeNetns, 'ino' | 'path'>): string {
  return path?.replace(/^\/run\/netns\//, '') ?? `net:[${ino}]`;
}
