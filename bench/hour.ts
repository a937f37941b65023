/**
 * An hour of the screen in minutes: made-up samples, a second apart by their own clock, on a terminal that takes everything. A process of
 * its own, `hour.js COUNT SAMPLES [GROUPING]`, which screen.ts bundles as the tool is bundled. Prints an `Hour` as JSON.
 */
import {setImmediate as turn} from 'node:timers/promises';
import {tuneV8} from '../src/cli/v8.js';
import {noFilter} from '../src/model/filter.js';
import {findGrouping} from '../src/model/group.js';
import {measure} from '../src/model/measure.js';
import {initialSort} from '../src/model/sort.js';
import type {Found} from '../src/sample/sources.js';
import type {ProgInfo, Sample} from '../src/sample/types.js';
import {LiveScreen} from '../src/ui/live-screen.js';
import type {Terminal} from '../src/ui/terminal.js';

/** What was seen. */
export interface Hour {
  /** After each twelfth of it. */
  readonly rssMb: readonly number[];
  /** Of the whole process, making the samples left out, median of the twelfths. */
  readonly cpuMs: number;
  readonly bytes: number;
  /** Of Ink, after its first frame. */
  readonly inkFrames: number;
  /** Of all samples together at the end, when no program runs any more. */
  readonly quietBytes: number;
}

tuneV8();

const parts = 12;
/** Longer than the trend of a row is. */
const settling = 60;
const quiet = 20;
/** Readings between two looks of the slow sources. */
const lookEvery = 30;

const count = Number(process.argv[2]);
const samples = Number(process.argv[3]);
const grouping = findGrouping(process.argv[4] ?? '') ?? null;

const info = Array.from({length: count}, (_, i): ProgInfo => ({
  key: `${i + 1}/1/${i}`,
  id: i + 1,
  type: i % 2 ? 3 : 6,
  name: `bench_${i}`,
  tag: i.toString(16).padStart(16, '0'),
  loadTimeNs: 1n,
  loadedAt: 1_767_225_600,
  uid: 0,
  gplCompatible: true,
  bytesXlated: 64,
  bytesJited: 120,
  bytesMemlock: 4096,
  verifiedInsns: 8,
  btfId: null,
  mapIds: [i + 1],
  sleepable: false,
  attachType: 0,
  attachBtfId: null,
  self: false,
}));

/** A look at a source as of that second; the lists are new ones each time, as a look's are. */
function look<T>(seconds: number, of: (id: number) => T) {
  const found: Found<T> = {byProg: new Map(info.map(({id}) => [id, [of(id)]])), complete: true, warning: null};
  return {...found, timeNs: BigInt(seconds) * 1_000_000_000n, durationNs: 1e6};
}

function lookAround(seconds: number): Sample['progs']['sources'] {
  return {
    owners: look(seconds, (id) => ({
      pid: 1000 + (id % 100),
      comm: `agent-${id % 100}`,
      cmdline: ['agent', '--all'],
      via: 'prog' as const,
      cgroup: '/',
      unit: null,
      containerId: null,
      container: null,
      pod: `agent-x${id % 100}`,
      namespace: 'kube-system',
    })),
    links: look(seconds, (id) => ({linkId: id, type: 'xdp', attachType: 'xdp', target: `lxc${id}`})),
    pins: look(seconds, (id) => ({path: `/sys/fs/bpf/prog_${id}`, via: 'prog' as const})),
    maps: look(seconds, (id) => ({
      id,
      name: `map_${id}`,
      type: 'hash',
      maxEntries: 100,
      entries: 5,
      bytesMemlock: 4096,
    })),
    names: look(seconds, (id) => ({fullName: `bench_${id}_in_full`, attachFuncName: null, tailCallers: []})),
  };
}

/** Counters of the last sample; what a program adds varies from sample to sample. */
let runTimeNs = new BigUint64Array(count);
let runCnt = new BigUint64Array(count);
let sources = lookAround(0);

/** `busy`: every program runs. */
function nextSample(seconds: number, busy: boolean): Sample {
  runTimeNs = runTimeNs.slice();
  runCnt = runCnt.slice();
  for (let i = 0; busy && i < count; i++) {
    const runs = 1 + ((i * 7 + seconds * 3) % 23);
    runCnt[i]! += BigInt(runs);
    runTimeNs[i]! += BigInt(runs * (100 + ((i + seconds) % 50) * 20));
  }
  if (seconds % lookEvery === 0) sources = lookAround(seconds);
  return {
    host: {hostname: 'web-3', kernelRelease: '6.18.44', arch: 'x86_64', cpusOnline: 2, bootId: null},
    takenAt: Date.UTC(2026, 0, 31) + seconds * 1000,
    timeNs: BigInt(seconds) * 1_000_000_000n,
    durationNs: 500_000,
    selfCpuNs: seconds * 1e7,
    sampler: 'iterator',
    shared: false,
    fallbackReason: null,
    stats: 'enabled_here',
    statsCostNs: null,
    warnings: [],
    progs: {
      ...{info, sources, runTimeNs, runCnt, recursionMisses: new BigUint64Array(count)},
      ...{hottestCpu: new Int32Array(count), hottestPct: new Uint8Array(count).fill(50)},
    },
  };
}

let bytes = 0;
const terminal: Terminal = {
  size: {columns: 160, rows: 50},
  busy: false,
  open() {},
  write: (frame) => (bytes += frame.length),
  suspend() {},
  close() {},
};

let inkFrames = 0;
const screen = await new Promise<LiveScreen>((resolve) => {
  const look = {color: 'auto', ascii: false, theme: 'default'} as const;
  const rest = {
    version: '',
    filter: noFilter,
    limit: null,
    chosenColumns: null,
    delayMs: 1000,
    playback: null,
    notice: null,
  };
  const untouched = () => Promise.reject(new Error('no file is to be written'));
  const files = {write: untouched, save: untouched};
  const env = {TERM: 'xterm-256color', LANG: 'C.UTF-8'};
  const opened = new LiveScreen(
    {...rest, files, setDelay() {}, look, sort: initialSort, grouping},
    terminal,
    env,
    async () => {
      const {openChrome} = await import('../src/ui/chrome.js');
      const counted: typeof openChrome = (pipe, props, events) =>
        openChrome(pipe, props, {
          ...events,
          frame(frame) {
            inkFrames++;
            events.frame(frame);
            resolve(opened);
          },
        });
      return {openChrome: counted};
    },
  );
  opened.start();
});

let seconds = 100;
let previous: Sample | null = null;
/** Shows one sample. @returns CPU ms of the whole process while that was done. */
async function show(busy: boolean): Promise<number> {
  const sample = nextSample(++seconds, busy);
  const before = process.cpuUsage();
  screen.update(measure(sample, previous));
  await turn();
  const {user, system} = process.cpuUsage(before);
  previous = sample;
  return (user + system) / 1000;
}

await show(true);
const [firstFrames, firstBytes] = [inkFrames, bytes];
const rssMb: number[] = [];
const cpuMs: number[] = [];
for (let part = 0; part < parts; part++) {
  let used = 0;
  const each = Math.round(samples / parts);
  for (let i = 0; i < each; i++) used += await show(true);
  cpuMs.push(used / each);
  rssMb.push(process.memoryUsage.rss() / 1e6);
}
const perFrame = (bytes - firstBytes) / samples;
for (let i = 0; i < settling; i++) await show(false);
const before = bytes;
for (let i = 0; i < quiet; i++) await show(false);
const result: Hour = {
  rssMb,
  cpuMs: cpuMs.sort((a, b) => a - b)[parts >> 1] ?? NaN,
  bytes: perFrame,
  inkFrames: inkFrames - firstFrames,
  quietBytes: bytes - before,
};
screen.close();
process.stdout.write(JSON.stringify(result), () => process.exit());
