import t from 'tap';
import {measure, type Measured, type MeasuredProg} from '../../src/model/measure.js';
import {Past} from '../../src/model/past.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import {noSources, type Reading} from '../../src/sample/sources.js';
import type {Sample} from '../../src/sample/types.js';
import {makeSample, owner, progInfo, reading as looked} from '../helpers/samples.js';

/** One program that runs ever more often, and a second one until the 5th second. */
const reading = (second: number, programs = 1) =>
  makeSample(
    second,
    Array.from({length: programs}, (_, i) => ({
      id: i + 1,
      runTimeNs: BigInt(second * second * 1000),
      runCnt: BigInt(second * second),
    })),
  );
const ns = (seconds: number) => BigInt(seconds) * 1_000_000_000n;

const shortly = 3e9;

t.test('every moment as it was measured then, and as far back and forth as there are readings', (t) => {
  const past = new Past();
  const samples = [1, 2, 3, 4, 5].map((second) => reading(second));
  past.push(samples[0]!);
  t.equal(past.newest, null, 'one reading measures nothing');
  t.equal(past.at(ns(1), shortly), null);
  t.equal(past.step(ns(1), -1), null);
  for (const sample of samples.slice(1)) past.push(sample);
  for (const second of [2, 3, 4, 5]) {
    const then = measure(samples[second - 1]!, samples[second - 2]!);
    t.equal(past.at(ns(second), shortly)?.measured.progs[0]?.periodRunCnt, then.progs[0]?.periodRunCnt, `second ${second}`);
  }
  t.equal(past.newest, ns(5));
  t.equal(past.step(ns(4), -1), ns(3));
  t.equal(past.step(ns(4), 1), ns(5));
  t.equal(past.step(ns(4), -99), ns(2), 'the oldest that has figures');
  t.equal(past.step(ns(2), -1), ns(2));
  t.equal(past.step(ns(5), 1), null, 'past the newest');
  t.equal(past.step(ns(4), 99), null);
  t.end();
});

t.test('from a moment that was let go there are steps to its neighbours', (t) => {
  const past = new Past();
  for (const second of [10, 20, 30, 40]) past.push(reading(second));
  t.equal(past.step(ns(35), -1), ns(30));
  t.equal(past.step(ns(35), 1), ns(40));
  t.equal(past.step(ns(35), -2), ns(20));
  t.equal(past.step(ns(45), -1), ns(40));
  t.equal(past.step(ns(5), -1), ns(5), 'nothing older is kept');
  t.equal(past.step(ns(5), 1), ns(20));
  t.equal(past.step(ns(10), 1), ns(20));
  t.end();
});

t.test('a moment tells what had come and gone shortly before, what went with its last figures', (t) => {
  const past = new Past();
  const runs = (id: number, runCnt: bigint) => ({id, runCnt, runTimeNs: 10n * runCnt});
  past.push(makeSample(1, [runs(1, 0n), runs(2, 0n)]));
  past.push(makeSample(2, [runs(1, 5n), runs(2, 7n), runs(3, 1n)]));
  past.push(makeSample(3, [runs(1, 6n), runs(3, 2n)]));
  past.push(makeSample(4, [runs(1, 6n), runs(3, 3n)]));
  past.push(makeSample(5, [runs(1, 6n), runs(3, 3n)]));
  past.push(makeSample(6, [{...runs(1, 6n), tag: 'another'}, runs(3, 3n)]));
  const marks = (second: number) => {
    const {came, gone} = past.at(ns(second), shortly)!;
    return [[...came], gone.map(({prog}) => prog.info.key)];
  };
  const [one, two, three] = [1, 2, 3].map((id) => progInfo({id}).key) as [string, string, string];
  t.same(marks(2), [[three], []]);
  t.same(marks(3), [[three], [two]]);
  t.same(marks(4), [[three], [two]]);
  t.same(marks(5), [[], [two]], 'three seconds on');
  t.same(marks(6), [[progInfo({id: 1, tag: 'another'}).key], [one]], 'an id that is used again is another program');
  const [{prog, without}] = past.at(ns(5), shortly)!.gone as [{prog: MeasuredProg; without: Sample}];
  t.equal(prog.eventsPerSec, 7);
  t.equal(without.timeNs, ns(3));
  t.end();
});

/** What one reading of so many programs adds to the past, when the same programs were there before. */
function bytesOfOne(programs: number): number {
  const past = new Past();
  const first = reading(1, programs);
  past.push(first);
  const before = past.bytes;
  past.push({...reading(2, programs), progs: {...reading(2, programs).progs, info: first.progs.info}});
  return past.bytes - before;
}

t.test('what is too old goes; what is too much is thinned, and measured over the longer periods', (t) => {
  const {info} = reading(1, 100).progs;
  const one = bytesOfOne(100);
  const limit = 60 * one;
  const past = new Past({bytes: limit, spanNs: 1000e9});
  for (let second = 1; second <= 200; second++) {
    const sample = reading(second, 100);
    past.push({...sample, progs: {...sample.progs, info}});
    t.ok(past.bytes <= limit);
  }
  let moments = 0;
  let runs = 0;
  let oldest: Measured | null = null;
  for (let at = past.step(0n, 1); at !== null; at = past.step(at, 1)) {
    const {measured} = past.at(at, shortly)!;
    oldest ??= measured;
    moments++;
    runs += measured.progs[0]!.periodRunCnt!;
  }
  t.ok(moments >= 20 && moments < 60, `${moments} moments`);
  const beginning = Number(oldest!.sample.progs.runCnt[0]) - oldest!.progs[0]!.periodRunCnt!;
  t.equal(runs, 200 * 200 - beginning, 'no run is lost between');
  t.equal(beginning, Number(reading(1, 100).progs.runCnt[0]), 'it reaches as far back as ever');
  t.same(
    [1, 2, 3, 4, 5].map((steps) => past.step(past.newest!, -steps)),
    [199, 198, 197, 196, 195].map(ns),
    'and the last ones are all there',
  );

  const short = new Past({bytes: 1e9, spanNs: 50e9});
  for (let second = 1; second <= 200; second++) short.push(reading(second));
  t.ok(short.step(0n, 1)! >= ns(150));
  t.end();
});

t.test('programs and what was found out of them are counted once where readings share them', (t) => {
  const facts = Object.fromEntries(Array.from({length: 100}, (_, i) => [i + 1, [owner({pid: i})]]));
  const sample = reading(1, 100);
  const withOwners = (second: number, owners: Reading<ProgOwner>, info = sample.progs.info) => ({
    ...reading(second, 100),
    progs: {...reading(second, 100).progs, info, sources: {...noSources, owners}},
  });
  const grows = (...samples: Sample[]) => {
    const past = new Past();
    for (const each of samples.slice(0, -1)) past.push(each);
    const before = past.bytes;
    past.push(samples.at(-1)!);
    return past.bytes - before;
  };
  const look = looked(facts);
  const first = withOwners(1, look);
  const same = grows(first, withOwners(2, look));
  const sameFacts = grows(first, withOwners(2, {...look, byProg: new Map(look.byProg)}));
  const others = grows(first, withOwners(2, looked(structuredClone(facts))));
  const programs = grows(
    first,
    withOwners(
      2,
      look,
      reading(1, 100).progs.info.map((info) => ({...info, key: `${info.key}/2`})),
    ),
  );
  t.equal(same, bytesOfOne(100));
  t.ok(sameFacts > same && sameFacts < same + 100 * 100, `${sameFacts}`);
  t.ok(others > sameFacts + 100 * 200, `${others}`);
  t.ok(programs > same + 100 * 300, `${programs}`);

  // The first goes, and what it shared with the second doesn't.
  const past = new Past({bytes: 1e9, spanNs: 10e9});
  for (const second of [1, 2, 3, 4, 5]) past.push(withOwners(second, look));
  const five = past.bytes;
  past.push(withOwners(12, look));
  t.equal(past.bytes, five);
  t.end();
});

t.test('a program that comes back is there, not gone', (t) => {
  const past = new Past();
  const both = makeSample(1, [{id: 1}, {id: 2}]);
  for (const [second, sample] of [both, both, makeSample(3, [{id: 1}]), makeSample(4, [{id: 1}, {id: 2}])].entries())
    past.push({...sample, timeNs: ns(second + 1)});
  t.equal(past.at(ns(3), shortly)?.gone.length, 1);
  t.same(past.at(ns(4), shortly)?.gone, []);
  t.equal(past.until(ns(0))?.timeNs, ns(1), 'the oldest there is');
  t.equal(past.until(ns(3))?.timeNs, ns(3));
  t.equal(new Past().until(ns(3)), null);
  t.end();
});

t.test('long words cost what they are', (t) => {
  const past = new Past();
  past.push(makeSample(1, [{id: 1}]));
  const before = past.bytes;
  past.push(makeSample(2, [{id: 1}], {warnings: [{code: 'fallback', message: 'x'.repeat(50_000)}]}));
  past.push(makeSample(3, [{id: 2, tag: 'x'.repeat(50_000)}]));
  t.ok(past.bytes - before > 100_000);
  t.end();
});
