import t from 'tap';
import {findGrouping, type Grouping, groupProgs} from '../../src/model/group.js';
import {documentedStatsCostNs, measure, type Measured} from '../../src/model/measure.js';
import {toJson} from '../../src/output/json.js';
import {makeSample} from '../helpers/samples.js';

const before = makeSample(100, [{id: 1, runTimeNs: 5n, runCnt: 1n}]);
const after = makeSample(101, [
  {id: 1, runTimeNs: 2n ** 60n + 1n, runCnt: 2n ** 59n + 3n, mapIds: [3, 4]},
  {id: 2, name: '\u001b[31mred"\n\u202e', bytesMemlock: null, sleepable: null, btfId: 9},
]);
const document = (measured: Measured, indent = 0) => toJson(measured, measured.progs, null, {version: '1.2.3', indent});

t.test('the document has the shape of schema_version 1', (t) => {
  const text = document(measure(after, before));
  t.notMatch(text, '\n', 'one line');
  const json = JSON.parse(text) as Record<string, unknown>;
  t.same(Object.keys(json), [
    'schema_version',
    'tool',
    'host',
    'taken_at',
    'period_ns',
    'sampling',
    'totals',
    'warnings',
    'programs',
    'groups',
  ]);
  t.match(json, {
    schema_version: 1,
    tool: {name: 'bpftop-ts', version: '1.2.3'},
    host: {hostname: 'web-3', kernel_release: '6.18.44', arch: 'x86_64', cpus_online: 2},
    taken_at: '2026-01-31T12:01:41.000Z',
    period_ns: 1e9,
    sampling: {sampler: 'walk', fallback_reason: null, stats: 'enabled_here', duration_ns: 500_000, self_cpu_pct: 1},
    totals: {programs: 2},
    warnings: [],
  });
  t.same(Object.keys((json['programs'] as object[])[1] as object), [
    ...['id', 'type', 'name', 'tag', 'loaded_at', 'uid', 'gpl_compatible', 'jited', 'bytes_xlated', 'bytes_jited'],
    ...['bytes_memlock', 'bytes_maps', 'verified_insns', 'btf_id', 'sleepable', 'attach_type', 'attach_func_name'],
    ...['counted_in', 'run_time_ns', 'run_cnt', 'recursion_misses'],
    ...['period_run_time_ns', 'period_run_cnt', 'period_recursion_misses', 'avg_run_time_ns', 'total_avg_run_time_ns'],
    ...['events_per_sec', 'cpu_pct'],
    ...['hottest_cpu', 'map_ids', 'self', 'owners', 'links', 'pins', 'maps'],
  ]);
  t.end();
});

t.test('u64 counters are whole integers, to the last digit', (t) => {
  const text = document(measure(after, before));
  t.match(text, `"run_time_ns":${2n ** 60n + 1n},`);
  t.match(text, `"run_cnt":${2n ** 59n + 3n},`);
  t.match(text, `"totals":{"programs":2,`);
  t.match(text, `"run_time_ns":${2n ** 60n + 1n},"run_cnt":${2n ** 59n + 3n},"period_run_time_ns":`);
  t.end();
});

t.test('derived figures keep every digit a double has', (t) => {
  const measured = measure(
    makeSample(103, [{id: 1, runTimeNs: 1_000_000_007n, runCnt: 7n}]),
    makeSample(100, [{id: 1, runTimeNs: 1n, runCnt: 4n}]),
  );
  const [prog] = (JSON.parse(document(measured)) as {programs: Record<string, number>[]}).programs;
  t.equal(prog?.['cpu_pct'], (100 * 1_000_000_006) / 3e9);
  t.equal(prog?.['avg_run_time_ns'], 1_000_000_006 / 3);
  t.equal(prog?.['total_avg_run_time_ns'], 1_000_000_007 / 7);
  t.equal(prog?.['events_per_sec'], 1);
  t.end();
});

t.test('the hottest CPU, and why it is not the iterator', (t) => {
  const fallbackReason = 'bpf(BPF_PROG_LOAD): EACCES: R1 is not what it "should" be';
  const json = JSON.parse(document(measure(makeSample(1, [{id: 1, hottestCpu: 0}, {id: 2}], {fallbackReason}), null))) as {
    sampling: unknown;
    programs: {hottest_cpu: number | null}[];
  };
  t.match(json.sampling, {sampler: 'walk', fallback_reason: fallbackReason});
  t.same(
    json.programs.map((prog) => prog.hottest_cpu),
    [0, null],
  );
  t.end();
});

t.test('what statistics cost a run, and whence that is known', (t) => {
  const sampling = (statsCostNs: number | null) =>
    (JSON.parse(document(measure(makeSample(1, [], {statsCostNs}), null))) as {sampling: unknown}).sampling;
  t.match(sampling(68), {stats_cost_pct: null, stats_cost_ns_per_run: 68, stats_cost_source: 'calibrated'});
  t.match(sampling(null), {stats_cost_ns_per_run: documentedStatsCostNs, stats_cost_source: 'documented'});
  t.end();
});

t.test('unknown is null', (t) => {
  const [, prog] = (JSON.parse(document(measure(after, before))) as {programs: Record<string, unknown>[]}).programs;
  for (const key of ['bytes_memlock', 'sleepable', 'cpu_pct', 'period_run_cnt', 'owners', 'hottest_cpu'])
    t.equal(prog?.[key], null, key);
  t.end();
});

t.test('a hostile name stays a JSON string with no control character in it', (t) => {
  const text = document(measure(after, before));

  t.notMatch(text, /[\u0000-\u001f\u007f-\u009f]/);
  const {programs} = JSON.parse(text) as {programs: {name: string}[]};
  t.equal(programs[1]?.name, '\u001b[31mred"\n\u202e');
  t.end();
});

t.test('indented for people, and no programs are an empty list', (t) => {
  const text = document(measure(makeSample(100, []), null), 2);
  t.equal(text, JSON.stringify(JSON.parse(text), null, 2));
  t.match(text, '"programs": []');
  t.match(text, '"period_ns": null');
  t.end();
});

t.test('groups are null unless asked for; else each has its sums, whole integers, and the ids of its programs', (t) => {
  const measured = measure(after, before);
  t.equal((JSON.parse(document(measured)) as {groups: unknown}).groups, null);
  const groups = groupProgs(measured.progs, findGrouping('owner') as Grouping);
  const text = toJson(measured, measured.progs, groups, {version: '1.2.3', indent: 0});
  t.match(
    text,
    `"groups":[{"by":"owner","group":null,"programs":2,"run_time_ns":${2n ** 60n + 1n},"run_cnt":${2n ** 59n + 3n},`,
  );
  const [group] = (JSON.parse(text) as {groups: Record<string, unknown>[]}).groups;
  t.same(Object.keys(group ?? {}), [
    ...['by', 'group', 'programs', 'run_time_ns', 'run_cnt', 'period_run_time_ns', 'period_run_cnt', 'avg_run_time_ns'],
    ...['total_avg_run_time_ns', 'events_per_sec', 'cpu_pct', 'program_ids'],
  ]);
  t.match(group, {period_run_cnt: 2 ** 59 + 2, program_ids: [1, 2]});
  t.end();
});
