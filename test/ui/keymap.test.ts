import t from 'tap';
import {noFilter} from '../../src/model/filter.js';
import {initialSort} from '../../src/model/sort.js';
import {helpLines} from '../../src/ui/help.js';
import {actionFor, bindings, footerKeys, keymap, type Scope, scopeOf, shownKey} from '../../src/ui/keymap.js';
import {filePrompt, filterPrompt} from '../../src/ui/prompt.js';
import {initialState} from '../../src/ui/state.js';
import {withoutStyles} from '../../src/ui/styled-text.js';

const scopes: readonly Scope[] = ['table', 'detail', 'help', 'sort', 'group', 'columns', 'filter', 'file', 'replace'];

t.test('no key means two things in one place', (t) => {
  for (const scope of scopes) {
    for (const paused of [false, true])
      for (const recorded of [false, true]) {
        const keys = bindings(scope, {paused, recorded}).flatMap((each) => each.keys);
        t.same(keys, [...new Set(keys)], `${scope}${paused ? ', paused' : ''}${recorded ? ', recorded' : ''}`);
      }
  }
  t.end();
});

t.test('from everywhere there is a way out, and the footer shows one', (t) => {
  for (const scope of scopes) {
    t.equal(actionFor('ctrl-c', scope), 'interrupt');
    t.equal(actionFor('ctrl-z', scope), 'suspend');
    t.equal(actionFor('ctrl-l', scope), 'repaint');
    t.ok(footerKeys(scope).length > 0, scope);
  }
  t.equal(actionFor('q', 'table'), 'quit');
  t.equal(actionFor('q', 'filter'), undefined, 'q is a letter in a filter');
  t.end();
});

t.test('while the view is paused the keys of time mean something else, and the footer says so', (t) => {
  const paused = {paused: true, recorded: false};
  for (const scope of ['table', 'detail'] as const) {
    t.equal(actionFor(' ', scope), 'pause');
    t.equal(actionFor(' ', scope, paused), 'live');
    t.equal(actionFor('left', scope), 'earlier', 'the first step back pauses');
    t.equal(actionFor('right', scope), undefined);
    t.equal(actionFor('right', scope, paused), 'later');
    const shown = footerKeys(scope, paused).map(([key, label]) => `${key} ${label}`);
    t.ok(shown.includes('←→ step') && shown.includes('Space go on'), scope);
  }
  t.equal(actionFor('esc', 'table', paused), 'live');
  t.equal(actionFor('esc', 'detail', paused), 'back');
  t.equal(actionFor('/', 'table', paused), 'filter');
  t.end();
});

t.test('+ and - change the delay, of a recording its speed; → goes ahead in one, and steps where it is paused', (t) => {
  for (const scope of ['table', 'detail'] as const) {
    for (const paused of [false, true]) {
      const of = (key: string, recorded: boolean) => actionFor(key, scope, {paused, recorded});
      t.same(
        ['+', '=', '-'].map((key) => of(key, false)),
        ['longer', 'longer', 'shorter'],
      );
      t.same(
        ['+', '=', '-'].map((key) => of(key, true)),
        ['faster', 'faster', 'slower'],
      );
      t.equal(of('right', true), paused ? 'later' : 'ahead');
      t.equal(of('shift-right', true), paused ? 'muchLater' : 'farAhead');
      t.equal(of('right', false), paused ? 'later' : undefined);
    }
    t.equal(actionFor(' ', scope, {paused: false, recorded: true}), 'pause');
    t.equal(actionFor(' ', scope, {paused: true, recorded: true}), 'live');
    t.equal(actionFor('left', scope, {paused: false, recorded: true}), 'earlier');
    const footer = footerKeys(scope, {paused: false, recorded: true}).map(([key, label]) => `${key} ${label}`);
    t.ok(footer.includes('→ ahead') && footer.includes('+ - speed'), scope);
  }
  const help = (recorded: boolean) =>
    helpLines({speed: recorded ? 1 : null}, 120)
      .map(withoutStyles)
      .join('\n');
  t.match(help(false), /read less often[^]*read more often/);
  t.notMatch(help(false), /replay:/);
  t.notMatch(help(true), /read (less|more) often/);
  t.match(help(true), /ten seconds ahead[^]*a minute ahead[^]*faster[^]*slower/);
  t.end();
});

t.test('the help tells of every key that is worth telling', (t) => {
  for (const width of [40, 80, 120, 200])
    for (const speed of [null, 1]) {
      const help = helpLines({speed}, width).map(withoutStyles).join('\n');
      for (const {keys, help: line, recorded = speed !== null} of keymap)
        if (line !== null && recorded === (speed !== null))
          for (const key of keys) t.ok(help.includes(shownKey(key)), `${key} at ${width}`);
    }
  t.end();
});

t.test('keys are told in ASCII, where an arrow would be drawn as another key', (t) => {
  for (const key of keymap.flatMap(({keys}) => keys)) t.match(shownKey(key), /^[!-~]+$/, key);
  t.end();
});

t.test('what takes the keys is what lies on top', (t) => {
  const state = initialState({
    sort: initialSort,
    filter: noFilter,
    grouping: null,
    chosenColumns: null,
    delayMs: 1000,
    speed: null,
  });
  t.equal(scopeOf(state), 'table');
  t.equal(scopeOf({...state, page: {kind: 'detail', key: 'x', scroll: 0}}), 'detail');
  t.equal(scopeOf({...state, overlay: {kind: 'sort', index: 0}}), 'sort');
  t.equal(scopeOf({...state, prompt: filterPrompt(noFilter)}), 'filter');
  t.equal(scopeOf({...state, prompt: filePrompt('x')}), 'file');
  t.equal(scopeOf({...state, prompt: {...filePrompt('x'), stage: 'replace'}}), 'replace');
  t.equal(scopeOf({...state, overlay: {kind: 'columns', order: [], index: 0}}), 'columns');
  t.equal(scopeOf({...state, overlay: {kind: 'group', index: 0}}), 'group');
  t.end();
});
