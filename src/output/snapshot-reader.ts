/**
 * Reads again what `--json` wrote: documents one behind the other, each on a line of its own or indented. What isn't such a document is told with
 * its line; what a later version of the tool may have added is passed over. Counters from 2^53 on lose their last digits.
 */
import type {Period} from '../model/diff.js';
import {MeasuredProg} from '../model/measure.js';
import {attachTypeOf, type ProgLink} from '../sample/links.js';
import type {ProgMap} from '../sample/maps.js';
import type {ProgNames} from '../sample/names.js';
import type {OwnerVia, ProgOwner} from '../sample/owners.js';
import type {ProgPin} from '../sample/pins.js';
import {progTypeOf} from '../sample/prog-types.js';
import type {Reading} from '../sample/sources.js';
import {type Host, progKey, type ProgColumns, type ProgInfo} from '../sample/types.js';
import {schemaVersion} from './json.js';

/** Why bytes can't be read as snapshots. The message says the rest of a sentence about them. */
export class BadSnapshot extends Error {
  override readonly name = 'BadSnapshot';
  /** `foreign`: it is something else; `newer`: by a later bpftop-ts; `damaged`: it isn't as it was written. */
  readonly kind: 'foreign' | 'newer' | 'damaged';
  /** Where the document begins, from 1. */
  readonly line: number;

  constructor(kind: BadSnapshot['kind'], line: number, message: string) {
    super(message);
    this.kind = kind;
    this.line = line;
  }
}

/** Bytes, and values, of one document: of 10 000 programs it has a fifth. */
const longestDocument = 2 ** 26;
const mostValues = 2 ** 23;
/** Objects and lists within each other; documents have five. */
const deepest = 100;

const newline = 0x0a;
const quote = 0x22;
const comma = 0x2c;
const backslash = 0x5c;
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
const byteOrderMark = Buffer.from('\ufeff');

/** Reads documents from pieces of any size. */
export class SnapshotDecoder {
  #pieces: Uint8Array[] = [];
  #length = 0;
  #values = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #line = 1;
  #beganAt = 1;
  #bytesBefore = 0;
  #documents = 0;

  /**
   * Documents that are whole with these bytes.
   * What each document tells; `periodNs` 0: it is of a first reading, without rates.
   * @throws BadSnapshot; the decoder is of no use after that.
   */
  *push(chunk: Uint8Array): Generator<Period, void, undefined> {
    let from = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i] as number;
      if (byte === newline) this.#line++;
      if (this.#depth === 0) {
        if (!this.#begins(byte)) continue;
        from = i;
      } else if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === backslash) this.#escaped = true;
        else if (byte === quote) this.#inString = false;
      } else if (byte === quote) this.#inString = true;
      else if (byte === comma) this.#values++;
      else if (byte === openBrace || byte === openBracket) {
        this.#values++;
        if (++this.#depth > deepest) throw this.#bad('damaged', 'the document that begins there is nested too deeply');
      } else if ((byte === closeBrace || byte === closeBracket) && --this.#depth === 0) {
        yield this.#finish(chunk.subarray(from, i + 1));
        from = i + 1;
      }
    }
    if (this.#depth > 0) this.#keep(chunk.subarray(from));
  }

  /** @throws BadSnapshot: a document isn't whole, or there is none. */
  end(): void {
    if (this.#depth > 0) throw this.#bad('damaged', 'the document that begins there is cut off');
    if (this.#documents === 0) throw this.#bad('foreign', 'it is empty');
  }

  /** Whether a document begins with that byte; else it is a blank between two. */
  #begins(byte: number): boolean {
    if (byte === openBrace) {
      this.#beganAt = this.#line;
      this.#depth = 1;
      return true;
    }
    const before = this.#bytesBefore++;
    if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) || (before < 3 && byte === byteOrderMark[before])) return false;
    this.#beganAt = this.#line;
    throw this.#documents === 0 ? this.#bad('foreign', 'it is no snapshot') : this.#bad('damaged', 'that is no document');
  }

  #keep(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > longestDocument)
      throw this.#bad('damaged', `the document that begins there is longer than ${longestDocument / 2 ** 20} MiB`);
    if (this.#values > mostValues)
      throw this.#bad('damaged', `the document that begins there has more than ${mostValues} values`);
    // The chunk may be used again.
    this.#pieces.push(Buffer.from(bytes));
  }

  #finish(last: Uint8Array): Period {
    this.#keep(last);
    const text = Buffer.concat(this.#pieces).toString();
    this.#pieces = [];
    this.#length = 0;
    this.#values = 0;
    this.#documents++;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw this.#bad('damaged', 'the document that begins there is not JSON');
    }
    try {
      return readDocument(value);
    } catch (error) {
      if (!(error instanceof Unexpected)) throw error;
      throw this.#bad(error.kind, error.message);
    }
  }

  #bad(kind: BadSnapshot['kind'], message: string): BadSnapshot {
    return new BadSnapshot(kind, this.#beganAt, message);
  }
}

/** What a document should not have. */
class Unexpected extends Error {
  readonly kind: BadSnapshot['kind'];

  constructor(message: string, kind: BadSnapshot['kind'] = 'damaged') {
    super(message);
    this.kind = kind;
  }
}

/** Reads a value at a path such as `programs[3].name`, which errors name. */
type Read<T> = (value: unknown, path: string) => T;

/** Names are much shorter. */
const longestText = 4096;

const text: Read<string> = (value, path) => {
  if (typeof value !== 'string') throw new Unexpected(`${path} is no text`);
  if (value.length > longestText) throw new Unexpected(`${path} is longer than ${longestText} characters`);
  return value;
};

const progTag: Read<string> = (value, path) => {
  if (!/^[\da-f]{16}$/.test(text(value, path))) throw new Unexpected(`${path} is not 16 hex digits`);
  return value as string;
};

const flag: Read<boolean> = (value, path) => {
  if (typeof value !== 'boolean') throw new Unexpected(`${path} is neither true nor false`);
  return value;
};

/** JSON has no bounds for numbers: 1e999 is one. As doubles the largest counters are 2^64. */
const amount: Read<number> = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && value <= 2 ** 64))
    throw new Unexpected(`${path} is no number from 0 to 2^64`);
  return value;
};

const whole: Read<number> = (value, path) => {
  if (!Number.isInteger(value)) throw new Unexpected(`${path} is no whole number`);
  return amount(value, path);
};

/** Those that aren't counters are exact. */
const small: Read<number> = (value, path) => {
  if (!Number.isSafeInteger(value)) throw new Unexpected(`${path} is no whole number below 2^53`);
  return amount(value, path);
};

const largest = 2n ** 64n - 1n;

const u64: Read<bigint> = (value, path) => {
  const exact = BigInt(whole(value, path));
  return exact > largest ? largest : exact;
};

/** null also where a version of the tool that didn't know of it left it out. */
function maybe<T>(read: Read<T>): Read<T | null> {
  return (value, path) => (value === null || value === undefined ? null : read(value, path));
}

function list<T>(read: Read<T>): Read<readonly T[]> {
  return (value, path) => {
    if (!Array.isArray(value)) throw new Unexpected(`${path} is no list`);
    return value.map((each: unknown, i) => read(each, `${path}[${i}]`));
  };
}

/** The members of an object, each to be read by its name. */
type Members = <T>(name: string, read: Read<T>) => T;

function object<T>(of: (member: Members) => T): Read<T> {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Unexpected(`${path} is no object`);
    return of((name, read) => {
      const inner = path === '' ? name : `${path}.${name}`;
      const found = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
      return read(found, inner);
    });
  };
}

const moment: Read<number> = (value, path) => {
  const ms = Date.parse(text(value, path));
  if (Number.isNaN(ms)) throw new Unexpected(`${path} is no moment`);
  return ms;
};

const host = object((member): Host => ({
  hostname: member('hostname', text),
  kernelRelease: member('kernel_release', text),
  arch: member('arch', text),
  cpusOnline: member('cpus_online', small),
  bootId: member('boot_id', maybe(text)),
}));

const ownerVias: readonly OwnerVia[] = ['prog', 'link', 'map'];

const owner = object((member): ProgOwner => ({
  pid: member('pid', small),
  comm: member('comm', maybe(text)),
  cmdline: null,
  via: member('via', (value, path) => {
    const found = ownerVias.find((via) => via === value);
    if (!found) throw new Unexpected(`${path} is none of ${ownerVias.join(', ')}`);
    return found;
  }),
  cgroup: member('cgroup', maybe(text)),
  unit: member('unit', maybe(text)),
  containerId: member('container_id', maybe(text)),
  container: member('container', maybe(text)),
  pod: member('pod', maybe(text)),
  namespace: member('namespace', maybe(text)),
}));

const link = object((member): ProgLink => ({
  linkId: member('link_id', maybe(small)),
  type: member('type', text),
  attachType: member('attach_type', maybe(text)),
  target: member('target', maybe(text)),
  missed: member('missed', maybe(small)),
}));

const pin: Read<ProgPin> = (value, path) => ({path: text(value, path), via: 'prog'});

const map = object((member): ProgMap => ({
  id: member('id', small),
  name: member('name', text),
  type: member('type', text),
  maxEntries: member('max_entries', small),
  entries: member('entries', maybe(small)),
  bytesMemlock: member('bytes_memlock', maybe(small)),
}));

const progType: Read<number> = (value, path) => {
  const type = progTypeOf(text(value, path));
  if (type === null) throw new Unexpected(`${path} is a type that this bpftop-ts does not know`, 'newer');
  return type;
};

const program = object((member) => {
  const [id, tag, loadedAt] = [member('id', small), member('tag', progTag), member('loaded_at', maybe(small)) ?? 0];
  const attachType = member('attach_type', maybe(text));
  const loadTimeNs = BigInt(loadedAt) * 1_000_000_000n;
  const info: ProgInfo = {
    key: progKey(id, loadTimeNs, tag),
    ...{id, tag, loadTimeNs, loadedAt},
    type: member('type', progType),
    name: member('name', text),
    uid: member('uid', maybe(small)) ?? 0,
    gplCompatible: member('gpl_compatible', maybe(flag)) ?? false,
    bytesXlated: member('bytes_xlated', maybe(small)) ?? 0,
    bytesJited: member('bytes_jited', maybe(small)) ?? 0,
    bytesMemlock: member('bytes_memlock', maybe(small)),
    verifiedInsns: member('verified_insns', maybe(small)),
    btfId: member('btf_id', maybe(small)),
    mapIds: member('map_ids', maybe(list(small))),
    sleepable: member('sleepable', maybe(flag)),
    attachType: attachType === null ? null : attachTypeOf(attachType),
    attachBtfId: null,
    self: member('self', maybe(flag)) ?? false,
  };
  const attachFuncName = member('attach_func_name', maybe(text));
  const names: ProgNames | null = attachFuncName === null ? null : {fullName: null, attachFuncName, tailCallers: []};
  return {
    info,
    runTimeNs: member('run_time_ns', u64),
    runCnt: member('run_cnt', u64),
    recursionMisses: member('recursion_misses', maybe(u64)),
    hottestCpu: member('hottest_cpu', maybe(small)) ?? -1,
    periodRunTimeNs: member('period_run_time_ns', maybe(amount)),
    periodRunCnt: member('period_run_cnt', maybe(amount)),
    periodRecursionMisses: member('period_recursion_misses', maybe(amount)),
    owners: member('owners', maybe(list(owner))),
    links: member('links', maybe(list(link))),
    pins: member('pins', maybe(list(pin))),
    maps: member('maps', maybe(list(map))),
    names: names && [names],
  };
});

type Program = ReturnType<typeof program>;

const version: Read<void> = (value, path) => {
  if (value === undefined) throw new Unexpected('it is no snapshot', 'foreign');
  if (whole(value, path) > schemaVersion) throw new Unexpected('it was written by a newer bpftop-ts', 'newer');
  if (value !== schemaVersion) throw new Unexpected(`${path} is none there was`);
};

const document = object((member): Period => {
  member('schema_version', version);
  const programs = member('programs', list(program));
  const periodNs = member('period_ns', maybe(amount)) ?? 0;
  const totals = member('totals', object(totalsOf));
  const takenAt = member('taken_at', moment);
  const progs = measured(programs, periodNs, takenAt);
  const own = progs.filter(({info}) => info.self);
  const without = (total: number | null, part: (prog: MeasuredProg) => number | null) =>
    total === null
      ? null
      : Math.max(
          0,
          own.reduce((rest, prog) => rest - (part(prog) ?? 0), total),
        );
  const runTimeNs = without(totals.runTimeNs, (prog) => prog.periodRunTimeNs);
  const runCnt = without(totals.runCnt, (prog) => prog.periodRunCnt);
  return {
    host: member('host', host),
    takenAt,
    periodNs,
    progs,
    totals: {
      cpuPct: without(totals.cpuPct, (prog) => prog.cpuPct),
      eventsPerSec: without(totals.eventsPerSec, (prog) => prog.eventsPerSec),
      avgRunTimeNs: runTimeNs !== null && runCnt ? runTimeNs / runCnt : null,
    },
    whole: progs.length >= totals.programs,
  };
});

const totalsOf = (member: Members) => ({
  programs: member('programs', small),
  cpuPct: member('cpu_pct', maybe(amount)),
  eventsPerSec: member('events_per_sec', maybe(amount)),
  runTimeNs: member('period_run_time_ns', maybe(amount)),
  runCnt: member('period_run_cnt', maybe(amount)),
});

/** @throws Unexpected */
function readDocument(value: unknown): Period {
  return document(value, '');
}

function measured(programs: readonly Program[], periodNs: number, takenAt: number): MeasuredProg[] {
  // On the clock of `loaded_at`: the other one's times are not in the document.
  const timeNs = BigInt(takenAt) * 1_000_000n;
  const told = <T>(of: (prog: Program) => readonly T[] | null): Reading<T> => ({
    byProg: new Map(programs.flatMap((prog) => ((found) => (found ? [[prog.info.id, found]] : []))(of(prog)))),
    // Of which program it is known that there is none is in the list.
    complete: false,
    ...{warning: null, timeNs, durationNs: 0},
  });
  const columns: ProgColumns = {
    info: programs.map(({info}) => info),
    sources: {
      owners: told((prog) => prog.owners),
      links: told((prog) => prog.links),
      pins: told((prog) => prog.pins),
      maps: told((prog) => prog.maps),
      names: told((prog) => prog.names),
    },
    runTimeNs: BigUint64Array.from(programs, (prog) => prog.runTimeNs),
    runCnt: BigUint64Array.from(programs, (prog) => prog.runCnt),
    recursionMisses: programs.some((prog) => prog.recursionMisses === null)
      ? null
      : BigUint64Array.from(programs, (prog) => prog.recursionMisses ?? 0n),
    hottestCpu: Int32Array.from(programs, (prog) => prog.hottestCpu),
    hottestPct: new Uint8Array(programs.length),
  };
  return programs.map(({periodRunTimeNs, periodRunCnt, periodRecursionMisses}, i) => {
    const known = periodNs > 0 && periodRunTimeNs !== null && periodRunCnt !== null;
    const increase = known ? {runTimeNs: periodRunTimeNs, runCnt: periodRunCnt} : null;
    return new MeasuredProg(columns, i, timeNs, false, increase, periodRecursionMisses, periodNs);
  });
}
