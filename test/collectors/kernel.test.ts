import t from 'tap';
import type {NativeBpf, NativeProgInfo, NativeSample, NativeSamplerOptions} from '../../src/addon.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {Pace} from '../../src/collectors/pace.js';
import {UserError} from '../../src/errors.js';

/** An addon that gives one prepared answer after the other; an Error is thrown. */
function fakeBpf(answers: (NativeSample | Error)[]) {
  const calls: string[] = [];
  class Sampler {
    constructor(options: NativeSamplerOptions) {
      calls.push(`open ${options.enableStats} ${options.sampler}`);
    }
    sample(): Promise<NativeSample> {
      const answer = answers.shift();
      if (!answer) throw new Error('the test has no more answers');
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    }
    close(): void {
      calls.push('close');
    }
  }
  return {calls, bpf: {Sampler} satisfies Pick<NativeBpf, 'Sampler'>};
}

const appeared = (index: number, id: number, rest: Partial<NativeProgInfo> = {}): NativeProgInfo => ({
  ...{index, id, type: 6, name: `prog_${id}`, tag: '0123456789abcdef', loadTimeNs: 5_000_000_000n, createdByUid: 0},
  ...{gplCompatible: true, xlatedProgLen: 16, jitedProgLen: 40, memlock: 4096, verifiedInsns: 2, btfId: 0, mapIds: []},
  ...{sleepable: null, expectedAttachType: null, attachBtfId: null, self: false},
  ...rest,
});

function native(ids: number[], infos: NativeProgInfo[], rest: Partial<NativeSample> = {}): NativeSample {
  return {
    timeNs: 100_000_000_000n,
    realtimeNs: 1_767_225_700_123_000_000n,
    durationNs: 1000,
    sampler: 'walk',
    readBy: null,
    pinned: false,
    fallbackReason: null,
    stats: 'enabled_here',
    statsError: null,
    statsCostNs: null,
    ids: Uint32Array.from(ids),
    runTimeNs: BigUint64Array.from(ids, (id) => BigInt(id) * 100n),
    runCnt: BigUint64Array.from(ids, BigInt),
    recursionMisses: new BigUint64Array(ids.length),
    hottestCpu: new Int32Array(ids.length).fill(-1),
    hottestPct: new Uint8Array(ids.length),
    appeared: infos,
    ...rest,
  };
}

const callError = (code: string, syscall = 'bpf(BPF_PROG_GET_NEXT_ID)') =>
  Object.assign(new Error(`${syscall}: ${code}`), {code, syscall});

t.test('a program is described once and the same object stands for it in every sample', async (t) => {
  const {bpf} = fakeBpf([
    native([1, 2], [appeared(0, 1), appeared(1, 2, {btfId: 7, type: 31})]),
    native([1, 2, 3], [appeared(2, 3)]),
  ]);
  const collector = new KernelCollector({enableStats: true}, bpf);
  const [first, second] = [await collector.sample(), await collector.sample()];
  t.equal(second.progs.info[0], first.progs.info[0]);
  t.equal(second.progs.info[1], first.progs.info[1]);
  t.equal(second.progs.info[2]?.id, 3);
  t.match(first.progs.info, [
    {id: 1, btfId: null, sleepable: false, loadedAt: 1_767_225_605},
    {id: 2, btfId: 7, sleepable: true},
  ]);
  t.equal(first.takenAt, 1_767_225_700_123);
  t.same(first.warnings, []);
});

t.test('an id described again is another program', async (t) => {
  const {bpf} = fakeBpf([native([1], [appeared(0, 1)]), native([1], [appeared(0, 1, {loadTimeNs: 6_000_000_000n})])]);
  const collector = new KernelCollector({enableStats: true}, bpf);
  const keys = [(await collector.sample()).progs.info[0]?.key, (await collector.sample()).progs.info[0]?.key];
  t.equal(new Set(keys).size, 2);
});

t.test('no programs are an empty sample', async (t) => {
  const {bpf} = fakeBpf([native([], [])]);
  t.equal((await new KernelCollector({enableStats: true}, bpf).sample()).progs.info.length, 0);
});

t.test('a kernel without BPF_ENABLE_STATS is watched without rates, and the warning has the command', async (t) => {
  const statsError = {code: 'EINVAL', syscall: 'bpf(BPF_ENABLE_STATS)'};
  const {bpf} = fakeBpf([native([], [], {stats: 'off', statsError}), native([], [], {stats: 'already_on', statsError})]);
  const collector = new KernelCollector({enableStats: true}, bpf);
  const [warning] = (await collector.sample()).warnings;
  t.equal(warning?.code, 'stats_unavailable');
  t.match(warning?.message, /bpf\(BPF_ENABLE_STATS\): EINVAL.*sudo sysctl kernel\.bpf_stats_enabled=1/);
  t.same((await collector.sample()).warnings, [], 'somebody switched them on: nothing to warn of');
});

t.test('watching only, with statistics off, says how to get rates', async (t) => {
  const {bpf, calls} = fakeBpf([native([], [], {stats: 'off'})]);
  const {warnings} = await new KernelCollector({enableStats: false}, bpf).sample();
  t.match(warnings, [{code: 'stats_off', message: /Leave --no-enable-stats out/}]);
  t.same(calls, ['open false undefined']);
});

t.test('what went wrong is one sentence with call, errno and remedy, and has an exit status', async (t) => {
  const cases: [code: string, status: number, remedy: RegExp][] = [
    [
      'EPERM',
      77,
      /cannot list BPF programs: bpf\(BPF_PROG_GET_NEXT_ID\): EPERM\. Run it with sudo; doctor lists ways without\.$/,
    ],
    ['EACCES', 77, /sudo/],
    ['ENOSYS', 69, /without BPF/],
    ['EINVAL', 69, /Linux 4\.13/],
    ['EMFILE', 1, /ulimit -n/],
    ['EIO', 1, /Try again/],
  ];
  for (const [code, status, remedy] of cases) {
    const {bpf} = fakeBpf([callError(code)]);
    await t.rejects(new KernelCollector({enableStats: true}, bpf).sample(), {
      constructor: UserError,
      exitStatus: status,
      message: remedy,
    });
  }
});

t.test(
  'statistics that this process may not switch on are a warning while they are off, and nothing once they are on',
  async (t) => {
    const statsError = {code: 'EPERM', syscall: 'bpf(BPF_ENABLE_STATS)'};
    const {bpf} = fakeBpf([native([], [], {stats: 'off', statsError}), native([], [], {stats: 'already_on', statsError})]);
    const collector = new KernelCollector({enableStats: true}, bpf);
    t.match((await collector.sample()).warnings, [
      {code: 'stats_not_permitted', message: /bpf\(BPF_ENABLE_STATS\): EPERM.*Run it with sudo, or .*bpf_stats_enabled=1/},
    ]);
    t.same((await collector.sample()).warnings, []);
  },
);

t.test('the sampler, and why it is not the better one, come from the addon; the choice goes to it', async (t) => {
  const fallbackReason = 'open: ENOENT: /sys/kernel/btf/vmlinux';
  const {bpf, calls} = fakeBpf([native([], [], {fallbackReason}), native([], [], {sampler: 'iterator'})]);
  const collector = new KernelCollector({enableStats: true, sampler: 'auto'}, bpf);
  t.match(await collector.sample(), {sampler: 'walk', fallbackReason});
  t.match(await collector.sample(), {sampler: 'iterator', fallbackReason: null});
  t.same(calls, ['open true auto']);
});

t.test('what statistics cost a run comes from the addon; null is kept', async (t) => {
  const {bpf} = fakeBpf([native([], [], {statsCostNs: 68}), native([], [])]);
  const collector = new KernelCollector({enableStats: true}, bpf);
  t.equal((await collector.sample()).statsCostNs, 68);
  t.equal((await collector.sample()).statsCostNs, null);
});

t.test('no iterator where nothing else will do: what failed, and the way out', async (t) => {
  const error = (code: string, detail: string) =>
    Object.assign(new Error(`bpf(BPF_PROG_LOAD): ${code}: ${detail}`), {code, syscall: 'bpf(BPF_PROG_LOAD)'});
  for (const [code, status, remedy] of [
    ['EPERM', 77, 'Run it with sudo; doctor lists ways without.'],
    ['EACCES', 69, 'Leave --sampler iterator out.'],
    ['ENOENT', 69, 'Leave --sampler iterator out.'],
  ] as const) {
    const {bpf} = fakeBpf([error(code, 'the details')]);
    await t.rejects(new KernelCollector({enableStats: true, sampler: 'iterator'}, bpf).sample(), {
      constructor: UserError,
      exitStatus: status,
      message: `cannot read through a BPF iterator: bpf(BPF_PROG_LOAD): ${code}: the details. ${remedy}`,
    });
  }
});

t.test('what the iterator knows of a program goes before what its type tells', async (t) => {
  const {bpf} = fakeBpf([
    native(
      [1, 2, 3],
      [
        appeared(0, 1, {type: 26, sleepable: true, expectedAttachType: 24, attachBtfId: 77}),
        appeared(1, 2, {type: 26}),
        appeared(2, 3, {type: 6, sleepable: false, attachBtfId: 0}),
      ],
    ),
  ]);
  t.match((await new KernelCollector({enableStats: true}, bpf).sample()).progs.info, [
    {sleepable: true, attachType: 24, attachBtfId: 77},
    {sleepable: null, attachType: null, attachBtfId: null},
    {sleepable: false, attachBtfId: null},
  ]);
});

t.test('a bug in the addon is not made into advice', async (t) => {
  const {bpf} = fakeBpf([new TypeError('boom'), native([4], [])]);
  const collector = new KernelCollector({enableStats: true}, bpf);
  await t.rejects(collector.sample(), TypeError);
  await t.rejects(collector.sample(), /listed program 4 without ever describing it/);
});

t.test('samples come at the beat until the signal, and a failed reading ends the loop', async (t) => {
  const stop = new AbortController();
  const {bpf, calls} = fakeBpf([native([], []), native([], []), native([], []), callError('EIO')]);
  const collector = new KernelCollector({enableStats: true}, bpf);
  let count = 0;
  for await (const sample of collector.samples(new Pace(50), stop.signal)) {
    t.equal(sample.sampler, 'walk');
    if (++count === 2) stop.abort();
  }
  t.equal(count, 2);
  const rest = collector.samples(new Pace(50));
  t.notOk((await rest.next()).done);
  await t.rejects(rest.next(), UserError);
  collector.close();
  t.same(calls, ['open true undefined', 'close']);
});
