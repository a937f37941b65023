/**
 * The JSON document of made-up programs as a script has it made: once, by a process of its own. `json-once.js COUNT`, which json.ts bundles as
 * the tool is bundled. Prints a `JsonOnce` as JSON.
 */
import {readFileSync} from 'node:fs';
import {measure} from '../src/model/measure.js';
import {toJson} from '../src/output/json.js';
import {madeUpSamples} from './made-up.js';

/** What was seen. */
export interface JsonOnce {
  readonly bytes: number;
  /** CPU of the thread, of the first document. */
  readonly firstMs: number;
  /** Of those after it, the median. */
  readonly laterMs: number;
}

const later = 20;

/** CPU of this thread: the first number of schedstat, to the nanosecond. */
const cpuMs = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;

const nextSample = madeUpSamples(Number(process.argv[2]));
let previous = nextSample(100, true);
let bytes = 0;
const took = Array.from({length: 1 + later}, (_, i) => {
  const sample = nextSample(101 + i, true);
  const measured = measure(sample, previous);
  previous = sample;
  const began = cpuMs();
  bytes = Buffer.byteLength(toJson(measured, measured.progs, null, {version: '1', indent: 0}));
  return cpuMs() - began;
});
const [firstMs = NaN, ...rest] = took;
const result: JsonOnce = {bytes, firstMs, laterMs: rest.sort((a, b) => a - b)[later >> 1] ?? NaN};
console.log(JSON.stringify(result));
