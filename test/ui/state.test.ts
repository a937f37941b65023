import t from 'tap';
import {Baseline} from '../../src/model/compare.js';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {comparedFields, field, fields} from '../../src/model/fields.js';
import {findGrouping, type Grouping, groupings} from '../../src/model/group.js';
import {measure} from '../../src/model/measure.js';
import {initialSort, parseSort, type SortOrder} from '../../src/model/sort.js';
import {actionFor} from '../../src/ui/keymap.js';
import {
  type Action,
  type ActionName,
  type Context,
  groupChoices,
  groupLetter,
  initialState,
  reduce,
  settle,
  sortChoices,
  sortLetter,
  type State,
} from '../../src/ui/state.js';
import {makeSample} from '../helpers/samples.js';
import {longestLine} from '../../src/ui/line-edit.js';

const start = initialState({
  sort: initialSort,
  filter: noFilter,
  grouping: null,
  chosenColumns: null,
  delayMs: 1000,
  speed: null,
});
const keys = Array.from({length: 30}, (_, i) => `key-${i}`);
const baseline = new Baseline(measure(makeSample(100, []), null));
const context: Context = {
  ...{keys, height: 10, columns: ['id', 'name', 'events_per_sec', 'cpu_pct'], progs: [], scrollEnd: 5},
  ...{
    mark: () => baseline,
    topSpender: () => 'key-17',
    step: () => null,
    usualColumns: () => ['id', 'name', 'cpu_pct', 'trend'],
  },
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
  const {prompt} = after(start, 'filter', ...typed('a'.repeat(longestLine + 5)));
  t.equal(prompt?.text.length, longestLine);
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
  t.match(open.overlay, {kind: 'sort', index: sortChoices(start).findIndex((each) => each.key === 'cpu_pct')});
  t.match(after(open, 'down', 'choose'), {overlay: null, sort: {field: {key: 'events_per_sec'}, descending: true}});
  const name = sortLetter(field('name'));
  t.match(after(open, {name: 'type', text: name}), {overlay: null, sort: {field: {key: 'name'}, descending: false}});
  t.equal(after(open, 'choose').sort.descending, false, 'the same again is the other way round');
  t.equal(after(open, {name: 'type', text: '%'}), open);
  t.match(after(open, 'last', 'down', 'back'), {overlay: null, sort: start.sort});
  for (const state of [start, {baseline}]) {
    const letters = sortChoices(state).map(sortLetter);
    t.notOk(letters.includes(''), 'every choice has a letter');
    t.same(letters, [...new Set(letters)], 'of its own');
  }
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

t.test('b marks a moment to compare with, b again or Esc takes it away, and an order by a change with it', (t) => {
  const marked = after(start, 'compare');
  t.equal(marked.baseline, baseline);
  t.equal(marked.sort, start.sort, 'the order stays');
  t.equal(after(marked, 'compare').baseline, null);
  const byChange = after(marked, {name: 'type', text: 'S'});
  t.match(byChange.sort, {field: {key: 'events_per_sec_change'}, descending: true});
  t.match(after(byChange, 'compare'), {baseline: null, sort: {field: {key: 'events_per_sec'}, descending: true}});
  t.match(after(byChange, 'clear'), {baseline: null, sort: {field: {key: 'events_per_sec'}}});
  const filtered = after({...marked, filter: parseFilter('x'), grouping: owner}, 'clear', 'clear');
  t.match(filtered, {filter: noFilter, grouping: null, baseline}, 'after filter and grouping');
  t.equal(reduce(start, {name: 'compare'}, {...context, mark: () => null}), start, 'before the first figures');
  t.end();
});

t.test('a capital sorts by its field, and the other way round when pressed again', (t) => {
  for (const each of fields.filter(({letter}) => letter)) {
    const sorted = after({...start, sort: {...start.sort, field: field('hottest_cpu')}}, {name: 'type', text: each.letter!});
    t.match(sorted, {sort: {field: {key: each.key}}, overlay: null});
    t.equal(after(sorted, {name: 'type', text: each.letter!}).sort.descending, !sorted.sort.descending);
    t.ok(each.title.includes(each.letter!), `${each.letter} is in ${each.title}`);
    t.ok((each.titleOfAllCpus ?? each.title).includes(each.letter!));
  }
  for (const {letter} of comparedFields)
    t.equal(after(start, {name: 'type', text: letter!}), start, 'there is nothing to compare');
  const letters = [...fields, ...comparedFields].flatMap(({letter}) => letter ?? []);
  t.same(letters, [...new Set(letters)]);
  for (const letter of letters) {
    t.match(letter, /^[A-Z]$/);
    t.equal(actionFor(letter, 'table'), undefined, `${letter} does nothing else`);
    t.notOk('GIW'.includes(letter));
  }
  t.equal(after(start, ...typed('xz1é')), start);
  t.end();
});

t.test('t selects what costs most, wherever it is in the list; the order stays', (t) => {
  const top = after(start, 'top');
  t.match(top, {selected: 'key-17', row: 17, top: 8, sort: start.sort});
  t.equal(reduce(start, {name: 'top'}, {...context, topSpender: () => null}), start);
  t.end();
});

t.test('% changes what 100 % are, in the table and on a page', (t) => {
  t.equal(after(start, 'cpus').ofAllCpus, true);
  t.match(after(start, 'open', 'cpus'), {ofAllCpus: true, page: {kind: 'detail'}});
  t.equal(after(start, 'cpus', 'cpus').ofAllCpus, false);
  t.end();
});

t.test('[ and ] go through the programs of the list, past groups, and end at its ends', (t) => {
  const grouped: State = {...start, grouping: owner};
  const page = (state: State) => state.page.kind === 'detail' && state.page.key;
  const open = after(start, 'down', 'down', 'open', 'pageDown');
  const next = after(open, 'nextProg');
  t.match(next, {page: {kind: 'detail', key: 'key-2', scroll: 0}, selected: 'key-2'});
  t.equal(page(after(open, 'previousProg')), 'key-0');
  t.equal(page(after(open, 'previousProg', 'previousProg')), 'key-0');
  const last = after(start, 'last', 'open');
  t.equal(after(last, 'nextProg'), last);
  const alone = afterIn({...grouped, selected: '7/1/x', row: 1}, 'open');
  t.equal(page(afterIn(alone, 'nextProg')), '7/1/x', 'what follows is a group');
  t.equal(page(afterIn(alone, 'previousProg')), '7/1/x');
  const without = {...context, keys: keys.filter((key) => key !== 'key-1')};
  t.equal(page(reduce(open, {name: 'nextProg'}, without)), 'key-2', 'from where it was');
  t.equal(page(reduce(open, {name: 'previousProg'}, without)), 'key-0');
  t.end();
});

t.test('the window is automatic until one is chosen, and stays chosen', (t) => {
  const open = after(start, 'open');
  t.equal(open.windowNs, null);
  t.equal(after(open, 'window5').windowNs, 300e9);
  t.equal(after(open, 'window1', 'window10').windowNs, 600e9);
  t.equal(after(open, 'window1', 'back', 'down', 'down', 'open').windowNs, 60e9);
  t.equal(after(start, 'window1').windowNs, null, 'only there');
  t.end();
});

t.test('a page that has become shorter scrolls back at the first key', (t) => {
  const far = after(start, 'open', 'last');
  t.match(reduce(far, {name: 'up'}, {...context, scrollEnd: 2}).page, {scroll: 1});
  t.end();
});

const shown: Context = {...context, columns: ['id', 'name', 'cpu_pct', 'trend']};
const afterChoosing = (state: State, ...names: ActionName[]): State =>
  names.reduce<State>((now, name) => reduce(now, {name}, shown), state);

t.test('the choice of columns begins with what is shown; each key changes the table at once', (t) => {
  const open = afterChoosing(start, 'columns');
  t.match(open, {overlay: {kind: 'columns', index: 0}, chosenColumns: null}, 'nothing is chosen by looking');
  t.same(afterChoosing(open, 'toggle').chosenColumns, ['name', 'cpu_pct', 'trend']);
  t.same(afterChoosing(open, 'toggle', 'toggle').chosenColumns, ['id', 'name', 'cpu_pct', 'trend']);
  t.same(
    afterChoosing(open, 'down', 'toggle').chosenColumns,
    ['id', 'type', 'name', 'cpu_pct', 'trend'],
    'in its usual place',
  );
  const moved = afterChoosing(open, 'moveRight');
  t.same(moved.chosenColumns, ['name', 'id', 'cpu_pct', 'trend']);
  t.same(afterChoosing(moved, 'moveRight', 'moveLeft').chosenColumns, moved.chosenColumns, 'and back');
  t.same(afterChoosing(moved, 'moveRight', 'moveRight', 'moveRight').chosenColumns, ['name', 'cpu_pct', 'trend', 'id']);
  t.equal(afterChoosing(open, 'moveLeft'), open, 'there is none to the left');
  t.equal(afterChoosing(open, 'down', 'moveLeft').chosenColumns, null, 'what is not shown has no place');
  t.match(afterChoosing(moved, 'automatic'), {chosenColumns: null, overlay: {index: 0}});
  t.match(afterChoosing(moved, 'back'), {overlay: null, chosenColumns: moved.chosenColumns});
  t.end();
});

t.test('chosen columns stand first in the list, new ones come after them, and one always stays', (t) => {
  const chosen: State = {...start, chosenColumns: ['name', 'id']};
  const open = afterChoosing(chosen, 'columns');
  t.match(open.overlay, {order: ['name', 'id', 'type']});
  t.same(afterChoosing(open, 'down', 'down', 'toggle').chosenColumns, ['name', 'id', 'type']);
  const one = afterChoosing(open, 'toggle');
  t.same(one.chosenColumns, ['id']);
  t.equal(afterChoosing(one, 'down', 'toggle').chosenColumns, one.chosenColumns);
  t.match(afterChoosing(open, 'last', 'toggle').chosenColumns, ['name', 'id', 'trend']);
  t.end();
});

t.test('from a column that has no order, sorting goes on to the next that has one', (t) => {
  const columns = ['id', 'map_ids', 'trend', 'cpu_pct'] as const;
  t.equal(reduce(start, {name: 'sortLeft'}, {...context, columns}).sort.field.key, 'id');
  t.end();
});

t.test('the name of a file is edited as a filter is; what went wrong is said until it is mended', (t) => {
  const asked = after(start, {name: 'askFile', text: 'a.json'});
  t.match(asked.prompt, {kind: 'file', text: 'a.json', caret: 6, stage: 'typing', error: null});
  t.match(after(asked, 'erase', ...typed('b.csv')), {prompt: {text: 'b.csv'}, filter: noFilter}, 'and is no filter');
  const writing = after(asked, 'writeFile');
  t.equal(after(writing, ...typed('x')), writing, 'nothing is edited while it is written');
  t.equal(after(writing, 'restore').prompt, null, 'but one can leave');
  const failed = after(writing, {name: 'written', outcome: {kind: 'failed', sentence: 'open: EACCES.'}});
  t.match(failed.prompt, {text: 'a.json', stage: 'typing', error: 'open: EACCES.'});
  t.match(after(failed, 'caretLeft').prompt, {caret: 5, error: null});
  t.equal(after(writing, {name: 'written', outcome: {kind: 'done', sentence: 'Written.'}}).prompt, null);
  const asking = after(writing, {name: 'written', outcome: {kind: 'exists'}});
  t.match(asking.prompt, {stage: 'replace'});
  t.equal(after(asking, ...typed('x')), asking);
  t.match(after(asking, 'keepFile').prompt, {text: 'a.json', stage: 'typing'});
  t.match(after(asking, 'replaceFile').prompt, {stage: 'writing'});
  t.end();
});

const {progs} = measure(
  makeSample(1, [
    {id: 1, name: 'tc_main'},
    {id: 2, name: 'tc_other'},
    {id: 3, name: 'x y'},
  ]),
  null,
);
const completing = (text: string, ...names: ActionName[]) => {
  const state = after(start, 'filter', ...typed(text));
  return names.reduce<State>((now, name) => reduce(now, {name}, {...context, progs}), state);
};
const lineOf = ({prompt}: State) => prompt && `${prompt.text.slice(0, prompt.caret)}|${prompt.text.slice(prompt.caret)}`;

t.test('Tab completes what there is one of, and acts at once', (t) => {
  const name = completing('bytes_m', 'complete');
  t.equal(lineOf(name), 'bytes_m|', 'two begin so');
  t.equal(lineOf(completing('na', 'complete')), 'name|', 'name and namespace have that in common');
  t.equal(lineOf(completing('verif', 'complete')), 'verified_insns>|');
  t.equal(lineOf(completing('name:x', 'complete')), 'name:"x y"|');
  t.equal(completing('name:x', 'complete').filter.text, 'name:"x y"');
  t.equal(lineOf(completing('sleepable=y', 'complete')), 'sleepable=yes|');
  t.equal(
    lineOf(completing('(verif>1 or x)', ...Array<ActionName>(9).fill('caretLeft'), 'complete')),
    '(verified_insns|>1 or x)',
  );
  const none = completing('nothing_like_it', 'complete');
  t.equal(lineOf(none), 'nothing_like_it|');
  t.end();
});

t.test('Tab goes through several candidates, Shift-Tab back; typing ends it, Esc brings back the filter there was', (t) => {
  const first = completing('name:t', 'complete');
  t.equal(lineOf(first), 'name:tc_|', 'what they have in common');
  t.match(first.prompt, {choices: {candidates: ['tc_main', 'tc_other'], index: -1}});
  const go = (...names: ActionName[]) => lineOf(completing('name:t', 'complete', ...names));
  t.equal(go('complete'), 'name:tc_main|');
  t.equal(go('complete', 'complete'), 'name:tc_other|');
  t.equal(go('complete', 'complete', 'complete'), 'name:tc_main|');
  t.equal(go('completeBack'), 'name:tc_other|');
  t.equal(go('complete', 'completeBack'), 'name:tc_other|');
  t.match(after(first, ...typed('o')).prompt, {choices: null, text: 'name:tc_o'});
  t.equal(completing('name:t', 'complete', 'complete').filter.text, 'name:tc_main');
  t.equal(completing('name:t', 'complete', 'complete', 'restore').filter, noFilter);
  t.equal(after(start, 'filter', 'complete').prompt?.text, '', 'all fields begin with nothing');
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

t.test('Space pauses at the latest, a step back does so and goes back, and beyond the latest it is live again', (t) => {
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
  t.equal(initialState({...start, delayMs: 250}).delayMs, 250);
  t.end();
});

t.test('the speed of a recording goes from step to step between a tenth and a hundred', (t) => {
  const of = (speed: number, ...names: ActionName[]) => afterAt({...start, speed}, ...names).speed;
  t.equal(of(1, 'faster'), 2);
  t.equal(of(1, 'slower'), 0.5);
  t.equal(of(3, 'faster'), 5, 'from between two');
  t.equal(of(100, 'faster'), 100);
  t.equal(of(0.1, 'slower'), 0.1);
  t.equal(of(Infinity, 'faster'), Infinity, 'what began without waiting goes no faster');
  t.equal(of(Infinity, 'slower'), 100);
  t.equal(of(0.01, 'slower'), 0.01);
  t.equal(afterAt({...start, speed: 1}, 'open', 'faster').speed, 2, 'on a page too');
  t.equal(afterAt({...start, speed: 1}, 'filter', 'faster').speed, 1, 'not while a filter is typed');
  t.end();
});
