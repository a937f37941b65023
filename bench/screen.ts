/**
 * What the screen costs by itself: an hour's worth of samples in a process of its own (hour.ts), bundled as the tool is. By itself:
 * `npx tsx bench/screen.ts 200 2000`.
 */
import {execFile} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {promisify} from 'node:util';
import {build} from 'esbuild';
import {bundleOptions} from '../scripts/bundle.mjs';
import type {Hour} from './hour.js';
import {environment, print} from './processes.js';

const anHour = 3600;

/** Measures and prints, with that many programs, by themselves and each in a group of its own. */
export async function benchScreen(counts: readonly number[]): Promise<void> {
  const heading = ['programs', 'ms CPU', 'bar', 'bytes', 'Ink drew', 'bar', 'bytes when nothing runs', 'bar'];
  const table = [[...heading, 'RSS MB at 5 min', '30 min', '60 min', 'bar']];
  const folder = mkdtempSync(join(tmpdir(), 'bpftop-bench-'));
  try {
    await build({...bundleOptions, entryPoints: {hour: 'bench/hour.ts'}, outdir: folder, outExtension: {'.js': '.mjs'}});
    for (const count of counts)
      for (const grouping of ['', 'attached']) {
        const words = [join(folder, 'hour.mjs'), String(count), String(anHour), grouping];
        const {stdout} = await promisify(execFile)(process.execPath, words, {env: environment()});
        const {rssMb, cpuMs, bytes, inkFrames, quietBytes} = JSON.parse(stdout) as Hour;
        const rss = [rssMb[0], rssMb[rssMb.length / 2 - 1], rssMb.at(-1)].map((mb) => mb?.toFixed(0) ?? '-');
        const frame = [cpuMs.toFixed(2), count === 2000 ? '≤ 8' : '', bytes.toFixed(0)];
        const name = grouping ? `${count} in groups of one` : String(count);
        table.push([name, ...frame, String(inkFrames), '0', String(quietBytes), '0', ...rss, count === 2000 ? '≤ 120' : '']);
      }
  } finally {
    rmSync(folder, {recursive: true});
  }
  print(
    'A frame at 160×50 without the kernel, every program changing, and an hour of them at once (measuring to bytes)',
    table,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchScreen(process.argv.slice(2).map(Number));
