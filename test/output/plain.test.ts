import t from 'tap';
import {parseFilter, noFilter} from '../../src/model/filter.js';
import {findGrouping} from '../../src/model/group.js';
import {measure} from '../../src/model/measure.js';
import {initialSort} from '../../src/model/sort.js';
import {selectGroups, selectProgs, wanted} from '../../src/model/select.js';
import {toPlain} from '../../src/output/plain.js';
import {noSources} from '../../src/sample/sources.js';
import type {Sample} from '../../src/sample/types.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

const owners = reading({1: [owner({pod: 'web'})]}, {timeNs: 101_000_000_000n});

function told(
  before: readonly ProgSpec[],
  now: readonly ProgSpec[],
  {
    filter = noFilter,
    limit = null,
    columns = null,
    by = null,
    stats = 'enabled_here',
  }: {
    filter?: ReturnType<typeof parseFilter>;
    limit?: number | null;
    columns?: Parameters<typeof toPlain>[0]['columns'];
    by?: ReturnType<typeof findGrouping> | null;
    stats?: Sample['stats'];
  } = {},
): string {
  const sample = makeSample(110, now, {stats});
  const measured = measure(
    {...sample, progs: {...sample.progs, sources: {...noSources, owners}}},
    makeSample(100, before, {stats}),
  );
  const selection = {sort: initialSort, filter, limit: null, own: false};
  const progs = selectProgs(measured.progs, selection);
  const groups = by ? selectGroups(measured.progs, by, selection) : null;
  const gone = wanted(measured.gone, selection);
  return toPlain({measured, progs, gone, groups, columns, limit, filtered: filter.text !== ''});
}

const loaded = {loadTimeNs: 105_000_000_000n};
const before: ProgSpec[] = [
  {id: 1, name: 'busy'},
  {id: 2, name: 'idle'},
  {id: 3, name: 'left'},
  {id: 5, name: 'naps', sleepable: true},
];
const now: ProgSpec[] = [
  {id: 1, name: 'busy', runTimeNs: 189_000_000n, runCnt: 360_000n},
  {id: 2, name: 'idle'},
  {id: 5, name: 'naps', sleepable: true, runTimeNs: 1_000_000n, runCnt: 10n},
  {id: 6, name: '\u001b[2Jnew', ...loaded},
];

t.test('totals, what came and went, and what ran, the first of the order first', (t) => {
  t.equal(
    told(before, now),
    `12:01:50 UTC, web-3: 4 programs, BPF takes 1.89% of a CPU, 36.0k runs a second, over 10.0s.
New: <1b>[2Jnew (id 6, xdp).
Gone: left (id 3, xdp).
1: busy, xdp, of agent pod/web: 1.89% CPU, 36.0k runs a second, 525ns a run.
2: naps, xdp, of (nobody): no share of a CPU, it may sleep, 1 runs a second, 100µs a run.`,
  );
  t.end();
});

t.test('nothing is said of programs that do nothing, but that they do', (t) => {
  t.match(told(before, before), /\nNone of them ran\.$/);
  t.equal(told([], []).split('\n').length, 1, 'no programs: the number says it');
  t.end();
});

t.test('a filter, a limit and a grouping hold for words too', (t) => {
  const filtered = told(before, now, {filter: parseFilter('name:bus')});
  t.match(filtered, 'The filter lets 1 program through.');
  t.notMatch(filtered, /New|Gone|naps/);
  const limited = told(before, now, {limit: 1});
  t.match(limited, /1: busy.*\nAnd 1 more\.$/);
  t.notMatch(limited, 'naps');
  t.match(
    told(before, now, {by: findGrouping('pod')}),
    /\n1: pod web, 1 program: 1\.89% CPU, 36\.0k runs a second, 525ns a run\./,
  );
  t.match(told(before, now, {columns: ['id', 'cpu_pct']}), /\n1: ID 1, CPU% 1\.89\.\n2: ID 5, CPU% wall\.$/);
  t.end();
});

t.test('of many that come at once a few are named, and none without rates is called idle', (t) => {
  const many = Array.from({length: 40}, (_, i) => ({id: i + 1, name: `prog_${i + 1}`}));
  const text = told([], many);
  t.match(text, /^New: prog_1 \(id 1, xdp\), .* and 35 more\.$/m);
  t.match(text, /^1: .*: no rates yet\.$/m);
  t.match(text, 'And 35 more.');
  t.end();
});

t.test('with statistics off it says so, and neither that programs are idle nor that rates will come', (t) => {
  const text = told(before, now, {stats: 'off'});
  t.match(text, /^[^%]*: 4 programs, over 10\.0s\.\nNew: .*\nGone: .*\nStatistics are off: no rates\.$/);
  t.match(told(before, now, {stats: 'off', by: findGrouping('pod')}), /\nStatistics are off: no rates\.$/);
  t.match(
    told(before, now, {stats: 'off', columns: ['id', 'name']}),
    /\n1: ID 1, NAME busy\.\n/,
    'what was asked for is told',
  );
  t.notMatch(told([], [], {stats: 'off'}), 'Statistics', 'no programs, no rates to miss');
  t.end();
});

t.test('nothing in it moves a cursor or needs a colour', (t) => {
  t.notMatch(told(before, now), /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2500-\u259f]/);
  t.end();
});
