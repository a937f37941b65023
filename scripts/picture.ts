/**
 * Makes the README's pictures from real runs: starts the tool in a pseudo-terminal with an emulator behind it, presses keys, and draws
 * what the emulator's screen shows as SVG. Needs root, as the tool does. Usage: npm run pictures
 */
import {writeFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {spawn} from '@lydell/node-pty';
import xterm from '@xterm/headless';

interface Picture {
  readonly file: string;
  readonly args: readonly string[];
  readonly cols: number;
  readonly rows: number;
  /** What is pressed, and how long to wait before each, s. */
  readonly keys: readonly (readonly [seconds: number, keys: string])[];
  readonly thenSeconds: number;
}

const pictures: readonly Picture[] = [
  {file: 'docs/screen.svg', args: ['demo', '-f', 'demo_'], cols: 110, rows: 11, keys: [], thenSeconds: 22},
  {
    file: 'docs/detail.svg',
    args: ['demo', '-f', 'demo_', '-d', '250ms'],
    cols: 110,
    rows: 36,
    keys: [[14, '\r']],
    thenSeconds: 8,
  },
  {
    file: 'docs/groups.svg',
    args: ['demo', '-f', 'demo_', '-g', 'type'],
    cols: 110,
    rows: 12,
    keys: [
      [12, 'j'],
      [0.5, '\r'],
    ],
    thenSeconds: 6,
  },
  {file: 'docs/changes.svg', args: ['demo', '-f', 'demo_'], cols: 110, rows: 11, keys: [[16, 'b']], thenSeconds: 8},
  {file: 'docs/help.svg', args: ['demo'], cols: 120, rows: 38, keys: [[3, '?']], thenSeconds: 1},
];

const cell = {width: 8.4, height: 18};
const margin = 12;
const paper = '#16181d';
const ink = '#d7dae0';
/** The 16 colours of a dark terminal. */
const palette = [
  ...['#16181d', '#e06c75', '#98c379', '#e5c07b', '#61afef', '#c678dd', '#56b6c2', '#abb2bf'],
  ...['#5c6370', '#ef7d87', '#a9d68a', '#f0cf8b', '#73bfff', '#d78aee', '#67c7d3', '#ffffff'],
];

/** The colour of an index in xterm's 256. */
function indexed(index: number): string {
  if (index < 16) return palette[index] as string;
  if (index >= 232) {
    const level = 8 + 10 * (index - 232);
    return `rgb(${level},${level},${level})`;
  }
  const steps = [0, 95, 135, 175, 215, 255];
  const n = index - 16;
  return `rgb(${steps[Math.floor(n / 36)]},${steps[Math.floor(n / 6) % 6]},${steps[n % 6]})`;
}

type Cell = NonNullable<ReturnType<NonNullable<ReturnType<xterm.IBuffer['getLine']>>['getCell']>>;

function colour(rgb: boolean, byIndex: boolean, value: number, otherwise: string): string {
  if (rgb) return `#${value.toString(16).padStart(6, '0')}`;
  return byIndex ? indexed(value) : otherwise;
}

function escape(text: string): string {
  return text.replace(/[&<>]/g, (c) => ({'&': '&amp;', '<': '&lt;', '>': '&gt;'})[c] as string);
}

function drawCell(c: Cell, x: number, y: number): string {
  let front = colour(c.isFgRGB(), c.isFgPalette(), c.getFgColor(), ink);
  let back = colour(c.isBgRGB(), c.isBgPalette(), c.getBgColor(), paper);
  if (c.isInverse()) [front, back] = [back, front];
  const left = (margin + x * cell.width).toFixed(1);
  const top = margin + y * cell.height;
  const wide = (cell.width * Math.max(1, c.getWidth())).toFixed(1);
  let out = back === paper ? '' : `<rect x="${left}" y="${top}" width="${wide}" height="${cell.height}" fill="${back}"/>`;
  const text = c.getChars();
  if (text.trim() !== '') {
    const weight = c.isBold() ? ' font-weight="bold"' : '';
    const faint = c.isDim() ? ' opacity="0.6"' : '';
    const struck = c.isStrikethrough() ? ' text-decoration="line-through"' : '';
    out += `<text x="${left}" y="${top + 13.5}" fill="${front}"${weight}${faint}${struck}>${escape(text)}</text>`;
  }
  return out;
}

/** The whole screen, a text element a cell, so that columns stand whatever font the viewer has. */
function draw(terminal: xterm.Terminal): string {
  const {cols, rows} = terminal;
  const width = Math.ceil(cols * cell.width + 2 * margin);
  const height = rows * cell.height + 2 * margin;
  const parts: string[] = [];
  for (let y = 0; y < rows; y++) {
    const line = terminal.buffer.active.getLine(terminal.buffer.active.viewportY + y);
    for (let x = 0; line && x < cols; x++) {
      const each = line.getCell(x);
      if (each && each.getWidth() > 0) parts.push(drawCell(each, x, y));
    }
    parts.push('\n');
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<rect width="100%" height="100%" rx="8" fill="${paper}"/>
<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14">
${parts.join('').replace(/\n+/g, '\n')}</g>
</svg>
`;
}

async function take({file, args, cols, rows, keys, thenSeconds}: Picture): Promise<void> {
  const {CI: _, ...env} = process.env;
  const terminal = new xterm.Terminal({cols, rows, allowProposedApi: true});
  const child = spawn(process.execPath, ['bin/bpftop-ts.js', ...args], {
    ...{cols, rows},
    env: {...env, TERM: 'xterm-256color', COLORTERM: 'truecolor'},
  });
  child.onData((data) => terminal.write(data));
  const ended = new Promise<void>((resolve) => child.onExit(() => resolve()));
  for (const [seconds, text] of keys) {
    await sleep(seconds * 1000);
    child.write(text);
  }
  await sleep(thenSeconds * 1000);
  await new Promise<void>((resolve) => terminal.write('', resolve));
  writeFileSync(file, draw(terminal));
  console.log(`${file}: ${cols}×${rows}`);
  child.kill('SIGTERM');
  await ended;
}

for (const picture of pictures) await take(picture);
