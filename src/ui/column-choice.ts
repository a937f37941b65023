/**
 * Choosing columns: a list of all that there are, of which some are shown; from its top to its end is from left to right in the table.
 * Pure.
 */
import {allColumns, type ColumnKey} from './layout.js';

/** The list while it is open. */
export interface ColumnList {
  readonly order: readonly ColumnKey[];
  readonly index: number;
}

/** What a key makes of it. */
export interface ColumnChoice extends ColumnList {
  /** The columns that are shown, in that order; null: as many of the usual ones as fit. */
  readonly chosen: readonly ColumnKey[] | null;
}

/** The list to begin with: what was chosen stands first; else all have their usual places. */
export function listColumns(chosen: readonly ColumnKey[] | null): readonly ColumnKey[] {
  return [...new Set([...(chosen ?? []), ...allColumns])];
}

/**
 * The choice after a key; null: it changes nothing.
 * @param shown the columns of the table so far.
 */
export function chooseColumns({order, index}: ColumnList, shown: readonly ColumnKey[], action: string): ColumnChoice | null {
  const key = order[index] as ColumnKey;
  const isShown = shown.includes(key);
  switch (action) {
    case 'toggle': {
      // A table without a column is none.
      if (isShown && shown.length === 1) return null;
      const others = shown.filter((each) => each !== key);
      const next = isShown ? others : [...others, key];
      return {order, index, chosen: order.filter((each) => next.includes(each))};
    }
    case 'moveLeft':
    case 'moveRight': {
      const by = action === 'moveLeft' ? -1 : 1;
      const isPlace = (each: ColumnKey, i: number) => shown.includes(each) && (i - index) * by > 0;
      const to = by > 0 ? order.findIndex(isPlace) : order.findLastIndex(isPlace);
      if (!isShown || to < 0) return null;
      const moved = order.filter((each) => each !== key);
      moved.splice(to, 0, key);
      return {order: moved, index: to, chosen: moved.filter((each) => shown.includes(each))};
    }
    case 'automatic':
      return {order: allColumns, index: allColumns.indexOf(key), chosen: null};
    default:
      return null;
  }
}
