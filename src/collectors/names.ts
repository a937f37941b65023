/**
 * What programs are called in full, what they were loaded for, and who can tail call them. Names are asked for once a program; what
 * arrays of programs hold is looked up anew each time, as it changes.
 */
import {loadNameReader, type NativeNameReader, type NativeProgBtf} from '../addon.js';
import type {NamedProg, ProgNames} from '../sample/names.js';
import type {Found} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {BtfNames, type BtfType, mayBeLonger} from './btf-names.js';
import {explain} from './explain.js';
import {addTo} from './lists.js';

/** Types that are loaded for a function: tracing, ext, lsm (enum bpf_prog_type). */
const loadedForFunctions: ReadonlySet<number> = new Set([26, 28, 29]);
/** Maps in one call. */
const mapsAtOnce = 500;
/** As many tail callers of a program are kept. */
const mostTailCallers = 16;

/** Reads names. */
export class NamesCollector {
  readonly #reader: NativeNameReader;
  readonly #names: BtfNames;
  /** Maps in use, and whether they are arrays of programs: that never changes. */
  #areProgArrays: ReadonlyMap<number, boolean> = new Map();

  /** @throws UserError (69) where this isn't Linux or the addon can't be loaded. */
  constructor(reader: NativeNameReader = loadNameReader()) {
    this.#reader = reader;
    this.#names = new BtfNames(reader);
  }

  /**
   * One reading.
   * @throws UserError: 77 where this process may not read it, 1 otherwise.
   */
  async read(progs: readonly ProgInfo[]): Promise<Found<ProgNames>> {
    try {
      const own = await this.#ownNames(progs);
      const arrays = await this.#readProgArrays(progs);
      const callers = tailCallers(progs, arrays, (prog) => own.get(prog.id)?.fullName ?? prog.name);
      const byProg = new Map<number, readonly ProgNames[]>();
      for (const {id} of progs) {
        const names = own.get(id);
        const tailCallers = callers.get(id);
        if (names || tailCallers)
          byProg.set(id, [{fullName: null, attachFuncName: null, ...names, tailCallers: tailCallers ?? []}]);
      }
      return {byProg, complete: true, warning: null};
    } catch (error) {
      throw explain(error, {notPermitted: 'Run it with sudo; reading BTF needs CAP_SYS_ADMIN.'});
    }
  }

  async #ownNames(progs: readonly ProgInfo[]): Promise<ReadonlyMap<number, Omit<ProgNames, 'tailCallers'>>> {
    const asked = progs.filter((prog) => mayBeLonger(prog) || loadedForFunctions.has(prog.type));
    const btf = await this.#names.ofProgs(asked);
    const found = asked.flatMap((prog) => {
      const of = btf.get(prog.id);
      return of ? [{prog, main: mayBeLonger(prog) ? mainOf(of) : null, target: targetOf(of)}] : [];
    });
    const functionOf = await this.#names.ofFunctions(
      found.flatMap(({main, target}) => [main, target].filter((type) => type !== null)),
    );
    return new Map(
      found.map(({prog, main, target}) => {
        const fullName = (main && functionOf(main)?.name) ?? null;
        const attachedTo = target && functionOf(target);
        return [
          prog.id,
          {
            // BTF is the loader's word: it is believed as far as it doesn't contradict the kernel's.
            fullName: fullName !== null && fullName.startsWith(prog.name) ? fullName : null,
            attachFuncName: attachedTo && attachedTo.name,
          },
        ];
      }),
    );
  }

  /** What the arrays of programs hold, by map id. */
  async #readProgArrays(progs: readonly ProgInfo[]): Promise<ReadonlyMap<number, readonly number[]>> {
    const arrays = new Map<number, readonly number[]>();
    const known = new Map<number, boolean>();
    const inUse = new Set(progs.flatMap(({mapIds}) => mapIds ?? []));
    const asked = [...inUse].filter((id) => {
      const is = this.#areProgArrays.get(id);
      if (is === false) known.set(id, false);
      return is !== false;
    });
    for (let at = 0; at < asked.length; at += mapsAtOnce) {
      const some = asked.slice(at, at + mapsAtOnce);
      const answers = await this.#reader.readProgArrays(Uint32Array.from(some));
      some.forEach((id, i) => {
        const held = answers[i] ?? null;
        known.set(id, held !== null);
        if (held) arrays.set(id, held);
      });
    }
    this.#areProgArrays = known;
    return arrays;
  }
}

function mainOf({btfId, mainTypeId}: NativeProgBtf): BtfType | null {
  return btfId === 0 || mainTypeId === 0 ? null : {btfId, typeId: mainTypeId};
}

function targetOf({attachBtfObjId, attachBtfId}: NativeProgBtf): BtfType | null {
  return attachBtfObjId && attachBtfId ? {btfId: attachBtfObjId, typeId: attachBtfId} : null;
}

/** By id of the program that can be tail called: who can. `arrays` has what each array of programs holds, by map id. */
export function tailCallers(
  progs: readonly ProgInfo[],
  arrays: ReadonlyMap<number, readonly number[]>,
  nameOf: (prog: ProgInfo) => string,
): ReadonlyMap<number, readonly NamedProg[]> {
  const holders = new Map<number, number[]>();
  for (const [map, ids] of arrays) for (const id of ids) addTo(holders, id, map);
  const users = new Map<number, ProgInfo[]>();
  for (const prog of progs) for (const id of new Set(prog.mapIds)) if (arrays.has(id)) addTo(users, id, prog);
  // One more than are kept: a program is no caller of its own.
  for (const [map, all] of users) {
    const entries = all.filter(({id}) => !holders.has(id));
    users.set(map, (entries.length > 0 ? entries : all).slice(0, mostTailCallers + 1));
  }
  // Of thousands of programs most are in the same few arrays.
  const known = new Map<string, readonly NamedProg[]>();
  const callers = new Map<number, readonly NamedProg[]>();
  for (const [id, maps] of holders) {
    const key = maps.join();
    let named = known.get(key);
    if (!named) {
      const all = [...new Set(maps.flatMap((map) => users.get(map) ?? []))].sort((a, b) => a.id - b.id);
      named = all.slice(0, mostTailCallers + 1).map((prog) => ({id: prog.id, name: nameOf(prog)}));
      known.set(key, named);
    }
    const others = named.filter((caller) => caller.id !== id).slice(0, mostTailCallers);
    if (others.length > 0) callers.set(id, others);
  }
  return callers;
}
