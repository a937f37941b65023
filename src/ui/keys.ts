/**
 * From what the terminal sends to Ink and from Ink to key names. A read may hold many keys (key repeat over a slow line, a paste that the
 * terminal doesn't mark) or half of one (an escape sequence in two packets). Ink takes a read of plain text as a single key and what
 * begins with Esc at once, so reads are split here first, and `KeyPipe` hands Ink one key at a time.
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
/** A paste whose end is missing is over when so long nothing has come, ms: a line may stand still for a while. */
const pasteMs = 5000;
/** Of what is pasted so much is kept, in UTF-16 units: more than any line takes. */
const longestPaste = 4096;

/** Stands for what was pasted among the keys before and after it. A noncharacter (Unicode 23.7): nobody's text has it. */
export const pasteKey = '\uffff';

/** Splits what is read into keys, and into what was pasted, which is no keys. */
export class KeySplitter {
  readonly #keys: (keys: string[]) => void;
  readonly #paste: (text: string) => void;
  /** What may be the beginning of a sequence, or of the end of a paste. */
  #pending = '';
  /** The paste that is coming in; null: none is. */
  #pasted: string | null = null;
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(keys: (keys: string[]) => void, paste: (text: string) => void) {
    this.#keys = keys;
    this.#paste = paste;
  }

  push(chunk: string): void {
    this.#stopWaiting();
    let text = this.#pending + chunk;
    this.#pending = '';
    while (text !== '') text = this.#pasted === null ? this.#takeKeys(text) : this.#takePaste(text, this.#pasted);
    if (this.#pending === '' && this.#pasted === null) return;
    // Not before what can be read already has been: this process may have been stopped, or busy.
    const flush = () => (this.#soon = setImmediate(() => this.#flush()));
    this.#timer = setTimeout(flush, this.#pasted === null ? escapeMs : pasteMs);
  }

  close(): void {
    this.#stopWaiting();
    this.#pending = '';
    this.#pasted = null;
  }

  /** @returns what is behind the beginning of a paste. */
  #takeKeys(text: string): string {
    const at = text.indexOf(pasteBegins);
    const {keys, pending} = splitKeys(at < 0 ? text : text.slice(0, at));
    if (at < 0) this.#pending = pending;
    else {
      keys.push(...pending);
      this.#pasted = '';
    }
    if (keys.length > 0) this.#keys(keys);
    return at < 0 ? '' : text.slice(at + pasteBegins.length);
  }

  /** @returns what is behind the end of the paste. */
  #takePaste(text: string, before: string): string {
    const at = text.indexOf(pasteEnds);
    if (at < 0) this.#pending = beginningOf(pasteEnds, text);
    const end = at < 0 ? text.length - this.#pending.length : at;
    const pasted = (before + text.slice(0, end)).slice(0, longestPaste);
    this.#pasted = at < 0 ? pasted : null;
    if (at >= 0) this.#paste(pasted);
    return at < 0 ? '' : text.slice(at + pasteEnds.length);
  }

  /** Nothing followed: what looked like the beginning of a sequence was keys, and a paste is over. */
  #flush(): void {
    const [pending, pasted] = [this.#pending, this.#pasted];
    this.close();
    if (pasted === null) this.#keys([...pending]);
    else this.#paste(pasted);
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
  }
}

/** As much of a marker as a text ends in. */
function beginningOf(marker: string, text: string): string {
  for (let length = marker.length - 1; length > 0; length--)
    if (text.endsWith(marker.slice(0, length))) return marker.slice(0, length);
  return '';
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
