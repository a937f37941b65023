import t from 'tap';
import {documentedStatsCostNs, measure} from '../../src/model/measure.js';
import type {ProgLink} from '../../src/sample/links.js';
import {noSources} from '../../src/sample/sources.js';
import type {Sample} from '../../src/sample/types.js';
import {makeSample, reading} from '../helpers/samples.js';

t.test('figures equal their formulas on the two raw readings', (t) => {
  const before = makeSample(100, [{id: 7, runTimeNs: 1_000_003n, runCnt: 17n}]);
  const after = makeSample(101.5, [{id: 7, runTimeNs: 91_000_010n, runCnt: 1_018n}]);
  const {progs, periodNs, totals, selfCpuPct, statsCostPct} = measure(after, before);
  const [prog] = progs;
  t.equal(periodNs, 1_500_000_000);
  t.equal(prog?.periodRunTimeNs, 90_000_007);
  t.equal(prog?.periodRunCnt, 1_001);
  t.equal(prog?.avgRunTimeNs, 90_000_007 / 1_001);
  t.equal(prog?.totalAvgRunTimeNs, 91_000_010 / 1_018);
  t.equal(prog?.eventsPerSec, (1e9 * 1_001) / 1_500_000_000);
  t.equal(prog?.cpuPct, (100 * 90_000_007) / 1_500_000_000);
  t.equal(totals.cpuPct, prog?.cpuPct);
  t.equal(selfCpuPct, (100 * (101.5e7 - 100e7)) / 1.5e9);
  t.equal(statsCostPct, (100 * 1_001 * documentedStatsCostNs) / 1.5e9);
  t.end();
});

t.test('what statistics cost is reckoned with what was timed on the host, where that could be', (t) => {
  const reading = (seconds: number, statsCostNs: number | null) =>
    makeSample(seconds, [{id: 1, runCnt: BigInt(seconds * 1000)}], {statsCostNs});
  t.match(measure(reading(102, 45), reading(100, 45)), {
    statsCostPct: (100 * 2000 * 45) / 2e9,
    statsCostNsPerRun: 45,
    statsCostSource: 'calibrated',
  });
  t.match(measure(reading(102, null), reading(100, null)), {
    statsCostPct: (100 * 2000 * documentedStatsCostNs) / 2e9,
    statsCostNsPerRun: documentedStatsCostNs,
    statsCostSource: 'documented',
  });
  t.end();
});

t.test('the CPU of another process than the one before is not known', (t) => {
  const reading = (seconds: number, selfCpuNs: number) => makeSample(seconds, [], {selfCpuNs});
  t.equal(measure(reading(101, 5e6), reading(100, 9e8)).selfCpuPct, null);
  t.equal(measure(reading(101, 5e6), reading(100, 5e6)).selfCpuPct, 0);
  t.end();
});

t.test('the first sample has totals and no rates', (t) => {
  const {progs, periodNs, totals, gone} = measure(makeSample(100, [{id: 1, runTimeNs: 10n, runCnt: 2n}]), null);
  t.equal(periodNs, null);
  t.match(progs[0], {
    periodRunTimeNs: null,
    periodRunCnt: null,
    avgRunTimeNs: null,
    eventsPerSec: null,
    cpuPct: null,
    isNew: false,
  });
  t.equal(progs[0]?.totalAvgRunTimeNs, 5);
  t.match(totals, {programs: 1, runTimeNs: 10n, runCnt: 2n, cpuPct: null, eventsPerSec: null, periodRunTimeNs: null});
  t.same(gone, []);
  t.end();
});

t.test('a program seen for the first time has no rate, unless it was loaded in the period', (t) => {
  const before = makeSample(100, []);
  const after = makeSample(102, [
    {id: 1, loadTimeNs: 99_000_000_000n, runTimeNs: 800n, runCnt: 8n},
    {id: 2, loadTimeNs: 101_000_000_000n, runTimeNs: 4_000n, runCnt: 4n},
  ]);
  const {progs} = measure(after, before);
  t.match(progs[0], {isNew: true, periodRunCnt: null, cpuPct: null});
  t.match(progs[1], {isNew: true, periodRunCnt: 4, avgRunTimeNs: 1_000, eventsPerSec: 2});
  t.end();
});

t.test('a program loaded in the period has no rate when statistics came on in between', (t) => {
  const before = makeSample(100, [], {stats: 'off'});
  const after = makeSample(102, [{id: 2, loadTimeNs: 101_000_000_000n, runCnt: 4n}]);
  t.equal(measure(after, before).progs[0]?.periodRunCnt, null);
  t.end();
});

t.test('rates need statistics on at both readings, whoever switched them on', (t) => {
  const reading = (seconds: number, stats: 'enabled_here' | 'already_on' | 'off') =>
    makeSample(seconds, [{id: 1, runCnt: BigInt(seconds)}], {stats});
  t.equal(measure(reading(101, 'already_on'), reading(100, 'already_on')).progs[0]?.periodRunCnt, 1);
  t.equal(measure(reading(101, 'enabled_here'), reading(100, 'already_on')).progs[0]?.periodRunCnt, 1);
  t.equal(measure(reading(101, 'off'), reading(100, 'enabled_here')).progs[0]?.periodRunCnt, null);
  const {totals, statsCostPct} = measure(reading(101, 'enabled_here'), reading(100, 'off'));
  t.equal(totals.cpuPct, null);
  t.equal(statsCostPct, null);
  t.end();
});

t.test('a counter that went backwards gives no rate for that period', (t) => {
  const before = makeSample(100, [{id: 1, runTimeNs: 500n, runCnt: 5n}]);
  t.match(measure(makeSample(101, [{id: 1, runTimeNs: 400n, runCnt: 6n}]), before).progs[0], {
    cpuPct: null,
    eventsPerSec: null,
  });
  t.match(measure(makeSample(101, [{id: 1, runTimeNs: 600n, runCnt: 4n}]), before).progs[0], {
    cpuPct: null,
    eventsPerSec: null,
  });
  t.end();
});

t.test('runs missed in the period are counted, and warned of by name', (t) => {
  const reading = (seconds: number, misses: readonly bigint[]) =>
    makeSample(
      seconds,
      misses.map((recursionMisses, i) => ({id: i + 1, name: i === 0 ? '' : `p\u001b${i + 1}`, recursionMisses})),
      {warnings: [{code: 'other', message: 'from the collector'}]},
    );
  const before = reading(100, [5n, 0n, 2n ** 63n, 7n, 1n]);
  const one = measure(reading(101, [5n, 0n, 2n ** 63n + 12n, 7n, 1n]), before);
  t.same(
    one.progs.map((prog) => prog.periodRecursionMisses),
    [0, 0, 12, 0, 0],
  );
  t.equal(one.progs[2]?.recursionMisses, 2n ** 63n + 12n);
  t.match(one.warnings, [{code: 'other'}, {code: 'recursion_misses', message: /: p<1b>3 \(id 3\) 12\.$/}]);
  const all = measure(reading(101, [6n, 3n, 2n ** 63n + 2n, 7n, 5n]), before);
  t.match(all.warnings[1]?.message, /: p<1b>5 \(id 5\) 4, p<1b>2 \(id 2\) 3, p<1b>3 \(id 3\) 2 and 1 more\.$/);
  t.match(
    measure(reading(101, [9n, 0n, 2n ** 63n, 7n, 1n]), before).warnings[1]?.message,
    /: \(tag 0000000000000001\) \(id 1\) 4\.$/,
  );
  t.same(measure(before, null).warnings, before.warnings, 'what they missed before is no alarm');
  t.end();
});

t.test(
  'missed runs are counted without statistics as well; unknown at first, and where the kernel does not count them',
  (t) => {
    const reading = (seconds: number, recursionMisses: bigint | null, rest: Partial<Sample> = {}) =>
      makeSample(seconds, [{id: 1, runCnt: BigInt(seconds), recursionMisses}], rest);
    const off = {stats: 'off'} as const;
    for (const [now, before, what] of [
      [reading(101, 9n, off), reading(100, 1n), 'statistics off now'],
      [reading(101, 9n), reading(100, 1n, off), 'or before'],
    ] as const) {
      const {progs, warnings} = measure(now, before);
      t.match(progs[0], {periodRecursionMisses: 8, periodRunCnt: null}, what);
      t.match(warnings, [{code: 'recursion_misses'}], what);
    }
    for (const [now, before, what] of [
      [reading(101, 9n), null, 'the first reading'],
      [reading(101, 1n), reading(100, 9n), 'a counter that went backwards'],
    ] as const) {
      const {progs, warnings} = measure(now, before);
      t.equal(progs[0]?.periodRecursionMisses, null, what);
      t.same(warnings, [], what);
    }
    const uncounted = measure(reading(101, null), reading(100, null));
    t.match(uncounted.progs[0], {recursionMisses: null, periodRecursionMisses: null, periodRunCnt: 1});
    t.equal(uncounted.progs[0]?.detached().recursionMisses, null);
    t.same(uncounted.warnings, []);
    const loaded = makeSample(101, [{id: 2, loadTimeNs: 100_500_000_000n, recursionMisses: 3n}]);
    t.equal(measure(loaded, reading(100, 1n)).progs[0]?.periodRecursionMisses, 3, 'loaded in the period: all of them');
    t.end();
  },
);

t.test("totals are of all programs; beside them those of all but this tool's own", (t) => {
  const reading = (seconds: number, n: bigint, ownN = n) =>
    makeSample(seconds, [
      {id: 1, runTimeNs: 3_000_000n * n, runCnt: n},
      {id: 2, self: true, runTimeNs: 50_000_000n * ownN, runCnt: 7n * ownN},
      {id: 3, sleepable: true, runTimeNs: 2n ** 60n + n, runCnt: 11n * n},
      {id: 4, self: true, runTimeNs: 1_000_000n * ownN, runCnt: ownN},
    ]);
  const {totals, othersTotals} = measure(reading(101, 3n), reading(100, 1n));
  t.same(totals, {
    programs: 4,
    cpuPct: (100 * 2 * 54_000_000) / 1e9,
    eventsPerSec: 2 * (1 + 7 + 11 + 1),
    runTimeNs: 2n ** 60n + 3n + 3n * 54_000_000n,
    runCnt: 3n * 20n,
    periodRunTimeNs: 2 * 54_000_001,
    periodRunCnt: 2 * 20,
  });
  t.same(othersTotals, {
    programs: 2,
    cpuPct: (100 * 2 * 3_000_000) / 1e9,
    eventsPerSec: 2 * 12,
    runTimeNs: 2n ** 60n + 3n + 9_000_000n,
    runCnt: 3n * 12n,
    periodRunTimeNs: 2 * 3_000_001,
    periodRunCnt: 2 * 12,
  });
  const without = measure(reading(101, 3n, 0n), reading(100, 1n, 1n));
  t.equal(without.othersTotals.periodRunCnt, 24, "own counters that went backwards are not the others' business");
  t.match(measure(reading(100, 1n), null).othersTotals, {programs: 2, cpuPct: null, eventsPerSec: null, runCnt: 12n});
  t.end();
});

t.test('a reused id starts without a rate, and its former holder is gone', (t) => {
  const before = makeSample(100, [{id: 5, tag: 'a'.repeat(16), runCnt: 100n}]);
  const after = makeSample(101, [{id: 5, tag: 'b'.repeat(16), runCnt: 900n}]);
  const {progs, gone} = measure(after, before);
  t.match(progs, [{isNew: true, periodRunCnt: null}]);
  t.match(gone, [{info: {tag: 'a'.repeat(16)}, periodRunCnt: null}]);
  t.equal(gone[0]?.runCnt, 100n);
  t.end();
});

t.test('programs come and go anywhere in the list', (t) => {
  const ids = (list: number[]) => list.map((id) => ({id, runCnt: 10n}));
  const {progs, gone, totals} = measure(makeSample(101, ids([2, 3, 7, 9])), makeSample(100, ids([1, 3, 4, 8, 9, 12])));
  t.same(
    progs.map((prog) => [prog.info.id, prog.isNew]),
    [
      [2, true],
      [3, false],
      [7, true],
      [9, false],
    ],
  );
  t.same(
    gone.map((prog) => prog.info.id),
    [1, 4, 8, 12],
  );
  t.equal(totals.programs, 4);
  t.end();
});

t.test('no programs at all: totals are 0, not unknown', (t) => {
  t.match(measure(makeSample(101, []), makeSample(100, [])).totals, {
    programs: 0,
    cpuPct: 0,
    eventsPerSec: 0,
    runTimeNs: 0n,
    periodRunCnt: 0,
  });
  t.end();
});

t.test('an average over no runs is unknown, the rate is 0', (t) => {
  const before = makeSample(100, [{id: 1}]);
  const [prog] = measure(makeSample(101, [{id: 1}]), before).progs;
  t.match(prog, {avgRunTimeNs: null, totalAvgRunTimeNs: null, eventsPerSec: 0, cpuPct: 0});
  t.end();
});

t.test('a sleepable program has no CPU share and stays out of the CPU total', (t) => {
  const progs = (n: bigint) => [
    {id: 1, sleepable: true, runTimeNs: 500_000_000n * n, runCnt: n},
    {id: 2, runTimeNs: 10_000_000n * n, runCnt: n},
    {id: 3, sleepable: null, runTimeNs: 20_000_000n * n, runCnt: n},
  ];
  const {progs: measured, totals} = measure(makeSample(101, progs(2n)), makeSample(100, progs(1n)));
  t.match(measured, [{cpuPct: null, avgRunTimeNs: 5e8, eventsPerSec: 1}, {cpuPct: 1}, {cpuPct: 2}]);
  t.equal(totals.cpuPct, 3);
  t.equal(totals.periodRunTimeNs, 530_000_000);
  t.end();
});

t.test('counters beyond 2^53 are subtracted exactly', (t) => {
  const big = 2n ** 63n + 2n ** 33n - 1n;
  const {progs, totals} = measure(
    makeSample(101, [{id: 1, runTimeNs: big + 2n ** 32n + 3n, runCnt: big + 1n}]),
    makeSample(100, [{id: 1, runTimeNs: big, runCnt: big}]),
  );
  t.equal(progs[0]?.periodRunTimeNs, 2 ** 32 + 3);
  t.equal(progs[0]?.periodRunCnt, 1);
  t.equal(progs[0]?.runTimeNs, big + 2n ** 32n + 3n);
  t.equal(totals.runTimeNs, big + 2n ** 32n + 3n);
  t.end();
});

t.test('two readings at one instant, or a clock that went back, have no period', (t) => {
  const reading = (seconds: number) => makeSample(seconds, [{id: 1, runCnt: 5n}]);
  t.match(measure(reading(100), reading(100)), {periodNs: null, totals: {cpuPct: null}});
  t.match(measure(reading(99), reading(100)), {periodNs: null, selfCpuPct: null});
  t.end();
});

t.test('what no source can tell of a program it cannot tell of it when it has gone either', (t) => {
  const links = reading<ProgLink>({}, {timeNs: 10n ** 12n, untold: new Set([1])});
  const sample = makeSample(101, [{id: 1}, {id: 2}]);
  const {progs} = measure({...sample, progs: {...sample.progs, sources: {...noSources, links}}}, null);
  t.same(
    progs.map((prog) => [prog.links, prog.detached().links]),
    [
      [null, null],
      [[], []],
    ],
  );
  t.end();
});
