/**
 * Programs put together by what they have in common: whose they are, where that runs, their type, what they are attached to. Every program
 * is in one group and in no other, so that the sums of the groups add up to the totals.
 */
import {progTypeName} from '../sample/prog-types.js';
import type {ProgOwner} from '../sample/owners.js';
import type {Comparison} from './compare.js';
import {
  comparedFields,
  containerText,
  field,
  type Field,
  type FieldKey,
  type FieldValue,
  isNumeric,
  linkText,
  unknown,
} from './fields.js';
import type {MeasuredProg} from './measure.js';
import {byOrder, type SortOrder} from './sort.js';

/** In words, that a program has nothing of the kind; not a name that anyone could give. */
interface Nothing {
  readonly words: string;
}

const nobody: Nothing = {words: '(nobody)'};
const pinned: Nothing = {words: '(pinned)'};
const noContainer: Nothing = {words: '(no container)'};
const noPod: Nothing = {words: '(no pod)'};
const noUnit: Nothing = {words: '(no unit)'};
const nowhere: Nothing = {words: '(nowhere)'};

/** What tells groups apart; null: not known. */
type Common = string | Nothing | null;

/** A way to put programs together. */
export interface Grouping {
  /** Its name for `--group` and in JSON. */
  readonly key: string;
  /** The key that chooses it in the dialog; also the first letter of its name. */
  readonly letter: string;
  /** Heading of a table of groups. */
  readonly title: string;
  /** One line for the dialog. */
  readonly help: string;
  /** What the programs of a group have in common. */
  readonly of: (prog: MeasuredProg) => Common;
  /** What a group is called, where that isn't what tells it apart. From the host: hostile. */
  readonly called?: (prog: MeasuredProg) => string;
}

/** All ways, in the order of the dialog. */
export const groupings: readonly Grouping[] = [
  {
    ...{key: 'owner', letter: 'o', title: 'OWNER', help: 'name of the process that holds it'},
    of: byOwner(({comm}) => comm),
  },
  {
    ...{key: 'container', letter: 'c', title: 'CONTAINER', help: 'container that this process runs in'},
    // Many pods have a container of the same name: only the id tells them apart.
    of: byOwner(({cgroup, containerId}) => containerId ?? (cgroup === null ? null : noContainer)),
    called: (prog) => {
      const first = firstOwner(prog) as ProgOwner;
      return [containerText(first), first.pod && `pod/${first.pod}`].filter((part) => part).join(' ');
    },
  },
  {
    ...{key: 'pod', letter: 'p', title: 'POD', help: 'pod that this process runs in, with its namespace'},
    of: byOwner(podOf),
  },
  {
    ...{key: 'unit', letter: 'u', title: 'UNIT', help: 'systemd unit that this process runs in'},
    of: byOwner(({cgroup, unit}) => unit ?? (cgroup === null ? null : noUnit)),
  },
  {
    ...{key: 'type', letter: 't', title: 'TYPE', help: 'program type'},
    of: (prog) => progTypeName(prog.info.type),
  },
  {
    ...{key: 'attached', letter: 'a', title: 'ATTACHED', help: 'what it is attached to'},
    of: ({links}) => links && (links[0] ? linkText(links[0]) : nowhere),
  },
];

/** The way of that name. */
export function findGrouping(key: string): Grouping | undefined {
  return groupings.find((each) => each.key === key.toLowerCase());
}

/** Of several processes the first counts, which the column OWNER names: in groups of all it would be counted more than once. */
function firstOwner(prog: MeasuredProg): ProgOwner | undefined {
  return prog.owners?.[0];
}

function byOwner(of: (owner: ProgOwner) => Common): Grouping['of'] {
  return (prog) => {
    const first = firstOwner(prog);
    return first ? of(first) : prog.owners && (prog.pins?.length ? pinned : nobody);
  };
}

function podOf({cgroup, containerId, container, pod, namespace}: ProgOwner): Common {
  if (pod !== null) return namespace === null ? pod : `${namespace}/${pod}`;
  // Of a container that no file of the host's names it isn't known whether it is a pod's.
  return cgroup === null || (containerId !== null && container === null) ? null : noPod;
}

/** Programs that have something in common, and their sums. */
export class Group {
  readonly by: Grouping;
  /** Those that are loaded. */
  readonly progs: readonly MeasuredProg[];
  /** Those that went and are still shown. */
  readonly gone: readonly MeasuredProg[];
  /**
   * Per cent of one CPU, over those that have a share: sleepable programs are not in it. These sums are null where no program of the group
   * has the figure; where all have gone they are of the figures that those had.
   */
  readonly cpuPct: number | null;
  readonly eventsPerSec: number | null;
  /** ns */
  readonly periodRunTimeNs: number | null;
  readonly periodRunCnt: number | null;
  readonly #common: Common;
  #counters: {readonly runTimeNs: bigint; readonly runCnt: bigint} | null = null;

  constructor(by: Grouping, common: Common, progs: readonly MeasuredProg[], gone: readonly MeasuredProg[]) {
    this.by = by;
    this.progs = progs;
    this.gone = gone;
    this.#common = common;
    let cpuPct: number | null = null;
    let eventsPerSec: number | null = null;
    let periodRunTimeNs: number | null = null;
    let periodRunCnt: number | null = null;
    for (const prog of this.#summed) {
      if (prog.cpuPct !== null) cpuPct = (cpuPct ?? 0) + prog.cpuPct;
      if (prog.eventsPerSec !== null) eventsPerSec = (eventsPerSec ?? 0) + prog.eventsPerSec;
      if (prog.periodRunTimeNs !== null) periodRunTimeNs = (periodRunTimeNs ?? 0) + prog.periodRunTimeNs;
      if (prog.periodRunCnt !== null) periodRunCnt = (periodRunCnt ?? 0) + prog.periodRunCnt;
    }
    this.cpuPct = cpuPct;
    this.eventsPerSec = eventsPerSec;
    this.periodRunTimeNs = periodRunTimeNs;
    this.periodRunCnt = periodRunCnt;
  }

  /** The same in every sample, and no program's key (see `isGroupKey`). */
  get key(): string {
    return keyOf(this.by, this.#common);
  }
  /** What they have in common: a name, or `(nobody)` and the like; null: not known. From the host: hostile. */
  get name(): string | null {
    const common = this.#common;
    if (common === null || typeof common === 'string')
      return common && (this.by.called?.(this.#summed[0] as MeasuredProg) ?? common);
    return common.words;
  }
  /** The name in words: `-` where it is not known, `(no name)` where it is empty. From the host: hostile. */
  get title(): string {
    return this.name === '' ? '(no name)' : (this.name ?? unknown);
  }
  /** Whether none of them has a CPU share because all may sleep. */
  get sleepable(): boolean {
    return this.#summed.every((prog) => prog.info.sleepable === true);
  }
  /** Exact, ns since they were loaded. */
  get runTimeNs(): bigint {
    return this.#totals.runTimeNs;
  }
  /** Exact, since they were loaded. */
  get runCnt(): bigint {
    return this.#totals.runCnt;
  }
  /** Average run in the period, ns; null when none ran. */
  get avgRunTimeNs(): number | null {
    const {periodRunTimeNs, periodRunCnt} = this;
    return periodRunTimeNs !== null && periodRunCnt ? periodRunTimeNs / periodRunCnt : null;
  }
  /** Average run over their lives, ns; null when none ever ran. */
  get totalAvgRunTimeNs(): number | null {
    return this.runCnt > 0n ? Number(this.runTimeNs) / Number(this.runCnt) : null;
  }

  /** Those that are loaded, then those that went. */
  get all(): readonly MeasuredProg[] {
    return [...this.progs, ...this.gone];
  }

  get #summed(): readonly MeasuredProg[] {
    return this.progs.length > 0 ? this.progs : this.gone;
  }

  /** Only when asked for: two BigInts a program are most of what a group costs. */
  get #totals(): {readonly runTimeNs: bigint; readonly runCnt: bigint} {
    let runTimeNs = 0n;
    let runCnt = 0n;
    if (!this.#counters) {
      for (const prog of this.#summed) {
        runTimeNs += prog.runTimeNs;
        runCnt += prog.runCnt;
      }
      this.#counters = {runTimeNs, runCnt};
    }
    return this.#counters;
  }
}

const keyPrefix = 'group ';

function keyOf(by: Grouping, common: Common): string {
  if (common === null) return `${keyPrefix}${by.key}?`;
  return `${keyPrefix}${by.key}${typeof common === 'string' ? `=${common}` : `:${common.words}`}`;
}

/** Whether that is the key of a group; else it is a program's, which begins with its id. */
export function isGroupKey(key: string): boolean {
  return key.startsWith(keyPrefix);
}

/** The key of the group that a program belongs to. */
export function groupKeyOf(prog: MeasuredProg, by: Grouping): string {
  return keyOf(by, by.of(prog));
}

/**
 * The groups of these programs, and of `gone` ones that are still shown, in no particular order; the programs in each are in the order
 * they came in.
 */
export function groupProgs(progs: readonly MeasuredProg[], by: Grouping, gone: readonly MeasuredProg[] = []): Group[] {
  const loaded = membersOf(progs, by);
  const went = membersOf(gone, by);
  const groups = [...loaded].map(([common, members]) => new Group(by, common, members, went.get(common) ?? []));
  for (const [common, members] of went) if (!loaded.has(common)) groups.push(new Group(by, common, [], members));
  return groups;
}

function membersOf(progs: readonly MeasuredProg[], {of}: Grouping): Map<Common, MeasuredProg[]> {
  const members = new Map<Common, MeasuredProg[]>();
  for (const prog of progs) {
    const common = of(prog);
    const found = members.get(common);
    if (found) found.push(prog);
    else members.set(common, [prog]);
  }
  return members;
}

/** A figure or fact of a group: as that of a program, if it has one. */
export interface GroupField extends Omit<Field, 'get' | 'text' | 'values'> {
  readonly get: (group: Group, since?: Comparison | null) => FieldValue;
}

function summed(key: FieldKey, get: GroupField['get']): GroupField {
  return {...field(key), get};
}

/** All of them, in the order of the outputs. */
export const groupFields: readonly GroupField[] = [
  {key: 'by', title: 'BY', help: 'what is grouped by', kind: 'text', unit: '', width: 9, get: (g) => g.by.key},
  {key: 'group', title: 'GROUP', help: 'what they have in common', kind: 'text', unit: '', width: 15, get: (g) => g.name},
  {
    ...{key: 'programs', title: 'PROGRAMS', help: 'how many they are', kind: 'number', unit: '', width: 8},
    get: (g) => g.progs.length,
  },
  summed('run_time_ns', (g) => g.runTimeNs),
  summed('run_cnt', (g) => g.runCnt),
  summed('period_run_time_ns', (g) => g.periodRunTimeNs),
  summed('period_run_cnt', (g) => g.periodRunCnt),
  summed('avg_run_time_ns', (g) => g.avgRunTimeNs),
  summed('total_avg_run_time_ns', (g) => g.totalAvgRunTimeNs),
  summed('events_per_sec', (g) => g.eventsPerSec),
  summed('cpu_pct', (g) => g.cpuPct),
  {
    ...{key: 'program_ids', title: 'IDS', help: 'ids of the programs', kind: 'list', unit: '', width: 4},
    get: (g) => g.progs.map((prog) => prog.info.id),
  },
];

const groupChanges = comparedFields.map((each): GroupField => ({
  ...each,
  get: (group, since) => (since && each.compares ? each.compares.valueOf(since.ofAll(group.all)) : null),
}));

const byKey = new Map([...groupFields, ...groupChanges].map((each) => [each.key, each]));

/** The field of a group that has this key. */
export function groupField(key: string): GroupField | undefined {
  return byKey.get(key);
}

/** One row a group, one value a field of `groupFields`, by its key. */
export function groupRows(groups: readonly Group[]): Record<string, FieldValue>[] {
  return groups.map((group) => Object.fromEntries(groupFields.map(({key, get}) => [key, get(group)])));
}

/**
 * A new list in that order: by the group's own figure where it has that; else by name, which only a column of text can turn around. What
 * isn't known comes last, and groups that are alike are in the order of their names.
 */
export function sortGroups(
  groups: readonly Group[],
  {field: {key, kind}, descending}: SortOrder,
  since: Comparison | null = null,
): Group[] {
  const figure = groupField(key);
  const byName = (a: Group, b: Group) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const get = (group: Group) => (figure ? figure.get(group, since) : group.name);
  return byOrder(groups, get, descending && (!!figure || !isNumeric(kind)), byName);
}
