import t from 'tap';
import {loadBpf} from '../../src/addon.js';
import {isSystemError} from '../../src/errors.js';
import {kernelSkip, loadProg, openFds, rowOf, runnableTypes, runTimeSkip} from '../helpers/kernel.js';
import {both} from '../helpers/samplers.js';

both('runs are counted exactly, and as the kernel itself counts them', async (t, open) => {
  const sampler = open();
  for (const type of runnableTypes) {
    const prog = loadProg(t, {type, loops: 10});
    const before = rowOf(await sampler.sample(), prog.id);
    prog.run(1234);
    const after = rowOf(await sampler.sample(), prog.id);
    t.equal(before?.runCnt, 0n, type);
    t.equal(after?.runCnt, 1234n, type);
    t.strictSame(after, prog.counters(), type);
    t.ok(after && after.runTimeNs > 0n, type, {skip: runTimeSkip});
  }
});

both('a pass gives ascending ids and columns of their length, each in a buffer of its own', async (t, open) => {
  for (let i = 0; i < 3; i++) loadProg(t, {type: 'xdp'});
  const sample = await open().sample();
  t.strictSame(
    [...sample.ids],
    [...sample.ids].sort((a, b) => a - b),
  );
  t.equal(new Set(sample.ids).size, sample.ids.length);
  for (const column of [sample.ids, sample.runTimeNs, sample.runCnt, sample.recursionMisses ?? sample.runCnt]) {
    t.equal(column.length, sample.ids.length);
    t.equal(column.byteOffset, 0);
    t.equal(column.buffer.byteLength, column.byteLength);
  }
});

both('a pass tells when it began and how long it took', async (t, open) => {
  const sampler = open();
  const prog = loadProg(t, {type: 'xdp'});
  const earliest = BigInt(Date.now() - 1) * 1_000_000n;
  const first = await sampler.sample();
  const second = await sampler.sample();
  const latest = BigInt(Date.now() + 1) * 1_000_000n;
  const loadTimeNs = first.appeared.find(({id}) => id === prog.id)?.loadTimeNs;
  t.ok(loadTimeNs !== undefined && loadTimeNs < first.timeNs, 'on the clock of load_time');
  t.ok(first.timeNs + BigInt(first.durationNs) <= second.timeNs);
  t.ok(earliest <= first.realtimeNs && second.realtimeNs <= latest);
  t.ok(Number.isInteger(first.durationNs) && first.durationNs > 0);
});

both('a program appears once, with its static information', async (t, open) => {
  const sampler = open();
  await sampler.sample();
  const prog = loadProg(t, {type: 'sched_cls', name: 'appears_once', loops: 5, maps: ['one', 'two']});
  const first = await sampler.sample();
  const info = first.appeared.filter(({id}) => id === prog.id);
  t.equal(info.length, 1);
  t.match(info[0], {
    index: first.ids.indexOf(prog.id),
    type: 3, // BPF_PROG_TYPE_SCHED_CLS
    name: 'appears_once',
    tag: /^[0-9a-f]{16}$/,
    createdByUid: 0,
    gplCompatible: true,
    xlatedProgLen: 9 * 8,
    jitedProgLen: Number,
    btfId: 0,
    self: false,
  });
  t.equal(info[0]?.mapIds?.length, 2);
  t.ok(info[0]?.memlock === null || info[0]!.memlock > 0);
  const second = await sampler.sample();
  t.notOk(second.appeared.some(({id}) => id === prog.id));
  t.ok(second.ids.includes(prog.id));
});

both('two samplers each see a program appear', async (t, open) => {
  const prog = loadProg(t, {type: 'xdp'});
  for (const sampler of [open(), open()]) t.ok((await sampler.sample()).appeared.some(({id}) => id === prog.id));
});

both('a program that is unloaded leaves', async (t, open) => {
  const sampler = open();
  const stays = loadProg(t, {type: 'xdp'});
  const goes = loadProg(t, {type: 'xdp'});
  t.ok((await sampler.sample()).ids.includes(goes.id));
  goes.close();
  const after = await sampler.sample();
  t.notOk(after.ids.includes(goes.id));
  t.ok(after.ids.includes(stays.id));
  t.notOk(
    after.appeared.some(({id}) => id === stays.id),
    'what stays does not appear again',
  );
});

both('a name of 15 characters comes whole', async (t, open) => {
  const name = 'abcdefghijklmno';
  const prog = loadProg(t, {type: 'xdp', name});
  t.equal((await open().sample()).appeared.find(({id}) => id === prog.id)?.name, name);
});

both('a program without a name has an empty one', async (t, open) => {
  const prog = loadProg(t, {type: 'xdp'});
  t.equal((await open().sample()).appeared.find(({id}) => id === prog.id)?.name, '');
});

both('all map ids come, none or as many as a program may have', async (t, open) => {
  const sampler = open();
  for (const count of [0, 1, 64 /* MAX_USED_MAPS */]) {
    const prog = loadProg(t, {type: 'xdp', maps: Array.from({length: count}, (_, i) => `map_${i}`)});
    const ids = (await sampler.sample()).appeared.find(({id}) => id === prog.id)?.mapIds;
    t.equal(ids?.length, count);
    t.equal(new Set(ids).size, count);
    t.notOk(ids?.includes(0));
  }
});

both('no fd of a program is left open by a pass', async (t, open) => {
  const sampler = open();
  const prog = loadProg(t, {type: 'xdp'});
  const before = openFds('bpf-prog').length;
  const {ids} = await sampler.sample();
  t.ok(ids.includes(prog.id));
  await sampler.sample();
  t.equal(openFds('bpf-prog').length, before);
});

both('the number of open fds stays the same over 1000 passes', async (t, open) => {
  for (const enableStats of [true, false]) {
    const sampler = open({enableStats});
    await sampler.sample();
    const before = openFds().length;
    for (let i = 0; i < 500; i++) await sampler.sample();
    t.equal(openFds().length, before);
    sampler.close();
  }
});

both('programs that come and go during a pass do not end it', async (t, open) => {
  const sampler = open();
  const stays = loadProg(t, {type: 'xdp'});
  let pass: Promise<void> | undefined;
  let sampled = 0;
  for (let i = 0; i < 500; i++) {
    // Loading and unloading on this thread while the pass runs on another.
    pass ??= sampler.sample().then((sample) => {
      t.ok(sample.ids.includes(stays.id));
      sampled++;
      pass = undefined;
    });
    for (let j = 0; j < 5; j++) loadProg({teardown: () => undefined}, {type: 'xdp'}).close();
    await new Promise(setImmediate);
  }
  await pass;
  t.ok(sampled > 1);
});

both('a second sample while one is under way is refused, and the first one comes', async (t, open) => {
  const sampler = open();
  const first = sampler.sample();
  await t.rejects(sampler.sample(), {code: 'EBUSY', syscall: 'sample'});
  t.ok(await first);
  t.ok(await sampler.sample(), 'and it can sample again');
});

both('a sampler that is closed samples no more', async (t, open) => {
  const sampler = open();
  await sampler.sample();
  sampler.close();
  sampler.close();
  const error: unknown = await sampler.sample().catch((error: unknown) => error);
  t.ok(isSystemError(error));
  t.match(error, {code: 'EBADF', syscall: 'sample', errno: Number});
});

both('a sampler closed in mid-pass finishes that pass', async (t, open) => {
  const prog = loadProg(t, {type: 'xdp'});
  const sampler = open();
  const pass = sampler.sample();
  sampler.close();
  t.ok((await pass).ids.includes(prog.id));
  await t.rejects(sampler.sample(), {code: 'EBADF'});
});

t.test('options that are wrong are a TypeError', {skip: kernelSkip}, (t) => {
  const {Sampler} = loadBpf() as unknown as {Sampler: new (options?: unknown) => unknown};
  const wrong = [
    undefined,
    null,
    {},
    {enableStats: 1},
    'yes',
    {enableStats: true, sampler: 'best'},
    {enableStats: true, sampler: 1},
  ];
  for (const options of wrong) t.throws(() => new Sampler(options), TypeError);
  t.throws(
    () => new Sampler({get enableStats() { throw new RangeError('mine'); }}), // prettier-ignore
    RangeError,
    'what a getter throws comes through',
  );
  t.end();
});

t.test('methods called on something else are a TypeError, not a crash', {skip: kernelSkip}, (t) => {
  const {prototype} = loadBpf().Sampler as unknown as {prototype: Record<'sample' | 'close', () => unknown>};
  t.throws(() => prototype.sample.call({}), TypeError);
  t.throws(() => prototype.close.call(null), TypeError);
  t.end();
});
