import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {Fresh} from '../../src/serve/fresh.js';

t.test('many who ask at once have the same one, made once', async (t) => {
  let made = 0;
  const fresh = new Fresh(() => sleep(10).then(() => ({number: ++made})), 60_000);
  const got = await Promise.all(Array.from({length: 50}, () => fresh.get()));
  t.equal(new Set(got).size, 1);
  t.same(await fresh.get(), {number: 1}, 'and it is kept');
});

t.test('what has grown old is made anew', async (t) => {
  let made = 0;
  const fresh = new Fresh(() => Promise.resolve(++made), 5);
  t.equal(await fresh.get(), 1);
  await sleep(20);
  t.equal(await fresh.get(), 2);
});

t.test('a failure reaches all who wait, and who asks while it is young; then it is tried again', async (t) => {
  let made = 0;
  const failing = (maxAgeMs: number) =>
    new Fresh(() => sleep(10).then(() => Promise.reject(new Error(`${++made}`))), maxAgeMs);
  const fresh = failing(3_600_000);
  const got = await Promise.allSettled([fresh.get(), fresh.get()]);
  t.match(got, [{reason: {message: '1'}}, {reason: {message: '1'}}]);
  await t.rejects(fresh.get(), {message: '1'});
  const old = failing(5);
  await t.rejects(old.get(), {message: '2'});
  await sleep(20);
  await t.rejects(old.get(), {message: '3'});
});

t.test('who asks when the one being made is too old already gets the next, with all who ask like that', async (t) => {
  const finish: ((value: number) => void)[] = [];
  const fresh = new Fresh(() => new Promise<number>((resolve) => finish.push(resolve)), 5);
  const first = fresh.get();
  await sleep(20);
  const [second, third] = [fresh.get(), fresh.get()];
  t.equal(finish.length, 1, 'one after the other');
  finish[0]?.(1);
  t.equal(await first, 1);
  await sleep(0);
  t.equal(finish.length, 2);
  finish[1]?.(2);
  t.same(await Promise.all([second, third]), [2, 2]);
});
