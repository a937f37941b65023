import t from 'tap';
import {History} from '../../src/model/history.js';
import {measure} from '../../src/model/measure.js';
import type {Sample} from '../../src/sample/types.js';
import {makeSample, progInfo} from '../helpers/samples.js';

/** A reading at `second` of programs that each use (id × second) % 10 per cent. */
function feed(history: History, seconds: number[], idsAt: (second: number) => number[]): void {
  let previous: Sample | null = null;
  const spent = new Map<number, number>();
  for (const second of seconds) {
    for (const id of idsAt(second)) spent.set(id, (spent.get(id) ?? 0) + ((id * second) % 10) * 1e7);
    const sample = makeSample(
      second,
      idsAt(second).map((id) => ({id, runTimeNs: BigInt(spent.get(id) ?? 0), runCnt: BigInt(second)})),
    );
    history.push(measure(sample, previous));
    previous = sample;
  }
}
const range = (from: number, to: number) => Array.from({length: to - from + 1}, (_, i) => from + i);
const key = (id: number) => progInfo({id}).key;

t.test('every program has a past from its first sample; unknown is null', (t) => {
  const history = new History();
  feed(history, range(1, 5), (second) => (second < 3 ? [1] : [1, 2]));
  t.same(history.last(key(1), 'cpu_pct', 10), [null, 2, 3, 4, 5]);
  t.same(history.last(key(2), 'cpu_pct', 10), [null, 8, 0]);
  t.same(history.last(key(1), 'cpu_pct', 2), [4, 5]);
  t.same(history.last('host', 'cpu_pct', 3), [3, 12, 5]);
  t.same(history.last('nobody', 'cpu_pct', 3), []);
  t.same(
    history.past(key(2), 0, Infinity).events_per_sec.points.map((point) => point.timeNs),
    [3e9, 4e9, 5e9],
  );
  t.end();
});

t.test('the past of many is the sum of theirs at equal times', (t) => {
  const history = new History();
  feed(history, range(1, 7), (second) => (second < 3 ? [1] : second < 6 ? [1, 2, 3] : [1, 3]));
  const sums = (ids: number[], count = 10) => history.sums(ids.map(key), 'cpu_pct', count);
  t.same(sums([1]), history.last(key(1), 'cpu_pct', 10));
  t.same(sums([1, 2]), [null, 2, 3, 4 + 8, 5 + 0, 6, 7], 'the second came late and went early');
  t.same(sums([2]), [null, null, null, 8, 0, null, null], 'what went stays in its place in time');
  t.same(sums([1, 2, 3], 3), [5 + 0 + 5, 6 + 8, 7 + 1]);
  t.same(
    sums([]),
    range(1, 7).map(() => null),
  );
  t.same(sums([99]), sums([]), 'nobody');
  t.same(new History().sums([key(1)], 'cpu_pct', 5), []);
  t.end();
});

t.test('a full line of time drops what is too old first', (t) => {
  const history = new History({spanNs: 30e9, points: 60, bytes: 1e6});
  feed(history, range(1, 200), () => [1]);
  const points = history.past(key(1), 0, Infinity).cpu_pct.points;
  t.ok(points.length <= 60);
  t.ok(points.length >= 30);
  t.same(points.at(-1), {timeNs: 200e9, value: 0});
  for (const [i, point] of points.entries()) {
    t.equal(point.timeNs, (points[0]?.timeNs ?? 0) + i * 1e9, 'still a point a second');
    t.equal(point.value, (point.timeNs / 1e9) % 10);
  }
  t.end();
});

t.test('where everything is young enough, the older half is thinned to means and the newer kept', (t) => {
  const history = new History({spanNs: 1e15, points: 100, bytes: 1e6});
  feed(history, range(1, 101), () => [1]);
  const points = history.past(key(1), 0, Infinity).events_per_sec.points;
  t.equal(points.length, 76, '100 points: 50 became 25, then one more came');
  t.same(
    points.slice(-51).map((point) => point.timeNs / 1e9),
    range(51, 101),
  );
  const cpu = history.past(key(1), 0, Infinity).cpu_pct.points;
  t.same(
    cpu.slice(1, 4).map((point) => point.value),
    [3.5, 5.5, 7.5],
  );
  t.equal(cpu[0]?.value, 2, 'the mean of an unknown and 2 is 2');
  t.end();
});

t.test('bytes are bounded however many programs there are and however long it runs', (t) => {
  const bytes = 2 ** 20;
  const history = new History({spanNs: 1e15, points: 600, bytes});
  feed(history, range(1, 700), () => range(1, 400));
  t.ok(history.bytes <= bytes * 1.6, `${history.bytes} bytes`);
  t.ok(history.past(key(400), 0, Infinity).cpu_pct.points.length >= 60);
  t.end();
});

t.test('a gone program keeps its past for a while; churn does not pile up', (t) => {
  const history = new History();
  feed(history, range(1, 3_000), (second) => [1, second + 10]);
  t.equal(history.past(key(3_009), 0, Infinity).cpu_pct.points.length, 1);
  t.equal(history.past(key(20), 0, Infinity).cpu_pct.points.length, 0);
  // Not 3 000 of them: the one that stays, the 256 that are remembered, the host, and what came and went in one sample.
  t.ok(history.bytes <= 600 * (1 + 256 + 1 + 2) * 12, `${history.bytes} bytes`);
  t.end();
});

t.test('whoever takes a forgotten place has a past of its own, thinned or not', (t) => {
  const history = new History({spanNs: 1e15, points: 64, bytes: 1e7});
  const crowd = range(10, 409);
  // 400 go at once, more than are remembered; ten that use nothing come a little later, and stay until all was thinned more than once.
  const idle = range(101, 110).map((id) => id * 10);
  feed(history, range(1, 200), (second) => (second <= 20 ? [1, ...crowd] : second < 25 ? [1] : [1, ...idle]));
  for (const id of idle) {
    const values = history.last(key(id), 'cpu_pct', Infinity);
    t.same(new Set(values.slice(1)), new Set([0]));
    t.notOk(values[0]);
  }
  const left = crowd.filter((id) => history.past(key(id), 0, Infinity).cpu_pct.points.length > 0);
  t.equal(left.length, 256);
  t.same(history.last(key(left[0] as number), 'events_per_sec', 1), [1]);
  t.ok(history.bytes < 64 * 420 * 12);
  t.end();
});

t.test('what a program did between two moments, all metrics at once', (t) => {
  const history = new History();
  feed(history, range(1, 8), (second) => (second < 3 ? [1] : [1, 2]));
  t.equal(history.firstNs(key(2)), 3e9);
  t.equal(history.firstNs('nobody'), null);
  const {cpu_pct: cpu, events_per_sec: events} = history.past(key(1), 1e9, 4e9);
  t.same(
    cpu.points.map(({timeNs, value}) => [timeNs, value]),
    [
      [1e9, null],
      [2e9, 2],
      [3e9, 3],
      [4e9, 4],
    ],
  );
  t.match(cpu, {min: 2, avg: 3, max: 4}, 'of what is known');
  t.match(events, {min: 1, avg: 1, max: 1});
  t.match(history.past(key(1), 6e9, 99e9).cpu_pct, {min: 6, avg: 7, max: 8});
  t.match(history.past(key(1), 1e9, 1e9).cpu_pct, {points: [{value: null}], min: null, avg: null, max: null});
  t.same(history.past('nobody', 0, 9e9).cpu_pct.points, []);
  t.end();
});

t.test('up to a moment it is as it was then, whatever came since', (t) => {
  const history = new History();
  feed(history, range(1, 7), (second) => (second < 3 ? [1] : second < 6 ? [1, 2] : [1]));
  const then = history.until(4e9);
  t.same(then.last(key(1), 'cpu_pct', 10), [null, 2, 3, 4]);
  t.same(then.last(key(2), 'cpu_pct', 1), [8]);
  t.same(then.last('host', 'cpu_pct', 2), [3, 12]);
  t.same(then.sums([key(1), key(2)], 'cpu_pct', 3), [2, 3, 12]);
  t.equal(then.past(key(1), 0, Infinity).cpu_pct.points.at(-1)?.timeNs, 4e9);
  t.same(history.until(2e9).past(key(2), 0, Infinity).cpu_pct.points, [], 'not yet there');
  t.same(history.until(0).sums([key(1)], 'cpu_pct', 3), []);
  t.end();
});

t.test('what was up to a moment stays, though it is thinned or too old by now', (t) => {
  const history = new History({spanNs: 100e9, points: 60, bytes: 1e9});
  feed(history, range(1, 50), () => [1]);
  const then = history.until(50e9);
  const seen = () => [then.last(key(1), 'cpu_pct', 99), then.past(key(1), 0, Infinity), then.last('host', 'cpu_pct', 99)];
  const before = structuredClone(seen());
  feed(history, range(51, 300), () => [1, 2]);
  t.notSame(history.until(50e9).last(key(1), 'cpu_pct', 99), before[0], 'it is no longer there elsewhere');
  t.same(seen(), before);
  t.end();
});
