/**
 * Bytes a changed row, as the tool writes them to a terminal: what stands between two moves to a row is that row's, and by the ids on it
 * before and after it stayed or another program came to it. By itself: `npx tsx bench/rows.ts 2000`.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {spawn as spawnPty} from '@lydell/node-pty';
import xterm from '@xterm/headless';
import {environment, print, startLoad, toolPath} from './processes.js';

const [cols, rows] = [160, 50];
const warmUpMs = 4000;
const seconds = 15;
const begin = '\x1b[?2026h';
const end = '\x1b[?2026l';

interface Cost {
  rows: number;
  bytes: number;
}

/** Every frame of the tool at ten a second, row by row. */
async function watch(): Promise<{stayed: Cost; moved: Cost; rest: Cost}> {
  const terminal = new xterm.Terminal({cols, rows, allowProposedApi: true});
  const child = spawnPty(process.execPath, [toolPath, '-d', '100ms'], {cols, rows, env: environment()});
  const over = new Promise<void>((resolve) => child.onExit(() => resolve()));
  let pending = '';
  const frames: string[] = [];
  child.onData((data) => {
    const parts = (pending + data).split(end);
    pending = parts.pop() as string;
    frames.push(...parts.map((part) => part + end));
  });
  await sleep(warmUpMs);
  const first = frames.length;
  await sleep(seconds * 1000);
  child.kill('SIGTERM');
  await over;

  const [stayed, moved, rest] = [0, 0, 0].map((): Cost => ({rows: 0, bytes: 0})) as [Cost, Cost, Cost];
  const idOf = (y: number) => /^\D{0,2}\s*(\d+) /.exec(terminal.buffer.active.getLine(y)?.translateToString() ?? '')?.[1];
  const ids = () => Array.from({length: rows}, (_, y) => idOf(y));
  for (const [i, frame] of frames.entries()) {
    const before = ids();
    await new Promise<void>((resolve) => terminal.write(frame, resolve));
    if (i < first) continue;
    const after = ids();
    const written = new Map<number, number>();
    let y = -1;
    for (const part of frame.slice(frame.indexOf(begin)).split(/(?=\x1b\[\d+(?:;\d+)?H)/)) {
      const to = /^\x1b\[(\d+)/.exec(part)?.[1];
      if (to !== undefined) y = Number(to) - 1;
      written.set(y, (written.get(y) ?? 0) + Buffer.byteLength(part));
    }
    rest.rows++;
    for (const [at, bytes] of written) {
      const cost = after[at] === undefined ? rest : after[at] === before[at] ? stayed : moved;
      cost.bytes += bytes;
      if (cost !== rest) cost.rows++;
    }
  }
  return {stayed, moved, rest};
}

/** Measures and prints, with that many busy programs. */
export async function benchRows(counts: readonly number[]): Promise<void> {
  const table = [['programs', 'rows a frame', 'in place', 'bar', 'moved', 'bar', 'rest of a frame', 'bar']];
  for (const count of counts) {
    const load = await startLoad(count);
    try {
      const {stayed, moved, rest} = await watch();
      const each = ({bytes, rows: n}: Cost) => (n === 0 ? '-' : (bytes / n).toFixed(0));
      const changed = ((stayed.rows + moved.rows) / rest.rows).toFixed(0);
      table.push([
        String(count),
        changed,
        each(stayed),
        '≤ 80',
        each(moved),
        moved.rows === 0 ? '' : '≤ 150',
        each(rest),
        '≤ 200',
      ]);
    } finally {
      load.kill();
    }
  }
  print(`Bytes a changed row at ${cols}×${rows}, ten frames a second, every program changing`, table);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchRows(process.argv.slice(2).map(Number));
