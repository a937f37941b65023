/**
 * What finding the owners costs, by the iterator over open files and by /proc/PID/fd, in turns. By itself: `npx tsx bench/owners.ts`.
 */
import {type ChildProcess, spawn} from 'node:child_process';
import {closeSync, openSync} from 'node:fs';
import {once} from 'node:events';
import {fileURLToPath} from 'node:url';
import {loadBpf, openHolders} from '../src/addon.js';
import {progsByMap, readHolders} from '../src/collectors/holders.js';
import {median, print, startLoad} from './processes.js';

const processes = 500;
const fdsOfEach = 100;
const programs = 1000;

/** Processes that have so many fds open, and wait for their end, which comes with this process's at the latest. */
async function startProcesses(): Promise<ChildProcess[]> {
  const nothing = openSync('/dev/null', 'r');
  const children: ChildProcess[] = [];
  for (let i = 0; i < processes; i++) {
    const fds = Array.from({length: fdsOfEach - 1}, () => nothing);
    children.push(spawn('cat', {stdio: ['pipe', ...fds]}));
  }
  await Promise.all(children.map((child) => once(child, 'spawn')));
  closeSync(nothing);
  return children;
}

/** Measures and prints, with those processes running and those programs loaded by another one. */
export async function benchOwners(): Promise<void> {
  const load = await startLoad(programs, 'idle');
  const children = await startProcesses();
  const files = openHolders();
  const sampler = new (loadBpf().Sampler)({enableStats: false});
  try {
    const {appeared} = await sampler.sample();
    const progsOfMap = progsByMap(appeared);
    const ways: readonly {readonly name: string; readonly bar: string; readonly read: () => Promise<unknown>}[] = [
      {name: 'iterator alone', bar: '', read: () => files.read()},
      {name: 'iterator, then who they are', bar: '≤ 20', read: () => readHolders({files, progsOfMap})},
      {name: '/proc/PID/fd', bar: '', read: () => readHolders({progsOfMap})},
    ];
    const began = performance.now();
    const refused = await files.read().then(
      () => null,
      (error: Error) => error.message,
    );
    const firstMs = performance.now() - began;
    const took = ways.map(() => ({ms: [] as number[], cpuMs: [] as number[]}));
    for (let turn = 0; turn < 10; turn++)
      for (const [i, {read}] of ways.entries()) {
        const [from, cpuFrom] = [performance.now(), process.cpuUsage()];
        await read().catch(() => undefined);
        const {user, system} = process.cpuUsage(cpuFrom);
        took[i]!.ms.push(performance.now() - from);
        took[i]!.cpuMs.push((user + system) / 1000);
      }
    const table = [['', 'ms', 'bar', 'least', 'ms CPU', 'of /proc']];
    const scan = median(took.at(-1)!.cpuMs);
    for (const [i, {name, bar}] of ways.entries()) {
      const {ms, cpuMs} = took[i]!;
      const [typical, ...figures] = [median(ms), Math.min(...ms), median(cpuMs)].map((each) => each.toFixed(1));
      const ratio = `1/${(scan / median(cpuMs)).toFixed(0)}`;
      table.push([name, ...(refused !== null && i < 2 ? ['-', bar, '-', '-', '-'] : [typical!, bar, ...figures, ratio])]);
    }
    print(
      `Owners of ${programs} programs: ${processes} processes with ${fdsOfEach} fds each, medians of 10 in turns; ${
        refused ?? `${firstMs.toFixed(0)} ms the first time`
      }`,
      table,
    );
  } finally {
    files.close();
    sampler.close();
    for (const child of children) child.stdin?.destroy();
    for (const child of children) if (child.exitCode === null) await once(child, 'exit');
    load.kill();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchOwners();
