/** The maps that programs use: as the addon reads them, joined with the programs by the ids that those refer to. 10 µs a map. */
import {loadMapReading, type NativeMap, type NativeMapReading} from '../addon.js';
import {mapTypeName, type ProgMap} from '../sample/maps.js';
import type {Found} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {explain, type Remedies} from './explain.js';
import type {Look} from './slow-source.js';

const remedies: Remedies = {
  notPermitted: 'Run it with sudo; listing BPF maps needs CAP_SYS_ADMIN.',
  unsupported: "This kernel can't list BPF maps; Linux 4.13 and later can.",
};

/**
 * Opens a look at maps. Its first loads a program of our own, a BPF iterator that counts elements, where this kernel can: kept until
 * `close`, because audit logs record every load, and a program that comes and goes with each look would be a new one in every list.
 * What the look throws is a UserError: 77 where this process may not read maps, 69 where this kernel has none, 1 otherwise.
 * @throws UserError (69) where this isn't Linux or the addon can't be loaded.
 */
export function lookAtMaps({MapReader}: NativeMapReading = loadMapReading()): Look<ProgMap> {
  const reader = new MapReader();
  const look = async (progs: readonly ProgInfo[]) => {
    const {maps, unreadable} = await reader.read().catch((error: unknown) => {
      throw explain(error, remedies);
    });
    return joinMaps(progs, maps, unreadable);
  };
  return Object.assign(look, {close: () => reader.close()});
}

/** A program of which a map, or what maps it has, is not known has no entry: nothing is half known. */
function joinMaps(progs: readonly ProgInfo[], maps: readonly NativeMap[], unreadable: number): Found<ProgMap> {
  const byId = new Map(maps.map((map) => [map.id, progMap(map)]));
  const byProg = new Map<number, readonly ProgMap[]>();
  for (const {id, mapIds} of progs) {
    const found = mapIds?.flatMap((mapId) => byId.get(mapId) ?? []);
    if (found?.length === mapIds?.length && found) byProg.set(id, found);
  }
  const warning =
    unreadable === 0
      ? null
      : {code: 'maps_incomplete', message: `of ${unreadable} BPF maps the kernel doesn't tell what they are.`};
  return {byProg, complete: byProg.size === progs.length, warning};
}

function progMap({id, name, type, maxEntries, entries, memlock}: NativeMap): ProgMap {
  return {id, name, type: mapTypeName(type), maxEntries, entries, bytesMemlock: memlock};
}
