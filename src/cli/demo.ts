/**
 * The demo: loads a few real, harmless programs, and runs them at rates that rise and fall, so that somebody on an empty host sees the
 * tool at work. Nothing is attached where it could touch traffic; all of it goes with the process. Where that can't be, there is a
 * recording, played over and over.
 */
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {loadTestbed, type TestProg, type TestProgSpec} from '../addon.js';
import type {Pace} from '../collectors/pace.js';
import {ReplayCollector} from '../collectors/replay.js';
import {demoRecording} from '../demo-recording.js';
import {exitStatus, isSystemError, UserError} from '../errors.js';
import {mapSources, type Reading, type SourceFacts, type SourceName} from '../sample/sources.js';
import {type ProgInfo, progKey, type Sample} from '../sample/types.js';

interface DemoProg extends TestProgSpec {
  /** Runs a second, on average; null: it runs by itself, on what it is attached to. */
  readonly rate: number | null;
  /** How far the rate swings, 0 to 1, and how long a swing takes, s. */
  readonly swing: number;
  readonly cycle: number;
}

const demoProgs: readonly DemoProg[] = [
  {type: 'xdp', name: 'demo_firewall', loops: 20, rate: 60_000, swing: 0.9, cycle: 20},
  {type: 'sched_cls', name: 'demo_ingress', loops: 100, rate: 20_000, swing: 0.5, cycle: 31},
  {type: 'cgroup_skb', name: 'demo_egress', loops: 50, rate: 8_000, swing: 0.7, cycle: 13},
  {
    type: 'socket_filter',
    name: 'demo_capture',
    loops: 5,
    rate: 3_000,
    swing: 1,
    cycle: 7,
    maps: [{name: 'demo_packets', type: 'lru_hash', maxEntries: 1000, inserts: 640}],
  },
  {type: 'raw_tracepoint', name: 'demo_switches', rate: null, swing: 0, cycle: 1},
  {type: 'syscall', name: 'demo_sleepable', loops: 200, rate: 40, swing: 0, cycle: 1},
];

/** Between two drives, ms. */
const beatMs = 50;

/** A demo under way. */
export interface Demo {
  /** What the person should know. */
  readonly notice: string;
  /** Unloads everything. */
  stop(): void;
}

/**
 * Loads and starts the demo's programs.
 * @throws UserError where this system or its user can't.
 */
export function startDemo(): Demo {
  const testbed = loadTestbed();
  const loaded: {readonly spec: DemoProg; readonly prog: TestProg; owed: number}[] = [];
  const unload = () => loaded.splice(0).forEach(({prog}) => prog.close());
  try {
    for (const spec of demoProgs) loaded.push({spec, prog: testbed.load(spec), owed: 0});
    for (const {spec, prog} of loaded) if (spec.type === 'raw_tracepoint') prog.attach({rawTracepoint: 'sched_switch'});
  } catch (error) {
    unload();
    throw explain(error);
  }

  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    // After a pause (Ctrl-Z) the programs go on from where they are: nothing is caught up with.
    const seconds = Math.min(now - last, 4 * beatMs) / 1000;
    last = now;
    for (const each of loaded) {
      const {spec, prog} = each;
      if (spec.rate === null) continue;
      each.owed += seconds * spec.rate * (1 + spec.swing * Math.sin((2 * Math.PI * now) / 1000 / spec.cycle));
      const runs = Math.floor(each.owed);
      if (runs > 0) prog.run(runs);
      each.owed -= runs;
    }
  }, beatMs);
  timer.unref();

  return {
    notice: `demo: ${loaded.length} programs of its own, unloaded when you quit`,
    stop() {
      clearInterval(timer);
      unload();
    },
  };
}

function explain(error: unknown): unknown {
  if (!isSystemError(error)) return error;
  const what = `cannot load the demo's programs: ${error.syscall}: ${error.code}.`;
  return error.code === 'EPERM' || error.code === 'EACCES'
    ? new UserError(`${what} Run it with sudo.`, exitStatus.notPermitted, {cause: error})
    : new UserError(`${what} This kernel lacks what the demo needs; bpftop-ts itself may work.`, exitStatus.unavailable, {
        cause: error,
      });
}

/** Between two readings of the recording, ms, give or take some. */
const recordedPeriodMs = 1000;

/**
 * The recording that ships, over and over. Each time its first reading stands at the time of the last one before, so that there is no period
 * between the two, and all that follows is later by as much, as if everything had been loaded anew on the same host. Longer delays leave out
 * readings, shorter ones are those it has.
 */
export class DemoReplay extends ReplayCollector {
  /** @throws UserError where it isn't there. */
  constructor() {
    const name = fileURLToPath(demoRecording);
    super({name, chunks: overAndOver(readRecording(name)), live: false, close: () => {}}, {speed: 1});
  }

  override async *samples(pace: Pace, signal?: AbortSignal): AsyncGenerator<Sample, void, undefined> {
    let move = mover(0n, 0);
    let recordedNs: bigint | null = null;
    let last: Sample | null = null;
    let dueMs = -Infinity;
    for await (const recorded of super.samples(pace, signal)) {
      const begins = last !== null && recordedNs !== null && recorded.timeNs <= recordedNs;
      if (begins && last) move = mover(last.timeNs - recorded.timeNs, last.takenAt - recorded.takenAt);
      recordedNs = recorded.timeNs;
      const sample = move(recorded);
      const timeMs = Number(sample.timeNs) / 1e6;
      if (!begins && timeMs < dueMs - recordedPeriodMs / 2) continue;
      pace.begin(timeMs);
      dueMs = timeMs + pace.next(timeMs);
      last = sample;
      yield sample;
    }
  }
}

/** What makes samples later by `ns`, and by `ms` on the wall clock. What was one object in several of them stays one. */
function mover(ns: bigint, ms: number): (sample: Sample) => Sample {
  const infos = memo((info: ProgInfo): ProgInfo => {
    const loadTimeNs = info.loadTimeNs + ns;
    const loadedAt = info.loadedAt + Math.round(ms / 1000);
    return {...info, key: progKey(info.id, loadTimeNs, info.tag), loadTimeNs, loadedAt};
  });
  const readings = memo((reading: Reading<unknown>): Reading<unknown> => ({...reading, timeNs: reading.timeNs + ns}));
  return (sample) => {
    const {info, sources} = sample.progs;
    const moved = <Name extends SourceName>(name: Name) => {
      const reading = sources[name];
      return reading && (readings(reading) as Reading<SourceFacts[Name]>);
    };
    return {
      ...sample,
      timeNs: sample.timeNs + ns,
      takenAt: sample.takenAt + ms,
      progs: {...sample.progs, info: info.map(infos), sources: mapSources(moved)},
    };
  };
}

function memo<T extends object>(make: (from: T) => T): (from: T) => T {
  const made = new WeakMap<T, T>();
  return (from) => {
    const there = made.get(from) ?? make(from);
    made.set(from, there);
    return there;
  };
}

/** The same bytes without an end. */
function overAndOver(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  return {[Symbol.asyncIterator]: () => ({next: async () => Promise.resolve({value: bytes, done: false})})};
}

function readRecording(name: string): Buffer {
  try {
    const bytes = readFileSync(name);
    if (bytes.length > 0) return bytes;
  } catch (error) {
    if (!isSystemError(error)) throw error;
  }
  throw new UserError(`the demo's recording ${name} can't be read. Install bpftop-ts again.`, exitStatus.unavailable);
}
