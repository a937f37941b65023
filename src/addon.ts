/** The one place that loads native code, and the shape of what it gives (native/addon.cc, native/testbed.cc). */
import {createRequire} from 'node:module';
import {exitStatus, UserError} from './errors.js';

/** Static information of a program seen for the first time: struct bpf_prog_info, names as there, in camelCase. */
export interface NativeProgInfo {
  /** Where it stands in the columns of this sample. */
  readonly index: number;
  readonly id: number;
  readonly type: number;
  readonly name: string;
  /** 16 hex digits. */
  readonly tag: string;
  readonly loadTimeNs: bigint;
  readonly createdByUid: number;
  readonly gplCompatible: boolean;
  readonly xlatedProgLen: number;
  readonly jitedProgLen: number;
  /** null: not in fdinfo. */
  readonly memlock: number | null;
  /** null: beyond the end of what this kernel returned. */
  readonly verifiedInsns: number | null;
  /** 0: none. */
  readonly btfId: number;
  /** null: this sampler or kernel can't tell. */
  readonly sleepable: boolean | null;
  /** enum bpf_attach_type; 0 also for types that are loaded without one. null: this sampler can't tell. */
  readonly expectedAttachType: number | null;
  /** Type id of what it is attached to, in that BTF; 0: nothing. null: this kernel doesn't say. */
  readonly attachBtfId: number | null;
  /** null: could not be read. */
  readonly mapIds: number[] | null;
  readonly self: boolean;
}

/** How programs are listed: by a BPF iterator of our own, or by asking for id after id. */
export type NativeSamplerName = 'iterator' | 'walk';

/** One pass over all programs. Columns are index by index; ids ascend. */
export interface NativeSample {
  /** CLOCK_BOOTTIME when the pass began. */
  readonly timeNs: bigint;
  /** CLOCK_REALTIME when the pass began. */
  readonly realtimeNs: bigint;
  readonly durationNs: number;
  readonly sampler: NativeSamplerName;
  /** Whether the iterator is another's, read through its pin. */
  readonly pinned: boolean;
  /** How the iterator reads counters: bpf_rdonly_cast, or bpf_probe_read_kernel (slower, on older kernels). null: the walk, or another's iterator. */
  readonly readBy: 'cast' | 'probe' | null;
  /** Why it isn't the iterator: the call and errno, and what it was about. null: it is, or it was not asked for. */
  readonly fallbackReason: string | null;
  readonly stats: 'enabled_here' | 'already_on' | 'off';
  /** Why statistics could not be switched on; null when they were, or when that was not asked for. */
  readonly statsError: NativeCallError | null;
  /** ns that statistics add to a run, timed when they were switched on here; null: they weren't, or it could not be told. */
  readonly statsCostNs: number | null;
  readonly ids: Uint32Array;
  readonly runTimeNs: BigUint64Array;
  readonly runCnt: BigUint64Array;
  /** null: this kernel doesn't count them (before 5.12). */
  readonly recursionMisses: BigUint64Array | null;
  /** The CPU that has the largest share of the run time; -1: it never ran, or the walk, which can't tell. */
  readonly hottestCpu: Int32Array;
  /** That share, per cent, rounded down; 0 where there is none. */
  readonly hottestPct: Uint8Array;
  /** Programs whose identity (id, load time, tag) was not in the pass before. */
  readonly appeared: readonly NativeProgInfo[];
}

/** What went wrong in a call: `code` is the errno's name, `syscall` the call, such as `bpf(BPF_ENABLE_STATS)`. */
export interface NativeCallError {
  readonly code: string;
  readonly syscall: string;
}

/** An open sampler; what it holds goes with `close`, at the latest with the process. */
export interface NativeSampler {
  /**
   * Reads every program once, on a thread of libuv's pool. One at a time.
   * @throws (rejects with) a SystemError: the call and errno that ended the pass; why there is no iterator, where nothing else will do.
   */
  sample(): Promise<NativeSample>;
  /** Gives back the statistics fd; a pass under way is waited for by the thread that runs it. Idempotent. */
  close(): void;
}

/** What a sampler is opened with. */
export interface NativeSamplerOptions {
  /** Hold a BPF_ENABLE_STATS fd from the first pass until `close` (or the process's end, however it ends). */
  readonly enableStats: boolean;
  /** `auto`, the default: the iterator where it can be had, else the walk. The others: that one and no other. */
  readonly sampler?: 'auto' | NativeSamplerName;
  /** A pinned iterator to read where one of our own can't be had; none by default. */
  readonly pin?: string;
}

/** A BPF link: struct bpf_link_info, names as there, in camelCase. null: its type hasn't got that, or this kernel doesn't tell. */
export interface NativeLink {
  readonly id: number;
  /** enum bpf_link_type. */
  readonly type: number;
  /** null: struct_ops, whose programs are in its map. */
  readonly progId: number | null;
  /** enum bpf_attach_type. */
  readonly attachType: number | null;
  /** What the kernel names: tracepoint, iterator's target, function, file. */
  readonly name: string | null;
  /** From the start of that function or file. */
  readonly offset: number | null;
  /** null also for an interface that is gone. */
  readonly ifindex: number | null;
  /** Whether it is this process's network namespace that counts the interface so; null: it could not be told. */
  readonly netns: 'own' | 'other' | null;
  /** The interface's name; only in the own network namespace. */
  readonly ifname: string | null;
  /** null also for a cgroup that is gone. */
  readonly cgroupId: bigint | null;
  readonly netnsIno: number | null;
  /** Of struct_ops and sockmap. */
  readonly mapId: number | null;
  /** A program's id where it is attached to one, otherwise a BTF object's. */
  readonly targetObjId: number | null;
  readonly targetBtfId: number | null;
  /** enum bpf_perf_event_type. */
  readonly perfType: number | null;
  /** perf_event_attr's `type` and `config`. */
  readonly eventType: number | null;
  readonly eventConfig: bigint | null;
  /** Functions, or places in a file, of the multi types. */
  readonly count: number | null;
  readonly flags: number | null;
  readonly pid: number | null;
  readonly pf: number | null;
  readonly hooknum: number | null;
  readonly priority: number | null;
}

/** All links of the host; ids ascend. */
export interface NativeLinks {
  readonly links: readonly NativeLink[];
  /** How many more there are of which the kernel told nothing. */
  readonly unreadable: number;
}

/** Where the BTF of one program has its names. */
export interface NativeProgBtf {
  /** Id of the BTF object it was loaded with; 0: none. */
  readonly btfId: number;
  /** Type id of its main function there; 0: it doesn't tell. */
  readonly mainTypeId: number;
  /**
   * Id of the BTF object of what it was loaded to be attached to, and the type there; 0: nothing, or (the object) forgotten, once it hangs on
   * another program. null: this kernel doesn't tell (before 6.0).
   */
  readonly attachBtfObjId: number | null;
  readonly attachBtfId: number | null;
}

/** A function or tracepoint that BTF names. */
export interface NativeFunction {
  /** From the host: hostile. */
  readonly name: string;
  /** The module it is in; null: the kernel proper, or a program. */
  readonly module: string | null;
}

/**
 * What reading names takes of the addon: each call on a thread of libuv's pool, its answers in the order of what was asked.
 * @throws (rejects with) a SystemError: EPERM without CAP_SYS_ADMIN.
 */
export interface NativeNameReader {
  /** Of programs, by id; null: gone. */
  readonly readProgBtf: (progIds: Uint32Array) => Promise<readonly (NativeProgBtf | null)[]>;
  /** Of pairs: a BTF object's id, a type's id there; null: not a function, or its BTF is gone or can't be read. Each object is read once. */
  readonly readFunctions: (pairs: Uint32Array) => Promise<readonly (NativeFunction | null)[]>;
  /**
   * Ids of the programs that maps of type prog_array hold, ascending, of maps by id; null: a map of another type, or gone. All in all at most
   * 65 536 slots are looked at.
   */
  readonly readProgArrays: (mapIds: Uint32Array) => Promise<readonly (readonly number[] | null)[]>;
}

/** bpf.node, as far as it reads. */
export interface NativeBpf {
  /** Opens a sampler. The iterator is loaded and statistics are switched on in the first pass. */
  readonly Sampler: new (options: NativeSamplerOptions) => NativeSampler;
  /**
   * BPF_ENABLE_STATS by itself, without timing what it costs.
   * @returns an fd, the caller's: statistics are on until it is closed.
   * @throws a SystemError.
   */
  readonly enableStats: () => number;
}

/** What reading attachments takes of the addon. */
export interface NativeLinkReader {
  /**
   * Reads every link once, on a thread of libuv's pool.
   * @throws (rejects with) a SystemError: EPERM without CAP_SYS_ADMIN, EINVAL before Linux 5.8.
   */
  readonly readLinks: () => Promise<NativeLinks>;
}

/** What sharing takes of the system. Each call throws a SystemError. */
export interface NativeShare extends Pick<NativeBpf, 'enableStats'> {
  /** Mounts an empty bpffs on a directory, its root for root alone. */
  readonly mountBpffs: (dir: string) => void;
  /** Takes it off again, whoever is still reading there. */
  readonly unmount: (dir: string) => void;
  /** Loads the iterator and pins it at that path, readable for root alone: who may open the file may read it. */
  readonly pinIterator: (path: string) => void;
  /** Locks a file, made for it if need be, for as long as this process lives or until the fd is closed; null: another one has it. */
  readonly lock: (path: string) => number | null;
  /** The pid of the process that has it locked; null: nobody has; 'unknown': one that this pid namespace doesn't see. */
  readonly lockHolder: (path: string) => number | null | 'unknown';
  /** The id of a group; null: there is no such group. */
  readonly groupId: (name: string) => number | null;
  /** The name of a group; null: it has none. */
  readonly groupName: (id: number) => string | null;
}

/** What of a terminal Node has no call for. */
export interface NativeTerminal {
  /** tcflush(fd, TCOFLUSH): throws away what a terminal was sent and nobody has read. An fd that is no terminal: nothing happens. */
  readonly discardOutput: (fd: number) => void;
  /** dup2(2) of /dev/null: at no moment is the number free for an fd that another thread opens. */
  readonly replaceByNull: (fd: number) => void;
}

/** A program to load; its body loops `loops` times, so that a run costs more. Returns what lets traffic pass. */
export interface TestProgSpec {
  readonly type:
    | 'socket_filter'
    | 'sched_cls'
    | 'xdp'
    | 'tracepoint'
    | 'raw_tracepoint'
    | 'cgroup_skb'
    | 'cgroup_sock'
    /** Always sleepable: BPF_PROG_TYPE_SYSCALL. */
    | 'syscall'
    /** With `fentry`. */
    | 'tracing'
    /** With `replaces` and a `fullName` of its own. */
    | 'ext';
  /** At most 15 bytes of [A-Za-z0-9_.]; none by default. */
  readonly name?: string;
  /** Times round an empty loop; 0 by default. */
  readonly loops?: number;
  /** Functions beside the main one, each called once a run; 0 by default, at most 255. */
  readonly functions?: number;
  /**
   * Calls bpf_trace_printk once a run; of the types here raw_tracepoint and tracepoint may. Attached to the raw tracepoint of that same
   * name, it meets itself: on a kernel older than 6.3 that is a deadlock.
   */
  readonly prints?: boolean;
  /** Name of its main function, in BTF of its own; by default it is loaded without BTF. An identifier in C. */
  readonly fullName?: string;
  /** Ids of programs of the same type to put into an array of programs; a run goes on to the first of them. */
  readonly tailCalls?: readonly number[];
  /** Id of an XDP program with a full name, whose main function it is to replace. */
  readonly replaces?: number;
  /** The kernel's function to run before. */
  readonly fentry?: string;
  /** Names of array maps to create and refer to, so that `map_ids` has something to show. */
  readonly maps?: readonly string[];
}

/** Where to hang a program; a BPF link, but for `tracepoint`, which is a perf event with the program set by ioctl. */
export type TestAttachPoint =
  | {readonly xdp: number /* ifindex; generic mode */}
  | {readonly tcx: number /* ifindex; ingress */}
  | {readonly cgroup: string /* directory in cgroup2; the attach type follows from the program's type */}
  | {readonly tracepoint: number /* id, as in tracefs events/…/id */}
  | {readonly tracepointLink: number /* the same id */}
  | {readonly rawTracepoint: string}
  /** What `fentry` or `replaces` says. */
  | {readonly asLoaded: true};

/** A program that this process loaded and holds. Closing it (or the process's end) unloads it. */
export interface TestProg {
  readonly id: number;
  /** Runs it `times` times with BPF_PROG_TEST_RUN, for as long as that takes, on that CPU or on the one that this thread is on. */
  run(times: number, cpu?: number): void;
  attach(point: TestAttachPoint): void;
  /** Takes it off everything it was attached to. */
  detach(): void;
  /** The kernel's own counters, through the fd held here. */
  counters(): {readonly runTimeNs: bigint; readonly runCnt: bigint; readonly recursionMisses: bigint};
  close(): void;
}

/** testbed.node. */
export interface NativeTestbed {
  /** @throws a SystemError; with the verifier's log in its message when the kernel refused the program. */
  load(spec: TestProgSpec): TestProg;
  /**
   * Opens a map.
   * @returns an fd, the caller's.
   * @throws a SystemError; ENOENT: there is none of that id.
   */
  openMap(id: number): number;
}

const require = createRequire(import.meta.url);

/**
 * Loads the addon.
 * @throws UserError (69) where there is no Linux, or no addon that this Node can load.
 */
export function loadBpf(): NativeBpf {
  return load('bpf.node') as NativeBpf;
}

/**
 * The same module's calls for attachments.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadLinkReader(): NativeLinkReader {
  return load('bpf.node') as NativeLinkReader;
}

/**
 * The same module's calls for names.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadNameReader(): NativeNameReader {
  return load('bpf.node') as NativeNameReader;
}

/**
 * The same module's calls for `share`.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadShare(): NativeShare {
  return load('bpf.node') as NativeShare;
}

/**
 * The same module's calls for the screen.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadTerminal(): NativeTerminal {
  return load('bpf.node') as NativeTerminal;
}

/**
 * Loads the test bed, which loads, attaches and drives programs of its own: for tests and `demo` alone.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadTestbed(): NativeTestbed {
  return load('testbed.node') as NativeTestbed;
}

/** Where node-gyp puts what it builds; the same one step up from src/ and from dist/. */
function load(file: string): unknown {
  if (process.platform !== 'linux')
    throw new UserError(
      `cannot read BPF programs on ${process.platform}: they live in the Linux kernel. Run it on the Linux host itself.`,
      exitStatus.unavailable,
    );
  try {
    return require(`../build/Release/${file}`);
  } catch (error) {
    const cause = error as NodeJS.ErrnoException;
    const why =
      cause.code === 'MODULE_NOT_FOUND'
        ? 'it has not been built'
        : `it does not fit this system (${process.platform} ${process.arch}, Node ${process.version}): ${String(cause.message).split('\n')[0]}`;
    throw new UserError(
      `cannot load the native addon build/Release/${file}: ${why}. Build it with: npm run build:addon`,
      exitStatus.unavailable,
      {cause: error},
    );
  }
}
