/** Text that has to fit: cut to cells, and long numbers. It must be safe already (`printable` of the model). */
import {cellsOf, clusters, isPlain, unitWidth} from '../model/cells.js';

export {cellsOf};

/** A safe text in at most `width` cells; what was cut off is an ellipsis. */
export function cut(text: string, width: number): string {
  if (cellsOf(text) <= width) return text;
  if (width <= 0) return '';
  // Segmenting is dear, and names longer than their columns are on every row.
  if (isPlain(text)) return `${text.slice(0, unitsIn(text, width - 1))}…`;
  let kept = '';
  let used = 0;
  for (const cluster of clusters(text)) {
    if (used + cluster.width > width - 1) break;
    kept += cluster.text;
    used += cluster.width;
  }
  return `${kept}…`;
}

/** How many units of a plain text fit into so many cells. */
function unitsIn(text: string, cells: number): number {
  let used = 0;
  let at = 0;
  while (at < text.length && (used += unitWidth(text.charCodeAt(at))) <= cells) at++;
  return at;
}

/** An exact count with its digits in groups of three: `1,234,567`. */
export function grouped(count: number | bigint): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** A safe text in lines of at most `width` cells, broken at blanks where there are some; the last of `most` lines is cut. */
export function wrap(text: string, width: number, most: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (lines.length + 1 < most && width > 0 && cellsOf(rest) > width) {
    let kept = '';
    let used = 0;
    for (const cluster of clusters(rest)) {
      if (used + cluster.width > width) break;
      kept += rest.slice(kept.length, kept.length + cluster.text.length);
      used += cluster.width;
    }
    if (kept === '') break;
    const blank = rest[kept.length] === ' ' ? kept.length : kept.lastIndexOf(' ');
    // Half a line for the sake of a blank would be a waste.
    const end = blank > kept.length / 2 ? blank : kept.length;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).replace(/^ +/, '');
  }
  return [...lines, cut(rest, width)];
}
