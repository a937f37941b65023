/** The plain table: for pipes, tickets and terminals that can't do more. No colours, no control characters. */
import {cellsOf} from '../model/cells.js';
import {defaultColumns, field, type Field, type FieldKey, formatField, formatValue, isNumeric} from '../model/fields.js';
import {formatCount, formatDuration, formatNumberOf, formatPercent} from '../model/format.js';
import {type Group, groupField, type Grouping} from '../model/group.js';
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
  return [
    summary(measured),
    '',
    ...aligned(columns, [
      columns.map(({title}) => title),
      ...progs.map((prog) => columns.map((column) => cell(column, prog))),
    ]),
  ].join('\n');
}

/** What a table has of a group, after its name. */
const groupColumns = ['programs', ...defaultColumns].flatMap((key) => groupField(key) ?? []);

/** The same with a line a group, and their kind as the first title. */
export function toGroupTable(measured: Measured, by: Grouping, groups: readonly Group[]): string {
  const columns = [{title: by.title, kind: 'text'} as const, ...groupColumns];
  const rows = groups.map((group) => [
    printable(group.title),
    ...groupColumns.map((each) => (each.key === 'cpu_pct' && group.sleepable ? 'wall' : formatValue(each, each.get(group)))),
  ]);
  return [summary(measured), '', ...aligned(columns, [columns.map(({title}) => title), ...rows])].join('\n');
}

/** Rows of cells, below each other: numbers at the right of their column, text at the left. */
export function aligned(columns: readonly Pick<Field, 'kind'>[], rows: readonly (readonly string[])[]): string[] {
  const widths = columns.map((_, i) => rows.reduce((width, row) => Math.max(width, cellsOf(row[i] as string)), 0));
  return rows.map((row) =>
    row
      .map((text, i) => {
        const gap = ' '.repeat((widths[i] as number) - cellsOf(text));
        return isNumeric((columns[i] as Field).kind) ? gap + text : text + gap;
      })
      .join('  ')
      .trimEnd(),
  );
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
