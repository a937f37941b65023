import t from 'tap';
import {measure} from '../../src/model/measure.js';
import {Past} from '../../src/model/past.js';
import {makeSample} from '../helpers/samples.js';

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

t.test('every moment as it was measured then, and as far back and forth as there are readings', (t) => {
  const past = new Past();
  const samples = [1, 2, 3, 4, 5].map((second) => reading(second));
  past.push(samples[0]!);
  t.equal(past.at(ns(1)), null, 'one reading measures nothing');
  for (const sample of samples.slice(1)) past.push(sample);
  for (const second of [2, 3, 4, 5]) {
    const then = measure(samples[second - 1]!, samples[second - 2]!);
    t.equal(past.at(ns(second))?.progs[0]?.periodRunCnt, then.progs[0]?.periodRunCnt, `second ${second}`);
  }
  const timeOf = (at: bigint, steps: number) => past.at(at, steps)?.sample.timeNs;
  t.equal(timeOf(ns(4), -1), ns(3));
  t.equal(timeOf(ns(4), 1), ns(5));
  t.equal(timeOf(ns(4), -99), ns(2), 'the oldest that has figures');
  t.equal(timeOf(ns(4), 99), ns(5));
  t.ok(past.isNewest(samples[4]!));
  t.notOk(past.isNewest(samples[3]!));
  t.equal(past.at(ns(4)), past.at(ns(4)), 'the same object while it is looked at');
  t.end();
});

t.test('what is too old goes; what is too much is thinned, and measured over the longer periods', (t) => {
  const one = reading(1, 100).progs;
  const perReading = one.runTimeNs.byteLength * 4 + one.hottestCpu.byteLength + one.hottestPct.byteLength;
  const past = new Past({bytes: 10 * perReading, spanNs: 1000e9});
  for (let second = 1; second <= 200; second++) {
    past.push(reading(second, 100));
    t.ok(past.bytes <= 10 * perReading);
  }
  let moments = 0;
  let runs = 0;
  let at: bigint | undefined;
  for (let measured = past.at(0n); measured && measured.sample.timeNs !== at; measured = past.at(at, 1)) {
    at = measured.sample.timeNs;
    moments++;
    runs += measured.progs[0]!.periodRunCnt!;
  }
  t.equal(at, ns(200));
  t.ok(moments >= 4 && moments < 10);
  const oldest = past.at(0n)!;
  const beginning = Number(oldest.sample.progs.runCnt[0]) - oldest.progs[0]!.periodRunCnt!;
  t.equal(runs, 200 * 200 - beginning, 'no run is lost between');

  const short = new Past({bytes: 1e9, spanNs: 50e9});
  for (let second = 1; second <= 200; second++) short.push(reading(second));
  t.ok(short.at(0n)!.sample.timeNs >= ns(150));
  t.end();
});
