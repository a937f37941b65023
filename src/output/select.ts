/** Which programs an output shows, and in what order. */
import type {Filter} from '../model/filter.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {type SortOrder, sortProgs} from '../model/sort.js';

export interface Selection {
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** At most so many; null: all. */
  readonly limit: number | null;
}

/** The programs that the filter lets through, sorted, the first `limit` of them. */
export function selectProgs(measured: Measured, {sort, filter, limit}: Selection): MeasuredProg[] {
  const sorted = sortProgs(measured.progs.filter(filter.matches), sort);
  return limit === null ? sorted : sorted.slice(0, limit);
}
