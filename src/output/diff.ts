/** What a diff says, as a table, as Markdown for a pull request, and as JSON. */
import type {Change, Figures} from '../model/compare.js';
import {increase, relativeIncrease} from '../model/compare.js';
import {
  type ComparedKey,
  comparedFieldKeys,
  comparedKeys,
  type Diff,
  type Difference,
  leastReadings,
  type Noise,
  type ProgDifference,
  readingsForHalf,
  type Side,
  type Summary,
} from '../model/diff.js';
import {field, formatValue, unknown} from '../model/fields.js';
import {formatDuration, formatNumberOf, formatRelative, formatSigned, formatTime} from '../model/format.js';
import {escapedJson, printable} from '../model/printable.js';
import {documentHost, schemaVersion, toolHead} from './json.js';
import {aligned} from './table.js';

/** A program, and the rules that it breaks, as they were typed. */
interface ToldProg {
  readonly prog: ProgDifference;
  readonly broken: readonly string[];
}

/** What is to be told. */
export interface ToldDiff {
  readonly diff: Diff;
  /** Those asked for, in order. */
  readonly progs: readonly ToldProg[];
  /** How many more a limit hides. */
  readonly more: number;
  /** How many are left out, for they ran neither before nor after. */
  readonly idle: number;
}

const marks: Readonly<Record<Noise, string>> = {within: ' ~', beyond: '', unknown: ' ?'};

/** `100ns → 110ns` */
export function formatSides({before, after}: Change, key: ComparedKey): string {
  const of = comparedKeys[key];
  const [from, to] = [before, after].map((side) => formatValue(field(key), side && side[of]));
  return from === unknown && to === unknown ? unknown : `${from} → ${to}`;
}

/** `+10ns +10% ~`: absolute, relative, and what the noise says of it. */
export function formatChange(difference: Difference, key: ComparedKey): string {
  const of = comparedKeys[key];
  const more = increase(difference, of);
  if (more === null) return unknown;
  const {kind} = field(key);
  const absolute = formatSigned(more, (size) => formatValue({kind}, size));
  const relative = relativeIncrease(difference, of);
  const noise = difference.noise[of];
  return absolute + (relative === null ? '' : ` ${formatSigned(relative, formatRelative)}`) + (noise ? marks[noise] : '');
}

/** `And 3 more programs, and 160 programs that did not run.`; empty: that is all. */
function leftOut({more, idle}: ToldDiff): readonly string[] {
  const parts = [
    more > 0 ? formatNumberOf(more, 'more program') : '',
    idle > 0 ? `${formatNumberOf(idle, 'program')} that did not run` : '',
  ].filter((part) => part !== '');
  return parts.length > 0 ? [`And ${parts.join(', and ')}.`] : [];
}

/** `rebuilt, 8 copies`: what else there is to say of it. @param shown makes text of the host safe. */
function note({status, copies, tags}: ProgDifference, ambiguous: boolean, shown: (text: string) => string): string {
  const {before, after} = copies;
  const told: Record<ProgDifference['status'], string> = {
    same: '',
    rebuilt: 'rebuilt',
    new: 'new',
    gone: 'gone',
    only_after: 'not in BEFORE',
    only_before: 'not in AFTER',
  };
  const most = Math.max(before, after);
  const number = before !== after && before && after ? `${before} → ${after} copies` : most > 1 ? `${most} copies` : '';
  const some = ([first, ...more]: readonly string[]) =>
    first === undefined ? [] : [shown(first) + (more.length > 0 ? ` +${more.length}` : '')];
  const tag = ambiguous ? `tag ${[...new Set([...some(tags.before), ...some(tags.after)])].join(' → ')}` : '';
  return [told[status], number, tag].filter((part) => part !== '').join(', ');
}

/** The note of each program; its tag is in it where another one goes by the same type and name. */
function notes({progs}: ToldDiff, shown: (text: string) => string): (prog: ProgDifference) => string {
  const seen = new Map<string, number>();
  const key = ({type, name}: ProgDifference) => JSON.stringify([type, name]);
  for (const {prog} of progs) seen.set(key(prog), (seen.get(key(prog)) ?? 0) + 1);
  return (prog) => note(prog, (seen.get(key(prog)) ?? 0) > 1, shown);
}

/** What to call it, also where it has no name. From the host: hostile. */
export function diffName({name, tags}: ProgDifference): string {
  return name === '' ? `(tag ${(tags.after[0] ?? tags.before[0]) as string})` : name;
}

/** `a.rec  web-3  6.18.44`, and `60 readings over 1.0m  until 2026-01-31 12:01:43 UTC`, which no host can choose. */
function sideParts({name, last: {host, takenAt}, readings, periodNs}: Side) {
  return {
    hostile: [name, host.hostname, host.kernelRelease],
    ours: [
      `${formatNumberOf(readings, 'reading')} over ${formatDuration(periodNs)}`,
      `until ${formatTime(takenAt / 1000)} UTC`,
    ],
  };
}

/** What marks mean that are there. */
function legend(all: readonly Difference[]): string[] {
  const said = (noise: Noise) => all.some((each) => Object.values(each.noise).includes(noise));
  return [
    ...(said('within') ? ['~ within the noise: the readings before and after overlap'] : []),
    ...(said('unknown') ? [`? may be noise: a side has fewer than ${leastReadings} readings`] : []),
  ];
}

const columnTitles = comparedFieldKeys.flatMap((key) => [field(key).title, `±${field(key).title}`]);

function figureCells(difference: Difference): string[] {
  return comparedFieldKeys.flatMap((key) => [formatSides(difference, key), formatChange(difference, key)]);
}

/** Lines about both sides, a line a program, all together last, what marks mean. Ends without a newline. */
export function toDiffTable(told: ToldDiff): string {
  const {diff, progs} = told;
  const noteOf = notes(told, printable);
  const sides = (['before', 'after'] as const).map((which) => {
    const {hostile, ours} = sideParts(diff[which]);
    return [which, ...hostile.map(printable), ...ours];
  });
  const left = {kind: 'text'} as const;
  const columns = ['TYPE', 'NAME', ...columnTitles, 'NOTE'].map((title, i) => ({
    title,
    kind: i > 1 && title !== 'NOTE' ? ('number' as const) : ('text' as const),
  }));
  const rows = progs.map(({prog}) => [prog.type, printable(diffName(prog)), ...figureCells(prog), noteOf(prog)]);
  const total = ['total', '', ...figureCells(diff.totals), ''];
  return [
    ...aligned(
      (sides[0] as string[]).map(() => left),
      sides,
    ),
    '',
    ...aligned(columns, [columns.map(({title}) => title), ...rows, total]),
    ...spaced(leftOut(told)),
    ...spaced(legend([diff.totals, ...progs.map(({prog}) => prog)])),
  ].join('\n');
}

function spaced(lines: readonly string[]): readonly string[] {
  return lines.length > 0 ? ['', ...lines] : [];
}

/**
 * Text from the host, as GitHub shows it: as it is, and as nothing else. Within <code> nobody is mentioned and no issue linked; a character
 * written as its number is no Markdown, no HTML and no end of a cell; the comment keeps apart what would be an address.
 */
function verbatim(text: string): string {
  const safe = printable(text).replace(/[^\p{L}\p{N} -]/gu, (character) => {
    const number = `&#${character.codePointAt(0) as number};`;
    return character === '@' ? `${number}<!-- -->` : number;
  });
  return `<code>${safe}</code>`;
}

/** A heading, both sides, a table as GitHub has them. Ends without a newline. */
export function toDiffMarkdown(told: ToldDiff): string {
  const {diff, progs} = told;
  const noteOf = notes(told, verbatim);
  const row = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const figures = (difference: Difference) => figureCells(difference).map((cell) => cell.replace(' ~', ' \\~'));
  const titles = ['average run', 'change', 'runs/s', 'change', 'CPU %', 'change'];
  const lines = progs.map(({prog, broken}) =>
    row([
      prog.type,
      verbatim(diffName(prog)),
      ...figures(prog),
      [broken.length > 0 ? '**fails**' : '', noteOf(prog)].filter((part) => part !== '').join(', '),
    ]),
  );
  const side = (which: 'before' | 'after') => {
    const {hostile, ours} = sideParts(diff[which]);
    return `- ${which}: ${[...hostile.map(verbatim), ...ours].join(' ')}`;
  };
  return [
    '### BPF programs',
    '',
    side('before'),
    side('after'),
    '',
    row(['type', 'name', ...titles, '']),
    row(['---', '---', ...titles.map(() => '--:'), '---']),
    ...lines,
    row(['**total**', '', ...figures(diff.totals), '']),
    ...spaced(leftOut(told)),
    ...legend([diff.totals, ...progs.map(({prog}) => prog)]).flatMap((line) => ['', line.replace('~', '\\~')]),
  ].join('\n');
}

/** One document, as docs/diff.schema.json describes it. Ends without a newline. */
export function toDiffJson(
  {diff, progs}: ToldDiff,
  {version, indent}: {readonly version: string; readonly indent: number},
): string {
  const document = JSON.stringify(
    {
      schema_version: schemaVersion,
      ...toolHead(version),
      before: sideToJson(diff.before),
      after: sideToJson(diff.after),
      spread: {least_readings: leastReadings, readings_for_middle_half: readingsForHalf},
      totals: differenceToJson(diff.totals),
      programs: progs.map(({prog, broken}) => ({
        type: prog.type,
        name: prog.name,
        status: prog.status,
        tags: prog.tags,
        copies: prog.copies,
        ...differenceToJson(prog),
        fails: broken,
      })),
    },
    null,
    indent,
  );
  return escapedJson(document);
}

function sideToJson(side: Side) {
  return {
    file: side.name,
    kind: side.kind,
    host: documentHost(side.last.host),
    taken_at: new Date(side.last.takenAt).toISOString(),
    period_ns: side.periodNs,
    readings: side.readings,
    complete: side.whole,
  };
}

function differenceToJson(difference: Difference) {
  return Object.fromEntries(
    comparedFieldKeys.map((key) => {
      const of: keyof Figures = comparedKeys[key];
      const {before, after} = difference.summaries;
      const told = {
        before: summaryToJson(before && before[of]),
        after: summaryToJson(after && after[of]),
        change: increase(difference, of),
        change_pct: relativeIncrease(difference, of),
        noise: difference.noise[of],
      };
      return [key, told];
    }),
  );
}

function summaryToJson(summary: Summary | null) {
  if (!summary) return null;
  const [low = null, high = null] = summary.spread ?? [];
  return {median: summary.median, low, high, readings: summary.readings};
}
