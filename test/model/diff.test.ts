import t from 'tap';
import {increase, relativeIncrease} from '../../src/model/compare.js';
import {diff, type Diff, isIdle, type Period, Side, sortDiff} from '../../src/model/diff.js';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {measure} from '../../src/model/measure.js';
import {parseSort, type SortOrder} from '../../src/model/sort.js';
import {makeSample, type ProgSpec} from '../helpers/samples.js';

/** A program that ran so often in one second, and so long each time. */
type Ran = Omit<ProgSpec, 'runCnt' | 'runTimeNs'> & {readonly runs?: number; readonly avg?: number};

/** One period of a second. */
function period(progs: readonly Ran[], whole = true): Period {
  const specs = progs.map(({runs: _, avg: __, ...spec}) => spec);
  const before = makeSample(100, specs);
  const after = makeSample(
    101,
    progs.map(({runs = 1000, avg = 100, ...spec}) => ({...spec, runCnt: BigInt(runs), runTimeNs: BigInt(runs * avg)})),
  );
  const measured = measure(after, before);
  const {host, takenAt} = after;
  const {cpuPct, eventsPerSec, periodRunTimeNs, periodRunCnt} = measured.othersTotals;
  const avgRunTimeNs = periodRunCnt ? (periodRunTimeNs as number) / periodRunCnt : null;
  const totals = {cpuPct, eventsPerSec, avgRunTimeNs};
  return {host, takenAt, periodNs: 1e9, progs: measured.progs, totals, whole};
}

function side(periods: readonly Period[], filter = noFilter): Side {
  const made = new Side('a file', 'snapshot', filter);
  for (const each of periods) made.add(each);
  return made;
}

const compare = (before: readonly Ran[][], after: readonly Ran[][]): Diff =>
  diff(side(before.map((each) => period(each))), side(after.map((each) => period(each))));

const repeated = (n: number, make: (i: number) => Ran[]): Ran[][] => Array.from({length: n}, (_, i) => make(i));

const alpha = {id: 5, name: 'alpha', tag: 'aaaaaaaaaaaaaaaa'};

t.test('a figure is the median of its readings, and its change absolute and relative', (t) => {
  const {progs, totals} = compare(
    [[{...alpha, avg: 90}], [{...alpha, avg: 100}], [{...alpha, avg: 5000}]],
    [[{...alpha, avg: 150, runs: 500}]],
  );
  const [prog] = progs;
  t.match(progs, [{type: 'xdp', name: 'alpha', status: 'same', copies: {before: 1, after: 1}}]);
  t.match(prog?.summaries.before, {avgRunTimeNs: {median: 100, readings: 3}, eventsPerSec: {median: 1000}});
  t.equal(increase(prog!, 'avgRunTimeNs'), 50);
  t.equal(relativeIncrease(prog!, 'avgRunTimeNs'), 50);
  t.equal(relativeIncrease(prog!, 'eventsPerSec'), -50);
  t.equal(increase(totals, 'avgRunTimeNs'), 50);
  t.end();
});

t.test('of a reading without a run there is no average, and it has no part in the median of averages', (t) => {
  const {progs} = compare([[{...alpha, runs: 0}], [{...alpha, avg: 80}]], [[alpha]]);
  t.match(progs[0]?.summaries.before, {avgRunTimeNs: {median: 80, readings: 1}, eventsPerSec: {median: 500, readings: 2}});
  t.end();
});

t.test('copies are summed, and their average is that of all their runs', (t) => {
  const copies = (avg: number) => [
    {...alpha, runs: 900, avg},
    {...alpha, id: 6, runs: 100, avg: 2 * avg},
  ];
  const {progs} = compare([copies(100)], [[...copies(100), {...alpha, id: 7, runs: 1000, avg: 110}]]);
  t.match(progs, [{copies: {before: 2, after: 3}, before: {eventsPerSec: 1000, avgRunTimeNs: 110}}]);
  t.match(progs[0]?.after, {eventsPerSec: 2000, avgRunTimeNs: 110});
  t.end();
});

t.test('a program is the same by type, name and tag; if its tag changed, by type and name', (t) => {
  const {progs} = compare(
    [[alpha, {id: 6, name: 'beta', tag: '1111111111111111'}, {id: 7, name: 'gone'}]],
    [
      [
        {...alpha, id: 50},
        {id: 51, name: 'alpha', tag: 'bbbbbbbbbbbbbbbb'},
        {id: 60, name: 'beta', tag: '2222222222222222'},
        {id: 61, name: 'beta', tag: '3333333333333333'},
        {id: 70, name: 'gone', type: 3},
      ],
    ],
  );
  const told = progs.map(({name, type, status, tags}) => [name, type, status, tags.before.length, tags.after.length]);
  t.strictSame(told.sort(), [
    ['alpha', 'xdp', 'new', 0, 1],
    ['alpha', 'xdp', 'same', 1, 1],
    ['beta', 'xdp', 'rebuilt', 1, 2],
    ['gone', 'sched_cls', 'new', 0, 1],
    ['gone', 'xdp', 'gone', 1, 0],
  ]);
  const beta = progs.find(({name}) => name === 'beta');
  t.match(beta?.after, {eventsPerSec: 2000}, 'both of those that it may have become');
  t.end();
});

t.test('without a name there is nothing to know it by but its tag', (t) => {
  const nameless = (tag: string) => [[{id: 5, name: '', tag: tag.repeat(16)}]];
  t.match(compare(nameless('a'), nameless('a')).progs, [{status: 'same'}]);
  t.match(compare(nameless('a'), nameless('b')).progs, [{status: 'gone'}, {status: 'new'}]);
  t.end();
});

t.test('a name that was known in full only later is the same one', (t) => {
  const short = {...alpha, name: 'a_very_long_nam'};
  const long = {...alpha, name: 'a_very_long_name_in_full'};
  t.match(compare([[short], [long]], [[short]]).progs, [{name: long.name, status: 'same'}]);
  t.end();
});

t.test('what appeared or went cost nothing where it was not, unless that side does not tell of all', (t) => {
  const [come] = compare([[]], [[alpha]]).progs;
  t.match(come, {status: 'new', before: null, noise: {avgRunTimeNs: null, eventsPerSec: 'unknown'}});
  t.equal(increase(come!, 'eventsPerSec'), 1000);
  const [gone] = compare([[alpha]], [[]]).progs;
  t.match(gone, {status: 'gone', after: null});
  t.equal(relativeIncrease(gone!, 'eventsPerSec'), -100);
  const part = side([period([], false)]);
  const [only] = diff(part, side([period([alpha])])).progs;
  t.match(only, {status: 'only_after', noise: {eventsPerSec: null}});
  t.equal(increase(only!, 'eventsPerSec'), null);
  t.match(diff(side([period([alpha])]), part).progs, [{status: 'only_before'}]);
  t.end();
});

t.test('what is apart by less than its readings are is noise; with too few readings nobody knows', (t) => {
  const noise = (n: number, m: number, more: number) =>
    compare(
      repeated(n, (i) => [{...alpha, avg: 100 + i}]),
      repeated(m, (i) => [{...alpha, avg: 100 + more + i}]),
    ).progs[0]?.noise.avgRunTimeNs;
  t.equal(noise(1, 1, 1000), 'unknown');
  t.equal(noise(3, 60, 1000), 'unknown');
  t.equal(noise(4, 4, 3), 'within', 'of a few readings all count: 100…103, 103…106');
  t.equal(noise(4, 4, 4), 'beyond');
  t.equal(noise(41, 41, 20), 'within', 'of many the middle half: 110…130, 130…150');
  t.equal(noise(41, 41, 21), 'beyond');
  t.equal(noise(41, 41, -21), 'beyond');
  const alike = compare(
    repeated(10, () => [alpha]),
    repeated(10, () => [alpha]),
  );
  t.equal(alike.progs[0]?.noise.avgRunTimeNs, 'within', 'the same without any spread');
  const come = compare(
    repeated(4, () => []),
    repeated(4, () => [alpha]),
  );
  t.equal(come.progs[0]?.noise.eventsPerSec, 'beyond', 'that it was never there is known');
  t.end();
});

t.test('this tool’s own programs are left out', (t) => {
  const {progs, totals} = compare([[alpha, {id: 9, name: 'own', self: true}]], [[alpha]]);
  t.match(progs, [{name: 'alpha'}]);
  t.equal(progs.length, 1);
  t.equal(totals.before?.eventsPerSec, 1000);
  t.end();
});

t.test('the filter is asked for programs of each side, and totals are of all', (t) => {
  const beta = {id: 6, name: 'beta'};
  const of = (text: string) => {
    const filter = parseFilter(text);
    return diff(side([period([alpha, beta])], filter), side([period([{...alpha, runs: 5}, beta])], filter));
  };
  t.match(of('beta'), {progs: [{name: 'beta', status: 'same'}], totals: {before: {eventsPerSec: 2000}}});
  t.equal(of('beta').progs.length, 1);
  t.match(of('name=alpha ev<100').progs, [{name: 'alpha', status: 'same'}], 'what is true of it later is enough');
  t.end();
});

t.test('a program is idle if it ran in no reading of either side, and was in both', (t) => {
  const idle = {...alpha, runs: 0};
  const found = (before: readonly Ran[][], after: readonly Ran[][]) => compare(before, after).progs.map(isIdle);
  t.strictSame(found([[idle]], [[idle]]), [true]);
  t.strictSame(found([[idle], [idle], [alpha]], [[idle]]), [false]);
  t.strictSame(found([[idle]], [[]]), [false]);
  t.end();
});

t.test('programs are ordered by how much more they cost, unknown last', (t) => {
  const {progs} = compare(
    [[alpha, {id: 6, name: 'beta', avg: 100}, {id: 7, name: 'gone'}, {id: 8, name: 'asleep', sleepable: true}]],
    [
      [
        {...alpha, avg: 300},
        {id: 6, name: 'beta', avg: 200},
        {id: 8, name: 'asleep', sleepable: true},
        {id: 9, name: 'new'},
      ],
    ],
  );
  const names = (text: string) => sortDiff(progs, parseSort(text) as SortOrder).map(({name}) => name);
  t.strictSame(names('cpu_pct'), ['alpha', 'beta', 'new', 'gone', 'asleep']);
  t.strictSame(names('avg:asc'), ['asleep', 'beta', 'alpha', 'gone', 'new']);
  t.strictSame(names('name'), ['alpha', 'asleep', 'beta', 'gone', 'new']);
  t.end();
});

t.test('of a very long recording readings are left out evenly, and medians stay', (t) => {
  const many = Array.from({length: 2000}, (_, i) => ({id: i + 1, name: `prog_${i}`, avg: 100}));
  const one = period(many);
  const other = period(many.map((prog) => ({...prog, avg: 300})));
  const long = new Side('a file', 'recording', noFilter);
  for (let i = 0; i < 1100; i++) long.add(i % 3 === 0 ? other : one);
  t.equal(long.readings, 1100);
  const {progs} = diff(long, side([one]));
  const summary = progs[0]?.summaries.before?.avgRunTimeNs;
  t.equal(summary?.median, 100);
  t.ok((summary?.readings ?? 0) < 1000 && (summary?.readings ?? 0) >= 250, String(summary?.readings));
  t.end();
});
