/**
 * Where programs are pinned, in every bpffs that is mounted in any mount namespace. The addon finds and opens the files, about 10 µs each;
 * here they get their words.
 */
import {loadPinReader, type NativePin, type NativePinReader} from '../addon.js';
import type {ProgPin} from '../sample/pins.js';
import type {Found} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {explain} from './explain.js';
import {progsByMap} from './holders.js';
import {homeProcess, inHost} from './host-root.js';
import {addTo} from './lists.js';
import {showsAllProcesses} from './processes.js';

/**
 * One look.
 * @throws UserError: 77 where this process may not open pins, 1 otherwise.
 */
export async function lookAtPins(
  progs: readonly ProgInfo[],
  hostRoot = '/',
  reader: NativePinReader = loadPinReader(),
): Promise<Found<ProgPin>> {
  const search = {procRoot: inHost(hostRoot, 'proc'), home: homeProcess(hostRoot)};
  const {pins, cutShort, unreadable, hidden} = await reader.readPins(search).catch((error: unknown) => {
    throw explain(error, {notPermitted: "Run it with sudo; a bpffs is root's on most hosts."});
  });
  const progsOfMap = progsByMap(progs);
  const byProg = new Map<number, ProgPin[]>();
  for (const pin of [...pins].sort(inOrder)) {
    const found = {path: pathOf(pin), via: pin.via};
    for (const prog of pin.progId === null ? (progsOfMap.get(pin.mapId ?? 0) ?? []) : [pin.progId]) {
      addTo(byProg, prog, found);
    }
  }
  const missing = [
    unreadable > 0 && `of a bpffs ${unreadable} ${unreadable === 1 ? 'part' : 'parts'} could not be read.`,
    cutShort && 'there are more pins, or more in their way, than one look takes.',
  ].filter((message) => message !== false);
  return {
    byProg,
    // In another pid namespace there are mount namespaces that nobody seen here is in.
    complete: missing.length === 0 && hidden === 0 && showsAllProcesses(search.procRoot),
    warning:
      missing.length === 0 ? null : {code: 'pins_incomplete', message: `not all pins are known: ${missing.join(' ')}`},
  };
}

/** Those of this mount namespace first; else by path. */
function inOrder(a: NativePin, b: NativePin): number {
  if ((a.pid === null) !== (b.pid === null)) return a.pid === null ? -1 : 1;
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

function pathOf({path, pid, comm}: NativePin): string {
  return pid === null ? path : `${path} (mount namespace of ${pid}${comm === '' ? '' : ` ${comm}`})`;
}
