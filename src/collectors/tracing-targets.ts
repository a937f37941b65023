/** What links of type tracing hang on, in words: bpf_link_info has ids alone, of a BTF object or of a program, and doesn't say of which. */
import {loadNameReader, type NativeLink, type NativeNameReader} from '../addon.js';
import type {ProgInfo} from '../sample/types.js';
import {BtfNames, type BtfType, functionText, mayBeLonger} from './btf-names.js';

/** BPF_PROG_TYPE_EXT: a program that replaces a function of another. */
const ext = 28;

/** The two things that a link's ids may mean. */
interface Meanings {
  readonly link: NativeLink;
  /** A function of the kernel, of a module; null: it isn't that. */
  readonly kernel: BtfType | null;
  /** A function of a program; null: it isn't that. */
  readonly prog: {readonly info: ProgInfo; readonly type: BtfType} | null;
}

/** Finds them out. */
export class TracingTargets {
  readonly #names: BtfNames;

  /** @throws UserError (69) where this isn't Linux or the addon can't be loaded. */
  constructor(reader: NativeNameReader = loadNameReader()) {
    this.#names = new BtfNames(reader);
  }

  /**
   * The words by link id; a link whose target can't be told is left out.
   * @throws a SystemError.
   */
  async find(links: readonly NativeLink[], progs: readonly ProgInfo[]): Promise<ReadonlyMap<number, string>> {
    const tracing = links.filter(({targetObjId, targetBtfId}) => targetObjId !== null && targetBtfId !== null);
    if (tracing.length === 0) return new Map();
    const byId = new Map(progs.map((prog) => [prog.id, prog]));
    const has = (id: number | null) => (id === null ? [] : (byId.get(id) ?? []));
    const attached = await this.#names.ofProgs([
      ...new Set(tracing.flatMap(({progId, targetObjId}) => [has(progId), has(targetObjId)].flat())),
    ]);
    const meanings = tracing.map((link): Meanings => {
      const {progId, targetObjId, targetBtfId} = link as {progId: number; targetObjId: number; targetBtfId: number};
      const objId = byId.get(progId)?.type === ext ? 0 : (attached.get(progId)?.attachBtfObjId ?? null);
      // Once it hangs on a program, the kernel has forgotten what it was loaded for: 0.
      const mayBeKernel = objId === null || objId === targetObjId;
      const info = objId === null || objId === 0 ? byId.get(targetObjId) : undefined;
      const btfId = info?.btfId ?? null;
      return {
        link,
        kernel: mayBeKernel ? {btfId: targetObjId, typeId: targetBtfId} : null,
        prog: info && btfId !== null ? {info, type: {btfId, typeId: targetBtfId}} : null,
      };
    });
    const mainOf = ({id}: ProgInfo): BtfType => {
      const {btfId = 0, mainTypeId: typeId = 0} = attached.get(id) ?? {};
      return {btfId, typeId};
    };
    const functionOf = await this.#names.ofFunctions(
      meanings.flatMap(({kernel, prog}) => [
        ...(kernel ? [kernel] : []),
        ...(prog ? [prog.type, ...(mayBeLonger(prog.info) ? [mainOf(prog.info)] : [])] : []),
      ]),
    );
    const words = meanings.flatMap(({link, kernel, prog}): [number, string][] => {
      const ofKernel = kernel && functionOf(kernel);
      const ofProg = prog && functionOf(prog.type);
      // Where both fit, nothing is said.
      if (ofKernel && ofProg) return [];
      if (ofKernel) return [[link.id, functionText(ofKernel)]];
      if (!prog || !ofProg) return [];
      const full = functionOf(mainOf(prog.info))?.name ?? '';
      const name = full.startsWith(prog.info.name) && mayBeLonger(prog.info) ? full : prog.info.name;
      return [[link.id, `${ofProg.name} in program ${name && `${name} `}(id ${prog.info.id})`]];
    });
    return new Map(words);
  }
}
