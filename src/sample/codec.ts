/**
 * Recordings: Samples as bytes and back, each as soon as it is there. docs/recording.md describes the bytes; a change that an older reader
 * would misread is another `formatVersion`.
 */
import {deflateRawSync, inflateRawSync} from 'node:zlib';
import {ByteReader, ByteWriter, crc32, Damage} from './bytes.js';
import type {ProgLink} from './links.js';
import type {ProgMap} from './maps.js';
import type {ProgNames} from './names.js';
import type {OwnerVia, ProgOwner} from './owners.js';
import type {ProgPin} from './pins.js';
import {noSources, type Reading, type SourceFacts, type SourceName, sourceNames, type Sources} from './sources.js';
import {
  type Host,
  progKey,
  type ProgColumns,
  type ProgInfo,
  type Sample,
  type SamplerName,
  type StatsState,
} from './types.js';
import type {Warning} from './types.js';

/** What a recording begins with; no record does, it would be too long. */
const magic = Buffer.from('\x89bpftop\n', 'latin1');
export const formatVersion = 2;
const preambleLength = magic.length + 4;

/** Length (u32), type (u8), CRC-32 of these five bytes; all numbers little endian. */
const headLength = 9;
/** CRC-32 of what is between the head and it. */
const tailLength = 4;
/** Neither packed nor unpacked is a record's content longer. */
const longestContent = 2 ** 24;
/** As much as deflate can look back (RFC 1951). */
const dictionaryLength = 2 ** 15;

const hostType = 1;
const sampleType = 2;
/** Those of the sources, in the order of `sourceNames`. */
const firstSourceType = 16;

const samplers: readonly SamplerName[] = ['iterator', 'walk'];
const statsStates: readonly StatsState[] = ['off', 'enabled_here', 'already_on'];
const ownerVias: readonly OwnerVia[] = ['prog', 'link', 'map'];
const pinVias: readonly ProgPin['via'][] = ['prog', 'link'];
const yesNoUnknown: readonly (boolean | null)[] = [false, true, null];

/** Why bytes can't be read as a recording, or not any further. */
export class BadRecording extends Error {
  override readonly name = 'BadRecording';
  /** `foreign`: it is something else; `newer`: by a later bpftop-ts; `damaged`: it isn't as it was written. */
  readonly kind: 'foreign' | 'newer' | 'damaged';
  /** Of the record that can't be read: bytes from the beginning. */
  readonly at: number;

  constructor(kind: BadRecording['kind'], at: number, options?: ErrorOptions) {
    super(`${kind} at byte ${at}`, options);
    this.kind = kind;
    this.at = at;
  }
}

/** Writes one recording. */
export class SampleEncoder {
  readonly #writer = new ByteWriter();
  readonly #dictionaries = new Map<number, Buffer>();
  #previous: Sample | null = null;
  #sources: Sources = noSources;

  /**
   * The bytes that bring a recording from the sample before (the first call: from nothing) to this one.
   * @throws RangeError: it is too large to be recorded; the encoder is of no use after that.
   */
  encode(sample: Sample): Buffer {
    const records: Buffer[] = [];
    const {host} = sample;
    const {sources} = sample.progs;
    if (!this.#previous) {
      const version = Buffer.alloc(4);
      version.writeUInt32LE(formatVersion);
      records.push(magic, version);
    }
    if (host !== this.#previous?.host) records.push(this.#record(hostType, (writer) => writeHost(writer, host)));
    sourceNames.forEach((name, i) => {
      const reading = sources[name];
      // The same one until somebody has looked again.
      if (reading === null || reading === this.#sources[name]) return;
      this.#sources = {...this.#sources, [name]: reading};
      records.push(this.#record(firstSourceType + i, (writer) => writeReading(writer, name, reading)));
    });
    records.push(this.#record(sampleType, (writer) => writeSample(writer, sample, this.#previous)));
    this.#previous = sample;
    return Buffer.concat(records);
  }

  #record(type: number, write: (writer: ByteWriter) => void): Buffer {
    this.#writer.clear();
    write(this.#writer);
    const content = this.#writer.bytes();
    const packed = deflateRawSync(content, dictionaryOf(this.#dictionaries, type));
    if (Math.max(content.length, packed.length) > longestContent) throw new RangeError(`more than ${longestContent} bytes`);
    keepDictionary(this.#dictionaries, type, content);
    const record = Buffer.allocUnsafe(headLength + packed.length + tailLength);
    record.writeUInt32LE(packed.length, 0);
    record.writeUInt8(type, 4);
    record.writeUInt32LE(crc32(record.subarray(0, 5)), 5);
    record.set(packed, headLength);
    record.writeUInt32LE(crc32(packed), headLength + packed.length);
    return record;
  }
}

/** Reads recordings, one behind the other, from pieces of any size. */
export class SampleDecoder {
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  #needed = preambleLength;
  #at = 0;
  #recording: OpenRecording | null = null;

  /** Where the first byte is that isn't part of a whole record yet. */
  get at(): number {
    return this.#at;
  }

  /** How many bytes of a record that isn't whole there are. */
  get unfinished(): number {
    return this.#buffered;
  }

  /**
   * Samples that are whole with these bytes, oldest first.
   * @throws BadRecording; the decoder is of no use after that.
   */
  *push(chunk: Uint8Array): Generator<Sample, void, undefined> {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    // What can't be a recording is told as soon as it can be: who waits for more might wait for ever.
    if (this.#at === 0 && this.#buffered < preambleLength) this.#checkMagic(Buffer.concat(this.#chunks));
    if (this.#buffered < this.#needed) return;
    const bytes = Buffer.concat(this.#chunks);
    let from = 0;
    try {
      for (;;) {
        const rest = bytes.subarray(from);
        const taken = this.#take(rest);
        if (taken === null) return;
        from += taken.length;
        this.#at += taken.length;
        if (taken.sample) yield taken.sample;
      }
    } finally {
      this.#chunks = [bytes.subarray(from)];
      this.#buffered = bytes.length - from;
    }
  }

  /** The first record of the bytes; null: it isn't whole, and `#needed` says how many there must be for another look. */
  #take(bytes: Buffer): {readonly length: number; readonly sample: Sample | null} | null {
    const begins = bytes.length >= 4 && bytes.subarray(0, 4).equals(magic.subarray(0, 4));
    this.#needed = begins || !this.#recording ? preambleLength : headLength;
    if (bytes.length < this.#needed) return null;
    if (begins || !this.#recording) {
      this.#checkMagic(bytes);
      const version = bytes.readUInt32LE(magic.length);
      if (version > formatVersion) throw new BadRecording('newer', this.#at);
      if (version === 0) throw new BadRecording('damaged', this.#at);
      this.#recording = new OpenRecording(version);
      return {length: preambleLength, sample: null};
    }
    const length = bytes.readUInt32LE(0);
    if (bytes.readUInt32LE(5) !== crc32(bytes.subarray(0, 5)) || length > longestContent)
      throw new BadRecording('damaged', this.#at);
    const whole = headLength + length + tailLength;
    this.#needed = whole;
    if (bytes.length < whole) return null;
    const packed = bytes.subarray(headLength, headLength + length);
    if (bytes.readUInt32LE(headLength + length) !== crc32(packed)) throw new BadRecording('damaged', this.#at);
    this.#needed = headLength;
    try {
      return {length: whole, sample: this.#recording.take(bytes.readUInt8(4), packed)};
    } catch (cause) {
      // Of zlib, of a reader, or of a decoder of text: whatever it is, the bytes gave reason.
      throw new BadRecording('damaged', this.#at, {cause});
    }
  }

  #checkMagic(bytes: Buffer): void {
    if (bytes.subarray(0, magic.length).equals(magic.subarray(0, bytes.length))) return;
    throw new BadRecording(this.#at === 0 ? 'foreign' : 'damaged', this.#at);
  }
}

/** What a reader knows of the recording it is in. */
class OpenRecording {
  readonly #version: number;
  readonly #dictionaries = new Map<number, Buffer>();
  #host: Host | null = null;
  #sources: Sources = noSources;
  #previous: Sample | null = null;

  constructor(version: number) {
    this.#version = version;
  }

  take(type: number, packed: Buffer): Sample | null {
    const source = sourceNames[type - firstSourceType];
    // Something that this version doesn't know, and that what it knows doesn't depend on.
    if (type !== hostType && type !== sampleType && !source) return null;
    const content = inflateRawSync(packed, {
      ...dictionaryOf(this.#dictionaries, type),
      maxOutputLength: longestContent,
    });
    keepDictionary(this.#dictionaries, type, content);
    const reader = new ByteReader(content);
    if (source) this.#sources = {...this.#sources, [source]: readReading(reader, source, this.#version)};
    else if (type === hostType) this.#host = readHost(reader);
    else {
      if (!this.#host) throw new Damage('a sample comes before its host');
      this.#previous = readSample(reader, this.#host, this.#sources, this.#previous);
    }
    reader.end();
    return type === sampleType ? this.#previous : null;
  }
}

function dictionaryOf(dictionaries: ReadonlyMap<number, Buffer>, type: number): {dictionary?: Buffer} {
  const dictionary = dictionaries.get(type);
  return dictionary ? {dictionary} : {};
}

function keepDictionary(dictionaries: Map<number, Buffer>, type: number, content: Buffer): void {
  // An empty one isn't one to zlib.
  if (content.length > 0) dictionaries.set(type, content.subarray(-dictionaryLength));
}

function writeHost(writer: ByteWriter, host: Host): void {
  writer.text(host.hostname);
  writer.text(host.kernelRelease);
  writer.text(host.arch);
  writer.int(host.cpusOnline);
  writer.maybe(host.bootId, (id) => writer.text(id));
}

function readHost(reader: ByteReader): Host {
  const text = () => reader.text();
  return {
    hostname: text(),
    kernelRelease: text(),
    arch: text(),
    cpusOnline: reader.int(),
    bootId: reader.maybe(text),
  };
}

function writeSample(writer: ByteWriter, sample: Sample, previous: Sample | null): void {
  writer.int(sample.takenAt - (previous?.takenAt ?? 0));
  writer.big(sample.timeNs - (previous?.timeNs ?? 0n));
  writer.int(sample.durationNs);
  writer.int(sample.selfCpuNs - (previous?.selfCpuNs ?? 0));
  writer.choice(samplers, sample.sampler);
  writer.bool(sample.shared);
  writer.maybe(sample.fallbackReason, (reason) => writer.text(reason));
  writer.choice(statsStates, sample.stats);
  writer.maybe(sample.statsCostNs, (ns) => writer.int(ns));
  writer.list(sample.warnings, (warning) => writeWarning(writer, warning));
  for (const name of sourceNames) writer.bool(sample.progs.sources[name] !== null);
  writeProgs(writer, sample.progs, previous?.progs ?? noProgs);
}

/** The latest moment of a Date (ECMA-262), ms. */
const latestMoment = 8.64e15;

function readSample(reader: ByteReader, host: Host, latest: Sources, previous: Sample | null): Sample {
  const takenAt = reader.int() + (previous?.takenAt ?? 0);
  if (Math.abs(takenAt) > latestMoment) throw new Damage('there is no such moment');
  return {
    host,
    takenAt,
    timeNs: BigInt.asUintN(64, reader.big() + (previous?.timeNs ?? 0n)),
    durationNs: reader.int(),
    selfCpuNs: reader.int() + (previous?.selfCpuNs ?? 0),
    sampler: reader.choice(samplers),
    shared: reader.bool(),
    fallbackReason: reader.maybe(() => reader.text()),
    stats: reader.choice(statsStates),
    statsCostNs: reader.maybe(() => reader.int()),
    warnings: reader.list(() => readWarning(reader)),
    progs: readProgs(reader, readSources(reader, latest), previous?.progs ?? noProgs),
  };
}

function readSources(reader: ByteReader, latest: Sources): Sources {
  let sources = latest;
  for (const name of sourceNames) if (!reader.bool()) sources = {...sources, [name]: null};
  return sources;
}

const noProgs: ProgColumns = {
  info: [],
  sources: noSources,
  runTimeNs: new BigUint64Array(),
  runCnt: new BigUint64Array(),
  recursionMisses: new BigUint64Array(),
  hottestCpu: new Int32Array(),
  hottestPct: new Uint8Array(),
};

/** In one sample: far more than any host has, and few enough for whoever replays it. */
const mostProgs = 2 ** 17;

/** What is not among the programs of before; −1 in a table of places. */
const appeared = -1;

function writeProgs(writer: ByteWriter, now: ProgColumns, before: ProgColumns): void {
  if (now.info.length > mostProgs) throw new RangeError(`${now.info.length} programs`);
  const was = now.info === before.info ? null : placesIn(now.info, before.info);
  const kept = was && new Set(was);
  const goneAt = kept ? [...before.info.keys()].filter((place) => !kept.has(place)) : [];
  const newAt = was ? [...was.keys()].filter((place) => was[place] === appeared) : [];
  let last = -1;
  writer.list(goneAt, (place) => {
    writer.int(place - last - 1);
    last = place;
  });
  last = -1;
  writer.list(newAt, (place) => {
    writer.int(place - last - 1);
    last = place;
    writeInfo(writer, now.info[place] as ProgInfo);
  });
  const counters = (column: BigUint64Array, of: BigUint64Array | null) => {
    for (let i = 0; i < column.length; i++) {
      const old = was ? (was[i] as number) : i;
      writer.big((column[i] as bigint) - (old === appeared ? 0n : (of?.[old] ?? 0n)));
    }
  };
  const small = (column: Int32Array | Uint8Array, of: Int32Array | Uint8Array) => {
    for (let i = 0; i < column.length; i++) {
      const old = was ? (was[i] as number) : i;
      writer.int((column[i] as number) - (old === appeared ? 0 : (of[old] as number)));
    }
  };
  counters(now.runTimeNs, before.runTimeNs);
  counters(now.runCnt, before.runCnt);
  writer.maybe(now.recursionMisses, (misses) => counters(misses, before.recursionMisses));
  small(now.hottestCpu, before.hottestCpu);
  small(now.hottestPct, before.hottestPct);
}

/** Where each was before, in ascending order; `appeared`: it wasn't. */
function placesIn(now: readonly ProgInfo[], before: readonly ProgInfo[]): Int32Array {
  const places = new Int32Array(now.length).fill(appeared);
  // Ids ascend in both.
  for (let i = 0, b = 0; i < now.length; i++) {
    const info = now[i] as ProgInfo;
    while (b < before.length && (before[b] as ProgInfo).id < info.id) b++;
    if (before[b] === info) places[i] = b++;
  }
  return places;
}

function readProgs(reader: ByteReader, sources: Sources, before: ProgColumns): ProgColumns {
  const goneAt: number[] = [];
  let last = -1;
  for (let count = reader.count(); count > 0; count--) goneAt.push((last = nextPlace(reader, last, before.info.length)));
  const length = before.info.length - goneAt.length;
  const added: [place: number, info: ProgInfo][] = [];
  last = -1;
  const appearing = reader.count();
  for (let i = 0; i < appearing; i++) {
    last = nextPlace(reader, last, length + appearing);
    added.push([last, readInfo(reader)]);
  }
  const changed = goneAt.length > 0 || added.length > 0;
  const was = changed ? new Int32Array(length + appearing).fill(appeared) : null;
  const info = was ? join(before.info, goneAt, added, was) : before.info;
  if (info.length > mostProgs) throw new Damage(`it has more than ${mostProgs} programs`);
  const counters = (of: BigUint64Array | null) => {
    const column = new BigUint64Array(info.length);
    for (let i = 0; i < column.length; i++) {
      const old = was ? (was[i] as number) : i;
      // Beyond 64 bits it begins anew, as the difference did.
      column[i] = reader.big() + (old === appeared ? 0n : (of?.[old] ?? 0n));
    }
    return column;
  };
  const small = <T extends Int32Array | Uint8Array>(column: T, of: T) => {
    for (let i = 0; i < column.length; i++) {
      const old = was ? (was[i] as number) : i;
      column[i] = reader.int() + (old === appeared ? 0 : (of[old] as number));
    }
    return column;
  };
  return {
    info,
    sources,
    runTimeNs: counters(before.runTimeNs),
    runCnt: counters(before.runCnt),
    recursionMisses: reader.maybe(() => counters(before.recursionMisses)),
    hottestCpu: small(new Int32Array(info.length), before.hottestCpu),
    hottestPct: small(new Uint8Array(info.length), before.hottestPct),
  };
}

function nextPlace(reader: ByteReader, last: number, length: number): number {
  const skipped = reader.int();
  const place = last + 1 + skipped;
  if (skipped < 0 || place >= length) throw new Damage('a program is beyond the end of the list');
  return place;
}

/** The list of now; fills `was` with where each was before. */
function join(
  before: readonly ProgInfo[],
  goneAt: readonly number[],
  added: readonly (readonly [place: number, info: ProgInfo])[],
  was: Int32Array,
): readonly ProgInfo[] {
  const gone = new Set(goneAt);
  const info = new Array<ProgInfo>(was.length);
  for (const [place, one] of added) info[place] = one;
  let old = 0;
  let lastId = -1;
  for (let i = 0; i < info.length; i++) {
    if (!info[i]) {
      while (gone.has(old)) old++;
      was[i] = old;
      info[i] = before[old++] as ProgInfo;
    }
    const {id} = info[i] as ProgInfo;
    if (id <= lastId) throw new Damage('ids do not ascend');
    lastId = id;
  }
  return info;
}

function writeInfo(writer: ByteWriter, info: ProgInfo): void {
  const int = (value: number) => writer.int(value);
  int(info.id);
  int(info.type);
  writer.text(info.name);
  writer.text(info.tag);
  writer.big(info.loadTimeNs);
  int(info.loadedAt);
  int(info.uid);
  writer.bool(info.gplCompatible);
  int(info.bytesXlated);
  int(info.bytesJited);
  writer.maybe(info.bytesMemlock, int);
  writer.maybe(info.verifiedInsns, int);
  writer.maybe(info.btfId, int);
  writer.maybe(info.mapIds, (ids) => writer.list(ids, int));
  writer.choice(yesNoUnknown, info.sleepable);
  writer.maybe(info.attachType, int);
  writer.maybe(info.attachBtfId, int);
  writer.bool(info.self);
}

function readInfo(reader: ByteReader): ProgInfo {
  const int = () => reader.int();
  const id = int();
  const type = int();
  const name = reader.text();
  const tag = reader.text();
  const loadTimeNs = BigInt.asUintN(64, reader.big());
  return {
    key: progKey(id, loadTimeNs, tag),
    id,
    type,
    name,
    tag,
    loadTimeNs,
    loadedAt: int(),
    uid: int(),
    gplCompatible: reader.bool(),
    bytesXlated: int(),
    bytesJited: int(),
    bytesMemlock: reader.maybe(int),
    verifiedInsns: reader.maybe(int),
    btfId: reader.maybe(int),
    mapIds: reader.maybe(() => reader.list(int)),
    sleepable: reader.choice(yesNoUnknown),
    attachType: reader.maybe(int),
    attachBtfId: reader.maybe(int),
    self: reader.bool(),
  };
}

function writeWarning(writer: ByteWriter, {code, message}: Warning): void {
  writer.text(code);
  writer.text(message);
}

function readWarning(reader: ByteReader): Warning {
  return {code: reader.text(), message: reader.text()};
}

/** How to write what a source tells of a program, and how to read it. */
interface FactCodec<T> {
  readonly write: (writer: ByteWriter, fact: T) => void;
  /** Of that version of the format. */
  readonly read: (reader: ByteReader, version: number) => T;
}

const owners: FactCodec<ProgOwner> = {
  write(writer, owner) {
    const text = (value: string) => writer.text(value);
    writer.int(owner.pid);
    writer.maybe(owner.comm, text);
    writer.maybe(owner.cmdline, (words) => writer.list(words, text));
    writer.choice(ownerVias, owner.via);
    for (const key of ownerTexts) writer.maybe(owner[key], text);
  },
  read(reader) {
    const text = () => reader.text();
    return {
      pid: reader.int(),
      comm: reader.maybe(text),
      cmdline: reader.maybe(() => reader.list(text)),
      via: reader.choice(ownerVias),
      cgroup: reader.maybe(text),
      unit: reader.maybe(text),
      containerId: reader.maybe(text),
      container: reader.maybe(text),
      pod: reader.maybe(text),
      namespace: reader.maybe(text),
    };
  },
};
const ownerTexts = ['cgroup', 'unit', 'containerId', 'container', 'pod', 'namespace'] as const;

const links: FactCodec<ProgLink> = {
  write(writer, {linkId, type, attachType, target, missed}) {
    writer.maybe(linkId, (id) => writer.int(id));
    writer.text(type);
    writer.maybe(attachType, (name) => writer.text(name));
    writer.maybe(target, (name) => writer.text(name));
    writer.maybe(missed, (count) => writer.int(count));
  },
  read: (reader, version) => ({
    linkId: reader.maybe(() => reader.int()),
    type: reader.text(),
    attachType: reader.maybe(() => reader.text()),
    target: reader.maybe(() => reader.text()),
    missed: version >= 2 ? reader.maybe(() => reader.int()) : null,
  }),
};

const pins: FactCodec<ProgPin> = {
  write(writer, {path, via}) {
    writer.text(path);
    writer.choice(pinVias, via);
  },
  read: (reader) => ({path: reader.text(), via: reader.choice(pinVias)}),
};

const maps: FactCodec<ProgMap> = {
  write(writer, {id, name, type, maxEntries, entries, bytesMemlock}) {
    writer.int(id);
    writer.text(name);
    writer.text(type);
    writer.int(maxEntries);
    writer.maybe(entries, (count) => writer.int(count));
    writer.maybe(bytesMemlock, (bytes) => writer.int(bytes));
  },
  read: (reader) => ({
    id: reader.int(),
    name: reader.text(),
    type: reader.text(),
    maxEntries: reader.int(),
    entries: reader.maybe(() => reader.int()),
    bytesMemlock: reader.maybe(() => reader.int()),
  }),
};

const names: FactCodec<ProgNames> = {
  write(writer, {fullName, attachFuncName, tailCallers}) {
    writer.maybe(fullName, (name) => writer.text(name));
    writer.maybe(attachFuncName, (name) => writer.text(name));
    writer.list(tailCallers, ({id, name}) => {
      writer.int(id);
      writer.text(name);
    });
  },
  read: (reader) => ({
    fullName: reader.maybe(() => reader.text()),
    attachFuncName: reader.maybe(() => reader.text()),
    tailCallers: reader.list(() => ({id: reader.int(), name: reader.text()})),
  }),
};

const factCodecs: {readonly [Name in SourceName]: FactCodec<SourceFacts[Name]>} = {owners, links, pins, maps, names};

function writeReading<Name extends SourceName>(writer: ByteWriter, name: Name, reading: Reading<SourceFacts[Name]>): void {
  const {write} = factCodecs[name];
  writer.big(reading.timeNs);
  writer.int(reading.durationNs);
  writer.bool(reading.complete);
  writer.maybe(reading.warning, (warning) => writeWarning(writer, warning));
  writer.maybe(reading.untold ?? null, (ids) => writer.list(ids, (id) => writer.int(id)));
  // Programs of one process, or with one map, have the same to tell: that is written once.
  const known = new Map<string, number>();
  const scratch = new ByteWriter();
  writer.maybe(reading.byProg, (byProg) =>
    writer.list(byProg, ([id, facts]) => {
      writer.int(id);
      writer.list(facts, (fact) => {
        scratch.clear();
        write(scratch, fact);
        const key = scratch.bytes().toString('latin1');
        const at = known.get(key);
        writer.int(at ?? known.size);
        if (at !== undefined) return;
        known.set(key, known.size);
        writer.embed(scratch);
      });
    }),
  );
}

function readReading<Name extends SourceName>(reader: ByteReader, name: Name, version: number): Reading<SourceFacts[Name]> {
  const {read} = factCodecs[name];
  const timeNs = BigInt.asUintN(64, reader.big());
  const durationNs = reader.int();
  const complete = reader.bool();
  const warning = reader.maybe(() => readWarning(reader));
  const untold = reader.maybe(() => new Set(reader.list(() => reader.int())));
  const known: SourceFacts[Name][] = [];
  const readFact = () => {
    const at = reader.int();
    if (at === known.length) known.push(read(reader, version));
    const fact = known[at];
    if (fact === undefined) throw new Damage('it refers to what has not been told');
    return fact;
  };
  const byProg = reader.maybe(
    () => new Map(reader.list(() => [reader.int(), reader.list(readFact)] as [number, SourceFacts[Name][]])),
  );
  return {byProg, complete, ...(untold && {untold}), warning, timeNs, durationNs};
}
