/** The rows of the table: painted with every sample and every key, only those that are on the screen. */
import {changeText, formatField, formatValue, type Manner, unknown} from '../model/fields.js';
import {formatNumberOf} from '../model/format.js';
import {Group, groupField} from '../model/group.js';
import type {MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import type {Grid} from './grid.js';
import type {Column, Rect} from './layout.js';
import {paintSparkline} from './sparkline.js';
import {cellsOf, cut} from './text.js';
import {style, type StyleName} from './theme.js';
import {keyOfRow, type Mark, type Row, type View} from './view.js';

/** What the table shows. */
export interface TableInput {
  readonly view: View;
  readonly rows: readonly Row[];
  readonly columns: readonly Column[];
  readonly top: number;
  readonly selected: string | null;
  /** Keys of the groups whose programs are listed below them. */
  readonly open: ReadonlySet<string>;
  readonly manner: Manner;
}

/** Below this a program's load is drawn as next to nothing, % of a CPU. */
const trendFloor = 0.05;
/** The same for events a second, the trend of programs without a CPU share. */
const eventsFloor = 1;

/** Paints the rows of the table. */
export function paintTable(grid: Grid, body: Rect, input: TableInput): void {
  const {rows, top, view, open} = input;
  for (let i = 0; i < body.height; i++) {
    const row = rows[top + i];
    if (!row) return;
    const selected = keyOfRow(row) === input.selected;
    const mark = row instanceof Group ? view.markOfGroup(row, open.has(row.key)) : view.mark(row.info.key);
    paintRow(grid, body.y + i, row, input, selected, mark);
  }
}

const selectedMark = '›'.charCodeAt(0);
const marks = {
  new: ['+'.charCodeAt(0), 'fresh'],
  gone: ['×'.charCodeAt(0), 'gone'],
  missed: ['!'.charCodeAt(0), 'warning'],
} as const;

function paintRow(grid: Grid, y: number, row: Row, input: TableInput, selected: boolean, mark: Mark | null): void {
  const whole: StyleName | null = selected
    ? mark === 'gone'
      ? 'selectedGone'
      : 'selected'
    : mark === 'gone'
      ? 'gone'
      : null;
  if (selected) {
    grid.fill(0, y, grid.columns, style.selected);
    grid.char(0, y, selectedMark, style.selected);
  }
  if (mark) grid.char(1, y, marks[mark][0], style[selected ? 'selected' : marks[mark][1]]);
  if (row instanceof Group) paintGroupTitle(grid, y, row, input, whole);
  const [first] = input.columns;
  for (const column of input.columns) {
    if (column.field === null) {
      paintTrend(grid, y, column, row, input.view, whole);
      continue;
    }
    const shown = row instanceof Group ? groupCell(column, row, input.manner) : cell(column, row, input.manner);
    if (!shown) continue;
    // In groups programs stand below the title of theirs. An id has the room for that in its column.
    const inset = column === first && input.rows[0] instanceof Group && !column.right ? foldCells : 0;
    const text = cut(shown.text, column.width - inset);
    const used = style[whole ?? shown.look];
    if (column.right) grid.textRight(column.x + column.width, y, text, cellsOf(text), used);
    else grid.text(column.x + inset, y, text, used);
  }
}

/** Cells of the mark for open or closed, and a gap. */
const foldCells = 2;

/** The title stands where programs have their id and texts: from the first column to the first that a group has a figure for. */
function paintGroupTitle(grid: Grid, y: number, group: Group, {columns, open}: TableInput, whole: StyleName | null): void {
  const figures = columns.find(({key, field}) => field === null || groupField(key));
  const x = columns[0]?.x ?? 0;
  const end = figures ? figures.x - 1 : grid.columns;
  const count = formatNumberOf(group.progs.length, 'program');
  const room = end - x - foldCells;
  // Of little room the name gets most: how many there are is seen by opening it.
  const counted = room >= 2 * count.length;
  const title = cut(printable(group.title), counted ? room - count.length - 2 : room);
  grid.text(x, y, open.has(group.key) ? '▾' : '▸', style[whole ?? 'dim'], end - x);
  if (room <= 0) return;
  const used = grid.text(x + foldCells, y, title, style[whole ?? 'strong']);
  if (counted) grid.text(x + foldCells + used + 2, y, count, style[whole ?? 'dim']);
}

/** What a cell says, safe to print, and how it looks in a row without marks. */
interface Cell {
  readonly text: string;
  readonly look: StyleName;
}

const wall: Cell = {text: 'wall', look: 'dim'};

/** null: groups have no such figure. */
function groupCell({key}: Column, group: Group, manner: Manner): Cell | null {
  const field = groupField(key);
  if (!field) return null;
  const instead = field.compares && manner.since && changeText(manner.since.ofAll(group.all));
  if (instead) return {text: instead, look: 'dim'};
  if (key === 'cpu_pct' && group.sleepable) return wall;
  return figure(key, formatValue(field, field.get(group, manner.since), manner), group.cpuPct);
}

function cell({field, key}: Column, prog: MeasuredProg, manner: Manner): Cell {
  if (!field) return {text: '', look: 'text'};
  const formatted = formatField(field, prog, manner);
  const text = field.kind === 'text' ? printable(formatted) : formatted;
  // Words in the place of a name or a figure are told apart from them.
  const instead = key === 'name' ? prog.name === '' : typeof field.text?.(prog, manner.since) === 'string';
  return instead ? {text, look: 'dim'} : figure(key, text, prog.cpuPct);
}

function figure(key: string, text: string, cpuPct: number | null): Cell {
  if (text === unknown || text === '0' || text === '0.00') return {text, look: 'dim'};
  return {text, look: key === 'cpu_pct' ? heat(cpuPct) : 'text'};
}

/** How warm a share of a CPU is. The figure says it too. */
export function heat(cpuPct: number | null): StyleName {
  if (cpuPct === null || cpuPct < 1) return 'text';
  return cpuPct < 5 ? 'warm' : cpuPct < 25 ? 'hot' : 'burning';
}

function paintTrend(grid: Grid, y: number, column: Column, row: Row, view: View, whole: StyleName | null): void {
  const byEvents = row instanceof Group ? row.cpuPct === null && row.sleepable : row.info.sleepable === true;
  const values = view.trend(row, byEvents ? 'events_per_sec' : 'cpu_pct', column.width);
  const idle = !values.some((value) => value !== null && value > 0);
  // Struck bars can't be read.
  const used = whole === 'selected' || whole === 'selectedGone' ? 'selected' : idle || whole ? 'dim' : 'trend';
  paintSparkline(grid, column.x, y, column.width, values, byEvents ? eventsFloor : trendFloor, style[used]);
}
