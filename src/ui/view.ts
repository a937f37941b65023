/**
 * The data behind the screen: the latest figures, the past, what came and what went. All of it is told as of the moment shown: the latest,
 * or one of the past while the person has paused. `rows` gives the programs to list, filtered, grouped and sorted at once from the figures
 * of that moment; the result is kept until moment, figures or choices change.
 */
import {Baseline, Comparison} from '../model/compare.js';
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
  /** Programs of it that went are listed as long as there is one; null: nothing is compared. */
  readonly baseline: Baseline | null;
}

/** The rates of a baseline are means over so much time, ns: one period is one of many. */
const baselineNs = 10_000_000_000n;

/** A program that went. */
export interface Gone {
  /** As it was when it was last there, rates included. */
  readonly prog: MeasuredProg;
  /** Wall clock of the first reading without it, ms since the epoch. */
  readonly at: number;
  /** The same as CLOCK_BOOTTIME, ns. */
  readonly timeNs: bigint;
}

/** A program, for its page. */
export interface FoundProg {
  readonly prog: MeasuredProg;
  /** Wall clock of the first reading without it, ms; null: at the moment shown it had not gone. */
  readonly goneAt: number | null;
  /** The same as CLOCK_BOOTTIME, ns. */
  readonly goneNs: bigint | null;
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
  /** Keys of listed programs that went since the baseline. */
  #went: ReadonlySet<string> = new Set();
  /** Struck programs still listed, and when they went. */
  readonly #struck = new Map<string, Gone & {since: number}>();
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
  #groupPast: ReadonlyMap<string, readonly string[]> = new Map();
  #choices: Choices | null = null;
  #since: Comparison | null = null;
  /** When each filter was first used (CLOCK_BOOTTIME, ns): one that comes back is as old as it was. */
  readonly #filters = new WeakMap<Filter, bigint>();
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
    this.#forget();
    this.tellBehind();
  }

  /** What was made of the figures shown. */
  #forget(): void {
    this.#rows = null;
    this.#since = null;
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
    if (!this.#then) this.#forget();
    this.#history.push(measured);
    this.#past.push(measured.sample);
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
    // Not with painting alone: while nobody reads the terminal nothing is painted.
    this.expire();
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
   * Of the figures shown; of the latest, missed runs for some time more, for at short delays nobody could read it else, and at first the
   * sampler's. While another moment is shown, what is new since then is said too.
   */
  get warnings(): readonly Warning[] {
    const warnings = this.measured?.warnings ?? [];
    if (this.#then) {
      const told = new Set(warnings.map(({message}) => message));
      const since = (this.#latest?.warnings ?? []).filter(({message}) => !told.has(message));
      return [...warnings, ...since.map(({code, message}) => ({code, message: `now: ${message}`}))];
    }
    const alarmed = this.#alarm && !warnings.some(({code}) => code === this.#alarm?.warning.code);
    return [
      ...warnings,
      ...(alarmed && this.#alarm ? [this.#alarm.warning] : []),
      ...(this.#fallback ? [this.#fallback.warning] : []),
    ];
  }

  /**
   * The figures shown as a moment to compare with; rates are the means of the seconds before, as far as there are readings of them. null:
   * there are no figures.
   */
  baseline(): Baseline | null {
    const {measured} = this;
    const earlier = measured && this.#past.until(measured.sample.timeNs - baselineNs);
    return measured && new Baseline(measured, earlier && earlier.timeNs < measured.sample.timeNs ? earlier : null);
  }

  /** The figures shown compared with that moment; null where that is still to come. */
  since(baseline: Baseline | null): Comparison | null {
    const {measured} = this;
    if (!baseline || (measured && measured.sample.timeNs < baseline.timeNs)) return null;
    if (this.#since?.baseline !== baseline) this.#since = new Comparison(baseline, measured?.progs ?? []);
    return this.#since;
  }

  /** Of these rows the one that costs most then: by its share of a CPU, and among those without one by events. null: none is loaded. */
  topSpender(rows: readonly Row[]): Row | null {
    let top: Row | null = null;
    for (const row of rows) {
      const loaded = row instanceof Group ? row.progs.length > 0 : !this.#isGone(row.info.key);
      if (loaded && (!top || costsMore(row, top))) top = row;
    }
    return top;
  }

  #isGone(key: string): boolean {
    return this.#marks.struck.has(key) || this.#went.has(key);
  }

  get #marks() {
    return this.#then ?? {fresh: this.#fresh, struck: this.#struck, missed: this.#missed};
  }

  /** The mark of a listed program; of several the one that matters most. */
  mark(key: string): Mark | null {
    const {fresh, missed} = this.#marks;
    if (this.#isGone(key)) return 'gone';
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
    if (this.#fallback) {
      const left = this.#fallback.since + fallbackMs - now;
      if (left > 0) next = Math.min(next, left);
      else this.#fallback = null;
    }
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
      last.open === choices.open &&
      last.baseline === choices.baseline;
    if (this.#rows && same) return this.#rows;
    this.#choices = choices;
    this.#noteFilter(choices.filter);
    const {sort, filter, showOwn: own, grouping, open} = choices;
    const since = this.since(choices.baseline);
    const selection = {sort, filter, limit: this.#limit, own, since};
    const progs = this.measured?.progs ?? [];
    const marked = this.#marks.struck;
    const struck = [...marked.values()].map((each) => each.prog);
    // What was known of it last, if that is still remembered.
    const went = (since?.went ?? []).map((prog) => this.#gone.get(prog.info.key)?.prog.withoutRates() ?? prog);
    this.#went = new Set(went.map((prog) => prog.info.key));
    const gone = [...struck, ...went.filter((prog) => !marked.has(prog.info.key))];
    if (grouping) this.#rows = this.#grouped(progs, grouping, selection, gone, open);
    else {
      const listed = selectProgs(gone.length === 0 ? progs : [...progs, ...gone], selection);
      this.#live = listed.reduce((count, prog) => count + (this.#isGone(prog.info.key) ? 0 : 1), 0);
      this.#rows = listed;
    }
    return this.#rows;
  }

  #noteFilter(filter: Filter): void {
    if (!this.#latest || filter.text === '' || this.#filters.has(filter)) return;
    const since = Math.round((this.#now() - this.#updated) * 1e6);
    this.#filters.set(filter, this.#latest.sample.timeNs + BigInt(since));
  }

  /** CLOCK_BOOTTIME when a filter began to decide what is listed, ns; null: it doesn't. */
  filterSince(filter: Filter): bigint | null {
    return this.#filters.get(filter) ?? null;
  }

  #grouped(
    progs: readonly MeasuredProg[],
    by: Grouping,
    selection: Selection,
    gone: readonly MeasuredProg[],
    open: ReadonlySet<string>,
  ): readonly Row[] {
    const groups = selectGroups(progs, by, selection, gone);
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
      open.has(group.key) ? [group, ...sortProgs(group.all, selection.sort, selection.since)] : [group],
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
    if (prog) return {prog, goneAt: null, goneNs: null, later: false};
    const gone = this.#gone.get(key) ?? this.#then?.struck.get(key);
    if (gone && this.#hasGone(gone)) return {prog: gone.prog, goneAt: gone.at, goneNs: gone.timeNs, later: false};
    const later = gone?.prog ?? among(this.#latest?.progs ?? []);
    if (later) return {prog: later, goneAt: null, goneNs: null, later: true};
    // One of too many that went: of it there is what the baseline has, and it went no later than now.
    const went = among(this.#since?.went ?? []);
    const {takenAt, timeNs} = this.measured?.sample ?? {takenAt: null, timeNs: null};
    return went ? {prog: went, goneAt: takenAt, goneNs: timeNs, later: false} : null;
  }
}

function goneIn({takenAt, timeNs}: Sample, prog: MeasuredProg): Gone {
  return {prog, at: takenAt, timeNs};
}

function costsMore(a: Row, b: Row): boolean {
  if (a.cpuPct !== b.cpuPct) return b.cpuPct === null || (a.cpuPct !== null && a.cpuPct > b.cpuPct);
  return a.eventsPerSec !== null && (b.eventsPerSec === null || a.eventsPerSec > b.eventsPerSec);
}

function fallbackOf({sample: {fallbackReason}}: Measured, since: number): {warning: Warning; since: number} | null {
  if (fallbackReason === null) return null;
  const message = `programs are read one by one, there is no iterator (${fallbackReason}). "bpftop-ts doctor" says what would help.`;
  return {warning: {code: 'fallback', message}, since};
}
