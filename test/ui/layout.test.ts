import t from 'tap';
import {FilterError, noFilter, parseFilter} from '../../src/model/filter.js';
import {defaultOrder, initialSort, sortableFields} from '../../src/model/sort.js';
import {countCells, layoutFooter} from '../../src/ui/footer.js';
import {dialogText, helpLines, overlayRect} from '../../src/ui/help.js';
import {allColumns, layoutColumns, layoutScreen, markCells, type Rect} from '../../src/ui/layout.js';
import {filePrompt, type FilterPrompt, filterPrompt} from '../../src/ui/prompt.js';
import {groupChoices, initialState, sortChoices, type State} from '../../src/ui/state.js';
import {withoutStyles} from '../../src/ui/styled-text.js';
import {cellsOf} from '../../src/ui/text.js';

const widths = Array.from({length: 397}, (_, i) => i + 4);
const state = initialState({
  sort: initialSort,
  filter: noFilter,
  grouping: null,
  chosenColumns: null,
  delayMs: 1000,
  speed: null,
});

t.test('columns never overlap and never leave the screen, whatever they are sorted by', (t) => {
  const wrong: string[] = [];
  for (const width of widths) {
    for (const {key: sortKey} of sortableFields) {
      const columns = layoutColumns(width, sortKey);
      let free = markCells;
      for (const {key, x, width: cells, title} of columns) {
        if (x < free) wrong.push(`${key} overlaps at ${width}`);
        if (width >= 40 && cells < title.length + 1) wrong.push(`${key} has no room for its title and mark at ${width}`);
        free = x + cells + 1;
      }
      if (free - 1 > width) wrong.push(`too wide at ${width}, sorted by ${sortKey}`);
      if (columns.length === 0) wrong.push(`no column at ${width}`);
      if (width >= 40 && !columns.some((column) => column.key === sortKey)) wrong.push(`${sortKey} isn't shown at ${width}`);
    }
  }
  t.same(wrong, []);
  t.end();
});

t.test('the least important columns go first', (t) => {
  const keys = (width: number) => layoutColumns(width, 'cpu_pct').map((column) => column.key);
  t.same(keys(40), ['name', 'avg_run_time_ns', 'events_per_sec', 'cpu_pct']);
  const table = ['id', 'type', 'name', 'owner', 'avg_run_time_ns', 'events_per_sec', 'cpu_pct', 'trend'];
  t.same(keys(80), table, 'what is expensive, since when and whose it is, at 80 columns');
  for (const width of [100, 120, 200, 400])
    for (const key of table) t.ok(keys(width).includes(key as 'id'), `${key} at ${width}`);
  for (const width of widths.filter((each) => each > 20)) {
    const narrower = keys(width - 1);
    t.ok(
      narrower.every((key) => keys(width).includes(key)),
      `${width} has what ${width - 1} has`,
    );
  }
  t.end();
});

t.test('chosen columns stand in their order, as many from the left as fit; what it is sorted by always does', (t) => {
  const keys = (width: number, sorted: string, ...wanted: Parameters<typeof layoutColumns>[3] & unknown[]) =>
    layoutColumns(width, sorted, 0, wanted).map((column) => column.key);
  t.same(keys(80, 'cpu_pct', 'trend', 'cpu_pct', 'name'), ['trend', 'cpu_pct', 'name']);
  t.same(keys(80, 'run_cnt', 'name', 'id'), ['name', 'id', 'run_cnt']);
  t.same(keys(40, 'cpu_pct', 'tag', 'uid', 'loaded_at', 'name', 'cpu_pct'), ['tag', 'uid', 'cpu_pct']);
  t.end();
});

t.test('an id is whole, however many programs were loaded before', (t) => {
  for (const width of widths)
    for (let digits = 1; digits <= String(2 ** 31).length; digits++) {
      const columns = layoutColumns(width, 'cpu_pct', digits);
      const id = columns.find(({key}) => key === 'id');
      if (id && id.width < digits) t.fail(`${digits} digits at ${width}`);
      const last = columns.at(-1)!;
      if (last.x + last.width > width) t.fail(`too wide at ${width}`);
      if (width >= 80 && !id) t.fail(`no id at ${width}`);
    }
  t.end();
});

t.test('the parts of a screen lie within it, at any size', (t) => {
  const wrong: string[] = [];
  for (let rows = 1; rows <= 60; rows++) {
    const {header, titles, body, footer} = layoutScreen({columns: 80, rows});
    if (rows >= 5 && (header !== 0 || titles !== 1 || footer !== rows - 1)) wrong.push(`parts missing at ${rows}`);
    if (body.y + body.height > rows || (footer >= 0 && body.y + body.height > footer)) wrong.push(`body at ${rows}`);
    if (body.height < 1) wrong.push(`no body at ${rows}`);
  }
  t.same(wrong, []);
  t.end();
});

const badPrompt: FilterPrompt = {
  ...filterPrompt(noFilter),
  text: `${'监控'.repeat(30)} nam=x\u001b`,
  caret: 62,
  error: new FilterError("unknown field 'nam\u001b'; did you mean 'name'?", 61),
};

t.test('the footer says what is wrong with a filter, and where', (t) => {
  const texts = {version: '1.2.3', notice: null};
  const {error} = layoutFooter({...state, prompt: badPrompt}, 120, texts);
  t.equal(error, "column 62: unknown field 'nam<1b>'; did you mean 'name'?");
  const short = {...filterPrompt(noFilter), text: 'nam=x', caret: 5, error: new FilterError("unknown field 'nam'", 0)};
  t.match(layoutFooter({...state, prompt: short}, 80, texts), {before: '/nam=x', error: "column 1: unknown field 'nam'"});
  t.end();
});

const values = ['a', 'b\u001b[2J', '监控监控', ...Array.from({length: 6}, (_, i) => `value-${i}`)];

t.test('the footer fits, keeps its count clear of the keys, and drops the cheapest keys first', (t) => {
  const states: State[] = [
    state,
    {...state, filter: parseFilter('a filter that is longer than any footer of a narrow terminal could ever show')},
    {...state, prompt: {...filterPrompt(noFilter), text: 'cil_ with something behind it', caret: 4}},
    {...state, prompt: {...filterPrompt(noFilter), text: '监控监控监控监控监控监控', caret: 12}},
    {...state, prompt: {...filterPrompt(noFilter), text: 'cpu>', caret: 4, error: new FilterError('missing', 4)}},
    {...state, prompt: badPrompt},
    {...state, prompt: {...badPrompt, choices: {line: badPrompt, from: 0, to: 0, candidates: values, index: -1}}},
    {...state, prompt: {...badPrompt, choices: {line: badPrompt, from: 0, to: 0, candidates: values, index: 8}}},
    {...state, prompt: {...filePrompt('监控'.repeat(40)), error: 'open: ENOENT. There is no such directory.'}},
    {...state, prompt: {...filePrompt('监控'.repeat(40)), stage: 'replace'}},
    {...state, prompt: {...filePrompt('a.json'), stage: 'writing'}},
    {...state, page: {kind: 'detail', key: '', scroll: 0}},
    {...state, overlay: {kind: 'help', scroll: 0}},
  ];
  const wrong: string[] = [];
  for (const width of widths.filter((each) => each >= 20)) {
    for (const each of states) {
      const {before, caret, after, countX, error, candidates, keys} = layoutFooter(each, width, {
        version: '1.2.3',
        notice: 'demo: 6 programs of its own',
      });
      const left = cellsOf(before + caret + after);
      const right = cellsOf([...keys.map((pair) => pair.join(' ')), ...candidates.map(({text}) => text)].join('  '));
      const choices = each.prompt?.kind === 'filter' && each.prompt.choices;
      if (choices && choices.index >= 0 && width >= 80 && !candidates.some(({chosen}) => chosen))
        wrong.push(`what is chosen is not shown at ${width}`);
      if (each.prompt?.error && !choices && left + 2 + cellsOf(error) > width) wrong.push(`error overlaps at ${width}`);
      if (each.prompt?.error && !choices && (keys.length > 0 || countX < width || error === ''))
        wrong.push(`no error at ${width}`);
      const counted = each.page.kind === 'table' && !each.overlay && each.prompt?.kind !== 'file';
      const clear = counted ? countX + countCells : left;
      if (left > width) wrong.push(`left of ${left} at ${width}`);
      if (right > 0 && clear + right > width) wrong.push(`keys overlap at ${width}`);
      const typing = each.prompt && !('stage' in each.prompt && each.prompt.stage !== 'typing');
      if (typing && caret === '') wrong.push(`no caret at ${width}`);
    }
  }
  t.same(wrong, []);
  t.match(layoutFooter(state, 60, {version: '1.2.3', notice: null}).keys[0], ['?', 'help']);
  t.end();
});

t.test('help and dialogs fit their places', (t) => {
  const wrong: string[] = [];
  for (const columns of widths.filter((each) => each >= 20)) {
    for (const line of helpLines({speed: null}, columns))
      if (cellsOf(withoutStyles(line)) > columns) wrong.push(`help at ${columns}: ${line}`);
    for (const rows of [6, 10, 24, 50]) {
      const layout = layoutScreen({columns, rows});
      for (const overlay of [
        ...[0, 12, sortChoices(state).length - 1].map((index) => ({kind: 'sort', index}) as const),
        ...groupChoices.map((_, index) => ({kind: 'group', index}) as const),
        ...[0, 12, allColumns.length - 1].map((index) => ({kind: 'columns', index, order: allColumns}) as const),
      ]) {
        const open: State = {...state, overlay};
        const rect = overlayRect(open, layout) as Rect;
        const lines = dialogText(open, overlay, rect, layoutColumns(columns, 'cpu_pct'))?.lines ?? [];
        if (rect.x < 0 || rect.x + rect.width > columns || rect.height > layout.body.height)
          wrong.push(`dialog at ${columns}`);
        if (lines.length > rect.height - 2) wrong.push(`dialog too high at ${columns}×${rows}`);
        if (lines.some((line) => cellsOf(withoutStyles(line)) > rect.width - 4)) wrong.push(`dialog too wide at ${columns}`);
        if (!lines.some((line) => line.startsWith('\u001b[38;5;5m')))
          wrong.push(`chosen line out of sight at ${columns}×${rows}`);
      }
    }
  }
  t.same(wrong, []);
  t.end();
});

t.test('the sort mark has its place in every column', (t) => {
  for (const each of sortableFields) {
    const column = layoutColumns(120, each.key).find(({key}) => key === each.key);
    t.ok(column && column.width > each.title.length, each.key);
    t.ok(defaultOrder(each));
  }
  t.end();
});

t.test('in next to no room the name stays, beside what it is sorted by as long as it can be told from others', (t) => {
  const keys = (width: number) => layoutColumns(width, 'cpu_pct', 3).map(({key}) => key);
  t.same(keys(20), ['name', 'cpu_pct']);
  t.same(keys(15), ['name', 'cpu_pct']);
  t.same(keys(12), ['name']);
  t.same(keys(5), ['name']);
  for (let width = 3; width < 60; width++) {
    const columns = layoutColumns(width, 'cpu_pct', 3);
    t.ok(
      columns.every((column) => column.width > 0 && column.x + column.width <= width),
      `within ${width}`,
    );
  }
  t.end();
});
