/** The text of the help, made from the keymap. Pure. */
import {keymap, type Scope, shownKey} from './keymap.js';
import {groupChoices, groupLetter, type Overlay, sortChoices, sortLetter, type State} from './state.js';
import {styled, withoutStyles} from './styled-text.js';
import {cellsOf, cut} from './text.js';
import type {Rect, ScreenLayout} from './layout.js';

const sections: readonly (readonly [title: string, scope: Scope])[] = [
  ['Table', 'table'],
  ['Page of a program', 'detail'],
  ['Typing a filter', 'prompt'],
];

/** What isn't clear by itself. */
const reading = [
  ['AVG TOTAL', 'average run: in the last period, over its life'],
  ['EV/S', 'runs a second'],
  ['CPU%', 'of one CPU: 100 is one CPU busy all the time'],
  ['CPUS%', 'of all CPUs; filters and scripts stay with one'],
  ['A … Z', 'a capital underlined in a title sorts by that'],
  ['±', 'now, less the mean of ten seconds before b'],
  ['±AVG', '  in per cent of what it was'],
  ['wall', 'it may sleep: its run time is no CPU time'],
  ['target', 'it replaces a function: counted in that program'],
  ['caller', 'reached by tail call: counted in who calls it'],
  ['TREND', 'CPU% so far, to its own highest (wall: EV/S)'],
  ['-', 'not known'],
  ['+  ×', 'loaded, unloaded in the last three seconds'],
  ['!', 'it missed runs: it was running there already'],
  ['watching', 'its own CPU time, and what statistics add to'],
  ['costs', '  each run: timed here, or (~) as documented'],
] as const;

/** Cells of the first column: the keys. */
const keyCells = 13;
/** Of the left half, where there are two; and the least for both. */
const leftCells = 54;
const twoHalves = 116;

/** The help in lines of styled text, for that width. */
export function helpLines(width: number): string[] {
  const two = width >= twoHalves;
  const told = new Set<string>();
  const blocks = sections.map(([title, scope], i) => {
    const lines = [styled('strong', title)];
    for (const {keys, action, help, scopes} of keymap) {
      if (help === null || !scopes.includes(scope) || told.has(action)) continue;
      told.add(action);
      lines.push(entry(keys.map(shownKey).join(' '), help, two && i < 2 ? leftCells : two ? width - leftCells : width));
    }
    return lines;
  });
  const terms = reading.map(([term, meaning]) => entry(term, meaning, two ? width - leftCells : width));
  const [table = [], page = [], prompt = []] = blocks;
  const left = [...table, '', ...page];
  const right = [...prompt, '', styled('strong', 'Reading the screen'), ...terms];
  return two ? beside(left, right) : [...left, '', ...right];
}

function beside(left: readonly string[], right: readonly string[]): string[] {
  return Array.from({length: Math.max(left.length, right.length)}, (_, i) => {
    const line = left[i] ?? '';
    return line + ' '.repeat(leftCells - cellsOf(withoutStyles(line))) + (right[i] ?? '');
  });
}

function entry(term: string, meaning: string, width: number): string {
  const gap = ' '.repeat(Math.max(1, keyCells - cellsOf(term)));
  return `  ${styled('key', term)}${gap}${cut(meaning, Math.max(0, width - keyCells - 2))}`;
}

/** How far the help can be scrolled in that many lines. */
export function helpScrollEnd(width: number, height: number): number {
  return Math.max(0, helpLines(width).length - height);
}

/** The place of the overlay; null: there is none. It covers what is painted under it. */
export function overlayRect(state: State, {body}: ScreenLayout): Rect | null {
  if (state.overlay?.kind === 'help') return body;
  if (!state.overlay) return null;
  const [widest, lines] =
    state.overlay.kind === 'sort' ? [sortWidth, sortChoices(state).length] : [groupWidth, groupChoices.length];
  const width = Math.min(body.width, widest);
  const height = Math.min(body.height, lines + 2);
  return {x: Math.floor((body.width - width) / 2), y: body.y, width, height};
}

/** Room for the longest explanation but three. */
const sortWidth = 84;
/** Room for the longest. */
const groupWidth = 64;

/** A dialog: its title, and its lines without their frame. The chosen one is always among them. */
export interface DialogText {
  readonly title: string;
  readonly lines: readonly string[];
}

/** What the dialog over the table says; null: there is none. */
export function dialogText(state: State, overlay: Overlay, rect: Rect): DialogText | null {
  if (overlay.kind === 'help') return null;
  if (overlay.kind === 'group') {
    const choices = groupChoices.map((each): Choice => {
      const current = each === state.grouping;
      const mark = current ? '›' : ' ';
      const name = (each?.key ?? 'nothing').padEnd(9);
      return {letter: groupLetter(each), head: `${mark} ${name}`, help: each?.help ?? 'a line a program', current};
    });
    return {title: 'group by', lines: choiceLines(choices, overlay.index, rect)};
  }
  const choices = sortChoices(state).map((each): Choice => {
    const current = each.key === state.sort.field.key;
    const mark = current ? (state.sort.descending ? '▼' : '▲') : ' ';
    return {letter: sortLetter(each), head: `${mark} ${each.title.padEnd(9)}`, help: each.help, current};
  });
  return {title: 'sort by', lines: choiceLines(choices, overlay.index, rect)};
}

interface Choice {
  readonly letter: string;
  readonly head: string;
  readonly help: string;
  /** It is in effect. */
  readonly current: boolean;
}

function choiceLines(choices: readonly Choice[], index: number, {width, height}: Rect): string[] {
  const inner = Math.max(0, width - 4);
  const rows = Math.max(1, height - 2);
  const top = Math.max(0, Math.min(Math.max(0, index - rows + 1), choices.length - rows));
  return choices.slice(top, top + rows).map(({letter, head: rest, help, current}, i) => {
    const head = `${letter} ${rest}`;
    const line = cut(`${head} ${help}`, inner);
    if (top + i === index) return styled('selected', line.padEnd(inner));
    return (
      styled('key', line.slice(0, 1)) +
      styled(current ? 'strong' : 'text', line.slice(1, head.length)) +
      styled('dim', line.slice(head.length))
    );
  });
}
