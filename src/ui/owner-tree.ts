/** Who holds a program, drawn as a tree: pod, container, process; or unit, process. Pure. Its texts are safe to print. */
import {containerText} from '../model/fields.js';
import {printable} from '../model/printable.js';
import type {OwnerVia, ProgOwner} from '../sample/owners.js';
import {cellsOf, wrap} from './text.js';

/** Processes shown; of more only the number. */
const mostOwners = 12;
/** Lines for the command of each. */
const commandLines = 2;

const strongestFirst: readonly OwnerVia[] = ['prog', 'link', 'map'];

/** A place, what is in it, and the processes there. */
interface Place {
  readonly places: Map<string, Place>;
  readonly owners: ProgOwner[];
}

/** The tree in lines of that width; those that hold it the strongest way come first. */
export function ownerTree(owners: readonly ProgOwner[], width: number): string[] {
  const shown = owners
    .toSorted((a, b) => strongestFirst.indexOf(a.via) - strongestFirst.indexOf(b.via))
    .slice(0, mostOwners);
  const top: Place = {places: new Map(), owners: []};
  for (const owner of shown) {
    let at = top;
    for (const name of placesOf(owner)) {
      const next = at.places.get(name) ?? {places: new Map(), owners: []};
      at.places.set(name, next);
      at = next;
    }
    at.owners.push(owner);
  }
  const lines = top.owners.flatMap((owner) => processLines(owner, width));
  for (const [name, place] of top.places) lines.push(...wrap(name, width, 2), ...branches(place, width));
  if (owners.length > shown.length) lines.push(`and ${owners.length - shown.length} more`);
  return lines;
}

/** Where a process runs, from the outside in. */
function placesOf(owner: ProgOwner): string[] {
  const {pod, namespace, container, containerId, unit, cgroup} = owner;
  const name = containerText(owner);
  const id = container !== null && containerId !== null ? ` (${containerId.slice(0, 12)})` : '';
  const places = [
    ...(pod === null ? [] : [`pod ${namespace ?? '-'}/${pod}`]),
    ...(name === null ? [] : [`container ${name}${id}`]),
  ];
  if (places.length === 0 && unit !== null) places.push(`unit ${unit}`);
  if (places.length === 0) places.push(cgroup === null ? 'cgroup - (could not be read)' : `cgroup ${cgroup}`);
  return places.map(printable);
}

function branches({places, owners}: Place, width: number): string[] {
  const parts = [
    ...owners.map((owner) => processLines(owner, width - 2)),
    ...[...places].map(([name, place]) => [...wrap(name, width - 2, 2), ...branches(place, width - 2)]),
  ];
  return parts.flatMap((lines, i) => {
    const [head, rest] = i === parts.length - 1 ? ['└ ', '  '] : ['├ ', '│ '];
    return lines.map((line, j) => (j === 0 ? head : rest) + line);
  });
}

/** `agent (pid 77) via link: agent --all`, the command below where there is no room beside. */
function processLines({pid, comm, cmdline, via}: ProgOwner, width: number): string[] {
  const head = `${printable(comm ?? '-')} (pid ${pid}) via ${via}`;
  const command = printable(cmdline?.join(' ') ?? '');
  if (command === '' || command === comm) return [head];
  if (cellsOf(head) + 2 + cellsOf(command) <= width) return [`${head}: ${command}`];
  return [`${head}:`, ...wrap(command, width - 2, commandLines).map((line) => `  ${line}`)];
}
