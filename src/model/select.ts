/** Which programs are shown, and in what order: the same on the screen and in every output. */
import type {Comparison} from './compare.js';
import type {Filter} from './filter.js';
import {type Group, type Grouping, groupProgs, sortGroups} from './group.js';
import type {Measured, MeasuredProg, Totals} from './measure.js';
import {type SortOrder, sortProgs} from './sort.js';

/** What the person or script asked for. */
export interface Selection {
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** At most so many; null: all. */
  readonly limit: number | null;
  /** Whether the programs that this tool loaded itself (`self`) are among them: in JSON always, elsewhere for who asks. */
  readonly own: boolean;
  /** What they are compared with, for an order by a change; null or left out: nothing. */
  readonly since?: Comparison | null;
}

/** The programs that the filter lets through, sorted, the first `limit` of them. */
export function selectProgs(progs: readonly MeasuredProg[], selection: Selection): MeasuredProg[] {
  return first(selection.limit, sortProgs(wanted(progs, selection), selection.sort, selection.since));
}

/**
 * The groups of the programs that the filter lets through, sorted, the first `limit` of them; each with all of its programs, in the
 * order they came in.
 * @param gone programs that went and are still shown.
 */
export function selectGroups(
  progs: readonly MeasuredProg[],
  by: Grouping,
  selection: Selection,
  gone: readonly MeasuredProg[] = [],
): Group[] {
  const groups = groupProgs(wanted(progs, selection), by, wanted(gone, selection));
  return first(selection.limit, sortGroups(groups, selection.sort, selection.since));
}

/** The programs that the filter lets through. */
export function wanted(
  progs: readonly MeasuredProg[],
  {filter, own}: Pick<Selection, 'filter' | 'own'>,
): readonly MeasuredProg[] {
  const all = own ? progs : progs.filter((prog) => !prog.info.self);
  return filter.text === '' ? all : all.filter(filter.matches);
}

function first<T>(limit: number | null, list: T[]): T[] {
  return limit === null ? list : list.slice(0, limit);
}

/** The totals that go with such a list: of the programs that it would show without filter and limit. */
export function selectTotals({totals, othersTotals}: Measured, {own}: Pick<Selection, 'own'>): Totals {
  return own ? totals : othersTotals;
}
