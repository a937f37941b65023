/**
 * Whether the slow sources hold up the counters: readings while all of them look, beside readings without any. By itself:
 * `npx tsx bench/sources.ts 1000`.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {KernelCollector} from '../src/collectors/kernel.js';
import {type SourceName, sourceNames} from '../src/sample/sources.js';
import type {Sample} from '../src/sample/types.js';
import {median, print, startLoad} from './processes.js';

const turns = 10;
const beatMs = 5;

/** Readings one after the other, until every source has told of what it saw, or as many as that took in the turn before. */
async function readings(sources: readonly SourceName[], count: number): Promise<{ms: number[]; last: Sample}> {
  const collector = new KernelCollector({enableStats: false, sources});
  const ms: number[] = [];
  try {
    // Loads the iterator.
    let last = await collector.sample();
    while (sources.length > 0 ? sources.some((name) => !last.progs.sources[name]) : ms.length < count) {
      const began = performance.now();
      last = await collector.sample();
      ms.push(performance.now() - began);
      await sleep(beatMs);
    }
    return {ms, last};
  } finally {
    collector.close();
  }
}

/** Measures and prints, with that many programs. */
export async function benchSources(counts: readonly number[]): Promise<void> {
  const table = [['programs', 'without ms', 'while they look ms', 'ratio', 'longest', 'longest']];
  const looks = [['programs', ...sourceNames.map((name) => `${name} ms`)]];
  for (const count of counts) {
    const load = await startLoad(count, 'idle');
    try {
      const without: number[] = [];
      const looking: number[] = [];
      const took = sourceNames.map(() => [] as number[]);
      for (let turn = 0; turn < turns; turn++) {
        const {ms, last} = await readings(sourceNames, 0);
        looking.push(...ms);
        sourceNames.forEach((name, i) => took[i]?.push((last.progs.sources[name]?.durationNs ?? NaN) / 1e6));
        without.push(...(await readings([], ms.length)).ms);
      }
      const [off, on] = [median(without), median(looking)];
      const longest = [Math.max(...without), Math.max(...looking)].map((each) => each.toFixed(1));
      table.push([String(count), off.toFixed(2), on.toFixed(2), (on / off).toFixed(2), ...longest]);
      looks.push([String(count), ...took.map((each) => median(each).toFixed(0))]);
    } finally {
      load.kill();
    }
  }
  print(`A reading with and without slow sources looking, until JavaScript has it (medians of ${turns} turns)`, table);
  print('The first look of each slow source, all at once', looks);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchSources(process.argv.slice(2).map(Number));
