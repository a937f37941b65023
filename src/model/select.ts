/** Which programs are shown, and in what order: the same on the screen and in every output. */
import type {Filter} from './filter.js';
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
}

/** The programs that the filter lets through, sorted, the first `limit` of them. */
export function selectProgs(progs: readonly MeasuredProg[], {sort, filter, limit, own}: Selection): MeasuredProg[] {
  const wanted = own ? progs : progs.filter((prog) => !prog.info.self);
  const sorted = sortProgs(filter.text === '' ? wanted : wanted.filter(filter.matches), sort);
  return limit === null ? sorted : sorted.slice(0, limit);
}

/** The totals that go with such a list: of the programs that it would show without filter and limit. */
export function selectTotals({totals, othersTotals}: Measured, {own}: Pick<Selection, 'own'>): Totals {
  return own ? totals : othersTotals;
}
