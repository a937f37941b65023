/**
 * How long a key waits while thousands of programs are sampled many times a second: from its byte to the first byte of what it does on
 * the screen, and how long the thread that keys are read in was held up. By itself: `npx tsx bench/keys.ts 1000 10000`.
 */
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {spawn as spawnPty} from '@lydell/node-pty';
import {environment, median, print, startLoad, toolPath} from './processes.js';

const presses = 100;
const warmUpMs = 4000;
/** Long enough for the past to be full at 600 samples, and thinned more than once: the most that a sample ever does. */
const quietMs = 45_000;

/** A key, what it brings that no sample does, and what undoes it. */
const keys = [
  {name: 'repaint', key: '\x0c', brings: '\x1b[2J', undo: ''},
  {name: 'help', key: '?', brings: 'page', undo: '?'},
] as const;

/** What loop-delay.mjs writes: between two looks, time on a CPU, and time that passed. */
interface Loop {
  readonly busy: {readonly p99: number; readonly worst: number};
  readonly late: {readonly worst: number};
}

/** The tool at that pace, untouched for a while, then with keys pressed at random moments. */
async function pressKeys(delayMs: number): Promise<{loop: Loop; waits: number[][]}> {
  const folder = mkdtempSync(join(tmpdir(), 'bpftop-bench-'));
  const start = (env: Record<string, string>, preload: readonly string[]) =>
    spawnPty(process.execPath, [...preload, toolPath, '-d', `${delayMs}ms`], {
      cols: 120,
      rows: 30,
      env: {...environment(), ...env},
    });
  try {
    const file = join(folder, 'loop.json');
    const preload = ['--import', new URL('loop-delay.mjs', import.meta.url).href];
    const quiet = start({LOOP_DELAY_FILE: file, LOOP_DELAY_AFTER: String(warmUpMs)}, preload);
    const over = new Promise<void>((resolve) => quiet.onExit(() => resolve()));
    await sleep(warmUpMs + quietMs);
    quiet.kill('SIGTERM');
    await over;
    const loop = JSON.parse(readFileSync(file, 'utf8')) as Loop;

    const pressed = start({}, []);
    let heard: (data: string) => void = () => {};
    pressed.onData((data) => heard(data));
    await sleep(warmUpMs);
    const waits: number[][] = [];
    for (const {name, key, brings, undo} of keys) {
      const each: number[] = [];
      for (let i = 0; i < presses; i++) {
        await sleep(50 + Math.random() * 2 * delayMs);
        const shown = new Promise<void>((resolve) => (heard = (data) => data.includes(brings) && resolve()));
        const began = performance.now();
        pressed.write(key);
        await Promise.race([shown, sleep(5000).then(() => Promise.reject(new Error(`${name} shows nothing`)))]);
        each.push(performance.now() - began);
        if (undo) pressed.write(undo);
      }
      waits.push(each);
    }
    pressed.kill('SIGTERM');
    return {loop, waits};
  } finally {
    rmSync(folder, {recursive: true});
  }
}

/** Measures and prints, with that many busy programs loaded. */
export async function benchKeys(counts: readonly number[]): Promise<void> {
  const words = keys.flatMap(({name}) => [`${name}, median`, '95 %', 'bar', 'worst']);
  const table = [['programs, delay', ...words, 'loop busy, 99 %', 'worst', 'bar', 'late, worst']];
  for (const count of counts) {
    const delayMs = count > 1000 ? 100 : 50;
    const load = await startLoad(count);
    try {
      const {loop, waits} = await pressKeys(delayMs);
      const ms = (value: number) => value.toFixed(1);
      const pressed = waits.flatMap((each) => {
        const sorted = Float64Array.from(each).sort();
        return [ms(median(each)), ms(sorted[Math.floor(sorted.length * 0.95)] ?? NaN), '≤ 30', ms(sorted.at(-1) ?? NaN)];
      });
      const cells = [...pressed, ms(loop.busy.p99), ms(loop.busy.worst), '≤ 16', ms(loop.late.worst)];
      table.push([`${count}, ${delayMs} ms`, ...cells]);
    } finally {
      load.kill();
    }
  }
  print(
    'How long a key waits, ms; worst of 100. Only "busy" is ours alone: in the rest is what else runs on this machine',
    table,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchKeys(process.argv.slice(2).map(Number));
