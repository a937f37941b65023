import t from 'tap';
import {Baseline} from '../../src/model/compare.js';
import {type Manner, plainly} from '../../src/model/fields.js';
import {measure, type Measured} from '../../src/model/measure.js';
import {Grid} from '../../src/ui/grid.js';
import {paintHeader} from '../../src/ui/header.js';
import {View} from '../../src/ui/view.js';
import {makeSample} from '../helpers/samples.js';

function viewOf(hostname = 'web-3'): View {
  const view = new View(null);
  const host = {...makeSample(0, []).host, hostname};
  const first = makeSample(100, [{id: 1}], {host});
  view.update(measure(first, null));
  const busy = {id: 1, runCnt: 1_234_567n, runTimeNs: 31_000_000n};
  view.update(measure(makeSample(101, [busy], {host}), first));
  return view;
}

function header(width: number, view: View, delayMs = 1000, own = false, manner: Manner = plainly): string {
  const grid = new Grid(width, 1);
  paintHeader(grid, 0, {view, activity: 'live', delayMs, speed: null, own, manner});
  return grid.line(0);
}

t.test('the header says which host, how much, and what watching costs', (t) => {
  t.equal(
    header(120, viewOf()),
    'bpftop-ts  web-3  6.18.44  2 CPUs │ 1 program  BPF 3.10% of 1 CPU          █  1.2M ev/s  │ watching costs 9.6%  1s  live',
  );
  t.end();
});

t.test('where there is room it says what a run costs more: ~ where that was not timed here', (t) => {
  const wide = (statsCostNs: number | null, stats: 'enabled_here' | 'off' = 'enabled_here') => {
    const view = new View(null);
    const before = makeSample(100, [{id: 1}], {statsCostNs, stats});
    view.update(measure(makeSample(101, [{id: 1, runCnt: 5n}], {statsCostNs, stats}), before));
    return header(150, view);
  };
  t.match(wide(null), /watching costs \S+ +\(~70 ns a run\) /);
  t.match(wide(45), /watching costs \S+ +\(45 ns a run\) /);
  t.notMatch(wide(null, 'off'), 'a run');
  t.end();
});

t.test('a narrow header keeps the figures, and nothing runs into anything', (t) => {
  const view = viewOf();
  for (let width = 40; width <= 400; width++) {
    const line = header(width, view);
    t.match(line, /1 prog.*BPF 3\.10% of 1 CPU.*live$/, `at ${width}`);
    t.equal([...line].length, width);
    if (width >= 60) t.match(line, '1.2M ev/s');
    if (width >= 80) t.match(line, /web-3 .*cost/);
  }
  for (let width = 1; width < 40; width++) t.equal([...header(width, view)].length, width);
  t.end();
});

t.test('figures that change do not move the words beside them', (t) => {
  const view = viewOf();
  const before = header(120, view);
  view.update(measure(makeSample(102, [{id: 1, runCnt: 3n, runTimeNs: 345_678_000n}]), makeSample(101, [{id: 1}])));
  const after = header(120, view);
  t.match(after, /BPF 34\.57% of 1 CPU .*3 ev\/s/);
  t.equal(after.indexOf('│ watching'), before.indexOf('│ watching'));
  t.equal(after.indexOf('live'), before.indexOf('live'));
  t.end();
});

t.test("this tool's own programs are counted and added up where they are listed", (t) => {
  const view = new View(null);
  const reading = (seconds: number, runs: bigint) =>
    makeSample(seconds, [
      {id: 1, runCnt: runs, runTimeNs: runs * 1_000_000n},
      {id: 2, self: true, runCnt: 100n * runs, runTimeNs: runs * 5_000_000n},
    ]);
  view.update(measure(reading(101, 20n), reading(100, 10n)));
  t.match(header(120, view), /│ 1 program {2}BPF 1\.00% of 1 CPU .* 10 ev\/s/);
  t.match(header(120, view, 1000, true), /│ 2 programs {2}BPF 6\.00% of 1 CPU .* 1\.0k ev\/s/);
  t.end();
});

t.test('a host called anything is shown, not obeyed', (t) => {
  t.match(header(140, viewOf('evil\u001b[2J')), 'evil<1b>[2J');
  t.match(header(140, viewOf('x'.repeat(200))), `${'x'.repeat(31)}…`);
  t.end();
});

t.test('delays are said as they are typed', (t) => {
  const view = viewOf();
  for (const [ms, text] of [
    [50, '50ms'],
    [1000, '1s'],
    [2500, '2.5s'],
    [120_000, '2m'],
    [3_600_000, '1h'],
  ] as const)
    t.match(header(140, view, ms), new RegExp(` ${text.replace('.', '\\.')}  live$`));
  t.end();
});

t.test('of a recording it says how fast it is shown, unless that is as it was made, and when it was read', (t) => {
  const of = (width: number, speed: number) => {
    const grid = new Grid(width, 1);
    paintHeader(grid, 0, {view: viewOf(), activity: 'replay', delayMs: 1000, speed, own: false, manner: plainly});
    return grid.line(0);
  };
  t.match(of(140, 1), /[^×] {2}2026-01-31 12:01:41 UTC {2}replay$/);
  for (const [speed, text] of [
    [10, '×10'],
    [0.1, '×0.1'],
    [Infinity, '×max'],
  ] as const) {
    t.match(of(140, speed), ` ${text}  2026-01-31 12:01:41 UTC  replay`);
    t.notMatch(of(140, speed), / 1s /);
    for (let width = 56; width <= 200; width++) t.match(of(width, speed), ` ${text}  `, `at ${width}`);
  }
  t.end();
});

t.test('with a baseline the totals have their change beside them; of all CPUs everything is a share of these', (t) => {
  const view = viewOf();
  const baseline = new Baseline(view.measured as Measured);
  const busier = makeSample(102, [{id: 1, runCnt: 1_234_567n + 2_234_567n, runTimeNs: 31_000_000n + 36_100_000n}]);
  const before = makeSample(101, [{id: 1, runCnt: 1_234_567n, runTimeNs: 31_000_000n}]);
  view.update(measure(busier, before));
  const since = view.since(baseline);
  t.match(header(120, view, 1000, false, {since, cpus: 1}), / BPF 3\.61% \+0\.51 of 1 CPU .* 2\.2M \+1\.0M ev\/s /);
  const all = header(120, view, 1000, false, {since, cpus: 2});
  t.match(all, / BPF 1\.80% \+0\.25 of 2 CPUs .* 2\.2M \+1\.0M ev\/s /);
  // 1 % of its own, and 2 234 567 runs of 70 ns in the second.
  t.match(header(120, view), /cost\S* 17% /);
  t.match(all, /cost\S* 8\.3% /);
  for (let width = 40; width <= 200; width++) {
    const line = header(width, view, 1000, false, {since, cpus: 2});
    t.match(line, /1 prog.*BPF 1\.80% \+0\.25 of 2 CPUs.*live$/, `at ${width}`);
    t.equal([...line].length, width);
  }
  t.end();
});
