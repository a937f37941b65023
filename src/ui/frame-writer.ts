/**
 * From a grid to the terminal: compares what is to be shown with what the terminal shows and makes one chunk of bytes of the difference,
 * with the cheapest moves and style changes. Nothing changed: no bytes. The only allocation of a frame is the chunk.
 *
 * Clusters are written defensively, because terminals disagree about their width: both cells are blanked first, the cursor is placed
 * anew afterwards, and the cells right of it, into which a wider drawing may have spilt, are written again.
 */
import {clusterCodes, clusterText, Grid, tail} from './grid.js';
import {asciiStandIns, blankStyle, styleNames, type Theme} from './theme.js';

const begin = '\x1b[?2026h';
const end = '\x1b[?2026l';
const blank = 0x20;
/** From so many blanks on, erasing to the end of the line is cheaper. */
const eraseFrom = 4;

/** Cells that a cluster may be drawn in, where each code point of it is drawn by itself. */
function mostCells(cluster: string): number {
  return 2 * [...cluster].length;
}

/** Turns what differs between two grids into the fewest bytes. */
export class FrameWriter {
  /** What is to be shown: paint it, then call `diff`. */
  readonly next = new Grid();
  readonly #shown = new Grid();
  readonly #theme: Theme;
  readonly #ascii: boolean;
  #out = Buffer.allocUnsafe(16_384);
  #length = 0;
  /** Where the terminal's cursor is; x is −1 when it isn't known. */
  #x = -1;
  #y = -1;
  #style = 0;
  #cleared = false;

  constructor(theme: Theme, ascii = false) {
    this.#theme = theme;
    this.#ascii = ascii;
  }

  /** Another size. What the terminal shows is unknown from here on. */
  resize(columns: number, rows: number): void {
    this.next.resize(columns, rows);
    this.#shown.resize(columns, rows);
    this.invalidate();
  }

  /** What the terminal shows is no longer known: the next frame is written whole. */
  invalidate(): void {
    this.#shown.clear();
    this.#cleared = true;
  }

  /** The bytes that make the terminal show `next`, or null when it does. They are good until the next call. */
  diff(): Buffer | null {
    this.#length = 0;
    this.#ascii8(begin);
    const nothing = this.#length;
    // Never trust the cursor of the last frame: others (wall, the kernel's console) write to terminals too.
    this.#x = -1;
    this.#style = 0;
    if (this.#cleared) this.#ascii8('\x1b[m\x1b[2J');
    this.#cleared = false;
    for (let y = 0; y < this.next.rows; y++) this.#row(y);
    if (this.#length === nothing) return null;
    this.#to(0);
    this.#ascii8(end);
    return this.#out.subarray(0, this.#length);
  }

  #row(y: number): void {
    const {columns, codes, styles} = this.next;
    const {codes: shownCodes, styles: shownStyles} = this.#shown;
    const start = y * columns;
    let forced = 0;
    let blankFrom = -1;
    for (let x = 0; x < columns; x++) {
      const at = start + x;
      const code = codes[at] as number;
      if (code === tail || (x >= forced && code === shownCodes[at] && styles[at] === shownStyles[at])) continue;
      if (blankFrom < 0) blankFrom = this.#blankFrom(start);
      if (x >= blankFrom && columns - x >= eraseFrom) {
        this.#move(x, y);
        this.#to(0);
        this.#ascii8('\x1b[K');
        break;
      }
      this.#move(x, y);
      const style = styles[at] as number;
      if (!this.#hides(code, style)) this.#to(style);
      const cells = codes[at + 1] === tail && x + 1 < columns ? 2 : 1;
      if (code >= clusterCodes) {
        this.#cluster(clusterText(code), cells, x);
        forced = Math.max(forced, x + mostCells(clusterText(code)));
      } else {
        this.#code(code, cells);
        this.#x = x + cells >= columns ? -1 : x + cells;
      }
    }
    shownCodes.set(codes.subarray(start, start + columns), start);
    shownStyles.set(styles.subarray(start, start + columns), start);
  }

  /** From this column on the row is plain and blank. */
  #blankFrom(start: number): number {
    const {columns, codes, styles} = this.next;
    let x = columns;
    while (x > 0 && codes[start + x - 1] === blank && styles[start + x - 1] === 0) x--;
    return x;
  }

  #move(x: number, y: number): void {
    if (this.#x === x && this.#y === y) return;
    if (this.#x < 0 || this.#y !== y || x < this.#x) this.#ascii8(x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`);
    else if (!this.#retrace(x, y)) this.#ascii8(x - this.#x === 1 ? '\x1b[C' : `\x1b[${x - this.#x}C`);
    this.#x = x;
    this.#y = y;
  }

  /** Crosses a narrow gap by writing what is there already, where that is shorter than a move. */
  #retrace(x: number, y: number): boolean {
    const gap = x - this.#x;
    if (gap > 4 || (gap === 4 && this.#style !== 0)) return false;
    const start = y * this.next.columns;
    for (let i = this.#x; i < x; i++) {
      const code = this.next.codes[start + i] as number;
      const style = this.next.styles[start + i] as number;
      if (code > 0x7e || (style !== this.#style && !this.#hides(code, style))) return false;
    }
    for (let i = this.#x; i < x; i++) this.#code(this.next.codes[start + i] as number, 1);
    return true;
  }

  /** A plain blank may be written in whatever style is on, if that can't be seen on it. */
  #hides(code: number, style: number): boolean {
    return code === blank && style === 0 && blankStyle(this.#style);
  }

  #to(style: number): void {
    if (style === this.#style) return;
    this.#ascii8(this.#theme.transitions[this.#style * styleNames.length + style] as string);
    this.#style = style;
  }

  #cluster(text: string, cells: number, x: number): void {
    if (this.#ascii) {
      this.#ascii8('?'.padEnd(cells));
    } else {
      // By column, not back from here: in the last column the cursor doesn't move on.
      this.#ascii8(`${cells === 2 ? '  ' : ' '}\x1b[${x + 1}G`);
      this.#reserve(text.length * 3);
      this.#length += this.#out.write(text, this.#length);
    }
    this.#x = -1;
  }

  #code(code: number, cells: number): void {
    this.#reserve(4);
    const out = this.#out;
    if (code < 0x80) {
      out[this.#length++] = code;
    } else if (this.#ascii) {
      out[this.#length++] = asciiStandIns.get(code) ?? 0x3f;
      if (cells === 2) out[this.#length++] = blank;
    } else if (code < 0x800) {
      out[this.#length++] = 0xc0 | (code >> 6);
      out[this.#length++] = 0x80 | (code & 0x3f);
    } else {
      // Everything beyond 16 bits is a cluster.
      out[this.#length++] = 0xe0 | (code >> 12);
      out[this.#length++] = 0x80 | ((code >> 6) & 0x3f);
      out[this.#length++] = 0x80 | (code & 0x3f);
    }
  }

  #ascii8(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#out[this.#length++] = text.charCodeAt(i);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#out.length) return;
    const grown = Buffer.allocUnsafe(2 * this.#out.length + bytes);
    this.#out.copy(grown, 0, 0, this.#length);
    this.#out = grown;
  }
}
