/** The text of the help, made from the keymap. Pure. */
import {keymap, type Scope, shownKey} from './keymap.js';
import {type ColumnsOverlay, groupChoices, groupLetter, type Overlay, sortChoices, sortLetter, type State} from './state.js';
import {styled, withoutStyles} from './styled-text.js';
import {cellsOf, cut} from './text.js';
import {allColumns, type Column, type Rect, type ScreenLayout, trendKey, trendTitle} from './layout.js';
import {field} from '../model/fields.js';

const sections: readonly (readonly [title: string, scope: Scope])[] = [
  ['Table', 'table'],
  ['Page of a program', 'detail'],
  ['Typing a filter', 'filter'],
  ['Choosing columns', 'columns'],
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

/** The help in lines of styled text, for that width; of a recording without what means nothing to one. */
export function helpLines({speed}: Pick<State, 'speed'>, width: number): string[] {
  const recorded = speed !== null;
  const two = width >= twoHalves;
  const told = new Set<string>();
  const blocks = sections.map(([title, scope], i) => {
    const lines = [styled('strong', title)];
    for (const {keys, action, help, scopes, recorded: only = recorded} of keymap) {
      if (help === null || !scopes.includes(scope) || only !== recorded || told.has(action)) continue;
      told.add(action);
      lines.push(entry(keys.map(shownKey).join(' '), help, two && i < 2 ? leftCells : two ? width - leftCells : width));
    }
    return lines;
  });
  const terms = reading.map(([term, meaning]) => entry(term, meaning, two ? width - leftCells : width));
  const [table = [], page = [], filter = [], columns = []] = blocks;
  const left = [...table, '', ...page];
  const right = [...filter, '', ...columns, '', styled('strong', 'Reading the screen'), ...terms];
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
export function helpScrollEnd(state: Pick<State, 'speed'>, width: number, height: number): number {
  return Math.max(0, helpLines(state, width).length - height);
}

/** The place of the overlay; null: there is none. It covers what is painted under it. */
export function overlayRect(state: State, {body}: ScreenLayout): Rect | null {
  const {overlay} = state;
  if (!overlay) return null;
  if (overlay.kind === 'help') return body;
  const [widest, lines] = dialogSize(state, overlay.kind);
  const width = Math.min(body.width, widest);
  // The table is what is being changed: some of it stays in sight.
  const most = overlay.kind === 'columns' && body.height >= 4 * seenRows ? body.height - seenRows : body.height;
  const height = Math.min(most, lines + 2);
  return {x: Math.floor((body.width - width) / 2), y: body.y + body.height - most, width, height};
}

/** Rows of the table over the choice of columns. */
const seenRows = 4;

/** Room for the longest explanation, or all but three; and how many lines there are. */
function dialogSize(state: State, kind: Exclude<Overlay['kind'], 'help'>): readonly [width: number, lines: number] {
  if (kind === 'sort') return [84, sortChoices(state).length];
  return kind === 'group' ? [64, groupChoices.length] : [84, allColumns.length];
}

/** A dialog: its title, and its lines without their frame. The chosen one is always among them. */
export interface DialogText {
  readonly title: string;
  readonly lines: readonly string[];
}

/**
 * What the dialog over the table says; null: there is none.
 * @param columns those of the table.
 */
export function dialogText(state: State, overlay: Overlay, rect: Rect, columns: readonly Column[]): DialogText | null {
  if (overlay.kind === 'help') return null;
  if (overlay.kind === 'columns') return columnsText(state, overlay, rect, columns);
  if (overlay.kind === 'group') {
    const choices = groupChoices.map((each): Choice => {
      const current = each === state.grouping;
      const mark = current ? '›' : ' ';
      const name = (each?.key ?? 'nothing').padEnd(9);
      return {lead: groupLetter(each), head: `${mark} ${name}`, help: each?.help ?? 'a line a program', current};
    });
    return {title: 'group by', lines: choiceLines(choices, overlay.index, rect)};
  }
  const choices = sortChoices(state).map((each): Choice => {
    const current = each.key === state.sort.field.key;
    const mark = current ? (state.sort.descending ? '▼' : '▲') : ' ';
    return {lead: sortLetter(each), head: `${mark} ${each.title.padEnd(titleCells)}`, help: each.help, current};
  });
  return {title: 'sort by', lines: choiceLines(choices, overlay.index, rect)};
}

/** Each column with its place in the table; what was chosen and found no room says so. */
function columnsText(
  {chosenColumns}: State,
  {order, index}: ColumnsOverlay,
  rect: Rect,
  columns: readonly Column[],
): DialogText {
  const seen = columns.map(({key}) => key);
  const shown = chosenColumns ?? seen;
  const choices = order.map((key): Choice => {
    const place = shown.indexOf(key) + 1;
    const {title, help} = key === trendKey ? trend : field(key);
    const room = place > 0 && !seen.includes(key) ? 'no room for it: ' : '';
    return {
      lead: (place || '').toString().padStart(2),
      head: title.padEnd(titleCells),
      help: room + help,
      current: place > 0,
    };
  });
  return {title: chosenColumns ? 'columns' : 'columns: automatic', lines: choiceLines(choices, index, rect)};
}

const trend = {title: trendTitle, help: 'its CPU% so far (wall: EV/S), to its own highest'};
/** Cells of the longest title. */
const titleCells = 12;

interface Choice {
  /** What stands in front: the key that chooses it, or its place. */
  readonly lead: string;
  readonly head: string;
  readonly help: string;
  /** It is in effect. */
  readonly current: boolean;
}

function choiceLines(choices: readonly Choice[], index: number, {width, height}: Rect): string[] {
  const inner = Math.max(0, width - 4);
  const rows = Math.max(1, height - 2);
  const top = Math.max(0, Math.min(Math.max(0, index - rows + 1), choices.length - rows));
  return choices.slice(top, top + rows).map(({lead, head: rest, help, current}, i) => {
    const head = `${lead} ${rest}`;
    const line = cut(`${head} ${help}`, inner);
    if (top + i === index) return styled('selected', line.padEnd(inner));
    return (
      styled('key', line.slice(0, lead.length)) +
      styled(current ? 'strong' : 'text', line.slice(lead.length, head.length)) +
      styled('dim', line.slice(head.length))
    );
  });
}
