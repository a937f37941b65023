/**
 * The page of a program: facts, which scroll, above; below, always in sight, its figures within the window and their charts. All of it is
 * painted: how many lines there are depends on what is known. Rows that the facts don't need are the charts'.
 */
import {formatClock, formatCount, formatDuration, formatNumberOf, formatPercent, formatTime} from '../model/format.js';
import type {HistoryMetric} from '../model/history.js';
import type {MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import {shownName} from '../model/prog-name.js';
import {progTypeName} from '../sample/prog-types.js';
import type {ChartMark, paintChart} from './charts.js';
import {type FactLine, factLabelCells, figures, origin, whereabouts} from './facts.js';
import type {Grid} from './grid.js';
import type {Rect} from './layout.js';
import {heat} from './prog-table.js';
import {cellsOf, cut, wrap} from './text.js';
import {style, type StyleName} from './theme.js';
import {pastOf, type PastInput, type WindowPast, windowsNs, windowText} from './window.js';

/** charts.ts, which is loaded when first needed. */
export interface ChartsModule {
  readonly paintChart: typeof paintChart;
}

/** What a program's page shows. */
export interface DetailInput extends PastInput {
  /** Wall clock of the first reading without it, ms; null while it is loaded. */
  readonly goneAt: number | null;
  /** Whether it was loaded after the moment shown: there is nothing to say of it. */
  readonly later: boolean;
  /** Whether a moment of the past is shown, or may soon be one. */
  readonly paused: boolean;
  /** As many CPUs are 100 %: one, or all. */
  readonly cpus: number;
  /** CLOCK_BOOTTIME when the filter in effect began, ns; null: there is none. */
  readonly filterNs: bigint | null;
}

/** The three figures that have a past, in the order of the charts. */
export const metrics: readonly {
  readonly metric: HistoryMetric;
  readonly title: string;
  readonly format: (value: number) => string;
  readonly now: (prog: MeasuredProg) => number | null;
  readonly line: StyleName;
  /** Where the scale of its chart ends at least. */
  readonly floor: number;
}[] = [
  {metric: 'cpu_pct', title: 'CPU %', format: formatPercent, now: (prog) => prog.cpuPct, line: 'cpuLine', floor: 0.1},
  {
    metric: 'events_per_sec',
    title: 'events/s',
    format: formatCount,
    now: (prog) => prog.eventsPerSec,
    line: 'eventsLine',
    floor: 10,
  },
  {
    metric: 'avg_run_time_ns',
    title: 'average run',
    format: formatDuration,
    now: (prog) => prog.avgRunTimeNs,
    line: 'averageLine',
    floor: 10,
  },
];

/** Where the parts of a program's page are; a part of no height isn't shown. */
export interface DetailLayout {
  /** Beside each other, as wide as the page allows. */
  readonly facts: readonly (Rect & {readonly lines: readonly FactLine[]})[];
  /** The line that says which of the facts these are; −1: there is none. */
  readonly rule: number;
  /** The table of figures within the window. */
  readonly figures: Rect;
  readonly charts: Rect;
  /** Lines of facts there are, and lines of them there is room for. */
  readonly factLines: number;
  readonly factRows: number;
  /** How far the facts can be scrolled. */
  readonly scrollEnd: number;
}

/** From these widths on facts stand in two and in three columns. */
const twoColumns = 100;
const threeColumns = 180;
/** Least sizes: of a page with charts and with figures, of the charts, of the facts above them. */
const least = {chartPage: 17, figuresPage: 7, figuresWidth: 40, chartWidth: 24, chartHeight: 8, factRows: 3};
/** The part of the page that is the charts', whatever there is to say. */
const chartShare = 0.38;

function factColumns(input: DetailInput, page: Rect): readonly (Rect & {lines: FactLine[]})[] {
  const count = page.width >= threeColumns ? 3 : page.width >= twoColumns ? 2 : 1;
  const pitch = Math.floor(page.width / count);
  const width = pitch - 2;
  const [where, counters, rest] = [whereabouts(input, width), figures(input, width), origin(input, width)];
  const columns = count === 1 ? [[...where, ...counters]] : [where, counters, []].slice(0, count);
  // What matters least goes where there is room.
  columns.reduce((shortest, each) => (each.length < shortest.length ? each : shortest)).push(...rest);
  return columns.map((lines, i) => ({x: page.x + 1 + i * pitch, y: page.y, width, height: lines.length, lines}));
}

/** Places for what there is to say, in a page of that size. */
export function layoutDetail(input: DetailInput, page: Rect): DetailLayout {
  const {x, y, width, height} = page;
  const columns = factColumns(input, page);
  const factLines = Math.max(...columns.map(({lines}) => lines.length));
  const withFigures = height >= least.figuresPage && width >= least.figuresWidth;
  const withCharts = height >= least.chartPage && width >= least.chartWidth;
  const figureRows = withFigures ? 1 + metrics.length : 0;
  const chartRows = withCharts ? Math.max(least.chartHeight, Math.floor(height * chartShare)) : 0;
  const ruled = withCharts ? 1 : 0;
  const needed = Math.min(factLines, height - figureRows - chartRows - ruled);
  // In a chart of even height the middle of the scale is a row.
  const factRows = withCharts && (height - figureRows - ruled - needed) % 2 === 1 ? needed + 1 : needed;
  const below = y + (withCharts ? factRows + ruled : height - figureRows);
  return {
    facts: columns.map((column) => ({...column, height: factRows})),
    rule: withCharts ? y + factRows : -1,
    figures: {x, y: below, width, height: figureRows},
    charts: {x, y: below + figureRows, width, height: withCharts ? y + height - below - figureRows : 0},
    factLines,
    factRows,
    scrollEnd: Math.max(0, factLines - factRows),
  };
}

/** What a value is divided by to be shown. */
function scaleOf(metric: HistoryMetric, {cpus}: DetailInput): number {
  return metric === 'cpu_pct' ? cpus : 1;
}

/** The line over the page: which program it is, and whether it is still there. */
export function paintDetailTitle(grid: Grid, y: number, {prog, goneAt, later}: DetailInput): void {
  if (y < 0) return;
  const name = printable(shownName(prog));
  let x = 1 + grid.text(1, y, cut(name, grid.columns - 2), style[goneAt === null ? 'strong' : 'gone']);
  x += grid.text(x, y, `  ${progTypeName(prog.info.type)} ${prog.info.id}`, style.text);
  const warn = (said: string) => grid.text(x, y, cut(`  ${said}`, Math.max(0, grid.columns - x)), style.warning);
  if (goneAt !== null) warn(`× unloaded ${formatTime(goneAt / 1000)} UTC; its past stays`);
  if (later) warn(`not loaded yet; it came ${formatTime(prog.info.loadedAt)} UTC`);
}

/** Paints a program's page; `charts` is the module that draws charts, null while it is loaded. */
export function paintDetail(
  grid: Grid,
  layout: DetailLayout,
  input: DetailInput,
  scroll: number,
  charts: ChartsModule | null,
): void {
  const from = Math.min(scroll, layout.scrollEnd);
  for (const {x, y, width, height, lines} of layout.facts)
    lines.slice(from, from + height).forEach(({label, text, look, wide}, i) => {
      const cells = wide ? 0 : factLabelCells;
      grid.text(x, y + i, label, style.dim);
      grid.text(x + cells, y + i, cut(text, width - cells), style[look]);
    });
  if (layout.rule >= 0) paintRule(grid, layout, from);
  if (layout.figures.height === 0) return;
  const past = pastOf(input);
  const marks = marksOf(input, past);
  paintFigures(grid, layout.figures, input, past, marks);
  if (layout.charts.height > 0 && charts) paintCharts(grid, layout.charts, input, past, marks, charts);
}

function paintRule(grid: Grid, {rule, figures: {x, width}, factLines, factRows}: DetailLayout, from: number): void {
  const said = factLines > factRows ? ` ${from + 1}–${from + factRows} of ${factLines} lines, ↑↓ ` : '';
  grid.text(x + 1, rule, '─'.repeat(Math.max(0, width - 2)), style.border);
  if (said !== '') grid.textRight(x + width - 3, rule, said, cellsOf(said), style.text);
}

/** Cells of the names of the figures, and of each figure at most and at least. */
const nameCells = 11;
const figureCells = {most: 9, least: 7};
const asideGap = 3;

/** The table of now, least, average and most; beside it which window that is, and what the marks are. */
function paintFigures(grid: Grid, rect: Rect, input: DetailInput, past: WindowPast, marks: readonly ChartMark[]): void {
  const {y, width} = rect;
  const {prog, goneNs} = input;
  const x = rect.x + 1;
  const cells = Math.max(figureCells.least, Math.min(figureCells.most, Math.floor((width - 1 - nameCells) / 4)));
  [presentOf(input), 'min', 'avg', 'max'].forEach((head, i) => {
    grid.text(x + nameCells + i * cells, y, head.padStart(cells), style.dim);
  });
  metrics.forEach(({metric, title, format, now}, row) => {
    const at = y + 1 + row;
    grid.text(x, at, title, style.dim);
    if (metric === 'cpu_pct' && prog.info.sleepable === true) {
      grid.text(x + nameCells + 2, at, cut('none: it may sleep, its time is wall time', 4 * cells - 2), style.text);
      return;
    }
    const {min, avg, max} = past.metrics[metric];
    const look = metric === 'cpu_pct' && goneNs === null ? heat(prog.cpuPct) : 'text';
    [goneNs === null ? now(prog) : null, min, avg, max].forEach((value, i) => {
      const text = value === null ? '-' : format(value / scaleOf(metric, input));
      grid.text(x + nameCells + i * cells, at, text.padStart(cells), style[i === 0 ? look : 'text']);
    });
  });
  const aside = x + nameCells + 4 * cells + asideGap;
  const room = rect.x + width - aside;
  if (room < cellsOf('window 1m [5m] 10m (auto)')) return;
  paintWindow(grid, aside, y, input, past);
  const words = marks.map(({label, timeNs}) => `│ ${label.padEnd(7)} ${clock(input, timeNs)} UTC`);
  if (words.length < metrics.length) words.push(`to ${clock(input, past.endNs)} UTC${seen(past)}`);
  words.forEach((text, i) => grid.text(aside, y + 1 + i, cut(text, room), style.text));
}

/** What the moment shown is called. */
function presentOf({paused}: DetailInput): string {
  return paused ? 'then' : 'now';
}

/** How much of the window there are readings of, if not of all of it. */
function seen({seenNs, windowNs}: WindowPast): string {
  if (seenNs >= windowNs) return '';
  return seenNs === 0 ? ', one reading' : `, ${formatDuration(seenNs)} of it`;
}

/** `window 1m [5m] 10m`: which one it is can be read without colours. */
function paintWindow(grid: Grid, from: number, y: number, input: DetailInput, past: WindowPast): void {
  let x = from + grid.text(from, y, 'window', style.dim);
  const choices: readonly number[] = Object.values(windowsNs);
  for (const each of choices.includes(past.windowNs) ? choices : [...choices, past.windowNs]) {
    const shown = each === past.windowNs;
    x += grid.text(x, y, shown ? ` [${windowText(each)}]` : ` ${windowText(each)}`, style[shown ? 'strong' : 'dim']);
  }
  if (input.windowNs === null) grid.text(x, y, ' (auto)', style.dim);
}

/** What happened within the window, in the order of time. */
function marksOf({prog, goneNs, filterNs}: DetailInput, {endNs, windowNs}: WindowPast): ChartMark[] {
  const all: readonly (readonly [label: string, timeNs: bigint | null])[] = [
    ['loaded', prog.info.loadTimeNs],
    ['filter', filterNs],
    ['gone', goneNs],
  ];
  return all
    .flatMap(([label, timeNs]) => (timeNs === null ? [] : [{label, timeNs: Number(timeNs)}]))
    .filter(({timeNs}) => timeNs >= endNs - windowNs && timeNs <= endNs)
    .sort((a, b) => a.timeNs - b.timeNs);
}

/** `12:00:59`, UTC as all times of the page: a moment of CLOCK_BOOTTIME by the clock of the reading. */
function clock({measured: {sample}}: DetailInput, timeNs: number): string {
  return formatClock((sample.takenAt + (timeNs - Number(sample.timeNs)) / 1e6) / 1000);
}

function paintCharts(
  grid: Grid,
  rect: Rect,
  input: DetailInput,
  past: WindowPast,
  marks: readonly ChartMark[],
  {paintChart}: ChartsModule,
): void {
  const off = whyNothing(input, past);
  if (off !== null) return paintInstead(grid, rect, off);
  // A share of a CPU is nothing that a sleepable program could have.
  const drawn = metrics.filter(({metric}) => metric !== 'cpu_pct' || input.prog.info.sleepable !== true);
  const beside = Math.min(drawn.length, Math.floor(rect.width / least.chartWidth));
  const pitch = Math.floor(rect.width / beside);
  drawn.slice(0, beside).forEach(({metric, title, format, line, floor}, i) => {
    const {windowNs, endNs} = past;
    const scale = scaleOf(metric, input);
    const points = past.metrics[metric].points.map(({timeNs, value}) => ({
      timeNs,
      value: value === null ? null : value / scale,
    }));
    const of = metric === 'cpu_pct' ? ` of ${formatNumberOf(input.cpus, 'CPU')}` : '';
    const end = input.goneNs === null ? presentOf(input) : 'gone';
    const place = {...rect, x: rect.x + i * pitch, width: pitch - 1};
    const at = (timeNs: number) => clock(input, timeNs);
    paintChart(grid, place, {
      title: title + of,
      points,
      endNs,
      end,
      windowNs,
      clock: at,
      marks,
      format,
      floor: floor / scale,
      line,
    });
  });
}

/** Why there is nothing to draw, and what to do about it; null: there is something, or nothing yet. */
function whyNothing({measured: {sample}}: DetailInput, past: WindowPast): readonly string[] | null {
  if (sample.stats !== 'off' || Object.values(past.metrics).some(({avg}) => avg !== null)) return null;
  const told = sample.warnings.find(({code}) => code === 'stats_off');
  return ['No charts: statistics are off, so that the kernel counts no runs and no time.', ...(told ? [told.message] : [])];
}

function paintInstead(grid: Grid, {x, y, width, height}: Rect, texts: readonly string[]): void {
  const shown = texts.flatMap((text) => wrap(printable(text), width - 4, 4)).slice(0, height - 1);
  shown.forEach((line, i) => grid.text(x + 2, y + 1 + i, line, style.text));
}
