import t from 'tap';
import {defaultColumns, fields, findField, formatField} from '../../src/model/fields.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import {noSources, type Reading} from '../../src/sample/sources.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

const only = (spec: ProgSpec): MeasuredProg => measure(makeSample(100, [spec]), null).progs[0] as MeasuredProg;

t.test('every field gives a value and its text for any program', (t) => {
  const known = only({id: 1, runTimeNs: 100n, runCnt: 1n, btfId: 3, mapIds: [4, 5]});
  const bare = only({id: 2, type: 99, name: '', bytesMemlock: null, verifiedInsns: null, mapIds: null, sleepable: null});
  for (const each of fields) {
    t.not(each.get(known), undefined, each.key);
    t.type(formatField(each, known), 'string');
    if (each.get(bare) === null) t.equal(formatField(each, bare), '-', `${each.key}: unknown is "-"`);
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

t.test('the owner: who, where, and how many more; nobody, and not known', (t) => {
  const loaded = {id: 1, loadTimeNs: 5n};
  const sample = makeSample(100, [loaded]);
  const textOf = (owners: Reading<ProgOwner> | null) => {
    const prog = measure({...sample, progs: {...sample.progs, sources: {...noSources, owners}}}, null)
      .progs[0] as MeasuredProg;
    const text = findField('owner')?.get(prog);
    t.equal(findField('owner')?.get(prog.detached()), text, 'also when it is kept without its sample');
    return text;
  };
  const seen = (...found: ProgOwner[]) => reading({1: found}, {timeNs: 9n});
  const containerId = '0123456789ab'.padEnd(64, 'c');
  t.equal(textOf(seen(owner())), 'agent');
  t.equal(textOf(seen(owner({comm: null, pid: 5}))), 'pid 5');
  t.equal(textOf(seen(owner({containerId}), owner())), 'agent 0123456789ab +1');
  t.equal(textOf(seen(owner({containerId, container: 'db'}))), 'agent db');
  t.equal(textOf(seen(owner({containerId, container: 'db', pod: 'web'}), owner(), owner())), 'agent pod/web +2');
  const none = reading<ProgOwner>({}, {timeNs: 9n});
  t.equal(textOf(none), '(nobody)');
  t.equal(textOf({...none, complete: false}), null, 'somebody whose files could not be read may hold it');
  t.equal(textOf({...none, timeNs: 4n}), null, 'loaded since the last look');
  t.equal(textOf({...none, byProg: null}), null, 'not readable');
  t.equal(textOf(null), null);
  t.end();
});
