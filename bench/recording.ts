/**
 * What a recording takes: an hour of made-up samples, a second apart by their own clock, every program having run a number of times that
 * nothing foretells. By itself: `npx tsx bench/recording.ts 200`.
 */
import {fileURLToPath} from 'node:url';
import {SampleEncoder} from '../src/sample/codec.js';
import {random} from '../test/helpers/random.js';
import {madeUpSamples} from './made-up.js';
import {print} from './processes.js';

const anHour = 3600;

/** Measures and prints, with that many programs. */
export function benchRecording(counts: readonly number[]): void {
  const table = [['programs', 'MB an hour', 'bar', 'ms CPU a sample', 'bar']];
  for (const count of counts) {
    const nextSample = madeUpSamples(count, random(1));
    const encoder = new SampleEncoder();
    let [bytes, used] = [0, 0];
    for (let second = 1; second <= anHour; second++) {
      const sample = nextSample(second, true);
      const before = process.cpuUsage();
      bytes += encoder.encode(sample).length;
      const {user, system} = process.cpuUsage(before);
      used += (user + system) / 1000;
    }
    const bars = count === 200 ? ['≤ 20', '≤ 2'] : ['', ''];
    table.push([String(count), (bytes / 1e6).toFixed(1), bars[0]!, (used / anHour).toFixed(2), bars[1]!]);
  }
  print('A recording, a sample a second, every program running; the sources looked at every 30 s', table);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) benchRecording(process.argv.slice(2).map(Number));
