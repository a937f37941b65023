/** What a look at maps costs, which happens every thirty seconds and off the main thread. By itself: `npx tsx bench/maps.ts 1000`. */
import {fileURLToPath} from 'node:url';
import {loadMapReading, loadTestbed, type TestMapSpec} from '../src/addon.js';
import {median, print} from './processes.js';

/** The most that a program may refer to (MAX_USED_MAPS). */
const mapsOfOne = 64;

/** Measures and prints, with that many hash maps beside those of the host. */
export async function benchMaps(counts: readonly number[]): Promise<void> {
  const table = [['maps', 'first look ms', 'look ms', 'µs a map']];
  for (const count of counts) {
    const maps = Array.from({length: mapsOfOne}, (_, i): TestMapSpec => ({
      name: `bench_${i}`,
      type: 'hash',
      maxEntries: 100,
    }));
    const progs = [];
    for (let left = count; left > 0; left -= mapsOfOne)
      progs.push(loadTestbed().load({type: 'xdp', maps: maps.slice(0, left)}));
    const reader = new (loadMapReading().MapReader)();
    const looks: number[] = [];
    for (let i = 0; i < 31; i++) {
      const began = performance.now();
      await reader.read();
      looks.push(performance.now() - began);
    }
    const [first = NaN, ...rest] = looks;
    table.push([String(count), first.toFixed(1), median(rest).toFixed(1), ((median(rest) * 1000) / count).toFixed(1)]);
    reader.close();
    for (const prog of progs) prog.close();
  }
  print('A look at maps, until JavaScript has it (medians of 30; the first loads what counts elements)', table);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchMaps(process.argv.slice(2).map(Number));
