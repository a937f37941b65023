import t from 'tap';
import {Pace} from '../../src/collectors/pace.js';

t.test('beats are counted from the first one, whatever the readings take', (t) => {
  const pace = new Pace(1000);
  pace.begin(5_000);
  t.equal(pace.next(5_040), 960);
  pace.begin(6_003);
  t.equal(pace.next(6_010), 990);
  t.equal(pace.next(7_000), 1_000);
  t.end();
});

t.test('the first period may be shorter, never longer than the delay', (t) => {
  const pace = new Pace(1000, 150);
  pace.begin(0);
  t.equal(pace.next(10), 140);
  t.equal(pace.next(160), 990);
  const quick = new Pace(50, 150);
  quick.begin(0);
  t.equal(quick.next(0), 50);
  t.end();
});

t.test('beats that passed during a slow reading are left out', (t) => {
  const pace = new Pace(1000);
  pace.begin(0);
  t.equal(pace.next(3_400), 600);
  t.equal(pace.next(4_100), 900);
  t.end();
});

t.test('a new delay holds from the next wait', (t) => {
  const pace = new Pace(1000);
  pace.begin(0);
  t.equal(pace.next(0), 1_000);
  pace.delayMs = 200;
  t.equal(pace.next(1_000), 200);
  t.end();
});

t.test('a signal ends the wait, before or during it', async (t) => {
  const pace = new Pace(3_600_000);
  pace.begin();
  const stop = new AbortController();
  const waiting = pace.wait(stop.signal);
  stop.abort();
  t.equal(await waiting, false);
  t.equal(await pace.wait(stop.signal), false);
});
