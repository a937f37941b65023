/**
 * An addon without a kernel: a few programs whose counters go up with its clock, and calls that fail when the test says so. It stands in the
 * place of bpf.node for all of the tool.
 */
import {spawn} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {
  holderKinds,
  type NativeBpf,
  type NativeCallError,
  type NativeFunction,
  type NativeHolders,
  type NativeHoldersReader,
  type NativeLink,
  type NativeLinkReader,
  type NativeLinks,
  type NativeMap,
  type NativeMapReader,
  type NativeMapReading,
  type NativeMaps,
  type NativeNameReader,
  type NativeNetNamespaces,
  type NativePinReader,
  type NativePins,
  type NativeProgInfo,
  type NativeSample,
  type NativeSampler,
  type NativeTerminal,
  type NativeUnlinked,
  type NativeUnlinkedFinder,
} from '../../src/addon.js';

/** What can be made to fail: each call of the addon that asks the kernel for something. */
export const fakeCalls = [
  'sample',
  'readLinks',
  'readNetns',
  'findCgroupProgs',
  'findPerfEventProgs',
  'findMapProgs',
  'readMaps',
  'readHolders',
  'readPins',
  'readProgBtf',
  'readFunctions',
  'readProgArrays',
] as const;
/** One of them. */
export type FakeCall = (typeof fakeCalls)[number];

/** How a call is to fail. */
export interface Fault {
  readonly syscall: string;
  /** The errno's name; `never`: it doesn't come back until the fault is mended. */
  readonly code: string;
  /** How many calls go well before, and how many fail then; 0 and all by default. */
  readonly after?: number;
  readonly times?: number;
}

/** A program of the model. */
export interface FakeProg {
  readonly id: number;
  readonly type: number;
  readonly name: string;
  /** Runs a second, and what each takes, ns. */
  readonly rate: number;
  readonly runNs: number;
  readonly mapIds: readonly number[];
}

/** No real host has such ids: what the real /proc says is never taken for these. */
const firstId = 4_000_000_001;
const arrayMap = 4_100_000_001;
const progArray = 4_100_000_002;
const btf = 4_200_000_001;
export const longName = 'fake_firewall_with_a_long_name';

/** One that each source has something to tell of: types of links, and of what hangs somewhere without one. */
export const fakeProgs: readonly FakeProg[] = [
  {id: firstId, type: 6, name: longName.slice(0, 15), rate: 4000, runNs: 500, mapIds: [arrayMap, progArray]},
  {id: firstId + 1, type: 8, name: 'fake_cgroup', rate: 300, runNs: 1000, mapIds: []},
  {id: firstId + 2, type: 5, name: 'fake_tracepoint', rate: 200, runNs: 1000, mapIds: []},
  {id: firstId + 3, type: 14, name: 'fake_sk_skb', rate: 100, runNs: 1000, mapIds: []},
  {id: firstId + 4, type: 26, name: 'fake_fentry', rate: 50, runNs: 1000, mapIds: [arrayMap]},
  {id: firstId + 5, type: 6, name: 'fake_tail', rate: 0, runNs: 0, mapIds: []},
];

const noLink: NativeLink = {
  ...{id: 0, type: 0, progId: null, attachType: null, name: null, offset: null, ifindex: null, cgroupId: null},
  ...{netnsIno: null, mapId: null, mapName: null, targetObjId: null, targetBtfId: null, perfType: null, eventType: null},
  ...{eventConfig: null, count: null, flags: null, pid: null, pf: null, hooknum: null, priority: null, missed: null},
};

export type FakeExports = NativeBpf &
  NativeLinkReader &
  NativeMapReading &
  NativePinReader &
  NativeNameReader &
  NativeUnlinkedFinder &
  NativeTerminal & {readonly Holders: new () => NativeHoldersReader};

/** When a process began, in clock ticks (proc_pid_stat(5)). */
const beganAt = (pid: number) =>
  Number(
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^[^]*\) /, '')
      .split(' ')[19],
  );

let theHolder: number | null = null;

/** Who holds all of them: a process that is really there, called node, for it is looked up in /proc. Its pid. */
export function holderPid(): number {
  if (theHolder !== null) return theHolder;
  const {NODE_OPTIONS: _, ...env} = process.env;
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], {stdio: 'ignore', env});
  child.unref();
  process.on('exit', () => child.kill('SIGKILL'));
  return (theHolder = child.pid as number);
}

/** The kernel behind the addon. */
export class FakeKernel {
  /** CLOCK_BOOTTIME, s. */
  seconds = 1000;
  /** How much it goes on with each reading, s. */
  step = 1;
  progs: readonly FakeProg[] = fakeProgs;
  /** Set in a sample: whether statistics are on, why they could not be switched on, and why there is no iterator. */
  stats: NativeSample['stats'] = 'enabled_here';
  statsError: NativeSample['statsError'] = null;
  fallbackReason: string | null = null;
  #loads = 0;
  readonly #faults = new Map<FakeCall, Fault & {calls: number}>();
  #release: (() => void)[] = [];

  /** Every program goes, and another comes in its place. */
  reload(): void {
    this.#loads++;
  }

  /** Lets a call fail from now on. */
  fail(call: FakeCall, fault: Fault): void {
    this.#faults.set(call, {...fault, calls: 0});
  }

  /** Lets all go well again. */
  mend(): void {
    this.#faults.clear();
    for (const release of this.#release.splice(0)) release();
  }

  async #call<T>(name: FakeCall, answer: () => T): Promise<T> {
    const fault = this.#faults.get(name);
    if (!fault) return answer();
    const {after = 0, times = Infinity, code, syscall} = fault;
    const call = fault.calls++;
    if (call < after || call >= after + times) return answer();
    if (code === 'never') {
      await new Promise<void>((resolve) => this.#release.push(resolve));
      return answer();
    }
    throw Object.assign(new Error(`${syscall}: ${code}`), {code, syscall});
  }

  /** A search doesn't fail: it says why there may be more. */
  async #search(name: FakeCall, answer: () => NativeUnlinked): Promise<NativeUnlinked> {
    return this.#call(name, answer).catch(({code, syscall}: NativeCallError) => ({links: [], missed: {code, syscall}}));
  }

  /** What bpf.node exports. */
  get exports(): FakeExports {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- classes in here are the kernel's, and the addon makes them
    const kernel = this;
    return {
      // Of doctor and share, which this is not for.
      enableStats: () => -1,
      Sampler: class implements NativeSampler {
        #known = new Set<string>();
        sample(): Promise<NativeSample> {
          return kernel.#call('sample', () => {
            const sample = kernel.#sample(this.#known);
            this.#known = new Set(kernel.progs.map(({id}) => `${id} ${kernel.#loads}`));
            return sample;
          });
        }
        close(): void {}
      },
      MapReader: class implements NativeMapReader {
        read(): Promise<NativeMaps> {
          return kernel.#call('readMaps', () => ({maps: fakeMaps, unreadable: 0, uncounted: null}));
        }
        close(): void {}
      },
      Holders: class implements NativeHoldersReader {
        read(): Promise<NativeHolders> {
          return kernel.#call('readHolders', () => ({
            // This process is always among them, with what it reads by.
            pids: Uint32Array.of(process.pid, ...kernel.progs.map(holderPid)),
            startTicks: Float64Array.of(beganAt(process.pid), ...kernel.progs.map(() => beganAt(holderPid()))),
            kinds: Uint8Array.of(holderKinds.link, ...kernel.progs.map(() => holderKinds.prog)),
            ids: Uint32Array.of(0, ...kernel.progs.map(({id}) => id)),
          }));
        }
        close(): void {}
      },
      readLinks: () => kernel.#call('readLinks', () => fakeLinks),
      readNetns: () => kernel.#call('readNetns', () => fakeNetns),
      findCgroupProgs: () =>
        kernel.#search('findCgroupProgs', () => found(3, 1, {attachType: 0, cgroupId: 1n, name: '/fake'})),
      findPerfEventProgs: () => kernel.#search('findPerfEventProgs', () => found(7, 2, {perfType: 5, name: 'fake_event'})),
      findMapProgs: () => kernel.#search('findMapProgs', () => found(14, 3, {mapId: 9, mapName: 'fake_sockmap'})),
      readPins: (): Promise<NativePins> =>
        kernel.#call('readPins', () => ({
          pins: [{via: 'prog', progId: firstId, mapId: null, path: '/sys/fs/bpf/fake', pid: null, comm: ''}],
          ...{cutShort: false, unreadable: 0, hidden: 0},
        })),
      readProgBtf: (ids) =>
        kernel.#call('readProgBtf', () =>
          Array.from(ids, (id) =>
            id === firstId + 4
              ? {btfId: 0, mainTypeId: 0, attachBtfObjId: 1, attachBtfId: 77}
              : {btfId: btf + kernel.#loads, mainTypeId: 5, attachBtfObjId: 0, attachBtfId: 0},
          ),
        ),
      readFunctions: (pairs) =>
        kernel.#call('readFunctions', () =>
          Array.from({length: pairs.length / 2}, (_, i): NativeFunction | null => ({
            name: (pairs[2 * i] as number) >= btf ? longName : 'tcp_connect',
            module: null,
          })),
        ),
      readProgArrays: (ids) =>
        kernel.#call('readProgArrays', () => Array.from(ids, (id) => (id === progArray ? [firstId + 5] : null))),
      discardOutput() {},
      replaceByNull() {},
    };
  }

  #sample(known: ReadonlySet<string>): NativeSample {
    this.seconds += this.step;
    const {progs, seconds} = this;
    const timeNs = BigInt(Math.round(seconds * 1e9));
    return {
      timeNs,
      realtimeNs: 1_767_225_600_000_000_000n + timeNs,
      durationNs: 1000,
      sampler: this.fallbackReason === null ? 'iterator' : 'walk',
      pinned: false,
      readBy: 'cast',
      fallbackReason: this.fallbackReason,
      stats: this.stats,
      statsError: this.statsError,
      statsCostNs: 70,
      ids: Uint32Array.from(progs, ({id}) => id),
      runTimeNs: BigUint64Array.from(progs, ({rate, runNs}) => BigInt(Math.round(seconds * rate * runNs))),
      runCnt: BigUint64Array.from(progs, ({rate}) => BigInt(Math.round(seconds * rate))),
      recursionMisses: new BigUint64Array(progs.length),
      hottestCpu: new Int32Array(progs.length),
      hottestPct: new Uint8Array(progs.length).fill(100),
      appeared: progs.flatMap((prog, index) =>
        known.has(`${prog.id} ${this.#loads}`) ? [] : [infoOf(prog, index, this.#loads)],
      ),
    };
  }
}

function infoOf({id, type, name, mapIds}: FakeProg, index: number, loads: number): NativeProgInfo {
  return {
    ...{
      index,
      id,
      type,
      name,
      tag: id.toString(16).padStart(16, '0'),
      loadTimeNs: 1_000_000_000n + BigInt(loads),
      createdByUid: 0,
    },
    ...{gplCompatible: true, xlatedProgLen: 64, jitedProgLen: 120, memlock: 4096, verifiedInsns: 8},
    ...{btfId: id === firstId ? btf + loads : 0, sleepable: false, expectedAttachType: 0, attachBtfId: null, self: false},
    mapIds: [...mapIds],
  };
}

const fakeMaps: readonly NativeMap[] = [
  {id: arrayMap, type: 2, name: 'fake_array', maxEntries: 10, entries: 10, memlock: 4096},
  {id: progArray, type: 3, name: 'fake_calls', maxEntries: 4, entries: null, memlock: 4096},
];

const fakeLinks: NativeLinks = {
  links: [
    {...noLink, id: 1, type: 6, progId: firstId, ifindex: 4242},
    {...noLink, id: 2, type: 2, progId: firstId + 4, attachType: 24, targetObjId: 1, targetBtfId: 77},
  ],
  unreadable: 0,
};

const fakeNetns: NativeNetNamespaces = {
  namespaces: [
    {
      ...{ino: 4_026_531_840, own: true, complete: true, path: null},
      attachments: [
        {type: 'xdp', progId: firstId, linkId: null, attachType: null, ifindex: 4242, ifname: 'fake0', hook: null},
      ],
    },
  ],
  ...{hidden: 0, unread: 0, error: null},
};

/** What a search found: program `nth` on something, which a link of that type would be on. */
function found(type: number, nth: number, rest: Partial<NativeLink>): NativeUnlinked {
  return {links: [{...noLink, type, progId: firstId + nth, ...rest}], missed: null};
}

const require = createRequire(import.meta.url);

/** Puts it in the place of bpf.node in this process, for whoever loads that from now on. */
export function installFakeAddon(kernel: FakeKernel): void {
  const file = require.resolve('../../build/Release/bpf.node');
  require.cache[file] = {id: file, filename: file, loaded: true, exports: kernel.exports} as NodeJS.Module;
}
