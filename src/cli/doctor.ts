/** The doctor: what this host allows, what is missing, how to get it. Looks and tries; writes nothing but its report. */
import {loadProbe, probeBpf} from '../collectors/bpf-probe.js';
import {findStatsHolders, readHostFacts} from '../collectors/host-facts.js';
import {readHost} from '../collectors/host.js';
import {readShareFacts} from '../collectors/share.js';
import {UserError} from '../errors.js';
import {escapedJson} from '../model/printable.js';
import {documentHead} from '../output/json.js';
import {cellsOf} from '../ui/text.js';
import {colorDepth, createTheme, inAscii, drawsUnicode, style, styleNames, type StyleName} from '../ui/theme.js';
import {engines, version} from '../version.js';
import {diagnose, type Check, type Conclusion, type Findings, type TerminalFacts, type Verdict} from './doctor-checks.js';
import type {DoctorOptions} from './options.js';
import {write} from './stream.js';

/**
 * Finds out, and writes it.
 * @returns 0 when programs can be read, if only without rates; 77 when that isn't permitted; 69 when it can't be done.
 */
export async function runDoctor({format, look}: DoctorOptions): Promise<number> {
  const found = await examine(look);
  const {checks, conclusion} = diagnose(found);
  const text =
    format === 'json'
      ? doctorJson(found, checks, conclusion, process.stdout.isTTY ? 2 : 0)
      : doctorText(checks, conclusion, found.terminal);
  await write(`${text}\n`);
  return conclusion.exitStatus;
}

async function examine(look: DoctorOptions['look']): Promise<Findings> {
  const found = {
    platform: process.platform,
    host: readHost(),
    node: {
      version: process.version,
      wanted: engines.node,
      fits: Number.parseInt(process.versions.node) >= Number(/\d+/.exec(engines.node)),
    },
    facts: readHostFacts(),
    terminal: terminalFacts(look),
  };
  try {
    const bpf = await probeBpf(loadProbe());
    const held = bpf.statsOn === true && found.facts.sysctls['kernel.bpf_stats_enabled'] !== 1;
    return {
      ...found,
      addonProblem: null,
      bpf,
      statsHolders: held ? findStatsHolders() : null,
      share: readShareFacts(),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return {...found, addonProblem: error.message, bpf: null, statsHolders: null, share: null};
  }
}

function terminalFacts({color, ascii}: DoctorOptions['look'], {env, stdout}: NodeJS.Process = process): TerminalFacts {
  return {
    isTerminal: stdout.isTTY === true,
    term: env['TERM'] ?? '',
    columns: stdout.columns ?? 0,
    rows: stdout.rows ?? 0,
    colors: colorDepth(env, color),
    utf8: !ascii && drawsUnicode(env),
  };
}

/** One document; `exit_status` is what the process ends with. */
export function doctorJson(
  {host}: Pick<Findings, 'host'>,
  checks: readonly Check[],
  {shows, finding, remedy, exitStatus}: Conclusion,
  indent: number,
): string {
  const conclusion = {shows, finding, remedy, exit_status: exitStatus};
  const document = {...documentHead(host, version), taken_at: new Date().toISOString(), conclusion, checks};
  return escapedJson(JSON.stringify(document, null, indent));
}

const verdictStyle: Readonly<Record<Verdict, StyleName>> = {ok: 'fresh', limited: 'hot', missing: 'burning'};
const verdictWidth = 'limited'.length + 2;
/** Below this many columns a check's name stands in its text instead of in a column. */
const narrow = 60;

/** A line a check, its remedy below it, the conclusion last. Wrapped and coloured for a terminal; elsewhere neither. */
export function doctorText(checks: readonly Check[], {finding, remedy}: Conclusion, terminal: TerminalFacts): string {
  const {isTerminal, columns} = terminal;
  const width = isTerminal && columns > 0 ? columns : Infinity;
  const paint = painter(isTerminal ? terminal.colors : 'none');
  const idWidth = width < narrow ? 0 : Math.max(...checks.map(({id}) => id.length)) + 2;
  const margin = verdictWidth + idWidth;
  const lines = checks.flatMap((check) => {
    const head = paint(verdictStyle[check.verdict], check.verdict) + ' '.repeat(verdictWidth - check.verdict.length);
    const text = idWidth === 0 ? `${check.id}: ${check.finding}` : check.finding;
    const [first = '', ...more] = wrap(text, width - margin);
    return [
      head + check.id.padEnd(idWidth).slice(0, idWidth) + first,
      ...[...more, ...remedyLines(check.remedy, width - margin)].map((line) => ' '.repeat(margin) + line),
    ];
  });
  const whole = [...lines, '', ...wrap(finding, width).map((line) => paint('strong', line)), ...remedyLines(remedy, width)];
  return whole.map((line) => (isTerminal && !terminal.utf8 ? inAscii(line) : line)).join('\n');
}

const arrow = '→ ';

function remedyLines(remedy: string | null, width: number): string[] {
  if (remedy === null) return [];
  return wrap(remedy, width - arrow.length).map((line, i) => (i === 0 ? arrow : ' '.repeat(arrow.length)) + line);
}

/** What stays on one line: a word, or a command that will be copied. */
const unbroken = /(?:sudo|npm|docker) \S+ \S+|\S+/g;

/** Lines of at most `width` cells, broken at blanks; a piece that is longer has a line of its own and runs over. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [word] of text.matchAll(unbroken)) {
    if (line !== '' && cellsOf(line) + 1 + cellsOf(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function painter(colors: TerminalFacts['colors']): (name: StyleName, text: string) => string {
  const {transitions} = createTheme(colors);
  const change = (from: number, to: number) => transitions[from * styleNames.length + to] ?? '';
  return colors === 'none'
    ? (_, text) => text
    : (name, text) => change(style.text, style[name]) + text + change(style[name], style.text);
}
