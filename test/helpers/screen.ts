/** The live screen on an emulator, without a tty: what a sample or key makes of the screen, in this process. */
import type {Filter} from '../../src/model/filter.js';
import {noFilter} from '../../src/model/filter.js';
import {measure} from '../../src/model/measure.js';
import {initialSort} from '../../src/model/sort.js';
import type {Sample} from '../../src/sample/types.js';
import {splitKeys} from '../../src/ui/keys.js';
import {type ChromeModule, LiveScreen, type ShownOptions} from '../../src/ui/live-screen.js';
import type {Terminal, TerminalEvents, TerminalSize} from '../../src/ui/terminal.js';
import {makeSample, type ProgSpec} from './samples.js';
import {Emulator} from './terminal.js';

class EmulatedTerminal implements Terminal {
  size: TerminalSize;
  busy = false;
  closed = 0;
  suspended = 0;
  frames: Buffer[] = [];
  events!: TerminalEvents;
  readonly emulator: Emulator;

  constructor(columns: number, rows: number) {
    this.size = {columns, rows};
    this.emulator = new Emulator(columns, rows);
  }

  open(events: TerminalEvents): void {
    this.events = events;
  }
  write(frame: Uint8Array): void {
    this.frames.push(Buffer.from(frame));
  }
  suspend(): void {
    this.suspended++;
  }
  close(): void {
    this.closed++;
  }
}

export interface ScreenUnderTest {
  readonly screen: LiveScreen;
  readonly terminal: EmulatedTerminal;
  /** How often Ink has drawn. */
  readonly inkFrames: () => number;
  /** A sample a second after the one before. */
  readonly feed: (progs: readonly ProgSpec[], rest?: Partial<Sample>) => void;
  /** Types, and waits until the screen has it. */
  readonly press: (keys: string) => Promise<string[]>;
  readonly resize: (columns: number, rows: number) => Promise<string[]>;
  /** What is on the screen. */
  readonly lines: () => Promise<string[]>;
  /** Bytes written since the last call. */
  readonly bytes: () => number;
}

/** Files that nobody writes. */
export const noFiles: ShownOptions['files'] = {
  write: () => Promise.reject(new Error('nothing is to be written')),
  save: () => Promise.reject(new Error('nothing is to be saved')),
};

const tick = () => new Promise((resolve) => setImmediate(resolve));

/** Opens a screen of that size; closed when the test ends. */
export async function openTestScreen(
  t: {teardown(done: () => void): void},
  {
    columns = 120,
    rows = 30,
    filter = noFilter,
    ...rest
  }: Partial<ShownOptions> & {columns?: number; rows?: number; filter?: Filter} = {},
  wrap: (module: ChromeModule) => ChromeModule = (module) => module,
): Promise<ScreenUnderTest> {
  const terminal = new EmulatedTerminal(columns, rows);
  const options: ShownOptions = {
    version: '1.2.3',
    sort: initialSort,
    filter,
    grouping: null,
    limit: null,
    chosenColumns: null,
    delayMs: 1000,
    setDelay: () => {},
    playback: null,
    look: {color: 'auto', ascii: false, theme: 'default'},
    // Not the hint of the first seconds.
    notice: '',
    files: noFiles,
    ...rest,
  };
  let drawn = 0;
  const screen = new LiveScreen(options, terminal, {TERM: 'xterm-256color', LANG: 'C.UTF-8'}, async () => {
    const {openChrome} = wrap(await import('../../src/ui/chrome.js'));
    return {
      openChrome: (pipe, props, events) =>
        openChrome(pipe, props, {
          ...events,
          frame(frame) {
            drawn++;
            events.frame(frame);
          },
        }),
    };
  });
  t.teardown(() => screen.close());
  screen.start();
  // Until Ink has drawn, or can't: its import takes as long as it takes.
  let ended = false;
  void screen.ended.then(() => (ended = true));
  while (drawn === 0 && !ended) await new Promise((resolve) => setTimeout(resolve, 2));

  let previous: Sample | null = null;
  let seconds = 100;
  let counted = 0;
  let shown = 0;
  const lines = async () => {
    for (; shown < terminal.frames.length; shown++) await terminal.emulator.write(terminal.frames[shown] as Buffer);
    return terminal.emulator.lines();
  };
  return {
    screen,
    terminal,
    inkFrames: () => drawn,
    lines,
    feed(progs, more) {
      const sample = makeSample(++seconds, progs, more);
      screen.update(measure(sample, previous));
      previous = sample;
    },
    async press(keys) {
      terminal.events.keys(splitKeys(keys).keys.concat(splitKeys(keys).pending || []));
      // Ink holds an Esc back for a turn of the loop.
      for (let i = 0; i < 4; i++) await tick();
      return lines();
    },
    async resize(width, height) {
      terminal.size = {columns: width, rows: height};
      await lines();
      terminal.emulator.term.resize(width, height);
      terminal.events.redraw();
      await tick();
      return lines();
    },
    bytes() {
      const all = terminal.frames.reduce((sum, frame) => sum + frame.length, 0);
      const since = all - counted;
      counted = all;
      return since;
    },
  };
}
