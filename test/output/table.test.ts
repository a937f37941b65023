import t from 'tap';
import {parseFilter} from '../../src/model/filter.js';
import {findGrouping, type Grouping} from '../../src/model/group.js';
import {measure} from '../../src/model/measure.js';
import {parseSort, type SortOrder} from '../../src/model/sort.js';
import {selectGroups, selectProgs} from '../../src/model/select.js';
import type {ProgLink} from '../../src/sample/links.js';
import {noSources} from '../../src/sample/sources.js';
import {toGroupTable, toTable} from '../../src/output/table.js';
import {makeSample, owner, reading} from '../helpers/samples.js';

const owners = reading(
  {9: [owner({pod: 'web'}), owner({pid: 78})], 1234567: [owner({comm: '\u001b[2Jd'})]},
  {timeNs: 101_000_000_000n},
);
const sample = makeSample(101, [
  {id: 9, name: 'busy', runTimeNs: 18_900_000n, runCnt: 36_000n},
  {id: 10, name: '', type: 3},
  {id: 1234567, name: 'exactly15bytes_', type: 31, sleepable: true, runTimeNs: 5_000_000n, runCnt: 2n},
  {id: 1234568, name: '\u001b[2Jevil\u009b', type: 77, loadTimeNs: 1n},
]);
const link = (progId: number, linkId: number, target: string | null): ProgLink => ({
  ...{progId, linkId, target, type: 'cgroup', attachType: 'cgroup_inet_egr', missed: null},
});
const links = reading(
  {
    9: [link(9, 1, 'eth0'), link(9, 2, 'eth1')],
    1234567: [link(1234567, 3, '/a\u001b[2J')],
    1234568: [link(1234568, 4, null)],
  },
  {complete: false},
);
const measured = measure(
  {...sample, progs: {...sample.progs, sources: {...noSources, owners, links}}},
  makeSample(100, [{id: 9}, {id: 10}, {id: 1234567}]),
);

t.test('a summary, titles, and a line a program with aligned columns', (t) => {
  t.equal(
    toTable(measured, measured.progs),
    `web-3  6.18.44  2 CPUs  4 programs  BPF 1.89% CPU  36.0k ev/s  over 1.0s

     ID  TYPE       NAME                    OWNER             ATTACHED           AVG  TOTAL   EV/S  CPU%
      9  xdp        busy                    agent pod/web +1  eth0 +1          525ns  525ns  36.0k  1.89
     10  sched_cls  (tag 000000000000000a)  (nobody)          -                    -      -      0  0.00
1234567  syscall    exactly15bytes_         <1b>[2Jd          /a<1b>[2J        2.5ms  2.5ms      2  wall
1234568  77         <1b>[2Jevil<9b>         (nobody)          cgroup_inet_egr      -      -      -     -`,
  );
  t.end();
});

t.test('other columns, in the order they were asked for', (t) => {
  const [, , ...lines] = toTable(measured, measured.progs.slice(0, 2), ['run_cnt', 'name']).split('\n');
  t.same(lines, [' RUNS  NAME', '36.0k  busy', '    0  (tag 000000000000000a)']);
  t.end();
});

t.test('a line a group, with the number of its programs and their sums', (t) => {
  const table = (key: string, sort: string, limit: number | null = null) => {
    const by = findGrouping(key) as Grouping;
    const selection = {filter: parseFilter(''), sort: parseSort(sort) as SortOrder, limit, own: false};
    return toGroupTable(measured, by, selectGroups(measured.progs, by, selection));
  };
  t.equal(
    table('owner', 'cpu_pct'),
    `web-3  6.18.44  2 CPUs  4 programs  BPF 1.89% CPU  36.0k ev/s  over 1.0s

OWNER     PROGRAMS    AVG  TOTAL   EV/S  CPU%
agent            1  525ns  525ns  36.0k  1.89
(nobody)         2      -      -      0  0.00
<1b>[2Jd         1  2.5ms  2.5ms      2  wall`,
  );
  t.equal(
    table('type', 'name', 2).split('\n').slice(2).join('\n'),
    `TYPE       PROGRAMS  AVG  TOTAL  EV/S  CPU%
77                1    -      -     -     -
sched_cls         1    -      -     0  0.00`,
  );
  t.end();
});

t.test('no programs: the titles alone, and no rates in a first reading', (t) => {
  t.equal(
    toTable(measure(makeSample(100, []), null), []),
    `web-3  6.18.44  2 CPUs  0 programs

ID  TYPE  NAME  OWNER  ATTACHED  AVG  TOTAL  EV/S  CPU%`,
  );
  t.end();
});

t.test('filter, then sort, then limit', (t) => {
  const ids = (filter: string, sort: string, limit: number | null) =>
    selectProgs(measured.progs, {filter: parseFilter(filter), sort: parseSort(sort) as SortOrder, limit, own: false}).map(
      (prog) => prog.info.id,
    );
  t.same(ids('', 'id', null), [1234568, 1234567, 10, 9]);
  t.same(ids('', 'cpu', 2), [9, 10]);
  t.same(ids('s', 'id:asc', 2), [9, 10]);
  t.same(ids('sched', 'cpu', 5), [10]);
  t.end();
});

t.test("this tool's own programs are neither counted nor added up", (t) => {
  const reading = (seconds: number, runs: bigint) =>
    makeSample(seconds, [
      {id: 1, name: 'of_the_host', runCnt: runs, runTimeNs: runs * 1_000_000n},
      {id: 2, name: 'bpftop_iter', self: true, runCnt: 100n * runs, runTimeNs: runs * 5_000_000n},
    ]);
  const both = measure(reading(101, 20n), reading(100, 10n));
  t.match(toTable(both, []), /  1 program  BPF 1\.00% CPU  10 ev\/s  /);
  t.end();
});
