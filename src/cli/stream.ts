/** Samples as text on stdout, or in a file: as many as asked for, each over a whole period. */
import {Pace} from '../collectors/pace.js';
import type {Collector} from '../collectors/kernel.js';
import {exitStatus, failedCall, isSystemError, UserError} from '../errors.js';
import type {Filter} from '../model/filter.js';
import {measure, type Measured, type MeasuredProg} from '../model/measure.js';
import {csvHeader, groupCsvHeader, toCsv, toGroupCsv} from '../output/csv.js';
import {field, type FieldKey} from '../model/fields.js';
import type {Group, Grouping} from '../model/group.js';
import {Ledger, mostSums} from '../model/ledger.js';
import {shownName} from '../model/prog-name.js';
import {toJson} from '../output/json.js';
import type {Exposed} from '../output/prometheus.js';
import {selectGroups, selectProgs, wanted} from '../model/select.js';
import {toPlain} from '../output/plain.js';
import {toGroupTable, toTable} from '../output/table.js';
import {type ColumnKey, trendKey} from '../ui/layout.js';
import {inAscii, drawsUnicode} from '../ui/theme.js';
import type {Sample} from '../sample/types.js';
import {version} from '../version.js';
import {endBySignal} from './exit.js';
import {replaceFile} from './files.js';
import {say, sayOfWait} from './report.js';
import {mostSeries, type ReplayOptions, type ShowOptions, type TextFormat, type WatchOptions} from './options.js';

/** Before the first update in words, ms. */
const firstUpdateMs = 1000;

/**
 * Writes one document or table a period. The first reading is only the beginning of the first period, and so is one that isn't later than
 * the one before, so that whatever is written has rates. A sample that `failOn` is true of is the last. On stdout there is one page of
 * metrics, the last: no reader takes a second.
 * @returns the exit status; 128 + n after signal n, by which a file that is being written is whole.
 */
export async function writeSamples(collector: Collector, options: WatchOptions | ReplayOptions): Promise<number> {
  const format = options.format ?? 'table';
  // Words go on, and a recording is written whole.
  const goesOn = format === 'plain' || options.command === 'replay' || options.record !== null;
  const iterations = options.iterations ?? (goesOn ? 0 : 1);
  const forPeople = format === 'table' || format === 'plain';
  const ascii = forPeople && takesAsciiAlone(options.look);
  // Who listens shall not wait for the first words as long as for those after them.
  const pace = new Pace(options.delayMs, format === 'plain' ? firstUpdateMs : undefined);
  const columns = fieldsOf(options.columns);
  const warned = new Set<string>();
  const ledger = new Ledger(mostSums(mostSeries), 'sources' in options ? options.sources : []);
  // Else there is nothing that could be left half-written, and a signal ends it on the spot.
  const writesFile = options.output !== null || (options.command !== 'replay' && options.record !== null);
  const signal = writesFile ? endBySignal() : undefined;
  const put = (text: string) => write(ascii ? inAscii(text) : text, signal);
  let page: (() => Promise<string>) | null = null;
  let previous: Sample | null = null;
  let periods = 0;
  let matched = false;
  try {
    for await (const sample of collector.samples(pace, signal, sayOfWait)) {
      if (signal?.aborted) break;
      const measured = measure(sample, previous);
      if (format === 'prometheus') ledger.add(measured);
      previous = sample;
      if (measured.periodNs === null) continue;
      periods++;
      // The JSON document carries its warnings; elsewhere they go where they can't be taken for data.
      if (format !== 'json') warnOnce(measured, warned);
      // JSON and CSV have all programs, which say themselves whether they are this tool's own. In words the limit is one of those that ran.
      const selection = {...options, own: format === 'json' || format === 'csv', ...(format === 'plain' && {limit: null})};
      const progs = selectProgs(measured.progs, selection);
      if (format === 'prometheus') {
        page = () => toMetrics({measured, progs, ledger, lasting: iterations !== 1});
        if (options.output !== null) await writeOutput(options.output, await page());
      } else {
        const text = writers[format]({
          measured,
          progs,
          by: options.grouping,
          groups: options.grouping && selectGroups(measured.progs, options.grouping, selection),
          columns,
          first: periods === 1,
          options,
          indent: process.stdout.isTTY ? 2 : 0,
        });
        if (!(await put(text))) break;
      }
      matched = options.failOn !== null && fails(measured, options.filter, options.failOn);
      if (matched || periods === iterations) break;
    }
  } finally {
    if (page && options.output === null) await put(await page());
  }
  if (signal?.aborted) return signal.reason as number;
  if (periods === 0) throw new UserError('there is one reading alone, and so no period to tell of. Record more than that.');
  return matched ? exitStatus.matched : exitStatus.done;
}

/** Whether what is for people has to be in ASCII on stdout. */
export function takesAsciiAlone({ascii}: {readonly ascii: boolean}): boolean {
  return ascii || (process.stdout.isTTY && !drawsUnicode(process.env));
}

/** As many programs as are named. */
const mostNamed = 5;

/** Whether `failOn` is true of one of the programs that the filter lets through; says of which. */
function fails({progs}: Measured, filter: Filter, failOn: Filter): boolean {
  const found = wanted(progs, {filter, own: false}).filter(failOn.matches);
  if (found.length === 0) return false;
  const named = found.slice(0, mostNamed).map((prog) => `${shownName(prog)} (id ${prog.info.id})`);
  const more = found.length > mostNamed ? ` and ${found.length - mostNamed} more` : '';
  say(`--fail-on '${failOn.text}' is true of ${named.join(', ')}${more}.`);
  return true;
}

/** A table at one moment has no trend. */
export function fieldsOf(columns: readonly ColumnKey[] | null): readonly FieldKey[] | null {
  return columns?.filter((key) => key !== trendKey) ?? null;
}

/** What is to be written of a sample. */
export interface Written {
  readonly measured: Measured;
  readonly progs: readonly MeasuredProg[];
  /** null: each by itself. */
  readonly by: Grouping | null;
  readonly groups: readonly Group[] | null;
  /** null: nobody chose. */
  readonly columns: readonly FieldKey[] | null;
  /** Whether nothing was written before. */
  readonly first: boolean;
  readonly options: Pick<ShowOptions, 'filter' | 'limit'>;
  /** Of JSON, spaces a level; 0: all in one line. */
  readonly indent: number;
}

/** The text of each format, with the newline at its end. */
export const writers: Readonly<Record<TextFormat, (written: Written) => string>> = {
  json: ({measured, progs, groups, indent}) => `${toJson(measured, progs, groups, {version, indent})}\n`,
  table({measured, progs, by, groups, columns, first}) {
    const table = by && groups ? toGroupTable(measured, by, groups) : toTable(measured, progs, columns ?? undefined);
    return `${first ? '' : '\n'}${table}\n`;
  },
  plain({measured, progs, groups, columns, first, options: {filter, limit}}) {
    const gone = wanted(measured.gone, {filter, own: false});
    const filtered = filter.text !== '';
    return `${first ? '' : '\n'}${toPlain({measured, progs, gone, groups, columns, filtered, limit})}\n`;
  },
  csv({measured, progs, groups, columns, first}) {
    if (groups) return (first ? groupCsvHeader : '') + toGroupCsv(measured, groups);
    const of = columns?.map(field);
    return (first ? csvHeader(of) : '') + toCsv(measured, progs, of);
  },
};

/** Metrics as text: not of one sample alone, for the ledger is kept since the first. */
async function toMetrics(told: Omit<Exposed, 'version' | 'maxSeries'>): Promise<string> {
  const {expose, formatFamilies} = await import('../output/prometheus.js');
  return formatFamilies(expose({...told, version, maxSeries: mostSeries}), 'text');
}

/** What every page of metrics begins with. */
const metricsBeginning = '# HELP bpftop_';

/** Readable for all: the collector of textfiles runs as a user of its own. Over a page of metrics alone. @throws UserError. */
async function writeOutput(file: string, text: string): Promise<void> {
  const what = `cannot write ${file}`;
  const otherwise = 'Choose another place with --output.';
  try {
    await replaceFile(file, text, 0o644, metricsBeginning);
  } catch (error) {
    if (isSystemError(error)) throw failedCall(what, error, {otherwise});
    throw new UserError(`${what}: ${(error as Error).message.replace(/\.$/, '')}. ${otherwise}`);
  }
}

/** Each thing once: runs missed in another period are another thing. */
function warnOnce({warnings, sourceWarnings}: Measured, warned: Set<string>): void {
  for (const {code, message} of [...warnings, ...sourceWarnings]) {
    if (warned.has(code)) continue;
    if (code !== 'recursion_misses') warned.add(code);
    say(message);
  }
}

// A failed write is told to its callback; without a listener the event would end the process as well.
process.stdout.on('error', () => {});

/**
 * Writes to stdout and waits until it has been taken, so that a slow reader holds us up instead of filling memory.
 * @returns false when the reader has gone away (`| head -1`), or `signal` ended the wait.
 * @throws UserError when it can't be written.
 */
export async function write(text: string | Uint8Array, signal?: AbortSignal): Promise<boolean> {
  let giveUp = () => {};
  const error = await new Promise<NodeJS.ErrnoException | 'aborted' | null | undefined>((resolve) => {
    giveUp = () => resolve('aborted');
    signal?.addEventListener('abort', giveUp);
    process.stdout.write(text, resolve);
  });
  signal?.removeEventListener('abort', giveUp);
  if (error === 'aborted') return false;
  if (!error) return true;
  if (error.code === 'EPIPE') return false;
  throw new UserError(
    `cannot write to stdout: ${error.syscall ?? 'write'}: ${error.code ?? error.message}. Make room there, or write elsewhere.`,
  );
}
