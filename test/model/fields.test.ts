import t from 'tap';
import {defaultColumns, fields, findField, formatField} from '../../src/model/fields.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import {makeSample, type ProgSpec} from '../helpers/samples.js';

const only = (spec: ProgSpec): MeasuredProg => measure(makeSample(100, [spec]), null).progs[0] as MeasuredProg;

t.test('every field gives a value and its text for any program', (t) => {
  const known = only({id: 1, runTimeNs: 100n, runCnt: 1n, btfId: 3, mapIds: [4, 5]});
  const bare = only({id: 2, type: 99, name: '', bytesMemlock: null, verifiedInsns: null, mapIds: null, sleepable: null});
  for (const each of fields) {
    t.not(each.get(known), undefined, each.key);
    t.type(formatField(each, known), 'string');
    t.equal(formatField(each, bare), each.get(bare) === null ? '-' : formatField(each, bare), `${each.key}: unknown is "-"`);
    t.match(each.key, /^[a-z_]+$/);
  }
  t.end();
});

t.test('what is not known is null, and a zero is a zero', (t) => {
  const prog = only({id: 1, bytesMemlock: null, runCnt: 0n});
  const value = (key: string) => findField(key)?.get(prog);
  t.equal(value('bytes_memlock'), null);
  t.equal(value('cpu_pct'), null);
  t.equal(value('run_cnt'), 0n);
  t.end();
});

t.test('types go by their names in libbpf, an unknown one by its number', (t) => {
  const type = (n: number) => findField('type')?.get(only({id: 1, type: n}));
  t.equal(type(6), 'xdp');
  t.equal(type(3), 'sched_cls');
  t.equal(type(32), 'netfilter');
  t.equal(type(99), '99');
  t.end();
});

t.test('fields are found by key and by short name, in any case', (t) => {
  t.equal(findField('cpu')?.key, 'cpu_pct');
  t.equal(findField('AVG')?.key, 'avg_run_time_ns');
  t.equal(findField('ev')?.key, 'events_per_sec');
  t.equal(findField('cpu_pct')?.key, 'cpu_pct');
  t.equal(findField('constructor'), undefined);
  for (const key of defaultColumns) t.ok(findField(key));
  t.end();
});
