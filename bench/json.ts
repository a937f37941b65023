/** What a JSON document costs: made once, as scripts do, and again and again. By itself: `npx tsx bench/json.ts 2000`. */
import {execFileSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {bundleOptions} from '../scripts/bundle.mjs';
import type {JsonOnce} from './json-once.js';
import {environment, median, print} from './processes.js';

const turns = 9;

/** Measures and prints, with that many programs. */
export async function benchJson(counts: readonly number[]): Promise<void> {
  const table = [['programs', 'kB', 'first ms CPU', 'bar', 'later ms CPU', 'bar']];
  const folder = mkdtempSync(join(tmpdir(), 'bpftop-bench-'));
  try {
    const entry = {entryPoints: {once: 'bench/json-once.ts'}, outdir: folder, outExtension: {'.js': '.mjs'}};
    await build({...bundleOptions, ...entry});
    for (const count of counts) {
      const runs = Array.from({length: turns}, () => {
        const words = [join(folder, 'once.mjs'), String(count)];
        return JSON.parse(execFileSync(process.execPath, words, {env: environment(), encoding: 'utf8'})) as JsonOnce;
      });
      const of = (figure: keyof JsonOnce) => median(runs.map((run) => run[figure]));
      const bar = count === 2000 ? '≤ 30' : '';
      table.push([
        ...[String(count), (of('bytes') / 1000).toFixed(0)],
        ...[of('firstMs').toFixed(1), bar, of('laterMs').toFixed(1), bar],
      ]);
    }
  } finally {
    rmSync(folder, {recursive: true});
  }
  print(`Measured programs to JSON, with owners, links, pins and maps (medians of ${turns} processes)`, table);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchJson(process.argv.slice(2).map(Number));
