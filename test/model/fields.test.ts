import t from 'tap';
import {defaultColumns, fields, findField, formatField} from '../../src/model/fields.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import {parseFilter} from '../../src/model/filter.js';
import type {ProgPin} from '../../src/sample/pins.js';
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
  const textOf = (owners: Reading<ProgOwner> | null, pins: Reading<ProgPin> | null = null) => {
    const prog = measure({...sample, progs: {...sample.progs, sources: {...noSources, owners, pins}}}, null)
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
  const pinned = reading<ProgPin>({1: [{path: '/sys/fs/bpf/x', via: 'link'}]}, {timeNs: 9n});
  t.equal(textOf(none, pinned), '(pinned)');
  t.equal(textOf(seen(owner()), pinned), 'agent');
  t.equal(textOf({...none, complete: false}, pinned), null);
  t.equal(textOf({...none, complete: false}), null, 'somebody whose files could not be read may hold it');
  t.equal(textOf({...none, untold: new Set([1])}), null, 'of this one it can not be told');
  t.equal(textOf({...none, untold: new Set([2])}), '(nobody)', 'only of another one');
  t.equal(textOf({...none, timeNs: 4n}), null, 'loaded since the last look');
  t.equal(textOf({...none, byProg: null}), null, 'not readable');
  t.equal(textOf(null), null);
  t.end();
});

t.test('a program without a name is called by what it hangs on, else by its tag, in parentheses', (t) => {
  const sample = makeSample(100, [{id: 1, name: '', tag: '3b185187f1855c4c'}]);
  const nameOf = (...links: Partial<ProgLink>[]) => {
    const found = reading({
      1: links.map((link) => ({linkId: 1, type: 'xdp', attachType: null, target: null, missed: null, ...link})),
    });
    const prog = measure({...sample, progs: {...sample.progs, sources: {...noSources, links: found}}}, null).progs[0]!;
    t.equal(findField('name')?.get(prog), '', 'which is no name');
    return formatField(findField('name')!, prog);
  };
  t.equal(nameOf(), '(tag 3b185187f1855c4c)');
  t.equal(nameOf({}, {target: 'eth0'}), '(eth0)');
  t.equal(formatField(findField('name')!, only({id: 1, name: 'named'})), 'named');
  t.end();
});

t.test('the full name, where it is known', (t) => {
  const sample = makeSample(100, [{id: 1, name: 'exactly15bytes_'}]);
  const names = reading({1: [{fullName: 'exactly15bytes_and_more', attachFuncName: 'tcp_connect', tailCallers: []}]});
  const known = measure({...sample, progs: {...sample.progs, sources: {...noSources, names}}}, null).progs[0]!;
  for (const prog of [known, known.detached()]) {
    t.equal(findField('name')?.get(prog), 'exactly15bytes_and_more');
    t.equal(findField('attach_func_name')?.get(prog), 'tcp_connect');
  }
  t.ok(parseFilter('and_more').matches(known));
  t.equal(findField('name')?.get(only({id: 1, name: 'exactly15bytes_'})), 'exactly15bytes_');
  t.end();
});

t.test('runs that are counted elsewhere are marked in the place of a share of a CPU', (t) => {
  const caller = {id: 9, name: 'entry'};
  const marks = (spec: Partial<ProgSpec>, tailCallers = [caller], links: ProgLink[] = []) => {
    const sample = makeSample(100, [{id: 1, ...spec}]);
    const sources = {
      ...noSources,
      links: reading({1: links}),
      names: reading({1: [{fullName: null, attachFuncName: null, tailCallers}]}),
    };
    const prog = measure({...sample, progs: {...sample.progs, sources}}, null).progs[0]!;
    return [findField('counted_in')?.get(prog), formatField(findField('cpu_pct')!, prog)];
  };
  t.same(marks({type: 28}), ['target', 'target'], 'freplace');
  t.same(marks({}), ['caller', 'caller'], 'reached by tail call');
  t.same(marks({}, []), [null, '-']);
  t.same(marks({runCnt: 1n}), [null, '-'], 'it ran by itself');
  const link = {linkId: 1, type: 'xdp', attachType: null, target: 'eth0', missed: null};
  t.same(marks({}, [caller], [link]), [null, '-'], 'it hangs somewhere by itself');
  t.same(marks({sleepable: true}, []), [null, 'wall']);
  t.end();
});

t.test('the attach type it was loaded for; 0 says nothing', (t) => {
  const attachType = (type: number, attachType: number | null) =>
    findField('attach_type')?.get(only({id: 1, type, attachType}));
  t.equal(attachType(26, 24), 'trace_fentry');
  t.equal(attachType(6, 0), null);
  t.equal(attachType(6, null), null);
  t.equal(attachType(27, 5), null, 'to struct_ops it is the number of a member');
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
  const link = (target: string | null): ProgLink => ({
    linkId: 1,
    type: 'tcx',
    attachType: 'tcx_ingress',
    target,
    missed: null,
  });
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
  t.equal(shown('link_attach_type'), 'tcx_ingress');
  t.equal(shown('link_type'), 'tcx');
  t.same(all('owner', free), ['(nobody)']);
  t.same(all('pid', free), []);
  t.equal(shown('pod', free), null);
  const unknown = measure(sample, null).progs[0] as MeasuredProg;
  for (const key of ['owner', 'pid', 'comm', 'pod', 'attached', 'link_type'])
    t.same([all(key, unknown), shown(key, unknown)], [null, null], key);
  t.end();
});

t.test('where it is pinned and what its maps are called: all, and none told from not known', (t) => {
  const sample = makeSample(100, [{id: 1}, {id: 2, loadTimeNs: 1n}]);
  const pins = reading({
    1: [
      {path: '/sys/fs/bpf/one', via: 'prog' as const},
      {path: '/sys/fs/bpf/link', via: 'link' as const},
    ],
  });
  const sources = {...noSources, pins};
  const [pinned, loose] = measure({...sample, progs: {...sample.progs, sources}}, null).progs as [
    MeasuredProg,
    MeasuredProg,
  ];
  t.equal(findField('pinned')?.get(pinned), '/sys/fs/bpf/one +1');
  t.ok(parseFilter('pinned:bpf/link').matches(pinned));
  t.ok(parseFilter('pinned=""').matches(loose));
  t.notOk(parseFilter('map_name=x').matches(pinned));
  t.notOk(parseFilter('not map_name=x').matches(pinned), 'nobody has looked');
  t.end();
});
