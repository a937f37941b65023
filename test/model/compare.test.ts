import t from 'tap';
import {Baseline, Comparison, type Figures, increase, relativeIncrease, together} from '../../src/model/compare.js';
import {comparedFields, field, type FieldKey, fieldNames, fields, formatField} from '../../src/model/fields.js';
import {formatSigned, formatCount, formatPercent} from '../../src/model/format.js';
import {findGrouping, groupField, type Grouping, groupProgs, sortGroups} from '../../src/model/group.js';
import {measure, type Measured, type MeasuredProg} from '../../src/model/measure.js';
import {defaultOrder, parseSort, sortableFields, sortProgs, withoutBaseline} from '../../src/model/sort.js';
import type {Sample} from '../../src/sample/types.js';
import {random} from '../helpers/random.js';
import {makeSample, type ProgSpec} from '../helpers/samples.js';

const second = 1_000_000_000n;

/** So many runs of that length, since it was loaded. */
const ran = (id: number, runs: number, ns: number, rest: Partial<ProgSpec> = {}): ProgSpec => {
  return {id, runCnt: BigInt(runs), runTimeNs: BigInt(runs * ns), ...rest};
};

/** Readings, one a second. */
const readings = (...all: ProgSpec[][]): Sample[] => all.map((progs, i) => makeSample(100 + i, progs));

const last = (samples: Sample[]): Measured => measure(samples.at(-1) as Sample, samples.at(-2) as Sample);

const keep = ran(1, 0, 0);
const [calm, then, now] = readings(
  [keep, ran(2, 0, 0), ran(3, 0, 0)],
  [ran(1, 1000, 1000), ran(2, 2000, 500), ran(3, 0, 0)],
  // The second was loaded anew, as the fourth: one second after the third reading.
  [ran(1, 4000, 1500), ran(3, 10, 100), ran(4, 500, 2000, {loadTimeNs: 101n * second + 1n})],
) as [Sample, Sample, Sample];
const before = measure(then, calm);
const after = measure(now, then);
const since = new Comparison(new Baseline(before), after.progs);
const [kept, idle, fresh] = after.progs as [MeasuredProg, MeasuredProg, MeasuredProg];
const [went] = since.went as [MeasuredProg];
const value = (key: FieldKey, prog: MeasuredProg) => field(key).get(prog, since);
const text = (key: FieldKey, prog: MeasuredProg) => formatField(field(key), prog, {since, cpus: 1});

t.test('what a program costs more or less than at the baseline', (t) => {
  // 1000 runs of 1000 ns in the one second, 3000 in 5 000 000 ns in the other.
  t.equal(value('events_per_sec_change', kept), 2000);
  t.equal(value('cpu_pct_change', kept), (kept.cpuPct as number) - 0.1);
  t.equal(value('avg_run_time_ns_change', kept), (100 * (5_000_000 / 3000 - 1000)) / 1000);
  t.same(
    ['cpu_pct_change', 'events_per_sec_change', 'avg_run_time_ns_change'].map((key) => text(key as FieldKey, kept)),
    ['+0.40', '+2.0k', '+67%'],
  );
  t.end();
});

t.test('what appeared rose from nothing, and is called new; what went fell to nothing', (t) => {
  t.equal(value('cpu_pct_change', fresh), fresh.cpuPct);
  t.equal(value('events_per_sec_change', fresh), 500);
  t.equal(value('avg_run_time_ns_change', fresh), null, 'there was no average run');
  for (const {key} of comparedFields) t.equal(text(key as FieldKey, fresh), 'new');

  t.same(
    since.went.map((prog) => prog.info.id),
    [2],
  );
  t.equal(went.cpuPct, null, 'it has no rates now');
  t.equal(went.runCnt, 2000n, 'but its counters of then');
  t.equal(value('cpu_pct_change', went), -0.1);
  t.equal(text('events_per_sec_change', went), '-2.0k');
  t.equal(text('avg_run_time_ns_change', went), '-');
  t.end();
});

t.test('what is not known is not compared: no average, no share, no rate, no baseline', (t) => {
  t.equal(value('events_per_sec_change', idle), 10, 'it did not run then, which is known');
  t.equal(text('avg_run_time_ns_change', idle), '-');
  t.equal(relativeIncrease(since.of(idle), 'eventsPerSec'), null, 'no per cent of nothing');
  for (const {key, get} of comparedFields) t.equal(get(kept), null, `${key} without a baseline`);
  const [asleep, awake] = readings([ran(1, 0, 0, {sleepable: true})], [ran(1, 5, 5, {sleepable: true})]) as [Sample, Sample];
  const slept = measure(awake, asleep);
  const sleeping = new Comparison(new Baseline(slept), slept.progs);
  t.equal(increase(sleeping.of(slept.progs[0]!), 'cpuPct'), null);
  t.equal(increase(sleeping.of(slept.progs[0]!), 'eventsPerSec'), 0);
  const first = new Comparison(new Baseline(measure(calm, null)), before.progs);
  t.equal(increase(first.of(before.progs[0]!), 'cpuPct'), null, 'against a first reading');
  t.equal(increase({before: null, after: null}, 'cpuPct'), null);
  t.end();
});

t.test('the rates of a baseline are means since an earlier reading, of what was there then', (t) => {
  const samples = readings(
    [ran(1, 0, 0), ran(5, 900, 1)],
    [ran(1, 100, 10), ran(5, 950, 1)],
    [ran(1, 900, 10), ran(5, 0, 0), ran(6, 40, 10, {loadTimeNs: 101n * second + 1n})],
  );
  const mean = new Baseline(last(samples), samples[0]);
  const latest = new Baseline(last(samples));
  const rate = (baseline: Baseline, i: number) => baseline.find(last(samples).progs[i]!.info.key)?.eventsPerSec;
  t.equal(rate(latest, 0), 800);
  t.equal(rate(mean, 0), 450);
  t.equal(mean.find(last(samples).progs[0]!.info.key)?.avgRunTimeNs, 10);
  t.equal(rate(mean, 1), null, 'its counter went back');
  t.equal(rate(mean, 2), 40, 'half of the time it was not there');
  t.equal(mean.takenAt, samples[2]!.takenAt);
  t.end();
});

t.test('together: sums over what is known, and the average of all runs', (t) => {
  const one: Figures = {cpuPct: 1, eventsPerSec: 10, avgRunTimeNs: 100};
  const none: Figures = {cpuPct: null, eventsPerSec: null, avgRunTimeNs: null};
  t.same(together([one, {cpuPct: null, eventsPerSec: 30, avgRunTimeNs: 20}, none]), {
    cpuPct: 1,
    eventsPerSec: 40,
    avgRunTimeNs: (10 * 100 + 30 * 20) / 40,
  });
  t.same(together([none]), none);
  t.same(together([]), none);
  t.end();
});

const byType = findGrouping('type') as Grouping;

t.test('the changes of programs, and those of groups, add up to that of all', (t) => {
  const {below: upTo} = random(7);
  for (let round = 0; round < 50; round++) {
    let progs: ProgSpec[] = Array.from({length: 20}, (_, i) =>
      ran(i + 1, upTo(9), 7, {type: 1 + upTo(3), self: upTo(9) === 0}),
    );
    const samples = [100, 101, 102, 103].map((seconds) => {
      const sample = makeSample(seconds, progs);
      progs = progs
        .filter(() => upTo(6) > 0)
        .map((prog) => {
          const runs = BigInt(upTo(1000));
          return {...prog, runCnt: prog.runCnt! + runs, runTimeNs: prog.runTimeNs! + runs * BigInt(upTo(5000))};
        });
      progs.push(ran(seconds, upTo(9), 7, {type: 1 + upTo(3), loadTimeNs: BigInt(seconds) * second + 1n}));
      return sample;
    });
    const base = measure(samples[1]!, samples[0]!);
    const latest = last(samples);
    const whole = new Comparison(new Baseline(base), latest.progs);
    for (const own of [true, false]) {
      const totals = own ? 'totals' : 'othersTotals';
      const wanted = ({info}: MeasuredProg) => own || !info.self;
      const groups = groupProgs(latest.progs.filter(wanted), byType, whole.went.filter(wanted));
      for (const [key, name] of [
        ['cpu_pct_change', 'cpuPct'],
        ['events_per_sec_change', 'eventsPerSec'],
      ] as const) {
        const exact = (latest[totals][name] as number) - (base[totals][name] as number);
        const all = [...latest.progs, ...whole.went].filter(wanted);
        const sums = [
          increase(whole.ofTotals({own}), name),
          all.reduce((sum, prog) => sum + (field(key).get(prog, whole) as number), 0),
          groups.reduce((sum, group) => sum + (groupField(key)!.get(group, whole) as number), 0),
        ];
        for (const sum of sums) t.ok(Math.abs((sum as number) - exact) < 1e-6, `${key} ${sum} is ${exact}`);
      }
    }
  }
  t.end();
});

t.test('the average run of a group changes as that of all its runs', (t) => {
  const [group] = groupProgs(after.progs, byType, since.went);
  const ofThen = (1000 * 1000 + 2000 * 500) / 3000;
  const ofNow = (5_000_000 + 10 * 100 + 500 * 2000) / (3000 + 10 + 500);
  const change = groupField('avg_run_time_ns_change')!.get(group!, since) as number;
  t.ok(Math.abs(change - (100 * (ofNow - ofThen)) / ofThen) < 1e-9);
  t.end();
});

t.test('the biggest rise comes first, what went last, and what is not known after it', (t) => {
  const all = [...after.progs, ...since.went];
  const ids = (key: FieldKey) => sortProgs(all, defaultOrder(field(key)), since).map((prog) => prog.info.id);
  t.same(ids('cpu_pct_change'), [1, 4, 3, 2]);
  t.same(ids('avg_run_time_ns_change'), [1, 2, 3, 4]);
  const groups = groupProgs(after.progs, findGrouping('type') as Grouping, since.went);
  t.equal(sortGroups(groups, defaultOrder(field('cpu_pct_change')), since).length, 1);
  t.equal(withoutBaseline(defaultOrder(field('cpu_pct_change'))).field.key, 'cpu_pct');
  t.equal(withoutBaseline(defaultOrder(field('id'))).field.key, 'id');
  t.end();
});

t.test('scripts have no baseline: no field of theirs compares', (t) => {
  for (const {key} of comparedFields) {
    t.notOk(fields.some((each) => each.key === key));
    t.notOk(sortableFields.some((each) => each.key === key));
    t.notOk(fieldNames.includes(key));
    t.type(parseSort(key), 'string');
  }
  t.end();
});

t.test('a change has its sign, also where it is too small to be printed', (t) => {
  t.equal(formatSigned(0.514, formatPercent), '+0.51');
  t.equal(formatSigned(-0.001, formatPercent), '-0.00');
  t.equal(formatSigned(0, formatPercent), '0.00');
  t.equal(formatSigned(0.01, formatCount), '+0.0');
  t.equal(formatSigned(-12_400, formatCount), '-12.4k');
  t.end();
});
