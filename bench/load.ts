/**
 * Loads programs and keeps all of them busy, as a process of its own: `load.ts COUNT`. Prints "ready", and goes on until it is killed.
 * `load.ts COUNT idle` runs each of them once, and no more.
 * Each program runs a different number of times each beat, so that every row of a screen has something new.
 */
import {loadTestbed} from '../src/addon.js';

const count = Number(process.argv[2]);
const idle = process.argv[3] === 'idle';
const testbed = loadTestbed();
const progs = Array.from({length: count}, (_, i) =>
  testbed.load({type: i % 2 ? 'sched_cls' : 'xdp', name: `bench_${i}`, loops: i % 50}),
);
if (idle) {
  progs.forEach((prog) => prog.run(1));
  setInterval(() => {}, 1_000_000);
} else {
  let beat = 0;
  setInterval(() => {
    beat++;
    progs.forEach((prog, i) => prog.run(1 + ((i * 7 + beat * 3) % 23)));
  }, 100);
}
console.log('ready');
