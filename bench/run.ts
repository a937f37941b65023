/**
 * npm run bench: what is fast, and the proof. Everything that is compared runs in this one run, on this one machine; the ratios are what
 * counts. With PEER_BPFTOP naming a bpftop binary, it is measured beside, PEER_SECONDS (60) each. `npm run bench -- 200` measures that
 * many programs only.
 */
import {benchJson} from './json.js';
import {benchKeys} from './keys.js';
import {benchMaps} from './maps.js';
import {benchOwners} from './owners.js';
import {median, missed, print, runInTerminal, startLoad, type TerminalRun, timeOf, tool} from './processes.js';
import {benchPackage} from './package.js';
import {benchRecording} from './recording.js';
import {benchRows} from './rows.js';
import {benchSampling} from './sampling.js';
import {benchScreen} from './screen.js';
import {benchServe} from './serve.js';
import {benchSources} from './sources.js';

const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [20, 200, 2000];
const peer = process.env['PEER_BPFTOP'];
const peerSeconds = Number(process.env['PEER_SECONDS'] ?? 60);
const ratesOfTool = /BPF +[\d.]+% of 1 CPU/;
const ratesOfPeer = /xdp|sched_cls/i;

/** The whole tool at ten samples a second, every row changing. */
async function frameRow(count: number): Promise<string[]> {
  const run = await runInTerminal([...tool, '-d', '100ms'], {
    cols: 160,
    rows: 50,
    warmUpSeconds: 5,
    seconds: 15,
    rates: ratesOfTool,
  });
  const perFrame = (value: number, digits: number) => (value / run.frames).toFixed(digits);
  return [
    String(count),
    String(run.frames),
    perFrame(run.mainThreadMs, 2),
    perFrame(run.cpuMs, 2),
    perFrame(run.bytes, 0),
    run.rssMb.toFixed(0),
  ];
}

/** Starts, in turns, so that a slow moment of the machine hits all of them. */
async function startRow(count: number): Promise<string[]> {
  const figures = {node: [] as number[], frame: [] as number[], rates: [] as number[], json: [] as number[]};
  for (let i = 0; i < 7; i++) {
    figures.node.push(await timeOf([process.execPath, '-e', '0']));
    const run = await runInTerminal(tool, {cols: 160, rows: 50, warmUpSeconds: 0.8, seconds: 0.05, rates: ratesOfTool});
    figures.frame.push(run.firstFrameMs);
    figures.rates.push(run.firstRatesMs ?? Infinity);
    figures.json.push(await timeOf([...tool, '--json', '-d', '100ms']));
  }
  const [node, frame, rates, json] = [figures.node, figures.frame, figures.rates, figures.json].map(median) as [
    number,
    number,
    number,
    number,
  ];
  return [
    String(count),
    node.toFixed(0),
    frame.toFixed(0),
    `${(frame / node).toFixed(1)}×`,
    rates.toFixed(0),
    json.toFixed(0),
    '≤ 220',
  ];
}

/** The most of the peer's CPU that ours may be, by number of programs. */
function barOf(count: number): number {
  return count >= 2000 ? 1 / 8 : count >= 200 ? 1 / 2 : 1;
}

const peerTurns = 2;

/** Beside the peer, at its only pace: a second. In turns, so that a slow moment of the machine hits both. */
async function peerRows(count: number): Promise<string[][]> {
  const options = {cols: 120, rows: 30, warmUpSeconds: 5, seconds: peerSeconds / peerTurns};
  const own: TerminalRun[] = [];
  const theirs: TerminalRun[] = [];
  for (let turn = 0; turn < peerTurns; turn++) {
    own.push(await runInTerminal(tool, {...options, rates: ratesOfTool}));
    theirs.push(await runInTerminal([peer as string], {...options, rates: ratesOfPeer}));
  }
  const cpuOf = (runs: TerminalRun[]) => median(runs.map((run) => run.cpuMs / run.seconds / 10));
  const row = (name: string, runs: TerminalRun[], ratio: string, bar: string) => [
    `${count} ${name}`,
    cpuOf(runs).toFixed(2),
    ratio,
    bar,
    median(runs.map((run) => run.bytes / run.seconds)).toFixed(0),
    median(runs.map((run) => run.rssMb)).toFixed(0),
    median(runs.map((run) => run.firstFrameMs)).toFixed(0),
  ];
  const ratio = (cpuOf(own) / cpuOf(theirs)).toFixed(3);
  return [row('bpftop-ts', own, ratio, `≤ ${barOf(count)}`), row('bpftop', theirs, '', '')];
}

const frames = [['programs', 'frames', 'ms main thread', 'ms CPU', 'bytes', 'RSS MB']];
const starts = [['programs', 'node -e 0', 'first frame', 'ratio', 'first rates', '--json -d 100ms', 'bar']];
const beside = [['programs, tool', 'CPU %', 'of the peer', 'bar', 'bytes/s', 'RSS MB', 'first frame ms']];
for (const count of counts) {
  const load = await startLoad(count);
  try {
    frames.push(await frameRow(count));
    starts.push(await startRow(count));
    if (peer) beside.push(...(await peerRows(count)));
  } finally {
    load.kill();
  }
}
await benchRows(process.argv.length > 2 ? counts : [2000]);
await benchScreen(process.argv.length > 2 ? counts : [200, 2000]);
await benchSampling(process.argv.length > 2 ? counts : [100, 1000, 10_000]);
await benchMaps(process.argv.length > 2 ? counts : [100, 1000]);
await benchSources(process.argv.length > 2 ? counts : [1000]);
await benchJson(process.argv.length > 2 ? counts : [200, 2000]);
await benchServe(process.argv.length > 2 ? counts : [200, 2000]);
benchRecording(process.argv.length > 2 ? counts : [200, 2000]);
await benchKeys(process.argv.length > 2 ? counts : [1000, 10_000]);
if (process.argv.length === 2) await benchOwners();
print('A frame at 160×50, ten a second, every program changing (whole process, totals divided by frames)', frames);
print('From start, ms at 160×50, medians of 7 in turns', starts);
if (peer) print(`Beside bpftop at 120×30, a second, ${peerSeconds} s each in ${peerTurns} turns`, beside);
else console.log('\nSet PEER_BPFTOP to a bpftop binary to have it measured beside.');
// The last: it needs the package's addons, and npm, where the others are to be had without.
if (process.argv.length === 2) await benchPackage();
for (const each of missed) console.log(`\nMissed: ${each}`);
if (missed.length > 0) process.exitCode = 1;
