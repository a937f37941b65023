/** The live screen: samples in, and the ends it can come to. Whatever ends it, the terminal is given back first. */
import {closeSync, openSync} from 'node:fs';
import {constants, devNull} from 'node:os';
import {loadTerminal, type NativeTerminal} from '../addon.js';
import type {Collector} from '../collectors/kernel.js';
import type {Late} from '../collectors/late.js';
import {Pace} from '../collectors/pace.js';
import type {ReplayCollector} from '../collectors/replay.js';
import {exitStatus, UserError} from '../errors.js';
import type {Screen, ScreenEnd} from '../ui/index.js';
import type {TerminalHost} from '../ui/terminal.js';
import {version} from '../version.js';
import {configPath} from './config.js';
import {exitNow} from './exit.js';
import {feed} from './feed.js';
import {watchLaunchers} from './launchers.js';
import {report, sayOfWait} from './report.js';
import type {ShowOptions} from './options.js';
import {screenFiles} from './screen-files.js';
import {tuneV8} from './v8.js';

/** Between the first two readings: soon enough that rates are there when the eye is. */
const firstPeriodMs = 100;

/**
 * Shows the screen until the person or something else ends it.
 * @param replay the collector, where it is a recording's.
 * @returns the exit status.
 */
export async function runLive(
  collector: Collector,
  options: ShowOptions,
  notice: string | null,
  replay: ReplayCollector | null,
): Promise<number> {
  tuneV8();
  const stop = new AbortController();
  // Before the terminal is taken, or anything recorded: until there is a handler, a signal ends the process on the spot.
  let opened: Screen | null = null;
  const guard = guardTerminal(() => opened?.close());
  const pace = new Pace(options.delayMs, firstPeriodMs);
  /** Whether there was anything of what is to be shown. */
  const reached = () => replay?.reached ?? true;
  // Old figures must not pass for live ones; and until there are any, who waits shall know for what.
  const late: Late = (sentence, again) => (opened ? opened.fail(sentence) : sayOfWait(sentence, again));
  const samples = () => collector.samples(pace, stop.signal, late)[Symbol.asyncIterator]();
  // The first reading goes on in its thread while the screen's code is loaded; if it fails, no screen was ever there.
  const begun = samples();
  const first = begun.next();
  first.catch(() => {});
  const {openScreen} = await import('../ui/index.js');
  const gone = await Promise.race([first.then(() => null), guard.gone]);
  if (gone !== null) {
    stop.abort();
    guard.release();
    return gone;
  }

  const {discardOutput, replaceByNull} = replay ? portableCalls : loadTerminal();
  const screen = openScreen({
    version,
    sort: options.sort,
    filter: options.filter,
    grouping: options.grouping,
    limit: options.limit,
    chosenColumns: options.columns,
    delayMs: options.delayMs,
    setDelay: (ms) => (pace.delayMs = ms),
    look: options.look,
    notice,
    playback: replay && replay.playback,
    terminal: {windowSize, discardOutput, replaceByNull, ...windowsConsole},
    files: screenFiles(configPath()),
  });
  opened = screen;
  const shown = feed(screen, {
    ...{samples, begun, first, pace, signal: stop.signal, iterations: options.iterations, reached},
    endsAsAsked: () => replay?.endsAsAsked === true,
  });
  try {
    return await Promise.race([Promise.race([screen.ended, shown]).then(statusOf), guard.gone]);
  } finally {
    stop.abort();
    guard.release();
    screen.close();
  }
}

/** A recording is shown without the addon: it may be another system than Linux. */
const portableCalls: Pick<TerminalHost, keyof NativeTerminal> = {
  discardOutput: null,
  replaceByNull(fd) {
    closeSync(fd);
    // The lowest number that is free (POSIX): that one.
    openSync(devNull, 'r+');
  },
};

/** Windows' consoles take UTF-8 from Node's stdout alone. */
const windowsConsole: Pick<TerminalHost, 'write'> =
  process.platform === 'win32' ? {write: (bytes) => void process.stdout.write(bytes)} : {};

/** The size of stdout's terminal; null when it has gone. */
function windowSize(): [number, number] | null {
  try {
    return process.stdout.getWindowSize();
  } catch {
    return null;
  }
}

/** Signals, a bug anywhere, the end of npm or sudo above us: give the terminal back, then end as that asks for, with that status. */
function guardTerminal(giveBack: () => void): {readonly gone: Promise<number>; release(): void} {
  const signals = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT'] as const;
  let onSignal: (signal: (typeof signals)[number]) => void = () => {};
  const gone = new Promise<number>((resolve) => {
    onSignal = (signal) => {
      giveBack();
      resolve(128 + constants.signals[signal]);
    };
  });
  const onBug = (error: unknown) => {
    giveBack();
    exitNow(report(error));
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on('uncaughtException', onBug);
  process.on('exit', giveBack);
  const unwatch = watchLaunchers(() => onSignal('SIGHUP'));
  return {
    gone,
    release() {
      unwatch();
      for (const signal of signals) process.off(signal, onSignal);
      process.off('uncaughtException', onBug);
      process.off('exit', giveBack);
    },
  };
}

function statusOf(end: ScreenEnd): number {
  switch (end.by) {
    case 'quit':
      return exitStatus.done;
    case 'interrupt':
      return 128 + constants.signals.SIGINT;
    case 'hangup':
      return 128 + constants.signals.SIGHUP;
    case 'error':
      throw end.error instanceof Error ? end.error : new UserError(String(end.error));
  }
}
