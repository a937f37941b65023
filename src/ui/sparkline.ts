/** A row of bars, one a sample, the newest at the right. Nothing known: a gap. */
import type {Grid} from './grid.js';

const bars = [...'▁▂▃▄▅▆▇█'].map((bar) => bar.charCodeAt(0));

/**
 * Paints the values into `width` cells. Each line is scaled to its own highest value, but never to one below `floor`: what is next to
 * nothing shall look like nothing. Zero is the lowest bar, and nothing else is.
 */
export function paintSparkline(
  grid: Grid,
  x: number,
  y: number,
  width: number,
  values: readonly (number | null)[],
  floor: number,
  style: number,
): void {
  let highest = floor;
  for (const value of values) if (value !== null && value > highest) highest = value;
  const from = x + width - values.length;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | null;
    if (value === null || from + i < x) continue;
    const steps = bars.length - 1;
    const level = value <= 0 ? 0 : Math.min(steps, Math.max(1, Math.round((value / highest) * steps)));
    grid.char(from + i, y, bars[level] as number, style);
  }
}
