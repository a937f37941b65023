/** When a slow source looks again. */
import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {Lookout, SlowSource} from '../../src/collectors/slow-source.js';
import {type Found, sourceNames} from '../../src/sample/sources.js';
import {kernelSkip, openFds} from '../helpers/kernel.js';
import {owner, progInfo} from '../helpers/samples.js';

t.test('a program of the host is a reason to look again soon, a helper of our own is none', async (t) => {
  let looks = 0;
  const source = new SlowSource('maps', () =>
    Promise.resolve({byProg: new Map([[++looks, []]]), complete: true, warning: null}),
  );
  const old = progInfo({id: 1, loadTimeNs: 1n});
  source.take([old], 10n);
  await source.settled(1000);
  const helper = progInfo({id: 2, loadTimeNs: 11n, self: true});
  const stranger = progInfo({id: 3, loadTimeNs: 12n});
  while (looks === 1) {
    source.take([old, helper], 20n);
    t.equal(looks, 1);
    source.take([old, helper, stranger], 20n);
    await sleep(50);
  }
  t.equal(looks, 2);
});

t.test('what a look tells again is the same object as before', async (t) => {
  let looks = 0;
  const source = new SlowSource('owners', () => {
    looks++;
    const byProg = new Map([1, 2].map((id) => [id, [owner({pid: id === 1 ? 7 : looks})]]));
    return Promise.resolve({byProg, complete: true, warning: null});
  });
  source.take([progInfo({id: 1, loadTimeNs: 1n})], 10n);
  const first = await source.settled(1000);
  while (looks === 1) {
    source.take([progInfo({id: 3, loadTimeNs: 12n})], 20n);
    await sleep(50);
  }
  const second = await source.settled(1000);
  t.equal(second.timeNs, 20n);
  t.equal(second.byProg?.get(1), first.byProg?.get(1));
  t.equal(second.byProg?.get(2)?.[0]?.pid, 2);
  t.equal(first.byProg?.get(2)?.[0]?.pid, 1);
});

t.test('what a look keeps is given back when the source is closed', (t) => {
  let closed = 0;
  const look = () => Promise.resolve({byProg: null, complete: true, warning: null});
  const source = new SlowSource('maps', Object.assign(look, {close: () => void closed++}));
  source.close();
  t.equal(closed, 1);
  new SlowSource('links', () => look()).close();
  t.end();
});

t.test('two look at once, however many are due; one that fails makes room like any other', async (t) => {
  const lookout = new Lookout();
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const sources = ['owners', 'links', 'pins', 'maps'].map(
    (name) =>
      new SlowSource(
        name,
        () =>
          new Promise<Found<never>>((resolve, reject) => {
            begun.push(name);
            ends.set(name, (error) => (error ? reject(error) : resolve({byProg: new Map(), complete: true, warning: null})));
          }),
        lookout,
      ),
  );
  const end = async (name: string, error?: Error) => {
    ends.get(name)?.(error);
    await sleep(0);
  };
  for (const source of sources) source.take([], 1n);
  await sleep(0);
  t.same(begun, ['owners', 'links']);
  await end('links', new Error('gone'));
  t.same(begun, ['owners', 'links', 'pins']);
  await end('owners');
  t.same(begun, ['owners', 'links', 'pins', 'maps']);
  await end('pins');
  await end('maps');
  const found = await Promise.all(sources.map((source) => source.settled(1000)));
  t.same(
    found.map(({warning}) => warning?.code ?? null),
    [null, 'links_unavailable', null, null],
  );
});

t.test('a collector that is closed has given back what all its sources kept', {skip: kernelSkip}, async (t) => {
  const before = openFds('bpf').length;
  const collector = new KernelCollector({enableStats: false, sources: sourceNames, waitForSources: true});
  await collector.sample();
  const {sources} = (await collector.sample()).progs;
  for (const name of sourceNames) t.ok(sources[name], `${name} was looked at`);
  collector.close();
  // A look that takes longer gives back what it has when it ends.
  while (openFds('bpf').length > before) await sleep(20);
});
