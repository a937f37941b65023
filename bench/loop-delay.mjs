// For `node --import`: the longest stretches that the event loop's thread was busy without a break, from LOOP_DELAY_AFTER ms on, into the
// file LOOP_DELAY_FILE. A timer looks every millisecond; what the thread used of a CPU from one look to the next is what held the loop
// up, whatever else wants this machine's CPUs. (The kernel counts it up to date at each switch and tick, so it is true to a tick.)
import {closeSync, openSync, readSync, writeFileSync} from 'node:fs';

const buffer = Buffer.alloc(64);
const stat = openSync('/proc/thread-self/schedstat', 'r');
const usedMs = () => parseInt(buffer.latin1Slice(0, readSync(stat, buffer, 0, buffer.length, 0)), 10) / 1e6;

const busy = [];
const late = [];
setTimeout(() => {
  let at = performance.now();
  let used = usedMs();
  setInterval(() => {
    const now = performance.now();
    const usedNow = usedMs();
    late.push(now - at);
    busy.push(usedNow - used);
    at = now;
    used = usedNow;
  }, 1).unref();
}, Number(process.env.LOOP_DELAY_AFTER)).unref();

process.on('exit', () => {
  closeSync(stat);
  const quantiles = (values) => {
    const sorted = Float64Array.from(values).sort();
    return {p99: sorted[Math.floor(sorted.length * 0.99)], worst: sorted.at(-1)};
  };
  writeFileSync(process.env.LOOP_DELAY_FILE, JSON.stringify({busy: quantiles(busy), late: quantiles(late)}));
});
