/** The plain table: for pipes, tickets and terminals that can't do more. No colours, no control characters. */
import {defaultColumns, field, type Field, type FieldKey, formatField, isNumeric} from '../model/fields.js';
import {formatCount, formatDuration, formatNumberOf, formatPercent} from '../model/format.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import {selectTotals} from '../model/select.js';

/**
 * A line about the host and its totals, this tool's own programs left out, an empty one, column titles, a line a program. Ends without a
 * newline.
 */
export function toTable(
  measured: Measured,
  progs: readonly MeasuredProg[],
  keys: readonly FieldKey[] = defaultColumns,
): string {
  const columns = keys.map(field);
  const cells = [columns.map((column) => column.title), ...progs.map((prog) => columns.map((column) => cell(column, prog)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => (row[i] as string).length)));
  const lines = cells.map((row) =>
    row
      .map((text, i) =>
        isNumeric((columns[i] as Field).kind) ? text.padStart(widths[i] as number) : text.padEnd(widths[i] as number),
      )
      .join('  ')
      .trimEnd(),
  );
  return [summary(measured), '', ...lines].join('\n');
}

function cell(column: Field, prog: MeasuredProg): string {
  return printable(formatField(column, prog)) || '-';
}

/** `web-3  6.18.44  2 CPUs  214 programs  BPF 3.10% CPU  1.2M ev/s  over 1.0s` */
function summary(measured: Measured): string {
  const {host} = measured.sample;
  const {periodNs} = measured;
  const totals = selectTotals(measured, {own: false});
  return [
    printable(host.hostname),
    printable(host.kernelRelease),
    formatNumberOf(host.cpusOnline, 'CPU'),
    formatNumberOf(totals.programs, 'program'),
    totals.cpuPct === null ? null : `BPF ${formatPercent(totals.cpuPct)}% CPU`,
    totals.eventsPerSec === null ? null : `${formatCount(totals.eventsPerSec)} ev/s`,
    periodNs === null ? null : `over ${formatDuration(periodNs)}`,
  ]
    .filter((part) => part !== null)
    .join('  ');
}
