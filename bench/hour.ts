/**
 * An hour of the screen in minutes: made-up samples, a second apart by their own clock, on a terminal that takes everything. A process of
 * its own, `hour.js COUNT SAMPLES [GROUPING]`, which screen.ts bundles as the tool is bundled. Prints an `Hour` as JSON.
 */
import {setImmediate as turn} from 'node:timers/promises';
import {tuneV8} from '../src/cli/v8.js';
import {noFilter} from '../src/model/filter.js';
import {findGrouping} from '../src/model/group.js';
import {measure} from '../src/model/measure.js';
import {initialSort} from '../src/model/sort.js';
import type {Sample} from '../src/sample/types.js';
import {LiveScreen} from '../src/ui/live-screen.js';
import type {Terminal} from '../src/ui/terminal.js';
import {madeUpSamples} from './made-up.js';

/** What was seen. */
export interface Hour {
  /** After each twelfth of it. */
  readonly rssMb: readonly number[];
  /** Of the whole process, making the samples left out, median of the twelfths. */
  readonly cpuMs: number;
  readonly bytes: number;
  /** Of Ink, after its first frame. */
  readonly inkFrames: number;
  /** Of all samples together at the end, when no program runs any more. */
  readonly quietBytes: number;
}

tuneV8();

const parts = 12;
/** Longer than the trend of a row is. */
const settling = 60;
const quiet = 20;

const count = Number(process.argv[2]);
const samples = Number(process.argv[3]);
const grouping = findGrouping(process.argv[4] ?? '') ?? null;

const nextSample = madeUpSamples(count);

let bytes = 0;
const terminal: Terminal = {
  size: {columns: 160, rows: 50},
  busy: false,
  open() {},
  write: (frame) => (bytes += frame.length),
  suspend() {},
  close() {},
};

let inkFrames = 0;
const screen = await new Promise<LiveScreen>((resolve) => {
  const look = {color: 'auto', ascii: false, theme: 'default'} as const;
  const rest = {
    version: '',
    filter: noFilter,
    limit: null,
    chosenColumns: null,
    delayMs: 1000,
    playback: null,
    notice: null,
  };
  const untouched = () => Promise.reject(new Error('no file is to be written'));
  const files = {write: untouched, save: untouched};
  const env = {TERM: 'xterm-256color', LANG: 'C.UTF-8'};
  const opened = new LiveScreen(
    {...rest, files, setDelay() {}, look, sort: initialSort, grouping},
    terminal,
    env,
    async () => {
      const {openChrome} = await import('../src/ui/chrome.js');
      const counted: typeof openChrome = (pipe, props, events) =>
        openChrome(pipe, props, {
          ...events,
          frame(frame) {
            inkFrames++;
            events.frame(frame);
            resolve(opened);
          },
        });
      return {openChrome: counted};
    },
  );
  opened.start();
});

let seconds = 100;
let previous: Sample | null = null;
/** Shows one sample. @returns CPU ms of the whole process while that was done. */
async function show(busy: boolean): Promise<number> {
  const sample = nextSample(++seconds, busy);
  const before = process.cpuUsage();
  screen.update(measure(sample, previous));
  await turn();
  const {user, system} = process.cpuUsage(before);
  previous = sample;
  return (user + system) / 1000;
}

await show(true);
const [firstFrames, firstBytes] = [inkFrames, bytes];
const rssMb: number[] = [];
const cpuMs: number[] = [];
for (let part = 0; part < parts; part++) {
  let used = 0;
  const each = Math.round(samples / parts);
  for (let i = 0; i < each; i++) used += await show(true);
  cpuMs.push(used / each);
  rssMb.push(process.memoryUsage.rss() / 1e6);
}
const perFrame = (bytes - firstBytes) / samples;
for (let i = 0; i < settling; i++) await show(false);
const before = bytes;
for (let i = 0; i < quiet; i++) await show(false);
const result: Hour = {
  rssMb,
  cpuMs: cpuMs.sort((a, b) => a - b)[parts >> 1] ?? NaN,
  bytes: perFrame,
  inkFrames: inkFrames - firstFrames,
  quietBytes: bytes - before,
};
screen.close();
process.stdout.write(JSON.stringify(result), () => process.exit());
