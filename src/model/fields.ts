/**
 * The one table of fields: what each is called, means and counts, how to get it from a measured program and how to print it. The
 * screen's columns, --sort, the filter, the table and JSON outputs and --help all read this table; a new field is one entry here.
 */
import {progTypeName} from '../sample/prog-types.js';
import {type Change, type Comparison, increase, relativeIncrease} from './compare.js';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatPercent,
  formatRelative,
  formatSigned,
  formatTime,
  formatWidth,
} from './format.js';
import {attachTypeName, type ProgLink} from '../sample/links.js';
import type {ProgOwner} from '../sample/owners.js';
import type {ProgInfo} from '../sample/types.js';
import {mapsMemory} from './maps.js';
import type {MeasuredProg} from './measure.js';
import {shownName} from './prog-name.js';

/** What a field can hold; null is "not known". Lists are for JSON. */
export type FieldValue = string | number | bigint | boolean | readonly unknown[] | null;

/** What kind of thing it is: how it is printed, aligned and ordered by default follows from this. */
export type FieldKind =
  | ('number' | 'text' | 'flag' | 'duration' | 'count' | 'rate' | 'bytes' | 'time' | 'list')
  /** Share of one CPU. */
  | 'percent'
  /** Per cent of what it was. */
  | 'relative';

/** One figure or fact of a program: how it is called, got and printed. */
export interface Field {
  /** The name outside: kernel's or bpftool's where they have one. */
  readonly key: string;
  /** Column heading. */
  readonly title: string;
  /** One line for --help and the docs. */
  readonly help: string;
  readonly kind: FieldKind;
  /** Unit of the raw value, as in JSON; empty for none. */
  readonly unit: string;
  /** Cells in a table; for text the least that is of use. */
  readonly width: number;
  /** @param since what it is compared with; only fields that compare ask for it, and without it have no value. */
  readonly get: (prog: MeasuredProg, since?: Comparison | null) => FieldValue;
  /** Words for people where the value alone would mislead; null: there is no need of any. May be hostile, as the value. */
  readonly text?: (prog: MeasuredProg, since?: Comparison | null) => string | null;
  /**
   * Where a program may have several: all of them, of which `get` gives people the first. null: not known; null among them: that one isn't;
   * empty text: there is none, as the pod of a process that runs in no pod.
   */
  readonly values?: (prog: MeasuredProg) => readonly (string | number | null)[] | null;
  /** It says for people what JSON has in another form. */
  readonly notInJson?: true;
  /** A capital of its title: the key that sorts by it on the screen. */
  readonly letter?: string;
  /** Column heading where 100 % are all CPUs; only of a share of a CPU. */
  readonly titleOfAllCpus?: string;
  /** It is the change of another field since a baseline. Such fields are for who has one: `comparedFields`. */
  readonly compares?: Compares;
}

/** What a field that compares is made from. */
export interface Compares {
  /** Key of the field whose change it is. */
  readonly key: string;
  readonly valueOf: (change: Change) => number | null;
}

const entries = {
  id: {
    title: 'ID',
    letter: 'D',
    help: 'program id, as bpftool shows it',
    kind: 'number',
    unit: '',
    width: 7,
    get: (p) => p.info.id,
  },
  type: {
    title: 'TYPE',
    letter: 'Y',
    help: 'program type',
    kind: 'text',
    unit: '',
    width: 10,
    get: (p) => progTypeName(p.info.type),
  },
  name: {
    title: 'NAME',
    letter: 'N',
    help: 'program name, in full where its BTF has it',
    kind: 'text',
    unit: '',
    width: 15,
    get: (p) => p.name,
    text: shownName,
  },
  owner: {
    title: 'OWNER',
    letter: 'O',
    help: 'process that holds it, and its pod or container',
    kind: 'text',
    unit: '',
    width: 12,
    get: ownerText,
    values: (p) => (p.owners?.length === 0 ? [ownerText(p)] : ownerTexts(p)),
    notInJson: true,
  },
  pid: {
    title: 'PID',
    help: 'pid of the process that holds it',
    kind: 'number',
    unit: '',
    width: 7,
    get: (p) => p.owners?.[0]?.pid ?? null,
    values: (p) => p.owners && p.owners.map((owner) => owner.pid),
    notInJson: true,
  },
  comm: {
    title: 'COMM',
    help: 'name of the process that holds it',
    kind: 'text',
    unit: '',
    width: 15,
    ...ofOwners((o) => o.comm),
  },
  cmd: {
    title: 'COMMAND',
    help: 'command line of the process that holds it',
    kind: 'text',
    unit: '',
    width: 20,
    ...ofOwners((o) => o.cmdline && o.cmdline.join(' ')),
  },
  via: {
    title: 'VIA',
    help: 'by what that process holds it: prog, link or map',
    kind: 'text',
    unit: '',
    width: 7,
    ...ofOwners((o) => o.via),
  },
  cgroup: {
    title: 'CGROUP',
    help: 'cgroup of the process that holds it',
    kind: 'text',
    unit: '',
    width: 20,
    ...ofOwners((o) => o.cgroup),
  },
  unit: {
    title: 'UNIT',
    help: 'systemd unit of the process that holds it',
    kind: 'text',
    unit: '',
    width: 15,
    ...ofOwners((o) => o.unit ?? noneIf(o.cgroup !== null)),
  },
  container_id: {
    title: 'CONTAINER ID',
    help: 'id of the container of the process that holds it',
    kind: 'text',
    unit: '',
    width: 13,
    ...ofOwners((o) => o.containerId ?? noneIf(o.cgroup !== null)),
  },
  container: {
    title: 'CONTAINER',
    letter: 'C',
    help: 'container of the process that holds it',
    kind: 'text',
    unit: '',
    width: 15,
    ...ofOwners((o) => o.container ?? noneIf(inNoContainer(o))),
  },
  pod: {
    title: 'POD',
    help: 'pod of the process that holds it',
    kind: 'text',
    unit: '',
    width: 15,
    // Where the host has a container's name it has the pod's too.
    ...ofOwners((o) => o.pod ?? noneIf(inNoContainer(o) || o.container !== null)),
  },
  namespace: {
    title: 'NAMESPACE',
    help: 'namespace of that pod',
    kind: 'text',
    unit: '',
    width: 12,
    ...ofOwners((o) => o.namespace ?? noneIf(inNoContainer(o) || o.container !== null)),
  },
  attached: {
    title: 'ATTACHED',
    letter: 'H',
    help: 'what it is attached to',
    kind: 'text',
    unit: '',
    width: 12,
    ...ofLinks(linkText, '(nowhere)'),
  },
  link_attach_type: {
    title: 'LINK ATTACH',
    help: 'how it is attached, as libbpf calls it',
    kind: 'text',
    unit: '',
    width: 15,
    ...ofLinks((link) => link.attachType),
  },
  link_type: {
    title: 'LINK TYPE',
    help: 'type of the link that attaches it',
    kind: 'text',
    unit: '',
    width: 11,
    ...ofLinks((link) => link.type),
  },
  pinned: {
    title: 'PINNED',
    help: 'where it, or a link of it, is pinned',
    kind: 'text',
    unit: '',
    width: 20,
    ...ofEach(
      (prog) => prog.pins,
      (pin) => pin.path,
      '',
    ),
  },
  map_name: {
    title: 'MAP',
    help: 'name of a map that it uses',
    kind: 'text',
    unit: '',
    width: 15,
    ...ofEach(
      (prog) => prog.maps,
      (map) => map.name,
      '',
    ),
  },
  tag: {title: 'TAG', help: 'SHA of its instructions', kind: 'text', unit: '', width: 16, get: (p) => p.info.tag},
  loaded_at: {
    title: 'LOADED',
    letter: 'L',
    help: 'when it was loaded (UTC)',
    kind: 'time',
    unit: 's',
    width: 19,
    get: (p) => p.info.loadedAt,
  },
  age_ns: {
    title: 'AGE',
    help: 'time since it was loaded',
    kind: 'duration',
    unit: 'ns',
    width: formatWidth.duration,
    get: (p) => p.ageNs,
    notInJson: true,
  },
  uid: {title: 'UID', help: 'user who loaded it', kind: 'number', unit: '', width: 5, get: (p) => p.info.uid},
  gpl_compatible: {
    title: 'GPL',
    help: 'licence is GPL compatible',
    kind: 'flag',
    unit: '',
    width: 3,
    get: (p) => p.info.gplCompatible,
  },
  jited: {
    title: 'JIT',
    help: 'compiled to machine code',
    kind: 'flag',
    unit: '',
    width: 3,
    get: (p) => p.info.bytesJited > 0,
  },
  bytes_xlated: {
    title: 'XLATED',
    letter: 'X',
    help: 'size of its BPF instructions',
    kind: 'bytes',
    unit: 'B',
    width: formatWidth.bytes,
    get: (p) => p.info.bytesXlated,
  },
  bytes_jited: {
    title: 'JITED',
    letter: 'J',
    help: 'size of its machine code',
    kind: 'bytes',
    unit: 'B',
    width: formatWidth.bytes,
    get: (p) => p.info.bytesJited,
  },
  bytes_memlock: {
    title: 'MEMORY',
    letter: 'M',
    help: 'memory charged for it, without its maps',
    kind: 'bytes',
    unit: 'B',
    width: formatWidth.bytes,
    get: (p) => p.info.bytesMemlock,
  },
  bytes_maps: {
    title: 'MAPMEM',
    help: 'memory charged for the maps it uses, those that it shares too',
    kind: 'bytes',
    unit: 'B',
    width: formatWidth.bytes,
    get: (p) => mapsMemory([p]),
  },
  verified_insns: {
    title: 'VERIFIED',
    help: 'instructions the verifier walked',
    kind: 'count',
    unit: '',
    width: 8,
    get: (p) => p.info.verifiedInsns,
  },
  btf_id: {title: 'BTF', letter: 'B', help: 'id of its BTF', kind: 'number', unit: '', width: 6, get: (p) => p.info.btfId},
  sleepable: {
    title: 'SLEEPS',
    help: 'may sleep: its run time is wall time, and it has no cpu_pct',
    kind: 'flag',
    unit: '',
    width: 6,
    get: (p) => p.info.sleepable,
  },
  attach_type: {
    title: 'ATTACHTYPE',
    help: 'attach type it was loaded for',
    kind: 'text',
    unit: '',
    width: 12,
    get: (p) => attachType(p.info),
  },
  attach_func_name: {
    title: 'FUNCTION',
    letter: 'F',
    help: 'function or tracepoint it was loaded for (fentry, LSM, iterators and their like)',
    kind: 'text',
    unit: '',
    width: 15,
    get: (p) => p.names?.attachFuncName ?? null,
  },
  counted_in: {
    title: 'COUNTED',
    help: 'where its runs are counted, if not in itself: target (freplace) or caller (tail call)',
    kind: 'text',
    unit: '',
    width: 7,
    get: (p) => p.countedIn,
  },
  run_time_ns: {
    title: 'RUNTIME',
    help: "the kernel's counter: wall time in the program since it was loaded, while statistics were on",
    kind: 'duration',
    unit: 'ns',
    width: 7,
    get: (p) => p.runTimeNs,
  },
  run_cnt: {
    title: 'RUNS',
    letter: 'R',
    help: "the kernel's counter: runs since it was loaded, while statistics were on",
    kind: 'count',
    unit: '',
    width: formatWidth.count,
    get: (p) => p.runCnt,
  },
  recursion_misses: {
    title: 'MISSED',
    help: "the kernel's counter: runs that didn't happen, because it was running on that CPU already",
    kind: 'count',
    unit: '',
    width: 6,
    get: (p) => p.recursionMisses,
  },
  period_run_time_ns: {
    title: '+RUNTIME',
    help: 'wall time in the program in the last period',
    kind: 'duration',
    unit: 'ns',
    width: 8,
    get: (p) => p.periodRunTimeNs,
  },
  period_run_cnt: {
    title: '+RUNS',
    help: 'runs in the last period',
    kind: 'count',
    unit: '',
    width: formatWidth.count,
    get: (p) => p.periodRunCnt,
  },
  period_recursion_misses: {
    title: '+MISSED',
    help: "runs in the last period that didn't happen, because it was running on that CPU already",
    kind: 'count',
    unit: '',
    width: 7,
    get: (p) => p.periodRecursionMisses,
  },
  avg_run_time_ns: {
    title: 'AVG',
    letter: 'A',
    help: 'average run in the last period',
    kind: 'duration',
    unit: 'ns',
    width: formatWidth.duration,
    get: (p) => p.avgRunTimeNs,
  },
  avg_run_time_ns_change: {
    title: '±AVG',
    letter: 'V',
    help: 'change of avg_run_time_ns since the baseline, in per cent of what it was',
    kind: 'relative',
    unit: '%',
    width: formatWidth.relative,
    ...changeOf('avg_run_time_ns', (change) => relativeIncrease(change, 'avgRunTimeNs')),
  },
  total_avg_run_time_ns: {
    title: 'TOTAL',
    letter: 'T',
    help: 'average run over its whole life',
    kind: 'duration',
    unit: 'ns',
    width: formatWidth.duration,
    get: (p) => p.totalAvgRunTimeNs,
  },
  events_per_sec: {
    title: 'EV/S',
    letter: 'E',
    help: 'runs a second in the last period',
    kind: 'rate',
    unit: '1/s',
    width: formatWidth.count,
    get: (p) => p.eventsPerSec,
  },
  events_per_sec_change: {
    title: '±EV/S',
    letter: 'S',
    help: 'change of events_per_sec since the baseline',
    kind: 'rate',
    unit: '1/s',
    width: formatWidth.count + 1,
    ...changeOf('events_per_sec', (change) => increase(change, 'eventsPerSec')),
  },
  cpu_pct: {
    title: 'CPU%',
    titleOfAllCpus: 'CPUS%',
    letter: 'P',
    help: 'share of one CPU in the last period; 100 is one CPU; none for sleepable programs',
    kind: 'percent',
    unit: '%',
    width: formatWidth.percent,
    get: (p) => p.cpuPct,
    // Wall time is no share of a CPU; and what is counted elsewhere isn't 0.
    text: (p) => (p.info.sleepable === true ? 'wall' : p.countedIn),
  },
  cpu_pct_change: {
    title: '±CPU%',
    titleOfAllCpus: '±CPUS%',
    letter: 'U',
    help: 'change of cpu_pct since the baseline',
    kind: 'percent',
    unit: '%',
    width: formatWidth.percent + 1,
    ...changeOf('cpu_pct', (change) => increase(change, 'cpuPct')),
  },
  hottest_cpu: {
    title: 'HOT',
    help: 'the CPU with the largest share of its run time since it was loaded',
    kind: 'number',
    unit: '',
    width: 4,
    get: (p) => p.hottestCpu,
  },
  map_ids: {
    title: 'MAPS',
    help: 'ids of the maps it uses',
    kind: 'list',
    unit: '',
    width: 4,
    get: (p) => p.info.mapIds,
    values: (p) => p.info.mapIds,
  },
  self: {
    title: 'SELF',
    help: 'a helper that this bpftop-ts loaded to read the others',
    kind: 'flag',
    unit: '',
    width: 4,
    get: (p) => p.info.self,
  },
} satisfies Record<string, Omit<Field, 'key'>>;

/** What changed since the baseline; of a program that was not there then, that it is new. */
function changeOf(key: string, valueOf: Compares['valueOf']) {
  return {
    get: (prog: MeasuredProg, since?: Comparison | null) => (since ? valueOf(since.of(prog)) : null),
    text: (prog: MeasuredProg, since?: Comparison | null) => (since ? changeText(since.of(prog)) : null),
    compares: {key, valueOf},
  };
}

/** In the place of a change, where there is nothing to compare with. */
export function changeText({before, after}: Change): string | null {
  return after && !before ? 'new' : null;
}

/** `cilium-agent pod/cilium-x7 +1`: the first process, where it runs, and how many more there are. */
function ownerText({owners, pins}: MeasuredProg): string | null {
  const [first, ...more] = owners ?? [];
  if (!first) return owners && (pins?.length ? '(pinned)' : '(nobody)');
  return andMore(oneOwnerText(first), more.length);
}

/** `cilium-agent pod/cilium-x7`: a process, and where it runs. */
function oneOwnerText(owner: ProgOwner): string {
  const {comm, pid, pod} = owner;
  const where = pod !== null ? `pod/${pod}` : containerText(owner);
  return [comm || `pid ${pid}`, where].filter((part) => part).join(' ');
}

/** `postgres`, or the first digits of its id; null: it runs in no container, or that isn't known. From the host: hostile. */
export function containerText({container, containerId}: ProgOwner): string | null {
  return container ?? (containerId && containerId.slice(0, 12));
}

/** What a program is attached to, or the most that is known of how. From the host: hostile. */
export function linkText({target, attachType, type}: ProgLink): string {
  return target ?? attachType ?? type;
}

function andMore(first: string, more: number): string {
  return more > 0 ? `${first} +${more}` : first;
}

/** Whether it is known to run in no container. */
function inNoContainer({cgroup, containerId}: ProgOwner): boolean {
  return cgroup !== null && containerId === null;
}

/** What stands for null where that is known to mean: there is none. */
function noneIf(known: boolean): '' | null {
  return known ? '' : null;
}

/** A part of each process that holds the program, in the order of `pid`. */
function ofOwners(part: (owner: ProgOwner) => string | null) {
  return ofEach((prog) => prog.owners, part);
}

const {values: ownerTexts} = ofOwners(oneOwnerText);

/** A part of each of its links. */
function ofLinks(part: (link: ProgLink) => string | null, none?: string) {
  return ofEach((prog) => prog.links, part, none);
}

/**
 * A part of each thing of a program: all values, and for people the first and how many others there are.
 * @param none the value of a program that is known to have no such thing; else it has no value.
 */
function ofEach<T>(things: (prog: MeasuredProg) => readonly T[] | null, part: (thing: T) => string | null, none?: string) {
  // A source is read seldom, and a list of it is the same one in many samples.
  const read = new WeakMap<readonly T[], readonly (string | null)[]>();
  const values = (prog: MeasuredProg) => {
    const all = things(prog);
    let found = all && read.get(all);
    if (all && !found) read.set(all, (found = all.length === 0 && none !== undefined ? [none] : all.map(part)));
    return found ?? null;
  };
  const get = (prog: MeasuredProg): string | null => {
    const [first, ...others] = new Set(values(prog)?.filter((value) => value));
    return first ? andMore(first, others.length) : null;
  };
  return {get, values, notInJson: true} as const;
}

/** 0 is also what programs are loaded for whose type has no attach types; to struct_ops it is a member's number. */
function attachType({type, attachType}: ProgInfo): string | null {
  return attachType === null || attachType === 0 || type === structOps ? null : attachTypeName(attachType);
}

/** BPF_PROG_TYPE_STRUCT_OPS */
const structOps = 27;

/** Its name in JSON, `--sort` and the filter. */
export type FieldKey = keyof typeof entries;

const everyField = Object.entries(entries).map(([key, entry]): Field => ({key, ...entry}));

/** All that one measurement gives, in the order of the JSON document. */
export const fields: readonly Field[] = everyField.filter((each) => !each.compares);

/** What a comparison gives besides. */
export const comparedFields: readonly Field[] = everyField.filter((each) => each.compares);

/** A field that is known to be there. */
export function field(key: FieldKey): Field {
  return {key, ...entries[key]};
}

/** Short names for fingers. */
const aliases: Record<string, FieldKey> = {cpu: 'cpu_pct', avg: 'avg_run_time_ns', ev: 'events_per_sec', age: 'age_ns'};

const byName = new Map<string, Field>(fields.map((each) => [each.key, each]));
for (const [alias, key] of Object.entries(aliases)) byName.set(alias, byName.get(key) as Field);

/** Every name that a field goes by: keys, then short names. */
export const fieldNames: readonly string[] = [...byName.keys()];

/** The field of that key or short name. */
export function findField(name: string): Field | undefined {
  return byName.get(name.toLowerCase());
}

/** The columns of the table when nobody chose others. */
export const defaultColumns: readonly FieldKey[] = [
  'id',
  'type',
  'name',
  'owner',
  'attached',
  'avg_run_time_ns',
  'total_avg_run_time_ns',
  'events_per_sec',
  'cpu_pct',
];

/** Text is read from the left and begins with A; a number is read from its last digit, and the biggest comes first. */
export function isNumeric(kind: FieldKind): boolean {
  return kind !== 'text' && kind !== 'flag' && kind !== 'list';
}

/** What is drawn for null. */
export const unknown = '-';

/** How figures are to be read. */
export interface Manner {
  /** What they are compared with; null: nothing. */
  readonly since: Comparison | null;
  /** As many CPUs are 100 %: one, or all. */
  readonly cpus: number;
}

/** As scripts have them. */
export const plainly: Manner = {since: null, cpus: 1};

/** A field of a program as people read it; "-" when it isn't known. May hold whatever the host put in a name: not yet safe to print. */
export function formatField(of: Field, prog: MeasuredProg, manner: Manner = plainly): string {
  return of.text?.(prog, manner.since) ?? formatValue(of, of.get(prog, manner.since), manner);
}

/** A value of such a field as people read it. */
export function formatValue(of: Pick<Field, 'kind' | 'compares'>, value: FieldValue, {cpus}: Manner = plainly): string {
  if (value === null) return unknown;
  if (of.compares) return formatSigned(value as number, (size) => formatSize(of.kind, size, cpus));
  return formatSize(of.kind, value, cpus);
}

function formatSize(kind: FieldKind, value: Exclude<FieldValue, null>, cpus: number): string {
  switch (kind) {
    case 'text':
    case 'number':
      return String(value);
    case 'flag':
      return value === true ? 'yes' : 'no';
    case 'duration':
      return formatDuration(value as number);
    case 'count':
    case 'rate':
      return formatCount(value as number);
    case 'percent':
      return formatPercent((value as number) / cpus);
    case 'relative':
      return formatRelative(value as number);
    case 'bytes':
      return formatBytes(value as number);
    case 'time':
      return formatTime(value as number);
    case 'list':
      return (value as readonly unknown[]).join(',') || unknown;
  }
}
