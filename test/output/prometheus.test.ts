import {spawnSync} from 'node:child_process';
import t from 'tap';
import {Ledger, mostSums} from '../../src/model/ledger.js';
import {measure} from '../../src/model/measure.js';
import {expose, type Exposed, formatFamilies, metricNames} from '../../src/output/prometheus.js';
import type {Sample} from '../../src/sample/types.js';
import {makeSample, owner, progMap, reading, type ProgSpec} from '../helpers/samples.js';
import {parseExposition, promtoolSkip} from '../helpers/prometheus.js';

const link = {linkId: 9, type: 'xdp', attachType: 'xdp', target: 'eth0', missed: null};
const kprobe = {linkId: 10, type: 'kprobe_multi', attachType: null, target: '2 functions', missed: 3};

/** A sample in which everything is known of the first program. */
function fullSample(seconds: number, progs: readonly ProgSpec[]): Sample {
  const sample = makeSample(seconds, progs);
  const sources = {
    owners: reading({1: [owner({pid: 7, comm: 'agent', pod: 'web', namespace: 'shop', container: 'main'})]}),
    links: reading({1: [link, {...link, linkId: null, type: 'tc'}, {...link, linkId: null, type: 'tc'}, kprobe]}),
    pins: reading<never>({}),
    maps: reading({1: [progMap({id: 5, name: 'flows', entries: null})], 2: [progMap({id: 5}), progMap({id: 6})]}),
    names: reading<never>({}),
  };
  return {...sample, progs: {...sample.progs, sources}};
}

function exposedOf(samples: readonly Sample[], rest: Partial<Exposed> = {}): Exposed {
  const ledger = new Ledger(mostSums(1000));
  const all = samples.map((sample, i) => measure(sample, samples[i - 1] ?? null));
  for (const each of all) ledger.add(each);
  const measured = all.at(-1)!;
  const progs = measured.progs.filter(({info}) => !info.self);
  return {measured, progs, ledger, lasting: true, version: '1.2.3', maxSeries: 1000, ...rest};
}

t.test('what a stranger’s recording says is safe for a terminal, and no series is there twice', async (t) => {
  const evil = '\u001b[2J';
  const sample = fullSample(10, [{id: 1, name: evil, tag: evil}, {id: 2}]);
  const twice = {...link, linkId: 4, missed: 1};
  const sources = {
    ...sample.progs.sources,
    owners: reading({1: [owner({pid: 7, comm: evil}), owner({pid: 7, comm: evil})]}),
    links: reading({1: [{...link, type: evil, attachType: evil, target: evil}, twice, twice], 2: [{...twice, missed: 2}]}),
    maps: reading({1: [{...progMap({id: 5, name: evil}), type: evil}]}),
  };
  const text = await formatFamilies(expose(exposedOf([{...sample, progs: {...sample.progs, sources}}])), 'text');
  t.notMatch(text, '\u001b');
  t.match(text, 'tag="<1b>[2J"');
  for (const name of ['bpftop_program_owner_info', 'bpftop_link_missed_total'])
    t.equal(text.split('\n').filter((line) => line.startsWith(`${name}{`)).length, 1, name);
});

const everything = () =>
  exposedOf([
    fullSample(10, [{id: 1, name: 'xdp_in', runCnt: 10n}, {id: 2}]),
    fullSample(11, [
      {id: 1, name: 'xdp_in', runCnt: 2n ** 53n, runTimeNs: 1_500_000_000n, recursionMisses: 3n, sleepable: true},
      {id: 2, bytesMemlock: null, verifiedInsns: null},
      {id: 3, self: true, name: 'bpftop_iter'},
    ]),
  ]);

const textOf = (exposed: Exposed) => formatFamilies(expose(exposed), 'text');

t.test('each metric as it stands in the table, in seconds and bytes, counters from the kernel', async (t) => {
  const series = parseExposition(await textOf(everything()));
  const valueOf = (name: string, labels: Record<string, string> = {}) =>
    series.find((each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value))
      ?.value;
  t.equal(valueOf('bpftop_program_run_time_seconds_total', {program_id: '1'}), 1.5);
  t.equal(valueOf('bpftop_program_runs_total', {program_id: '1'}), 2 ** 53);
  t.equal(valueOf('bpftop_program_recursion_misses_total', {program_id: '1'}), 3);
  t.equal(valueOf('bpftop_program_info', {program_id: '1', name: 'xdp_in', type: 'xdp', sleepable: 'true'}), 1);
  t.equal(
    valueOf('bpftop_program_owner_info', {program_id: '1', pid: '7', comm: 'agent', namespace: 'shop', pod: 'web'}),
    1,
  );
  t.equal(valueOf('bpftop_link_info', {link_id: '9', program_id: '1', attach_type: 'xdp', target: 'eth0'}), 1);
  t.equal(valueOf('bpftop_link_missed_total', {link_id: '10'}), 3);
  t.equal(valueOf('bpftop_link_missed_total', {link_id: '9'}), undefined);
  t.equal(valueOf('bpftop_map_info', {map_id: '6', type: 'hash'}), 1);
  t.equal(valueOf('bpftop_map_entries', {map_id: '6'}), 5);
  t.equal(valueOf('bpftop_map_memory_bytes', {map_id: '6'}), 4096);
  t.equal(valueOf('bpftop_programs', {type: 'xdp'}), 2, 'without the tool’s own');
  t.equal(valueOf('bpftop_stats_enabled'), 1);
  t.equal(valueOf('bpftop_collection_duration_seconds', {source: 'programs'}), 0.0005);
  t.equal(valueOf('bpftop_build_info', {version: '1.2.3'}), 1);
  t.equal(valueOf('bpftop_runs_total', {name: 'xdp_in', namespace: 'shop', pod: 'web'}), 2 ** 53 - 10);
  t.equal(valueOf('bpftop_series_dropped'), 0);
  t.same([...new Set(series.map(({name}) => name))].sort(), [...metricNames].sort(), 'all of the table');
});

t.test('what is not known has no series, and never the value 0', async (t) => {
  const series = parseExposition(await textOf(everything()));
  const has = (name: string, labels: Record<string, string>) =>
    series.some((each) => each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value));
  t.notOk(has('bpftop_program_memlock_bytes', {program_id: '2'}));
  t.notOk(has('bpftop_program_verified_instructions', {program_id: '2'}));
  t.notOk(has('bpftop_program_info', {program_id: '3'}), 'nor have the tool’s own programs');
  const unknown = parseExposition(await textOf(exposedOf([makeSample(10, [{id: 1, recursionMisses: null}])])));
  const names = new Set(unknown.map(({name}) => name));
  for (const name of ['bpftop_recursion_misses_total', 'bpftop_program_recursion_misses_total', 'bpftop_map_info'])
    t.notOk(names.has(name), name);
});

t.test('one series a set of labels, whatever hangs there twice', async (t) => {
  const series = parseExposition(await textOf(everything()));
  const keys = series.map(({name, labels}) => JSON.stringify([name, Object.entries(labels).sort()]));
  t.equal(new Set(keys).size, keys.length);
});

t.test('hostile names stay in their label', async (t) => {
  const name = 'a"} 1\nb\\c\u0000\u202e,type:\ud800';
  for (const form of ['text', 'openmetrics'] as const) {
    const text = await formatFamilies(expose(exposedOf([makeSample(10, [{id: 1, name}])])), form);
    const info = parseExposition(text).filter((each) => each.name === 'bpftop_program_info');
    t.match(info, [{value: 1, labels: {program_id: '1', name: 'a"} 1<a>b\\c<0><202e>,type:<d800>', type: 'xdp'}}]);
  }
});

t.test('OpenMetrics: a family has its name without _total, and the text an end', async (t) => {
  const text = await formatFamilies(expose(everything()), 'openmetrics');
  t.match(text, /^# TYPE bpftop_program_runs counter\nbpftop_program_runs_total\{program_id="1"\} /m);
  t.ok(text.endsWith('\n# EOF\n'));
  const inText = parseExposition(await textOf(everything()));
  t.same(parseExposition(text), inText, 'the same series');
});

t.test('a single reading has no sums', async (t) => {
  const text = await textOf({...everything(), lasting: false});
  t.notMatch(text, /^bpftop_runs_total/m);
  t.match(text, /^bpftop_program_runs_total/m);
});

t.test('more series than wanted: the least important go, and are counted', async (t) => {
  const all = parseExposition(await textOf(everything())).length - 1;
  for (const maxSeries of [1, 20, 30, all - 1, all]) {
    const series = parseExposition(await textOf({...everything(), maxSeries}));
    t.equal(series.length, maxSeries + 1);
    t.equal(series.at(-1)?.name, 'bpftop_series_dropped');
    t.equal(series.at(-1)?.value, all - maxSeries);
  }
});

t.test('sums that found no room are counted with the series that are left out', async (t) => {
  const progs = (runCnt: bigint) => [1, 2, 3, 4, 5].map((id) => ({id, name: `p${id}`, runCnt}));
  const told = (recursionMisses: null | 0n) => {
    const samples = [0n, 1n].map((runs, i) =>
      makeSample(
        10 + i,
        progs(runs).map((each) => ({...each, recursionMisses})),
      ),
    );
    const ledger = new Ledger(2);
    samples.forEach((sample, i) => ledger.add(measure(sample, samples[i - 1] ?? null)));
    return {...exposedOf(samples), ledger};
  };
  const valueOf = async (exposed: Exposed) =>
    parseExposition(await textOf(exposed)).find(({name}) => name === 'bpftop_series_dropped')?.value;
  t.equal(await valueOf(told(0n)), 3 * 3);
  t.equal(await valueOf(told(null)), 3 * 2, 'where the kernel does not count missed runs');
  t.equal(await valueOf({...told(0n), lasting: false}), 0, 'there are no sums');
});

t.test('promtool finds nothing to say', {skip: promtoolSkip}, async (t) => {
  const {status, stdout, stderr} = spawnSync('promtool', ['check', 'metrics'], {
    input: await textOf(everything()),
    encoding: 'utf8',
  });
  t.same({status, stdout, stderr}, {status: 0, stdout: '', stderr: ''});
});
