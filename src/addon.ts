/** The one place that loads native code, and the shape of what it gives (native/addon.cc, native/testbed.cc). */
import {existsSync} from 'node:fs';
import {createRequire} from 'node:module';
import {fileURLToPath} from 'node:url';
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
  /** 0: what a search for attachments without a link found. */
  readonly id: number;
  /** enum bpf_link_type. */
  readonly type: number;
  /** null: struct_ops, whose programs are in its map. */
  readonly progId: number | null;
  /** enum bpf_attach_type. */
  readonly attachType: number | null;
  /** What the kernel names: tracepoint, iterator's target, function, file. Found without a link: also a cgroup's path, the struct of struct_ops. */
  readonly name: string | null;
  /** From the start of that function or file. */
  readonly offset: number | null;
  /** Each network namespace counts its own, and links don't tell in which they are. null also for an interface that is gone. */
  readonly ifindex: number | null;
  /** null also for a cgroup that is gone. */
  readonly cgroupId: bigint | null;
  readonly netnsIno: number | null;
  /** Of struct_ops and sockmap. */
  readonly mapId: number | null;
  readonly mapName: string | null;
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
  /** Hits that didn't reach the program, of kprobe_multi and of the perf events of kprobes; null also before 6.7. */
  readonly missed: number | null;
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

/** A file of a bpffs that keeps a program, or a link of one. */
export interface NativePin {
  readonly via: 'prog' | 'link';
  /** null: a link that has no program of its own (struct_ops). */
  readonly progId: number | null;
  /** The map of such a link; null of all others. */
  readonly mapId: number | null;
  /** In its mount namespace. What isn't UTF-8 in it is U+FFFD. */
  readonly path: string;
  /** A process of that mount namespace, and its name; null: it is that of `home`. */
  readonly pid: number | null;
  readonly comm: string;
}

/** All pins of the host. */
export interface NativePins {
  readonly pins: readonly NativePin[];
  /** Whether there may be more: too many, too deep, or it took too long. */
  readonly cutShort: boolean;
  /** bpffs that could not be reached, and files and directories in others that could not be opened. */
  readonly unreadable: number;
  /** Processes whose mount namespace this one may not see. */
  readonly hidden: number;
}

/** Where to look for pins, and how long. */
export interface NativePinsSearch {
  /** Where procfs is mounted; `/proc` by default. */
  readonly procRoot?: string;
  /** The directory in there of the process whose mount namespace needs no mention; `self` by default. */
  readonly home?: string;
  /** Files and directories; 100 000 by default. */
  readonly mostEntries?: number;
  /** 2000 by default. */
  readonly mostMs?: number;
}

/** One program in one place of a network namespace, with or without a link. */
export interface NativeNetAttachment {
  /** The name of a link type, or `tc`, which has none. */
  readonly type: 'xdp' | 'tc' | 'tcx' | 'netkit' | 'netns';
  readonly progId: number;
  /** Of tcx and netkit; null: it has none. XDP and netns don't tell. */
  readonly linkId: number | null;
  /** enum bpf_attach_type; null: XDP and tc. */
  readonly attachType: number | null;
  /** null: netns. */
  readonly ifindex: number | null;
  readonly ifname: string | null;
  /**
   * Which of the interface's hooks it is. tc: `ingress`, `egress`, or a qdisc or class by its handle, as `qdisc 1:`, `class 1:2`. XDP:
   * `generic` or `offload`; null: in the driver.
   */
  readonly hook: string | null;
}

/** A network namespace. */
export interface NativeNetns {
  /** As in /proc/PID/ns/net; null: it could not be told (the own one, where there is no /proc). */
  readonly ino: number | null;
  /** Whether it is that of this process, or of `home`. */
  readonly own: boolean;
  /** Whether all that it has was told. */
  readonly complete: boolean;
  /** Where it is mounted, as `ip netns` does; null: nowhere that this process sees. From the host: hostile. */
  readonly path: string | null;
  readonly attachments: readonly NativeNetAttachment[];
}

/** The network namespaces that a process's main thread is in, or that are mounted. */
export interface NativeNetNamespaces {
  /** The own one first, if it may be entered; then those that have a path or an attachment. */
  readonly namespaces: readonly NativeNetns[];
  /** Processes of which it could not be told in which one they are. */
  readonly hidden: number;
  /** Namespaces that could not be entered or read to the end. */
  readonly unread: number;
  /** Why, of the first of these; null: there are none. */
  readonly error: NativeCallError | null;
}

/** What a search for attachments without a link found; what has a link may be among them. */
export interface NativeUnlinked {
  readonly links: readonly NativeLink[];
  /** Why there may be more, ETIME: it took too long; null: that is all. */
  readonly missed: NativeCallError | null;
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

/** A BPF map: struct bpf_map_info, names as there, in camelCase. */
export interface NativeMap {
  readonly id: number;
  /** enum bpf_map_type. */
  readonly type: number;
  readonly name: string;
  readonly maxEntries: number;
  /** null: the kernel doesn't count them, in maps of this type or at all (`uncounted`). */
  readonly entries: number | null;
  /** null: not in fdinfo. */
  readonly memlock: number | null;
}

/** All maps of the host; ids ascend. */
export interface NativeMaps {
  readonly maps: readonly NativeMap[];
  /** How many more there are of which the kernel told nothing. */
  readonly unreadable: number;
  /** Why no entries are counted, the call and errno, and what it was about; null: they are, or it may be otherwise the next time. */
  readonly uncounted: string | null;
}

/** Reads maps; what it holds goes with `close`, at the latest with the process. */
export interface NativeMapReader {
  /**
   * Reads every map once, on a thread of libuv's pool. One at a time. The first time loads a BPF program, which stays.
   * @throws (rejects with) a SystemError: EPERM without CAP_SYS_ADMIN.
   */
  read(): Promise<NativeMaps>;
  /** Unloads that program; a reading under way is waited for by the thread that runs it. Idempotent. */
  close(): void;
}

/** What reading maps takes of the addon. */
export interface NativeMapReading {
  readonly MapReader: new () => NativeMapReader;
}

/** What reading attachments takes of the addon. */
export interface NativeLinkReader {
  /**
   * Reads every link once, on a thread of libuv's pool.
   * @throws (rejects with) a SystemError: EPERM without CAP_SYS_ADMIN, EINVAL before Linux 5.8.
   */
  readonly readLinks: () => Promise<NativeLinks>;
  /**
   * Reads what is attached in every network namespace, on a thread of its own, which goes from one to the other; in at most 5 s.
   * Of the processes in `procRoot`, by default `/proc`; `home` is the one there that sees the host as a person does, by default this one.
   * @throws (rejects with) a SystemError: ETIMEDOUT where the kernel keeps that thread, EBUSY until it lets it go.
   */
  readonly readNetns: (procRoot?: string, home?: string) => Promise<NativeNetNamespaces>;
}

/** What an open file of BPF's is, and so what the id beside it is. */
export const holderKinds = {
  prog: 0,
  /** The id of the link's program. */
  link: 1,
  map: 2,
  /** A link of struct_ops, which has no program of its own: the id of its map. */
  linkOfMap: 3,
} as const;

/** Who has what of BPF's open; an entry a process, kind and id. Pids ascend. */
export interface NativeHolders {
  readonly pids: Uint32Array;
  /** When the process began, in clock ticks as in /proc/PID/stat, but since the host's boot, whatever time namespace this is. */
  readonly startTicks: Float64Array;
  /** `holderKinds` */
  readonly kinds: Uint8Array;
  readonly ids: Uint32Array;
}

/** An iterator over the open files of all processes; loaded in the first reading, and kept until it is closed or nobody has it. */
export interface NativeHoldersReader {
  /**
   * Reads on a thread of libuv's pool; 10 ms the first time, then 0.2 µs an open file.
   * @throws (rejects with) a SystemError. EMFILE, ENFILE, ENOMEM: not now; EBUSY: the last reading hasn't ended; EPERM, without CAP_BPF
   * and CAP_PERFMON, and everything else: it can't be had here. ESRCH: this isn't the initial pid namespace.
   */
  read(): Promise<NativeHolders>;
  /** Gives everything back, once a reading under way has ended. Idempotent. */
  close(): void;
}

/** What reading pins takes of the addon. */
export interface NativePinReader {
  /**
   * Reads every bpffs that is mounted in the mount namespace of any process, each once, on a thread of libuv's pool.
   * @throws (rejects with) a SystemError: where there is no such procfs; EPERM, EACCES where no pin was found and a bpffs refused.
   */
  readonly readPins: (search?: NativePinsSearch) => Promise<NativePins>;
}

/** What finds attachments without a link: each a search on a thread of libuv's pool, which ends after `limitMs`. */
export interface NativeUnlinkedFinder {
  /**
   * The programs of every cgroup, by attach type (enum bpf_attach_type); one that this kernel hasn't got is passed over. A mount is where it
   * is, and which directory of the hierarchy is there.
   */
  readonly findCgroupProgs: (
    mounts: readonly {readonly point: string; readonly root: string}[],
    attachTypes: readonly number[],
    limitMs: number,
  ) => Promise<NativeUnlinked>;
  /** The programs of every process's perf events. Missed with EOPNOTSUPP: there is one of which the kernel doesn't say which program. */
  readonly findPerfEventProgs: (procRoot: string, limitMs: number) => Promise<NativeUnlinked>;
  /** The programs of sockmaps, and of struct_ops maps, whose `flags` are the map's. Missed with EINVAL: this kernel doesn't tell. */
  readonly findMapProgs: (
    sought: {readonly structOps: boolean; readonly sockmaps: boolean},
    limitMs: number,
  ) => Promise<NativeUnlinked>;
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

/** How privileges are given up. */
export interface NativePrivileges {
  /**
   * Leaves every thread with these capabilities (a bit each, by its number) at most, and without a way to more; as user and group `id`,
   * null: as who it is. What is done can't be undone; after an error the process is to end.
   * @throws a SystemError; its message says in which thread.
   */
  readonly dropPrivileges: (capabilities: bigint, id: number | null) => void;
}

/** What ending takes of the system. */
export interface NativeExit {
  /** _exit(2): at once, whatever other threads wait for. What was written must have been taken. */
  readonly exitNow: (status: number) => never;
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
    | 'sk_lookup'
    | 'cgroup_device'
    /** Loaded for cgroup_inet4_connect by default. */
    | 'cgroup_sock_addr'
    | 'cgroup_sysctl'
    /** Loaded for cgroup_getsockopt by default. */
    | 'cgroup_sockopt'
    | 'sock_ops'
    /** Attached as sk_skb_stream_verdict by default. */
    | 'sk_skb'
    | 'sk_msg'
    | 'sk_reuseport'
    | 'flow_dissector'
    | 'netfilter'
    | 'kprobe'
    | 'perf_event'
    /** Always sleepable: BPF_PROG_TYPE_SYSCALL. */
    | 'syscall'
    /** These two with `attachTo`; to run before it (fentry) and as lsm_mac by default. */
    | 'tracing'
    | 'lsm'
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
  /** What it is loaded for and attached as (enum bpf_attach_type), where that isn't what its type has by default. */
  readonly attachType?: number;
  /** A function of the kernel; for trace_raw_tp a tracepoint's type there, such as `btf_trace_sys_enter`; of an iterator `bpf_iter_TARGET`. */
  readonly attachTo?: string;
  /** Maps to refer to; a name alone is that of an array with one slot. */
  readonly maps?: readonly (string | TestMapSpec | {readonly id: number /* one that is there */})[];
}

/** A map to create, with keys and values of four bytes where its type leaves it open. It goes with the last program that uses it. */
export interface TestMapSpec {
  /** At most 15 bytes of [A-Za-z0-9_.]. */
  readonly name: string;
  /** `array` by default. A `queue` and an `lpm_trie` can't be filled here. */
  readonly type?:
    | 'array'
    | 'hash'
    | 'percpu_hash'
    | 'lru_hash'
    | 'lru_percpu_hash'
    /** Not without `preallocated: false`. */
    | 'lpm_trie'
    | 'hash_of_maps'
    | 'queue';
  /** 1 by default. */
  readonly maxEntries?: number;
  /** How many elements are put in, and how many of those, the first ones, are taken out again. 0 by default. */
  readonly inserts?: number;
  readonly deletes?: number;
  /** False: BPF_F_NO_PREALLOC. */
  readonly preallocated?: boolean;
}

/**
 * Where to hang a program. By a BPF link, but for those `…WithoutLink` and `sockmap` (BPF_PROG_ATTACH); for `socket` (setsockopt); for
 * `tracepoint`, `softwareEvent`, `uprobe` and `kprobe`, which are perf events with the program set by ioctl; and for those by netlink
 * (`xdpNetlink`, `tc…`), which stay if the process is killed: for network namespaces that go with it.
 */
export type TestAttachPoint =
  | {readonly xdp: number /* ifindex; generic mode */}
  | {readonly xdpNetlink: number /* ifindex; generic mode */}
  | {readonly tcx: number /* ifindex; ingress, or what `attachType` says: egress, netkit */}
  | {readonly tcIngress: number /* ifindex; makes a clsact qdisc, which goes with it */}
  | {readonly tcEgress: number /* the same */}
  | {readonly cgroup: string /* directory in cgroup2 */}
  | {readonly cgroupWithoutLink: string /* the same; a killed process leaves it there until the directory goes */}
  | {readonly netns: string /* such as /proc/self/ns/net */}
  | {readonly netnsWithoutLink: true /* this process's */}
  | {readonly tracepoint: number /* id, as in tracefs events/…/id */}
  | {readonly tracepointLink: number /* the same id */}
  | {readonly rawTracepoint: string}
  | {readonly softwareEvent: number /* enum perf_sw_ids; on CPU 0 */}
  | {readonly softwareEventLink: number}
  | {readonly uprobe: string /* a file */; readonly offset: number /* of an instruction in it */}
  | {readonly uprobeLink: string; readonly offset: number}
  | {readonly uprobeMulti: string; readonly offset: number}
  | {readonly kprobe: string /* a function */}
  | {readonly kprobeLink: string}
  | {readonly kprobeMulti: string}
  | {readonly sockmap: string /* what the map, made for it, is called */}
  | {readonly sockmapLink: string}
  | {readonly netfilter: number /* enum nf_inet_hooks; of IPv4, priority 10 */}
  | {readonly iterator: true}
  | {readonly socket: true /* a new one */}
  /** What `attachTo` or `replaces` says. */
  | {readonly asLoaded: true};

/** A program that this process loaded and holds. Closing it (or the process's end) unloads it. */
export interface TestProg {
  readonly id: number;
  /** Runs it `times` times with BPF_PROG_TEST_RUN, for as long as that takes, on that CPU or on the one that this thread is on. */
  run(times: number, cpu?: number): void;
  attach(point: TestAttachPoint): void;
  /** Takes it off everything it was attached to. */
  detach(): void;
  /** Gives it a name in a bpffs, which keeps it loaded. */
  pin(path: string): void;
  /** The same for the link that it was attached by last. */
  pinLink(path: string): void;
  /** The kernel's own counters, through the fd held here. */
  counters(): {readonly runTimeNs: bigint; readonly runCnt: bigint; readonly recursionMisses: bigint};
  close(): void;
}

/** A TCP congestion control of BPF programs, which this process loaded and holds. */
export interface TestStructOps {
  readonly mapId: number;
  readonly progIds: readonly number[];
  /** Puts the programs into the map; without a link, that registers it, and a killed process leaves it there. */
  fill(): void;
  /** Registers it by a link. */
  link(): void;
  /** Ends that. */
  detach(): void;
  close(): void;
}

/** testbed.node. */
export interface NativeTestbed {
  /** @throws a SystemError; with the verifier's log in its message when the kernel refused the program. */
  load(spec: TestProgSpec): TestProg;
  /**
   * Loads a congestion control of that name, at most 15 bytes; its map has the same.
   * @throws a SystemError; EINVAL: this kernel has no links for them (before 6.4).
   */
  loadStructOps(name: string, byLink: boolean): TestStructOps;
  /**
   * Opens a map.
   * @returns an fd, the caller's.
   * @throws a SystemError; ENOENT: there is none of that id.
   */
  openMap(id: number): number;
  /** Calls a function that uprobes can be hung on. @returns its address in this process. */
  callProbed(): number;
  /** Gives a map a name in a bpffs. @throws a SystemError. */
  pinMap(id: number, path: string): void;
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
 * The same module's searches for what is attached without a link.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadUnlinkedFinder(): NativeUnlinkedFinder {
  return load('bpf.node') as NativeUnlinkedFinder;
}

/**
 * The same module's class for maps.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadMapReading(): NativeMapReading {
  return load('bpf.node') as NativeMapReading;
}

/**
 * The same module's iterator over open files.
 * @throws UserError (69), as `loadBpf`.
 */
export function openHolders(): NativeHoldersReader {
  const {Holders} = load('bpf.node') as {readonly Holders: new () => NativeHoldersReader};
  return new Holders();
}

/**
 * The same module's calls for pins.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadPinReader(): NativePinReader {
  return load('bpf.node') as NativePinReader;
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
 * The same module's call for giving up privileges.
 * @throws UserError (69), as `loadBpf`.
 */
export function loadPrivileges(): NativePrivileges {
  return load('bpf.node') as NativePrivileges;
}

/** The same module's call for ending; null: nothing of it was needed until now. */
export function loadedExit(): NativeExit | null {
  return loaded.has('bpf.node') ? (load('bpf.node') as NativeExit) : null;
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

/** Where each module was found. */
const loaded = new Map<string, string>();

/** Builds the addon from source, wherever this package lies; needs a C++ compiler alone. */
export const buildCommand = `sh ${shellWord(fileURLToPath(new URL('../native/build.sh', import.meta.url)))}`;

function shellWord(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What a build from source leaves goes first, then, also where that doesn't fit, what came with the package; the same one step up from src/ and from dist/. */
function load(file: string): unknown {
  if (process.platform !== 'linux')
    throw new UserError(
      `cannot read BPF programs on ${process.platform}: they live in the Linux kernel. Run it on the Linux host itself.`,
      exitStatus.unavailable,
    );
  const known = loaded.get(file);
  if (known !== undefined) return require(known);
  const there = [`../build/Release/${file}`, `../prebuilds/linux-${process.arch}/${file}`].filter((each) =>
    existsSync(new URL(each, import.meta.url)),
  );
  const causes: Error[] = [];
  for (const each of there)
    try {
      const native: unknown = require(each);
      loaded.set(file, each);
      return native;
    } catch (error) {
      causes.push(error as Error);
    }
  if (there.length === 0) throw cannotLoad('there is none for');
  const names = there.map((each) => each.slice('../'.length)).join(' and ');
  throw cannotLoad(`${names} ${there.length === 1 ? 'does' : 'do'} not fit`, causes);
}

function cannotLoad(what: string, causes: readonly Error[] = []): UserError {
  const {header} = process.report.getReport() as {readonly header: {readonly glibcVersionRuntime?: string}};
  const glibc = header.glibcVersionRuntime;
  const system = `linux ${process.arch}, ${glibc === undefined ? 'not glibc' : `glibc ${glibc}`}, Node ${process.version}`;
  const why = causes.length === 0 ? '' : `: ${causes.map(({message}) => message.split('\n')[0]).join('; ')}`;
  return new UserError(
    `cannot load the native addon: ${what} this system (${system})${why}. Build it, with g++ 12 or later: ${buildCommand}`,
    exitStatus.unavailable,
    {...(causes.length > 0 && {cause: causes[0]})},
  );
}
