/** Which programs are shown, and in what order: the same on the screen and in every output. */
import type {Filter} from './filter.js';
import type {MeasuredProg} from './measure.js';
import {type SortOrder, sortProgs} from './sort.js';

/** What the person or script asked for. */
export interface Selection {
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** At most so many; null: all. */
  readonly limit: number | null;
}

/** The programs that the filter lets through, sorted, the first `limit` of them. */
export function selectProgs(progs: readonly MeasuredProg[], {sort, filter, limit}: Selection): MeasuredProg[] {
  const sorted = sortProgs(filter.text === '' ? progs : progs.filter(filter.matches), sort);
  return limit === null ? sorted : sorted.slice(0, limit);
}
