/** What the benchmarks measure of whole processes: how long they live, what they use, what they send to a terminal. */
import {type ChildProcess, spawn} from 'node:child_process';
import {readdirSync, readFileSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {spawn as spawnPty} from '@lydell/node-pty';
import xterm from '@xterm/headless';

export const toolPath = fileURLToPath(new URL('../bin/bpftop-ts.js', import.meta.url));
export const tool = [process.execPath, toolPath];

/** The environment of a person at a terminal, not of a test runner. */
export function environment(): NodeJS.ProcessEnv {
  const {CI: _, NODE_OPTIONS: __, ...env} = process.env;
  return {...env, TERM: 'xterm-256color'};
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Whether a figure is as its bar wants it: `≤ 6`, `≥ 12×`, or the number itself. Without a bar it is; where it isn't known it is not. */
export function meets(figure: string, bar: string): boolean {
  if (bar === '') return true;
  const [value, wanted] = [parseFloat(figure), parseFloat(bar.replace(/^[≤≥] /, ''))];
  return bar.startsWith('≤') ? value <= wanted : bar.startsWith('≥') ? value >= wanted : value === wanted;
}

/** What was printed and doesn't meet its bar. */
export const missed: string[] = [];

/** Prints a table whose first row is its heading. A column called `bar` is of the one before it. */
export function print(title: string, rows: readonly (readonly string[])[]): void {
  const [heading = [], ...body] = rows;
  for (const row of body)
    for (const [i, bar] of row.entries())
      if (heading[i] === 'bar' && !meets(row[i - 1] as string, bar))
        missed.push(`${title}: ${row[0]}, ${heading[i - 1]}: ${row[i - 1]}, not ${bar}`);
  console.log(`\n${title}`);
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  for (const row of rows)
    console.log(
      `  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  ')}`,
    );
}

/** Starts `count` programs in a process of their own, busy or idle. */
export async function startLoad(count: number, kind: 'busy' | 'idle' = 'busy'): Promise<ChildProcess> {
  const loader = fileURLToPath(new URL('load.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', loader, String(count), kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error('the load ended')));
  });
  return child;
}

/** Runs a command to its end. @returns ms. */
export async function timeOf(command: readonly string[]): Promise<number> {
  const began = performance.now();
  const child = spawn(command[0] as string, command.slice(1), {stdio: 'ignore', env: environment()});
  await new Promise((resolve) => child.on('exit', resolve));
  return performance.now() - began;
}

/** Time on a CPU, ns, by thread id: the first number of schedstat, to the nanosecond. */
export function cpuNs(pid: number): Map<number, number> {
  const used = new Map<number, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const [ns] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    used.set(Number(thread), Number(ns));
  }
  return used;
}

export function sumOf(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

export interface TerminalRun {
  /** From its start until the first thing was on the screen. */
  readonly firstFrameMs: number;
  /** Until `rates` matched the text on the screen; null if it never did. */
  readonly firstRatesMs: number | null;
  /** Then, over the measured time: */
  readonly seconds: number;
  readonly bytes: number;
  /** Synchronized updates begun (DECSET 2026). */
  readonly frames: number;
  readonly cpuMs: number;
  /** Of the first thread alone. */
  readonly mainThreadMs: number;
  readonly rssMb: number;
}

export interface TerminalOptions {
  readonly cols: number;
  readonly rows: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** What on the screen tells that rates are there. */
  readonly rates: RegExp;
}

/** Runs a terminal program as a person would see it, behind an emulator. */
export async function runInTerminal(command: readonly string[], options: TerminalOptions): Promise<TerminalRun> {
  const {cols, rows} = options;
  const terminal = new xterm.Terminal({cols, rows, allowProposedApi: true});
  const began = performance.now();
  const child = spawnPty(command[0] as string, command.slice(1), {cols, rows, env: environment()});
  let firstFrameMs = NaN;
  let firstRatesMs: number | null = null;
  let bytes = 0;
  let frames = 0;
  child.onData((data) => {
    const at = performance.now() - began;
    bytes += Buffer.byteLength(data);
    frames += data.split('\u001b[?2026h').length - 1;
    if (firstRatesMs !== null) return;
    terminal.write(data, () => {
      const text = screenText(terminal);
      if (Number.isNaN(firstFrameMs) && text.trim() !== '') firstFrameMs = at;
      if (options.rates.test(text)) firstRatesMs ??= at;
    });
  });
  const ended = new Promise<void>((resolve) => child.onExit(() => resolve()));
  await sleep(options.warmUpSeconds * 1000);
  const before = {at: performance.now(), bytes, frames, cpu: cpuNs(child.pid)};
  await sleep(options.seconds * 1000);
  const cpu = cpuNs(child.pid);
  const pages = Number(readFileSync(`/proc/${child.pid}/statm`, 'utf8').split(' ')[1]);
  const result = {
    firstFrameMs,
    firstRatesMs,
    seconds: (performance.now() - before.at) / 1000,
    bytes: bytes - before.bytes,
    frames: frames - before.frames,
    cpuMs: (sumOf(cpu.values()) - sumOf(before.cpu.values())) / 1e6,
    mainThreadMs: ((cpu.get(child.pid) ?? 0) - (before.cpu.get(child.pid) ?? 0)) / 1e6,
    rssMb: (pages * 4096) / 1e6,
  };
  // As when the terminal goes: unshare(1) takes no SIGTERM.
  child.kill('SIGHUP');
  await ended;
  return result;
}

function screenText(terminal: xterm.Terminal): string {
  const {active} = terminal.buffer;
  return Array.from(
    {length: terminal.rows},
    (_, y) => active.getLine(active.viewportY + y)?.translateToString(true) ?? '',
  ).join('\n');
}
