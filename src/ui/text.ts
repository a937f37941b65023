/** Text that has to fit: cut to cells, and long numbers. It must be safe already (`printable` of the model). */
import {cellsOf, clusters} from '../model/cells.js';

export {cellsOf};

/** A safe text in at most `width` cells; what was cut off is an ellipsis. */
export function cut(text: string, width: number): string {
  if (cellsOf(text) <= width) return text;
  if (width <= 0) return '';
  let kept = '';
  let used = 0;
  for (const cluster of clusters(text)) {
    if (used + cluster.width > width - 1) break;
    kept += cluster.text;
    used += cluster.width;
  }
  return `${kept}…`;
}

/** An exact count with its digits in groups of three: `1,234,567`. */
export function grouped(count: number | bigint): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}
