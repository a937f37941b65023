import t from 'tap';
import {measure} from '../../src/model/measure.js';
import {parseSort, sortableFields, sortProgs, type SortOrder} from '../../src/model/sort.js';
import {makeSample} from '../helpers/samples.js';

const {progs} = measure(
  makeSample(101, [
    {id: 1, name: 'beta', runTimeNs: 20n, runCnt: 1n},
    {id: 2, name: 'alpha', runTimeNs: 30n, runCnt: 1n},
    {id: 3, name: '', runTimeNs: 10n, runCnt: 1n},
    {id: 4, name: 'alpha', runTimeNs: 0n, runCnt: 0n, sleepable: true},
    {id: 5, name: 'new', runTimeNs: 9n ** 18n, runCnt: 1n},
  ]),
  makeSample(100, [{id: 1}, {id: 2}, {id: 3}, {id: 4}]),
);
const order = (text: string) => sortProgs(progs, parseSort(text) as SortOrder).map((prog) => prog.info.id);

t.test('numbers begin with the biggest, text with A, and either can be turned', (t) => {
  t.same(order('run_time_ns'), [5, 2, 1, 3, 4]);
  t.same(order('run_time_ns:asc'), [4, 3, 1, 2, 5]);
  t.same(order('name'), [3, 2, 4, 1, 5]);
  t.same(order('name:desc'), [5, 1, 2, 4, 3]);
  t.end();
});

t.test('unknown values are last in either direction', (t) => {
  t.same(order('cpu'), [2, 1, 3, 4, 5]);
  t.same(order('cpu:asc'), [3, 1, 2, 4, 5]);
  t.end();
});

t.test('programs that are alike stay in id order', (t) => {
  t.same(order('type'), [1, 2, 3, 4, 5]);
  t.same(order('type:desc'), [1, 2, 3, 4, 5]);
  t.end();
});

t.test('every sortable field sorts without losing a program', (t) => {
  for (const {key} of sortableFields) t.same(order(key).sort(), [1, 2, 3, 4, 5], key);
  t.end();
});

t.test('a wrong order is told in a sentence', (t) => {
  t.match(parseSort('cpus'), /unknown field 'cpus' to sort by; there are id, type,/);
  t.match(parseSort('cpu:up'), /unknown order 'up' in 'cpu:up'; it is asc or desc/);
  t.match(parseSort('cpu:asc:desc'), /unknown order 'asc:desc'/);
  t.match(parseSort('map_ids'), /unknown field 'map_ids'/);
  t.match(parseSort(''), /unknown field ''/);
  t.end();
});
