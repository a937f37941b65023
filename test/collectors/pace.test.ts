import {setTimeout as sleep} from 'node:timers/promises';
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

t.test('a new delay ends a wait that is longer, and makes one that is shorter longer', async (t) => {
  const pace = new Pace(3_600_000);
  const began = performance.now();
  pace.begin(began);
  const waiting = pace.wait();
  pace.delayMs = 60_000;
  pace.delayMs = 30;
  t.equal(await waiting, true, 'an hour is not waited for');
  t.ok(performance.now() - began >= 29, 'but the delay is');
  const long = pace.wait();
  pace.delayMs = 3_600_000;
  t.equal(await Promise.race([long.then(() => 'over'), sleep(200).then(() => 'waiting')]), 'waiting');
  pace.delayMs = 50;
  t.equal(await long, true);
});

t.test('a delay changed while nobody waits, or again and again, leaves the beat where it was', async (t) => {
  const pace = new Pace(1000);
  pace.begin(0);
  const stop = new AbortController();
  const waiting = pace.wait(stop.signal);
  for (const ms of [5000, 2000, 3_600_000]) {
    pace.delayMs = ms;
    // The wait begins anew after this turn.
    await sleep(1);
  }
  stop.abort();
  t.equal(await waiting, false);
  pace.delayMs = 400;
  const now = performance.now();
  t.equal(Math.round(now + pace.next(now)) % 400, 0, 'counted from the first one');
});
