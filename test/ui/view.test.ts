import t from 'tap';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {findGrouping} from '../../src/model/group.js';
import {measure, MeasuredProg} from '../../src/model/measure.js';
import {initialSort, parseSort, type SortOrder} from '../../src/model/sort.js';
import type {Sample} from '../../src/sample/types.js';
import {type Choices, keyOfRow, markMs, type Row, View} from '../../src/ui/view.js';
import {makeSample, type ProgSpec, progInfo} from '../helpers/samples.js';

const all: Choices = {
  ...{sort: initialSort, filter: noFilter, showOwn: false, grouping: null, open: new Set()},
  baseline: null,
};

/** The programs of rows that are all programs. */
function progs(rows: readonly Row[]): readonly MeasuredProg[] {
  return rows.map((row) => (row instanceof MeasuredProg ? row : (undefined as never)));
}

/** A view with a clock of its own, fed with samples a second apart. */
function watch(limit: number | null = null) {
  let now = 0;
  let previous: Sample | null = null;
  const view = new View(limit, () => now);
  let seconds = 100;
  return {
    view,
    pass: (ms: number) => {
      now += ms;
    },
    feed: (progs: readonly ProgSpec[]) => {
      const sample = makeSample(++seconds, progs);
      view.update(measure(sample, previous));
      previous = sample;
    },
    ids: (choices: Choices = all) => progs(view.rows(choices)).map((prog) => prog.info.id),
  };
}

t.test('programs are filtered and sorted at once, on the figures at hand', (t) => {
  const {view, feed, ids} = watch();
  feed([
    {id: 1, name: 'a'},
    {id: 2, name: 'b'},
    {id: 3, name: 'bb'},
  ]);
  feed([
    {id: 1, name: 'a', runTimeNs: 5n, runCnt: 1n},
    {id: 2, name: 'b', runTimeNs: 9n, runCnt: 1n},
    {id: 3, name: 'bb', runTimeNs: 7n, runCnt: 1n},
  ]);
  t.same(ids(), [2, 3, 1]);
  t.same(ids({...all, sort: parseSort('id') as SortOrder}), [3, 2, 1]);
  t.same(ids({...all, filter: parseFilter('b')}), [2, 3]);
  t.equal(view.live, 2);
  t.equal(view.rows(all), view.rows(all), 'nothing is sorted twice');
  t.end();
});

t.test('new programs are marked for three seconds', (t) => {
  const {view, feed, pass} = watch();
  feed([{id: 1}]);
  const key = progInfo({id: 2}).key;
  t.equal(view.mark(progInfo({id: 1}).key), null, 'in the first reading nothing is new');
  feed([{id: 1}, {id: 2}]);
  t.equal(view.mark(key), 'new');
  pass(markMs - 1);
  t.equal(view.expire(), 1);
  t.equal(view.mark(key), 'new');
  pass(1);
  t.equal(view.expire(), null);
  t.equal(view.mark(key), null);
  t.end();
});

t.test('gone programs stay in their place, with their last figures, as long', (t) => {
  const {view, feed, pass, ids} = watch();
  feed([{id: 1}, {id: 2}]);
  feed([
    {id: 1, runTimeNs: 1n, runCnt: 1n},
    {id: 2, runTimeNs: 100n, runCnt: 1n},
  ]);
  feed([{id: 1, runTimeNs: 2n, runCnt: 2n}]);
  t.same(ids(), [2, 1]);
  t.equal(view.mark(progInfo({id: 2}).key), 'gone');
  t.equal(progs(view.rows(all))[0]?.periodRunTimeNs, 100);
  pass(markMs);
  view.expire();
  t.same(ids(), [1]);
  const found = view.find(progInfo({id: 2}).key);
  t.equal(found?.prog.info.id, 2, 'its page still has it');
  t.type(found?.goneAt, 'number');
  t.equal(view.find('never there'), null);
  t.end();
});

t.test('an id that is used again is another program', (t) => {
  const {view, feed, ids} = watch();
  feed([{id: 1, tag: 'aaaaaaaaaaaaaaaa'}]);
  feed([{id: 1, tag: 'bbbbbbbbbbbbbbbb'}]);
  t.same(ids(), [1, 1], 'the old one struck, the new one marked');
  t.same(
    progs(view.rows(all)).map((prog) => view.mark(prog.info.key)),
    ['new', 'gone'].sort().reverse(),
  );
  t.end();
});

t.test("this process's own programs are listed on demand", (t) => {
  const {feed, ids} = watch();
  feed([{id: 1, self: true}, {id: 2}]);
  t.same(ids(), [2]);
  t.same(ids({...all, showOwn: true}), [1, 2]);
  t.end();
});

t.test('a limit cuts the list; the count is of what is listed and still loaded', (t) => {
  const limited = watch(2);
  limited.feed([{id: 1}, {id: 2}, {id: 3}]);
  t.same(limited.ids(), [1, 2]);
  t.equal(limited.view.live, 2);
  const {view, feed, ids} = watch();
  feed([{id: 1}, {id: 2}, {id: 3}]);
  feed([{id: 2}, {id: 3}]);
  t.same(new Set(ids()), new Set([1, 2, 3]), 'the first is listed, struck');
  t.equal(view.live, 2);
  t.end();
});

t.test('missed runs are marked and told as long as the figures say so, and three seconds at least', (t) => {
  const {view, feed, pass} = watch();
  const {key} = progInfo({id: 1});
  const told = () => view.warnings.map(({code}) => code);
  feed([{id: 1, recursionMisses: 7n}]);
  t.equal(view.mark(key), null, 'what it missed before is no alarm');
  feed([{id: 1, recursionMisses: 8n}]);
  t.equal(view.mark(key), 'missed');
  t.same(told(), ['recursion_misses']);
  pass(2 * markMs);
  view.expire();
  t.equal(view.mark(key), 'missed', 'the figures on the screen still say so');
  t.same(told(), ['recursion_misses']);
  feed([{id: 1, recursionMisses: 9n}]);
  pass(markMs - 1);
  feed([{id: 1, recursionMisses: 9n}]);
  t.equal(view.expire(), 1);
  t.equal(view.mark(key), 'missed');
  t.same(told(), ['recursion_misses']);
  pass(1);
  t.equal(view.expire(), null);
  t.equal(view.mark(key), null);
  t.same(told(), []);
  t.end();
});

t.test('what went is forgotten in the end', (t) => {
  const {view, feed, pass} = watch();
  for (let id = 1; id <= 600; id++) {
    feed([{id}]);
    pass(markMs);
    view.expire();
  }
  t.equal(view.find(progInfo({id: 1}).key), null);
  t.ok(view.find(progInfo({id: 599}).key));
  t.end();
});

t.test('programs that went since a baseline stay, without rates once their mark is over, until it is taken away', (t) => {
  const {view, feed, pass, ids} = watch();
  feed([{id: 1}, {id: 2}]);
  feed([
    {id: 1, runTimeNs: 1n, runCnt: 1n},
    {id: 2, runTimeNs: 9n, runCnt: 1n},
  ]);
  const baseline = view.baseline();
  const compared = {...all, baseline};
  feed([{id: 1, runTimeNs: 2n, runCnt: 2n}]);
  t.same(ids(compared), [2, 1], 'in its place, with its last figures');
  pass(markMs);
  view.expire();
  t.same(ids(compared), [1, 2]);
  const went = progs(view.rows(compared))[1]!;
  t.match(went, {cpuPct: null, eventsPerSec: null, runCnt: 1n});
  t.equal(view.mark(went.info.key), 'gone');
  t.equal(view.live, 1);
  t.equal(view.since(baseline), view.since(baseline), 'nothing is compared twice');
  t.same(ids(), [1]);
  t.equal(view.mark(went.info.key), null, 'it is no longer listed');
  feed([
    {id: 1, runTimeNs: 3n, runCnt: 3n},
    {id: 2, runTimeNs: 9n, runCnt: 1n},
  ]);
  t.same(ids(compared).toSorted(), [1, 2], 'what comes back is there once');
  t.equal(view.live, 2);
  t.end();
});

t.test('a baseline is the mean of the ten seconds before it', (t) => {
  const {view, feed} = watch();
  t.equal(view.baseline(), null);
  const key = progInfo({id: 1}).key;
  // One run in the first second, two in the second, and so on.
  for (let i = 0; i <= 30; i++) feed([{id: 1, runCnt: BigInt((i * (i + 1)) / 2)}]);
  const last = Array.from({length: 10}, (_, i) => 21 + i);
  t.equal(view.baseline()?.find(key)?.eventsPerSec, last.reduce((sum, each) => sum + each, 0) / last.length);
  t.end();
});

t.test('a baseline before there are ten seconds is the mean of those there are', (t) => {
  const {view, feed} = watch();
  const key = progInfo({id: 1}).key;
  feed([{id: 1, runCnt: 0n}]);
  t.equal(view.baseline()?.find(key)?.eventsPerSec, null);
  for (const runCnt of [10n, 40n, 90n]) feed([{id: 1, runCnt}]);
  t.equal(view.baseline()?.find(key)?.eventsPerSec, 30);
  t.end();
});

t.test('what costs most: by CPU, then by events, loaded, programs or groups', (t) => {
  const {view, feed} = watch();
  const top = (choices: Choices = all) => {
    const row = view.topSpender(view.rows(choices));
    return row && keyOfRow(row).split('/')[0];
  };
  t.equal(top(), null);
  const sleeper = {id: 5, type: 26, sleepable: true};
  feed([{id: 1}, {id: 2}, {id: 3}, {id: 4}, sleeper]);
  t.equal(top(), '1', 'nothing is known: the first');
  feed([{id: 1, runCnt: 1n}, {id: 2, runCnt: 3n}, {id: 3, runCnt: 2n}, {id: 4}, {...sleeper, runTimeNs: 99n, runCnt: 99n}]);
  t.equal(top(), '2', 'a share of nothing before none');
  t.equal(top({...all, filter: parseFilter('sleepable=yes or id=4'), sort: parseSort('id:asc') as SortOrder}), '4');
  feed([
    {id: 1, runCnt: 1n},
    {id: 2, runCnt: 3n},
    {id: 3, runTimeNs: 1n, runCnt: 3n},
    {...sleeper, runTimeNs: 99n, runCnt: 199n},
  ]);
  t.equal(top(), '3');
  feed([
    {id: 1, runCnt: 1n},
    {id: 2, runCnt: 4n},
  ]);
  t.equal(top(), '2', 'the one before went');
  t.equal(top({...all, grouping: findGrouping('type')!}), 'group type=xdp');
  t.end();
});

t.test('when a filter began is known, and one that comes back is as old as it was', (t) => {
  const {view, feed, pass} = watch();
  const [one, other] = [parseFilter('a'), parseFilter('b')];
  view.rows({...all, filter: one});
  t.equal(view.filterSince(one), null, 'before the first reading there is no time');
  feed([{id: 1}]);
  pass(400);
  view.rows({...all, filter: one});
  t.equal(view.filterSince(one), 101_400_000_000n);
  pass(600);
  feed([{id: 1}]);
  view.rows({...all, filter: other});
  view.rows({...all, filter: one});
  view.rows(all);
  t.equal(view.filterSince(other), 102_000_000_000n);
  t.equal(view.filterSince(one), 101_400_000_000n);
  t.equal(view.filterSince(noFilter), null);
  t.end();
});

t.test('that there is no iterator is told once, and not for ever', (t) => {
  let now = 0;
  const view = new View(null, () => now);
  const feed = (seconds: number) =>
    view.update(measure(makeSample(seconds, [{id: 1}], {fallbackReason: 'bpf(BPF_PROG_LOAD): EPERM'}), null));
  feed(1);
  t.match(view.warnings, [{message: /one by one.*EPERM/}]);
  const left = view.expire() ?? 0;
  t.ok(left > 5000 && left < 60_000);
  now = left + 1;
  t.equal(view.expire(), null);
  feed(2);
  t.same(view.warnings, []);
  t.end();
});

t.test('while a moment is shown new readings change nothing of it, and afterwards all is there', (t) => {
  const {view, feed, ids, pass} = watch();
  feed([{id: 1}, {id: 2}]);
  feed([{id: 1, runCnt: 5n, runTimeNs: 5n}, {id: 2}]);
  view.show(view.step(null, 0));
  const [measured, rows] = [view.measured, view.rows(all)];
  const trend = view.history.last('host', 'events_per_sec', 9);
  for (let runs = 1n; runs < 20n; runs++)
    feed([
      {id: 1, runCnt: 5n, runTimeNs: 5n},
      {id: 3, runCnt: runs, runTimeNs: runs},
    ]);
  pass(markMs);
  t.equal(view.expire(), null);
  t.equal(view.measured, measured);
  t.equal(view.rows(all), rows);
  t.same(view.history.last('host', 'events_per_sec', 9), trend);
  t.equal(view.behindNs, 0);
  view.tellBehind();
  t.equal(view.behindNs, 19e9, 'told when somebody asks again');
  view.show(null);
  t.same(ids(), [3, 1]);
  t.equal(view.behindNs, null);
  t.equal(view.history.last('host', 'events_per_sec', 99).length, 21);
  t.end();
});

t.test('what is shown stays when its reading has been let go, and from there it goes on', (t) => {
  const {view, feed, ids} = watch();
  feed([{id: 1}]);
  feed([{id: 1, runCnt: 3n}]);
  feed([{id: 1, runCnt: 4n}]);
  const moment = view.step(null, -1);
  view.show(moment);
  const {measured} = view;
  for (let runs = 5n; runs < 700n; runs++) feed([{id: 1, runCnt: runs}]);
  t.equal(view.step(moment, -1), moment, 'nothing older is kept');
  view.show(moment);
  t.equal(view.measured, measured);
  t.same(ids(), [1]);
  const next = view.step(moment, 1)!;
  t.ok(next > moment!);
  view.show(next);
  t.equal(view.measured?.sample.timeNs, next);
  t.end();
});

t.test('a program is found as of the moment shown: not yet there, there, or gone', (t) => {
  const {view, feed} = watch();
  feed([{id: 1}]);
  feed([{id: 1}]);
  feed([{id: 1}, {id: 2}]);
  feed([{id: 1}, {id: 2, runCnt: 4n}]);
  feed([{id: 1}]);
  feed([{id: 1}]);
  const {key} = progInfo({id: 2});
  const at = (back: number) => {
    view.show(view.step(null, back));
    const {goneAt, later, prog} = view.find(key)!;
    return {gone: goneAt !== null, later, runs: prog.runCnt, mark: view.mark(key)};
  };
  t.same(at(-4), {gone: false, later: true, runs: 4n, mark: null});
  t.same(at(-3), {gone: false, later: false, runs: 0n, mark: 'new'});
  t.same(at(-2), {gone: false, later: false, runs: 4n, mark: 'new'});
  t.same(at(-1), {gone: true, later: false, runs: 4n, mark: 'gone'});
  t.equal(view.find('never there'), null);
  t.end();
});

t.test('what goes wrong meanwhile is said though another moment is shown', (t) => {
  const {view, feed} = watch();
  feed([{id: 1, recursionMisses: 1n}]);
  feed([{id: 1, recursionMisses: 1n}]);
  view.show(view.step(null, 0));
  t.same(view.warnings, []);
  feed([{id: 1, recursionMisses: 2n}]);
  t.match(view.warnings, [{code: 'recursion_misses', message: /^now: /}]);
  t.equal(view.mark(progInfo({id: 1}).key), null);
  view.show(view.step(null, 0));
  t.match(view.warnings, [{message: /^runs did not happen/}]);
  t.equal(view.warnings.length, 1);
  t.end();
});

t.test('a baseline taken at a moment of the past is compared with what came after it, not with what was before', (t) => {
  const {view, feed, ids} = watch();
  for (const runCnt of [0n, 10n, 20n]) feed([{id: 1, runCnt}, {id: 2}]);
  for (const runCnt of [50n, 80n, 110n]) feed([{id: 1, runCnt}]);
  view.show(view.step(null, -3));
  const baseline = view.baseline();
  const {key} = progInfo({id: 1});
  t.equal(baseline?.find(key)?.eventsPerSec, 10);
  const then = {...all, baseline};
  const change = () => {
    const {before, after} = view.since(baseline)!.of(view.measured!.progs[0]!);
    return [before?.eventsPerSec, after?.eventsPerSec];
  };
  t.same(change(), [10, 10]);
  view.show(null);
  t.same(change(), [10, 30]);
  t.ok(ids(then).includes(2), 'what went since is listed');
  view.show(view.step(null, -4));
  t.equal(view.since(baseline), null);
  t.same(ids(then).toSorted(), [1, 2]);
  t.equal(view.mark(progInfo({id: 2}).key), null, 'and was still there before');
  t.end();
});

t.test('however many went since a baseline, each listed one has its page', (t) => {
  const {view, feed, pass} = watch();
  const many = Array.from({length: 400}, (_, i) => ({id: i + 1}));
  feed(many);
  feed(many);
  const choices = {...all, baseline: view.baseline()};
  feed([{id: 1000}]);
  pass(markMs);
  view.expire();
  const rows = progs(view.rows(choices));
  t.equal(rows.length, 401);
  t.ok(rows.every(({info}) => view.find(info.key) !== null));
  t.not(view.find(progInfo({id: 1}).key)?.goneAt, null);
  t.end();
});

t.test('what went is not listed for ever though nobody asks', (t) => {
  const {view, feed, pass} = watch();
  feed([{id: 1}, {id: 2}]);
  feed([{id: 1}]);
  pass(markMs);
  feed([{id: 1}]);
  t.equal(view.rows(all).length, 1);
  t.end();
});
