import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {Playback} from '../../src/collectors/playback.js';

const hour = 3_600_000;

/** Whether it is still to come after some time in which it could. */
async function waits(reached: Promise<boolean>): Promise<boolean> {
  return Promise.race([reached.then(() => false), sleep(50, true)]);
}

/** Whether a sample at that time would be waited for. */
async function wouldWait(playback: Playback, at: number): Promise<boolean> {
  const stop = new AbortController();
  const waiting = await waits(playback.reach(at, stop.signal));
  stop.abort();
  return waiting;
}

t.test('the first sample is never waited for, and the next one is', async (t) => {
  const stop = new AbortController();
  const playback = new Playback(1, false);
  t.equal(await playback.reach(0, stop.signal), true);
  const next = playback.reach(hour, stop.signal);
  t.equal(await waits(next), true);
  stop.abort();
  t.equal(await next, false);
  t.equal(await playback.reach(0, stop.signal), false);
});

t.test('going ahead ends the wait under way, however far the next sample is', async (t) => {
  const playback = new Playback(1, false);
  await playback.reach(0);
  const next = playback.reach(hour);
  t.equal(await waits(next), true);
  playback.ahead(10_000);
  t.equal(await next, true);
  t.equal(await wouldWait(playback, 2 * hour), true, 'and no further than that');
  const idle = new Playback(1, false);
  await idle.reach(0);
  idle.ahead(10_000);
  t.equal(await idle.reach(hour), true, 'also while nobody waits');
  t.equal(await wouldWait(idle, 2 * hour), true);
});

t.test('going ahead again and again adds up, whether somebody waits or not', async (t) => {
  const playback = new Playback(1, false);
  await playback.reach(0);
  for (let i = 0; i < 3; i++) playback.ahead(hour);
  for (const at of [1, 2, 3]) t.equal(await playback.reach(at * hour), true, `${at}h`);
  const next = playback.reach(4 * hour);
  t.equal(await waits(next), true);
  playback.ahead(1);
  playback.ahead(2 * hour);
  t.equal(await next, true);
  t.equal(await playback.reach(5 * hour), true);
  t.equal(await wouldWait(playback, 6 * hour), true);
});

t.test('another speed holds for the wait under way', async (t) => {
  for (const speed of [1e9, Infinity]) {
    const playback = new Playback(1, false);
    await playback.reach(0);
    const next = playback.reach(hour);
    t.equal(await waits(next), true);
    playback.speed = speed;
    t.equal(await next, true, String(speed));
    t.equal(playback.speed, speed);
    t.equal(await playback.reach(2 * hour), true);
    playback.speed = 0.1;
    t.equal(await wouldWait(playback, 3 * hour), true, 'and goes on from there');
  }
});

t.test('what is slow beyond all timers is waited for, not shown at once', async (t) => {
  for (const speed of [1e-9, 1e-300, Number.MIN_VALUE]) {
    const stop = new AbortController();
    const playback = new Playback(speed, false);
    await playback.reach(0);
    const next = playback.reach(hour, stop.signal);
    t.equal(await waits(next), true, String(speed));
    stop.abort();
    t.equal(await next, false);
  }
});

t.test('no gap is longer than the longest delay between readings', async (t) => {
  const playback = new Playback(1e6, false);
  await playback.reach(0);
  // At that speed a year would take half a minute, an hour takes 4 ms.
  t.equal(await playback.reach(365 * 24 * hour), true);
});

t.test('at the present there is nothing to go ahead to', async (t) => {
  const playback = new Playback(1, true);
  await playback.reach(0);
  playback.ahead(100 * hour);
  playback.isPresent(hour);
  t.equal(await playback.reach(hour), true);
  t.equal(await wouldWait(playback, 2 * hour), true, 'what is to come is not run ahead of');
});

t.test('others have their turn while many samples come at once', async (t) => {
  const playback = new Playback(Infinity, false);
  let turns = 0;
  const count = () => void (turns++ < 1000 && setImmediate(count));
  count();
  for (let at = 0; at < 100; at++) await playback.reach(at);
  t.ok(turns >= 100, `${turns} turns`);
});
