/**
 * The terminal itself. Output goes through an fd of our own with O_NONBLOCK, because Node's stdout blocks on a terminal: with nobody
 * reading (a frozen ssh) it would stop the event loop, sampling and signals with it. What the terminal doesn't take is kept, never more
 * than one frame; while something is kept, `busy` says so and no new frame is made. Signals other than those of job control and of the
 * window belong to the command line, which calls `close`.
 */
import {closeSync, constants, openSync, writeSync} from 'node:fs';
import {isatty, ReadStream} from 'node:tty';
import {UserError} from '../errors.js';
import {KeySplitter} from './keys.js';

/** What a terminal tells its screen. */
export interface TerminalEvents {
  /** Keys as the terminal sends them, one in each string. */
  readonly keys: (keys: readonly string[]) => void;
  /** What was pasted, as the terminal sends it; not all of what is longer than any line takes. */
  readonly paste: (text: string) => void;
  /** What is on the screen is not what was sent: another size, or back from a suspension. */
  readonly redraw: () => void;
  /** Everything is out again: a new frame can be sent. */
  readonly drained: () => void;
  /** There is no terminal any more. */
  readonly hangup: () => void;
}

/** In cells. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What the screen needs of a terminal; tests have one without a tty. */
export interface Terminal {
  readonly size: TerminalSize;
  /** True while an earlier frame isn't out yet: nothing may be written then. */
  readonly busy: boolean;
  /** Takes the terminal over and begins to report. */
  open(events: TerminalEvents): void;
  write(frame: Uint8Array): void;
  /** Gives the terminal back and stops the job, as Ctrl-Z does. */
  suspend(): void;
  /** Gives the terminal back for good. Synchronous, idempotent, never waits for long. */
  close(): void;
}

// Alternate scroll (1007): the wheel sends arrow keys, and selecting with the mouse stays the terminal's own. Its setting is saved (s) and
// restored (r); terminals that can't do that end with it off, the default. Without autowrap (7) a character wider than believed
// can't spill into the next line. What is pasted comes in brackets (2004): a letter in it is no key. In explicit mode (ECMA-48 BDSM,
// reset: 8) terminals that can turn text around leave it where it was put: else a Hebrew name takes the figures beside it along.
const saveSequence = '\x1b[?1007s';
const enterSequence = '\x1b[?1049h\x1b[?1007h\x1b[?25l\x1b[?7l\x1b[?2004h\x1b[8l\x1b[m\x1b[2J';
const leaveSequence = '\x1b[?2026l\x1b[m\x1b[8h\x1b[?2004l\x1b[?7h\x1b[?1007l\x1b[?1007r\x1b[2J\x1b[?25h\x1b[?1049l';
/** Ends an escape sequence that was sent in part. */
const cancel = '\x18';

/** It has no job control, and other names for the terminal. */
const isWindows = process.platform === 'win32';

const retryMs = 40;
/** How long the last words to a terminal that takes nothing are tried, in all. */
const farewellMs = 150;

/** What Node doesn't offer, or only to who owns stdout: the command line hands it in. */
export interface TerminalHost {
  /** The size of the terminal that stdout is; null where it can't tell. */
  readonly windowSize: () => readonly [columns: number, rows: number] | null;
  /**
   * Throws away what a terminal was sent and nobody has read yet (tcflush(3), TCOFLUSH). With it the terminal can be given back even
   * while nobody reads it: the last words take the place of what was not read. Null: not to be had.
   */
  readonly discardOutput: ((fd: number) => void) | null;
  /** Puts /dev/null in the place of an fd; null: it stays what it is. */
  readonly replaceByNull: ((fd: number) => void) | null;
  /** Takes what the terminal is sent, where no fd of it can be had that takes UTF-8; by default one is opened. */
  readonly write?: (bytes: Uint8Array) => void;
}

/**
 * The terminal of this process: where its stdout goes, else its controlling terminal; keys come from stdin, or from the latter.
 * @throws UserError when there is none.
 */
export function openTerminal(host: TerminalHost): Terminal {
  return new Tty(host);
}

class Tty implements Terminal {
  /** null: the host writes. */
  readonly #fd: number | null;
  readonly #input: ReadStream;
  readonly #ownInput: boolean;
  readonly #splitter: KeySplitter;
  #size: TerminalSize = {columns: 80, rows: 24};
  #events: TerminalEvents | null = null;
  #rest: Uint8Array | null = null;
  #retry: NodeJS.Timeout | undefined;
  #resume: NodeJS.Timeout | undefined;
  #entered = false;
  #saved = false;
  #closed = false;
  #gone = false;
  /** Standard fds that are this terminal. */
  readonly #ttys = [0, 1, 2].filter((fd) => isatty(fd));

  readonly #host: TerminalHost;

  constructor(host: TerminalHost) {
    this.#host = host;
    // The input first: if it can't be had, nothing else is open yet.
    this.#ownInput = !process.stdin.isTTY;
    this.#input = this.#ownInput ? new ReadStream(openKeys()) : process.stdin;
    this.#fd = host.write
      ? null
      : openTty([...(isatty(1) ? ['/proc/self/fd/1'] : []), '/dev/tty'], constants.O_WRONLY | constants.O_NONBLOCK);
    this.#splitter = new KeySplitter(
      (keys) => this.#events?.keys(keys),
      (text) => this.#events?.paste(text),
    );
    this.#measure();
  }

  get size(): TerminalSize {
    return this.#size;
  }

  get busy(): boolean {
    return this.#rest !== null || !this.#entered;
  }

  open(events: TerminalEvents): void {
    this.#events = events;
    this.#input.setEncoding('utf8');
    this.#input.on('data', this.#onData);
    this.#input.on('end', this.#onHangup);
    this.#input.on('error', this.#onHangup);
    process.on('SIGWINCH', this.#onResize);
    process.on('SIGCONT', this.#onContinue);
    process.on('SIGTSTP', this.#onStop);
    this.#enter();
  }

  write(frame: Uint8Array): void {
    if (this.#closed || this.#rest) return;
    const sent = this.#send(frame);
    if (sent < 0 || sent === frame.length) return;
    // A copy: the writer uses its buffer again.
    this.#rest = Uint8Array.prototype.slice.call(frame, sent);
    this.#retry = setTimeout(this.#sendRest, retryMs);
  }

  suspend(): void {
    if (this.#closed || !this.#entered || isWindows) return;
    this.#leave();
    // Without a handler the signal stops us at once; to the whole group, so that sudo, npm and whatever else waits for us stop as well.
    process.off('SIGTSTP', this.#onStop);
    process.kill(0, 'SIGTSTP');
    // Comes when the job goes on, should SIGCONT be missed; and at once where the kernel ignores the stop (an orphaned group).
    this.#resume = setTimeout(this.#onContinue, 100);
  }

  close(): void {
    if (this.#closed) return;
    this.#leave();
    this.#closed = true;
    process.off('SIGWINCH', this.#onResize);
    process.off('SIGCONT', this.#onContinue);
    process.off('SIGTSTP', this.#onStop);
    this.#splitter.close();
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#onHangup);
    this.#input.pause();
    // Destroying it would close fd 0 for good; what may still come as an error has no reader left.
    if (this.#ownInput) this.#input.destroy();
    else this.#input.unref();
    if (this.#fd !== null) closeSync(this.#fd);
    // At its end Node sets the modes of the standard fds that were terminals, and aborts where it can't (node::ResetStdio): of a
    // terminal that is gone it mustn't find any.
    if (this.#gone) for (const fd of this.#ttys) this.#host.replaceByNull?.(fd);
  }

  #enter(): void {
    if (this.#entered || this.#closed) return;
    clearTimeout(this.#resume);
    // First the modes: in the background that stops us again, before anything is drawn over the shell.
    this.#raw(true);
    this.#entered = true;
    this.#input.ref();
    this.#input.resume();
    // Back from a stop that we didn't see coming, what is set is our own: saving that would lose what was there before us.
    this.write(Buffer.from((this.#saved ? '' : saveSequence) + enterSequence));
    this.#saved = true;
  }

  #leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#saved = false;
    clearTimeout(this.#retry);
    this.#bid(Buffer.from((this.#rest ? cancel : '') + leaveSequence));
    this.#rest = null;
    this.#raw(false);
  }

  /**
   * Sends the last words. A terminal that takes nothing has room again once its unread output is thrown away; without that, it is
   * waited for a moment: afterwards nobody is there to try again.
   */
  #bid(words: Uint8Array): void {
    let rest = words.subarray(Math.max(0, this.#send(words)));
    if (rest.length > 0 && this.#fd !== null && this.#host.discardOutput) {
      this.#host.discardOutput(this.#fd);
      rest = Buffer.concat([Buffer.from(cancel), words]);
    }
    const until = performance.now() + farewellMs;
    while (rest.length > 0) {
      const sent = this.#send(rest);
      if (sent < 0 || performance.now() > until) return;
      rest = rest.subarray(sent);
      if (rest.length > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }

  #raw(on: boolean): void {
    try {
      this.#input.setRawMode(on);
    } catch {
      // The terminal is gone (EIO); its modes with it.
    }
  }

  /** @returns bytes that were taken, −1 when the terminal is gone. */
  #send(bytes: Uint8Array): number {
    try {
      if (this.#fd !== null) return writeSync(this.#fd, bytes);
      // A copy: the writer uses its buffer again.
      this.#host.write?.(Uint8Array.prototype.slice.call(bytes));
      return bytes.length;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0;
      this.#gone = true;
      this.#onHangup();
      return -1;
    }
  }

  readonly #sendRest = () => {
    const rest = this.#rest as Uint8Array;
    const sent = this.#send(rest);
    if (sent < 0) return;
    if (sent === rest.length) {
      this.#rest = null;
      this.#events?.drained();
    } else {
      this.#rest = rest.subarray(sent);
      this.#retry = setTimeout(this.#sendRest, retryMs);
    }
  };

  readonly #onData = (chunk: string | Buffer) => this.#splitter.push(String(chunk));

  readonly #onHangup = () => {
    // Not from within a write: the screen is in the middle of a frame then.
    if (!this.#closed) setImmediate(() => this.#events?.hangup());
  };

  readonly #onStop = () => this.suspend();

  readonly #onContinue = () => {
    if (this.#closed) return;
    if (!process.listeners('SIGTSTP').includes(this.#onStop)) process.on('SIGTSTP', this.#onStop);
    // After a SIGSTOP nobody left the screen, but the shell has set its own modes meanwhile.
    if (this.#entered) {
      this.#raw(false);
      this.#entered = false;
    }
    this.#enter();
    // Of a resize meanwhile only the shell was told, and Node asks for the size anew at this signal alone.
    process.emit('SIGWINCH');
  };

  readonly #onResize = () => {
    this.#measure();
    this.#events?.redraw();
  };

  #measure(): void {
    const [columns, rows] = this.#host.windowSize() ?? [0, 0];
    this.#size = {columns: columns || Number(process.env.COLUMNS) || 80, rows: rows || Number(process.env.LINES) || 24};
  }
}

/** Where keys come from while stdin is something else. */
function openKeys(): number {
  // Raw mode needs both rights there.
  return isWindows ? openTty(['\\\\.\\CONIN$'], constants.O_RDWR) : openTty(['/dev/tty'], constants.O_RDONLY);
}

/** The first of the paths that can be opened. */
function openTty(paths: readonly string[], flags: number): number {
  let cause: NodeJS.ErrnoException | undefined;
  for (const path of paths) {
    try {
      return openSync(path, flags | constants.O_NOCTTY);
    } catch (error) {
      cause ??= error as NodeJS.ErrnoException;
    }
  }
  throw new UserError(
    `cannot open the terminal: ${cause?.syscall} ${cause?.path}: ${cause?.code}. Run it in a terminal, or use --format table.`,
    undefined,
    {cause},
  );
}
