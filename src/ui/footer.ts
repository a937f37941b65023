/** The last line: filter, file name or notice, count, keys. Pure: Ink draws the first and the last, the count is painted with the samples. */
import {formatClock} from '../model/format.js';
import {printable} from '../model/printable.js';
import {footerKeys, scopeOf, whenOf} from './keymap.js';
import type {Choices, Prompt} from './prompt.js';
import type {State} from './state.js';
import {cellsOf, cut} from './text.js';

/** Where the parts of the footer are. */
export interface FooterLayout {
  /** What stands at the left, in three parts; `caret` is the character under the cursor of the filter line. */
  readonly before: string;
  readonly caret: string;
  readonly after: string;
  readonly countX: number;
  /** What is wrong with what is typed, in the place of count and keys; empty: nothing is. */
  readonly error: string;
  /** What the word at the caret can become, in the place of keys; `chosen` stands in the line. */
  readonly candidates: readonly {readonly text: string; readonly chosen: boolean}[];
  readonly keys: readonly (readonly [keys: string, label: string])[];
}

/** Cells kept for the count: `1960–2000 of 2000`. */
export const countCells = 17;
const keyGap = 2;
/** Beside what is typed: the count, and the dearest keys. */
const promptCells = {filter: countCells + 20, file: 24};

/** What the footer says when there is nothing else to say. */
export interface FooterTexts {
  readonly version: string;
  readonly notice: string | null;
}

/** The footer of a terminal so wide; keys that there is no room for are left out, the cheapest first. */
export function layoutFooter(state: State, columns: number, texts: FooterTexts): FooterLayout {
  const choices = state.prompt?.kind === 'filter' ? state.prompt.choices : null;
  const said = state.prompt && !choices && errorText(state.prompt);
  if (state.prompt && said) {
    const room = Math.max(columns - cellsOf(said) - keyGap, Math.ceil(columns / 3));
    const shown = promptText(state.prompt, room);
    const left = cellsOf(shown.before + shown.caret + shown.after);
    return {...shown, countX: columns, error: cut(said, columns - left - keyGap), candidates: [], keys: []};
  }
  const {before, caret, after} = leftText(state, columns, texts);
  const left = cellsOf(before + caret + after);
  const asked = state.prompt?.kind === 'file';
  const counted = state.page.kind === 'table' && !state.overlay && !asked;
  const countX = asked ? columns : left === 0 ? 0 : left + 2;
  const room = columns - (counted ? countX + countCells : left) - keyGap;
  if (choices) {
    const candidates = candidatesIn(choices, room);
    return {before, caret, after, countX, error: '', candidates, keys: []};
  }
  const keys: (readonly [string, string])[] = [];
  let used = 0;
  for (const [key, label] of footerKeys(scopeOf(state), whenOf(state))) {
    const cells = cellsOf(`${key} ${label}`) + (keys.length > 0 ? keyGap : 0);
    if (used + cells > room) break;
    keys.push([key, label]);
    used += cells;
  }
  return {before, caret, after, countX, error: '', candidates: [], keys};
}

/** As many as fit, the chosen one among them. */
function candidatesIn({candidates, index}: Choices, room: number): FooterLayout['candidates'] {
  const shown: {text: string; chosen: boolean}[] = [];
  let used = 0;
  for (let i = Math.max(0, index); i < candidates.length; i++) {
    const text = cut(printable(candidates[i] as string), room);
    used += cellsOf(text) + keyGap;
    if (used - keyGap > room) break;
    shown.push({text, chosen: i === index});
  }
  // At the end of the list there is room for those before.
  for (let i = index - 1; i >= 0; i--) {
    const text = printable(candidates[i] as string);
    used += cellsOf(text) + keyGap;
    if (used - keyGap > room) break;
    shown.unshift({text, chosen: false});
  }
  return shown;
}

/** `column 5: unknown field 'nam'; did you mean 'name'?` */
function errorText(prompt: Prompt): string | null {
  const {text, error} = prompt;
  if (error === null) return null;
  if (typeof error === 'string') return printable(error);
  return `column ${[...text.slice(0, error.at)].length + 1}: ${printable(error.message)}`;
}

function leftText(
  state: State,
  columns: number,
  {version, notice}: FooterTexts,
): Pick<FooterLayout, 'before' | 'caret' | 'after'> {
  // Half of the line at most, and never so little that typing is blind.
  const room = Math.max(Math.floor(columns / 2) - 4, 10);
  if (state.prompt)
    return promptText(state.prompt, Math.min(columns, Math.max(room, columns - promptCells[state.prompt.kind])));
  if (state.overlay?.kind === 'help') return {before: cut(`bpftop-ts ${version}`, room), caret: '', after: ''};
  if (state.overlay || state.page.kind !== 'table') return {before: '', caret: '', after: ''};
  const filter = state.filter.text !== '' ? `/${printable(state.filter.text)}` : null;
  const grouping = state.grouping && `by ${state.grouping.key}`;
  const since = state.baseline && `since ${formatClock(state.baseline.takenAt / 1000)} UTC`;
  const text = [since, grouping, filter].filter((part) => part !== null).join('  ');
  return {before: cut(text || printable(notice ?? ''), room), caret: '', after: ''};
}

/** As much of what is typed as fits, with the caret in it. */
function promptText(prompt: Prompt, room: number): Pick<FooterLayout, 'before' | 'caret' | 'after'> {
  const {text, caret} = prompt;
  if (prompt.kind === 'file' && prompt.stage !== 'typing') {
    const [said, end] = prompt.stage === 'writing' ? ['writing ', '…'] : ['', ' is there: replace?'];
    const name = cutStart(printable(text), Math.max(1, room - said.length - end.length));
    return {before: cut(said + name + end, room), caret: '', after: ''};
  }
  const label = prompt.kind === 'file' ? 'write to ' : '/';
  const before = printable(text.slice(0, caret));
  const [under = '', ...rest] = [...text.slice(caret)];
  const caretText = printable(under) || ' ';
  const whole = cellsOf(label + before) + cellsOf(caretText) <= room;
  const shown = whole ? label + before : cutStart(before, room - cellsOf(caretText));
  return {
    before: shown,
    caret: caretText,
    after: cut(printable(rest.join('')), Math.max(0, room - cellsOf(shown + caretText))),
  };
}

/** A text in at most so many cells; what was cut off at its beginning is an ellipsis. */
function cutStart(text: string, room: number): string {
  if (cellsOf(text) <= room) return text;
  const characters = [...text];
  while (characters.length > 0 && 1 + cellsOf(characters.join('')) > room) characters.shift();
  return `…${characters.join('')}`;
}
