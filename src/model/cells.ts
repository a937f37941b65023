/**
 * Text in cells: measured and segmented. It must be safe already (`printable`): here nothing is a control character.
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
// Kana voicing marks combine with what is before them; of circled numbers on squares terminals think differently.
unitWidths.fill(0, 0x3099, 0x309b);
unitWidths.fill(0, 0x3248, 0x3250);

/** Cells of a UTF-16 unit, 0 when its cluster has to be looked at. */
export function unitWidth(unit: number): number {
  return unitWidths[unit] as number;
}

/**
 * Wide besides the ranges above: other East Asian blocks (EastAsianWidth W and F), and what terminals of another Unicode version than
 * ours may believe to be wide. Where they disagree the wider one counts: it leaves a gap at worst, the narrower one cuts off.
 */
const wideBase =
  /^[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3248-\u324f\u4dc0-\u4dff\ua000-\ua4cf\ua960-\ua97f\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uffe0-\uffe6\u{16fe0}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1d300}-\u{1d376}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]$/u;
/** What is drawn into the cells of what is before it: marks, vowels and finals of Hangul, skin tones. */
const joins = /^[\p{M}\u1160-\u11ff\ud7b0-\ud7ff\u{1f3fb}-\u{1f3ff}]$/u;
const spacingMark = /^\p{Mc}$/u;
const regional = /^\p{Regional_Indicator}$/u;
/** Asks for the drawing of an emoji: two cells to newer terminals, one to older ones. */
const emojiStyle = '\ufe0f';

/** A base with its marks, and the cells it is given. Terminals may disagree about it: see `FrameWriter`. */
export interface Cluster {
  readonly text: string;
  readonly width: number;
}

/** More marks on one base are a prank, and left out. */
const mostMarks = 6;

/**
 * The clusters of a safe text, for what `unitWidth` can't tell. Terminals add up the widths of code points, so this does too: what only a
 * font would join (Indic conjuncts) is apart. A mark without a base gets a dotted circle.
 */
export function clusters(text: string): Cluster[] {
  const found: {text: string; width: number}[] = [];
  let marks = 0;
  let flag = false;
  for (const character of text) {
    const last = found.at(-1);
    if (joins.test(character)) {
      const base = last ?? {text: '\u25cc', width: 1};
      if (!last) found.push(base);
      if (++marks > mostMarks) continue;
      base.text += character;
      if (spacingMark.test(character)) base.width++;
      else if (character === emojiStyle) base.width = Math.max(base.width, 2);
      continue;
    }
    marks = 0;
    if (regional.test(character)) {
      flag = !flag;
      if (flag) found.push({text: character, width: 2});
      else if (last) last.text += character;
      continue;
    }
    flag = false;
    const unit = character.length === 1 ? unitWidth(character.charCodeAt(0)) : 0;
    found.push({text: character, width: unit || (wideBase.test(character) ? 2 : 1)});
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
