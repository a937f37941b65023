/** A line of text that is being typed, and how keys change it; as a shell's line. Pure. */

/** The text, and where the next letter goes. */
export interface Line {
  readonly text: string;
  /** In UTF-16 units, 0 to text.length. */
  readonly caret: number;
}

/** A line is typed, not a book: what is pasted beyond that is left out. */
export const longestLine = 1000;

/** The actions that change a line, beside typing a character. */
export type EditName =
  | ('erase' | 'erasePrevious' | 'eraseNext' | 'eraseWord' | 'eraseToEnd')
  | ('caretLeft' | 'caretRight' | 'caretStart' | 'caretEnd');

/** A line with that text, to be gone on with at its end. */
export function lineOf(text: string): Line {
  return {text, caret: text.length};
}

/** The line after an action; the same object when that changes nothing. */
export function editLine(line: Line, action: {readonly name: string; readonly text?: string}): Line {
  const {text, caret} = line;
  if (action.name === 'type') return replaceIn(line, caret, caret, cutTo(longestLine - text.length, action.text));
  return isEdit(action.name) ? edits[action.name](line, text, caret) : line;
}

/** Whole characters. */
function cutTo(most: number, text = ''): string {
  if (text.length <= most) return text;
  let kept = '';
  for (const character of text) {
    if (kept.length + character.length > most) break;
    kept += character;
  }
  return kept;
}

function isEdit(name: string): name is EditName {
  return Object.hasOwn(edits, name);
}

/** The line without what is between the two places, and something else there; the caret is behind that. */
export function replaceIn(line: Line, from: number, to: number, by = ''): Line {
  if (from === to && by === '') return line;
  return {text: line.text.slice(0, from) + by + line.text.slice(to), caret: from + by.length};
}

const edits: Record<EditName, (line: Line, text: string, caret: number) => Line> = {
  erasePrevious: (line, text, caret) => replaceIn(line, before(text, caret), caret),
  eraseNext: (line, text, caret) => replaceIn(line, caret, after(text, caret)),
  erase: (line, _, caret) => replaceIn(line, 0, caret),
  eraseToEnd: (line, text, caret) => replaceIn(line, caret, text.length),
  eraseWord: (line, text, caret) => replaceIn(line, text.slice(0, caret).search(/\S*\s*$/), caret),
  caretLeft: (line, text, caret) => caretTo(line, before(text, caret)),
  caretRight: (line, text, caret) => caretTo(line, after(text, caret)),
  caretStart: (line) => caretTo(line, 0),
  caretEnd: (line, text) => caretTo(line, text.length),
};

function caretTo(line: Line, caret: number): Line {
  return caret === line.caret ? line : {text: line.text, caret};
}

/** The place one character before, or after; a surrogate pair is one. */
function before(text: string, at: number): number {
  return at - ([...text.slice(0, at)].at(-1) ?? '').length;
}

function after(text: string, at: number): number {
  return at + ([...text.slice(at)][0] ?? '').length;
}
