/**
 * What the person at the keyboard has chosen, and how each action changes it. Pure: what an action has to know of the data (which
 * programs are listed, how many fit) comes in as a context, so all of it is tested without a terminal.
 */
import type {FieldKey} from '../model/fields.js';
import {type Filter, FilterError, noFilter, parseFilter} from '../model/filter.js';
import {type Grouping, groupings, isGroupKey} from '../model/group.js';
import {defaultOrder, sortableFields, type SortOrder} from '../model/sort.js';

/** What fills the screen. */
export type Page = {readonly kind: 'table'} | {readonly kind: 'detail'; readonly key: string; readonly scroll: number};

/** What lies over it and takes the keys. */
export type Overlay = {readonly kind: 'help'; readonly scroll: number} | {readonly kind: DialogKind; readonly index: number};

/** Something to choose from a list. */
export type DialogKind = 'sort' | 'group';

/** The filter while it is being typed. */
export interface Prompt {
  readonly text: string;
  /** In UTF-16 units, 0 to text.length. */
  readonly caret: number;
  /** What Esc brings back. */
  readonly before: Filter;
  /** What is wrong with the text; the last filter without fault goes on. null: nothing is. */
  readonly error: FilterError | null;
}

/** A filter is typed, not a book: what is pasted beyond that is left out. */
export const longestPrompt = 1000;

/** What keys change: moment, delay, page, overlay, selection, filter, order, grouping. */
export interface State {
  /** The moment shown (CLOCK_BOOTTIME, ns), once somebody has paused; null: the latest. */
  readonly moment: bigint | null;
  /** Between readings. */
  readonly delayMs: number;
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** Whether this process's own programs are listed. */
  readonly showOwn: boolean;
  /** What the programs are grouped by; null: they aren't. */
  readonly grouping: Grouping | null;
  /** Keys of the groups whose programs are listed below them. */
  readonly open: ReadonlySet<string>;
  /** Key of the selected program or group; null: none, and the list stays at its top. */
  readonly selected: string | null;
  /** Where it was last seen in the list; where moving goes on from when it is no longer there. */
  readonly row: number;
  /** Index of the first row shown. */
  readonly top: number;
  readonly page: Page;
  readonly overlay: Overlay | null;
  readonly prompt: Prompt | null;
}

/** What there is when an action comes. */
export interface Context {
  /** Keys of the listed programs and groups, in order. */
  readonly keys: readonly string[];
  /** Rows that fit on the screen. */
  readonly height: number;
  /** Columns shown, from the left. */
  readonly columns: readonly FieldKey[];
  /** How far the page or overlay with the keys can scroll. */
  readonly scrollEnd: number;
  /** So many readings from a moment, null: from the latest; null when that is past the latest, or there is none. */
  readonly step: (from: bigint | null, steps: number) => bigint | null;
}

/** All that a key can do. */
export type ActionName =
  | ('up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last' | 'open' | 'back' | 'clear')
  | ('filter' | 'accept' | 'restore' | 'erase' | 'erasePrevious' | 'eraseNext' | 'eraseWord' | 'eraseToEnd')
  | ('caretLeft' | 'caretRight' | 'caretStart' | 'caretEnd')
  | ('pause' | 'live' | 'earlier' | 'later' | 'muchEarlier' | 'muchLater' | 'longer' | 'shorter')
  | ('sort' | 'group' | 'sortLeft' | 'sortRight' | 'reverse' | 'choose' | 'own' | 'help')
  | ('quit' | 'interrupt' | 'suspend' | 'repaint');

/** What a key asks for. */
export type Action = {readonly name: ActionName} | {readonly name: 'type'; readonly text: string};

/** Fields to sort by, in the order of the sort dialog: what people look for first. */
export const sortChoices = ((): typeof sortableFields => {
  const first: FieldKey[] = ['cpu_pct', 'events_per_sec', 'avg_run_time_ns', 'total_avg_run_time_ns', 'name', 'type', 'id'];
  const rank = (key: string) => (first as string[]).indexOf(key) + 1 || first.length + 1;
  return [...sortableFields].sort((a, b) => rank(a.key) - rank(b.key));
})();

/** The key that chooses a sort field in the dialog. */
export function sortLetter(index: number): string {
  return 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'[index] ?? '';
}

/** What to group by, in the order of the dialog; null: nothing. */
export const groupChoices: readonly (Grouping | null)[] = [null, ...groupings];

/** The key that chooses it in the dialog; for nothing the one that opened the dialog, so that pressed twice it ends grouping. */
export function groupLetter(choice: Grouping | null): string {
  return choice?.letter ?? 'g';
}

/** Delays to choose from, ms: from the shortest to the longest there may be. */
export const delaySteps: readonly number[] = [
  ...[50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000],
  ...[60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000],
];

/** Where everything begins. */
export function initialState(sort: SortOrder, filter: Filter, grouping: Grouping | null = null, delayMs = 1000): State {
  return {
    ...{moment: null, delayMs, sort, filter, showOwn: false, grouping, open: new Set()},
    ...{selected: null, row: 0, top: 0, page: {kind: 'table'}, overlay: null, prompt: null},
  };
}

/** The state after an action; the same object when nothing changes. */
export function reduce(state: State, action: Action, context: Context): State {
  if (state.prompt) return editFilter(state, state.prompt, action);
  if (state.overlay?.kind === 'help') return readHelp(state, state.overlay.scroll, action, context);
  if (state.overlay) return choose(state, state.overlay, action);
  const timed = timeActions[action.name];
  if (timed) return timed(state, context);
  if (state.page.kind === 'detail') return readDetail(state, state.page, action, context);
  return useTable(state, action, context);
}

/** Keeps the selected program, or as much of the list as there is, within the rows shown. */
export function settle(state: State, {keys, height}: Context): State {
  const last = Math.max(0, keys.length - height);
  const index = state.selected === null ? -1 : keys.indexOf(state.selected);
  let top = Math.min(state.top, last);
  if (state.selected === null) top = 0;
  else if (index >= 0) top = Math.min(Math.max(top, index - height + 1, 0), index, last);
  const row = index >= 0 ? index : state.row;
  return top === state.top && row === state.row ? state : {...state, top, row};
}

/** What actions do somewhere; those that aren't listed do nothing there. */
type Handlers<Subject, Result> = Partial<Record<Action['name'], (subject: Subject, context: Context) => Result>>;

const tableActions: Handlers<State, State> = {
  open(state, {keys}) {
    const key = state.selected !== null && keys.includes(state.selected) ? state.selected : keys[0];
    if (key === undefined) return state;
    return isGroupKey(key)
      ? {...state, selected: key, open: toggled(state.open, key)}
      : {...state, selected: key, page: {kind: 'detail', key, scroll: 0}};
  },
  clear(state) {
    if (state.filter.text !== '') return {...state, filter: noFilter};
    if (state.grouping) return groupBy(state, null);
    return state.selected === null ? state : {...state, selected: null, row: 0, top: 0};
  },
  filter: (state) => ({
    ...state,
    prompt: {text: state.filter.text, caret: state.filter.text.length, before: state.filter, error: null},
  }),
  own: (state) => ({...state, showOwn: !state.showOwn}),
  help: openHelp,
  sort: (state) => ({...state, overlay: {kind: 'sort', index: sortIndex(state.sort)}}),
  group: (state) => ({...state, overlay: {kind: 'group', index: groupChoices.indexOf(state.grouping)}}),
  reverse: (state) => ({...state, sort: {...state.sort, descending: !state.sort.descending}}),
  sortLeft: (state, {columns}) => moveSort(state, -1, columns),
  sortRight: (state, {columns}) => moveSort(state, 1, columns),
};

/** What acts on time, on the table and on the page of a program alike. */
const timeActions: Handlers<State, State> = {
  pause: (state, context) => stepBy(state, 0, context),
  live: (state) => ({...state, moment: null}),
  earlier: (state, context) => stepBy(state, -1, context),
  later: (state, context) => stepBy(state, 1, context),
  muchEarlier: (state, context) => stepBy(state, -manySteps, context),
  muchLater: (state, context) => stepBy(state, manySteps, context),
  longer: (state) =>
    withDelay(
      state,
      delaySteps.find((each) => each > state.delayMs),
    ),
  shorter: (state) =>
    withDelay(
      state,
      delaySteps.findLast((each) => each < state.delayMs),
    ),
};

/** Readings that a step with Shift goes over. */
const manySteps = 10;

function stepBy(state: State, steps: number, {step}: Context): State {
  const moment = step(state.moment, steps);
  return moment === state.moment ? state : {...state, moment};
}

function withDelay(state: State, delayMs: number | undefined): State {
  return delayMs === undefined ? state : {...state, delayMs};
}

function useTable(state: State, action: Action, context: Context): State {
  const handler = tableActions[action.name];
  return handler ? handler(state, context) : moveSelection(state, action, context);
}

function openHelp(state: State): State {
  return {...state, overlay: {kind: 'help', scroll: 0}};
}

function toggled(open: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const others = new Set(open);
  if (!others.delete(key)) others.add(key);
  return others;
}

function sortIndex(sort: SortOrder): number {
  return sortChoices.findIndex((each) => each.key === sort.field.key);
}

function moveSort(state: State, by: number, columns: readonly FieldKey[]): State {
  const at = (columns as string[]).indexOf(state.sort.field.key);
  const to = columns[Math.min(Math.max(at + by, 0), columns.length - 1)];
  const found = sortChoices.find((each) => each.key === to);
  return found && found.key !== state.sort.field.key ? {...state, sort: defaultOrder(found)} : state;
}

function moveSelection(state: State, action: Action, {keys, height}: Context): State {
  if (keys.length === 0) return state;
  const page = Math.max(1, height - 1);
  // Without a selection the first step selects the first program.
  const from = state.selected === null ? -1 : state.row;
  let to: number;
  if (action.name === 'up') to = from - 1;
  else if (action.name === 'down') to = from + 1;
  else if (action.name === 'pageUp') to = from - page;
  else if (action.name === 'pageDown') to = from + page;
  else if (action.name === 'first') to = 0;
  else if (action.name === 'last') to = keys.length - 1;
  else return state;
  const row = Math.min(Math.max(to, 0), keys.length - 1);
  return {...state, selected: keys[row] as string, row};
}

/** Where scrolling goes from `scroll`; null when the action isn't one of scrolling. */
function scrolled(scroll: number, action: Action, {height, scrollEnd}: Context): number | null {
  const page = Math.max(1, height - 1);
  const steps: Partial<Record<Action['name'], number>> = {
    up: -1,
    down: 1,
    pageUp: -page,
    pageDown: page,
    first: -Infinity,
    last: Infinity,
  };
  const step = steps[action.name];
  return step === undefined ? null : Math.min(Math.max(scroll + step, 0), scrollEnd);
}

function readDetail(state: State, page: Page & {kind: 'detail'}, action: Action, context: Context): State {
  if (action.name === 'back') return {...state, page: {kind: 'table'}};
  const scroll = scrolled(page.scroll, action, context);
  if (scroll !== null) return scroll === page.scroll ? state : {...state, page: {...page, scroll}};
  return action.name === 'help' ? openHelp(state) : state;
}

function readHelp(state: State, from: number, action: Action, context: Context): State {
  if (action.name === 'back') return {...state, overlay: null};
  const scroll = scrolled(from, action, context);
  return scroll === null || scroll === from ? state : {...state, overlay: {kind: 'help', scroll}};
}

interface Dialog {
  readonly letters: readonly string[];
  readonly chosen: (state: State, index: number) => State;
}

const dialogs: Record<DialogKind, Dialog> = {
  sort: {letters: sortChoices.map((_, i) => sortLetter(i)), chosen: sortBy},
  group: {
    letters: groupChoices.map(groupLetter),
    chosen: (state, index) => ({...groupBy(state, groupChoices[index] ?? null), overlay: null}),
  },
};

function choose(state: State, {kind, index}: Overlay & {kind: DialogKind}, action: Action): State {
  const {letters, chosen} = dialogs[kind];
  const last = letters.length - 1;
  const targets: Partial<Record<Action['name'], number>> = {up: index - 1, down: index + 1, first: 0, last};
  const to = targets[action.name];
  if (to !== undefined) return {...state, overlay: {kind, index: Math.min(Math.max(to, 0), last)}};
  if (action.name === 'back') return {...state, overlay: null};
  if (action.name === 'choose') return chosen(state, index);
  const typed = action.name === 'type' ? letters.indexOf(action.text) : -1;
  return typed < 0 ? state : chosen(state, typed);
}

/** In other groups nothing is open, and no group is selected; the end of grouping leaves a program selected. */
function groupBy(state: State, grouping: Grouping | null): State {
  if (grouping === state.grouping) return state;
  const stays = grouping === null && state.selected !== null && !isGroupKey(state.selected);
  return {...state, grouping, open: new Set(), ...(stays ? {} : {selected: null, row: 0, top: 0})};
}

/** Sorts by that choice and closes the dialog; the field it is sorted by already is reversed. */
function sortBy(state: State, index: number): State {
  const chosen = sortChoices[index];
  if (!chosen) return state;
  const same = chosen.key === state.sort.field.key;
  const sort = same ? {...state.sort, descending: !state.sort.descending} : defaultOrder(chosen);
  return {...state, sort, overlay: null};
}

function editFilter(state: State, prompt: Prompt, action: Action): State {
  // What can't be read can't be kept either: the footer says what is wrong with it.
  if (action.name === 'accept') return prompt.error ? state : {...state, prompt: null};
  if (action.name === 'restore') return {...state, prompt: null, filter: prompt.before};
  const edited = edit(prompt, action);
  if (edited === prompt) return state;
  if (edited.text === prompt.text) return {...state, prompt: edited};
  try {
    return {...state, prompt: {...edited, error: null}, filter: parseFilter(edited.text)};
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return {...state, prompt: {...edited, error}};
  }
}

/** The text without what is between the two places, and something else there. */
function replace(prompt: Prompt, from: number, to: number, by = ''): Prompt {
  if (from === to && by === '') return prompt;
  return {...prompt, text: prompt.text.slice(0, from) + by + prompt.text.slice(to), caret: from + by.length};
}

function caretTo(prompt: Prompt, caret: number): Prompt {
  return caret === prompt.caret ? prompt : {...prompt, caret};
}

const edits: Partial<Record<Action['name'], (prompt: Prompt, text: string, caret: number) => Prompt>> = {
  erasePrevious: (prompt, text, caret) => replace(prompt, before(text, caret), caret),
  eraseNext: (prompt, text, caret) => replace(prompt, caret, after(text, caret)),
  erase: (prompt, _, caret) => replace(prompt, 0, caret),
  eraseToEnd: (prompt, text, caret) => replace(prompt, caret, text.length),
  eraseWord: (prompt, text, caret) => replace(prompt, text.slice(0, caret).search(/\S*\s*$/), caret),
  caretLeft: (prompt, text, caret) => caretTo(prompt, before(text, caret)),
  caretRight: (prompt, text, caret) => caretTo(prompt, after(text, caret)),
  caretStart: (prompt) => caretTo(prompt, 0),
  caretEnd: (prompt, text) => caretTo(prompt, text.length),
};

function edit(prompt: Prompt, action: Action): Prompt {
  if (action.name === 'type')
    return prompt.text.length < longestPrompt ? replace(prompt, prompt.caret, prompt.caret, action.text) : prompt;
  return edits[action.name]?.(prompt, prompt.text, prompt.caret) ?? prompt;
}

/** The place one character before, or after; a surrogate pair is one. */
function before(text: string, at: number): number {
  return at - ([...text.slice(0, at)].at(-1) ?? '').length;
}

function after(text: string, at: number): number {
  return at + ([...text.slice(at)][0] ?? '').length;
}
