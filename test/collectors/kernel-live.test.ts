/** The collector on the real kernel, through to what is measured. */
import {readFileSync} from 'node:fs';
import t from 'tap';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {measure} from '../../src/model/measure.js';
import type {Sample} from '../../src/sample/types.js';
import {iteratorSkip, kernelSkip, loadProg, runnableTypes} from '../helpers/kernel.js';

t.test('N runs between two readings are exactly N, and the counters are the kernel’s own', {skip: kernelSkip}, async (t) => {
  const collector = new KernelCollector({enableStats: true});
  t.teardown(() => collector.close());
  const progs = runnableTypes.map((type) => loadProg(t, {type, name: `exact_${type}`.slice(0, 15), loops: 3}));
  let previous: Sample = await collector.sample();
  for (const runs of [1, 0, 777]) {
    progs.forEach((prog, i) => prog.run(runs * (i + 1)));
    const sample = await collector.sample();
    const measured = measure(sample, previous);
    for (const [i, prog] of progs.entries()) {
      const found = measured.progs.find((each) => each.info.id === prog.id);
      const kernel = prog.counters();
      t.equal(found?.periodRunCnt, runs * (i + 1), runnableTypes[i] as string);
      t.equal(found?.runCnt, kernel.runCnt);
      t.equal(found?.runTimeNs, kernel.runTimeNs);
      const periodNs = Number(sample.timeNs - previous.timeNs);
      t.equal(measured.periodNs, periodNs);
      const sleepable = runnableTypes[i] === 'syscall';
      t.equal(found?.info.sleepable, sleepable);
      t.equal(found?.cpuPct, sleepable ? null : (100 * (found?.periodRunTimeNs as number)) / periodNs);
    }
    previous = sample;
  }
});

t.test(
  'a program unloaded is gone; one without a name, and one with 15 characters, are as the kernel has them',
  {skip: kernelSkip},
  async (t) => {
    const collector = new KernelCollector({enableStats: true});
    t.teardown(() => collector.close());
    const named = loadProg(t, {type: 'xdp', name: 'exactly15bytes_', maps: ['one', 'two']});
    const nameless = loadProg(t, {type: 'xdp'});
    const before = await collector.sample();
    const find = (sample: Sample, id: number) => sample.progs.info.find((info) => info.id === id);
    t.match(find(before, named.id), {name: 'exactly15bytes_', uid: 0, gplCompatible: true, type: 6, self: false});
    t.equal(find(before, named.id)?.mapIds?.length, 2);
    t.equal(find(before, nameless.id)?.name, '');
    // load_time is taken when loading begins: seconds, not minutes, before now.
    t.ok(Math.abs((find(before, named.id)?.loadedAt ?? 0) - Date.now() / 1000) < 60);

    named.close();
    // RCU may let a closed program linger in the list for a moment.
    let measured = measure(await collector.sample(), before);
    for (let tries = 0; measured.gone.length === 0 && tries < 200; tries++)
      measured = measure(await collector.sample(), before);
    t.ok(measured.gone.some((prog) => prog.info.id === named.id));
    t.notOk(measured.progs.some((prog) => prog.info.id === named.id));
  },
);

t.test('a program loaded and run within a period has a rate at once', {skip: kernelSkip}, async (t) => {
  const collector = new KernelCollector({enableStats: true});
  t.teardown(() => collector.close());
  const before = await collector.sample();
  const prog = loadProg(t, {type: 'sched_cls', name: 'just_loaded'});
  prog.run(42);
  const found = measure(await collector.sample(), before).progs.find((each) => each.info.id === prog.id);
  t.match(found, {isNew: true, periodRunCnt: 42});
});

/** Why a program that prints can't be hung where it meets itself: the helper held a lock there, before 6.3, and it would wait for ever. */
const missesSkip =
  kernelSkip ||
  (!kernelHas('bpf_bprintf_data') && 'on this kernel bpf_trace_printk may not be called from its own tracepoint');

/** Whether the kernel's types have that name. */
function kernelHas(name: string): boolean {
  try {
    return readFileSync('/sys/kernel/btf/vmlinux').includes(`\0${name}\0`);
  } catch {
    return false;
  }
}

for (const sampler of ['iterator', 'walk'] as const)
  t.test(
    `${sampler}: runs that recursion prevents are counted as the kernel does, and warned of`,
    {skip: missesSkip || (sampler === 'iterator' && iteratorSkip)},
    async (t) => {
      const collector = new KernelCollector({enableStats: true, sampler});
      t.teardown(() => collector.close());
      const driver = loadProg(t, {type: 'raw_tracepoint', name: 'prints', prints: true});
      // It runs whenever somebody prints, and prints itself: that would be its next run, and is missed.
      const misser = loadProg(t, {type: 'raw_tracepoint', name: 'meets_itself', prints: true});
      misser.attach({rawTracepoint: 'bpf_trace_printk'});
      let previous = await collector.sample();
      for (const runs of [0, 40, 3]) {
        const before = misser.counters();
        driver.run(runs);
        const sample = await collector.sample();
        const after = misser.counters();
        const {progs, warnings} = measure(sample, previous);
        const found = progs.find((each) => each.info.id === misser.id);
        t.equal(found?.recursionMisses, after.recursionMisses);
        t.equal(found?.periodRecursionMisses, Number(after.recursionMisses - before.recursionMisses));
        t.equal(found?.periodRecursionMisses, runs, 'one a run, as long as nobody else on this host prints');
        t.match(found, {periodRunCnt: runs});
        t.equal(progs.find((each) => each.info.id === driver.id)?.periodRecursionMisses, 0);
        const warning = warnings.find(({code}) => code === 'recursion_misses');
        const words = `meets_itself (id ${misser.id}) ${runs}`;
        t.equal(warning?.message.includes(words) ?? false, runs > 0, warning?.message ?? 'no warning');
        previous = sample;
      }
      misser.detach();
      driver.run(5);
      const sample = await collector.sample();
      t.match(
        measure(sample, previous).progs.find((each) => each.info.id === misser.id),
        {periodRecursionMisses: 0},
      );
    },
  );
