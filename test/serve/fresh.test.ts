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

t.test('a failure reaches all who wait, and nobody after', async (t) => {
  let made = 0;
  const fresh = new Fresh(
    () => (++made === 1 ? sleep(10).then(() => Promise.reject(new Error('no'))) : Promise.resolve(made)),
    60_000,
  );
  const got = await Promise.allSettled([fresh.get(), fresh.get()]);
  t.same(
    got.map(({status}) => status),
    ['rejected', 'rejected'],
  );
  t.equal(await fresh.get(), 2);
});
