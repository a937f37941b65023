/**
 * A person at a terminal: an emulator that knows what is on the screen, alone or behind a pty with a program in it. Tests look at the
 * screen, never at the bytes: a substring of those can't tell whether it is still to be seen.
 */
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {spawn, type IPty} from '@lydell/node-pty';
import xterm, {type IBufferCell} from '@xterm/headless';

export class Emulator {
  readonly term: xterm.Terminal;

  constructor(columns: number, rows: number) {
    this.term = new xterm.Terminal({cols: columns, rows, allowProposedApi: true, scrollback: 200});
  }

  /** Draws characters as wide as `widthOf` says; where it says 0 they join what is before them. */
  believe(widthOf: (codePoint: number) => 0 | 1 | 2): void {
    const {unicode} = this.term;
    unicode.register({
      version: 'test',
      wcwidth: widthOf,
      // As xterm packs them: the width in bits 1 and 2, whether it joins in bit 0.
      charProperties(codePoint, preceding) {
        const before = (preceding >> 1) & 3;
        const own = widthOf(codePoint);
        const joins = own === 0 && before > 0;
        return (Math.max(own, joins ? before : 0) << 1) | (joins ? 1 : 0);
      },
    });
    unicode.activeVersion = 'test';
  }

  /** Shows the bytes; resolves when they are on the screen. */
  write(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.term.write(bytes, resolve));
  }

  /** The lines of the screen, without blanks at their ends. */
  lines(): string[] {
    const {active} = this.term.buffer;
    return Array.from(
      {length: this.term.rows},
      (_, y) => active.getLine(active.viewportY + y)?.translateToString(true) ?? '',
    );
  }

  text(): string {
    return this.lines().join('\n');
  }

  cell(x: number, y: number): IBufferCell {
    const {active} = this.term.buffer;
    return active.getLine(active.viewportY + y)?.getCell(x) as IBufferCell;
  }

  /** True while a program shows its own screen, over the shell's. */
  get alternate(): boolean {
    return this.term.buffer.active.type === 'alternate';
  }
}

export interface Exit {
  readonly exitCode: number;
  readonly signal?: number | undefined;
}

export interface PtyOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** How long something may take that happens at once on an idle machine. */
const patienceMs = 20_000;

/** A frame is a synchronized update. */
const endOfFrame = '\x1b[?2026l';

/** A program in a pty. */
export class PtyProgram {
  readonly emulator: Emulator;
  readonly exited: Promise<Exit>;
  /** Bytes that came from it. */
  bytes = 0;
  /** Frames that they were. */
  frames = 0;
  /** Bytes that are not ASCII. */
  bytesBeyondAscii = 0;
  readonly #pty: IPty;
  #last: Promise<void> = Promise.resolve();
  #waiting: (() => void)[] = [];

  constructor(command: readonly string[], {columns, rows, env}: PtyOptions) {
    this.emulator = new Emulator(columns, rows);
    const {CI: _, NO_COLOR: __, COLORTERM: ___, ...inherited} = process.env;
    this.#pty = spawn(command[0] as string, command.slice(1), {
      cols: columns,
      rows,
      env: {...inherited, TERM: 'xterm-256color', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', ...env},
    });
    this.exited = new Promise((resolve) => this.#pty.onExit(resolve));
    this.#pty.onData((data) => {
      this.bytes += Buffer.byteLength(data);
      this.frames += data.split(endOfFrame).length - 1;
      this.bytesBeyondAscii += Buffer.byteLength(data.replace(/[\0-\x7f]+/g, ''));
      this.#last = this.emulator.write(data).then(() => {
        for (const wake of this.#waiting.splice(0)) wake();
      });
    });
  }

  get pid(): number {
    return this.#pty.pid;
  }

  type(keys: string): void {
    this.#pty.write(keys);
  }

  resize(columns: number, rows: number): void {
    this.emulator.term.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  /** Stops reading, as a frozen ssh does. */
  freeze(): void {
    this.#pty.pause();
  }

  thaw(): void {
    this.#pty.resume();
  }

  /** Takes the terminal away, as when a terminal's window or an ssh connection is closed. */
  hangUp(): void {
    (this.#pty as unknown as {destroy(): void}).destroy();
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    try {
      process.kill(this.pid, signal);
    } catch {
      // It ended by itself.
    }
  }

  /** Resolves with the screen when it is as wanted; throws, with what it is instead, when it doesn't get there. */
  async until(wanted: (screen: string) => boolean, what: string): Promise<string> {
    const end = Date.now() + patienceMs;
    for (;;) {
      await this.#last;
      const screen = this.emulator.text();
      if (wanted(screen)) return screen;
      if (Date.now() > end) throw new Error(`not on the screen: ${what}\n${screen}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** Resolves when the screen has a text, or matches. */
  shows(wanted: string | RegExp): Promise<string> {
    return this.until(
      (screen) => (typeof wanted === 'string' ? screen.includes(wanted) : wanted.test(screen)),
      String(wanted),
    );
  }

  /** Resolves when a text is gone from the screen. */
  hides(unwanted: string | RegExp): Promise<string> {
    const found = (screen: string) => (typeof unwanted === 'string' ? screen.includes(unwanted) : unwanted.test(screen));
    return this.until((screen) => !found(screen), `anything but ${String(unwanted)}`);
  }
}

const fixture = fileURLToPath(new URL('../fixtures/screen.ts', import.meta.url));

/** To be put before a command: without the loaders that the test runner puts into NODE_OPTIONS. */
export const cleanEnv = ['env', '-u', 'NODE_OPTIONS', '-u', 'CI', 'NODE_ENV=production'];

/** The command of fixtures/screen.ts. */
export function screenCommand(args: readonly (string | number)[] = [], nodeFlags: readonly string[] = []): string[] {
  return [...cleanEnv, process.execPath, ...nodeFlags, '--import', 'tsx', fixture, ...args.map(String)];
}

/** Runs fixtures/screen.ts, or other words, in a pty; killed when the test ends. */
export function startInPty(
  t: {teardown(done: () => void): void},
  {
    columns = 80,
    rows = 24,
    words = screenCommand(),
    env = {},
  }: {columns?: number; rows?: number; words?: readonly string[]; env?: NodeJS.ProcessEnv} = {},
): PtyProgram {
  const program = new PtyProgram(words, {columns, rows, env});
  t.teardown(() => program.kill());
  return program;
}

/** After so many samples fixtures/screen.ts collects garbage and says what is left. */
export const samplesPerCollection = 50;

/** What is in use after a collection. */
export interface InUse {
  /** In V8's heap and beside it. */
  readonly bytes: number;
  /** Of the process and its terminal. */
  readonly listeners: number;
}

/** What fixtures/screen.ts says of itself. */
export interface Heartbeat {
  readonly samples: number;
  /** After each `samplesPerCollection` of them, under --expose-gc. */
  readonly inUse: readonly InUse[];
}

/** Its latest word. */
export function heartbeatOf(file: string): Heartbeat {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Heartbeat;
  } catch {
    return {samples: 0, inUse: []};
  }
}

/** Resolves when so many collections have been. */
export async function collected(file: string, count: number): Promise<Heartbeat> {
  for (const end = Date.now() + patienceMs; ;) {
    const said = heartbeatOf(file);
    if (said.inUse.length >= count) return said;
    if (Date.now() > end) throw new Error(`${said.samples} samples, ${said.inUse.length} collections, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
