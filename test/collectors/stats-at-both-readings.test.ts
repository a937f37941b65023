/**
 * An increase is true only if statistics were on at both readings. Here they come and go between two readings, by another process and by
 * the sysctl, and whatever is not known must be null although the kernel's counter grew.
 */
import {closeSync, openSync, writeFileSync, writeSync} from 'node:fs';
import {join} from 'node:path';
import {spawnSync} from 'node:child_process';
import t, {type Test} from 'tap';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {measure} from '../../src/model/measure.js';
import type {Sample, StatsState} from '../../src/sample/types.js';
import {startChild} from '../helpers/child.js';
import {type Document, documentsOf, start} from '../helpers/cli.js';
import {iteratorSkip, kernelSkip, loadProg, sampleWhile, switchStatsOn, sysctlSkip} from '../helpers/kernel.js';

/** Another process, which holds statistics on when it is told to. */
async function startHolder(t: Test): Promise<(word: 'on' | 'off') => Promise<void>> {
  const child = startChild(
    t,
    `const {Sampler} = load('bpf.node');
     let held = null;
     require('node:readline').createInterface({input: process.stdin}).on('line', async (word) => {
       held?.close();
       held = word === 'on' ? new Sampler({enableStats: true, sampler: 'walk'}) : null;
       await held?.sample();
       console.log(word);
     });
     console.log('ready');`,
  );
  t.equal(await child.line(), 'ready');
  return async (word) => {
    child.send(word);
    t.equal(await child.line(), word);
  };
}

interface Case {
  readonly name: string;
  /** Whether the tool switches them on itself. */
  readonly enableStats?: true;
  /** What the other process does before each reading. */
  readonly holder: readonly ['on' | 'off', 'on' | 'off'];
  readonly states: readonly [StatsState, StatsState];
}

const known: readonly StatsState[] = ['enabled_here', 'already_on'];

const cases: readonly Case[] = [
  {
    name: 'switched on here: known',
    ...{enableStats: true, holder: ['off', 'off'], states: ['enabled_here', 'enabled_here']},
  },
  {
    name: 'switched on here, while another holder goes away: known',
    ...{enableStats: true, holder: ['on', 'off'], states: ['enabled_here', 'enabled_here']},
  },
  {name: 'on by another process at both: known', holder: ['on', 'on'], states: ['already_on', 'already_on']},
  {name: 'the other process goes away between them: unknown', holder: ['on', 'off'], states: ['already_on', 'off']},
  {name: 'the other process comes between them: unknown', holder: ['off', 'on'], states: ['off', 'already_on']},
  {name: 'off at both: unknown', holder: ['off', 'off'], states: ['off', 'off']},
];

for (const sampler of ['iterator', 'walk'] as const)
  for (const {name, enableStats = false, holder, states} of cases)
    t.test(
      `${sampler}: statistics ${name}`,
      {skip: (sampler === 'iterator' ? iteratorSkip : kernelSkip) || sysctlSkip},
      async (t) => {
        const collector = new KernelCollector({enableStats, sampler});
        t.teardown(() => collector.close());
        const witness = loadProg(t, {type: 'socket_filter'});
        const prog = loadProg(t, {type: 'sched_cls', name: 'between'});
        const tell = await startHolder(t);
        // Helpers are loaded and statistics switched on, so that two readings are all that is looked at.
        await collector.sample();
        const readings: Sample[] = [];
        const on = (state: StatsState) => state !== 'off';
        for (const [i, word] of holder.entries()) {
          await tell(word);
          if (i === 1) prog.run(7);
          const reading = await sampleWhile(on(states[i]!), collector, witness);
          if (!reading) return void t.pass('not here', {skip: 'someone else has statistics on all the time'});
          readings.push(reading);
          prog.run(5);
        }
        const [first, second] = readings as [Sample, Sample];
        t.same([first.stats, second.stats], states);
        const {progs, totals, othersTotals, statsCostPct} = measure(second, first);
        const found = progs.find((each) => each.info.id === prog.id);
        // The kernel counts these whatever the statistics do, if it does (from 5.12 on).
        t.equal(found?.periodRecursionMisses, second.progs.recursionMisses && 0);
        if (states.every((state) => known.includes(state))) {
          t.equal(found?.periodRunCnt, 12);
          t.ok(totals.periodRunCnt! >= 12 && statsCostPct !== null);
          return;
        }
        if (states.includes('already_on')) t.ok(found!.runCnt > 0n, 'the counter grew all the same');
        t.match(found, {periodRunTimeNs: null, periodRunCnt: null});
        t.match(found, {avgRunTimeNs: null, eventsPerSec: null, cpuPct: null});
        const none = {cpuPct: null, eventsPerSec: null, periodRunTimeNs: null, periodRunCnt: null};
        t.match({totals, othersTotals, statsCostPct}, {totals: none, othersTotals: none, statsCostPct: null});
      },
    );

/** A mount namespace in which `file` stands for the sysctl: nobody else sees what it says. */
const instead = (file: string) => [
  ...['unshare', '-m', 'sh', '-c'],
  `mount --bind ${file} /proc/sys/kernel/bpf_stats_enabled && exec "$@"`,
  'sh',
];
/** What reads beside the counters has programs of its own. */
const countersAlone = ['--no-owners', '--no-maps'];
const mountSkip =
  kernelSkip || (spawnSync('unshare', ['-m', 'true']).status !== 0 && 'needs unshare, and mount namespaces') || sysctlSkip;

t.test(
  'walk: statistics on and off by the sysctl: known only where it was 1 at both readings',
  {skip: mountSkip},
  async (t) => {
    const file = join(t.testdir(), 'bpf_stats_enabled');
    writeFileSync(file, '0\n');
    const fd = openSync(file, 'r+');
    t.teardown(() => closeSync(fd));
    const prog = loadProg(t, {type: 'sched_cls', name: 'by_sysctl'});
    const tool = start(['--json', '-n', '0', '-d', '50ms', '--no-enable-stats', '--sampler', 'walk', ...countersAlone], {
      through: instead(file),
    });
    t.teardown(() => tool.kill());
    const next = documentsOf(tool);
    const find = (document: Document) => document.programs.find(({id}) => id === prog.id)!;
    const until = async (stats: string) => {
      for (let tries = 0; tries < 400; tries++) {
        const document = await next();
        if (document?.sampling.stats === stats) return document;
      }
      return null;
    };
    const own = (document: Document) => document.programs.filter((each) => each['self']).map(({name}) => name);

    const off = await until('off');
    if (!off) return void t.pass('not here', {skip: 'someone else has statistics on all the time'});
    t.match(find(off), {period_run_cnt: null, cpu_pct: null});
    t.same(own(off), ['bpftop_probe'], 'where the sysctl says 0, it asks its own program');

    const statistics = await switchStatsOn(t); // what the sysctl would do
    writeSync(fd, '1', 0);
    prog.run(6);
    const came = (await until('already_on'))!;
    t.match(find(came), {period_run_cnt: null, cpu_pct: null}, 'they came in between');
    for (let now = find(came); now['run_cnt'] !== 6;) now = find((await next())!);
    prog.run(4);
    let counted = 0;
    while (counted < 4) counted += find((await next())!)['period_run_cnt'] as number;
    t.equal(counted, 4, 'on at both');

    prog.run(3);
    statistics.close();
    writeSync(fd, '0', 0);
    const went = await until('off');
    if (!went) return void t.pass('not here', {skip: 'someone else switched statistics on'});
    t.match(find(went), {run_cnt: 13, period_run_cnt: null, cpu_pct: null}, 'they went in between');
  },
);

t.test('walk: where the sysctl says 1 no program is loaded to find out', {skip: mountSkip}, async (t) => {
  const file = join(t.testdir(), 'bpf_stats_enabled');
  writeFileSync(file, '1\n');
  await switchStatsOn(t);
  const tool = start(['--json', '-d', '50ms', '--no-enable-stats', '--sampler', 'walk', ...countersAlone], {
    through: instead(file),
  });
  t.teardown(() => tool.kill());
  const document = (await documentsOf(tool)())!;
  t.match(document, {sampling: {stats: 'already_on', stats_cost_source: 'documented'}, warnings: []});
  t.notOk(document.programs.some((each) => each['self']));
});
