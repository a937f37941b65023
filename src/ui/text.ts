/**
 * Text in cells: measured, segmented, cut. It must be safe already (`printable` of the model): here nothing is a control character.
 * Printable ASCII, which is nearly everything, is recognised by one regular expression and costs nothing more.
 */

const ascii = /^[\x20-\x7e]*$/;

/** How all terminals draw a UTF-16 unit that stands alone: in one cell, in two, or not agreed upon (0). */
const unitWidths = new Uint8Array(0x10000);
const narrowRanges = [
  [0x20, 0x7e],
  [0xa0, 0xac],
  [0xae, 0x2ff],
  [0x370, 0x482],
  [0x2010, 0x2027],
  [0x2030, 0x205e],
  [0x2190, 0x21ff],
  [0x23ce, 0x23ce],
  [0x2500, 0x25fc],
  [0x2800, 0x28ff],
] as const;
const wideRanges = [
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xff01, 0xff60],
] as const;
for (const [from, to] of narrowRanges) unitWidths.fill(1, from, to + 1);
for (const [from, to] of wideRanges) unitWidths.fill(2, from, to + 1);
// Kana voicing marks combine with what is before them.
unitWidths.fill(0, 0x3099, 0x309b);

/** Cells of a UTF-16 unit, 0 when its cluster has to be looked at. */
export function unitWidth(unit: number): number {
  return unitWidths[unit] as number;
}

/** Wide besides the ranges above: other East Asian blocks (EastAsianWidth W and F, Unicode 15). */
const wideBase =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\ua000-\ua4cf\ua960-\ua97f\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}\p{Regional_Indicator}]/u;
const mark = /^\p{M}/u;
const segmenter = new Intl.Segmenter('en', {granularity: 'grapheme'});

/** A user-perceived character and the cells it is given. Terminals may disagree about it: see `FrameWriter`. */
export interface Cluster {
  readonly text: string;
  readonly width: number;
}

/** A cluster as long as this is a prank. */
const longestCluster = 12;

/** The clusters of a safe text, for what `unitWidth` can't tell. A mark without a base gets a dotted circle. */
export function clusters(text: string): Cluster[] {
  const found: Cluster[] = [];
  for (const {segment} of segmenter.segment(text)) {
    const whole = mark.test(segment) ? `\u25cc${segment}` : segment;
    const base = whole.codePointAt(0) as number;
    const width =
      base < 0x10000 && unitWidth(base) > 0 ? unitWidth(base) : wideBase.test(String.fromCodePoint(base)) ? 2 : 1;
    found.push({text: whole.slice(0, longestCluster), width});
  }
  return found;
}

/** True when every unit of the text is one whose width all terminals agree upon. */
export function isPlain(text: string): boolean {
  if (ascii.test(text)) return true;
  for (let i = 0; i < text.length; i++) if (unitWidths[text.charCodeAt(i)] === 0) return false;
  return true;
}

/** How many cells a safe text takes. */
export function cellsOf(text: string): number {
  if (ascii.test(text)) return text.length;
  let width = 0;
  if (isPlain(text)) for (let i = 0; i < text.length; i++) width += unitWidth(text.charCodeAt(i));
  else for (const cluster of clusters(text)) width += cluster.width;
  return width;
}

/** A safe text in at most `width` cells; what was cut off is an ellipsis. */
export function cut(text: string, width: number): string {
  if (text.length <= width && ascii.test(text)) return text;
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
