import t from 'tap';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {findGrouping, type Grouping, groupings} from '../../src/model/group.js';
import {initialSort, parseSort, type SortOrder} from '../../src/model/sort.js';
import {
  type Action,
  type ActionName,
  type Context,
  groupChoices,
  groupLetter,
  initialState,
  longestPrompt,
  reduce,
  settle,
  sortChoices,
  sortLetter,
  type State,
} from '../../src/ui/state.js';

const start = initialState(initialSort, noFilter);
const keys = Array.from({length: 30}, (_, i) => `key-${i}`);
const context: Context = {
  keys,
  height: 10,
  columns: ['id', 'name', 'events_per_sec', 'cpu_pct'],
  scrollEnd: 5,
  step: () => null,
};

function after(state: State, ...actions: (ActionName | Action)[]): State {
  return actions.reduce<State>(
    (now, action) => settle(reduce(now, typeof action === 'string' ? {name: action} : action, context), context),
    state,
  );
}

function typed(text: string): Action[] {
  return [...text].map((character) => ({name: 'type', text: character}));
}

t.test('nothing is selected until someone moves; the first step takes the first program', (t) => {
  t.equal(start.selected, null);
  t.equal(after(start, 'down').selected, 'key-0');
  t.equal(after(start, 'down', 'down').selected, 'key-1');
  t.equal(after(start, 'up').selected, 'key-0');
  t.equal(after(start, 'last').selected, 'key-29');
  t.equal(after(start, 'pageDown', 'pageDown').selected, 'key-17');
  t.equal(after(start, 'last', 'first').selected, 'key-0');
  t.equal(after(start, 'down', 'pageUp').selected, 'key-0');
  t.end();
});

t.test('the list scrolls no further than the selection needs', (t) => {
  t.equal(after(start, 'last').top, 20);
  t.equal(after(start, 'last', 'up').top, 20);
  t.equal(after(start, 'last', 'pageUp', 'pageUp').top, 11);
  t.end();
});

t.test('the selection follows the program wherever it moves', (t) => {
  const state = after(start, 'down', 'down');
  const moved = [...keys.slice(2), 'key-0', 'key-1'];
  const settled = settle(state, {...context, keys: moved});
  t.equal(settled.selected, 'key-1');
  t.equal(settled.row, 29);
  t.equal(settled.top, 20);
  t.end();
});

t.test('when the selected program is gone nothing else is taken for it, and moving goes on from its place', (t) => {
  const state = after(start, 'down', 'down', 'down');
  const rest = {...context, keys: keys.filter((key) => key !== 'key-2')};
  const settled = settle(state, rest);
  t.equal(settled.selected, 'key-2');
  t.equal(reduce(settled, {name: 'down'}, rest).selected, 'key-4');
  t.equal(settle(state, {...context, keys: []}).top, 0);
  t.equal(reduce(settled, {name: 'down'}, {...context, keys: []}), settled);
  t.end();
});

t.test('Enter opens the selected program, or the first, and never a page of nothing', (t) => {
  t.match(after(start, 'down', 'down', 'open').page, {kind: 'detail', key: 'key-1'});
  t.match(after(start, 'open').page, {kind: 'detail', key: 'key-0'});
  t.match(after({...start, selected: 'hidden'}, 'open').page, {kind: 'detail', key: 'key-0'});
  t.equal(reduce(start, {name: 'open'}, {...context, keys: []}), start);
  const back = after(start, 'down', 'open', 'back');
  t.match(back, {page: {kind: 'table'}, selected: 'key-0'});
  t.end();
});

t.test('a filter acts with every letter; Enter keeps it, Esc brings back the one before', (t) => {
  const typing = after(start, 'filter', ...typed('xdp'));
  t.equal(typing.filter.text, 'xdp');
  t.match(after(typing, 'accept'), {prompt: null, filter: {text: 'xdp'}});
  t.match(after(typing, 'restore'), {prompt: null, filter: noFilter});
  const kept = after(typing, 'accept');
  t.equal(after(kept, 'filter', ...typed('z')).filter.text, 'xdpz', 'typing goes on at the end');
  t.equal(after(kept, 'filter', 'erase', ...typed('q'), 'restore').filter.text, 'xdp');
  t.equal(after(kept, 'clear').filter.text, '');
  t.equal(after(kept, 'down', 'clear', 'clear').selected, null, 'and once more clears the selection');
  t.end();
});

t.test('while the text is bad the last good filter goes on, and Enter waits', (t) => {
  const good = after(start, 'filter', ...typed('xdp'));
  const bad = after(good, ...typed(' or'));
  t.match(bad, {filter: {text: 'xdp '}, prompt: {text: 'xdp or', error: {at: 6, message: /missing/}}});
  t.equal(after(bad, 'accept'), bad);
  const mended = after(bad, ...typed(' tc'));
  t.match(mended, {filter: {text: 'xdp or tc'}, prompt: {error: null}});
  t.equal(after(mended, 'accept').prompt, null);
  t.match(after(bad, 'restore'), {prompt: null, filter: noFilter});
  t.match(after(bad, 'caretLeft').prompt, {caret: 5, error: {at: 6}}, 'the cursor mends nothing');
  t.match(after(bad, 'erase'), {filter: {text: ''}, prompt: {error: null}});
  t.end();
});

t.test('a filter that is typed has an end', (t) => {
  const {prompt} = after(start, 'filter', ...typed('a'.repeat(longestPrompt + 5)));
  t.equal(prompt?.text.length, longestPrompt);
  t.end();
});

t.test('the filter line is edited as a shell line is', (t) => {
  const line = (...actions: (ActionName | Action)[]) => {
    const {prompt} = after(start, 'filter', ...typed('foo bar'), ...actions);
    return prompt && `${prompt.text.slice(0, prompt.caret)}|${prompt.text.slice(prompt.caret)}`;
  };
  t.equal(line(), 'foo bar|');
  t.equal(line('eraseWord'), 'foo |');
  t.equal(line('eraseWord', 'eraseWord', 'eraseWord'), '|');
  t.equal(line('erase'), '|');
  t.equal(line('caretStart', ...typed('x')), 'x|foo bar');
  t.equal(line('caretLeft', 'caretLeft', 'eraseToEnd'), 'foo b|');
  t.equal(line('caretStart', 'eraseNext'), '|oo bar');
  t.equal(line('caretStart', 'erasePrevious', 'caretLeft'), '|foo bar');
  t.equal(line('caretStart', 'caretRight', 'caretEnd', 'caretRight'), 'foo bar|');
  t.equal(line('erase', ...typed('🐝'), 'erasePrevious'), '|', 'a surrogate pair is one character');
  t.end();
});

t.test('sorting by the next column, reversing, and choosing from the list', (t) => {
  t.equal(after(start, 'sortLeft').sort.field.key, 'events_per_sec');
  t.equal(after(start, 'sortRight').sort, start.sort, 'there is none to the right');
  t.equal(after(start, 'reverse').sort.descending, false);
  const byRuns: State = {...start, sort: parseSort('run_cnt') as SortOrder};
  t.equal(after(byRuns, 'sortRight').sort.field.key, 'id', 'from a column that is not shown to one that is');

  const open = after(start, 'sort');
  t.match(open.overlay, {kind: 'sort', index: sortChoices.findIndex((each) => each.key === 'cpu_pct')});
  t.match(after(open, 'down', 'choose'), {overlay: null, sort: {field: {key: 'events_per_sec'}, descending: true}});
  const name = sortLetter(sortChoices.findIndex((each) => each.key === 'name'));
  t.match(after(open, {name: 'type', text: name}), {overlay: null, sort: {field: {key: 'name'}, descending: false}});
  t.equal(after(open, 'choose').sort.descending, false, 'the same again is the other way round');
  t.equal(after(open, {name: 'type', text: '%'}), open);
  t.match(after(open, 'last', 'down', 'back'), {overlay: null, sort: start.sort});
  t.equal(
    new Set(sortChoices.map((_, i) => sortLetter(i))).size,
    sortChoices.length,
    'every choice has a letter of its own',
  );
  t.end();
});

t.test('help and the page of a program scroll as far as there is something', (t) => {
  const help = after(start, 'help');
  t.match(after(help, 'down').overlay, {scroll: 1});
  t.match(after(help, 'last').overlay, {scroll: 5});
  t.match(after(help, 'last', 'pageUp').overlay, {scroll: 0});
  t.equal(after(help, 'back').overlay, null);
  const detail = after(start, 'open');
  t.match(after(detail, 'pageDown').page, {scroll: 5});
  t.match(after(detail, 'help').overlay, {kind: 'help'});
  t.equal(after(detail, 'up'), detail);
  t.end();
});

t.test('what does nothing changes nothing, so that nothing is drawn', (t) => {
  t.equal(after(start, 'caretLeft'), start);
  t.equal(after(start, 'back'), start);
  t.equal(after(start, 'clear'), start);
  const prompt = after({...start, filter: parseFilter('a')}, 'filter');
  t.equal(after(prompt, 'caretEnd'), prompt);
  t.equal(after(prompt, 'sort'), prompt);
  t.end();
});

t.test('own programs are shown on demand', (t) => {
  t.equal(after(start, 'own').showOwn, true);
  t.equal(after(start, 'own', 'own').showOwn, false);
  t.end();
});

const owner = findGrouping('owner') as Grouping;
const inGroups: Context = {...context, keys: ['group owner=a', '7/1/x', 'group owner?']};
const afterIn = (state: State, ...names: ActionName[]): State =>
  names.reduce<State>((now, name) => settle(reduce(now, {name}, inGroups), inGroups), state);

t.test('the group dialog begins at the grouping there is, and every grouping has a letter', (t) => {
  const open = after(start, 'group');
  t.match(open.overlay, {kind: 'group', index: 0});
  t.match(after(open, 'down', 'choose'), {overlay: null, grouping: owner});
  for (const each of groupings)
    t.match(after(open, {name: 'type', text: each.letter}), {overlay: null, grouping: each}, each.key);
  t.equal(after(open, {name: 'type', text: 'x'}), open);
  t.match(after(open, 'last', 'down', 'back'), {overlay: null, grouping: null});
  const grouped = after(open, {name: 'type', text: 'p'});
  t.match(after(grouped, 'group').overlay, {index: groupChoices.indexOf(grouped.grouping)});
  t.equal(after(grouped, 'group', {name: 'type', text: 'g'}).grouping, null, 'g twice ends it');
  t.equal(new Set(groupChoices.map(groupLetter)).size, groupChoices.length);
  t.end();
});

t.test('Enter opens and closes a group, and opens the page of a program', (t) => {
  const grouped: State = {...start, grouping: owner};
  const open = afterIn(grouped, 'open');
  t.match(open, {selected: 'group owner=a', page: {kind: 'table'}});
  t.same([...open.open], ['group owner=a']);
  t.same([...afterIn(open, 'open').open], []);
  t.same([...afterIn(open, 'last', 'open').open], ['group owner=a', 'group owner?']);
  t.match(afterIn(open, 'down', 'open').page, {kind: 'detail', key: '7/1/x'});
  t.end();
});

t.test('Esc clears the filter, then ends grouping, then clears the selection', (t) => {
  const all: State = {...afterIn({...start, grouping: owner}, 'open', 'down'), filter: parseFilter('x')};
  t.match(all, {selected: '7/1/x'});
  const unfiltered = afterIn(all, 'clear');
  t.match(unfiltered, {filter: {text: ''}, grouping: owner, selected: '7/1/x'});
  const ungrouped = afterIn(unfiltered, 'clear');
  t.match(ungrouped, {grouping: null, selected: '7/1/x'}, 'a program stays selected');
  t.equal(ungrouped.open.size, 0);
  t.equal(afterIn(ungrouped, 'clear').selected, null);
  t.equal(afterIn(unfiltered, 'up', 'clear').selected, null, 'a group does not');
  t.end();
});

/** Readings at 1 to 9; the last is the latest. */
const readings: Context = {
  ...context,
  step(from, steps) {
    const to = Number(from ?? 9n) + steps;
    return to > 9 ? null : BigInt(Math.max(to, 1));
  },
};
const afterAt = (state: State, ...names: ActionName[]): State =>
  names.reduce<State>((now, name) => reduce(now, {name}, readings), state);

t.test('space pauses at the latest, a step back does so and goes back, and beyond the latest it is live again', (t) => {
  t.equal(start.moment, null);
  t.equal(afterAt(start, 'pause').moment, 9n);
  t.equal(afterAt(start, 'pause', 'live').moment, null);
  t.equal(afterAt(start, 'earlier').moment, 8n);
  t.equal(afterAt(start, 'earlier', 'earlier', 'later').moment, 8n);
  t.equal(afterAt(start, 'earlier', 'later', 'later').moment, null);
  t.equal(afterAt(start, 'muchEarlier').moment, 1n);
  const oldest = afterAt(start, 'muchEarlier');
  t.equal(afterAt(oldest, 'earlier'), oldest);
  t.equal(afterAt(start, 'muchEarlier', 'muchLater').moment, null);
  t.equal(reduce(start, {name: 'pause'}, context), start, 'before there is anything to show nothing is paused');
  t.end();
});

t.test('time is kept through pages, and its keys act on them too', (t) => {
  const page = afterAt(start, 'earlier', 'open', 'earlier');
  t.match(page, {moment: 7n, page: {kind: 'detail', key: 'key-0'}});
  t.match(afterAt(page, 'back'), {moment: 7n, page: {kind: 'table'}});
  t.equal(afterAt(start, 'filter', 'earlier').moment, null, 'not while a filter is typed');
  t.end();
});

t.test('the delay goes from step to step, and no further than it may', (t) => {
  const of = (delayMs: number, ...names: ActionName[]) => afterAt({...start, delayMs}, ...names).delayMs;
  t.equal(of(1000, 'longer'), 2000);
  t.equal(of(1000, 'shorter'), 500);
  t.equal(of(1300, 'longer'), 2000, 'from between two');
  t.equal(of(1300, 'shorter'), 1000);
  t.equal(of(50, 'shorter'), 50);
  t.equal(of(3_600_000, 'longer'), 3_600_000);
  t.equal(initialState(initialSort, noFilter, null, 250).delayMs, 250);
  t.end();
});
