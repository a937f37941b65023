import t from 'tap';
import {Ledger, otherName} from '../../src/model/ledger.js';
import {measure} from '../../src/model/measure.js';
import type {Sample} from '../../src/sample/types.js';
import {noSources, type Sources} from '../../src/sample/sources.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

/** A ledger after these samples, a second apart from the tenth on. */
function ledgerOf(samples: readonly Sample[], room = 100): Ledger {
  const ledger = new Ledger(room);
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
  const late = sampleAt(140, [{...prog, runCnt: 10n}], {owners: nothingYet});
  t.same(runs(ledgerOf([...samples, late])), {'fresh@': 10n}, 'nobody waits for ever');
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
  t.end();
});

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
