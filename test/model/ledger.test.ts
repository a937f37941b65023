import {setTimeout as sleep} from 'node:timers/promises';
import {setFlagsFromString} from 'node:v8';
import {runInNewContext} from 'node:vm';
import t from 'tap';
import type {ProgOwner} from '../../src/sample/owners.js';
import {Ledger, otherName} from '../../src/model/ledger.js';
import {measure} from '../../src/model/measure.js';
import type {Sample} from '../../src/sample/types.js';
import {lateCode, noSources, type SourceName, type Sources} from '../../src/sample/sources.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

/** A ledger after these samples, with as many sums and these sources. */
function ledgerOf(samples: readonly Sample[], room = 100, sources: readonly SourceName[] = []): Ledger {
  const ledger = new Ledger(room, sources);
  samples.forEach((sample, i) => ledger.add(measure(sample, samples[i - 1] ?? null)));
  return ledger;
}

function sampleAt(seconds: number, progs: readonly ProgSpec[], sources: Partial<Sources> = {}): Sample {
  const sample = makeSample(seconds, progs);
  return {...sample, progs: {...sample.progs, sources: {...noSources, ...sources}}};
}

const old = {id: 1, name: 'steady'};
const later = (id: number, seconds: number, name = 'steady') => ({id, name, loadTimeNs: BigInt(seconds * 1e9)});
const runs = (ledger: Ledger) => Object.fromEntries(ledger.sums.map(({name, pod, runCnt}) => [`${name}@${pod}`, runCnt]));

t.test('what was counted before the first sample is not in the sums, what comes after is', (t) => {
  const ledger = ledgerOf([
    sampleAt(10, [{...old, runCnt: 1_000n, runTimeNs: 50n, recursionMisses: 3n}]),
    sampleAt(11, [{...old, runCnt: 1_007n, runTimeNs: 90n, recursionMisses: 5n}]),
  ]);
  t.match(ledger.sums, [{name: 'steady', type: 'xdp', runCnt: 7n, runTimeNs: 40n, recursionMisses: 2n}]);
  t.end();
});

t.test('a program that goes leaves its part; one of the same name that comes adds to it', (t) => {
  const ledger = ledgerOf([
    sampleAt(10, [{...old, runCnt: 0n}]),
    sampleAt(11, [{...old, runCnt: 100n}]),
    sampleAt(12, []),
    sampleAt(13, [{...later(2, 12.5), runCnt: 30n}]),
  ]);
  t.same(runs(ledger), {'steady@': 130n});
  t.end();
});

t.test('an id that was reused is another program', (t) => {
  const ledger = ledgerOf([
    sampleAt(10, [{...old, runCnt: 1_000n}]),
    sampleAt(11, [{...later(1, 10.5), runCnt: 30n}]),
    sampleAt(12, [{...later(1, 10.5), runCnt: 31n}]),
  ]);
  t.same(runs(ledger), {'steady@': 31n});
  t.end();
});

t.test('a counter that went backwards takes nothing away', (t) => {
  const counts = [1_000n, 1_010n, 5n, 8n];
  const ledger = ledgerOf(counts.map((runCnt, i) => sampleAt(10 + i, [{...old, runCnt}])));
  t.same(runs(ledger), {'steady@': 13n});
  t.end();
});

t.test('u64 sums are exact', (t) => {
  const ledger = ledgerOf([
    sampleAt(10, [{...old, runCnt: 1n}]),
    sampleAt(11, [{...old, runCnt: 2n ** 63n + 1n}]),
    sampleAt(12, [{...old, runCnt: 2n ** 63n + 2n}]),
  ]);
  t.same(runs(ledger), {'steady@': 2n ** 63n + 1n});
  t.end();
});

t.test('what a program did before it was known whose it is, is counted there', (t) => {
  const nothingYet = reading<never>({}, {timeNs: 9_000_000_000n});
  const known = reading({2: [owner({pod: 'web', namespace: 'shop'})]}, {timeNs: 12_500_000_000n});
  const prog = later(2, 10.5, 'fresh');
  const samples = [
    sampleAt(10, [], {owners: nothingYet}),
    sampleAt(11, [{...prog, runCnt: 5n}], {owners: nothingYet}),
    sampleAt(12, [{...prog, runCnt: 9n}], {owners: nothingYet}),
  ];
  t.same(runs(ledgerOf(samples)), {}, 'nobody has looked yet');
  t.same(runs(ledgerOf([...samples, sampleAt(13, [{...prog, runCnt: 10n}], {owners: known})])), {'fresh@web': 10n});
  t.same(runs(ledgerOf([...samples, sampleAt(13, [])])), {'fresh@': 9n}, 'it went before anybody did');
  const looked = sampleAt(13, [], {owners: reading({2: [owner({pod: 'web'})]}, {timeNs: 12_000_000_000n})});
  t.same(runs(ledgerOf([...samples, looked])), {'fresh@web': 9n}, 'it went while somebody did');
  const other = sampleAt(13, [], {owners: reading({2: [owner({pod: 'web'})]}, {timeNs: 13_000_000_000n})});
  t.same(runs(ledgerOf([...samples, other])), {'fresh@': 9n}, 'that look was at another program');
  t.end();
});

t.test('nobody waits for ever, and not only by the clock: a scraper may come seldom', (t) => {
  const stuck = reading<never>({}, {timeNs: 1n});
  const counted = (seconds: readonly number[]) =>
    runs(
      ledgerOf([0, ...seconds].map((at) => sampleAt(at, at === 0 ? [] : [{...later(2, 0.5), runCnt: 5n}], {owners: stuck}))),
    );
  const everySecond = Array.from({length: 602}, (_, i) => i + 1);
  t.same(counted(everySecond.slice(0, 599)), {});
  t.same(counted(everySecond), {'steady@': 5n});
  t.same(counted([1200, 2400, 3600]), {});
  t.same(counted([1200, 2400, 3600, 4800]), {'steady@': 5n});
  t.end();
});

t.test('scraped every five minutes, a program is told apart by the look that was begun when it was first seen', (t) => {
  // Each sample has what was found by the look that began with the one before it.
  const at = [0, 300, 600, 900];
  const holders = {2: [owner({pod: 'web'})]};
  const samples = at.map((seconds, i) =>
    sampleAt(seconds, i === 0 ? [] : [{...later(2, 1), runCnt: BigInt(i)}], {
      owners: reading(i < 2 ? {} : holders, {timeNs: BigInt(at[Math.max(0, i - 1)]! * 1e9)}),
    }),
  );
  t.same(runs(ledgerOf(samples)), {'steady@web': 3n});
  t.end();
});

t.test(
  'sums begin when those sources have told that are looked at, under the final labels, with all since the first sample',
  (t) => {
    const prog = (runCnt: bigint) => [{...old, runCnt}];
    const late = reading<never>({}, {byProg: null, complete: false, warning: {code: lateCode('owners'), message: ''}});
    const first = [sampleAt(10, prog(5n)), sampleAt(11, prog(8n), {owners: late})];
    const told = {
      owners: reading({1: [owner({pod: 'web'})]}),
      names: reading({1: [{fullName: 'steady_as_a_rock', attachFuncName: null, tailCallers: []}]}),
    };
    const both = ['owners', 'names'] as const;
    t.same(runs(ledgerOf(first, 100, both)), {});
    t.same(runs(ledgerOf([...first, sampleAt(12, prog(9n), {owners: told.owners})], 100, both)), {}, 'one of them has');
    t.same(runs(ledgerOf([...first, sampleAt(12, prog(9n), told)], 100, both)), {'steady_as_a_rock@web': 4n});
    t.same(runs(ledgerOf([sampleAt(10, prog(5n), told)], 100, both)), {'steady_as_a_rock@web': 0n}, 'an idle one is there');
    t.same(runs(ledgerOf([...first, sampleAt(12, [])], 100, both)), {'steady@': 3n}, 'it went before they did');
    t.same(runs(ledgerOf([...first, sampleAt(12, prog(9n), {owners: told.owners})], 100, ['owners'])), {'steady@web': 4n});
    t.end();
  },
);

t.test('a source that fails keeps nobody waiting, and changes nothing that is known', (t) => {
  const failed = reading<never>({}, {byProg: null, complete: false, warning: {code: 'owners_unavailable', message: ''}});
  const web = reading({1: [owner({pod: 'web'})]});
  const ledger = (owners: readonly Sources['owners'][]) =>
    runs(
      ledgerOf(
        owners.map((each, i) => sampleAt(10 + i, [{...old, runCnt: BigInt(i)}], {owners: each})),
        100,
        ['owners'],
      ),
    );
  t.same(ledger([null, failed, failed]), {'steady@': 2n});
  t.same(ledger([null, web, failed, web]), {'steady@web': 3n});
  t.end();
});

t.test('when another owner comes, or goes, what a program does from then on is added there, and nothing twice', (t) => {
  const owners = [{}, {}, {1: [owner({pod: 'web'})]}, {1: [owner({pod: 'web'})]}, {}];
  const samples = owners.map((each, i) =>
    sampleAt(10 + i, [{...old, runCnt: 10n ** BigInt(i)}], {owners: reading<ProgOwner>(each)}),
  );
  t.same(runs(ledgerOf(samples)), {'steady@': 9n + 9_000n, 'steady@web': 990n});
  t.end();
});

t.test('the tool’s own programs are not in the sums', (t) => {
  const own = {...old, self: true};
  t.same(ledgerOf([sampleAt(10, [own]), sampleAt(11, [{...own, runCnt: 4n}]), sampleAt(12, [])]).sums, []);
  t.end();
});

t.test('names that look the same are one sum', (t) => {
  const progs = (runCnt: bigint) => [
    {id: 1, name: 'a\u001b', runCnt},
    {id: 2, name: 'a<1b>', runCnt},
  ];
  t.same(runs(ledgerOf([sampleAt(10, progs(0n)), sampleAt(11, progs(4n))])), {'a<1b>@': 8n});
  t.end();
});

t.test('where there is no more room, the rest has one sum, and the total is right', (t) => {
  const progs = (runCnt: bigint) => [1, 2, 3, 4, 5].map((id) => ({id, name: `p${id}`, runCnt}));
  const ledger = ledgerOf([sampleAt(10, progs(0n)), sampleAt(11, progs(10n))], 2);
  t.same(runs(ledger), {'p1@': 10n, 'p2@': 10n, [`${otherName}@`]: 30n});
  t.equal(ledger.roomless, 3);
  t.end();
});

t.test('programs that may sleep have sums of their own, with and without room', (t) => {
  const may = [true, true, false, null];
  const progs = (runCnt: bigint) => may.map((sleepable, i) => ({id: i + 1, name: 'p', sleepable, runCnt}));
  const samples = [sampleAt(10, progs(0n)), sampleAt(11, progs(1n))];
  const counted = (room: number) =>
    ledgerOf(samples, room).sums.map(({name, sleepable, runCnt}) => [name, sleepable, runCnt]);
  t.same(counted(9), [
    ['p', true, 2n],
    ['p', false, 1n],
    ['p', null, 1n],
  ]);
  t.same(counted(1), [
    ['p', true, 2n],
    [otherName, false, 1n],
    [otherName, null, 1n],
  ]);
  t.end();
});

t.test('a program may be called as the rest is: it has no more room than others', (t) => {
  const pods = ['a', 'b', 'c', 'd'];
  const owners = reading(Object.fromEntries(pods.map((pod, i) => [i + 1, [owner({pod})]])));
  const progs = (runCnt: bigint) => pods.map((_, i) => ({id: i + 1, name: otherName, runCnt}));
  const ledger = ledgerOf([sampleAt(10, progs(0n), {owners}), sampleAt(11, progs(1n), {owners})], 2);
  t.match(ledger.sums, [
    {type: 'xdp', pod: 'a'},
    {type: 'xdp', pod: 'b'},
    {name: otherName, type: '', pod: '', runCnt: 2n},
  ]);
  t.equal(ledger.sums.length, 3);
  t.end();
});

t.test(
  'a day of names that never come again: as many sums as there is room, all runs counted, nothing kept of who has gone',
  async (t) => {
    const room = 50;
    const ledger = new Ledger(room, ['owners']);
    const perSample = 10;
    const samples = 24 * 60;
    const infos: WeakRef<object>[] = [];
    let previous: Sample | null = null;
    for (let i = 1; i <= samples; i++) {
      const progs = Array.from({length: perSample}, (_, j) => ({
        ...later(i * perSample + j, i * 60 - 1, `p${i}_${j}`),
        runCnt: 1n,
      }));
      const sample = sampleAt(i * 60, progs, {owners: reading<never>({}, {timeNs: BigInt((i - 1) * 60e9)})});
      infos.push(...sample.progs.info.map((info) => new WeakRef(info)));
      ledger.add(measure(sample, previous));
      previous = sample;
    }
    t.equal(ledger.sums.length, room + 1);
    const total = ledger.sums.reduce((sum, {runCnt}) => sum + runCnt, 0n);
    // Those of the first sample were there before, those of the last are still waited for.
    t.equal(total, BigInt((samples - 2) * perSample));
    t.equal(ledger.sums.at(-1)?.runCnt, total - BigInt(room));
    t.equal(ledger.roomless, perSample, 'those that have just gone');
    // What a WeakRef was made of stays until the event loop goes on.
    await sleep(0);
    setFlagsFromString('--expose-gc');
    (runInNewContext('gc') as () => void)();
    const kept = infos.filter((info) => info.deref()).length;
    t.ok(kept <= 3 * perSample, `${kept} of ${infos.length} programs are kept`);
  },
);

t.test('a look that failed counts once, however many samples it is in', (t) => {
  const failed = reading<never>({}, {byProg: null, complete: false});
  const again = {...failed};
  const ledger = ledgerOf([failed, failed, again].map((owners, i) => sampleAt(10 + i, [], {owners})));
  ledger.fail('programs');
  t.equal(ledger.errorsOf('owners'), 2);
  t.equal(ledger.errorsOf('programs'), 1);
  t.equal(ledger.errorsOf('links'), 0);
  t.end();
});
