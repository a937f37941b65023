/**
 * From what the terminal sends to Ink and from Ink to key names. A read may hold many keys (key repeat over a slow line, a paste) or
 * half of one (an escape sequence in two packets). Ink takes a read of plain text as a single key and what begins with Esc at once, so
 * reads are split here first, and `KeyPipe` hands Ink one key at a time.
 */
import {EventEmitter} from 'node:events';
import type {Key} from 'ink';

/** How long the rest of an escape sequence may take; an Esc pressed alone acts after that. */
const escapeMs = 30;

// CSI (with the Linux console's "[[A") and SS3, whole or cut short. ECMA-48 5.4.

const sequence = /^\x1b(?:\[\[?[0-?]*[ -/]*[@-~]|O[ -~])/;

const unfinished = /^\x1b(?:\[\[?[0-?]*[ -/]*|O)?$/;

/**
 * Those that Ink has a name for, which need no more than these here: arrows, Home, End, Page Up and Down, Delete, Shift-Tab, with or without
 * modifiers, and the kitty protocol's. It throws at Ctrl with a key that it has none for, as Ctrl-F1 (xterm's ctlseqs, "PC-Style Function Keys").
 */

const named =
  /^\x1b(?:\[(?:\d+(?:[;:]\d+)*)?[A-DFHZa-d]|\[[1345678](?:[;:]\d+)*~|\[[35678][$^]|\[\[[56]~|O[A-DFHa-d]|\[\d+(?:[;:]\d+)*u)$/;

/** Around what is pasted (xterm's ctlseqs, "Bracketed Paste Mode"). */
const [pasteBegins, pasteEnds] = ['\x1b[200~', '\x1b[201~'];
/** A paste whose end is missing is over when so long nothing has come, ms. */
const pasteMs = 1000;
/** Of what is pasted so much is kept, in UTF-16 units: more than any line takes. */
const longestPaste = 4096;

/** Stands for what was pasted among the keys before and after it. A noncharacter (Unicode 23.7): nobody's text has it. */
export const pasteKey = '\uffff';

/** Splits what is read into keys, and into what was pasted, which is no keys. */
export class KeySplitter {
  readonly #keys: (keys: string[]) => void;
  readonly #paste: (text: string) => void;
  /** Of keys, or of what is pasted. */
  #pending = '';
  #pasting = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(keys: (keys: string[]) => void, paste: (text: string) => void) {
    this.#keys = keys;
    this.#paste = paste;
  }

  push(chunk: string): void {
    clearTimeout(this.#timer);
    let text = this.#pending + chunk;
    this.#pending = '';
    for (;;) {
      const marker = this.#pasting ? pasteEnds : pasteBegins;
      const at = text.indexOf(marker);
      if (at < 0) break;
      this.#hand(text.slice(0, at));
      this.#pasting = !this.#pasting;
      text = text.slice(at + marker.length);
    }
    if (this.#pasting) {
      // The end of it may be in two reads.
      this.#pending = text.length > longestPaste ? text.slice(0, longestPaste) + text.slice(-pasteEnds.length) : text;
      this.#timer = setTimeout(() => this.#flush(), pasteMs);
      return;
    }
    const {keys, pending} = splitKeys(text);
    this.#pending = pending;
    if (pending !== '') this.#timer = setTimeout(() => this.#flush(), escapeMs);
    if (keys.length > 0) this.#keys(keys);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#pending = '';
  }

  #hand(text: string): void {
    if (this.#pasting) return this.#paste(text.slice(0, longestPaste));
    const {keys, pending} = splitKeys(text);
    keys.push(...pending);
    if (keys.length > 0) this.#keys(keys);
  }

  /** Nothing followed: what looked like the beginning of a sequence was keys. */
  #flush(): void {
    const text = this.#pending;
    this.#pending = '';
    if (!this.#pasting) return this.#keys([...text]);
    this.#hand(text);
    this.#pasting = false;
  }
}

/** The keys in a text, without those that mean nothing here, and the beginning of one at its end. */
export function splitKeys(text: string): {keys: string[]; pending: string} {
  const keys: string[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at, at + 64);
    if (rest.startsWith('\x1b')) {
      if (rest.length < 64 && unfinished.test(rest)) return {keys, pending: rest};
      const found = sequence.exec(rest)?.[0];
      if (found === undefined) keys.push('\x1b');
      else if (named.test(found)) keys.push(found);
      at += (found ?? '\x1b').length;
    } else {
      const character = String.fromCodePoint(text.codePointAt(at) as number);
      // Ink calls DEL "delete", as it calls the Delete key; BS is the Backspace key to it, which DEL means on all terminals of today.
      keys.push(character === '\x7f' ? '\b' : character);
      at += character.length;
    }
  }
  return {keys, pending: ''};
}

/** Names of keys that aren't characters; with Ctrl: `ctrl-` and the letter; with Shift, where that matters: `shift-left`. A character is its own name. */
export type KeyName = string;

const names = [
  ['upArrow', 'up'],
  ['downArrow', 'down'],
  ['leftArrow', 'left'],
  ['rightArrow', 'right'],
  ['pageUp', 'pageup'],
  ['pageDown', 'pagedown'],
  ['home', 'home'],
  ['end', 'end'],
  ['return', 'enter'],
  ['escape', 'esc'],
  ['tab', 'tab'],
  ['backspace', 'backspace'],
  ['delete', 'delete'],
] as const satisfies readonly (readonly [keyof Key, KeyName])[];

/** Those that are others with Shift. */
const shifted: readonly KeyName[] = ['left', 'right', 'tab'];

/**
 * The names of what Ink took for one key: none for a sequence that means nothing here, two when an Esc stood before another key (Alt
 * sends the same, and no key of ours has it).
 */
export function keyNames(input: string, key: Key): KeyName[] {
  const plain = names.find(([flag]) => key[flag])?.[1];
  const name = key.shift && plain !== undefined && shifted.includes(plain) ? `shift-${plain}` : plain;
  const prefix = key.meta && name !== 'esc' && (name !== undefined || input !== '') ? ['esc'] : [];
  if (name !== undefined) return [...prefix, name];
  if (input === '\n') return [...prefix, 'enter'];
  if ([...input].length !== 1) return [];
  if (key.ctrl) return [`ctrl-${input}`];
  return input < ' ' ? [] : [...prefix, input];
}

/** Stands for stdin towards Ink: hands out one key at each read. Raw mode is the terminal's business, not Ink's. */
export class KeyPipe extends EventEmitter {
  readonly isTTY = true;
  #queue: string[] = [];

  push(keys: readonly string[]): void {
    this.#queue.push(...keys);
    this.emit('readable');
  }

  read(): string | null {
    return this.#queue.shift() ?? null;
  }

  override addListener(event: string, listener: () => void): this {
    super.addListener(event, listener);
    // Keys pressed before Ink was there.
    if (event === 'readable' && this.#queue.length > 0) setImmediate(() => this.emit('readable'));
    return this;
  }

  setEncoding(): this {
    return this;
  }
  setRawMode(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
