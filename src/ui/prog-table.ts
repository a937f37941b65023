/** The rows of the table: painted with every sample and every key, only those that are on the screen. */
import {formatField, unknown} from '../model/fields.js';
import type {MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import type {Grid} from './grid.js';
import type {Column, Rect} from './layout.js';
import {paintSparkline} from './sparkline.js';
import {cellsOf, cut} from './text.js';
import {style, type StyleName} from './theme.js';
import type {Mark, View} from './view.js';

/** What the table shows. */
export interface TableInput {
  readonly view: View;
  readonly rows: readonly MeasuredProg[];
  readonly columns: readonly Column[];
  readonly top: number;
  readonly selected: string | null;
}

/** Below this a program's load is drawn as next to nothing, % of a CPU. */
const trendFloor = 0.05;
/** The same for events a second, the trend of programs without a CPU share. */
const eventsFloor = 1;

/** Paints the rows of the table. */
export function paintTable(grid: Grid, body: Rect, input: TableInput): void {
  const {rows, top, selected, view} = input;
  for (let i = 0; i < body.height; i++) {
    const prog = rows[top + i];
    if (!prog) return;
    const {key} = prog.info;
    paintRow(grid, body.y + i, prog, input, key === selected, view.mark(key));
  }
}

const selectedMark = '›'.charCodeAt(0);
const marks = {
  new: ['+'.charCodeAt(0), 'fresh'],
  gone: ['×'.charCodeAt(0), 'gone'],
  missed: ['!'.charCodeAt(0), 'warning'],
} as const;

function paintRow(grid: Grid, y: number, prog: MeasuredProg, input: TableInput, selected: boolean, mark: Mark | null): void {
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
  for (const column of input.columns) {
    if (column.field === null) {
      paintTrend(grid, y, column, prog, input.view, whole);
      continue;
    }
    const {text, look} = cell(column, prog);
    const shown = cut(text, column.width);
    const used = style[whole ?? look];
    if (column.right) grid.textRight(column.x + column.width, y, shown, cellsOf(shown), used);
    else grid.text(column.x, y, shown, used);
  }
}

/** What a cell says, safe to print, and how it looks in a row without marks. */
function cell({field, key}: Column, prog: MeasuredProg): {text: string; look: StyleName} {
  if (!field) return {text: '', look: 'text'};
  const text = field.kind === 'text' ? printable(formatField(field, prog)) : formatField(field, prog);
  // Words in the place of a name or a figure are told apart from them.
  const instead = key === 'name' ? prog.name === '' : typeof field.text?.(prog) === 'string';
  if (instead || text === unknown || text === '0' || text === '0.00') return {text, look: 'dim'};
  return {text, look: key === 'cpu_pct' ? heat(prog.cpuPct) : 'text'};
}

/** How warm a share of a CPU is. The figure says it too. */
export function heat(cpuPct: number | null): StyleName {
  if (cpuPct === null || cpuPct < 1) return 'text';
  return cpuPct < 5 ? 'warm' : cpuPct < 25 ? 'hot' : 'burning';
}

function paintTrend(grid: Grid, y: number, column: Column, prog: MeasuredProg, view: View, whole: StyleName | null): void {
  const byEvents = prog.info.sleepable === true;
  const values = view.history.last(prog.info.key, byEvents ? 'events_per_sec' : 'cpu_pct', column.width);
  const idle = !values.some((value) => value !== null && value > 0);
  // Struck bars can't be read.
  const used = whole === 'selected' || whole === 'selectedGone' ? 'selected' : idle || whole ? 'dim' : 'trend';
  paintSparkline(grid, column.x, y, column.width, values, byEvents ? eventsFloor : trendFloor, style[used]);
}
