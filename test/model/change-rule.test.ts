import t from 'tap';
import {breaks, parseChangeRule} from '../../src/model/change-rule.js';
import type {Change, Figures} from '../../src/model/compare.js';
import type {Noise, ProgDifference} from '../../src/model/diff.js';
import {FilterError} from '../../src/model/filter.js';

const figures = (avgRunTimeNs: number, eventsPerSec = 1000, cpuPct = 1): Figures => ({avgRunTimeNs, eventsPerSec, cpuPct});
const change: Change = {before: figures(100), after: figures(120, 500, 1.5)};

const isTrue = (text: string, of = change) => parseChangeRule(text).isTrue(of);

t.test('a change is compared in per cent of what it was, or in the units of the filter language', (t) => {
  for (const text of [
    'avg_run_time_ns>+10%',
    'avg>=+20%',
    'AVG > +19.9%',
    'avg>+10ns',
    'avg>=+20',
    'avg<+1us',
    ' avg<=+20 ',
  ])
    t.equal(isTrue(text), true, text);
  for (const text of ['avg>+20%', 'avg>+20ns', 'avg<-1', 'avg>+1us']) t.equal(isTrue(text), false, text);
  for (const text of ['ev<-400', 'ev<=-0.5k', 'ev<-49%', 'events_per_sec<+0']) t.equal(isTrue(text), true, text);
  for (const text of ['cpu>+0.4', 'cpu>+40%', 'cpu_pct>=+50%']) t.equal(isTrue(text), true, text);
  t.equal(isTrue('cpu>+1'), false, 'a bare number is of one CPU, per cent are of what it was');
  t.end();
});

t.test('what is not known is not true; what was not there cost nothing', (t) => {
  const come = {before: null, after: figures(100)};
  t.equal(isTrue('avg>-100%', come), false);
  t.equal(isTrue('ev>+1', come), true);
  t.equal(isTrue('ev>+1%', come), false, 'there is no per cent of nothing');
  t.equal(isTrue('ev<=-100%', {before: figures(1), after: null}), true);
  t.end();
});

t.test('what is no rule is told with its place', (t) => {
  const wrong: [string, number, RegExp][] = [
    ['', 0, /is not compared; there are avg_run_time_ns, events_per_sec, cpu_pct/],
    ['name>+1', 0, /'name' is not compared/],
    ['run_cnt>+1', 0, /is not compared/],
    ['avg', 3, /'>', '>=', '<' or '<='/],
    ['avg=+1', 3, /'>'/],
    ['avg>10%', 4, /sign, such as \+10% or \+800ns/],
    [' avg > ', 7, /sign/],
    ['ev>+10us', 3, /such as \+10% or \+250/],
    ['cpu>+10%%', 4, /\+0.5 \(of one CPU\)/],
    ['avg>+10% ev>+1', 9, /more than one/],
  ];
  for (const [text, at, message] of wrong) {
    const error = t.throws(() => parseChangeRule(text), FilterError, text) as unknown as FilterError;
    t.match(error, {at, message}, text);
  }
  t.end();
});

t.test('noise breaks no rule; what may be noise does', (t) => {
  const rule = parseChangeRule('avg>+10%');
  const prog = (noise: Noise) => ({...change, noise: {avgRunTimeNs: noise}}) as unknown as ProgDifference;
  t.equal(breaks(prog('within'), rule), false);
  t.equal(breaks(prog('beyond'), rule), true);
  t.equal(breaks(prog('unknown'), rule), true);
  t.end();
});
