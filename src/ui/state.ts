/**
 * What the person at the keyboard has chosen, and how each action changes it. Pure: what an action has to know of the data (which
 * programs are listed, how many fit) comes in as a context, so all of it is tested without a terminal.
 */
import type {Baseline} from '../model/compare.js';
import {comparedFields, type Field, type FieldKey} from '../model/fields.js';
import {type Filter, noFilter} from '../model/filter.js';
import {type Grouping, groupings, isGroupKey} from '../model/group.js';
import type {MeasuredProg} from '../model/measure.js';
import {wanted} from '../model/select.js';
import {defaultOrder, sortableFields, type SortOrder, withoutBaseline} from '../model/sort.js';
import {chooseColumns, type ColumnList, listColumns} from './column-choice.js';
import type {ColumnKey} from './layout.js';
import type {EditName} from './line-edit.js';
import {afterWriting, editFile, editFilter, filePrompt, filterPrompt, type Prompt, type WriteOutcome} from './prompt.js';
import {windowsNs} from './window.js';

/** What fills the screen. */
export type Page = {readonly kind: 'table'} | {readonly kind: 'detail'; readonly key: string; readonly scroll: number};

/** What lies over it and takes the keys. */
export type Overlay =
  {readonly kind: 'help'; readonly scroll: number} | {readonly kind: DialogKind; readonly index: number} | ColumnsOverlay;

/** All columns, to choose from. */
export type ColumnsOverlay = ColumnList & {readonly kind: 'columns'};

/** Something to choose from a list. */
export type DialogKind = 'sort' | 'group';

/** What keys change: moment, delay, page, overlay, selection, filter, order, grouping, columns. */
export interface State {
  /** The moment shown (CLOCK_BOOTTIME, ns), once somebody has paused; null: the latest. */
  readonly moment: bigint | null;
  /** Between readings. */
  readonly delayMs: number;
  /** How many times as fast as it was made a recording is shown; null: it is none. */
  readonly speed: number | null;
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** Whether this process's own programs are listed. */
  readonly showOwn: boolean;
  /** What the programs are grouped by; null: they aren't. */
  readonly grouping: Grouping | null;
  /** Keys of the groups whose programs are listed below them. */
  readonly open: ReadonlySet<string>;
  /** The moment that figures are compared with; null: they aren't. */
  readonly baseline: Baseline | null;
  /** Whether 100 % CPU are all CPUs; else one. */
  readonly ofAllCpus: boolean;
  /** The columns, in that order; null: as many of the usual ones as fit. */
  readonly chosenColumns: readonly ColumnKey[] | null;
  /** Key of the selected program or group; null: none, and the list stays at its top. */
  readonly selected: string | null;
  /** Where it was last seen in the list; where moving goes on from when it is no longer there. */
  readonly row: number;
  /** Index of the first row shown. */
  readonly top: number;
  readonly page: Page;
  /** What the charts of a program's page look back at, ns; null: as far as there is something to see. */
  readonly windowNs: number | null;
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
  readonly columns: readonly ColumnKey[];
  /** The programs at hand, whose values a filter can be completed with. */
  readonly progs: readonly MeasuredProg[];
  /** Those that there would be without a baseline, and if none were chosen. */
  readonly usualColumns: () => readonly ColumnKey[];
  /** How far the page or overlay with the keys can scroll. */
  readonly scrollEnd: number;
  /** What is shown now, to compare with; null: nothing has been measured. */
  readonly mark: () => Baseline | null;
  /** Key of the listed program or group that costs most now; null: none is listed. */
  readonly topSpender: () => string | null;
  /** So many readings from a moment, null: from the latest; null when that is past the latest, or there is none. */
  readonly step: (from: bigint | null, steps: number) => bigint | null;
}

/** All that a key can do. */
export type ActionName =
  | ('up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last' | 'open' | 'back' | 'clear')
  | ('filter' | 'accept' | 'restore' | 'complete' | 'completeBack' | EditName)
  | ('columns' | 'toggle' | 'moveLeft' | 'moveRight' | 'automatic')
  | ('write' | 'writeFile' | 'replaceFile' | 'keepFile' | 'save')
  | ('pause' | 'live' | 'earlier' | 'later' | 'muchEarlier' | 'muchLater' | 'longer' | 'shorter')
  | ('faster' | 'slower' | 'ahead' | 'farAhead')
  | ('sort' | 'group' | 'sortLeft' | 'sortRight' | 'reverse' | 'choose' | 'own' | 'help')
  | ('compare' | 'cpus' | 'top')
  | ('window1' | 'window5' | 'window10' | 'previousProg' | 'nextProg')
  | ('quit' | 'interrupt' | 'suspend' | 'repaint');

/** What a key asks for. */
export type Action =
  | {readonly name: ActionName}
  | {readonly name: 'type'; readonly text: string}
  /** To ask for a file's name, with one to begin with. */
  | {readonly name: 'askFile'; readonly text: string}
  | {readonly name: 'written'; readonly outcome: WriteOutcome};

/** Fields to sort by, in the order of the sort dialog: what people look for first. */
const plainChoices: readonly Field[] = (() => {
  const first: FieldKey[] = ['cpu_pct', 'events_per_sec', 'avg_run_time_ns', 'total_avg_run_time_ns', 'name', 'type', 'id'];
  const rank = (key: string) => (first as string[]).indexOf(key) + 1 || first.length + 1;
  return [...sortableFields].sort((a, b) => rank(a.key) - rank(b.key));
})();
const comparedChoices = [...comparedFields.toReversed(), ...plainChoices];

/** The same, with a baseline or without. */
export function sortChoices({baseline}: Pick<State, 'baseline'>): readonly Field[] {
  return baseline ? comparedChoices : plainChoices;
}

/** Keys of fields that have no letter of their own. */
const restLetters = new Map(
  plainChoices.filter(({letter}) => !letter).map(({key}, i) => [key, 'abcdefghijklmnopqrstuvwxyz0123456789'[i] ?? '']),
);

/** The key that chooses a sort field in the dialog; a capital does over the table as well. */
export function sortLetter({key, letter}: Field): string {
  return letter ?? restLetters.get(key) ?? '';
}

/** What to group by, in the order of the dialog; null: nothing. */
export const groupChoices: readonly (Grouping | null)[] = [null, ...groupings];

/** The key that chooses it in the dialog; for nothing the one that opened the dialog, so that pressed twice it ends grouping. */
export function groupLetter(choice: Grouping | null): string {
  return choice?.letter ?? 'g';
}

/** Delays to choose from, ms: from the shortest to the longest there may be. */
const delaySteps: readonly number[] = [
  ...[50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000],
  ...[60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000],
];

/** Speeds of a recording to choose from: from the slowest to the fastest. */
export const speedSteps: readonly number[] = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];

/** Where everything begins. */
export function initialState(
  start: Pick<State, 'sort' | 'filter' | 'grouping' | 'chosenColumns' | 'delayMs' | 'speed'>,
): State {
  const {sort, filter, grouping, chosenColumns, delayMs, speed} = start;
  return {
    ...{moment: null, delayMs, speed, sort, filter, showOwn: false, grouping, open: new Set(), chosenColumns},
    ...{baseline: null, ofAllCpus: false, windowNs: null},
    ...{selected: null, row: 0, top: 0, page: {kind: 'table'}, overlay: null, prompt: null},
  };
}

/** The state after an action; the same object when nothing changes. */
export function reduce(state: State, action: Action, context: Context): State {
  if (state.prompt) return usePrompt(state, state.prompt, action, context);
  if (state.overlay?.kind === 'help') return readHelp(state, state.overlay.scroll, action, context);
  if (state.overlay?.kind === 'columns') return pickColumns(state, state.overlay, action, context);
  if (state.overlay) return choose(state, state.overlay, action);
  const timed = timeActions[action.name];
  if (timed) return timed(state, context);
  if (state.page.kind === 'detail') return readDetail(state, state.page, action, context);
  return useTable(state, action, context);
}

/** Keeps the selected program, or as much of the list as there is, within the rows shown. */
export function settle(state: State, {keys, height}: Pick<Context, 'keys' | 'height'>): State {
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
    if (state.baseline) return compareWith(state, null);
    return state.selected === null ? state : {...state, selected: null, row: 0, top: 0};
  },
  filter: (state) => ({...state, prompt: filterPrompt(state.filter)}),
  compare: (state, {mark}) => compareWith(state, state.baseline ? null : mark()),
  cpus: switchCpus,
  top: (state, {keys, topSpender}) => {
    const key = topSpender();
    return key === null || !keys.includes(key) ? state : {...state, selected: key, row: keys.indexOf(key)};
  },
  own: (state) => ({...state, showOwn: !state.showOwn}),
  help: openHelp,
  sort: (state) => ({...state, overlay: {kind: 'sort', index: sortIndex(state)}}),
  group: (state) => ({...state, overlay: {kind: 'group', index: groupChoices.indexOf(state.grouping)}}),
  columns(state) {
    const order = listColumns(state.chosenColumns);
    return {...state, overlay: {kind: 'columns', order, index: 0}};
  },
  reverse: (state) => ({...state, sort: {...state.sort, descending: !state.sort.descending}}),
  sortLeft: (state, {columns}) => moveSort(state, -1, columns),
  sortRight: (state, {columns}) => moveSort(state, 1, columns),
};

/** With another baseline, or none; then no order by a change is left. */
function compareWith(state: State, baseline: Baseline | null): State {
  if (baseline === state.baseline) return state;
  return {...state, baseline, sort: baseline ? state.sort : withoutBaseline(state.sort)};
}

function switchCpus(state: State): State {
  return {...state, ofAllCpus: !state.ofAllCpus};
}

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
  faster: (state) =>
    withSpeed(
      state,
      speedSteps.find((each) => each > (state.speed ?? 1)),
    ),
  slower: (state) =>
    withSpeed(
      state,
      speedSteps.findLast((each) => each < (state.speed ?? 1)),
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

function withSpeed(state: State, speed: number | undefined): State {
  return speed === undefined ? state : {...state, speed};
}

function useTable(state: State, action: Action, context: Context): State {
  if (action.name === 'type') return sortByCapital(state, action.text);
  if (action.name === 'askFile') return {...state, prompt: filePrompt(action.text)};
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

function sortIndex(state: State): number {
  return sortChoices(state).findIndex((each) => each.key === state.sort.field.key);
}

function sortByCapital(state: State, text: string): State {
  const index = sortChoices(state).findIndex(({letter}) => letter === text);
  return index < 0 ? state : sortBy(state, index);
}

function moveSort(state: State, by: number, columns: readonly ColumnKey[]): State {
  const choices = columns.flatMap((key) => sortChoices(state).find((each) => each.key === key) ?? []);
  const at = choices.findIndex((each) => each.key === state.sort.field.key);
  const found = choices[Math.min(Math.max(at + by, 0), choices.length - 1)];
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
  // What is shown may have become shorter since.
  return step === undefined ? null : Math.min(Math.max(Math.min(scroll, scrollEnd) + step, 0), scrollEnd);
}

function readDetail(state: State, page: Page & {kind: 'detail'}, action: Action, context: Context): State {
  if (action.name === 'back') return {...state, page: {kind: 'table'}};
  const scroll = scrolled(page.scroll, action, context);
  if (scroll !== null) return scroll === page.scroll ? state : {...state, page: {...page, scroll}};
  if (action.name === 'cpus') return switchCpus(state);
  if (action.name === 'previousProg') return openBeside(state, page.key, -1, context);
  if (action.name === 'nextProg') return openBeside(state, page.key, 1, context);
  if (action.name in windowsNs) {
    const windowNs = windowsNs[action.name as keyof typeof windowsNs];
    return windowNs === state.windowNs ? state : {...state, windowNs};
  }
  return action.name === 'help' ? openHelp(state) : state;
}

/** The page of the next or previous program of the list; from where it was last seen, if this one is no longer in it. */
function openBeside(state: State, from: string, by: -1 | 1, {keys}: Context): State {
  const found = keys.indexOf(from);
  let row = found >= 0 ? found + by : by > 0 ? state.row : state.row - 1;
  while (isGroupKey(keys[row] ?? '')) row += by;
  const key = keys[row];
  return key === undefined ? state : {...state, selected: key, row, page: {kind: 'detail', key, scroll: 0}};
}

function readHelp(state: State, from: number, action: Action, context: Context): State {
  if (action.name === 'back') return {...state, overlay: null};
  const scroll = scrolled(from, action, context);
  return scroll === null || scroll === from ? state : {...state, overlay: {kind: 'help', scroll}};
}

interface Dialog {
  readonly letters: (state: State) => readonly string[];
  readonly chosen: (state: State, index: number) => State;
}

const dialogs: Record<DialogKind, Dialog> = {
  sort: {letters: (state) => sortChoices(state).map(sortLetter), chosen: sortBy},
  group: {
    letters: () => groupChoices.map(groupLetter),
    chosen: (state, index) => ({...groupBy(state, groupChoices[index] ?? null), overlay: null}),
  },
};

function choose(state: State, {kind, index}: Overlay & {kind: DialogKind}, action: Action): State {
  const {letters: lettersOf, chosen} = dialogs[kind];
  const letters = lettersOf(state);
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
  const chosen = sortChoices(state)[index];
  if (!chosen) return state;
  const same = chosen.key === state.sort.field.key;
  const sort = same ? {...state.sort, descending: !state.sort.descending} : defaultOrder(chosen);
  return {...state, sort, overlay: null};
}

/** The list's keys; the table behind it changes with each. */
function pickColumns(state: State, overlay: ColumnsOverlay, action: Action, context: Context): State {
  if (action.name === 'back') return {...state, overlay: null};
  const last = overlay.order.length - 1;
  const to = scrolled(overlay.index, action, {...context, scrollEnd: last});
  if (to !== null) return to === overlay.index ? state : {...state, overlay: {...overlay, index: to}};
  const choice = chooseColumns(overlay, state.chosenColumns ?? context.usualColumns(), action.name);
  if (!choice) return state;
  const {order, index, chosen} = choice;
  return {...state, chosenColumns: chosen, overlay: {kind: 'columns', order, index}};
}

function usePrompt(state: State, prompt: Prompt, action: Action, {progs}: Context): State {
  if (prompt.kind === 'filter') {
    const next = editFilter(prompt, state.filter, action, wanted(progs, {filter: noFilter, own: state.showOwn}));
    return next.prompt === prompt ? state : {...state, ...next};
  }
  const next = action.name === 'written' ? afterWriting(prompt, action.outcome) : editFile(prompt, action);
  return next === prompt ? state : {...state, prompt: next};
}
