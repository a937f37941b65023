/**
 * Line charts over time, drawn off screen by blessed-contrib, half a millisecond each; loaded when a chart is first shown. It draws the
 * axes and the line, in dots of a braille cell; labels are written here, in the units of the table. A chart reads its window from the
 * right: what happened last is at the right edge, whatever the time between samples.
 */
import Line from 'blessed-contrib/lib/widget/charts/line.js';
import drawille, {type Context} from 'drawille-canvas-blessed-contrib';
import DotCanvas from 'drawille-blessed-contrib';
import type {HistoryPoint} from '../model/history.js';
import type {Grid} from './grid.js';
import type {Rect} from './layout.js';
import {paintStyled} from './styled-text.js';
import {style, type StyleName} from './theme.js';
import {windowText} from './window.js';

/** A moment at which something happened. */
export interface ChartMark {
  /** CLOCK_BOOTTIME, ns. */
  readonly timeNs: number;
  readonly label: string;
}

/** One chart to draw. */
export interface Chart {
  readonly title: string;
  readonly points: readonly HistoryPoint[];
  /** CLOCK_BOOTTIME of the right edge, ns, and what it is called. */
  readonly endNs: number;
  readonly end: string;
  readonly windowNs: number;
  /** A moment by the clock, `12:00:59`. */
  readonly clock: (timeNs: number) => string;
  readonly marks: readonly ChartMark[];
  readonly format: (value: number) => string;
  /** The scale never ends below this: what is next to nothing shall look like nothing. */
  readonly floor: number;
  readonly line: StyleName;
}

/** Cells left of the vertical axis. */
const labelCells = 7;
/** Dots that Line keeps free below the horizontal axis, and between it and the line. */
const axisDots = 11;
const clearance = 2;

/** Stands in the data where there is no sample, so that the line goes on to the next one … */
const noSample = NaN;
/** … and where a sample has no value, so that it is interrupted. */
const unknown = Infinity;

/** Drawille's canvas without its constructor, which calls the deprecated `Buffer()`: bundled, Node would warn onto the screen. */
function Dots(this: Record<string, unknown>, width: number, height: number): void {
  const cells = (width * height) / 8;
  Object.assign(this, {width, height, content: new Uint8Array(cells), colors: new Array(cells), chars: new Array(cells)});
  Object.assign(this, {fontFg: 'normal', fontBg: 'normal', color: 'normal'});
}
Dots.prototype = DotCanvas.prototype;

/** Paints a title, a chart and its labels into a rectangle of at least 20 × 6 cells. */
export function paintChart(grid: Grid, rect: Rect, chart: Chart): void {
  const {x, y, width} = rect;
  grid.text(x + labelCells, y, chart.title, style.dim, width - labelCells);
  const rows = rect.height - 1;
  const top = niceCeiling(Math.max(chart.floor, ...chart.points.map((point) => point.value ?? 0)));
  paintStyled(grid, x, y + 1, drawLine(width, rows, chart, top), width, rows);
  paintLabels(grid, {x, y: y + 1, width, height: rows}, chart, top);
}

function drawLine(columns: number, rows: number, chart: Chart, top: number): string[] {
  // One row more than is shown: Line leaves its last one empty.
  const line = Object.create(Line.prototype, {width: {value: columns + 6}, height: {value: rows + 3}}) as Line;
  line.calcSize();
  const {width, height} = line.canvasSize;
  const xPadding = 2 * labelCells;
  line.options = {
    showNthLabel: 1,
    xLabelPadding: 1,
    xPadding,
    numYLabels: 1,
    legend: {},
    minY: 0,
    // So that `top` is within the first row, not above it.
    maxY: (top * (height - axisDots)) / (height - axisDots - clearance - 1),
    style: {line: style[chart.line], text: style.dim, baseline: style.border},
  };
  line.ctx = new drawille.Canvas(width, height, Dots as unknown as typeof DotCanvas).getContext();
  withGaps(line.ctx);
  const dots = width - xPadding;
  const y = resample(chart, dots - clearance);
  line.setData([{x: new Array<string>(dots).fill(''), y, style: {line: style[chart.line]}}]);
  return line.ctx._canvas.frame().split('\n').slice(0, rows);
}

/** Makes a context that lifts the pen where a value isn't known, and that writes no text. */
function withGaps(context: Context): void {
  const moveTo = context.moveTo.bind(context);
  const lineTo = context.lineTo.bind(context);
  let down = false;
  context.fillText = () => {};
  context.moveTo = (x, y) => {
    // Every line and axis begins with one of these, or goes on without.
    down = false;
    moveTo(x, y);
  };
  context.lineTo = (x, y) => {
    if (Number.isNaN(y)) return;
    if (!Number.isFinite(y)) {
      down = false;
      return;
    }
    if (!down) moveTo(x, y);
    lineTo(x, y);
    down = true;
  };
}

/** The window in so many places: the mean of the samples at each. */
export function resample({points, endNs, windowNs}: Chart, places: number): number[] {
  const sums = new Array<number>(places).fill(noSample);
  const counts = new Array<number>(places).fill(0);
  for (const {timeNs, value} of points) {
    const place = placeOf(timeNs, endNs, windowNs, places);
    if (place < 0 || place >= places) continue;
    const count = counts[place] as number;
    if (value === null) {
      if (count === 0) sums[place] = unknown;
      continue;
    }
    sums[place] = count === 0 ? value : (sums[place] as number) + value;
    counts[place] = count + 1;
  }
  return sums.map((sum, i) => ((counts[i] as number) > 1 ? sum / (counts[i] as number) : sum));
}

/** Which of so many places a moment has in the window; outside of it: none of them. */
function placeOf(timeNs: number, endNs: number, windowNs: number, places: number): number {
  return Math.round(((timeNs - endNs) / windowNs + 1) * (places - 1));
}

function paintLabels(grid: Grid, rect: Rect, chart: Chart, top: number): void {
  const {x, y, height} = rect;
  const {format} = chart;
  const zeroRow = height - 3;
  const atRow = (row: number, value: number) => {
    const text = format(value);
    grid.textRight(x + labelCells - 1, y + row, text, text.length, style.dim);
  };
  atRow(0, top);
  if (zeroRow >= 4 && zeroRow % 2 === 0) atRow(zeroRow / 2, top / 2);
  if (zeroRow > 0) atRow(zeroRow, 0);
  paintTimes(grid, rect, chart);
  paintMarks(grid, rect, chart, zeroRow);
}

/** `-5m 12:01:00 … now 12:06:00`, without the clock where there is no room for it. */
function paintTimes(grid: Grid, {x, y, width, height}: Rect, {windowNs, endNs, end, clock}: Chart): void {
  const bottom = y + height - 1;
  const left = x + labelCells + 1;
  const right = x + width;
  const ago = `-${windowText(windowNs)}`;
  const long = [`${ago} ${clock(endNs - windowNs)}`, `${end} ${clock(endNs)}`] as const;
  const [first, last] = long[0].length + long[1].length + 2 <= right - left ? long : [ago, end];
  grid.text(left, bottom, first, style.dim);
  grid.textRight(right, bottom, last, last.length, style.dim);
  const half = `-${windowText(windowNs / 2)}`;
  const at = Math.round((left + right - half.length) / 2);
  if (at - left > first.length && at + half.length < right - last.length) grid.text(at, bottom, half, style.dim);
}

/** A line down to the axis behind the data, and a label in front of them, beside the title or in the first row where it hides no other. */
function paintMarks(grid: Grid, {x, y, width}: Rect, {title, marks, endNs, windowNs}: Chart, zeroRow: number): void {
  const dots = 2 * (width - labelCells) - clearance;
  const placed = marks
    .map(({timeNs, label}) => ({label, place: placeOf(timeNs, endNs, windowNs, dots)}))
    .filter(({place}) => place >= 0 && place < dots)
    .map(({label, place}) => ({label, column: x + labelCells + ((place + clearance) >> 1)}));
  for (const {column} of placed)
    for (let row = 0; row < zeroRow; row++)
      if (grid.codes[(y + row) * grid.columns + column] === blank) grid.char(column, y + row, markLine, style.text);
  let row = -1;
  let taken = x + labelCells + title.length;
  for (const {label, column} of placed) {
    const fits = column + 1 + label.length <= x + width;
    const from = fits ? column : column - label.length;
    if (from <= taken) row++;
    grid.text(from, y + row, fits ? `│${label}` : `${label}│`, style.strong);
    taken = from + label.length;
  }
}

const blank = 0x20;
const markLine = '│'.charCodeAt(0);

/** The next 1, 2, 3, 4, 6 or 8 and zeros: halves of them are as short. */
export function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  // A little less than the factor, against values such as 0.30000000000000004.
  const factor = [1, 2, 3, 4, 6, 8].find((each) => value <= each * power * 1.000001) ?? 10;
  return Number((factor * power).toPrecision(1));
}
