/** Names out of BTF, each asked for once: they don't change as long as what they belong to lives. */
import type {NativeFunction, NativeNameReader, NativeProgBtf} from '../addon.js';
import type {ProgInfo} from '../sample/types.js';

/** A type in a BTF object, by their ids. */
export interface BtfType {
  readonly btfId: number;
  readonly typeId: number;
}

/** The kernel keeps this many bytes of a name, and a NUL (BPF_OBJ_NAME_LEN). */
const shortNameBytes = 15;
/** BTF objects in one call: one may be 16 MB, and of libuv's four threads the counters need one. */
const objectsAtOnce = 16;
/** Programs in one call: 5 ms. */
const progsAtOnce = 500;

/** Whether the kernel's name may be the beginning of a longer one. */
export function mayBeLonger({name, btfId}: ProgInfo): boolean {
  return btfId !== null && Buffer.byteLength(name) >= shortNameBytes;
}

/** Asks for names, and remembers those it was asked for in the last round. */
export class BtfNames {
  readonly #reader: NativeNameReader;
  #progs = new Map<string, NativeProgBtf>();
  #functions = new Map<string, NativeFunction | null>();

  constructor(reader: NativeNameReader) {
    this.#reader = reader;
  }

  /**
   * Where the BTF of those programs has their names, by id; one that is gone is left out. Others are forgotten.
   * @throws a SystemError.
   */
  async ofProgs(progs: readonly ProgInfo[]): Promise<ReadonlyMap<number, NativeProgBtf>> {
    const known = new Map<string, NativeProgBtf>();
    const asked: ProgInfo[] = [];
    for (const prog of progs) {
      const before = this.#progs.get(prog.key);
      if (before) known.set(prog.key, before);
      else asked.push(prog);
    }
    for (const some of slices(asked, progsAtOnce)) {
      const answers = await this.#reader.readProgBtf(Uint32Array.from(some, ({id}) => id));
      some.forEach(({key}, i) => {
        const answer = answers[i];
        if (answer) known.set(key, answer);
      });
    }
    this.#progs = known;
    return new Map(progs.flatMap(({id, key}) => (known.has(key) ? [[id, known.get(key) as NativeProgBtf]] : [])));
  }

  /**
   * What those functions are called; null: they are none, or it can't be told. Others are forgotten.
   * @throws a SystemError.
   */
  async ofFunctions(types: readonly BtfType[]): Promise<(type: BtfType) => NativeFunction | null> {
    const known = new Map<string, NativeFunction | null>();
    const asked = new Map<number, Set<number>>();
    for (const type of types) {
      const before = this.#functions.get(keyOf(type));
      if (before !== undefined) known.set(keyOf(type), before);
      else asked.set(type.btfId, (asked.get(type.btfId) ?? new Set()).add(type.typeId));
    }
    for (const some of slices([...asked], objectsAtOnce)) {
      const pairs = some.flatMap(([btfId, typeIds]) => [...typeIds].map((typeId) => ({btfId, typeId})));
      const answers = await this.#reader.readFunctions(
        Uint32Array.from(pairs.flatMap(({btfId, typeId}) => [btfId, typeId])),
      );
      pairs.forEach((type, i) => known.set(keyOf(type), answers[i] ?? null));
    }
    this.#functions = known;
    return (type) => known.get(keyOf(type)) ?? null;
  }
}

/** `tcp_connect`, `nf_nat_setup_info (nf_nat)` */
export function functionText({name, module}: NativeFunction): string {
  return module === null ? name : `${name} (${module})`;
}

function keyOf({btfId, typeId}: BtfType): string {
  return `${btfId}/${typeId}`;
}

function* slices<T>(all: readonly T[], length: number): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += length) yield all.slice(at, at + length);
}
