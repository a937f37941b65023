/**
 * What one reading costs, by the iterator and by the walk, in turns: in the thread that reads, until JavaScript has it, and in system
 * calls. By itself: `npx tsx bench/sampling.ts 1000 10000`.
 */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {loadBpf, type NativeSamplerName} from '../src/addon.js';
import {median, print, startLoad} from './processes.js';

const root = fileURLToPath(new URL('../', import.meta.url));
const names: readonly NativeSamplerName[] = ['iterator', 'walk'];

/**
 * Median µs of a pass in its thread, and as JavaScript waits for it. In turns of ten, so that a slow moment of the machine hits both,
 * and neither begins with the caches that the other one leaves (those of 10 000 programs are larger than a CPU's).
 */
async function passes(): Promise<Record<NativeSamplerName, {inThread: number; awaited: number}>> {
  const {Sampler} = loadBpf();
  const measured = names.map((sampler) => ({
    sampler: new Sampler({enableStats: true, sampler}),
    inThread: [] as number[],
    awaited: [] as number[],
  }));
  for (let turn = 0; turn < 6; turn++)
    for (const {sampler, inThread, awaited} of measured)
      for (let i = 0; i < 12; i++) {
        const began = performance.now();
        const {durationNs} = await sampler.sample();
        if (i < 2) continue;
        awaited.push((performance.now() - began) * 1000);
        inThread.push(durationNs / 1000);
      }
  const [iterator, walk] = measured.map(({sampler, inThread, awaited}) => {
    sampler.close();
    return {inThread: median(inThread), awaited: median(awaited)};
  }) as [{inThread: number; awaited: number}, {inThread: number; awaited: number}];
  return {iterator, walk};
}

/** native/core with sampling.cc: what only core can be asked for. */
class CoreBench {
  readonly #folder = mkdtempSync(join(tmpdir(), 'bpftop-bench-'));
  readonly #binary = join(this.#folder, 'sampling');

  constructor() {
    const core = readdirSync(join(root, 'native/core')).filter((file) => file.endsWith('.cc'));
    const sources = [join(root, 'bench/sampling.cc'), ...core.map((file) => join(root, 'native/core', file))];
    const flags = ['-std=c++20', '-O2', '-fno-rtti', '-fno-exceptions', '-I', join(root, 'native')];
    const {status} = spawnSync(process.env['CXX'] ?? 'c++', [...flags, ...sources, '-o', this.#binary], {stdio: 'inherit'});
    if (status !== 0) throw new Error('native/core could not be compiled');
  }

  /** [median µs of a pass, µs to open]; null where this kernel can't. */
  run(...words: readonly (string | number)[]): number[] | null {
    const {status, stdout} = spawnSync(this.#binary, words.map(String), {encoding: 'utf8'});
    return status === 0 ? stdout.split(' ').map(Number) : null;
  }

  /** System calls of a pass: those of 20 passes less those of 10; null without strace. */
  systemCalls(kind: string): number | null {
    const log = join(this.#folder, 'strace');
    const counts = [10, 20].map((passes) => {
      const {status} = spawnSync('strace', ['-o', log, this.#binary, kind, '0', String(passes)]);
      return status === 0 ? readFileSync(log, 'utf8').split('\n').length : NaN;
    }) as [number, number];
    const calls = (counts[1] - counts[0]) / 10;
    return Number.isNaN(calls) ? null : calls;
  }

  close(): void {
    rmSync(this.#folder, {recursive: true});
  }
}

const figure = (value: number | null | undefined, digits = 0) => value?.toFixed(digits) ?? '-';

/** Measures and prints, with that many idle programs loaded. */
export async function benchSampling(counts: readonly number[]): Promise<void> {
  const core = new CoreBench();
  const table = [
    ['programs', 'iterator', 'walk', 'ratio', 'awaited', 'walk', 'ratio', 'bar', 'system calls', 'bar', 'walk'],
  ];
  const ways = [['programs', 'cast', 'probe', 'cast, 128 CPUs', 'bar', 'probe, 128 CPUs', 'open, cast', 'open, probe']];
  try {
    for (const count of counts) {
      const load = await startLoad(count, 'idle');
      try {
        const {iterator, walk} = await passes();
        table.push([
          String(count),
          ...[iterator.inThread, walk.inThread].map((us) => figure(us)),
          `${figure(walk.inThread / iterator.inThread, 1)}×`,
          ...[iterator.awaited, walk.awaited].map((us) => figure(us)),
          `${figure(walk.awaited / iterator.awaited, 1)}×`,
          count >= 10_000 ? '≥ 10×' : count >= 1000 ? '≥ 12×' : '',
          figure(core.systemCalls('cast')),
          count === 1000 ? '≤ 6' : '',
          figure(core.systemCalls('walk')),
        ]);
        const [cast, probe, cast128, probe128] = [0, 128].flatMap((cpus) =>
          ['cast', 'probe'].map((kind) => core.run(kind, cpus, 100)),
        );
        const bar = count === 1000 ? '≤ 800' : '';
        const times = (each: readonly (number[] | null | undefined)[], at: number) => each.map((run) => figure(run?.[at]));
        ways.push([
          String(count),
          ...times([cast, probe, cast128], 0),
          bar,
          ...times([probe128], 0),
          ...times([cast, probe], 1),
        ]);
      } finally {
        load.kill();
      }
    }
  } finally {
    core.close();
  }
  print('A reading, µs in its thread, and µs until JavaScript has it (the addon alone, medians of 60)', table);
  print('The iterator without Node, µs a pass, by the two ways to read (medians of 100)', ways);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchSampling(process.argv.slice(2).map(Number));
