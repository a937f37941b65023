/** The text of the help, made from the keymap. Pure. */
import {keymap, type Scope, shownKey} from './keymap.js';
import {sortChoices, sortLetter, type State} from './state.js';
import {styled} from './styled-text.js';
import {cellsOf, cut} from './text.js';
import type {Rect, ScreenLayout} from './layout.js';

const sections: readonly (readonly [title: string, wanted: Scope])[] = [
  ['Table', 'table'],
  ['Typing a filter', 'prompt'],
  ['Page of a program', 'detail'],
];

const reading = [
  ['AVG', 'average run in the last period; TOTAL: over its whole life'],
  ['EV/S', 'runs a second'],
  ['CPU%', 'of one CPU: 100 is one CPU busy with it all the time'],
  ['wall', 'it may sleep, so its run time is no CPU time'],
  ['TREND', 'CPU% (of wall: EV/S) of the last samples, each to its own highest'],
  ['-', 'not known'],
  ['+ ×', 'loaded, unloaded in the last three seconds'],
  ['cost', "what watching takes: this tool's CPU time, and an estimated 70 ns a run for the statistics"],
] as const;

/** Cells of the first column: the keys. */
const keyCells = 16;

/** The help in lines of styled text, for that width. */
export function helpLines(width: number): string[] {
  const lines: string[] = [];
  const told = new Set<string>();
  for (const [title, scope] of sections) {
    const bindings = keymap.filter((each) => each.help !== null && each.scopes.includes(scope) && !told.has(each.action));
    if (bindings.length === 0) continue;
    if (lines.length > 0) lines.push('');
    lines.push(styled('strong', title));
    for (const {keys, action, help} of bindings) {
      told.add(action);
      lines.push(entry(keys.map(shownKey).join(' '), help as string, width));
    }
  }
  lines.push('', styled('strong', 'Reading the screen'));
  for (const [term, meaning] of reading) lines.push(entry(term, meaning, width));
  return lines;
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
  if (state.overlay?.kind !== 'sort') return null;
  const width = Math.min(body.width, sortWidth);
  const height = Math.min(body.height, sortChoices.length + 2);
  return {x: Math.floor((body.width - width) / 2), y: body.y, width, height};
}

const sortWidth = 58;

/** The lines of the sort dialog, without its frame. The chosen one is always among them. */
export function sortLines(state: State, index: number, {width, height}: Rect): string[] {
  const inner = Math.max(0, width - 4);
  const rows = Math.max(1, height - 2);
  const top = Math.min(Math.max(0, index - rows + 1), sortChoices.length - rows);
  return sortChoices.slice(Math.max(0, top), Math.max(0, top) + rows).map((each, i) => {
    const at = Math.max(0, top) + i;
    const current = each.key === state.sort.field.key;
    const mark = current ? (state.sort.descending ? '▼' : '▲') : ' ';
    const head = `${sortLetter(at)} ${mark} ${each.title.padEnd(9)}`;
    const line = cut(`${head} ${each.help}`, inner);
    if (at === index) return styled('selected', line.padEnd(inner));
    return (
      styled('key', line.slice(0, 1)) +
      styled(current ? 'strong' : 'text', line.slice(1, head.length)) +
      styled('dim', line.slice(head.length))
    );
  });
}
