/** Where things are: the parts of the screen for a size, and the columns of the table for a width. Pure. */
import {comparedFields, type Field, field, type FieldKey, isNumeric} from '../model/fields.js';
import type {TerminalSize} from './terminal.js';

/** A part of the screen, in cells. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Rows of the screen; −1 for a part that there is no room for. */
export interface ScreenLayout extends TerminalSize {
  readonly header: number;
  readonly titles: number;
  readonly body: Rect;
  readonly footer: number;
}

/** The parts of a screen of that size: below three rows there is only the table. */
export function layoutScreen({columns, rows}: TerminalSize): ScreenLayout {
  const header = rows >= 3 ? 0 : -1;
  const footer = rows >= 4 ? rows - 1 : -1;
  const titles = rows >= 5 ? 1 : -1;
  const y = titles >= 0 ? 2 : header >= 0 ? 1 : 0;
  return {
    columns,
    rows,
    header,
    titles,
    footer,
    body: {x: 0, y, width: columns, height: Math.max(0, (footer < 0 ? rows : footer) - y)},
  };
}

/** A column that isn't a field: the sparkline of a program. */
export const trendKey = 'trend';
/** Its heading. */
export const trendTitle = 'TREND';

/** What a column can show. */
export type ColumnKey = FieldKey | typeof trendKey;

/** A column of the table and where it is. */
export interface Column {
  readonly key: ColumnKey;
  /** null: the trend. */
  readonly field: Field | null;
  readonly title: string;
  /** The letter of its title that sorts by it; null: there is none. */
  readonly letter: string | null;
  readonly x: number;
  readonly width: number;
  readonly right: boolean;
}

/** Cells for the marks in front of a row: selected, and new or gone. */
export const markCells = 2;
/** Cells in which a name can still be told from others. */
const nameMin = 6;
/** Samples in the trend. Each costs three bytes a row and frame: a longer one has to be worth it. */
const trendMin = 8;
/** From this width on a longer trend is a better use of the room than emptiness. */
const wide = 180;
const wideTrendMax = 40;

/** All columns from left to right; which of them are shown is another matter. */
const displayOrder: readonly ColumnKey[] = [
  'id',
  'type',
  'name',
  'owner',
  'pid',
  'comm',
  'cmd',
  'via',
  'cgroup',
  'unit',
  'container_id',
  'container',
  'namespace',
  'pod',
  'attached',
  'link_attach_type',
  'link_type',
  'pinned',
  'map_name',
  'map_ids',
  'tag',
  'uid',
  'loaded_at',
  'age_ns',
  'gpl_compatible',
  'jited',
  'sleepable',
  'attach_type',
  'attach_func_name',
  'counted_in',
  'self',
  'btf_id',
  'bytes_xlated',
  'bytes_jited',
  'bytes_memlock',
  'bytes_maps',
  'verified_insns',
  'recursion_misses',
  'period_recursion_misses',
  'run_cnt',
  'run_time_ns',
  'period_run_cnt',
  'period_run_time_ns',
  'avg_run_time_ns',
  'avg_run_time_ns_change',
  'total_avg_run_time_ns',
  'events_per_sec',
  'events_per_sec_change',
  'cpu_pct',
  'cpu_pct_change',
  'hottest_cpu',
  trendKey,
];

/** Those that one can choose: the changes since a baseline come and go with it. */
export const allColumns: readonly ColumnKey[] = displayOrder.filter((key) => key === trendKey || !field(key).compares);

/** What stays longest first. The first eight are the table of 80 columns; the rest comes in as the width allows. */
const importance: readonly ColumnKey[] = [
  'cpu_pct',
  'name',
  'events_per_sec',
  'avg_run_time_ns',
  'owner',
  'type',
  'id',
  trendKey,
  'attached',
  'total_avg_run_time_ns',
  'run_cnt',
  'run_time_ns',
  'loaded_at',
  'bytes_memlock',
  'bytes_maps',
  'recursion_misses',
  'verified_insns',
  'bytes_xlated',
  'bytes_jited',
  'uid',
];
const core = 8;

/** With a baseline: what changed, for the type and the trend. The first nine are the table of 80 columns. */
const importanceCompared: readonly ColumnKey[] = (() => {
  const first: ColumnKey[] = [
    'cpu_pct',
    'cpu_pct_change',
    'name',
    'events_per_sec',
    'events_per_sec_change',
    'avg_run_time_ns',
    'owner',
    'id',
    'avg_run_time_ns_change',
  ];
  return [...first, ...importance.filter((key) => !first.includes(key))];
})();
const coreCompared = 9;

/** Who gains by what is left, in turn, and up to which width: all but the longest types, then `agent pod/NAME`, then raw_tracepoint_writable. */
const growth: readonly (readonly [ColumnKey, number])[] = [
  ['type', 14],
  ['owner', 28],
  ['attached', 28],
  ['type', 23],
];

/** What else the columns depend on. */
export interface ColumnOptions {
  /** There is a baseline: a figure has its change beside it. */
  readonly compared?: boolean;
  /** 100 % CPU are all CPUs. */
  readonly ofAllCpus?: boolean;
}

/** The columns with the changes of those that have one. */
function withChanges(keys: readonly ColumnKey[]): readonly ColumnKey[] {
  return keys.flatMap(
    (key) => [key, ...comparedFields.filter((each) => each.compares?.key === key).map((each) => each.key)] as ColumnKey[],
  );
}

/**
 * The columns for a table of that width. The column it is sorted by is always among them.
 * @param idDigits of the longest id that is to be shown: one that is cut is of no use, and the kernel counts up to 2^31.
 * @param chosenByHand the columns somebody chose, in that order; as many from the left as fit. null: nobody chose.
 */
export function layoutColumns(
  width: number,
  sortKey: string,
  idDigits = 0,
  chosenByHand: readonly ColumnKey[] | null = null,
  {compared = false, ofAllCpus = false}: ColumnOptions = {},
): readonly Column[] {
  const leastWidth = (key: ColumnKey): number => {
    if (key === trendKey) return trendMin;
    const {width, title} = field(key);
    // One more than the title: the mark of the sort order stands there.
    return Math.max(width, title.length + 1, key === 'id' ? idDigits : 0);
  };
  const wanted = chosenByHand && compared ? withChanges(chosenByHand) : chosenByHand;
  const usual = compared ? importanceCompared : importance;
  const usualCore = compared ? coreCompared : core;
  const ranked = [...(wanted ?? usual)];
  const sorted = displayOrder.find((key) => key === sortKey) ?? 'cpu_pct';
  if (ranked.includes(sorted)) ranked.splice(ranked.indexOf(sorted), 1);
  ranked.unshift(sorted);
  const room = width - markCells;
  const total = (keys: readonly ColumnKey[], gap: number) =>
    keys.reduce((sum, key) => sum + leastWidth(key), 0) + gap * Math.max(0, keys.length - 1);

  const coreKeys = wanted ? ranked : ranked.slice(0, usual.slice(0, usualCore).includes(sorted) ? usualCore : usualCore + 1);
  const gap = total(coreKeys, 2) <= room ? 2 : 1;
  const chosen: ColumnKey[] = [];
  // Where the table of the design has to be set narrowly, nothing more is pressed into it.
  for (const key of gap === 1 ? coreKeys : ranked) {
    if (total([...chosen, key], gap) > room) break;
    chosen.push(key);
  }
  // Narrower than anything is made for: what is expensive is asked before how much.
  if (!chosen.includes('name') && !wanted) {
    if (chosen.length > 0 && room - leastWidth(sorted) - gap < nameMin) chosen.length = 0;
    if (room > 0) chosen.push('name');
  }
  const order = wanted ? [...new Set([...wanted, sorted])] : displayOrder;
  return place(
    new Map(order.flatMap((key) => (chosen.includes(key) ? [[key, leastWidth(key)]] : []))),
    gap,
    room,
    ofAllCpus,
  );
}

/** Puts columns of at least these widths beside each other; whoever gains by it gets what is left. */
function place(widths: Map<ColumnKey, number>, gap: number, room: number, ofAllCpus: boolean): readonly Column[] {
  const keys = [...widths.keys()];
  let spare = room - [...widths.values()].reduce((sum, each) => sum + each, 0) - gap * (keys.length - 1);
  const grow = (key: ColumnKey, most: number) => {
    const width = widths.get(key);
    if (width === undefined) return;
    const more = Math.max(0, Math.min(spare, most - width));
    widths.set(key, width + more);
    spare -= more;
  };
  const name = widths.get('name');
  if (spare < 0 && name !== undefined) widths.set('name', name + spare);
  for (const [key, most] of growth) grow(key, most);
  if (room >= wide) grow(trendKey, wideTrendMax);

  const columns: Column[] = [];
  let x = markCells;
  for (const key of keys) {
    const width = widths.get(key) as number;
    const of = key === trendKey ? null : field(key);
    const title = (ofAllCpus ? of?.titleOfAllCpus : null) ?? of?.title ?? trendTitle;
    columns.push({key, field: of, title, letter: of?.letter ?? null, x, width, right: of !== null && isNumeric(of.kind)});
    x += width + gap;
  }
  return columns;
}
