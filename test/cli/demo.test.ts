import {createReadStream, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import t, {type Test} from 'tap';
import {DemoReplay, startDemo} from '../../src/cli/demo.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {Pace} from '../../src/collectors/pace.js';
import {demoRecording} from '../../src/demo-recording.js';
import {measure, type Measured} from '../../src/model/measure.js';
import {toJson} from '../../src/output/json.js';
import {SampleDecoder} from '../../src/sample/codec.js';
import {progTypeName} from '../../src/sample/prog-types.js';
import {sourceNames} from '../../src/sample/sources.js';
import type {Sample} from '../../src/sample/types.js';
import {nobodyWith} from '../helpers/child.js';
import {copyTool, type Document, pretendOn, run, type RunOptions, toolPath} from '../helpers/cli.js';
import {kernelSkip} from '../helpers/kernel.js';
import {publishedSchema} from '../helpers/schema.js';
import {startInPty} from '../helpers/terminal.js';

const size = {columns: 100, rows: 16};
const notRoot = process.geteuid?.() !== 0 && 'needs root, to be nobody';

t.test('about six programs of different types run at different rates, and go with it', {skip: kernelSkip}, async (t) => {
  const {stdout, status} = await run(['demo', '--json', '-d', '700ms', '-f', 'demo_']);
  t.equal(status, 0);
  const {programs} = JSON.parse(stdout) as Document;
  t.equal(programs.length, 6);
  t.equal(new Set(programs.map((prog) => prog['type'])).size, 6, 'as many types');
  const driven = programs.filter((prog) => prog['type'] !== 'raw_tracepoint');
  for (const prog of driven) t.ok((prog['period_run_cnt'] as number) > 0, prog.name);
  t.equal(programs.filter((prog) => prog['sleepable'] === true && prog['cpu_pct'] === null).length, 1);

  const collector = new KernelCollector({enableStats: false});
  t.teardown(() => collector.close());
  const ids = new Set(programs.map((prog) => prog.id));
  const left = async () => (await collector.sample()).progs.info.filter((info) => ids.has(info.id)).length;
  for (let tries = 0; (await left()) > 0 && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(await left(), 0, 'unloaded');
});

t.test('stopped twice or at once, nothing of it stays', {skip: kernelSkip}, async (t) => {
  const collector = new KernelCollector({enableStats: false});
  t.teardown(() => collector.close());
  const ids = async () =>
    new Set((await collector.sample()).progs.info.filter(({name}) => name.startsWith('demo_')).map(({id}) => id));
  const others = await ids();
  const demo = startDemo();
  const own = [...(await ids())].filter((id) => !others.has(id));
  t.equal(own.length, 6);
  demo.stop();
  demo.stop();
  const left = async () => {
    const now = await ids();
    return own.filter((id) => now.has(id)).length;
  };
  for (let tries = 0; (await left()) > 0 && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(await left(), 0);
});

/** Ids of the programs that a process holds (proc_pid_fdinfo(5)). */
function heldBy(pid: number): Set<number> {
  const dir = `/proc/${pid}/fdinfo`;
  const ids = readdirSync(dir).map((fd) => /^prog_id:\s*(\d+)/m.exec(readFileSync(path.join(dir, fd), 'utf8'))?.[1]);
  return new Set(ids.filter((id) => id !== undefined).map(Number));
}

t.test('however it ends, no program of it stays', {skip: kernelSkip}, async (t) => {
  const collector = new KernelCollector({enableStats: false});
  t.teardown(() => collector.close());
  const ends = {
    q: (program) => program.type('q'),
    TERM: (program) => program.kill('SIGTERM'),
    KILL: (program) => program.kill('SIGKILL'),
  } satisfies Record<string, (program: ReturnType<typeof startInPty>) => void>;
  for (const [name, end] of Object.entries(ends)) {
    const program = startInPty(t, {...size, words: ['env', '-u', 'NODE_OPTIONS', process.execPath, toolPath, 'demo']});
    await program.shows(/demo_firewall[^]*demo: 6 programs of its own/);
    const held = heldBy(program.pid);
    t.ok(held.size >= 6, `${name}: ${held.size} programs are there`);
    end(program);
    await program.exited;
    const left = async () => (await collector.sample()).progs.info.filter(({id}) => held.has(id));
    // A program goes in the kernel's own time.
    for (let tries = 0; (await left()).length > 0 && tries < 200; tries++) await sleep(10);
    t.same(await left(), [], name);
  }
});

const elsewhere: Readonly<
  Record<string, {readonly options: (t: Test) => RunOptions; readonly why: RegExp; readonly skip?: string | false}>
> = {
  'without privilege': {options: () => ({through: nobodyWith()}), why: /: EPERM\. Run it with sudo\.$/, skip: notRoot},
  'on macOS': {options: () => pretendOn('darwin'), why: /BPF programs on darwin: they live in the Linux kernel/},
  'on Windows': {options: () => pretendOn('win32'), why: /BPF programs on win32: they live in the Linux kernel/},
  'without the addon': {options: (t) => ({tool: copyTool(t)}), why: /cannot load the native addon/},
};

const formats: Readonly<Record<string, RegExp>> = {
  json: /^{"schema_version":1,.*"hostname":"edge-1"/,
  table: /^edge-1 .*\n[^]* lb_forward /,
  csv: /^taken_at,[^]*,lb_forward,/,
  plain: / edge-1: .* over 1\.\ds\.\n1: /,
  prometheus: /^bpftop_program_info{.*name="lb_forward"/m,
};

for (const [where, {options, why, skip = false}] of Object.entries(elsewhere))
  t.test(`${where} it plays the recording that ships, and says so`, {skip}, async (t) => {
    const given = options(t);
    const {stdout, stderr, status} = await run(['demo', '--json'], given);
    t.equal(status, 0);
    t.match(stdout, formats['json']);
    t.match(stderr, /^bpftop-ts: demo plays the recording that ships with it: .*\n$/);
    t.match(stderr.trim(), why);

    const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
    t.teardown(() => rmSync(dir, {recursive: true}));
    const file = path.join(dir, 'recording');
    const refused = await run(['demo', '--record', file, '-n', '1'], given);
    t.not(refused.status, 0, 'what is recorded is of this host');
    t.match(refused.stderr.trim(), why);
    t.notOk(existsSync(file));
  });

t.test('the recording is told in every format', async (t) => {
  const tool = copyTool(t);
  for (const [format, shows] of Object.entries(formats)) {
    const {stdout, status} = await run(['demo', '--format', format, '-n', '1'], {tool});
    t.equal(status, 0, format);
    t.match(stdout, shows, format);
  }
});

t.test('without privilege the screen shows the recording, and says so', {skip: notRoot}, async (t) => {
  const words = ['env', '-u', 'NODE_OPTIONS', ...nobodyWith(), process.execPath, toolPath, 'demo'];
  const program = startInPty(t, {...size, words});
  await program.shows(/edge-1[^]*replay[^]*lb_forward[^]*demo: a recording; live with sudo/);
  program.type('q');
  t.equal((await program.exited).exitCode, 0);
});

for (const platform of ['darwin', 'win32'] as const)
  t.test(`on ${platform} the screen is there, and gives the terminal back`, async (t) => {
    const home = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
    t.teardown(() => rmSync(home, {recursive: true}));
    const {nodeArgs, env: pretended} = pretendOn(platform);
    const env = {...pretended, HOME: home, XDG_CONFIG_HOME: home};
    const node = ['env', '-u', 'NODE_OPTIONS', process.execPath, ...nodeArgs, toolPath];
    const demo = startInPty(t, {...size, env, words: [...node, 'demo']});
    await demo.shows(/edge-1[^]*replay[^]*lb_forward[^]*demo: a recording that ships with it/);
    demo.type('W');
    await demo.shows(/Saved: /);
    // There is no job to stop: on Windows nothing happens, and keys go on being read.
    if (platform === 'win32') demo.type('\x1a');
    demo.type('\r');
    await demo.shows(/lb_forward[^]*held by/);
    demo.type('q');
    t.equal((await demo.exited).exitCode, 0);
    t.notOk(demo.emulator.alternate);

    const line = `cat '${fileURLToPath(demoRecording)}' | ${node.map((word) => `'${word}'`).join(' ')} replay -`;
    const piped = startInPty(t, {...size, env, words: ['sh', '-c', line]});
    t.notMatch(await piped.shows(/edge-1[^]*lb_forward/), /left out/, 'what was saved is taken');
    piped.type('q');
    t.equal((await piped.exited).exitCode, 0, 'keys come from the terminal');
  });

t.test('over and over, each time is as the first, later, and begins without a period', async (t) => {
  const replay = new DemoReplay();
  replay.playback.speed = Infinity;
  const length = (await shipped()).length;
  /** What each reading of the first time showed, as seen from its own time. */
  const first: string[] = [];
  let last: Sample | null = null;
  let count = 0;
  for await (const sample of replay.samples(new Pace(50))) {
    const begins = count % length === 0;
    const measured: Measured = measure(sample, begins ? null : last);
    if (last && begins) t.match(measure(sample, last), {periodNs: null, selfCpuPct: null, totals: {cpuPct: null}});
    if (last && !begins && !(sample.timeNs > last.timeNs)) t.fail(`back in time at ${count}`);
    if (last && sample.takenAt < last.takenAt) t.fail(`the clock went back at ${count}`);
    const {timeNs, progs} = sample;
    const seen = JSON.stringify({
      ...{periodNs: measured.periodNs, cpuPct: measured.totals.cpuPct, selfCpuPct: measured.selfCpuPct},
      ages: progs.info.map((info) => Number(timeNs - info.loadTimeNs)),
      since: sourceNames.map((name) => progs.sources[name] && Number(timeNs - progs.sources[name].timeNs)),
      progs: measured.progs.map((prog) => [prog.info.id, prog.isNew, prog.cpuPct, prog.owners?.length]),
      gone: measured.gone.map(({info}) => info.id),
    });
    if (count < length) first.push(seen);
    else if (seen !== first[count % length]) t.equal(seen, first[count % length], `reading ${count}`);
    last = sample;
    if (++count === 2 * length + 10) break;
  }
  t.equal(count, 2 * length + 10);
});

t.test('nothing but whole periods is told of it, past its end too, whatever the delay', async (t) => {
  const problems = publishedSchema(path.join(path.dirname(fileURLToPath(demoRecording)), 'snapshot.schema.json'));
  for (const delay of [1000, 7000]) {
    const replay = new DemoReplay();
    replay.playback.speed = Infinity;
    let previous: Sample | null = null;
    let begun = 0;
    let left = 400;
    for await (const sample of replay.samples(new Pace(delay))) {
      const measured: Measured = measure(sample, previous);
      if (measured.periodNs === null) begun++;
      else if (Object.values(sample.progs.sources).every((reading) => reading === null)) t.fail('nothing looked at');
      const text = toJson(measured, measured.progs, null, {version: '1.2.3', indent: 0});
      t.same(problems.problems(text), []);
      previous = sample;
      if (--left === 0) break;
    }
    t.ok(begun > 1, `${begun} beginnings`);
  }
});

t.test('a longer delay leaves readings out', async (t) => {
  const replay = new DemoReplay();
  replay.playback.speed = Infinity;
  const times: number[] = [];
  for await (const {timeNs} of replay.samples(new Pace(10_000))) if (times.push(Number(timeNs) / 1e9) === 5) break;
  for (let i = 1; i < times.length; i++) t.ok(Math.abs((times[i] as number) - (times[i - 1] as number) - 10) < 1);
});

async function shipped(): Promise<Sample[]> {
  const decoder = new SampleDecoder();
  const samples: Sample[] = [];
  for await (const chunk of createReadStream(demoRecording)) samples.push(...decoder.push(chunk as Buffer));
  return samples;
}

t.test('what ships is small, eventful, and has nothing of the machine that made it', async (t) => {
  t.ok(statSync(demoRecording).size <= 100_000);
  const samples = await shipped();
  const [first, last] = [samples[0], samples.at(-1)] as [Sample, Sample];
  t.ok(Number(last.timeNs - first.timeNs) / 1e9 >= 120, 'minutes of it');
  for (const {host} of samples)
    t.same(host, {...host, hostname: 'edge-1', kernelRelease: host.kernelRelease.replace(/[^\d.]/g, ''), bootId: null});

  const owners = samples.flatMap(({progs}) => [...(progs.sources.owners?.byProg?.values() ?? [])].flat());
  const others = owners.filter(({via, comm, cmdline, cgroup}) => {
    const own = comm !== null && cmdline?.join() === comm && /^(\/|\/system\.slice\/[\w-]+\.service)$/.test(cgroup ?? '');
    return !own || !['prog', 'link', 'map'].includes(via);
  });
  t.same(others, [], 'processes of the stage alone, without their paths');
  t.ok(new Set(owners.map(({comm}) => comm)).size >= 4);
  const pins = samples.flatMap(({progs}) => [...(progs.sources.pins?.byProg?.values() ?? [])].flat());
  t.same(new Set(pins.map((pin) => pin.path)), new Set(['/sys/fs/bpf/qos_mark']));

  const measured = samples.slice(1).map((sample, i) => measure(sample, samples[i] as Sample));
  const late = measured.slice(5);
  const held = late.filter(({progs}) => progs.every((prog) => prog.owners?.length));
  t.ok(held.length > 0.75 * late.length, `with owners most of the time: in ${held.length} of ${late.length} readings`);
  t.ok(
    late.some(({progs}) => progs.some((prog) => prog.isNew)),
    'one comes',
  );
  t.ok(
    late.some(({gone}) => gone.length > 0),
    'one goes',
  );
  t.ok(new Set(last.progs.info.map(({type}) => progTypeName(type))).size >= 5, 'of several types');
  const costs = measured.map(({progs}) => progs.find(({name}) => name === 'lb_forward')?.avgRunTimeNs ?? NaN);
  const usual = costs[10] as number;
  t.ok(Math.max(...costs.filter((cost) => !Number.isNaN(cost))) > 5 * usual, 'one gets expensive');
});
