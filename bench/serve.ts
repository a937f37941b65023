/**
 * What the exporter costs: a reading with its text, a scrape of what is there already, fifty at once, nothing at all; and its memory over
 * 10 000 scrapes.
 * By itself: `npx tsx bench/serve.ts 2000`.
 */
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {Agent, get} from 'node:http';
import {createInterface} from 'node:readline';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {cpuNs, environment, median, print, startLoad, sumOf, tool} from './processes.js';

const scrapes = 10_000;
const parts = 4;
const atOnce = 50;
const idleSeconds = 10;
/** What an exporter may use that nobody asks: a thousandth of a CPU. */
const mostIdleMs = 1;
/** What its memory may grow by from the first part of the scrapes to the last, MB: what the collector of garbage lets lie. */
const mostGrownMb = 10;

async function serve(maxAge: string) {
  const [node, ...words] = tool as [string, ...string[]];
  const exporter = spawn(node, [...words, 'serve', '--listen', '127.0.0.1:0', '--max-age', maxAge], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: environment(),
  });
  const {value} = (await createInterface(exporter.stderr)[Symbol.asyncIterator]().next()) as {value: string};
  const [url] = /http:\S+\/metrics/.exec(value) ?? [];
  const pid = exporter.pid as number;
  const agent = new Agent({keepAlive: true});
  const scrape = () =>
    new Promise<string>((resolve, reject) => {
      get(url as string, {agent}, (response) => {
        const hash = createHash('sha256');
        response.on('data', (part: Buffer) => hash.update(part)).on('end', () => resolve(hash.digest('hex')));
      }).on('error', reject);
    });
  return {
    scrape,
    cpuMs: () => sumOf(cpuNs(pid).values()) / 1e6,
    rssMb: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024,
    end: () => {
      agent.destroy();
      exporter.kill();
    },
  };
}

/** ms of CPU that each of `times` scrapes takes. */
async function cpuOf({scrape, cpuMs}: Awaited<ReturnType<typeof serve>>, times: number): Promise<number> {
  const before = cpuMs();
  for (let i = 0; i < times; i++) await scrape();
  return (cpuMs() - before) / times;
}

/** ms of CPU in a second that nobody asks: the median of some, for V8 tidies up once after many scrapes, some 100 ms. */
async function idleMs({cpuMs}: Awaited<ReturnType<typeof serve>>): Promise<number> {
  const seconds: number[] = [];
  while (seconds.length < idleSeconds) {
    const before = cpuMs();
    await sleep(1000);
    seconds.push(cpuMs() - before);
  }
  return median(seconds);
}

/** Measures and prints, with that many programs. */
export async function benchServe(counts: readonly number[]): Promise<void> {
  const readings = [
    ['programs', 'with reading', 'bar', 'without', `${atOnce} at once`, 'bodies', 'bar', 'a second idle', 'bar'],
  ];
  const memory = [
    [
      'programs',
      'RSS MB',
      ...Array.from({length: parts}, (_, i) => `${((i + 1) * scrapes) / parts}`),
      'since the first',
      'bar',
    ],
  ];
  for (const count of counts) {
    const load = await startLoad(count, 'idle');
    const fresh = await serve('0');
    const kept = await serve('5m');
    const aged = await serve(`${idleSeconds}s`);
    const usual = await serve('100ms');
    try {
      await cpuOf(fresh, 50);
      const withReading = await cpuOf(fresh, 100);
      await cpuOf(kept, 50);
      await aged.scrape();
      const without = await cpuOf(kept, 100);
      const idle = await idleMs(kept);
      // Its first page has been made, and has grown old by now.
      const asked = aged.cpuMs();
      const bodies = new Set(await Promise.all(Array.from({length: atOnce}, aged.scrape)));
      const together = aged.cpuMs() - asked;
      readings.push([
        ...[String(count), withReading.toFixed(1), count === 2000 ? '≤ 60' : '', without.toFixed(2)],
        ...[together.toFixed(1), String(bodies.size), '1', idle.toFixed(2), `≤ ${mostIdleMs}`],
      ]);
      await cpuOf(usual, scrapes / 20);
      const rss = [usual.rssMb()];
      for (let part = 0; part < parts; part++) {
        await cpuOf(usual, scrapes / parts);
        rss.push(usual.rssMb());
      }
      const grown = (rss.at(-1) ?? NaN) - (rss[1] ?? NaN);
      memory.push([String(count), ...rss.map((mb) => mb.toFixed(0)), grown.toFixed(1), `≤ ${mostGrownMb}`]);
    } finally {
      fresh.end();
      kept.end();
      aged.end();
      usual.end();
      load.kill();
    }
  }
  print('The exporter: CPU of its process for a scrape, of all threads, ms', readings);
  print('Its memory, with a reading each 100 ms, after so many scrapes', memory);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchServe(process.argv.slice(2).map(Number));
