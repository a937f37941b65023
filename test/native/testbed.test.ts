import t from 'tap';
import {loadTestbed, type TestProgSpec} from '../../src/addon.js';
import {kernelSkip, loadProg, openFds, switchStatsOn, typeSkip} from '../helpers/kernel.js';

t.test('a program with 20000 loops gets past the verifier, and runs', {skip: kernelSkip}, async (t) => {
  await switchStatsOn(t);
  const prog = loadProg(t, {type: 'xdp', loops: 20_000});
  prog.run(100);
  t.equal(prog.counters().runCnt, 100n);
});

t.test('no run is no run', {skip: kernelSkip}, async (t) => {
  await switchStatsOn(t);
  const prog = loadProg(t, {type: 'xdp'});
  prog.run(0);
  t.equal(prog.counters().runCnt, 0n);
});

t.test('functions are called, and a run happens on the CPU it is told to', {skip: kernelSkip}, async (t) => {
  await switchStatsOn(t);
  const prog = loadProg(t, {type: 'sched_cls', functions: 3, loops: 2});
  prog.run(2);
  prog.run(3, 0);
  t.equal(prog.counters().runCnt, 5n);
  t.throws(() => prog.run(1, 4095), {code: 'EINVAL', syscall: 'sched_setaffinity'});
  t.throws(() => prog.run(1, -1), TypeError);
  t.throws(() => loadProg(t, {type: 'xdp', functions: 256}), TypeError);
});

t.test('a refused program says why, in the words of the verifier', {skip: kernelSkip}, (t) => {
  let error: unknown;
  try {
    loadProg(t, {type: 'xdp', loops: 1_000_000});
  } catch (thrown) {
    error = thrown;
  }
  t.match(error, {code: 'E2BIG', syscall: 'bpf(BPF_PROG_LOAD)', message: /r2|R2/});
  t.ok((error as Error).message.length < 1200);
  t.end();
});

t.test('a type that cannot be test-run is ENOTSUPP', {skip: kernelSkip}, (t) => {
  for (const type of ['tracepoint', 'cgroup_sock'] as const)
    if (!typeSkip(type))
      t.throws(() => loadProg(t, {type}).run(1), {code: 'ENOTSUPP', syscall: 'bpf(BPF_PROG_TEST_RUN)', errno: -524});
  t.end();
});

t.test('a program that is closed is gone, with its fds', {skip: typeSkip('raw_tracepoint')}, (t) => {
  const before = openFds();
  const prog = loadProg(t, {type: 'raw_tracepoint', maps: ['one']});
  prog.attach({rawTracepoint: 'sched_process_exec'});
  prog.close();
  prog.close();
  t.strictSame(openFds(), before);
  t.throws(() => prog.run(1), {code: 'EBADF'});
  t.throws(() => prog.counters(), {code: 'EBADF'});
  t.throws(() => prog.attach({rawTracepoint: 'sched_process_exec'}), {code: 'EBADF'});
  prog.detach();
  t.end();
});

t.test('an attach point that is not there is a system error', {skip: typeSkip('raw_tracepoint')}, (t) => {
  t.throws(() => loadProg(t, {type: 'raw_tracepoint'}).attach({rawTracepoint: 'no_such_thing'}), {
    code: 'ENOENT',
    syscall: 'bpf(BPF_RAW_TRACEPOINT_OPEN)',
  });
  t.throws(() => loadProg(t, {type: 'cgroup_skb'}).attach({cgroup: '/no/such/cgroup'}), {code: 'ENOENT', syscall: 'open'});
  t.throws(() => loadProg(t, {type: 'xdp'}).attach({xdp: 2 ** 30}), {code: 'EINVAL', syscall: 'bpf(BPF_LINK_CREATE)'});
  t.end();
});

t.test('what is wrong with a specification is a TypeError', {skip: kernelSkip}, (t) => {
  const {load} = loadTestbed() as {load: (spec?: unknown) => unknown};
  const wrong: unknown[] = [
    undefined,
    {},
    {type: 'no_such_type'},
    {type: 'xdp', name: 'sixteen_letters_'},
    {type: 'xdp', loops: -1},
    {type: 'xdp', loops: 1.5},
    {type: 'xdp', maps: 'one'},
    {type: 'xdp', maps: [1]},
    {type: 'raw_tracepoint', prints: 1},
  ];
  for (const spec of wrong) t.throws(() => load(spec), TypeError);
  t.throws(
    () => loadProg(t, {type: 'xdp', name: 'a-b'} satisfies TestProgSpec),
    {code: 'EINVAL'},
    'the kernel judges letters',
  );
  const prog = loadProg(t, {type: 'xdp'}) as unknown as {run(times: unknown): void; attach(point: unknown): void};
  for (const times of [-1, 2 ** 32, NaN, '1', undefined]) t.throws(() => prog.run(times), TypeError);
  for (const point of [undefined, {}, {xdp: 'lo'}, {cgroup: 1}]) t.throws(() => prog.attach(point), TypeError);
  t.end();
});
