/**
 * The data behind the screen: the latest figures, the past, what came and what went. `rows` gives the programs to list, filtered, grouped
 * and sorted at once from the figures at hand; the result is kept until figures or choices change.
 */
import type {Filter} from '../model/filter.js';
import {Group, groupKeyOf, type Grouping} from '../model/group.js';
import {History, type HistoryMetric} from '../model/history.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import type {Warning} from '../sample/types.js';
import {selectGroups, type Selection, selectProgs, wanted} from '../model/select.js';
import {sortProgs, type SortOrder} from '../model/sort.js';

/** How long new and gone programs are marked, and missed runs told at least, ms. */
export const markMs = 3000;

/** How long it is told that there is no iterator, ms: nothing to be watched all the time. */
const fallbackMs = 10_000;

/** `missed`: runs of it did not happen. */
export type Mark = 'new' | 'gone' | 'missed';

/** A line of the table. */
export type Row = MeasuredProg | Group;

/** By what a row is selected. */
export function keyOfRow(row: Row): string {
  return row instanceof Group ? row.key : row.info.key;
}

/** What decides which programs are listed, and in which order. */
export interface Choices {
  readonly sort: SortOrder;
  readonly filter: Filter;
  readonly showOwn: boolean;
  /** null: every program has a line of its own. */
  readonly grouping: Grouping | null;
  /** Keys of the groups whose programs are listed below them. */
  readonly open: ReadonlySet<string>;
}

/** A program that went. */
export interface Gone {
  /** As it was when it was last there, rates included. */
  readonly prog: MeasuredProg;
  /** Wall clock of the first reading without it, ms since the epoch. */
  readonly at: number;
}

/** Gone programs that are remembered for their pages; the past of as many is kept by History. */
const goneKept = 256;

/** Of all that was measured, what the screen shows: marked, filtered, in order. */
export class View {
  readonly history = new History();
  readonly #limit: number | null;
  readonly #now: () => number;
  #measured: Measured | null = null;
  #progs: readonly MeasuredProg[] = [];
  /** When a program was first seen; only those marked as new. */
  readonly #fresh = new Map<string, number>();
  /** Struck programs still listed, and when they went. */
  readonly #struck = new Map<string, {prog: MeasuredProg; since: number}>();
  readonly #gone = new Map<string, Gone>();
  /** When the latest figures came. */
  #updated = 0;
  /** Programs that missed runs, and when that was last seen. */
  readonly #missed = new Map<string, number>();
  /** The last word on missed runs, and since when. */
  #alarm: {readonly warning: Warning; readonly since: number} | null = null;
  /** Why there is no iterator, and since when that is told; null: there is, or it was told. undefined: nothing was read yet. */
  #fallback: {readonly warning: Warning; readonly since: number} | null | undefined;
  #rows: readonly Row[] | null = null;
  /** Keys of remembered gone programs by the key of their group: they are in its past. */
  #past: ReadonlyMap<string, readonly string[]> = new Map();
  #choices: Choices | null = null;
  #live = 0;

  /** @param now a clock that only goes forward, ms. */
  constructor(limit: number | null, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  get measured(): Measured | null {
    return this.#measured;
  }

  update(measured: Measured): void {
    const now = this.#now();
    this.#updated = now;
    const before = this.#progs;
    this.#measured = measured;
    this.#progs = measured.progs;
    this.#rows = null;
    this.history.push(measured);
    if (this.#fallback === undefined) this.#fallback = fallbackOf(measured, now);
    const alarm = measured.warnings.find(({code}) => code === 'recursion_misses');
    if (alarm) this.#alarm = {warning: alarm, since: now};
    for (const prog of measured.progs) {
      if (prog.periodRecursionMisses) this.#missed.set(prog.info.key, now);
      if (!prog.isNew) continue;
      this.#fresh.set(prog.info.key, now);
      this.#struck.delete(prog.info.key);
      this.#gone.delete(prog.info.key);
    }
    if (measured.gone.length === 0) return;
    const keys = new Set(measured.gone.map((prog) => prog.info.key));
    // With the rates of the time it was there: the row stays where it was.
    const last = new Map(before.filter((prog) => keys.has(prog.info.key)).map((prog) => [prog.info.key, prog]));
    for (const prog of measured.gone) this.#remember(last.get(prog.info.key) ?? prog, now, measured.sample.takenAt);
  }

  #remember(prog: MeasuredProg, now: number, at: number): void {
    const {key} = prog.info;
    this.#fresh.delete(key);
    const kept = prog.detached();
    this.#struck.set(key, {prog: kept, since: now});
    this.#gone.set(key, {prog: kept, at});
    if (this.#gone.size > goneKept) this.#gone.delete(this.#gone.keys().next().value as string);
  }

  /** Of the latest figures, and of missed runs for some time more: at short delays nobody could read it else. At first the sampler's. */
  get warnings(): readonly Warning[] {
    const warnings = [...(this.#measured?.warnings ?? [])];
    if (this.#alarm && !warnings.some(({code}) => code === this.#alarm?.warning.code)) warnings.push(this.#alarm.warning);
    if (this.#fallback) warnings.push(this.#fallback.warning);
    return warnings;
  }

  /** The mark of a listed program; of several the one that matters most. */
  mark(key: string): Mark | null {
    if (this.#struck.has(key)) return 'gone';
    if (this.#missed.has(key)) return 'missed';
    return this.#fresh.has(key) ? 'new' : null;
  }

  /** The mark of a listed group: of a closed one that of its programs that matters most; gone when all of them are. */
  markOfGroup({progs}: Group, open: boolean): Mark | null {
    if (progs.length === 0) return 'gone';
    if (open) return null;
    if (this.#missed.size > 0 && progs.some((prog) => this.#missed.has(prog.info.key))) return 'missed';
    const fresh = this.#fresh.size > 0 && progs.some((prog) => this.#fresh.has(prog.info.key));
    return fresh ? 'new' : null;
  }

  /**
   * Drops the marks whose time is over.
   * @returns ms until the next one's is; null: there are none.
   */
  expire(): number | null {
    const now = this.#now();
    let next = Infinity;
    for (const [key, since] of this.#fresh)
      if (now - since >= markMs) this.#fresh.delete(key);
      else next = Math.min(next, since + markMs - now);
    for (const [key, since] of this.#missed)
      if (now - since < markMs) next = Math.min(next, since + markMs - now);
      else if (since < this.#updated) this.#missed.delete(key);
    if (this.#alarm && now - this.#alarm.since >= markMs) this.#alarm = null;
    if (this.#fallback) {
      const left = this.#fallback.since + fallbackMs - now;
      if (left > 0) next = Math.min(next, left);
      else this.#fallback = null;
    }
    for (const [key, {since}] of this.#struck)
      if (now - since >= markMs) {
        this.#struck.delete(key);
        this.#rows = null;
      } else next = Math.min(next, since + markMs - now);
    return next === Infinity ? null : next;
  }

  /** The programs to list; or the groups, each followed by its programs if it is open. */
  rows(choices: Choices): readonly Row[] {
    const last = this.#choices;
    const same =
      last !== null &&
      last.sort === choices.sort &&
      last.filter === choices.filter &&
      last.showOwn === choices.showOwn &&
      last.grouping === choices.grouping &&
      last.open === choices.open;
    if (this.#rows && same) return this.#rows;
    this.#choices = choices;
    const {sort, filter, showOwn: own, grouping, open} = choices;
    const selection = {sort, filter, limit: this.#limit, own};
    const struck = [...this.#struck.values()].map((each) => each.prog);
    if (grouping) this.#rows = this.#grouped(grouping, selection, struck, open);
    else {
      const progs = selectProgs(struck.length === 0 ? this.#progs : [...this.#progs, ...struck], selection);
      this.#live = progs.reduce((count, prog) => count + (this.#struck.has(prog.info.key) ? 0 : 1), 0);
      this.#rows = progs;
    }
    return this.#rows;
  }

  #grouped(by: Grouping, selection: Selection, struck: readonly MeasuredProg[], open: ReadonlySet<string>): readonly Row[] {
    const groups = selectGroups(this.#progs, by, selection, struck);
    this.#live = groups.reduce((count, group) => count + group.progs.length, 0);
    const past = new Map<string, string[]>();
    const remembered = [...this.#gone.values()].map(({prog}) => prog);
    for (const prog of wanted(remembered, selection)) {
      const key = groupKeyOf(prog, by);
      const found = past.get(key);
      if (found) found.push(prog.info.key);
      else past.set(key, [prog.info.key]);
    }
    this.#past = past;
    if (open.size === 0) return groups;
    return groups.flatMap((group): Row[] =>
      open.has(group.key) ? [group, ...sortProgs([...group.progs, ...group.gone], selection.sort)] : [group],
    );
  }

  /** The last values of a row, oldest first; of a group the sums over its programs, those that went among them. */
  trend(row: Row, metric: HistoryMetric, count: number): readonly (number | null)[] {
    if (!(row instanceof Group)) return this.history.last(row.info.key, metric, count);
    const keys = row.progs.map((prog) => prog.info.key);
    return this.history.sums(keys.concat(this.#past.get(row.key) ?? []), metric, count);
  }

  /** How many programs of the last `rows`, or in groups of them, are still loaded. */
  get live(): number {
    return this.#live;
  }

  /** A program of the latest figures, or one that went. */
  find(key: string): {prog: MeasuredProg; goneAt: number | null} | null {
    const prog = this.#progs.find((each) => each.info.key === key);
    if (prog) return {prog, goneAt: null};
    const gone = this.#gone.get(key);
    return gone ? {prog: gone.prog, goneAt: gone.at} : null;
  }
}

function fallbackOf({sample: {fallbackReason}}: Measured, since: number): {warning: Warning; since: number} | null {
  if (fallbackReason === null) return null;
  const message = `programs are read one by one, there is no iterator (${fallbackReason}). "bpftop-ts doctor" says what would help.`;
  return {warning: {code: 'fallback', message}, since};
}
