/** The last line: filter or notice, count, keys. Pure: Ink draws the first and the last, the count is painted with the samples. */
import {printable} from '../model/printable.js';
import {footerKeys, scopeOf} from './keymap.js';
import type {Prompt, State} from './state.js';
import {cellsOf, cut} from './text.js';

/** Where the parts of the footer are. */
export interface FooterLayout {
  /** What stands at the left, in three parts; `caret` is the character under the cursor of the filter line. */
  readonly before: string;
  readonly caret: string;
  readonly after: string;
  readonly countX: number;
  /** What is wrong with the filter, in the place of count and keys; empty: nothing is. */
  readonly error: string;
  readonly keys: readonly (readonly [keys: string, label: string])[];
}

/** Cells kept for the count: `1960–2000 of 2000`. */
export const countCells = 17;
const keyGap = 2;

/** What the footer says when there is nothing else to say. */
export interface FooterTexts {
  readonly version: string;
  readonly notice: string | null;
}

/** The footer of a terminal so wide; keys that there is no room for are left out, the cheapest first. */
export function layoutFooter(state: State, columns: number, texts: FooterTexts): FooterLayout {
  const said = state.prompt && errorText(state.prompt);
  if (state.prompt && said) {
    const room = Math.max(columns - cellsOf(said) - keyGap, Math.ceil(columns / 3));
    const shown = promptText(state.prompt.text, state.prompt.caret, room);
    const left = cellsOf(shown.before + shown.caret + shown.after);
    return {...shown, countX: columns, error: cut(said, columns - left - keyGap), keys: []};
  }
  const {before, caret, after} = leftText(state, columns, texts);
  const left = cellsOf(before + caret + after);
  const counted = state.page.kind === 'table' && !state.overlay;
  const countX = left === 0 ? 0 : left + 2;
  const room = columns - (counted ? countX + countCells : left) - keyGap;
  const keys: (readonly [string, string])[] = [];
  let used = 0;
  for (const [key, label] of footerKeys(scopeOf(state), state.moment !== null)) {
    const cells = cellsOf(`${key} ${label}`) + (keys.length > 0 ? keyGap : 0);
    if (used + cells > room) break;
    keys.push([key, label]);
    used += cells;
  }
  return {before, caret, after, countX, error: '', keys};
}

/** `column 5: unknown field 'nam'; did you mean 'name'?` */
function errorText({text, error}: Prompt): string | null {
  return error && `column ${[...text.slice(0, error.at)].length + 1}: ${printable(error.message)}`;
}

function leftText(
  state: State,
  columns: number,
  {version, notice}: FooterTexts,
): Pick<FooterLayout, 'before' | 'caret' | 'after'> {
  // Half of the line at most, and never so little that typing is blind.
  const room = Math.max(Math.floor(columns / 2) - 4, 10);
  if (state.prompt)
    return promptText(state.prompt.text, state.prompt.caret, Math.min(columns, Math.max(room, columns - countCells - 20)));
  if (state.overlay?.kind === 'help') return {before: cut(`bpftop-ts ${version}`, room), caret: '', after: ''};
  if (state.overlay || state.page.kind !== 'table') return {before: '', caret: '', after: ''};
  const filter = state.filter.text !== '' ? `/${printable(state.filter.text)}` : null;
  const grouping = state.grouping && `by ${state.grouping.key}`;
  const text = [grouping, filter].filter((part) => part !== null).join('  ');
  return {before: cut(text || printable(notice ?? ''), room), caret: '', after: ''};
}

/** As much of the filter as fits, with the caret in it. */
function promptText(text: string, caret: number, room: number): Pick<FooterLayout, 'before' | 'caret' | 'after'> {
  const before = `/${printable(text.slice(0, caret))}`;
  const [under = '', ...rest] = [...text.slice(caret)];
  const caretText = printable(under) || ' ';
  let shown = before;
  if (cellsOf(before) + cellsOf(caretText) > room) {
    const characters = [...before];
    while (characters.length > 0 && 1 + cellsOf(characters.join('')) + cellsOf(caretText) > room) characters.shift();
    shown = `…${characters.join('')}`;
  }
  return {
    before: shown,
    caret: caretText,
    after: cut(printable(rest.join('')), Math.max(0, room - cellsOf(shown + caretText))),
  };
}
