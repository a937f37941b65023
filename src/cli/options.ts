/** The command line: every option, what it takes and what it means. --help and the man page are made from this. */
import {Argument, Command, CommanderError, InvalidArgumentError, Option} from 'commander';
import ms from 'ms';
import type {Place} from '../collectors/replay.js';
import {exitStatus, UserError} from '../errors.js';
import {type ChangeRule, parseChangeRule} from '../model/change-rule.js';
import {diffSortKeys} from '../model/diff.js';
import {type FieldKey, fields, findField} from '../model/fields.js';
import {type Filter, FilterError, noFilter, parseFilter} from '../model/filter.js';
import {printable} from '../model/printable.js';
import {findGrouping, type Grouping, groupings} from '../model/group.js';
import {initialSort, parseSort, sortableFields, type SortOrder} from '../model/sort.js';
import {type LastingSource, type SourceName, sourceNames} from '../sample/sources.js';
import type {LookOptions} from '../ui/index.js';
import {type ColumnKey, trendKey} from '../ui/layout.js';
import {type ColorChoice, type ThemeName, themeNames} from '../ui/theme.js';
import type {Address} from '../serve/server.js';
import {version} from '../version.js';
import {completionScript, type Shell, shells} from './completion.js';
import type {Config} from './config.js';

/** What is written instead of showing the screen. */
export type Format = TextFormat | 'prometheus';
/** Those that show one sample by itself. */
export type TextFormat = 'table' | 'json' | 'csv' | 'plain';
/** How programs are to be listed. */
export type Sampler = 'auto' | 'iterator' | 'walk';

/** What the command line asks for; each command carries what it takes, and no more. */
export type Options = WatchOptions | ReplayOptions | DiffOptions | ServeOptions | DoctorOptions | ShareOptions;

/** What `share` takes. */
export interface ShareOptions {
  readonly command: 'share';
  /** Whom to share with, a group's name or number; null: take back what is shared. */
  readonly group: string | null;
}

/** What `doctor` takes. */
export interface DoctorOptions {
  readonly command: 'doctor';
  /** null: text, as `table`. */
  readonly format: Extract<Format, 'table' | 'json'> | null;
  readonly look: Pick<LookOptions, 'color' | 'ascii'>;
}

/** When a recording goes on in another file: before it is larger, or longer, than that. */
export interface Rotation {
  readonly bytes: number | null;
  readonly ms: number | null;
}

/** How samples are shown, wherever they come from. */
export interface ShowOptions {
  readonly command: 'watch' | 'demo' | 'replay';
  /** null: the live screen where there is a terminal, a table where there is none. */
  readonly format: Format | null;
  /** The file that takes what is written; null: stdout. */
  readonly output: string | null;
  readonly delayMs: number;
  /** null: for ever on a screen, recording or replaying, once elsewhere. 0: for ever. */
  readonly iterations: number | null;
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** What programs are put together by; null: each is shown by itself. */
  readonly grouping: Grouping | null;
  /** What must be true of no program; null: nothing is asked. */
  readonly failOn: Filter | null;
  readonly limit: number | null;
  /** In that order; null: the usual ones. */
  readonly columns: readonly ColumnKey[] | null;
  readonly look: LookOptions;
}

/** What `replay` takes. */
export interface ReplayOptions extends ShowOptions {
  readonly command: 'replay';
  /** A path; `-`: stdin. */
  readonly file: string;
  /** How many times as fast as recorded; Infinity: without waiting. null: as recorded on the screen, without waiting elsewhere. */
  readonly speed: number | null;
  /** Where to begin: with the first period that ends after it. null: at the beginning. */
  readonly from: Place | null;
  /** The last period ends by then. null: at the end. */
  readonly to: Place | null;
}

/** What `diff` takes. */
export interface DiffOptions extends Pick<ShowOptions, 'sort' | 'filter' | 'limit'> {
  readonly command: 'diff';
  /** Paths; `-`, one of them at most: stdin. */
  readonly before: string;
  readonly after: string;
  readonly format: Extract<Format, 'table' | 'json'> | 'markdown';
  readonly failOn: readonly ChangeRule[];
  readonly look: Pick<LookOptions, 'ascii'>;
}

/** What watching takes, and `demo` with it. */
export interface WatchOptions extends ShowOptions {
  readonly command: 'watch' | 'demo';
  /** Where to record to, `-` for stdout; null: nowhere. */
  readonly record: string | null;
  readonly rotation: Rotation | null;
  readonly enableStats: boolean;
  readonly sampler: Sampler;
  /** What else to look at beside the counters. */
  readonly sources: readonly SourceName[];
  /** Where the host's root directory is. */
  readonly hostRoot: string;
}

/** What `serve` takes. */
export interface ServeOptions extends Pick<WatchOptions, 'enableStats' | 'sampler' | 'hostRoot'> {
  readonly sources: readonly LastingSource[];
  readonly command: 'serve';
  /** Where to listen. */
  readonly addresses: readonly Address[];
  /** How old a sample may be when it is asked for. */
  readonly maxAgeMs: number;
  readonly maxSeries: number;
  /** The web configuration file; null: none. */
  readonly webConfigFile: string | null;
}

/** Something to print and be done: --help or --version. */
export interface Printed {
  readonly print: string;
}

const helpWidth = 100;
/** Between updates in words, unless another delay is asked for. */
const plainDelayMs = 10_000;
const shortestDelayMs = 50;
const longestDelayMs = 3_600_000;

/** Reads `1s`, `250ms`, `2m`, or a bare number of seconds; ms within the bounds. */
export function parseDelay(text: string): number {
  const value = parseTime(text);
  if (!Number.isFinite(value))
    throw new InvalidArgumentError('not a time such as 1s, 250ms or 2m; a bare number is seconds.');
  if (value < shortestDelayMs || value > longestDelayMs) throw new InvalidArgumentError('a delay is from 50ms to 1h.');
  return value;
}

function parseTime(text: string): number {
  return /^\s*[\d.]+\s*$/.test(text) ? Number(text) * 1000 : parseMs(text);
}

function parseMs(text: string): number {
  try {
    return (ms as (value: string) => number | undefined)(text) ?? NaN;
  } catch {
    return NaN; // ms() throws on the empty string and on more than 100 characters
  }
}

function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError('not a whole number.');
  return value;
}

/** As many series as are written, or served unless another number is asked for. */
export const mostSeries = 50_000;
const longestAgeMs = 300_000;

/** Reads a time from 0, in which nothing is kept, to five minutes; ms. */
function parseAge(text: string): number {
  const value = parseTime(text);
  if (!(value >= 0 && value <= longestAgeMs)) throw new InvalidArgumentError('an age is from 0 to 5m, such as 1s or 500ms.');
  return value;
}

/** Reads `127.0.0.1:9935`, `[::1]:9935` or `:9935`, and adds it to those before. */
function parseAddress(text: string, before?: readonly Address[]): readonly Address[] {
  const [, bracketed, plain, port] = /^(?:\[([\da-fA-F:.%\w]+)\]|([^:\s\[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('not an address such as 127.0.0.1:9935, [::1]:9935 or :9935 (all).');
  return [...(before ?? []), {host: bracketed ?? (plain || null), port: Number(port)}];
}

const defaultAddress: Address = {host: '127.0.0.1', port: 9935};

function parseLimit(text: string): number {
  const value = parseCount(text);
  if (value === 0) throw new InvalidArgumentError('it is 1 or more.');
  return value;
}

function parseSortOption(text: string): SortOrder {
  const order = parseSort(text);
  if (typeof order === 'string') throw new InvalidArgumentError(`${order}.`);
  return order;
}

/** Reads `A,B,…`: fields by key or short name, and the trend; each once. */
function parseColumns(text: string): readonly ColumnKey[] {
  const names = text.split(',').map((name) => name.trim());
  const keys = names.map((name) => {
    const key = name.toLowerCase() === trendKey ? trendKey : (findField(name)?.key as FieldKey | undefined);
    if (key === undefined)
      throw new InvalidArgumentError(
        `unknown field '${name}'; there are ${fields.map((each) => each.key).join(', ')}, ${trendKey}.`,
      );
    return key;
  });
  return [...new Set(keys)];
}

/** A reader of an option's expression, which says where in it something is wrong. */
const parseExpression =
  <T>(option: string, parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      const excerpt = pointAt(text, error.at);
      throw new UserError(
        `${option}: ${error.message}${error.message.endsWith('?') ? '' : '.'} Try: bpftop-ts --help`,
        exitStatus.usage,
        {excerpt},
      );
    }
  };

/** Characters before and after a place that are shown with it. */
const context = 32;

/** The place in a text: what is around it, and a line with a caret below. */
export function pointAt(text: string, at: number): readonly string[] {
  const before = [...printable(text.slice(0, at))];
  const after = [...printable(text.slice(at, at + 2 * context))];
  const start = before.length > context ? `…${before.slice(-context).join('')}` : before.join('');
  const end = after.length > context ? `${after.slice(0, context).join('')}…` : after.join('');
  return [`  ${start}${end}`, `  ${' '.repeat([...start].length)}^`];
}

/** Not by commander: to `diff` the same option takes changes, and several of them. */
function parseFailOn(texts: readonly string[] | undefined): Filter | null {
  const filters = texts?.map(parseExpression('--fail-on', parseFilter)) ?? [];
  // It would be true of whatever is loaded: more likely a script's variable that isn't set.
  if (filters.some(({text}) => text.trim() === '')) throw usageError('--fail-on is empty.');
  return filters.at(-1) ?? null;
}

function collect(text: string, before?: readonly string[]): readonly string[] {
  return [...(before ?? []), text];
}

const groupingNames = groupings.map(({key}) => key).join(', ');

/** Not by commander: to `share` the same option means another group. */
function parseGrouping(text: string): Grouping {
  const found = findGrouping(text);
  if (!found) throw usageError(`--group '${text}': unknown field '${text}' to group by; there are ${groupingNames}.`);
  return found;
}

const smallestFile = 1_000_000;
const shortestFileMs = 60_000;
const sizeUnits = {kB: 1e3, MB: 1e6, GB: 1e9, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30};

function parseRotation(text: string): Rotation {
  const size = /^([\d.]+) *([kMG]B|[KMG]iB)$/.exec(text);
  if (size) {
    const bytes = Number(size[1]) * sizeUnits[size[2] as keyof typeof sizeUnits];
    if (!(bytes >= smallestFile)) throw new InvalidArgumentError('a file has 1MB at least.');
    return {bytes, ms: null};
  }
  const milliseconds = /[a-z]$/i.test(text) ? parseMs(text) : NaN;
  if (!Number.isFinite(milliseconds)) throw new InvalidArgumentError('not a size such as 100MB, nor a time such as 1h.');
  if (milliseconds < shortestFileMs) throw new InvalidArgumentError('a file has a minute at least.');
  return {bytes: null, ms: milliseconds};
}

function parseSpeed(text: string): number {
  if (text === 'max') return Infinity;
  const speed = /^[\d.]+$/.test(text) ? Number(text) : NaN;
  if (!(speed > 0)) throw new InvalidArgumentError('not a factor such as 10 or 0.5, nor max.');
  return speed;
}

/** Reads a time since the beginning, like a delay, or a moment in UTC. */
function parsePlace(text: string): Place {
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?Z$/.test(text)) {
    const atMs = Date.parse(text);
    // The 30th of February is a day in March to it.
    if (Number.isFinite(atMs) && new Date(atMs).toISOString().startsWith(text.slice(0, 16))) return {atMs};
  }
  const afterMs = parseTime(text);
  if (!(afterMs >= 0 && afterMs < Infinity))
    throw new InvalidArgumentError(
      'neither a time since the beginning such as 10m, nor a moment in UTC such as 2026-11-21T12:00:00Z.',
    );
  return {afterMs};
}

/** Of two kinds, only the recording knows. */
function isBefore(from: Place, to: Place): boolean {
  if ('atMs' in from) return !('atMs' in to) || from.atMs < to.atMs;
  return !('afterMs' in to) || from.afterMs < to.afterMs;
}

/** Metrics tell nothing of pins. */
const servedSources = sourceNames.filter((name): name is LastingSource => name !== 'pins');

interface Raw extends Record<SourceName, boolean> {
  delay: number;
  iterations?: number;
  sort: SortOrder;
  filter: Filter;
  group?: string;
  limit?: number;
  failOn?: readonly string[];
  format?: Format;
  json?: true;
  plain?: true;
  output?: string;
  enableStats: boolean;
  sampler: Sampler;
  columns?: readonly ColumnKey[];
  color: ColorChoice;
  ascii?: true;
  theme: ThemeName;
  hostRoot: string;
  record?: string;
  rotate?: Rotation;
}

interface RawReplay {
  speed?: number;
  from?: Place;
  to?: Place;
}

interface RawServe {
  listen?: readonly Address[];
  maxAge: number;
  maxSeries: number;
  'web.config.file'?: string;
}

function addOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-d, --delay <TIME>', 'time between samples, 50ms to 1h; a bare number is seconds')
        .argParser(parseDelay)
        .default(1000, '1s'),
    )
    .addOption(
      new Option(
        '-n, --iterations <N>',
        'stop after N samples; 0 is for ever (default: 0 on the screen, with --plain, recording or replaying, 1 elsewhere)',
      ).argParser(parseCount),
    )
    .addOption(
      new Option('-s, --sort <FIELD>', 'order by this field, with :asc or :desc after it if you like')
        .argParser(parseSortOption)
        .default(initialSort, 'cpu_pct:desc'),
    )
    .addOption(
      new Option('-f, --filter <EXPR>', 'show the programs that this is true of, see below')
        .argParser(parseExpression('--filter', parseFilter))
        .default(noFilter, 'all'),
    )
    .addOption(new Option('-g, --group <FIELD>', `add programs up by ${groupingNames}`))
    .addOption(
      new Option('--columns <LIST>', 'fields to show, in order, comma-separated (default: as many as fit)').argParser(
        parseColumns,
      ),
    )
    .addOption(
      new Option('--fail-on <EXPR>', 'exit 3 after the first sample with a program that this is true of').argParser(collect),
    )
    .addOption(new Option('-l, --limit <N>', 'show at most N programs, or groups (default: all)').argParser(parseLimit))
    .addOption(
      new Option('--format <FORMAT>', 'write that instead of showing the screen').choices([
        ...(['table', 'json', 'csv', 'plain', 'prometheus'] satisfies Format[]),
      ]),
    )
    .addOption(new Option('--json', 'write JSON, the same as --format json; one line a sample when piped'))
    .addOption(
      new Option('--plain', 'tell it in words, the same as --format plain: for screen readers, every 10s, the first five'),
    )
    .addOption(
      new Option(
        '--output <FILE>',
        'with --format prometheus: write it to FILE, whole, over an older one of its own, for a textfile collector',
      ),
    )
    .addOption(
      new Option(
        '--record <FILE>',
        'write a recording, for replay, to a new file, or with - to stdout; alone, or while showing',
      ),
    )
    .addOption(
      new Option(
        '--rotate <LIMIT>',
        'begin a new file at this size or time (100MB, 1h); the last ten are kept, as FILE.1 to FILE.9',
      ).argParser(parseRotation),
    )
    .addOption(new Option('--no-enable-stats', 'watch only: never switch BPF statistics on'))
    .addOption(new Option('--no-owners', 'do not look who holds the programs'))
    .addOption(new Option('--no-links', 'do not look what they are attached to'))
    .addOption(new Option('--no-maps', 'do not look at the maps they use'))
    .addOption(new Option('--no-pins', 'do not look where they are pinned'))
    .addOption(new Option('--no-names', 'do not look what they are called in full'))
    .addOption(
      new Option('--host-root <DIR>', "read the host's files below DIR: in a container, where the host is mounted").default(
        '/',
      ),
    )
    .addOption(
      new Option('--sampler <NAME>', 'list programs by a BPF iterator (fast), or by walking their ids')
        .choices(['auto', 'iterator', 'walk'])
        .default('auto'),
    )
    .addOption(
      new Option('--color <WHEN>', 'use colours: auto asks NO_COLOR, COLORTERM and TERM')
        .choices(['auto', 'always', 'never'])
        .default('auto'),
    )
    .addOption(new Option('--ascii', 'draw with ASCII alone; without it locale and TERM decide'))
    .addOption(
      new Option('--theme <NAME>', 'colours for any background, or for a dark or light one with more contrast')
        .choices(themeNames)
        .default('default'),
    );
}

/** A message of commander's, as one of ours: one sentence, then where to look. */
function usageError(message: string): UserError {
  const sentence = message
    .replace(/^error: /, '')
    .replace(/^option '.*(--[a-z-]+) <.*>' argument '(.*)' is invalid\. /s, "$1 '$2': ")
    .replace(/^option '(.*)' argument missing$/, '$1 needs a value')
    .replace(/\s*\n\s*/g, ' ')
    .trim();
  return new UserError(`${sentence}${/[.?)]$/.test(sentence) ? '' : '.'} Try: bpftop-ts --help`, exitStatus.usage);
}

function lookOf({color, ascii, theme}: Raw): LookOptions {
  return {color, ascii: ascii === true, theme};
}

function formatOf({json, plain, format}: Raw): Format | null {
  const asked = new Set<Format>([
    ...(json ? ['json' as const] : []),
    ...(plain ? ['plain' as const] : []),
    ...(format ? [format] : []),
  ]);
  const [first = null, other] = asked;
  if (!other) return first;
  const words = [json && '--json', plain && '--plain', format && `--format ${format}`].filter((word) => word);
  throw usageError(`${words.join(' and ')} contradict each other.`);
}

/**
 * Makes a command refuse the options that mean nothing to it: they are the program's, and may stand before a command as well as after
 * it. `taken` has those it takes, as they are and mean to it.
 */
function takesOnly(command: Command, program: Command, taken: readonly Option[]): void {
  const names = new Set(taken.map((option) => option.attributeName()));
  command.configureHelp({showGlobalOptions: true, visibleGlobalOptions: () => [...taken]});
  command.hook('preAction', () => {
    const foreign = program.options.find(
      (option) => !names.has(option.attributeName()) && program.getOptionValueSource(option.attributeName()) === 'cli',
    );
    if (foreign) throw usageError(`${command.name()} takes no ${foreign.long ?? foreign.flags}.`);
  });
}

const shareHelp = `
Pins an iterator in /run/bpftop-ts for the group to read, switches statistics on, becomes nobody,
and stays in the foreground until a signal comes. deploy/bpftop-ts-share.service runs it under systemd.`;

const completionHelp = `
bash: source <(bpftop-ts completion bash)    in ~/.bashrc
zsh:  source <(bpftop-ts completion zsh)     in ~/.zshrc, after compinit
fish: bpftop-ts completion fish > ~/.config/fish/completions/bpftop-ts.fish`;

const serveHelp = `
Serves /metrics (Prometheus' text, or OpenMetrics for who asks), /healthz, /readyz and a page at /.
Every scrape reads the kernel's counters, once for all who ask within --max-age; between scrapes it
does nothing. Statistics are on from its start to its end, some 70 ns a run of every BPF program.
HUP reads the web configuration file and its certificates again, but TLS on or off and client_auth_type,
which need a restart; TERM and INT let requests end.
64 connections, and places where passwords wait, are shared among client addresses; an answer of which
nothing is taken for 20 s, or not all in 60 s, is ended.`;

const replayHelp = `
A far host on this screen, if sudo asks for no password there (a pipe has no terminal to ask on):
  ssh HOST 'cd / && sudo npx -y bpftop-ts@${version} --record -' | bpftop-ts replay -
What --rotate has divided:
  cat FILE.2 FILE.1 FILE | bpftop-ts replay -`;

const diffHelp = `
Compares medians over all readings, of programs with the same type, name and tag, together, and of all.
Type and name are enough where the tag changed, because the program was built anew. What they are
apart by is noise (~) where the readings before and after overlap: the middle half of ten or more, all
of four to nine. With fewer that isn't known (?).

CHANGE of --fail-on: avg_run_time_ns, events_per_sec or cpu_pct, then > >= < or <=, then a change with
its sign, in per cent of what it was or as it is: 'avg>+10%' 'avg>=+50ns' 'ev<-2k' 'cpu>+0.5' (of a CPU).
It fails unless the change is within the noise; where that isn't known it fails too.

bpftop-ts --json -n 60 > before.json      a minute; then the new release, and the same > after.json
bpftop-ts diff before.json after.json --fail-on 'avg>+10%'
bpftop-ts diff before.json after.json --markdown          for a pull request

Exit status: 0 compared; 1 a file can't be, 77 nor be read; 3 --fail-on was true of a program, which stderr tells.`;

const doctorHelp = `
Tries what the live screen would, for a moment; nothing of it stays, nothing is written.

Exit status: 0 programs can be read, if only without rates; 69 this kernel or system can't;
77 not permitted.`;

/** Takes what is remembered for those options that the words leave out; what can't be that any more is left out, and said. */
function takeDefaults(program: Command, config: Config, problem: (sentence: string) => void): void {
  for (const [key, value] of Object.entries(config) as [keyof Config, Config[keyof Config]][]) {
    const option = program.options.find((each) => each.attributeName() === key);
    if (!option) continue;
    try {
      const text = Array.isArray(value) ? value.join(',') : value;
      const parsed: unknown = typeof text === 'string' && option.parseArg ? option.parseArg(text, undefined as never) : text;
      if (program.getOptionValueSource(key) !== 'cli') program.setOptionValueWithSource(key, parsed, 'config');
    } catch (error) {
      problem(`${option.long} in the config file is left out: ${(error as Error).message}`);
    }
  }
}

/** The command line as commander has it, and how to read words with it. */
export interface CommandLine {
  readonly program: Command;
  /** @throws UserError (2) with what is wrong and what would be right. */
  read(words: readonly string[]): Options | Printed;
}

/**
 * Reads the words after the command's name.
 * @param configFor what is remembered for watching like that.
 * @param problem is told of what in it can't be used.
 * @throws UserError (2) with what is wrong and what would be right.
 */
export function parseOptions(
  words: readonly string[],
  configFor: (chosen: Pick<ShowOptions, 'format' | 'failOn'>) => Config = () => ({}),
  problem: (sentence: string) => void = () => {},
): Options | Printed {
  return commandLine(configFor, problem).read(words);
}

/** Which word is one too many. */
function excessWord(commands: readonly Command[]): UserError {
  const command = commands.find(({args}) => args.length > 0);
  const taken = (command?.registeredArguments ?? []).map((argument) => `one ${argument.name().toUpperCase()}`);
  return usageError(
    command && taken.length > 0
      ? `${command.name()} takes ${taken.join(' and ')}.`
      : `unknown command '${command?.args[0] ?? ''}'.`,
  );
}

/** All commands and options; `configFor` and `problem` as in `parseOptions`. */
export function commandLine(
  configFor: (chosen: Pick<ShowOptions, 'format' | 'failOn'>) => Config = () => ({}),
  problem: (sentence: string) => void = () => {},
): CommandLine {
  let chosen: Options | Printed | undefined;
  let printed = '';
  const program = new Command('bpftop-ts');
  const show = <Command extends ShowOptions['command']>(command: Command) => {
    const format = formatOf(program.opts<Raw>());
    const failOn = parseFailOn(program.opts<Raw>().failOn);
    takeDefaults(program, configFor({format, failOn}), problem);
    const raw = program.opts<Raw>();
    if (raw.output !== undefined && format !== 'prometheus') throw usageError('--output goes with --format prometheus.');
    const pages = raw.iterations ?? (raw.record === undefined ? 1 : 0);
    if (command !== 'replay' && format === 'prometheus' && raw.output === undefined && pages !== 1)
      throw usageError('--format prometheus writes one page to stdout, which takes no other: use -n 1, or --output FILE.');
    if (raw.group !== undefined && format === 'prometheus')
      throw usageError('--group and --format prometheus contradict each other.');
    return {
      command,
      format,
      output: raw.output ?? null,
      delayMs: format === 'plain' && program.getOptionValueSource('delay') === 'default' ? plainDelayMs : raw.delay,
      iterations: raw.iterations ?? null,
      sort: raw.sort,
      filter: raw.filter,
      grouping: raw.group === undefined ? null : parseGrouping(raw.group),
      failOn,
      limit: raw.limit ?? null,
      columns: raw.columns ?? null,
      look: lookOf(raw),
    };
  };
  const watch = (command: WatchOptions['command']): WatchOptions => {
    const shown = show(command);
    const raw = program.opts<Raw>();
    const {record = null, rotate = null} = raw;
    if (record === '-' && (shown.format ?? shown.failOn) !== null)
      throw usageError('--record - writes to stdout: it cannot be used with --format, --json, --plain or --fail-on.');
    if (rotate && (record === null || record === '-')) throw usageError('--rotate needs --record FILE.');
    return {
      ...shown,
      record,
      rotation: rotate,
      enableStats: raw.enableStats,
      sampler: raw.sampler,
      sources: sourceNames.filter((name) => raw[name]),
      hostRoot: raw.hostRoot,
    };
  };
  addOptions(program)
    .exitOverride()
    .configureOutput({writeOut: (text) => (printed += text), writeErr: () => {}, getOutHelpWidth: () => helpWidth})
    .configureHelp({showGlobalOptions: true})
    .allowExcessArguments(false)
    .description(
      'Shows live what every BPF program in this kernel costs: run time, events per second, CPU. It needs root; doctor tells what less allows.',
    )
    .usage('[options] [command]')
    .version(version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .addHelpText('after', ({command}) => helpAfter(command))
    .action(() => void (chosen = watch('watch')));
  program
    .command('demo')
    .description(
      'load a few harmless programs, drive them, show them, and unload them; where that cannot be, play a recording',
    )
    .helpOption('-h, --help', 'show this help')
    .action(() => void (chosen = watch('demo')));
  const replay = program
    .command('replay')
    .description('show what was recorded: the same screen and formats, on any system, without any privilege')
    .addArgument(new Argument('<file>', 'a recording, or - to read one from stdin'))
    .addOption(
      new Option(
        '--speed <FACTOR>',
        'times as fast as recorded, or max (default: 1 on the screen, max elsewhere)',
      ).argParser(parseSpeed),
    )
    .addOption(
      new Option(
        '--from <WHEN>',
        'begin there: so long after its beginning (10m), or at a moment in UTC (2026-11-21T12:00:00Z)',
      ).argParser(parsePlace),
    )
    .addOption(new Option('--to <WHEN>', 'end there').argParser(parsePlace))
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', replayHelp)
    .action((file: string, {speed, from, to}: RawReplay) => {
      if (from && to && !isBefore(from, to)) throw usageError('--from is not before --to.');
      chosen = {...show('replay'), file, speed: speed ?? null, from: from ?? null, to: to ?? null};
    });
  const diff = program
    .command('diff')
    .description('compare two snapshots (--json) or recordings (--record), program by program, on any system')
    .addArgument(new Argument('<before>', 'a snapshot, or several, or a recording; - for stdin'))
    .addArgument(new Argument('<after>', 'the same of later'))
    .addOption(new Option('--markdown', 'write a table for a pull request'))
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', diffHelp)
    .action((before: string, after: string, {markdown}: {markdown?: true}) => {
      const raw = program.opts<Raw>();
      const {sort, filter, limit = null, failOn = [], ascii} = raw;
      const format = formatOf(raw);
      if (format !== null && format !== 'table' && format !== 'json') throw usageError(`diff writes no ${format}.`);
      if (markdown && format !== null) throw usageError(`--markdown and --format ${format} contradict each other.`);
      if (before === '-' && after === '-') throw usageError('stdin is there once: one of BEFORE and AFTER can be -.');
      if (!diffSortKeys.includes(sort.field.key))
        throw usageError(`diff sorts by ${diffSortKeys.join(', ')}, not by ${sort.field.key}.`);
      chosen = {
        command: 'diff',
        ...{before, after, sort, filter, limit},
        format: markdown ? 'markdown' : (format ?? 'table'),
        failOn: failOn.map(parseExpression('--fail-on', parseChangeRule)),
        look: {ascii: ascii === true},
      };
    });
  const serve = program
    .command('serve')
    .description('answer Prometheus: metrics of every program over HTTP')
    .addOption(
      new Option('--listen <ADDR:PORT>', 'where to listen; may be repeated (default: 127.0.0.1:9935)').argParser(
        parseAddress,
      ),
    )
    .addOption(
      new Option('--max-age <TIME>', 'how old a reading may be for a scrape, 0 to 5m')
        .argParser(parseAge)
        .default(1000, '1s'),
    )
    .addOption(
      new Option('--max-series <N>', 'at most so many series; the least important are left out, and counted')
        .argParser(parseLimit)
        .default(mostSeries),
    )
    .addOption(new Option('--web.config.file <FILE>', "TLS and passwords, as Prometheus' exporters have them"))
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', serveHelp)
    .action((own: RawServe) => {
      const {enableStats, sampler, hostRoot, ...raw} = program.opts<Raw>();
      chosen = {
        command: 'serve',
        addresses: own.listen ?? [defaultAddress],
        maxAgeMs: own.maxAge,
        maxSeries: own.maxSeries,
        webConfigFile: own['web.config.file'] ?? null,
        enableStats,
        sampler,
        sources: servedSources.filter((name) => raw[name]),
        hostRoot,
      };
    });
  const doctor = program
    .command('doctor')
    .description('tell what this host allows, what is missing, and how to get it')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', doctorHelp)
    .action(() => {
      const raw = program.opts<Raw>();
      const format = formatOf(raw);
      if (format !== null && format !== 'table' && format !== 'json') throw usageError(`doctor writes no ${format}.`);
      chosen = {command: 'doctor', format, look: lookOf(raw)};
    });
  const share = program
    .command('share')
    .description('let a group watch without any privilege: sudo once, then no more')
    .option('--stop', 'end the service, and take back what is shared')
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', shareHelp)
    .action(({stop}: {stop?: true}) => {
      const {group} = program.opts<Raw>();
      if (group !== undefined && stop) throw usageError("option '--group <GROUP>' cannot be used with option '--stop'.");
      if (group === undefined && !stop) throw usageError('share needs --group GROUP, or --stop.');
      chosen = {command: 'share', group: group ?? null};
    });
  const completion = program
    .command('completion')
    .description('write a script that makes a shell complete these words')
    .addArgument(new Argument('<shell>', 'which shell').choices(shells))
    .helpOption('-h, --help', 'show this help')
    .addHelpText('after', completionHelp)
    .action((shell: Shell) => void (chosen = {print: completionScript(shell, program)}));
  takesOnly(completion, program, []);
  const ofHost = new Set(['enableStats', 'sampler', 'hostRoot', ...sourceNames]);
  const served = new Set(['enableStats', 'sampler', 'hostRoot', ...servedSources]);
  takesOnly(
    serve,
    program,
    program.options.filter((option) => served.has(option.attributeName())),
  );
  const notRecorded = new Set([...['delay', 'record', 'rotate'], ...ofHost]);
  takesOnly(
    replay,
    program,
    program.options.filter((option) => !notRecorded.has(option.attributeName())),
  );
  takesOnly(diff, program, [
    new Option('-f, --filter <EXPR>', 'show the programs that this is true of, before or after').default(noFilter, 'all'),
    new Option('-s, --sort <FIELD>', 'order by the change of that figure, or by type, name or tag').default(
      initialSort,
      'cpu_pct:desc',
    ),
    new Option('-l, --limit <N>', 'show at most N programs (default: all)'),
    new Option('--fail-on <CHANGE>', 'exit 3 where this is true of the change of a program; may be repeated'),
    new Option('--format <FORMAT>', 'write a table, or json').choices(['table', 'json']),
    new Option('--json', 'write JSON, the same as --format json'),
    new Option('--ascii', 'write the table in ASCII alone'),
  ]);
  takesOnly(share, program, [new Option('-g, --group <GROUP>', 'whom to share with: a name or a number')]);
  takesOnly(doctor, program, [
    new Option('--format <FORMAT>', 'write text (table) or json'),
    new Option('--json', 'write JSON, the same as --format json'),
    new Option('--color <WHEN>', 'use colours: auto, always or never'),
    new Option('--ascii', 'write ASCII alone'),
  ]);
  const read = (words: readonly string[]): Options | Printed => {
    try {
      program.parse(words, {from: 'user'});
    } catch (error) {
      if (!(error instanceof CommanderError)) throw error;
      if (error.code === 'commander.excessArguments') throw excessWord([...program.commands, program]);
      if (error.exitCode !== 0) throw usageError(error.message);
      return {print: printed};
    }
    return chosen as Options | Printed;
  };
  return {program, read};
}

/** The filter language in a few lines. */
export const filterHelp = `EXPR of --filter, --fail-on and the / key:
  cilium                     name, type, owner, attachment, container, pod or unit contains it
  type:xdp pod:web           that field contains it; names and text in any case
  name=tc_* pod!=""          that field equals, or doesn't; * and ? match; "" is none
  cpu>1 avg>=10us age<5m     numbers compare, with units: us ms s m h d, k M G, KiB MiB, %
  sleepable=yes              yes or no
  a b, a and b, a or b, not a, ( ), "or", 'two words'
What compares with something unknown (-) isn't true, and neither is not of it.`;

/** What the exit status says. */
export const exitStatusHelp = `Exit status: 0 done, 1 failed, 2 bad usage, 3 --fail-on was true, 69 this kernel or system can't,
77 not permitted, 128+n ended by signal n. A file that can't be read or written: 1, or 77.`;

function helpAfter(command: Command): string {
  const help = command.createHelp();
  help.prepareContext({helpWidth});
  const width = Math.max(...fields.map(({key}) => key.length));
  const unsortable = fields.filter((each) => !sortableFields.includes(each)).map(({key}) => key);
  const lines = fields.map((each) => help.formatItem(each.key, width, each.help + (each.unit && ` (${each.unit})`), help));
  return `
Fields; in the JSON document pid to namespace are in owners, attached to link_type in links.
--sort takes all but ${unsortable.join(', ')}. cpu, avg, ev and age are short for cpu_pct, avg_run_time_ns,
events_per_sec and age_ns:
${lines.join('\n')}

${filterHelp}

Statistics are switched on while it runs and go off with it, however it ends.

${exitStatusHelp}`;
}
