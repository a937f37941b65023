/** What one process holds, by whatever was found out of its open files. */
import type {Owner, OwnerProcess, OwnerVia} from '../sample/owners.js';
import {addTo} from './lists.js';

const strength: Readonly<Record<OwnerVia, number>> = {prog: 2, link: 1, map: 0};

/** The programs that a process holds, each with the strongest way. */
export class Held {
  readonly #vias = new Map<number, OwnerVia>();
  readonly #progsOfMap: ReadonlyMap<number, readonly number[]>;

  constructor(progsOfMap: ReadonlyMap<number, readonly number[]>) {
    this.#progsOfMap = progsOfMap;
  }

  get size(): number {
    return this.#vias.size;
  }

  has(prog: number): boolean {
    return this.#vias.has(prog);
  }

  /** It holds that program, by that. */
  add(prog: number, via: OwnerVia): void {
    const before = this.#vias.get(prog);
    if (before === undefined || strength[via] > strength[before]) this.#vias.set(prog, via);
  }

  /** It holds that map, and so the programs that use it. */
  addMap(map: number, via: OwnerVia): void {
    for (const prog of this.#progsOfMap.get(map) ?? []) this.add(prog, via);
  }

  [Symbol.iterator](): Iterator<[prog: number, via: OwnerVia]> {
    return this.#vias[Symbol.iterator]();
  }
}

/** Puts a process among the owners of all that it holds. */
export function addOwner(byProg: Map<number, Owner[]>, process: OwnerProcess, held: Held): void {
  for (const [prog, via] of held) addTo(byProg, prog, {process, via});
}
