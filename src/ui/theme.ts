/**
 * What things look like. Everything on the screen is drawn in one of these named styles; a theme says what each is in the terminal at
 * hand. Only foregrounds and attributes are used; unless another theme is asked for, in shades that can be read on dark and on light, so
 * that nothing has to be known about the background. No style is the only bearer of a meaning.
 */

import {clusters} from '../model/cells.js';

/** Names in the order of their numbers; 0 must be the terminal's own look. */
export const styleNames = [
  'text',
  'dim',
  'strong',
  'title',
  'sorted',
  'selected',
  'selectedGone',
  'gone',
  'fresh',
  'warm',
  'hot',
  'burning',
  'trend',
  'warning',
  'error',
  'key',
  'border',
  'caret',
  'cpuLine',
  'eventsLine',
  'averageLine',
  'titleLetter',
  'sortedLetter',
] as const;

/** One of them. */
export type StyleName = (typeof styleNames)[number];

/** The number of each style, as cells hold it. */
export const style = Object.fromEntries(styleNames.map((name, number) => [name, number])) as Record<StyleName, number>;

/** How much colour a terminal has. True colour adds nothing here: the 256 are exact, and shorter to send. */
export type ColorDepth = 'none' | '16' | '256';

/** A foreground and attributes. */
export interface Look {
  readonly color?: ColorName;
  readonly bold?: true;
  readonly dim?: true;
  readonly underline?: true;
  readonly reverse?: true;
  readonly strike?: true;
}

type ColorName = 'orange' | 'red' | 'green' | 'blue' | 'teal';

/** Colours of a theme, in 16 colours (0–15) and in 256. Teal is on every row: as one of the first eight it is shorter to send. */
type Palette = Readonly<Record<ColorName, readonly [number, number]>>;

/** The colours of each theme. */
export const palettes = {
  default: {orange: [3, 172], red: [1, 160], green: [2, 34], blue: [4, 32], teal: [6, 6]},
  dark: {orange: [11, 214], red: [9, 203], green: [10, 120], blue: [12, 75], teal: [14, 80]},
  light: {orange: [3, 130], red: [1, 124], green: [2, 22], blue: [4, 19], teal: [6, 23]},
} satisfies Record<string, Palette>;

/** A choice of colours: `default` for any background, the others for that one, with more contrast. */
export type ThemeName = keyof typeof palettes;

export const themeNames = Object.keys(palettes) as readonly ThemeName[];

/** What each style looks like where there are colours. */
export const looks: Readonly<Record<StyleName, Look>> = {
  text: {},
  dim: {dim: true},
  strong: {bold: true},
  title: {dim: true},
  titleLetter: {dim: true, underline: true},
  sorted: {bold: true},
  sortedLetter: {bold: true, underline: true},
  selected: {reverse: true},
  selectedGone: {reverse: true, strike: true},
  gone: {dim: true, strike: true},
  fresh: {color: 'green', bold: true},
  warm: {color: 'orange'},
  hot: {color: 'orange', bold: true},
  burning: {color: 'red', bold: true},
  trend: {color: 'teal'},
  warning: {color: 'orange', bold: true},
  error: {color: 'red', bold: true},
  key: {bold: true},
  border: {dim: true},
  caret: {reverse: true},
  cpuLine: {color: 'orange'},
  eventsLine: {color: 'blue'},
  averageLine: {color: 'green'},
};

/** True for a style in which a blank looks like any other blank. */
export function blankStyle(number: number): boolean {
  return plainBlanks[number] === 1;
}

const plainBlanks = Uint8Array.from(styleNames, (name) => {
  const {reverse, underline, strike} = looks[name];
  return reverse || underline || strike ? 0 : 1;
});

/** Escape sequences of the styles, for one depth of colour. */
export interface Theme {
  /** The shortest escape sequence that leads from one style to another, by `from * styleNames.length + to`. */
  readonly transitions: readonly string[];
}

/** The theme of that name for a terminal with that much colour. */
export function createTheme(depth: ColorDepth, name: ThemeName = 'default'): Theme {
  const code = (look: Look) => colorCode(look, depth, palettes[name]);
  const transitions: string[] = [];
  for (const from of styleNames)
    for (const to of styleNames) transitions.push(from === to ? '' : transition(looks[from], looks[to], code));
  return {transitions};
}

function colorCode(look: Look, depth: ColorDepth, palette: Palette): string | null {
  if (!look.color || depth === 'none') return null;
  const [basic, number] = palette[look.color];
  if (depth === '256' && number >= 8) return `38;5;${number}`;
  return String(basic < 8 ? 30 + basic : 82 + basic);
}

/** Attributes with the code that sets and the one that clears them. Bold and dim share the latter. */
const attributes = [
  ['bold', '1', '22'],
  ['dim', '2', '22'],
  ['underline', '4', '24'],
  ['reverse', '7', '27'],
  ['strike', '9', '29'],
] as const;

function transition(from: Look, to: Look, code: (look: Look) => string | null): string {
  const color = code(to);
  const afresh: string[] = attributes.filter(([name]) => to[name]).map(([, on]) => on);
  if (color !== null) afresh.push(color);
  const reset = afresh.length === 0 ? '' : `0;${afresh.join(';')}`;

  const steps: string[] = [];
  const clearing = new Set<string>(attributes.filter(([name]) => from[name] && !to[name]).map(([, , off]) => off));
  steps.push(...clearing);
  for (const [name, on, off] of attributes) if (to[name] && (!from[name] || clearing.has(off))) steps.push(on);
  if (color !== code(from)) steps.push(color ?? '39');
  const change = steps.join(';');
  // An empty parameter list is a reset; a change of nothing (colours switched off) needs no sequence at all.
  if (steps.length === 0) return '';
  return `\x1b[${reset.length < change.length ? reset : change}m`;
}

/** Whether there shall be colour, whatever the environment says. */
export type ColorChoice = 'auto' | 'always' | 'never';

/** How much colour the environment asks for: NO_COLOR (no-color.org), COLORTERM, TERM. `always`: 16 where it asks for none. */
export function colorDepth(env: NodeJS.ProcessEnv, choice: ColorChoice = 'auto'): ColorDepth {
  if (choice === 'never') return 'none';
  const {NO_COLOR: _, ...colourful} = env;
  const asked = depthOf(choice === 'always' ? colourful : env);
  return asked === 'none' && choice === 'always' ? '16' : asked;
}

function depthOf(env: NodeJS.ProcessEnv): ColorDepth {
  // Windows Terminal says no TERM.
  const term = env.TERM ?? (env.WT_SESSION ? 'xterm-256color' : '');
  if (env.NO_COLOR || term === '' || term === 'dumb' || /^vt\d/.test(term)) return 'none';
  if (/truecolor|24bit/i.test(env.COLORTERM ?? '')) return '256';
  return /256|direct|kitty|alacritty|ghostty|foot|wezterm|tmux/.test(term) ? '256' : '16';
}

/**
 * Whether more than ASCII can be shown: the locale's characters are UTF-8 (locale(7): LC_ALL, then LC_CTYPE, then LANG), and it isn't the
 * Linux console, whose fonts have 512 glyphs at most (console_codes(4), setfont(8)): neither braille nor all of the bars. Windows has no such
 * variables; its Terminal says what it is by WT_SESSION.
 */
export function drawsUnicode(env: NodeJS.ProcessEnv): boolean {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || (env.WT_SESSION ? 'UTF-8' : '');
  return /utf-?8/i.test(locale) && env.TERM !== 'linux';
}

/** The form of a braille cell's dots: a stroke that is upright or lies, or more than that. Bits as Unicode numbers them (chapter 21.1). */
function dotsStandIn(dots: number): string {
  if (dots === 0) return ' ';
  const within = (mask: number) => (dots & ~mask) === 0;
  if (within(0b0000_1001)) return "'";
  if (within(0b0001_0010) || within(0b0010_0100)) return '-';
  if (within(0b1100_0000)) return '_';
  return within(0b0100_0111) || within(0b1011_1000) ? '|' : '*';
}

/** What stands for the characters the screen is drawn with where there is only ASCII; '?' for all others. */
export const asciiStandIns: ReadonlyMap<number, number> = new Map(
  [
    ...Object.entries({
      '›': '>',
      '…': '~',
      '│': '|',
      '─': '-',
      '┌': '+',
      '┐': '+',
      '└': '+',
      '┘': '+',
      '├': '+',
      '×': 'x',
      '±': 'd',
      '▲': '^',
      '▼': 'v',
      '▸': '+',
      '▾': '-',
    }),
    ...Object.entries({'▁': '_', '▂': '.', '▃': ':', '▄': '-', '▅': '=', '▆': '+', '▇': '*', '█': '#', '·': '.', µ: 'u'}),
    ...Array.from({length: 256}, (_, dots): [string, string] => [String.fromCharCode(0x2800 + dots), dotsStandIn(dots)]),
    ...Object.entries({'↑': '^', '↓': 'v', '←': '<', '→': '>', '–': '-'}),
  ].map(([from, to]) => [from.codePointAt(0) as number, to.charCodeAt(0)]),
);

/** A safe text of whole lines in ASCII alone, as wide as before. */
export function inAscii(text: string): string {
  return clusters(text)
    .map(({text: each, width}) => {
      const code = each.codePointAt(0) as number;
      if (code < 0x80 && each.length === 1) return each;
      const standIn = each.length === 1 ? asciiStandIns.get(code) : undefined;
      return String.fromCharCode(standIn ?? 0x3f).padEnd(width);
    })
    .join('');
}
