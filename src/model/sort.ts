/** Orders programs by a field: unknowns always last, ties by id, so that rows that are alike stand still. */
import type {Comparison} from './compare.js';
import {type Field, field, fields, type FieldValue, findField, isNumeric} from './fields.js';
import type {MeasuredProg} from './measure.js';

/** A field, and which end comes first. */
export interface SortOrder {
  readonly field: Field;
  readonly descending: boolean;
}

/** The order a field has when none is said: the biggest number first, text from A. */
export function defaultOrder(of: Field): SortOrder {
  return {field: of, descending: isNumeric(of.kind)};
}

/** The most expensive first. */
export const initialSort: SortOrder = defaultOrder(field('cpu_pct'));

/** Fields that have an order. */
export const sortableFields: readonly Field[] = fields.filter((each) => each.kind !== 'list');

/**
 * Reads `FIELD[:asc|:desc]`.
 * @returns the order, or a sentence that says what is wrong.
 */
export function parseSort(text: string): SortOrder | string {
  const [name = '', direction, ...rest] = text.split(':');
  const found = findField(name);
  if (!found || found.kind === 'list')
    return `unknown field '${name}' to sort by; there are ${sortableFields.map((each) => each.key).join(', ')}`;
  if (rest.length > 0 || (direction !== undefined && direction !== 'asc' && direction !== 'desc'))
    return `unknown order '${[direction, ...rest].join(':')}' in '${text}'; it is asc or desc`;
  return direction === undefined ? defaultOrder(found) : {field: found, descending: direction === 'desc'};
}

/** The order there is without a baseline: of a field that compares that of the field it compares. */
export function withoutBaseline(order: SortOrder): SortOrder {
  const {compares} = order.field;
  return compares ? defaultOrder(findField(compares.key) as Field) : order;
}

/** A new list in that order. @param since for a field that compares. */
export function sortProgs(
  progs: readonly MeasuredProg[],
  {field: {get}, descending}: SortOrder,
  since: Comparison | null = null,
): MeasuredProg[] {
  return byOrder(
    progs,
    (prog) => get(prog, since),
    descending,
    (a, b) => a.info.id - b.info.id,
  );
}

/** A new list ordered by a value of each; null comes last either way, and `tie` decides between those that are alike. */
export function byOrder<T>(
  list: readonly T[],
  get: (of: T) => FieldValue,
  descending: boolean,
  tie: (a: T, b: T) => number,
): T[] {
  const sign = descending ? -1 : 1;
  const keyed = list.map((of) => ({of, value: get(of)}));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) {
      if (a.value !== b.value) return a.value === null ? 1 : -1;
    } else {
      const order = compare(a.value, b.value);
      if (order !== 0) return sign * order;
    }
    return tie(a.of, b.of);
  });
  return keyed.map(({of}) => of);
}

/** Not localeCompare: the same order on every host, and ten times faster. */
function compare(a: Exclude<FieldValue, null>, b: Exclude<FieldValue, null>): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
