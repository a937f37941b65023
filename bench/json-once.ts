/**
 * The JSON document of made-up programs as a script has it made: once, by a process of its own. `json-once.js COUNT`, which json.ts bundles as
 * the tool is bundled. Prints a `JsonOnce` as JSON.
 */
import {measure} from '../src/model/measure.js';
import {toJson} from '../src/output/json.js';
import {madeUpSamples} from './made-up.js';

/** What was seen. */
export interface JsonOnce {
  readonly bytes: number;
  /** Of the first document. */
  readonly firstMs: number;
  /** Of those after it, the median. */
  readonly laterMs: number;
}

const later = 20;

const nextSample = madeUpSamples(Number(process.argv[2]));
let previous = nextSample(100, true);
let bytes = 0;
const took = Array.from({length: 1 + later}, (_, i) => {
  const sample = nextSample(101 + i, true);
  const measured = measure(sample, previous);
  previous = sample;
  const began = performance.now();
  bytes = Buffer.byteLength(toJson(measured, measured.progs, null, {version: '1', indent: 0}));
  return performance.now() - began;
});
const [firstMs = NaN, ...rest] = took;
const result: JsonOnce = {bytes, firstMs, laterMs: rest.sort((a, b) => a - b)[later >> 1] ?? NaN};
console.log(JSON.stringify(result));
