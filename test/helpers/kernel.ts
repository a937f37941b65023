/** What tests on the real kernel share: whether they can run at all, and programs that are unloaded when the test ends. */
import {closeSync, readdirSync, readFileSync, readlinkSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {
  loadBpf,
  loadTestbed,
  type NativeSample,
  type NativeSampler,
  type NativeSamplerOptions,
  type TestProg,
  type TestProgSpec,
} from '../../src/addon.js';
import {isSystemError} from '../../src/errors.js';

/** Why tests on the real kernel cannot run here; false where they can. For `t.test(name, {skip: kernelSkip}, …)`. */
export const kernelSkip: string | false = await whyNot();

async function whyNot(): Promise<string | false> {
  if (process.platform !== 'linux') return `needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'needs root';
  // Not caught: an addon that isn't built is a failure, not a reason to skip.
  const sampler = new (loadBpf().Sampler)({enableStats: true});
  // What it says when it can't read at all.
  const {statsError} = await sampler.sample().catch((error: unknown) => {
    if (!isSystemError(error)) throw error;
    return {statsError: error};
  });
  sampler.close();
  return statsError !== null && `${statsError.syscall} gives ${statsError.code} here`;
}

/** Why there is no iterator here, where programs can be read at all; false where there is one. */
export const iteratorSkip: string | false = kernelSkip || (await whyNoIterator());

async function whyNoIterator(): Promise<string | false> {
  const sampler = new (loadBpf().Sampler)({enableStats: false});
  const {fallbackReason} = await sampler.sample();
  sampler.close();
  return fallbackReason !== null && `no iterator: ${fallbackReason}`;
}

/** Why a test of programs of a type cannot run here; false where it can: some kernels have no tracing, those before 5.14 no `syscall`. */
export function typeSkip(type: TestProgSpec['type']): string | false {
  if (kernelSkip) return kernelSkip;
  try {
    loadTestbed().load({type}).close();
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
    return `no programs of type ${type} here`;
  }
}

/** Types of programs that can be test-run, as far as this kernel has them. */
export const runnableTypes: readonly TestProgSpec['type'][] = (
  ['socket_filter', 'sched_cls', 'xdp', 'cgroup_skb', 'raw_tracepoint', 'syscall'] as const
).filter((type) => !typeSkip(type));

/** Why run times say nothing here; false where they do. User-mode Linux counts them by a clock that steps in jiffies. */
export const runTimeSkip: string | false = kernelSkip || whyNoRunTime();

function whyNoRunTime(): string | false {
  const statistics = loadBpf().enableStats();
  const prog = loadTestbed().load({type: 'xdp', loops: 10});
  prog.run(100);
  const {runTimeNs, runCnt} = prog.counters();
  prog.close();
  closeSync(statistics);
  if (runCnt !== 100n) throw new Error(`100 runs were counted as ${runCnt}`);
  return runTimeNs === 0n && 'this kernel measures no run as short as this';
}

/** What is needed of tap's `t` to clean up after a test. */
interface Test {
  teardown(done: () => unknown): void;
}

/** Loads a program and unloads it when the test ends. */
export function loadProg(t: Test, spec: TestProgSpec): TestProg {
  const prog = loadTestbed().load(spec);
  t.teardown(() => prog.close());
  return prog;
}

/** Opens a sampler, with statistics on from its first pass unless told otherwise, and closes it when the test ends. */
export function openSampler(t: Test, options: Partial<NativeSamplerOptions> = {}): NativeSampler {
  const sampler = new (loadBpf().Sampler)({enableStats: true, ...options});
  t.teardown(() => sampler.close());
  return sampler;
}

/** A sampler that has switched statistics on, which it does in its first pass. */
export async function switchStatsOn(t: Test): Promise<NativeSampler> {
  const sampler = openSampler(t);
  await sampler.sample();
  return sampler;
}

/** Statistics belong to the whole machine, others switch them on as well: what is true is read off a program of our own. */
export function areOn(witness: TestProg): boolean {
  const before = witness.counters().runCnt;
  witness.run(1);
  return witness.counters().runCnt > before;
}

/**
 * Samples until the witness said the same before and after: then the sample must say so too; null: somebody else on this host has
 * statistics on, or off, all the time.
 */
export async function sampleWhile<T>(on: boolean, source: {sample(): Promise<T>}, witness: TestProg): Promise<T | null> {
  for (let tries = 0; tries < 200; tries++) {
    const before = areOn(witness);
    const sample = await source.sample();
    if (before === on && areOn(witness) === on) return sample;
    await sleep(50);
  }
  return null;
}

/** Whether the administrator has statistics on for all. */
export function sysctlIsOn(): boolean {
  return readFileSync('/proc/sys/kernel/bpf_stats_enabled', 'utf8').startsWith('1');
}

/** Where the administrator has them on for good, nothing can be said about off. */
export const sysctlSkip: string | false = kernelSkip || (sysctlIsOn() && 'the sysctl has statistics on');

/** Whether any process holds a BPF_ENABLE_STATS fd, or the sysctl is set. */
export function someoneElseHasThemOn(): boolean {
  if (sysctlIsOn()) return true;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .some((pid) => {
      try {
        return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === 'anon_inode:bpf-stats');
      } catch {
        return false; // it ended
      }
    });
}

/** The counters of one program, as `TestProg.counters` gives them; undefined where the sample hasn't got it. */
export function rowOf(sample: NativeSample, id: number): ReturnType<TestProg['counters']> | undefined {
  const index = sample.ids.indexOf(id);
  if (index < 0) return undefined;
  return {
    runTimeNs: sample.runTimeNs[index]!,
    runCnt: sample.runCnt[index]!,
    // Where the kernel doesn't count them (before 5.12), what a program's own fd says is 0.
    recursionMisses: sample.recursionMisses ? sample.recursionMisses[index]! : 0n,
  };
}

/** What this process's open fds of a kind point to, such as `anon_inode:bpf-prog`. */
export function openFds(kind = ''): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.includes(kind) ? [target] : [];
    } catch {
      return []; // the fd of the listing itself
    }
  });
}
