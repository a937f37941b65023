/** The live screen, as the command line sees it. */
import type {Filter} from '../model/filter.js';
import type {Grouping} from '../model/group.js';
import type {Measured} from '../model/measure.js';
import type {Selection} from '../model/select.js';
import type {SortOrder} from '../model/sort.js';
import type {ColumnKey} from './layout.js';
import {LiveScreen} from './live-screen.js';
import type {WriteOutcome} from './prompt.js';
import {openTerminal, type TerminalHost} from './terminal.js';
import type {ColorChoice, ThemeName} from './theme.js';

/** What it shall look like. */
export interface LookOptions {
  readonly color: ColorChoice;
  /** Draw with ASCII alone, also where the locale has more. */
  readonly ascii: boolean;
  readonly theme: ThemeName;
}

/** What is to be written to a file: what was on the screen when its name was asked for. */
export interface Shown {
  readonly measured: Measured;
  readonly selection: Selection;
  /** null: each program by itself. */
  readonly grouping: Grouping | null;
  /** The columns that somebody chose; null: nobody did. */
  readonly columns: readonly ColumnKey[] | null;
}

/** What can be saved of a screen, for the next one to begin with. */
export interface Settings {
  readonly columns: readonly ColumnKey[] | null;
  readonly sort: SortOrder;
  readonly delayMs: number;
  readonly look: Pick<LookOptions, 'ascii' | 'theme'>;
}

/** What the screen can't do itself, for it knows no files. Neither ever rejects: what is wrong is said in a sentence. */
export interface ScreenFiles {
  /** Writes it to a file, whose name says in which form; over one that is there only where `replace` says so. */
  write(name: string, shown: Shown, replace: boolean): Promise<WriteOutcome>;
  save(settings: Settings): Promise<Exclude<WriteOutcome, {kind: 'exists'}>>;
}

/** How a recording is played, for the person to change. */
export interface PlaybackControl {
  /** How many times as fast as it was recorded; Infinity: without waiting. */
  speed: number;
  /** For how long whoever records right now has sent nothing, ms; null: nobody does, it is a file. */
  readonly silentMs: number | null;
  /** Goes on by so much of the recording's time without waiting, and to the next reading at least. */
  ahead(ms: number): void;
}

/** What a screen begins with, and what it needs of who opens it. */
export interface ScreenOptions {
  readonly version: string;
  /** The order to begin with. */
  readonly sort: SortOrder;
  readonly filter: Filter;
  /** What programs are grouped by; null: they aren't. */
  readonly grouping: Grouping | null;
  /** At most so many rows; null: all. */
  readonly limit: number | null;
  /** The columns, in that order; null: as many of the usual ones as fit. */
  readonly chosenColumns: readonly ColumnKey[] | null;
  /** Time between samples, as the header shows it. */
  readonly delayMs: number;
  /** The person wants another time between samples, from now on. */
  readonly setDelay: (ms: number) => void;
  /** Of a recording; null: there is none. The header then has its time instead of the delay, which nobody can change any more. */
  readonly playback: PlaybackControl | null;
  readonly look: LookOptions;
  /** What else the person should know, such as that this is a demo. */
  readonly notice: string | null;
  readonly terminal: TerminalHost;
  readonly files: ScreenFiles;
}

export type {WriteOutcome} from './prompt.js';

/** Why the screen ended: `q`, Ctrl-C, a bug in it, or a terminal that is no longer there. */
export type ScreenEnd =
  | {readonly by: 'quit'}
  | {readonly by: 'interrupt'}
  | {readonly by: 'error'; readonly error: unknown}
  | {readonly by: 'hangup'};

/** An open screen. */
export interface Screen {
  /** A new sample: shown at once, unless the terminal hasn't taken the last frame yet. */
  update(measured: Measured): void;
  /** A reading failed: says so, and keeps the last figures. Over with the next `update`. */
  fail(message: string): void;
  /** There will be no more samples; `asked`: of those that were asked for. */
  finish(asked: boolean): void;
  /** Resolves once; the terminal is still taken then. */
  readonly ended: Promise<ScreenEnd>;
  /** Gives the terminal back as it was. Synchronous, idempotent; good for signal and exit handlers, and never waits for long. */
  close(): void;
}

/**
 * Takes over the terminal and shows a first frame; the rest of the screen's code is loaded after it. Synchronous, so that whoever calls
 * it can see to the terminal's return before anything else happens.
 * @throws UserError when there is no terminal to be had.
 */
export function openScreen(options: ScreenOptions): Screen {
  const screen = new LiveScreen(options, openTerminal(options.terminal));
  screen.start();
  return screen;
}
