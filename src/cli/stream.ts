/** Samples as text on stdout: as many as asked for, each over a whole period. */
import {Pace} from '../collectors/pace.js';
import type {Collector} from '../collectors/kernel.js';
import {exitStatus, UserError} from '../errors.js';
import {measure, type Measured} from '../model/measure.js';
import {toJson} from '../output/json.js';
import {selectGroups, selectProgs} from '../model/select.js';
import {toGroupTable, toTable} from '../output/table.js';
import type {Sample} from '../sample/types.js';
import {version} from '../version.js';
import type {WatchOptions} from './options.js';

/**
 * Writes one document or table a period. The first reading is only the beginning of the first period, so that whatever is written
 * has rates.
 * @returns the exit status.
 */
export async function writeSamples(collector: Collector, options: WatchOptions): Promise<number> {
  const iterations = options.iterations ?? 1;
  const json = options.format === 'json';
  const warned = new Set<string>();
  let previous: Sample | null = null;
  let written = 0;
  for await (const sample of collector.samples(new Pace(options.delayMs))) {
    if (previous) {
      const measured = measure(sample, previous);
      const gap = !json && written > 0 ? '\n' : '';
      const text = json ? document(measured, options) : table(measured, options);
      // The JSON document carries its warnings; beside a table they go where they can't be taken for data.
      if (!json) warnOnce(measured, warned);
      if (!(await write(`${gap}${text}\n`))) return exitStatus.done;
      if (++written === iterations) return exitStatus.done;
    }
    previous = sample;
  }
  return exitStatus.done;
}

function document(measured: Measured, options: WatchOptions): string {
  const selection = {...options, own: true};
  const groups = options.grouping && selectGroups(measured.progs, options.grouping, selection);
  const indent = process.stdout.isTTY ? 2 : 0;
  return toJson(measured, selectProgs(measured.progs, selection), groups, {version, indent});
}

function table(measured: Measured, options: WatchOptions): string {
  const {grouping} = options;
  const selection = {...options, own: false};
  if (grouping) return toGroupTable(measured, grouping, selectGroups(measured.progs, grouping, selection));
  return toTable(measured, selectProgs(measured.progs, selection));
}

/** Each thing once: runs missed in another period are another thing. */
function warnOnce({warnings, sourceWarnings}: Measured, warned: Set<string>): void {
  for (const {code, message} of [...warnings, ...sourceWarnings]) {
    if (warned.has(code)) continue;
    if (code !== 'recursion_misses') warned.add(code);
    process.stderr.write(`bpftop-ts: ${message}\n`);
  }
}

// A failed write is told to its callback; without a listener the event would end the process as well.
process.stdout.on('error', () => {});

/**
 * Writes to stdout and waits until it has been taken, so that a slow reader holds us up instead of filling memory.
 * @returns false when the reader has gone away (`| head -1`).
 * @throws UserError when it can't be written.
 */
export async function write(text: string): Promise<boolean> {
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
    process.stdout.write(text, resolve),
  );
  if (!error) return true;
  if (error.code === 'EPIPE') return false;
  throw new UserError(
    `cannot write to stdout: ${error.syscall ?? 'write'}: ${error.code ?? error.message}. Make room there, or write elsewhere.`,
  );
}
