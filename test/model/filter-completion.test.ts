import t from 'tap';
import {fieldNames} from '../../src/model/fields.js';
import {parseFilter} from '../../src/model/filter.js';
import {completeFilter} from '../../src/model/filter-completion.js';
import {measure} from '../../src/model/measure.js';
import {noSources} from '../../src/sample/sources.js';
import {makeSample, owner, reading} from '../helpers/samples.js';

const hostile = 'we"ird \u001b[2J*';
const sample = makeSample(1, [
  {id: 1, name: 'tc_main', type: 3},
  {id: 2, name: 'Tc_other'},
  {id: 3, name: hostile},
  {id: 4, name: `long_${'x'.repeat(5000)}`},
]);
const owners = reading({1: [owner({pod: 'web-1'}), owner({pod: 'web-2'})], 2: [owner({pod: 'db'})]});
const {progs} = measure({...sample, progs: {...sample.progs, sources: {...noSources, owners}}}, null);

/** The candidates where `|` stands in a text. */
function at(text: string): readonly string[] {
  return completeFilter(text.replace('|', ''), text.indexOf('|'), progs).candidates;
}

/** The text with the first of them. */
function first(text: string): string {
  const whole = text.replace('|', '');
  const {from, to, candidates} = completeFilter(whole, text.indexOf('|'), progs);
  return whole.slice(0, from) + (candidates[0] ?? '') + whole.slice(to);
}

t.test('names of fields are completed, keys and short names, each with its most usual operator', (t) => {
  t.same(at('cp|'), ['cpu_pct>', 'cpu>']);
  t.same(at('NAMES|'), ['namespace:']);
  t.same(at('sleepa|'), ['sleepable=']);
  t.same(at('age|'), ['age_ns>', 'age>', 'age<', 'age>=', 'age<=', 'age=', 'age!='], 'of a whole name all operators');
  t.same(at('type|'), ['type:', 'type=', 'type!=']);
  t.equal(at('|').length, fieldNames.length);
  t.equal(at('cpu>1 |').length, fieldNames.length);
  t.equal(at('cpu>1 and not (|').length, fieldNames.length);
  t.same(at('no_such|'), []);
  t.same(at('a "|'), [], 'no name of a field has a quote');
  t.end();
});

t.test('in the middle of a text one word is replaced, and an operator that is there stays', (t) => {
  t.equal(first('(cp| or x)'), '(cpu_pct> or x)');
  t.equal(first('cp|x>1 or x'), 'cpu_pct>1 or x');
  t.equal(first('cp|  >= 1'), 'cpu_pct  >= 1');
  t.equal(first('type:xd|y or x'), 'type:xdp or x');
  t.equal(first('type: xd|'), 'type: xdp');
  t.equal(first('x typ'.concat('|', ' )')), 'x type: )', 'though what follows is wrong');
  t.end();
});

t.test('values are those that programs have, in any case, written so that they mean themselves', (t) => {
  t.same(at('name:t|'), ['Tc_other', 'tc_main']);
  t.same(at('pod=|'), ['db', 'web-1', 'web-2'], 'of several owners all');
  t.same(at('sleepable=|'), ['yes', 'no']);
  t.same(at('sleepable!=N|'), ['no']);
  t.same(at('cpu>|'), [], 'numbers are anything');
  t.same(at('name:long|'), [], 'what nobody would type is left out');
  const [word = ''] = at('name=we|');
  t.same(at('name="we\\"i|"'), [word], 'in quotes too');
  const {matches} = parseFilter(`name=${word}`);
  t.same(
    progs.filter(matches).map((prog) => prog.name),
    [hostile],
  );
  t.end();
});

t.test('wherever the caret is in whatever text, there is an answer', (t) => {
  for (const text of ['a"b', 'cpu>', ')(', 'not not', "name='", 'x:y z', '🐝:"\\', '((((', 'or and', 'cpu>=1m and (pod=x']) {
    for (let caret = 0; caret <= text.length; caret++) {
      const {from, to} = completeFilter(text, caret, progs);
      t.ok(from <= caret && caret <= to && to <= text.length, `${text} at ${caret}`);
    }
  }
  t.end();
});
