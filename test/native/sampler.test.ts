import t from 'tap';
import {loadBpf} from '../../src/addon.js';
import {isSystemError} from '../../src/errors.js';
import {kernelSkip, loadProg, openFds, openSampler, rowOf} from '../helpers/kernel.js';

t.test('runs are counted exactly, and as the kernel itself counts them', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
  for (const type of ['socket_filter', 'sched_cls', 'xdp', 'cgroup_skb', 'raw_tracepoint', 'syscall'] as const) {
    const prog = loadProg(t, {type, loops: 10});
    const before = rowOf(await sampler.sample(), prog.id);
    prog.run(1234);
    const after = rowOf(await sampler.sample(), prog.id);
    t.equal(before?.runCnt, 0n, type);
    t.equal(after?.runCnt, 1234n, type);
    t.strictSame(after, prog.counters(), type);
    t.ok(after && after.runTimeNs > 0n, type);
  }
});

t.test(
  'a pass gives ascending ids and columns of their length, each in a buffer of its own',
  {skip: kernelSkip},
  async (t) => {
    for (let i = 0; i < 3; i++) loadProg(t, {type: 'xdp'});
    const sample = await openSampler(t).sample();
    t.strictSame(
      [...sample.ids],
      [...sample.ids].sort((a, b) => a - b),
    );
    t.equal(new Set(sample.ids).size, sample.ids.length);
    for (const column of [sample.ids, sample.runTimeNs, sample.runCnt, sample.recursionMisses]) {
      t.equal(column.length, sample.ids.length);
      t.equal(column.byteOffset, 0);
      t.equal(column.buffer.byteLength, column.byteLength);
    }
  },
);

t.test('a pass tells when it began and how long it took', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
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

t.test('a program appears once, with its static information', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
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

t.test('two samplers each see a program appear', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp'});
  for (const sampler of [openSampler(t), openSampler(t)])
    t.ok((await sampler.sample()).appeared.some(({id}) => id === prog.id));
});

t.test('a program that is unloaded leaves', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
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

t.test('a name of 15 characters comes whole', {skip: kernelSkip}, async (t) => {
  const name = 'abcdefghijklmno';
  const prog = loadProg(t, {type: 'xdp', name});
  t.equal((await openSampler(t).sample()).appeared.find(({id}) => id === prog.id)?.name, name);
});

t.test('a program without a name has an empty one', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp'});
  t.equal((await openSampler(t).sample()).appeared.find(({id}) => id === prog.id)?.name, '');
});

t.test('all map ids come, none or as many as a program may have', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
  for (const count of [0, 1, 64 /* MAX_USED_MAPS */]) {
    const prog = loadProg(t, {type: 'xdp', maps: Array.from({length: count}, (_, i) => `map_${i}`)});
    const ids = (await sampler.sample()).appeared.find(({id}) => id === prog.id)?.mapIds;
    t.equal(ids?.length, count);
    t.equal(new Set(ids).size, count);
    t.notOk(ids?.includes(0));
  }
});

t.test('no fd of a program is left open by a pass', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
  const prog = loadProg(t, {type: 'xdp'});
  const before = openFds();
  t.ok((await sampler.sample()).ids.includes(prog.id));
  await sampler.sample();
  t.strictSame(
    openFds('bpf-prog'),
    before.filter((fd) => fd.includes('bpf-prog')),
    'only the test bed holds one',
  );
});

t.test('the number of open fds stays the same over 1000 passes', {skip: kernelSkip}, async (t) => {
  for (const enableStats of [true, false]) {
    const sampler = openSampler(t, {enableStats});
    await sampler.sample();
    const before = openFds().length;
    for (let i = 0; i < 500; i++) await sampler.sample();
    t.equal(openFds().length, before);
    sampler.close();
  }
});

t.test('programs that come and go during a pass do not end it', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
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

t.test('a second sample while one is under way is refused, and the first one comes', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
  const first = sampler.sample();
  await t.rejects(sampler.sample(), {code: 'EBUSY', syscall: 'sample'});
  t.ok(await first);
  t.ok(await sampler.sample(), 'and it can sample again');
});

t.test('a sampler that is closed samples no more', {skip: kernelSkip}, async (t) => {
  const sampler = openSampler(t);
  await sampler.sample();
  sampler.close();
  sampler.close();
  const error: unknown = await sampler.sample().catch((error: unknown) => error);
  t.ok(isSystemError(error));
  t.match(error, {code: 'EBADF', syscall: 'sample', errno: Number});
});

t.test('a sampler closed in mid-pass finishes that pass', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp'});
  const sampler = openSampler(t);
  const pass = sampler.sample();
  sampler.close();
  t.ok((await pass).ids.includes(prog.id));
  await t.rejects(sampler.sample(), {code: 'EBADF'});
});

t.test('options that are wrong are a TypeError', {skip: kernelSkip}, (t) => {
  const {Sampler} = loadBpf() as unknown as {Sampler: new (options?: unknown) => unknown};
  for (const options of [undefined, null, {}, {enableStats: 1}, 'yes']) t.throws(() => new Sampler(options), TypeError);
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
