/**
 * The first line: which host, how many programs, what they cost together, what watching them costs. Painted with every sample. Pieces
 * have fixed widths, so that they stand still while figures change; where room is short they are shortened, then dropped, the least
 * important first.
 */
import {increase} from '../model/compare.js';
import type {Manner} from '../model/fields.js';
import {
  formatClock,
  formatCount,
  formatDuration,
  formatNumberOf,
  formatPercent,
  formatSigned,
  formatTime,
} from '../model/format.js';
import type {Measured} from '../model/measure.js';
import {printable} from '../model/printable.js';
import {selectTotals} from '../model/select.js';
import type {Grid} from './grid.js';
import type {StyleName} from './theme.js';
import {style} from './theme.js';
import {paintSparkline} from './sparkline.js';
import {cellsOf, cut} from './text.js';
import type {View} from './view.js';

/** What the screen is doing, as the header says it. */
export type Activity =
  'reading…' | 'live' | 'replay' | 'no reading' | `no data ${string}` | 'end at --to' | 'end of recording';

/** What the header shows. */
export interface HeaderInput {
  readonly view: View;
  /** As long as the view isn't paused. */
  readonly activity: Activity;
  readonly delayMs: number;
  /** How many times as fast a recording is shown: then it has that and when it was read, instead of the delay. null: it is none. */
  readonly speed: number | null;
  /** Whether this tool's own programs are listed, and so counted. */
  readonly own: boolean;
  readonly manner: Manner;
}

type Part = readonly [StyleName, string];

interface Piece {
  /** 1 stays longest. */
  readonly rank: number;
  /** Pieces of one group stand together; a bar divides groups. */
  readonly group: 'host' | 'totals' | 'cost' | 'right';
  readonly parts: readonly Part[];
  readonly short?: readonly Part[];
  /** Cells it is given at least, so that what follows stands still. */
  readonly cells?: number;
  /** It is the host's sparkline. */
  readonly spark?: true;
}

/** From this rank on a piece isn't worth that another one is shortened. */
const extra = 12;
const sparkCells = 8;
/** Below this a host's load is drawn as next to nothing, % of a CPU. */
const hostFloor = 0.5;

/** Paints the header into one row. */
export function paintHeader(grid: Grid, y: number, input: HeaderInput): void {
  if (y < 0) return;
  const pieces = fit(piecesOf(input), grid.columns);
  const right = pieces.filter((piece) => piece.group === 'right');
  let x = 0;
  let group = '';
  for (const piece of pieces) {
    if (piece.group === 'right') continue;
    if (group !== '' && piece.group !== group) x += grid.text(x, y, ' │ ', style.border);
    else if (group !== '') x += 2;
    group = piece.group;
    x = paintPiece(grid, x, y, piece, input);
  }
  x = grid.columns - widthOf(right);
  for (const piece of right) x = paintPiece(grid, x, y, piece, input) + 2;
}

function paintPiece(grid: Grid, x: number, y: number, piece: Piece, {view}: HeaderInput): number {
  let at = x;
  for (const [name, text] of piece.parts) at += grid.text(at, y, text, style[name]);
  if (piece.spark) {
    const values = view.history.last('host', 'cpu_pct', sparkCells);
    paintSparkline(grid, x, y, sparkCells, values, hostFloor, style.trend);
  }
  return x + cellsOfPiece(piece);
}

function cellsOfPiece({parts, cells = 0}: Piece): number {
  return Math.max(
    cells,
    parts.reduce((sum, [, text]) => sum + cellsOf(text), 0),
  );
}

function piecesOf({view, activity, delayMs, speed, own, manner}: HeaderInput): Piece[] {
  const {measured} = view;
  const pieces: Piece[] = [{rank: 5, group: 'host', parts: [['strong', 'bpftop-ts']]}];
  if (measured) pieces.push(...hostPieces(measured), ...totalPieces(measured, own, manner));
  const paused = measured && view.behindNs !== null;
  if (speed === null) pieces.push({rank: 8, group: 'right', parts: [['dim', shownDelay(delayMs)]]});
  else if (speed !== 1)
    pieces.push({rank: 3.2, group: 'right', parts: [['text', `×${Number.isFinite(speed) ? speed : 'max'}`]]});
  if (speed !== null && measured && !paused) pieces.push(timePiece(measured));
  const asUsual = activity === 'live' || activity === 'replay';
  if (paused) pieces.push(...pausedPieces(measured, view.behindNs));
  else pieces.push({rank: 3, group: 'right', parts: [[asUsual ? 'text' : 'warning', activity]]});
  return pieces;
}

/** When that was read: of a recording it tells more than what watching costs. */
function timePiece({sample: {takenAt}}: Measured): Piece {
  const seconds = takenAt / 1000;
  return {
    rank: 3.5,
    group: 'right',
    parts: [['text', `${formatTime(seconds)} UTC`]],
    short: [['text', formatClock(seconds)]],
  };
}

/** `over 1.0s  paused 12:03:04 UTC -1m20s` */
function pausedPieces({sample, periodNs}: Measured, behindNs: number): Piece[] {
  const time = formatClock(sample.takenAt / 1000);
  const behind = behindNs > 0 ? ` -${shownAgo(behindNs)}` : '';
  return [
    {rank: 11, group: 'right', parts: [label(periodNs === null ? '' : `over ${formatDuration(periodNs)}`)]},
    {
      ...{rank: 3, group: 'right', parts: [['warning', `paused ${time} UTC${behind}`]]},
      short: [['warning', `paused${behind || ` ${time}`}`]],
    },
  ];
}

/** `0.2s`, `20s`, `1m20s`, `1h2m` */
export function shownAgo(ns: number): string {
  if (ns < 9.95e9) return `${+(ns / 1e9).toFixed(1)}s`;
  const seconds = Math.round(ns / 1e9);
  if (seconds < 60) return `${seconds}s`;
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60];
  return minutes < 60 ? `${minutes}m${rest}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m`;
}

function hostPieces({sample: {host}}: Measured): Piece[] {
  return [
    {rank: 6, group: 'host', parts: [['text', cut(printable(host.hostname), 32)]]},
    {rank: 11, group: 'host', parts: [['dim', cut(printable(host.kernelRelease), 32)]]},
    {rank: 9, group: 'host', parts: [['dim', host.cpusOnline === 1 ? '1 CPU' : `${host.cpusOnline} CPUs`]]},
  ];
}

function totalPieces(measured: Measured, own: boolean, {since, cpus}: Manner): Piece[] {
  const {selfCpuPct, statsCostPct} = measured;
  const totals = selectTotals(measured, {own});
  const bpf = totals.cpuPct === null ? '-' : formatPercent(totals.cpuPct / cpus);
  const cost = selfCpuPct === null && statsCostPct === null ? null : (selfCpuPct ?? 0) + (statsCostPct ?? 0);
  const costPart: Part = ['text', (cost === null ? '-' : `${formatCost(cost / cpus)}%`).padEnd(4)];
  const ofCpus = ` of ${formatNumberOf(cpus, 'CPU')}`;
  const change = since?.ofTotals({own}) ?? null;
  const more = {
    cpuPct: changePart(change && increase(change, 'cpuPct'), (size) => formatPercent(size / cpus)),
    eventsPerSec: changePart(change && increase(change, 'eventsPerSec'), formatCount),
  };
  const events = totals.eventsPerSec === null ? '-' : formatCount(totals.eventsPerSec);
  const count: Part[] = [
    ['strong', String(totals.programs)],
    ['dim', totals.programs === 1 ? ' program' : ' programs'],
  ];
  return [
    {rank: 1, group: 'totals', parts: count, short: [count[0] as Part, label(totals.programs === 1 ? ' prog' : ' progs')]},
    {
      rank: 2,
      group: 'totals',
      cells: since ? 25 : 19,
      parts: [label('BPF '), ['strong', `${bpf}%`], ...more.cpuPct, label(ofCpus)],
    },
    {rank: 10, group: 'totals', cells: sparkCells, parts: [], spark: true},
    {rank: 4, group: 'totals', cells: since ? 16 : 10, parts: [['strong', events], ...more.eventsPerSec, label(' ev/s')]},
    {rank: 7, group: 'cost', parts: [label('watching costs '), costPart], short: [label('cost '), costPart]},
    ...(statsCostPct === null ? [] : [{rank: extra, group: 'cost', parts: [label(perRun(measured))]} as const]),
  ];
}

/** The change of a figure, behind it; nothing where there is none. */
function changePart(change: number | null, size: (size: number) => string): Part[] {
  return change === null ? [] : [['text', ` ${formatSigned(change, size)}`]];
}

/** What the cost was reckoned with; the help explains the ~. */
function perRun({statsCostNsPerRun, statsCostSource}: Measured): string {
  return `(${statsCostSource === 'calibrated' ? '' : '~'}${statsCostNsPerRun} ns a run)`;
}

function label(text: string): Part {
  return ['dim', text];
}

/** One decimal: the estimate bears no more. */
function formatCost(percent: number): string {
  return percent < 9.95 ? percent.toFixed(1) : percent.toFixed(0);
}

function shownDelay(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  if (ms < 60_000) return `${+(ms / 1000).toFixed(1)}s`;
  return ms < 3_600_000 ? `${+(ms / 60_000).toFixed(1)}m` : `${+(ms / 3_600_000).toFixed(1)}h`;
}

/**
 * Drops extras, shortens what can be shortened, drops what still doesn't fit, and gives back the full wording where that left room for
 * it.
 */
function fit(all: readonly Piece[], width: number): readonly Piece[] {
  if (total(all) <= width) return all;
  const pieces = all.filter((piece) => piece.rank < extra);
  if (total(pieces) <= width) return pieces;
  let fitted = pieces.map((piece) => (piece.short ? {...piece, parts: piece.short} : piece));
  while (fitted.length > 1 && total(fitted) > width) {
    const least = Math.max(...fitted.map((each) => each.rank));
    fitted = fitted.filter((each) => each.rank !== least);
  }
  for (const whole of pieces.filter((each) => each.short).sort((a, b) => a.rank - b.rank)) {
    const lengthened = fitted.map((each) => (each.rank === whole.rank ? whole : each));
    if (total(lengthened) <= width) fitted = lengthened;
  }
  return fitted;
}

function total(pieces: readonly Piece[]): number {
  const left = pieces.filter((piece) => piece.group !== 'right');
  const right = pieces.filter((piece) => piece.group === 'right');
  // A bar takes three cells, a gap two.
  const groups = new Set(left.map((piece) => piece.group)).size;
  return widthOf(left) + Math.max(0, groups - 1) + (right.length > 0 ? 2 + widthOf(right) : 0);
}

/** With gaps of two between them. */
function widthOf(pieces: readonly Piece[]): number {
  return 2 * Math.max(0, pieces.length - 1) + pieces.reduce((sum, piece) => sum + cellsOfPiece(piece), 0);
}
