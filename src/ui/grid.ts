/**
 * A grid of cells: what a screen is to show. A cell is a code and a style, both numbers in typed arrays, so that copying, clearing and
 * comparing a whole screen costs microseconds. A code is a code point, or, from `clusterCodes` up, a cluster that terminals may draw in
 * different widths; the second cell of a wide one is `tail`.
 */
import {clusters, isPlain, unitWidth} from '../model/cells.js';
import {blankStyle} from './theme.js';

/** Codes from here up name clusters. */
export const clusterCodes = 0x110000;
/** The second cell of a wide character. */
export const tail = 0xffffffff;
const blank = 0x20;

const clusterTexts: string[] = [];
const clusterIndex = new Map<string, number>();

/** The text behind a cluster's code. */
export function clusterText(code: number): string {
  return clusterTexts[code - clusterCodes] as string;
}

function clusterCode(text: string): number {
  let index = clusterIndex.get(text);
  if (index === undefined) {
    // Names change slowly; should a hostile host invent clusters for ever, later ones share the last place.
    if (clusterTexts.length >= 20_000) return 0xfffd;
    index = clusterTexts.push(text) - 1;
    clusterIndex.set(text, index);
  }
  return clusterCodes + index;
}

/** The cells of a screen. */
export class Grid {
  columns = 0;
  rows = 0;
  codes = new Uint32Array(0);
  styles = new Uint8Array(0);

  constructor(columns = 0, rows = 0) {
    this.resize(columns, rows);
  }

  /** Another size; the grid is blank afterwards. */
  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.codes = new Uint32Array(columns * rows).fill(blank);
    this.styles = new Uint8Array(columns * rows);
  }

  clear(): void {
    this.codes.fill(blank);
    this.styles.fill(0);
  }

  /** Becomes the same as a grid of the same size. */
  copy(from: Grid): void {
    this.codes.set(from.codes);
    this.styles.set(from.styles);
  }

  /** Takes a rectangle over from a grid of the same size. */
  copyRect(from: Grid, x: number, y: number, width: number, height: number): void {
    const left = Math.max(0, x);
    const right = Math.min(this.columns, x + width);
    for (let row = Math.max(0, y); row < Math.min(this.rows, y + height); row++) {
      const start = row * this.columns + left;
      const end = row * this.columns + right;
      if (right <= left) continue;
      this.#split(start);
      if (right < this.columns && this.codes[end] === tail) this.codes[end] = blank;
      this.codes.set(from.codes.subarray(start, end), start);
      this.styles.set(from.styles.subarray(start, end), start);
    }
  }

  /**
   * Writes a safe text from (x, y) on, in at most `width` cells, and never past the edge. A wide character that would be halved is left
   * out.
   * @returns the cells written.
   */
  text(x: number, y: number, text: string, style: number, width = Infinity): number {
    if (y < 0 || y >= this.rows || x < 0) return 0;
    const end = Math.min(this.columns, x + width);
    const row = y * this.columns;
    let at = x;
    if (isPlain(text)) {
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i);
        const cells = unitWidth(unit);
        if (at + cells > end) break;
        this.#put(row + at, unit, cells, style);
        at += cells;
      }
    } else {
      for (const cluster of clusters(text)) {
        if (at + cluster.width > end) break;
        const unit = cluster.text.length === 1 ? cluster.text.charCodeAt(0) : 0;
        const code = unitWidth(unit) > 0 ? unit : clusterCode(cluster.text);
        this.#put(row + at, code, cluster.width, style);
        at += cluster.width;
      }
    }
    return at - x;
  }

  /** A text whose last cell is the one before `right`. */
  textRight(right: number, y: number, text: string, cells: number, style: number): void {
    this.text(Math.max(0, right - cells), y, text, style);
  }

  /** One character whose width is known to be one cell. */
  char(x: number, y: number, code: number, style: number): void {
    if (x >= 0 && x < this.columns && y >= 0 && y < this.rows) this.#put(y * this.columns + x, code, 1, style);
  }

  /** Blanks in a style, such as the bar of the selected row. */
  fill(x: number, y: number, width: number, style: number): void {
    for (let at = x; at < Math.min(this.columns, x + width); at++) this.char(at, y, blank, style);
  }

  /** A row as text, for tests and for reading it aloud. */
  line(y: number): string {
    let line = '';
    for (let x = 0; x < this.columns; x++) {
      const code = this.codes[y * this.columns + x] as number;
      if (code !== tail) line += code >= clusterCodes ? clusterText(code) : String.fromCodePoint(code);
    }
    return line;
  }

  #put(at: number, code: number, cells: number, style: number): void {
    this.#split(at);
    // A blank looks the same in most styles: taking the plain one for all of them keeps it from being sent again.
    const seen = code === blank && blankStyle(style) ? 0 : style;
    this.codes[at] = code;
    this.styles[at] = seen;
    if (cells === 1) return;
    this.#split(at + 1);
    this.codes[at + 1] = tail;
    this.styles[at + 1] = seen;
  }

  /** Whatever stood in this cell gives it up: half a wide character can't be shown. */
  #split(at: number): void {
    const {codes} = this;
    if (codes[at] === tail) codes[at - 1] = blank;
    else if (codes[at + 1] === tail) codes[at + 1] = blank;
  }
}
