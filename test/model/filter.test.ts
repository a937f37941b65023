import t from 'tap';
import {parseFilter} from '../../src/model/filter.js';
import {measure} from '../../src/model/measure.js';
import {makeSample} from '../helpers/samples.js';

const {progs} = measure(
  makeSample(100, [
    {id: 1, name: 'cil_xdp_entry', type: 6},
    {id: 2, name: 'cil_from_lxc', type: 3},
    {id: 3, name: '', type: 6},
  ]),
  null,
);
const found = (text: string) => progs.filter(parseFilter(text).matches).map((prog) => prog.info.id);

t.test('a word is looked for in name and type, in any case', (t) => {
  t.same(found('cil'), [1, 2]);
  t.same(found('XDP'), [1, 3]);
  t.same(found('sched_cls'), [2]);
  t.same(found('nothing'), []);
  t.end();
});

t.test('every word must be there; none lets all through', (t) => {
  t.same(found('cil xdp'), [1]);
  t.same(found('  xdp   cil '), [1]);
  t.same(found(''), [1, 2, 3]);
  t.same(found('   '), [1, 2, 3]);
  t.end();
});

t.test('what would be special in a pattern is just text', (t) => {
  t.same(found('cil.*'), []);
  t.same(found('('), []);
  t.end();
});
