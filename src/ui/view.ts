/**
 * The data behind the screen: the latest figures, the past, what came and what went. All of it is told as of the moment shown: the latest,
 * or one of the past while the person has paused. `rows` gives the programs to list, filtered, grouped and sorted at once from the figures
 * of that moment; the result is kept until moment, figures or choices change.
 */
import type {Filter} from '../model/filter.js';
import {Group, groupKeyOf, type Grouping} from '../model/group.js';
import {History, type HistoryMetric, type Trends} from '../model/history.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {Past} from '../model/past.js';
import type {Sample, Warning} from '../sample/types.js';
import {selectGroups, type Selection, selectProgs, wanted} from '../model/select.js';
import {sortProgs, type SortOrder} from '../model/sort.js';

/** How long new and gone programs are marked, and missed runs told at least, ms. */
export const markMs = 3000;

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
  /** The same by CLOCK_BOOTTIME, ns. */
  readonly timeNs: bigint;
}

/** A program, for its page. */
export interface FoundProg {
  readonly prog: MeasuredProg;
  /** Wall clock of the first reading without it, ms; null: at the moment shown it had not gone. */
  readonly goneAt: number | null;
  /** Whether it was loaded after the moment shown; `prog` is then as it was later. */
  readonly later: boolean;
}

/** The moment shown while the view is paused. */
interface Then {
  readonly measured: Measured;
  readonly history: Trends;
  readonly fresh: ReadonlySet<string>;
  readonly struck: ReadonlyMap<string, Gone>;
  readonly missed: ReadonlySet<string>;
}

/** Gone programs that are remembered for their pages; the past of as many is kept by History. */
const goneKept = 256;

/** Of all that was measured, what the screen shows: marked, filtered, in order. */
export class View {
  readonly #history = new History();
  readonly #past = new Past();
  /** null: the latest figures are shown. */
  #then: Then | null = null;
  #behindNs: number | null = null;
  readonly #limit: number | null;
  readonly #now: () => number;
  #latest: Measured | null = null;
  /** When a program was first seen; only those marked as new. */
  readonly #fresh = new Map<string, number>();
  /** Struck programs still listed, and when they went. */
  readonly #struck = new Map<string, Gone & {since: number}>();
  readonly #gone = new Map<string, Gone>();
  /** When the latest figures came. */
  #updated = 0;
  /** Programs that missed runs, and when that was last seen. */
  readonly #missed = new Map<string, number>();
  /** The last word on missed runs, and since when. */
  #alarm: {readonly warning: Warning; readonly since: number} | null = null;
  #rows: readonly Row[] | null = null;
  /** Keys of remembered gone programs by the key of their group: they are in its past. */
  #groupPast: ReadonlyMap<string, readonly string[]> = new Map();
  #choices: Choices | null = null;
  #live = 0;

  /** @param now a clock that only goes forward, ms. */
  constructor(limit: number | null, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** As of the moment shown; null: nothing has been read. */
  get measured(): Measured | null {
    return this.#then?.measured ?? this.#latest;
  }

  /** The past up to the moment shown. */
  get history(): Trends {
    return this.#then?.history ?? this.#history;
  }

  /** How long before the latest reading the moment shown is, ns, as of the last `tellBehind`; null: the latest is shown. */
  get behindNs(): number | null {
    return this.#behindNs;
  }

  /**
   * So many readings from a moment (CLOCK_BOOTTIME, ns; null: the latest).
   * @returns the moment, null: that of the latest, whatever comes.
   */
  step(from: bigint | null, steps: number): bigint | null {
    const start = from ?? this.#past.newest;
    return start === null || steps === 0 ? start : this.#past.step(start, steps);
  }

  /** Shows that moment from now on, as `step` gives it; null: always the latest. */
  show(timeNs: bigint | null): void {
    // What is shown stays, though its reading may have been let go.
    if (timeNs === (this.#then?.measured.sample.timeNs ?? null)) return;
    this.#then = timeNs === null ? null : this.#momentAt(timeNs);
    this.#rows = null;
    this.tellBehind();
  }

  /** Lets `behindNs` be as of now. It isn't by itself: nothing that is shown moves. */
  tellBehind(): void {
    const [latest, then] = [this.#latest, this.#then?.measured].map((each) => each?.sample.timeNs);
    this.#behindNs = latest === undefined || then === undefined ? null : Number(latest - then);
  }

  #momentAt(timeNs: bigint): Then | null {
    const moment = this.#past.at(timeNs, markMs * 1e6);
    if (!moment) return null;
    const {measured, came, gone} = moment;
    const missed = measured.progs.filter((prog) => prog.periodRecursionMisses).map((prog) => prog.info.key);
    const struck = gone.map(({prog, without}): [string, Gone] => [prog.info.key, goneIn(without, prog)]);
    return {
      measured,
      history: this.#history.until(Number(timeNs)),
      fresh: came,
      struck: new Map(struck),
      missed: new Set(missed),
    };
  }

  /** A new reading. While another moment is shown, nothing that is shown changes. */
  update(measured: Measured): void {
    const now = this.#now();
    this.#updated = now;
    const before = this.#latest?.progs ?? [];
    this.#latest = measured;
    if (!this.#then) this.#rows = null;
    this.#history.push(measured);
    this.#past.push(measured.sample);
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
    for (const prog of measured.gone) this.#remember(goneIn(measured.sample, last.get(prog.info.key) ?? prog), now);
  }

  #remember(gone: Gone, now: number): void {
    const {key} = gone.prog.info;
    this.#fresh.delete(key);
    const kept = {...gone, prog: gone.prog.detached()};
    this.#struck.set(key, {...kept, since: now});
    this.#gone.set(key, kept);
    if (this.#gone.size > goneKept) this.#gone.delete(this.#gone.keys().next().value as string);
  }

  /**
   * Of the figures shown; of the latest, missed runs for some time more: at short delays nobody could read it else. While another moment is
   * shown, what is new since then is said too.
   */
  get warnings(): readonly Warning[] {
    const warnings = this.measured?.warnings ?? [];
    if (this.#then) {
      const told = new Set(warnings.map(({message}) => message));
      const since = (this.#latest?.warnings ?? []).filter(({message}) => !told.has(message));
      return [...warnings, ...since.map(({code, message}) => ({code, message: `now: ${message}`}))];
    }
    if (!this.#alarm || warnings.some(({code}) => code === this.#alarm?.warning.code)) return warnings;
    return [...warnings, this.#alarm.warning];
  }

  get #marks() {
    return this.#then ?? {fresh: this.#fresh, struck: this.#struck, missed: this.#missed};
  }

  /** The mark of a listed program; of several the one that matters most. */
  mark(key: string): Mark | null {
    const {fresh, struck, missed} = this.#marks;
    if (struck.has(key)) return 'gone';
    if (missed.has(key)) return 'missed';
    return fresh.has(key) ? 'new' : null;
  }

  /** The mark of a listed group: of a closed one that of its programs that matters most; gone when all of them are. */
  markOfGroup({progs}: Group, open: boolean): Mark | null {
    if (progs.length === 0) return 'gone';
    if (open) return null;
    const {fresh, missed} = this.#marks;
    const some = (keys: {readonly size: number; has(key: string): boolean}) =>
      keys.size > 0 && progs.some((prog) => keys.has(prog.info.key));
    return some(missed) ? 'missed' : some(fresh) ? 'new' : null;
  }

  /**
   * Drops the marks of the latest figures whose time is over.
   * @returns ms until the next one's is; null: there are none, or they aren't shown.
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
    for (const [key, {since}] of this.#struck)
      if (now - since >= markMs) {
        this.#struck.delete(key);
        if (!this.#then) this.#rows = null;
      } else next = Math.min(next, since + markMs - now);
    return next === Infinity || this.#then ? null : next;
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
    const progs = this.measured?.progs ?? [];
    const marked = this.#marks.struck;
    const struck = [...marked.values()].map((each) => each.prog);
    if (grouping) this.#rows = this.#grouped(progs, grouping, selection, struck, open);
    else {
      const listed = selectProgs(struck.length === 0 ? progs : [...progs, ...struck], selection);
      this.#live = listed.reduce((count, prog) => count + (marked.has(prog.info.key) ? 0 : 1), 0);
      this.#rows = listed;
    }
    return this.#rows;
  }

  #grouped(
    progs: readonly MeasuredProg[],
    by: Grouping,
    selection: Selection,
    struck: readonly MeasuredProg[],
    open: ReadonlySet<string>,
  ): readonly Row[] {
    const groups = selectGroups(progs, by, selection, struck);
    this.#live = groups.reduce((count, group) => count + group.progs.length, 0);
    const past = new Map<string, string[]>();
    const remembered = [...this.#gone.values()].filter((gone) => this.#hasGone(gone)).map(({prog}) => prog);
    for (const prog of wanted(remembered, selection)) {
      const key = groupKeyOf(prog, by);
      const found = past.get(key);
      if (found) found.push(prog.info.key);
      else past.set(key, [prog.info.key]);
    }
    this.#groupPast = past;
    if (open.size === 0) return groups;
    return groups.flatMap((group): Row[] =>
      open.has(group.key) ? [group, ...sortProgs([...group.progs, ...group.gone], selection.sort)] : [group],
    );
  }

  /** The last values of a row, oldest first; of a group the sums over its programs, those that went among them. */
  trend(row: Row, metric: HistoryMetric, count: number): readonly (number | null)[] {
    if (!(row instanceof Group)) return this.history.last(row.info.key, metric, count);
    const keys = row.progs.map((prog) => prog.info.key);
    return this.history.sums(keys.concat(this.#groupPast.get(row.key) ?? []), metric, count);
  }

  /** How many programs of the last `rows`, or in groups of them, are still loaded. */
  get live(): number {
    return this.#live;
  }

  /** Whether it had gone by the moment shown. */
  #hasGone({timeNs}: Gone): boolean {
    return !this.#then || timeNs <= this.#then.measured.sample.timeNs;
  }

  /** A program of the figures shown, one that had gone by then, or one that came later; null: nothing is known of it any more. */
  find(key: string): FoundProg | null {
    const among = (progs: readonly MeasuredProg[]) => progs.find((each) => each.info.key === key);
    const prog = among(this.measured?.progs ?? []);
    if (prog) return {prog, goneAt: null, later: false};
    const gone = this.#gone.get(key) ?? this.#then?.struck.get(key);
    if (gone && this.#hasGone(gone)) return {prog: gone.prog, goneAt: gone.at, later: false};
    const later = gone?.prog ?? among(this.#latest?.progs ?? []);
    return later ? {prog: later, goneAt: null, later: true} : null;
  }
}

function goneIn({takenAt, timeNs}: Sample, prog: MeasuredProg): Gone {
  return {prog, at: takenAt, timeNs};
}
