/**
 * Makes docs/demo.rec, what `demo` plays where it can't load programs: two and a half minutes of a small host, recorded by the tool itself.
 * Services with programs of the test bed run in namespaces of their own, with a name and an interface of their own; a service in trouble
 * replaces its program by a slow one, a tracer comes and goes, a capture gets busier and busier. Of the recording everything stays
 * that is theirs, to the digit; what belongs to the machine that made it is left out, and that a source was kept from parts of it. Needs root. Usage: npm run demo-recording
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, rmdirSync, writeFileSync} from 'node:fs';
import {setPriority} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {loadTestbed, type TestAttachPoint, type TestProg, type TestProgSpec} from '../src/addon.js';
import {SampleDecoder, SampleEncoder} from '../src/sample/codec.js';
import type {ProgOwner} from '../src/sample/owners.js';
import {mapSources, type Reading, type SourceFacts, type SourceName} from '../src/sample/sources.js';
import type {Host, ProgInfo, Sample} from '../src/sample/types.js';

const root = path.join(import.meta.dirname, '..');
const self = fileURLToPath(import.meta.url);
const seconds = 150;
const hostname = 'edge-1';
const cgroups = '/sys/fs/cgroup/unified/system.slice';
const eth0 = 10;

interface Part {
  readonly spec: TestProgSpec;
  readonly at?: TestAttachPoint;
  readonly pin?: string;
  /** Runs a second, so many seconds after the beginning; by itself, on what it is attached to, where that isn't given. */
  readonly rate?: (second: number) => number;
  /** When it is there, s. */
  readonly from?: number;
  readonly to?: number;
}

const wave = (mean: number, swing: number, cycle: number) => (second: number) =>
  mean * (1 + swing * Math.sin((2 * Math.PI * second) / cycle));

/** When the slow release of lb_forward comes, and when it is taken back. */
const [released, takenBack] = [45, 100];
const packets = wave(20_000, 0.25, 23);

/** What each service, by its process's name, has. */
const services: Readonly<Record<string, readonly Part[]>> = {
  'edge-lb': [
    {spec: {type: 'xdp', name: 'lb_forward', loops: 60}, at: {xdp: eth0}, rate: packets, to: released},
    {spec: {type: 'xdp', name: 'lb_forward', loops: 2500}, at: {xdp: eth0}, rate: packets, from: released, to: takenBack},
    {spec: {type: 'xdp', name: 'lb_forward', loops: 60}, at: {xdp: eth0}, rate: packets, from: takenBack},
    {spec: {type: 'syscall', name: 'lb_health', loops: 400}, rate: () => 4},
  ],
  netpolicyd: [
    {
      spec: {
        ...{type: 'sched_cls', name: 'policy_ingress', loops: 120},
        maps: [
          {name: 'policy_rules', type: 'hash', maxEntries: 4096, inserts: 2915},
          {name: 'connections', type: 'lru_hash', maxEntries: 8192, inserts: 7731},
        ],
      },
      at: {tcx: eth0},
      rate: wave(12_000, 0.3, 37),
    },
    {spec: {type: 'cgroup_skb', name: 'policy_egress', loops: 80}, at: {cgroup: cgroups}, rate: wave(6_000, 0.6, 17)},
    {spec: {type: 'sched_cls', name: 'qos_mark', loops: 10}, pin: '/sys/fs/bpf/qos_mark', rate: () => 0},
  ],
  flowlogd: [
    {
      spec: {
        ...{type: 'socket_filter', name: 'flow_capture', loops: 300},
        maps: [{name: 'flows', type: 'hash', maxEntries: 1024, inserts: 1003}],
      },
      at: {socket: true},
      rate: (second) => 300 * 40 ** (second / seconds),
    },
  ],
  tracer: [
    {
      spec: {type: 'raw_tracepoint', name: 'trace_switches', loops: 400},
      at: {rawTracepoint: 'sched_switch'},
      from: 65,
      to: 125,
    },
    {spec: {type: 'raw_tracepoint', name: 'trace_syscalls', loops: 20}, at: {rawTracepoint: 'sys_enter'}, from: 67, to: 125},
  ],
};

const names = new Set(Object.values(services).flatMap((parts) => parts.map(({spec}) => spec.name as string)));

/** One service: is called that, loads what it has when it is time, and drives it. Time begins when it is told to. */
async function service(name: string): Promise<void> {
  process.title = name;
  const testbed = loadTestbed();
  let startedAt = Infinity;
  process.on('message', () => (startedAt = performance.now()));
  const now = () => Math.max(0, performance.now() - startedAt) / 1000;
  const parts = services[name] as readonly Part[];
  const loaded = new Map<Part, {prog: TestProg; owed: number}>();
  let last = now();
  for (;;) {
    const at = now();
    for (const part of parts) {
      const {spec, from = 0, to = Infinity} = part;
      const there = loaded.get(part);
      if (there && at >= to) {
        there.prog.close();
        loaded.delete(part);
      } else if (!there && at >= from && at < to) loaded.set(part, {prog: load(testbed, part), owed: 0});
      if (spec.type === 'raw_tracepoint' && at >= to) process.exit(0);
    }
    for (const [{rate}, each] of loaded) {
      each.owed += (at - last) * (rate?.(at) ?? 0);
      const runs = Math.floor(each.owed);
      if (runs > 0) each.prog.run(runs);
      each.owed -= runs;
    }
    last = at;
    if (startedAt === Infinity) process.send?.('ready');
    await sleep(50);
  }
}

function load(testbed: ReturnType<typeof loadTestbed>, {spec, at, pin}: Part): TestProg {
  const prog = testbed.load(spec);
  if (at) prog.attach(at);
  if (pin !== undefined) prog.pin(pin);
  return prog;
}

/** The host that is recorded: this process is in its namespaces. */
async function host(): Promise<void> {
  const children: ChildProcess[] = [];
  const dirs: string[] = [];
  const inCgroup = (name: string, child: ChildProcess) => {
    children.push(child);
    // What else this machine does is no part of the story.
    setPriority(child.pid as number, -20);
    const dir = path.join(cgroups, `${name}.service`);
    mkdirSync(dir, {recursive: true});
    dirs.push(dir);
    writeFileSync(path.join(dir, 'cgroup.procs'), String(child.pid));
  };
  try {
    for (const name of Object.keys(services)) {
      const words = [...process.execArgv, self, 'service', name];
      inCgroup(name, spawn(process.execPath, words, {stdio: ['ignore', 'inherit', 'inherit', 'ipc']}));
    }
    const started = [...children];
    const early = (child: ChildProcess) =>
      once(child, 'exit').then(() => Promise.reject(new Error('a service ended before it was ready')));
    await Promise.all(started.map((child) => Promise.race([once(child, 'message'), early(child)])));
    const words = ['bin/bpftop-ts.js', '--record', '-', '-n', String(seconds)];
    const recorder = spawn(process.execPath, words, {cwd: root, stdio: ['ignore', 'pipe', 'inherit'], argv0: 'node'});
    inCgroup('bpftop-ts', recorder);
    for (const child of started) child.send('begin');
    const decoder = new SampleDecoder();
    const encoder = new SampleEncoder();
    const keep = keeper();
    const recorded: Buffer[] = [];
    for await (const chunk of recorder.stdout)
      for (const sample of decoder.push(chunk as Buffer)) recorded.push(encoder.encode(keep(sample)));
    const bytes = Buffer.concat(recorded);
    writeFileSync(path.join(root, 'docs/demo.rec'), bytes);
    console.log(`docs/demo.rec: ${recorded.length} samples, ${bytes.length} bytes`);
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await sleep(500);
    for (const dir of [...dirs, cgroups]) rmdirSync(dir);
  }
}

/** Leaves of each sample what is the stage's. What was the same object stays one: it is written once. */
function keeper(): (sample: Sample) => Sample {
  const once = new Map<unknown, unknown>();
  const same = <T>(key: object, make: () => T): T => {
    if (!once.has(key)) once.set(key, make());
    return once.get(key) as T;
  };
  const isOurs = (info: ProgInfo) => info.self || names.has(info.name);
  return (sample) => {
    const {progs} = sample;
    const at = progs.info.flatMap((info, i) => (isOurs(info) ? [i] : []));
    const ids = new Set(at.map((i) => (progs.info[i] as ProgInfo).id));
    const reading = <Name extends SourceName>(name: Name): Reading<SourceFacts[Name]> | null => {
      const found = progs.sources[name];
      return (
        found &&
        same(found, () => ({
          ...found,
          warning: null,
          byProg:
            found.byProg &&
            new Map(
              [...found.byProg]
                .filter(([id]) => ids.has(id))
                .map(([id, facts]) => [id, facts.map((fact) => withoutPaths(name, fact))]),
            ),
          ...(found.untold && {untold: new Set([...found.untold].filter((id) => ids.has(id)))}),
        }))
      );
    };
    return {
      ...sample,
      host: same(sample.host, (): Host => ({
        ...sample.host,
        kernelRelease: sample.host.kernelRelease.replace(/-.*/, ''),
        bootId: null,
      })),
      progs: {
        info: at.map((i) => progs.info[i] as ProgInfo),
        sources: mapSources(reading),
        runTimeNs: BigUint64Array.from(at, (i) => progs.runTimeNs[i] as bigint),
        runCnt: BigUint64Array.from(at, (i) => progs.runCnt[i] as bigint),
        recursionMisses: progs.recursionMisses && BigUint64Array.from(at, (i) => progs.recursionMisses?.[i] as bigint),
        hottestCpu: Int32Array.from(at, (i) => progs.hottestCpu[i] as number),
        hottestPct: Uint8Array.from(at, (i) => progs.hottestPct[i] as number),
      },
    };
  };
}

/** Words that a process was started with have paths of the machine in them. */
function withoutPaths<Name extends SourceName>(name: Name, fact: SourceFacts[Name]): SourceFacts[Name] {
  return name === 'owners' ? {...fact, cmdline: [(fact as ProgOwner).comm ?? '']} : fact;
}

const [role, name = ''] = process.argv.slice(2);
if (role === 'service') await service(name);
else if (role === 'host') await host();
else {
  const script = `hostname ${hostname} && mount -t bpf bpf /sys/fs/bpf && ip link add eth0 index ${eth0} type veth peer name uplink && ip link set eth0 up && ip link set uplink up && exec "$@"`;
  // Among few processes it is soon found who holds what.
  const words = [
    '--uts',
    '--net',
    '--mount',
    '--pid',
    '--fork',
    '--kill-child',
    '--mount-proc',
    'sh',
    '-c',
    script,
    'sh',
    process.execPath,
    ...process.execArgv,
    self,
    'host',
  ];
  spawn('unshare', words, {stdio: 'inherit'}).on('exit', (status) => (process.exitCode = status ?? 1));
}
