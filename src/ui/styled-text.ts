/**
 * Text that carries styles, for what isn't painted cell by cell: Ink's frames and the charts. A style travels as colour number n of the
 * 256 ("38;5;n"), which both leave alone; what it looks like is decided when the cell is sent.
 */
import type {Grid} from './grid.js';
import {style, styleNames, type StyleName} from './theme.js';

/** The text in a style, for a Text of Ink. It must be safe. */
export function styled(name: StyleName, text: string): string {
  return name === 'text' || text === '' ? text : `\x1b[38;5;${style[name]}m${text}\x1b[39m`;
}

const control = /\x1b\[([\d;]*)m/g;

/** The text alone. */
export function withoutStyles(text: string): string {
  return text.replace(control, '');
}

/** Paints lines of styled text from (x, y) on, into at most width × height cells. */
export function paintStyled(
  grid: Grid,
  x: number,
  y: number,
  lines: readonly string[],
  width = Infinity,
  height = Infinity,
): void {
  for (let i = 0; i < Math.min(lines.length, height); i++) paintLine(grid, x, y + i, lines[i] as string, width);
}

function paintLine(grid: Grid, x: number, y: number, line: string, width: number): void {
  const end = x + width;
  let at = x;
  let from = 0;
  let current = 0;
  for (const match of line.matchAll(control)) {
    if (match.index > from) at += grid.text(at, y, line.slice(from, match.index), current, end - at);
    current = styleOf(match[1] as string, current);
    from = match.index + match[0].length;
  }
  if (from < line.length) grid.text(at, y, line.slice(from), current, end - at);
}

/** The style after a sequence. Everything but our own numbers and the ends of colours is ignored. */
function styleOf(parameters: string, current: number): number {
  const number = /^38;5;(\d+)$/.exec(parameters)?.[1];
  if (number !== undefined) return Number(number) < styleNames.length ? Number(number) : 0;
  return parameters === '' || parameters === '0' || parameters === '39' ? 0 : current;
}
