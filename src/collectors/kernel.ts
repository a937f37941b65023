/**
 * The kernel as a source of Samples: calls the addon, joins its columns with the static information it gave when a program
 * first appeared, and says in words what a failed call means.
 */
import {
  loadBpf,
  type NativeBpf,
  type NativeCallError,
  type NativeProgInfo,
  type NativeSample,
  type NativeSampler,
} from '../addon.js';
import {exitStatus, isNotPermitted, isSystemError, type SystemError, UserError} from '../errors.js';
import {sleepableByType} from '../sample/prog-types.js';
import {mapSources, type SourceName, sourceNames, type Sources} from '../sample/sources.js';
import {type Host, type ProgInfo, progKey, type Sample, type SamplerName, type Warning} from '../sample/types.js';
import {explain} from './explain.js';
import {readHost} from './host.js';
import {type Late, unlessAborted, waitFor} from './late.js';
import type {Pace} from './pace.js';
import {sharedPin} from './share.js';
import {type OpenSources, openSources} from './sources.js';

/** Anything that yields Samples, oldest first. */
export interface Collector {
  /** Reads at the beat of `pace` until `signal`, which waits for no reading. One loop at a time. `late` is told of one that doesn't end. */
  samples(pace: Pace, signal?: AbortSignal, late?: Late): AsyncIterable<Sample>;
  /** Gives everything back. Idempotent. */
  close(): void | Promise<void>;
}

/** How to read. */
export interface KernelOptions {
  /** Switch run-time statistics on while this collector is open. */
  readonly enableStats: boolean;
  /** How to list programs; `auto`, the default, takes the best there is. */
  readonly sampler?: 'auto' | SamplerName;
  /** What else to look at; nothing by default. */
  readonly sources?: readonly SourceName[];
  /** Where the host's root is, as `openHostRoot` gives it; `/` by default. */
  readonly hostRoot?: string;
  /** Whether the second reading, and those after it, wait a little for the first look at those: for who asks once. */
  readonly waitForSources?: boolean;
}

/** How long a reading waits for a slow source, ms. */
const patienceMs = 2000;
const withSudo = 'Run it with sudo; doctor lists ways without.';
/** The command that switches statistics on for all; for the person to run, never for the tool. */
export const switchStatsOn = 'sudo sysctl kernel.bpf_stats_enabled=1 (and =0 when you are done)';

/** Reads this kernel, through the addon. */
export class KernelCollector implements Collector {
  readonly #host: Host;
  readonly #sampler: NativeSampler;
  readonly #options: KernelOptions;
  readonly #sources: OpenSources;
  #readings = 0;
  /** Static information of the programs in the last sample, by id. */
  #known = new Map<number, ProgInfo>();
  /** The same, in order; handed out again as long as nothing comes or goes. */
  #info: readonly ProgInfo[] = [];

  /**
   * @throws UserError (69) where this isn't Linux or the addon can't be loaded.
   */
  constructor(
    options: KernelOptions,
    bpf: Pick<NativeBpf, 'Sampler'> = loadBpf(),
    sources: OpenSources = openSources(options.sources ?? [], options.hostRoot),
  ) {
    this.#options = options;
    const {enableStats, sampler, hostRoot = '/'} = options;
    this.#host = readHost(hostRoot);
    this.#sampler = new bpf.Sampler({enableStats, ...(sampler && {sampler}), pin: sharedPin});
    this.#sources = sources;
  }

  async *samples(pace: Pace, signal?: AbortSignal, late?: Late): AsyncGenerator<Sample, void, undefined> {
    do {
      const sample = await unlessAborted(this.sample(late), signal);
      if (!sample) return;
      // The beat starts where the first reading did. That isn't where it was asked for: the iterator is loaded before, 10 ms.
      pace.begin(performance.now() - sample.durationNs / 1e6);
      yield sample;
    } while (await pace.wait(signal));
  }

  /**
   * One reading.
   * @throws UserError: 77 where this process may not read, 69 where this kernel can't, 1 otherwise.
   */
  async sample(late?: Late): Promise<Sample> {
    let native: NativeSample;
    try {
      native = await waitFor(this.#sampler.sample(), explainSilence, late);
    } catch (error) {
      throw explainReading(error, this.#options.sampler);
    }
    // First of all: what the addon described in this sample it won't describe again.
    const info = this.#join(native);
    const sources = await this.#look(info, native.timeNs);
    return {
      host: this.#host,
      takenAt: Number(native.realtimeNs / 1_000_000n),
      timeNs: native.timeNs,
      durationNs: native.durationNs,
      selfCpuNs: selfCpuNs(),
      sampler: native.sampler,
      shared: native.pinned,
      fallbackReason: native.fallbackReason,
      stats: native.stats,
      statsCostNs: native.statsCostNs,
      warnings: this.#warnings(native),
      progs: {
        info,
        sources,
        runTimeNs: native.runTimeNs,
        runCnt: native.runCnt,
        recursionMisses: native.recursionMisses,
        hottestCpu: native.hottestCpu,
        hottestPct: native.hottestPct,
      },
    };
  }

  close(): void {
    this.#sampler.close();
    for (const name of sourceNames) this.#sources[name]?.close();
  }

  async #look(progs: readonly ProgInfo[], timeNs: bigint): Promise<Sources> {
    const found = mapSources((name) => this.#sources[name]?.take(progs, timeNs) ?? null);
    if (!this.#options.waitForSources || this.#readings++ === 0) return found;
    const late = await Promise.all(
      sourceNames.map(async (name) => [name, found[name] ?? (await this.#sources[name]?.settled(patienceMs)) ?? null]),
    );
    return Object.fromEntries(late) as Sources;
  }

  #join(native: NativeSample): readonly ProgInfo[] {
    const {ids, appeared} = native;
    // Nobody new, and as many as before: those of before.
    if (appeared.length === 0 && ids.length === this.#info.length) return this.#info;
    const bootNs = native.realtimeNs - native.timeNs;
    const known = new Map<number, ProgInfo>();
    const info = new Array<ProgInfo>(ids.length);
    for (const each of appeared) info[each.index] = progInfo(each, bootNs);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      const one = info[i] ?? this.#known.get(id);
      if (!one) throw new Error(`the addon listed program ${id} without ever describing it`);
      info[i] = one;
      known.set(id, one);
    }
    this.#known = known;
    this.#info = info;
    return info;
  }

  #warnings(native: NativeSample): readonly Warning[] {
    if (native.stats !== 'off') return [];
    const refused = native.statsError;
    if (native.pinned)
      return [
        {
          code: 'stats_off',
          message:
            'no rates: statistics are off, because the service that shares this host has ended. ' +
            'Start it again: sudo bpftop-ts share --group GROUP.',
        },
      ];
    if (refused && isNotPermitted(refused.code))
      return [
        {
          code: 'stats_not_permitted',
          message:
            `no rates: statistics are off and this process may not switch them on (${refused.syscall}: ${refused.code}). ` +
            `Run it with sudo, or switch them on for all: ${switchStatsOn}.`,
        },
      ];
    if (refused) return [{code: 'stats_unavailable', message: explainNoStats(refused)}];
    return [
      {
        code: 'stats_off',
        message: this.#options.enableStats
          ? 'no rates: statistics are off.'
          : `no rates: statistics are off. Leave --no-enable-stats out, or switch them on for all: ${switchStatsOn}.`,
      },
    ];
  }
}

/** What it means that statistics could not be switched on, where that isn't for want of rights. It isn't tried again. */
function explainNoStats({syscall, code}: NativeCallError): string {
  if (code === 'EINVAL')
    return (
      `no rates: this kernel can't switch statistics on for one process (${syscall}: ${code}; Linux 5.8 and later can). ` +
      `To switch them on for all: ${switchStatsOn}.`
    );
  const again = code === 'EMFILE' || code === 'ENFILE' ? 'Start it again with a higher ulimit -n' : 'Start it again';
  return `no rates: statistics could not be switched on (${syscall}: ${code}). ${again}, or switch them on for all: ${switchStatsOn}.`;
}

/** User and system time of all threads of this process. */
function selfCpuNs(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) * 1000;
}

function progInfo(native: NativeProgInfo, bootNs: bigint): ProgInfo {
  return {
    key: progKey(native.id, native.loadTimeNs, native.tag),
    id: native.id,
    type: native.type,
    name: native.name,
    tag: native.tag,
    loadTimeNs: native.loadTimeNs,
    loadedAt: Number((bootNs + native.loadTimeNs) / 1_000_000_000n),
    uid: native.createdByUid,
    gplCompatible: native.gplCompatible,
    bytesXlated: native.xlatedProgLen,
    bytesJited: native.jitedProgLen,
    bytesMemlock: native.memlock,
    verifiedInsns: native.verifiedInsns,
    btfId: native.btfId === 0 ? null : native.btfId,
    mapIds: native.mapIds,
    sleepable: native.sleepable ?? sleepableByType(native.type),
    attachType: native.expectedAttachType,
    attachBtfId: native.attachBtfId || null,
    self: native.self,
  };
}

/** What it means that a reading doesn't end. */
export function explainSilence(seconds: number): string {
  return `the kernel has not answered for ${seconds} s. Its log (dmesg) may say why.`;
}

/** What a failed reading means to a person; what isn't a failed call stays what it is. */
function explainReading(error: unknown, sampler: KernelOptions['sampler']): unknown {
  if (!isSystemError(error)) return error;
  // By the sampler's time it could be opened: it has gone since.
  if (error.syscall === 'open(bpf_iter)')
    return new UserError(
      `cannot read what was shared: ${error.syscall}: ${error.code}. Start it again: sudo bpftop-ts share --group GROUP.`,
      isNotPermitted(error.code) ? exitStatus.notPermitted : exitStatus.failed,
      {cause: error},
    );
  return sampler === 'iterator' ? explainIterator(error) : explainListing(error);
}

/** What it means that there is no iterator, to a person who wants nothing else. */
function explainIterator(error: SystemError): UserError {
  const what = `cannot read through a BPF iterator: ${error.message}.`;
  // EACCES isn't a matter of rights here: it is what the verifier says.
  return error.code === 'EPERM'
    ? new UserError(`${what} ${withSudo}`, exitStatus.notPermitted, {cause: error})
    : new UserError(`${what} Leave --sampler iterator out.`, exitStatus.unavailable, {cause: error});
}

/** What a failed listing means to the person who asked for it. */
function explainListing(error: SystemError): unknown {
  const {code, syscall} = error;
  return explain(error, {
    what: 'cannot list BPF programs',
    // Whoever may ask for the next id may open it, unless a security module says otherwise.
    notPermitted: syscall.includes('GET_FD_BY_ID') ? 'A security module (LSM) refuses it; its log says why.' : withSudo,
    unsupported:
      code === 'ENOSYS'
        ? 'This kernel was built without BPF, or a sandbox hides it.'
        : "This kernel can't list them; Linux 4.13 and later can.",
  });
}
