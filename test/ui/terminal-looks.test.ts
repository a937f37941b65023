/** What terminals of several kinds, and locales, show of the same screen: by the cells of the emulator. */
import type {IBufferCell} from '@xterm/headless';
import t from 'tap';
import {type ColorDepth, palettes, type ThemeName, inAscii} from '../../src/ui/theme.js';
import {type PtyProgram, startInPty} from '../helpers/terminal.js';

/** The cell that a text on the screen begins with. */
function cellOf({emulator}: PtyProgram, row: number, text: string): IBufferCell {
  const x = emulator.lines()[row]?.indexOf(text) ?? -1;
  if (x < 0) throw new Error(`not in row ${row}: ${text}\n${emulator.text()}`);
  return emulator.cell(x, row);
}

/** Resolves when rates, their trends and a selected row are on the screen. */
async function settled(program: PtyProgram): Promise<void> {
  await program.shows(/prog_30 .* \d+\.\d\d [^ ]/);
  program.type('j');
  await program.shows(/^[›>] +30 /m);
}

/** All cells of the screen that show something. */
function cells({emulator}: PtyProgram): IBufferCell[] {
  return Array.from({length: emulator.term.rows}, (_, y) =>
    Array.from({length: emulator.term.cols}, (__, x) => emulator.cell(x, y)),
  ).flat();
}

const terminals: readonly (readonly [what: string, env: NodeJS.ProcessEnv, depth: ColorDepth, theme?: ThemeName])[] = [
  // True colour adds nothing to the exact ones among the 256.
  ['xterm-256color with COLORTERM', {TERM: 'xterm-256color', COLORTERM: 'truecolor'}, '256'],
  ['xterm-256color', {TERM: 'xterm-256color'}, '256'],
  ['xterm-256color, dark', {TERM: 'xterm-256color', THEME: 'dark'}, '256', 'dark'],
  ['xterm-256color, light', {TERM: 'xterm-256color', THEME: 'light'}, '256', 'light'],
  ['xterm', {TERM: 'xterm'}, '16'],
  ['linux, dark', {TERM: 'linux', THEME: 'dark'}, '16', 'dark'],
  ['vt100', {TERM: 'vt100'}, 'none'],
  ['NO_COLOR', {TERM: 'xterm-256color', COLORTERM: 'truecolor', NO_COLOR: '1'}, 'none'],
];

for (const [what, env, depth, theme = 'default'] of terminals) {
  t.test(
    `${what}: ${depth === 'none' ? 'no colour' : `colours of the ${depth}`}, and everything told apart without them`,
    async (t) => {
      const program = startInPty(t, {env});
      let answers = '';
      program.emulator.term.onData((data) => (answers += data));
      await settled(program);
      const shown = (text: string) => (env.TERM === 'linux' ? inAscii(text) : text);
      t.equal(answers, '', 'it is asked nothing: an answer that comes late would be typed into the shell');

      t.ok(
        cells(program).every((cell) => cell.isBgDefault()),
        'the background is the terminal’s own',
      );
      const coloured = cells(program).filter((cell) => !cell.isFgDefault());
      if (depth === 'none') t.equal(coloured.length, 0);
      else {
        const palette = palettes[theme];
        const at = depth === '16' ? 0 : 1;
        t.ok(coloured.every((cell) => cell.isFgPalette()));
        for (let row = 3; row < 20; row++) {
          const [share] = /\d+\.\d\d/.exec(program.emulator.lines()[row] ?? '') ?? ['no share'];
          const color = Number(share) >= 25 ? palette.red : palette.orange;
          t.equal(cellOf(program, row, share).getFgColor(), color[at], share);
        }
        t.equal(cellOf(program, 3, shown('█')).getFgColor(), palette.teal[at], 'trend');
        const allowed = Object.values(palette).map((each) => each[at]);
        t.ok(
          coloured.every((cell) => allowed.includes(cell.getFgColor())),
          'of the theme alone',
        );
      }

      t.ok(cellOf(program, 1, 'NAME').isDim(), 'titles');
      t.ok(cellOf(program, 1, shown('CPU%▼')).isBold(), 'what it is sorted by');
      t.ok(cellOf(program, 2, shown('›')).isInverse(), 'the selected row');
      t.ok(cellOf(program, 2, 'prog_30').isInverse(), 'all of it');
      t.ok(cellOf(program, 2, 'prog_30').isFgDefault(), 'in no colour');
      t.notOk(cellOf(program, 3, 'prog_29').isInverse(), 'and no other');
    },
  );
}

t.test('a locale without UTF-8, and a Linux console, gets ASCII alone, and all of the screen', async (t) => {
  for (const env of [
    {LANG: 'C', LC_ALL: 'C'},
    {LANG: 'C.UTF-8', LC_ALL: '', LC_CTYPE: 'POSIX'},
    {LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TERM: 'linux'},
  ]) {
    const program = startInPty(t, {env});
    await settled(program);
    t.match(program.emulator.lines()[1], 'CPU%v');
    program.type('s');
    await program.shows(/^ *\+-.*sort.*-\+/m);
    program.type('\u001b\r');
    await program.shows('last period');
    // The charts, which are drawn in braille where there is any.
    await program.shows(/[*'_|-]{3}/);
    program.type('?');
    await program.shows('one line up');
    t.equal(program.bytesBeyondAscii, 0, JSON.stringify(env));
    program.kill();
  }
});
