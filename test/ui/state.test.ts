import t from 'tap';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {initialSort, parseSort, type SortOrder} from '../../src/model/sort.js';
import {
  type Action,
  type ActionName,
  type Context,
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
const context: Context = {keys, height: 10, columns: ['id', 'name', 'events_per_sec', 'cpu_pct'], scrollEnd: 5};

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
