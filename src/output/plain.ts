/**
 * Updates in words, for who has the screen read aloud, and for terminals that only print: a few lines each, nothing of them drawn, and
 * nothing said of programs that do nothing.
 */
import {field, type FieldKey, formatField, unknown} from '../model/fields.js';
import {formatClock, formatCount, formatDuration, formatNumberOf, formatPercent} from '../model/format.js';
import {Group} from '../model/group.js';
import type {Measured, MeasuredProg} from '../model/measure.js';
import {printable} from '../model/printable.js';
import {shownName} from '../model/prog-name.js';
import {selectTotals} from '../model/select.js';

/** What an update is made of. */
interface PlainUpdate {
  readonly measured: Measured;
  /** All that the filter lets through, in order. */
  readonly progs: readonly MeasuredProg[];
  /** The same of those that went since the last update. */
  readonly gone: readonly MeasuredProg[];
  /** Their groups, in order; null: each is told by itself. */
  readonly groups: readonly Group[] | null;
  /** What is told of each program; null: nobody chose. */
  readonly columns: readonly FieldKey[] | null;
  /** Whether a filter is set. */
  readonly filtered: boolean;
  /** At most so many are told; null: nobody chose. */
  readonly limit: number | null;
}

/** What one listens to patiently. */
const usualLimit = 5;

/** The host's totals, what came and went, and the first programs or groups that ran. Ends without a newline. */
export function toPlain({measured, progs, gone, groups, columns, filtered, limit}: PlainUpdate): string {
  const most = limit ?? usualLimit;
  // Columns that somebody chose say more than rates.
  const blind = measured.sample.stats === 'off' && columns === null;
  const ran = blind ? [] : (groups ?? progs).filter((row) => row.periodRunCnt !== 0);
  const told = ran.slice(0, most);
  const rows = told.map((row, i) => {
    if (row instanceof Group) return `${i + 1}: ${groupLine(row)}.`;
    return `${i + 1}: ${columns ? chosenLine(row, columns) : progLine(row)}.`;
  });
  return [
    summary(measured),
    ...(filtered ? [`The filter lets ${formatNumberOf(progs.length, 'program')} through.`] : []),
    ...list(
      'New',
      progs.filter((prog) => prog.isNew),
      most,
    ),
    ...list('Gone', gone, most),
    ...rows,
    ...(ran.length === 0 && progs.length > 0 ? [blind ? 'Statistics are off: no rates.' : 'None of them ran.'] : []),
    ...(ran.length > told.length ? [`And ${ran.length - told.length} more.`] : []),
  ].join('\n');
}

/** `12:00:05 UTC, web-3: 214 programs, BPF takes 3.10% of a CPU, 1.2M runs a second, over 10.0s.` */
function summary(measured: Measured): string {
  const {host, takenAt} = measured.sample;
  const {programs, cpuPct, eventsPerSec} = selectTotals(measured, {own: false});
  const parts = [
    formatNumberOf(programs, 'program'),
    cpuPct === null ? null : `BPF takes ${formatPercent(cpuPct)}% of a CPU`,
    eventsPerSec === null ? null : `${formatCount(eventsPerSec)} runs a second`,
    measured.periodNs === null ? null : `over ${formatDuration(measured.periodNs)}`,
  ];
  const time = formatClock(takenAt / 1000);
  return `${time} UTC, ${printable(host.hostname)}: ${parts.filter((part) => part !== null).join(', ')}.`;
}

/** `New: web (id 9, xdp), db (id 10, xdp) and 3 more.` */
function list(title: string, progs: readonly MeasuredProg[], most: number): string[] {
  if (progs.length === 0) return [];
  const names = progs
    .slice(0, most)
    .map((prog) => `${printable(shownName(prog))} (id ${prog.info.id}, ${formatField(field('type'), prog)})`);
  const more = progs.length > most ? ` and ${progs.length - most} more` : '';
  return [`${title}: ${names.join(', ')}${more}.`];
}

/** `web, xdp, of agent pod/web: 1.89% CPU, 36.0k runs a second, 525ns a run` */
function progLine(prog: MeasuredProg): string {
  const owner = printable(formatField(field('owner'), prog));
  const who = [printable(shownName(prog)), formatField(field('type'), prog)].join(', ');
  return `${who}${owner === unknown ? '' : `, of ${owner}`}: ${figures(prog, prog.info.sleepable === true, prog.countedIn)}`;
}

/** `pod web, 3 programs: 1.89% CPU, 36.0k runs a second, 525ns a run` */
function groupLine(group: Group): string {
  const title = `${group.by.key} ${printable(group.title)}`;
  return `${title}, ${formatNumberOf(group.progs.length, 'program')}: ${figures(group, group.sleepable, null)}`;
}

function figures(
  {cpuPct, eventsPerSec, avgRunTimeNs}: Pick<MeasuredProg, 'cpuPct' | 'eventsPerSec' | 'avgRunTimeNs'>,
  sleepable: boolean,
  countedIn: MeasuredProg['countedIn'],
): string {
  if (countedIn) return `counted in its ${countedIn}`;
  const parts = [
    sleepable ? 'no share of a CPU, it may sleep' : cpuPct === null ? null : `${formatPercent(cpuPct)}% CPU`,
    eventsPerSec === null ? null : `${formatCount(eventsPerSec)} runs a second`,
    avgRunTimeNs === null ? null : `${formatDuration(avgRunTimeNs)} a run`,
  ];
  return parts.filter((part) => part !== null).join(', ') || 'no rates yet';
}

/** `NAME web, CPU% 1.89` */
function chosenLine(prog: MeasuredProg, columns: readonly FieldKey[]): string {
  return columns
    .map(field)
    .map((column) => `${column.title} ${printable(formatField(column, prog)) || unknown}`)
    .join(', ');
}
