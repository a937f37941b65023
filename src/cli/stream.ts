/** Samples as text on stdout: as many as asked for, each over a whole period. */
import {Pace} from '../collectors/pace.js';
import type {Collector} from '../collectors/kernel.js';
import {exitStatus, UserError} from '../errors.js';
import {measure, type Measured, type MeasuredProg} from '../model/measure.js';
import {csvHeader, groupCsvHeader, toCsv, toGroupCsv} from '../output/csv.js';
import {field, type FieldKey} from '../model/fields.js';
import type {Group, Grouping} from '../model/group.js';
import {printable} from '../model/printable.js';
import {toJson} from '../output/json.js';
import {selectGroups, selectProgs} from '../model/select.js';
import {toGroupTable, toTable} from '../output/table.js';
import type {Sample} from '../sample/types.js';
import {trendKey} from '../ui/layout.js';
import {version} from '../version.js';
import type {Format, ShowOptions} from './options.js';

/**
 * Writes one document or table a period. The first reading is only the beginning of the first period, so that whatever is written
 * has rates.
 * @returns the exit status.
 */
export async function writeSamples(collector: Collector, options: ShowOptions): Promise<number> {
  const iterations = options.iterations ?? 1;
  const format = options.format ?? 'table';
  // A table at one moment has no trend.
  const columns = options.columns?.filter((key) => key !== trendKey) ?? null;
  const warned = new Set<string>();
  let previous: Sample | null = null;
  let written = 0;
  for await (const sample of collector.samples(new Pace(options.delayMs))) {
    if (previous) {
      const measured = measure(sample, previous);
      // The JSON document carries its warnings; elsewhere they go where they can't be taken for data.
      if (format !== 'json') warnOnce(measured, warned);
      // For scripts all programs, which say themselves whether they are this tool's own.
      const selection = {...options, own: format !== 'table'};
      const text = writers[format]({
        measured,
        progs: selectProgs(measured.progs, selection),
        by: options.grouping,
        groups: options.grouping && selectGroups(measured.progs, options.grouping, selection),
        columns,
        first: written === 0,
      });
      if (!(await write(text))) return exitStatus.done;
      if (++written === iterations) return exitStatus.done;
    }
    previous = sample;
  }
  if (written === 0) throw new UserError('there is one reading alone, and so no period to tell of. Record more than that.');
  return exitStatus.done;
}

/** What is to be written of a sample. */
interface Written {
  readonly measured: Measured;
  readonly progs: readonly MeasuredProg[];
  /** null: each by itself. */
  readonly by: Grouping | null;
  readonly groups: readonly Group[] | null;
  /** null: nobody chose. */
  readonly columns: readonly FieldKey[] | null;
  /** Whether nothing was written before. */
  readonly first: boolean;
}

const writers: Readonly<Record<Format, (written: Written) => string>> = {
  json: ({measured, progs, groups}) =>
    `${toJson(measured, progs, groups, {version, indent: process.stdout.isTTY ? 2 : 0})}\n`,
  table({measured, progs, by, groups, columns, first}) {
    const table = by && groups ? toGroupTable(measured, by, groups) : toTable(measured, progs, columns ?? undefined);
    return `${first ? '' : '\n'}${table}\n`;
  },
  csv({measured, progs, groups, columns, first}) {
    if (groups) return (first ? groupCsvHeader : '') + toGroupCsv(measured, groups);
    const of = columns?.map(field);
    return (first ? csvHeader(of) : '') + toCsv(measured, progs, of);
  },
};

/** Each thing once: runs missed in another period are another thing. */
function warnOnce({warnings, sourceWarnings}: Measured, warned: Set<string>): void {
  for (const {code, message} of [...warnings, ...sourceWarnings]) {
    if (warned.has(code)) continue;
    if (code !== 'recursion_misses') warned.add(code);
    process.stderr.write(`bpftop-ts: ${printable(message)}\n`);
  }
}

// A failed write is told to its callback; without a listener the event would end the process as well.
process.stdout.on('error', () => {});

/**
 * Writes to stdout and waits until it has been taken, so that a slow reader holds us up instead of filling memory.
 * @returns false when the reader has gone away (`| head -1`).
 * @throws UserError when it can't be written.
 */
export async function write(text: string | Uint8Array): Promise<boolean> {
  const error = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) =>
    process.stdout.write(text, resolve),
  );
  if (!error) return true;
  if (error.code === 'EPIPE') return false;
  throw new UserError(
    `cannot write to stdout: ${error.syscall ?? 'write'}: ${error.code ?? error.message}. Make room there, or write elsewhere.`,
  );
}
