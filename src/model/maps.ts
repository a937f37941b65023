/** Sums over the maps that programs use. Pure. */
import type {ProgMap} from '../sample/maps.js';
import type {MeasuredProg} from './measure.js';

/**
 * Memory charged for the maps of these programs, bytes: each map once, however many of them use it. A program whose maps are not known
 * adds nothing; null: none's are, or a map's memory is not.
 */
export function mapsMemory(progs: Iterable<MeasuredProg>): number | null {
  const seen = new Set<number>();
  let bytes = 0;
  let known = false;
  for (const {maps} of progs) {
    if (!maps) continue;
    known = true;
    for (const {id, bytesMemlock} of maps) {
      if (bytesMemlock === null) return null;
      if (!seen.has(id)) bytes += bytesMemlock;
      seen.add(id);
    }
  }
  return known ? bytes : null;
}

/** What of a program's maps is not its alone. */
export interface SharedMaps {
  /** Memory charged for those; null: not known. */
  readonly bytes: number | null;
  /** How many of the others use one of them. */
  readonly progs: number;
}

/** What `prog` shares with others among `progs`; null: its maps are not known. */
export function sharedMaps(prog: MeasuredProg, progs: Iterable<MeasuredProg>): SharedMaps | null {
  if (!prog.maps) return null;
  const own = new Map(prog.maps.map((map) => [map.id, map]));
  const shared = new Map<number, ProgMap>();
  let others = 0;
  for (const {info, maps} of own.size === 0 ? [] : progs) {
    if (info.id === prog.info.id) continue;
    const both = maps?.filter(({id}) => own.has(id)) ?? [];
    for (const map of both) shared.set(map.id, map);
    if (both.length > 0) others++;
  }
  let bytes: number | null = 0;
  for (const {bytesMemlock} of shared.values())
    bytes = bytes === null || bytesMemlock === null ? null : bytes + bytesMemlock;
  return {bytes, progs: others};
}
