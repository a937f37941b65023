import t from 'tap';
import {
  findGrouping,
  type Group,
  groupFields,
  type Grouping,
  groupings,
  groupProgs,
  groupRows,
} from '../../src/model/group.js';
import {field, formatField} from '../../src/model/fields.js';
import {parseFilter} from '../../src/model/filter.js';
import {measure, type Measured} from '../../src/model/measure.js';
import {selectGroups} from '../../src/model/select.js';
import {initialSort, parseSort, type SortOrder} from '../../src/model/sort.js';
import type {ProgLink} from '../../src/sample/links.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import type {ProgPin} from '../../src/sample/pins.js';
import {noSources} from '../../src/sample/sources.js';
import {type Random, random} from '../helpers/random.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

const by = (key: string) => findGrouping(key) as Grouping;
const everything = {sort: initialSort, filter: parseFilter(''), limit: null, own: true};

/** Two readings a second apart: all counters are `times` as high in the second. */
function measured(
  progs: readonly ProgSpec[],
  owners: Record<number, readonly ProgOwner[]>,
  links: Record<number, readonly ProgLink[]> = {},
  times = 2n,
  pins: Record<number, readonly ProgPin[]> = {},
): Measured {
  const at = {timeNs: 10n ** 12n};
  const sources = {...noSources, owners: reading(owners, at), links: reading(links, at), pins: reading(pins, at)};
  const sample = makeSample(
    101,
    progs.map((prog) => ({...prog, runTimeNs: (prog.runTimeNs ?? 0n) * times, runCnt: (prog.runCnt ?? 0n) * times})),
  );
  return measure({...sample, progs: {...sample.progs, sources}}, makeSample(100, progs));
}

/** The names of the groups, and the ids in each. */
function idsIn(groups: readonly Group[]): Record<string, number[]> {
  return Object.fromEntries(groups.map(({title, progs}) => [title, progs.map((prog) => prog.info.id)]));
}

const link = (target: string | null, rest: Partial<ProgLink> = {}): ProgLink => ({
  ...{linkId: 1, type: 'cgroup', attachType: 'cgroup_device', target, missed: null},
  ...rest,
});

t.test('by whose it is, the first holder counting; nobody and not known are two groups', (t) => {
  const {progs} = measured([{id: 1}, {id: 2}, {id: 3}, {id: 4}, {id: 5, loadTimeNs: 10n ** 13n}], {
    1: [owner({comm: 'agent'})],
    2: [owner({pid: 5, comm: 'agent'}), owner({pid: 6, comm: 'other'})],
    3: [owner({comm: null})],
  });
  t.same(idsIn(groupProgs(progs, by('owner'))), {agent: [1, 2], '-': [3, 5], '(nobody)': [4]});
  t.end();
});

t.test('what nobody holds but a pin is told apart, as in its column; an empty name is no missing one', (t) => {
  const owners = {3: [owner({pid: 5, comm: ''})], 4: [owner({comm: 'agent'})]};
  const pin: ProgPin = {path: '/sys/fs/bpf/x', via: 'prog'};
  const {progs} = measured([{id: 1}, {id: 2}, {id: 3}, {id: 4}], owners, {}, 2n, {1: [pin], 4: [pin]});
  t.same(idsIn(groupProgs(progs, by('owner'))), {'(pinned)': [1], '(nobody)': [2], '(no name)': [3], agent: [4]});
  const column = progs.map((prog) => formatField(field('owner'), prog));
  t.same(column, ['(pinned)', '(nobody)', 'pid 5', 'agent']);
  t.end();
});

t.test('a process that calls itself (nobody), or -, has a group of its own', (t) => {
  const {progs} = measured([{id: 1}, {id: 2}, {id: 3}, {id: 4, loadTimeNs: 10n ** 13n}], {
    1: [owner({comm: '(nobody)'})],
    2: [owner({comm: '-'})],
  });
  const groups = groupProgs(progs, by('owner'));
  t.equal(groups.length, 4);
  t.equal(new Set(groups.map(({key}) => key)).size, 4);
  t.same(groups.map(({name}) => name).sort(), ['(nobody)', '(nobody)', '-', null].sort());
  t.end();
});

t.test('by container, pod and unit, with the programs outside apart', (t) => {
  const id = 'a'.repeat(64);
  const other = 'b'.repeat(64);
  const {progs} = measured(
    [1, 2, 3, 4, 5, 6, 7].map((each) => ({id: each})),
    {
      1: [owner({containerId: id, container: 'main', pod: 'web-1', namespace: 'shop', unit: 'docker-a.scope'})],
      2: [owner({containerId: other, container: 'main', pod: 'web-1', namespace: 'blog'})],
      3: [owner({unit: 'nginx.service'})],
      4: [owner({cgroup: null})],
      5: [owner({containerId: 'c'.repeat(64)})],
      6: [owner({containerId: 'd'.repeat(64), container: 'postgres'})],
    },
  );
  const containers = groupProgs(progs, by('container'));
  t.same(
    containers.map(({title, progs}) => [title, ...progs.map((prog) => prog.info.id)]),
    [
      ['main pod/web-1', 1],
      ['main pod/web-1', 2],
      ['(no container)', 3],
      ['-', 4],
      ['c'.repeat(12), 5],
      ['postgres', 6],
      ['(nobody)', 7],
    ],
    'containers of one name are two',
  );
  t.same(idsIn(groupProgs(progs, by('pod'))), {
    ...{'shop/web-1': [1], 'blog/web-1': [2], '(no pod)': [3, 6], '(nobody)': [7]},
    // What no file names may well be a pod's.
    '-': [4, 5],
  });
  t.same(idsIn(groupProgs(progs, by('unit'))), {
    ...{'docker-a.scope': [1], '(no unit)': [2, 5, 6], 'nginx.service': [3], '-': [4], '(nobody)': [7]},
  });
  t.end();
});

t.test('by type and by attachment, in the words of their columns', (t) => {
  const {progs} = measured(
    [{id: 1}, {id: 2, type: 3}, {id: 3, type: 999}, {id: 4}, {id: 5, loadTimeNs: 10n ** 13n}],
    {},
    {1: [link('eth0'), link('eth1')], 2: [link(null)], 3: [link(null, {attachType: null})]},
  );
  t.same(idsIn(groupProgs(progs, by('type'))), {xdp: [1, 4, 5], sched_cls: [2], 999: [3]});
  t.same(idsIn(groupProgs(progs, by('attached'))), {
    ...{eth0: [1], cgroup_device: [2], cgroup: [3], '(nowhere)': [4], '-': [5]},
  });
  t.end();
});

t.test('rates are over the programs that have them, and null where none has', (t) => {
  const steady = {runTimeNs: 10_000_000n, runCnt: 4n};
  const {progs} = measured(
    [{id: 1, ...steady}, {id: 2, sleepable: true, ...steady}, {id: 3, sleepable: true, ...steady}, {id: 4}],
    {1: [owner({comm: 'a'})], 2: [owner({comm: 'a'})], 3: [owner({comm: 'b'})], 4: [owner({comm: 'c'})]},
  );
  const [a, b, c] = groupProgs(progs, by('owner'));
  t.match(a, {cpuPct: 1, eventsPerSec: 8, periodRunTimeNs: 2e7, periodRunCnt: 8, avgRunTimeNs: 2.5e6, sleepable: false});
  t.match(b, {cpuPct: null, eventsPerSec: 4, periodRunTimeNs: 1e7, sleepable: true});
  t.match(c, {cpuPct: 0, eventsPerSec: 0, avgRunTimeNs: null, totalAvgRunTimeNs: null}, 'that did not run');
  const first = groupProgs(measure(makeSample(100, [{id: 1, ...steady}]), null).progs, by('type'))[0];
  t.match(first, {cpuPct: null, eventsPerSec: null, periodRunTimeNs: null, periodRunCnt: null, avgRunTimeNs: null});
  t.match(first, {runTimeNs: 10_000_000n, runCnt: 4n, totalAvgRunTimeNs: 2.5e6});
  t.end();
});

/** Hosts of every kind: known and unknown, sleepable, counters beyond 2^53, some of them new or gone backwards. */
function anyMeasured({below, pick}: Random): Measured {
  const count = below(40);
  const comms = ['agent', 'systemd', '', '(nobody)', null];
  const specs = Array.from({length: count}, (_, i) => ({
    id: i + 1,
    type: below(5),
    sleepable: pick([true, false, null]),
    self: below(6) === 0,
    loadTimeNs: BigInt(pick([1, 5])) * 10n ** 12n,
    runTimeNs: (BigInt(below(2 ** 31)) << BigInt(below(33))) + BigInt(below(1000)),
    runCnt: BigInt(below(2 ** 31)) << BigInt(below(33)),
  }));
  const later = specs.map((spec) => ({
    ...spec,
    runTimeNs: below(8) === 0 ? 0n : spec.runTimeNs + BigInt(below(2 ** 31)),
    runCnt: spec.runCnt + BigInt(below(2 ** 31)),
  }));
  const owners = new Map(
    specs
      .filter(() => below(3) > 0)
      .map(({id}) => [
        id,
        Array.from({length: 1 + below(3)}, () =>
          owner({
            ...{comm: pick(comms), cgroup: pick([null, '/x']), unit: pick([null, 'a.service', '(no unit)'])},
            ...{containerId: pick([null, 'a', 'b']), container: pick([null, 'x']), pod: pick([null, 'p', 'q'])},
            namespace: pick([null, 'n']),
          }),
        ),
      ]),
  );
  const links = Object.fromEntries(specs.filter(() => below(2)).map(({id}) => [id, [link(pick([null, 'eth0']))]]));
  const stats = pick(['enabled_here', 'off'] as const);
  const sample = makeSample(5001, later, {stats});
  const at = {timeNs: 2n * 10n ** 12n, complete: below(2) > 0};
  const sources = {...noSources, owners: reading(Object.fromEntries(owners), at), links: reading(links, at)};
  const before = makeSample(
    5000,
    specs.filter(() => below(5) > 0),
    {stats},
  );
  return measure({...sample, progs: {...sample.progs, sources}}, below(4) > 0 ? before : null);
}

t.test('whatever the host, every program is in one group, and the sums of the groups are the totals', (t) => {
  const any = random(11);
  const wrong: string[] = [];
  let known = 0;
  for (let i = 0; i < 400; i++) {
    const whole = anyMeasured(any);
    for (const own of [true, false])
      for (const way of groupings) {
        const groups = selectGroups(whole.progs, way, {...everything, own});
        const totals = own ? whole.totals : whole.othersTotals;
        const sum = (of: (group: Group) => number | null) => groups.reduce((all, group) => all + (of(group) ?? 0), 0);
        const said = `${way.key} of host ${i}`;
        const members = groups.flatMap(({progs}) => progs.map((prog) => prog.info.id));
        const expected = whole.progs.filter(({info}) => own || !info.self).map((prog) => prog.info.id);
        if (String(members.sort((a, b) => a - b)) !== String(expected)) wrong.push(`members by ${said}`);
        if (new Set(groups.map(({key}) => key)).size !== groups.length) wrong.push(`two of one key by ${said}`);
        if (groups.reduce((all, group) => all + group.runTimeNs, 0n) !== totals.runTimeNs) wrong.push(`run time by ${said}`);
        if (groups.reduce((all, group) => all + group.runCnt, 0n) !== totals.runCnt) wrong.push(`runs by ${said}`);
        if (sum((group) => group.periodRunTimeNs) !== (totals.periodRunTimeNs ?? 0)) wrong.push(`new run time by ${said}`);
        if (sum((group) => group.periodRunCnt) !== (totals.periodRunCnt ?? 0)) wrong.push(`new runs by ${said}`);
        const near = (one: number, other: number | null) => Math.abs(one - (other ?? 0)) <= 1e-9 * Math.abs(one);
        if (
          !near(
            sum((group) => group.cpuPct),
            totals.cpuPct,
          )
        )
          wrong.push(`CPU by ${said}`);
        if (
          !near(
            sum((group) => group.eventsPerSec),
            totals.eventsPerSec,
          )
        )
          wrong.push(`events by ${said}`);
        for (const {progs, cpuPct, eventsPerSec} of groups) {
          if ((cpuPct === null) !== progs.every((prog) => prog.cpuPct === null)) wrong.push(`unknown CPU by ${said}`);
          if ((eventsPerSec === null) !== progs.every((prog) => prog.eventsPerSec === null))
            wrong.push(`unknown ev/s by ${said}`);
          if (cpuPct !== null) known++;
        }
      }
  }
  t.same(wrong.slice(0, 5), []);
  t.ok(known > 1000, 'there was something to add up');
  t.end();
});

t.test('groups are in the order of their figures, or of their names where they have none', (t) => {
  const busy = (id: number, ms: number, rest: Partial<ProgSpec> = {}) => ({
    ...{id, runTimeNs: BigInt(ms) * 1_000_000n, runCnt: 5n},
    ...rest,
  });
  const {progs} = measured([busy(1, 5), busy(2, 9), busy(3, 6), busy(4, 3, {sleepable: true}), busy(5, 1)], {
    1: [owner({comm: 'b'})],
    2: [owner({comm: 'a'})],
    3: [owner({comm: 'b'})],
    4: [owner({comm: 'c'})],
    5: [owner({comm: null})],
  });
  const names = (sort: string, limit: number | null = null, filter = '') =>
    selectGroups(progs, by('owner'), {
      ...{sort: parseSort(sort) as SortOrder, filter: parseFilter(filter), limit, own: true},
    }).map(({title}) => title);
  t.same(names('cpu_pct'), ['b', 'a', '-', 'c'], 'a group without a share comes last');
  t.same(names('cpu_pct:asc'), ['-', 'a', 'b', 'c']);
  t.same(names('run_time_ns'), ['b', 'a', 'c', '-']);
  t.same(names('name'), ['a', 'b', 'c', '-']);
  t.same(names('owner:desc'), ['c', 'b', 'a', '-']);
  t.same(names('id'), ['a', 'b', 'c', '-'], 'no group has an id');
  t.same(names('cpu_pct', 1), ['b']);
  t.same(names('cpu_pct', null, 'prog_1'), ['b'], 'programs are filtered before they are grouped');
  t.end();
});

t.test('those that went are in their group without being counted; of a group of them alone the last figures stay', (t) => {
  const {progs} = measured(
    [
      {id: 1, runCnt: 5n},
      {id: 2, runCnt: 7n},
      {id: 3, runCnt: 1n},
    ],
    {1: [owner({comm: 'a'})], 2: [owner({comm: 'a'})], 3: [owner({comm: 'b'})]},
  );
  const [a, b, ...more] = groupProgs(progs.slice(0, 1), by('owner'), progs.slice(1));
  t.match(a, {title: 'a', periodRunCnt: 5, runCnt: 10n});
  t.same([a?.progs.length, a?.gone.length], [1, 1]);
  t.match(b, {title: 'b', periodRunCnt: 1, runCnt: 2n});
  t.same([b?.progs.length, b?.gone.length], [0, 1]);
  t.same(more, []);
  t.end();
});

t.test('a row has a value for every field, and no program makes no row', (t) => {
  const {progs} = measured([{id: 7, runTimeNs: 2n ** 62n, runCnt: 1n}], {}, {}, 1n);
  t.same(groupRows(groupProgs(progs, by('owner'))), [
    {
      ...{by: 'owner', group: '(nobody)', programs: 1, run_time_ns: 2n ** 62n, run_cnt: 1n},
      ...{period_run_time_ns: 0, period_run_cnt: 0, avg_run_time_ns: null, total_avg_run_time_ns: 2 ** 62},
      ...{events_per_sec: 0, cpu_pct: 0, program_ids: [7]},
    },
  ]);
  t.same(
    Object.keys(groupRows(groupProgs(progs, by('owner')))[0] ?? {}),
    groupFields.map(({key}) => key),
  );
  t.same(groupRows(groupProgs([], by('owner'))), []);
  t.end();
});

t.test('a grouping is found by its name in any case; letters and names are unlike', (t) => {
  t.equal(findGrouping('Owner')?.key, 'owner');
  t.equal(findGrouping('nobody'), undefined);
  t.equal(new Set(groupings.map(({letter}) => letter)).size, groupings.length);
  t.notOk(
    groupings.some(({letter}) => letter === 'g'),
    'g ends grouping',
  );
  t.end();
});
