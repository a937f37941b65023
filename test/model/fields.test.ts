import t from 'tap';
import {defaultColumns, fields, findField, formatField} from '../../src/model/fields.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import type {ProgLink} from '../../src/sample/links.js';
import {noSources, type Reading} from '../../src/sample/sources.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

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

t.test('parts of several owners and links: all values, and for people the first and how many others', (t) => {
  const containerId = 'c'.repeat(64);
  const owners = reading<ProgOwner>(
    {
      1: [
        owner({pid: 5, comm: 'a', unit: 'a.service'}),
        owner({pid: 6, comm: 'b', containerId, container: 'db', pod: 'web', namespace: 'prod'}),
        owner({pid: 7, comm: 'b', containerId, container: 'db'}),
        owner({pid: 8, comm: null, cmdline: null, cgroup: null}),
        owner({pid: 9, comm: 'c', cmdline: ['c', '-x'], containerId}),
      ],
    },
    {timeNs: 9n},
  );
  const link = (target: string | null): ProgLink => ({linkId: 1, type: 'tcx', attachType: 'tcx_ingress', target});
  const links = reading({1: [link('eth0'), link(null)]});
  const sample = makeSample(100, [{id: 1}, {id: 2, loadTimeNs: 5n}]);
  const {progs} = measure({...sample, progs: {...sample.progs, sources: {...noSources, owners, links}}}, null);
  const [held, free] = progs as [MeasuredProg, MeasuredProg];
  const all = (key: string, prog = held) => findField(key)?.values?.(prog);
  const shown = (key: string, prog = held) => findField(key)?.get(prog);
  t.same(all('pid'), [5, 6, 7, 8, 9]);
  t.equal(shown('pid'), 5);
  t.same(all('comm'), ['a', 'b', 'b', null, 'c']);
  t.equal(shown('comm'), 'a +2', 'three names');
  t.same(all('cmd'), ['agent --all', 'agent --all', 'agent --all', null, 'c -x']);
  t.same(all('unit'), ['a.service', '', '', null, '']);
  t.equal(shown('unit'), 'a.service');
  t.same(all('container'), ['', 'db', 'db', null, null], 'in none; a name; not known');
  t.same(all('container_id'), ['', containerId, containerId, null, containerId]);
  t.same(all('pod'), ['', 'web', '', null, null]);
  t.equal(shown('pod'), 'web');
  t.same(all('namespace'), ['', 'prod', '', null, null]);
  t.same(all('owner'), ['a', 'b pod/web', 'b db', 'pid 8', `c ${containerId.slice(0, 12)}`]);
  t.same(all('attached'), ['eth0', 'tcx_ingress']);
  t.equal(shown('attached'), 'eth0 +1');
  t.equal(shown('attach_type'), 'tcx_ingress');
  t.equal(shown('link_type'), 'tcx');
  t.same(all('owner', free), ['(nobody)']);
  t.same(all('pid', free), []);
  t.equal(shown('pod', free), null);
  const unknown = measure(sample, null).progs[0] as MeasuredProg;
  for (const key of ['owner', 'pid', 'comm', 'pod', 'attached', 'link_type'])
    t.same([all(key, unknown), shown(key, unknown)], [null, null], key);
  t.end();
});
