import type {IBufferCell} from '@xterm/headless';
import t from 'tap';
import {unitWidth} from '../../src/model/cells.js';
import {FrameWriter} from '../../src/ui/frame-writer.js';
import type {Grid} from '../../src/ui/grid.js';
import {tail} from '../../src/ui/grid.js';
import {createTheme, type Look, looks, palettes, style, type StyleName, styleNames} from '../../src/ui/theme.js';
import {type Random, random} from '../helpers/random.js';
import {Emulator} from '../helpers/terminal.js';

const theme = createTheme('256');
const columns = 40;
const rows = 12;

function writerOf(size: readonly [number, number] = [columns, rows]): FrameWriter {
  const writer = new FrameWriter(theme);
  writer.resize(...size);
  return writer;
}

/** Changes a few things, as a sample would, or everything. */
function scribble(grid: Grid, {below, pick}: Random, words: readonly string[], times: number): void {
  for (let i = 0; i < times; i++) {
    const text = pick(words).repeat(1 + below(3));
    grid.text(below(grid.columns), below(grid.rows), text, below(styleNames.length));
  }
}

/** Of a blank only what can be seen on it counts. */
function looksLike(cell: IBufferCell, look: Look, blank: boolean): boolean {
  const seen =
    (cell.isInverse() !== 0) === (look.reverse === true) &&
    (cell.isStrikethrough() !== 0) === (look.strike === true) &&
    (cell.isUnderline() !== 0) === (look.underline === true);
  const rest =
    (cell.isBold() !== 0) === (look.bold === true) &&
    (cell.isDim() !== 0) === (look.dim === true) &&
    (look.color ? cell.isFgPalette() && cell.getFgColor() === palettes.default[look.color][1] : cell.isFgDefault());
  return seen && (blank || rest);
}

/** What differs between the grid and the emulator's screen, as far as terminals agree. */
function differences(grid: Grid, emulator: Emulator): string[] {
  const found: string[] = [];
  for (let y = 0; y < grid.rows; y++) {
    for (let x = 0; x < grid.columns; x++) {
      const at = y * grid.columns + x;
      const code = grid.codes[at] as number;
      if (code === tail || code >= 0x110000) continue;
      const cell = emulator.cell(x, y);
      const chars = cell.getChars() || ' ';
      // What has no cell of its own hangs on what is before it.
      if (!chars.startsWith(String.fromCodePoint(code)))
        found.push(`(${x}, ${y}): '${chars}', not '${String.fromCodePoint(code)}'`);
      const name = styleNames[grid.styles[at] as number] as StyleName;
      if (!looksLike(cell, looks[name], code === 0x20)) found.push(`(${x}, ${y}): not in ${name}`);
    }
  }
  return found;
}

t.test('after any changes the terminal shows the grid, cell by cell', async (t) => {
  const words = ['name', ' ', 'x', '12.3k', '监控', '▁▃█', '─', 'µs', '  '];
  for (let seed = 1; seed <= 30; seed++) {
    const chance = random(seed);
    const writer = writerOf();
    const emulator = new Emulator(columns, rows);
    for (let frame = 0; frame < 12; frame++) {
      if (chance.below(6) === 0) writer.next.clear();
      scribble(writer.next, chance, words, chance.pick([1, 3, 40]));
      await emulator.write(writer.diff() ?? '');
      t.same(differences(writer.next, emulator), [], `seed ${seed}, frame ${frame}`);
    }
  }
});

t.test('characters that terminals draw in different widths move nothing else', async (t) => {
  const words = [
    ...['name', '🐝', 'e\u0301', '👍🏽', '🇩🇪', 'か\u3099', '监', '❤\ufe0f', 'x', 'שלום', 'क्षि', 'กำ', '1\ufe0f\u20e3'],
    ...['\u0378', '\ue0b0', 'ᄒ\u1161\u11ab', `z${'\u0301'.repeat(30)}`, '\u0301', '👨<200d>👩', '㉈', '䷀'],
  ];
  const terminals: Readonly<Record<string, ((codePoint: number) => 0 | 1 | 2) | null>> = {
    'as the emulator comes': null,
    'all of them narrow': () => 1,
    'all of them wide': () => 2,
    'all of them without a cell': () => 0,
    'joining marks, wide besides': (codePoint: number) => (/\p{M}/u.test(String.fromCodePoint(codePoint)) ? 0 : 2),
  };
  for (const [what, widthOf] of Object.entries(terminals)) {
    for (let seed = 1; seed <= 12; seed++) {
      const chance = random(seed);
      const writer = writerOf();
      const emulator = new Emulator(columns, rows);
      if (widthOf)
        emulator.believe((codePoint) => {
          const agreed = codePoint < 0x10000 ? unitWidth(codePoint) : 0;
          return agreed === 1 || agreed === 2 ? agreed : widthOf(codePoint);
        });
      await emulator.write('\u001b[?7l');
      for (let frame = 0; frame < 8; frame++) {
        if (chance.below(6) === 0) writer.next.clear();
        scribble(writer.next, chance, words, chance.pick([1, 5, 30]));
        await emulator.write(writer.diff() ?? '');
        t.same(differences(writer.next, emulator), [], `${what}: seed ${seed}, frame ${frame}`);
      }
    }
  }
});

t.test('nothing changed: not a byte', (t) => {
  const writer = writerOf();
  scribble(writer.next, random(7), ['name', '监控', '🐝', 'x '], 60);
  t.ok(writer.diff());
  t.equal(writer.diff(), null);
  writer.next.text(3, 3, 'again', 0);
  writer.diff();
  writer.next.text(3, 3, 'again', 0);
  t.equal(writer.diff(), null);
  t.end();
});

t.test('a terminal whose screen is not known is written whole', async (t) => {
  const writer = writerOf();
  writer.next.text(5, 5, 'hello', style.hot);
  writer.diff();
  const emulator = new Emulator(columns, rows);
  await emulator.write('rubbish\r\nall over');
  writer.invalidate();
  await emulator.write(writer.diff() ?? '');
  t.same(differences(writer.next, emulator), []);
});

t.test('a figure that changes in place costs a move, a colour and its digits', (t) => {
  const writer = writerOf([160, 50]);
  for (let y = 0; y < 50; y++) writer.next.text(100, y, '12.3k', style.text);
  writer.diff();
  for (let y = 0; y < 50; y++) writer.next.text(100, y, '12.7k', style.text);
  const bytes = writer.diff()?.length ?? Infinity;
  t.ok(bytes <= 50 * 12 + 30, `${bytes} bytes for 50 digits`);
  t.end();
});

t.test('clearing a screen erases lines, it does not overwrite them', (t) => {
  const writer = writerOf([160, 50]);
  for (let y = 0; y < 50; y++) writer.next.text(0, y, 'x'.repeat(160), style.text);
  writer.diff();
  writer.next.clear();
  const bytes = writer.diff()?.length ?? Infinity;
  t.ok(bytes <= 50 * 12 + 30, `${bytes} bytes`);
  t.end();
});

t.test('every frame is one synchronized update and ends in the plain style', (t) => {
  const writer = writerOf();
  writer.next.text(0, 0, 'hot', style.hot);
  const frame = writer.diff()?.toString() ?? '';
  t.ok(frame.startsWith('\u001b[?2026h'));
  t.match(frame, /hot\u001b\[m\u001b\[\?2026l$/);
  t.end();
});

t.test('a terminal without UTF-8 gets nothing but ASCII', async (t) => {
  const writer = new FrameWriter(theme, true);
  writer.resize(40, 3);
  writer.next.text(0, 0, '› ▁▃█ 1.2µs │ … 监控 🐝 é', 0);
  const frame = writer.diff() ?? Buffer.alloc(0);
  t.ok(frame.every((byte) => byte < 0x80));
  const emulator = new Emulator(40, 3);
  await emulator.write(frame);
  t.equal(emulator.lines()[0], '> _:# 1.2us | ~ ? ?  ?  ?', 'every character keeps its cells');
});

t.test('without colours the styles that need none remain', (t) => {
  const writer = new FrameWriter(createTheme('none'));
  writer.resize(20, 1);
  writer.next.text(0, 0, 'a', style.warm);
  writer.next.text(2, 0, 'b', style.selected);
  const frame = writer.diff()?.toString() ?? '';
  t.notMatch(frame, /\u001b\[3/);
  t.match(frame, '\u001b[7mb');
  t.end();
});
