/** The collector on the real kernel, through to what is measured. */
import t from 'tap';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {measure} from '../../src/model/measure.js';
import type {Sample} from '../../src/sample/types.js';
import {kernelSkip, loadProg, runnableTypes} from '../helpers/kernel.js';

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
