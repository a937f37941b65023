/**
 * A Sample is what was read from a kernel at one moment, untouched: raw counters, times, static information. Collectors make
 * Samples; everything after them reads them. What is not known is null, never 0.
 */
import type {Sources} from './sources.js';

/** How the programs were listed: by a BPF iterator of our own, or by asking for id after id. */
export type SamplerName = 'iterator' | 'walk';

/**
 * Whether run-time statistics were on during the reading: `enabled_here` by this process's BPF_ENABLE_STATS fd, `already_on` by
 * somebody else (another fd, or the sysctl kernel.bpf_stats_enabled), or `off`.
 */
export type StatsState = 'enabled_here' | 'already_on' | 'off';

/**
 * What does not change in a program's life (struct bpf_prog_info, include/uapi/linux/bpf.h). One object per identity: a
 * collector hands out the same object in every Sample the program is in.
 */
export interface ProgInfo {
  /** Identity: id, load time and tag in one string. Ids alone are reused. */
  readonly key: string;
  readonly id: number;
  /** enum bpf_prog_type; `progTypeName` names it. */
  readonly type: number;
  /** At most 15 bytes; `MeasuredProg.name` is the whole. Empty when the program has no name. From the host: hostile. */
  readonly name: string;
  /** SHA of the instructions, 16 hex digits. */
  readonly tag: string;
  /** CLOCK_BOOTTIME when it was loaded. */
  readonly loadTimeNs: bigint;
  /** The same as Unix time, in seconds. */
  readonly loadedAt: number;
  /** Who loaded it. */
  readonly uid: number;
  readonly gplCompatible: boolean;
  readonly bytesXlated: number;
  /** 0 when the program is interpreted. */
  readonly bytesJited: number;
  /** Memory charged for it ("memlock" in its fdinfo), null where that could not be read. */
  readonly bytesMemlock: number | null;
  /** Instructions that the verifier walked; null before Linux 5.16. */
  readonly verifiedInsns: number | null;
  /** null: loaded without BTF. */
  readonly btfId: number | null;
  /** In the order the program refers to them; null where they could not be read. */
  readonly mapIds: readonly number[] | null;
  /** Whether it may sleep, so that its run time is wall time; null where the reading can't tell. */
  readonly sleepable: boolean | null;
  /** enum bpf_attach_type that it was loaded for, 0 also where its type has none; null where the reading can't tell. */
  readonly attachType: number | null;
  /** Type id, in BTF, of what it is attached to; null: nothing, or the reading can't tell. */
  readonly attachBtfId: number | null;
  /** A helper that this sampler, or a slow source of this process, loaded to read the others. To another process it is a program like any other. */
  readonly self: boolean;
}

/** The key of a program. */
export function progKey(id: number, loadTimeNs: bigint, tag: string): string {
  return `${id}/${loadTimeNs}/${tag}`;
}

/**
 * The programs of a Sample, a column each, index by index; ids ascend. Counters are u64 sums over all CPUs since the
 * program was loaded, counted only while statistics are on (struct bpf_prog_stats, include/linux/filter.h).
 */
export interface ProgColumns {
  readonly info: readonly ProgInfo[];
  /** What else is known of them, as of the last look of each source. */
  readonly sources: Sources;
  /** Wall time between entry and exit, ns. */
  readonly runTimeNs: BigUint64Array;
  readonly runCnt: BigUint64Array;
  /**
   * Runs that did not happen because the program was already running on that CPU; counted also while statistics are off. null: this kernel
   * doesn't count them (before 5.12).
   */
  readonly recursionMisses: BigUint64Array | null;
  /** The CPU with the largest share of runTimeNs; -1: it never ran, or the sampler can't tell. */
  readonly hottestCpu: Int32Array;
  /** That share, per cent, rounded down; 0 where there is none. */
  readonly hottestPct: Uint8Array;
}

/** The host a Sample comes from; constant over a run. */
export interface Host {
  readonly hostname: string;
  /** uname -r */
  readonly kernelRelease: string;
  /** uname -m */
  readonly arch: string;
  readonly cpusOnline: number;
  /** /proc/sys/kernel/random/boot_id; null where it can't be read. */
  readonly bootId: string | null;
}

/** Something the reader should know about the figures; `code` is for scripts, `message` for people. */
export interface Warning {
  readonly code: string;
  readonly message: string;
}

/** One reading of one host. */
export interface Sample {
  readonly host: Host;
  /** Wall clock when the reading began, ms since the epoch. */
  readonly takenAt: number;
  /** CLOCK_BOOTTIME when the reading began (the clock of `load_time`), ns. */
  readonly timeNs: bigint;
  /** How long the reading took, ns. */
  readonly durationNs: number;
  /** CPU time this process has used since it started, user and system, ns. */
  readonly selfCpuNs: number;
  readonly sampler: SamplerName;
  /** Whether the iterator is one that root has pinned for a group (`share`). */
  readonly shared: boolean;
  /** Why it isn't the iterator: call and errno, and what it was about; null: it is, or it was not asked for. */
  readonly fallbackReason: string | null;
  readonly stats: StatsState;
  /**
   * ns that statistics add to a run on this host, timed when this process switched them on; null: it didn't, or they were on already,
   * or it could not be told.
   */
  readonly statsCostNs: number | null;
  readonly warnings: readonly Warning[];
  readonly progs: ProgColumns;
}
