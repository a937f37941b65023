/** Patterns with `*` and `?`. No regular expressions: a pattern and a hostile text must not take for ever. */

/**
 * What stands for `*` and `?` in a pattern, so that the characters themselves can be in it: two of the code points that Unicode keeps for
 * a program's own use (noncharacters, chapter 23.7).
 */
export const anyText = '\ufdd0';
export const anyCharacter = '\ufdd1';

/**
 * A test for texts in lower case, whatever the pattern's case, that are as it says: as a whole (`equals`) or anywhere in them (`contains`).
 * Its time is at most the text's length times the pattern's.
 */
export function globTest(pattern: string, match: 'equals' | 'contains'): (text: string) => boolean {
  const whole = match === 'contains' ? anyText + pattern + anyText : pattern;
  const pieces = whole.toLowerCase().split(anyText);
  const [first = '', ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return (text) => endAt(text, 0, first) === text.length;
  const middle = rest.filter((piece) => piece !== '');
  // What nearly every filter is: a word.
  const [word] = middle;
  if (first === '' && last === '' && middle.length === 1 && word !== undefined && !word.includes(anyCharacter))
    return (text) => text.includes(word);
  return (text) => {
    let at = endAt(text, 0, first);
    // The leftmost place of a piece leaves the most for those that follow: none has to be tried again.
    for (const piece of middle) {
      if (at < 0) return false;
      at = endOfFirst(text, at, piece);
    }
    return at >= 0 && endsWith(text, at, last);
  };
}

/** Where a piece ends that begins at `from`; −1: it isn't there. */
function endAt(text: string, from: number, piece: string): number {
  let at = from;
  for (let i = 0; i < piece.length; i++) {
    if (at >= text.length) return -1;
    if (piece[i] !== anyCharacter) {
      if (piece.charCodeAt(i) !== text.charCodeAt(at)) return -1;
      at++;
    } else at += (text.codePointAt(at) as number) > 0xffff ? 2 : 1;
  }
  return at;
}

/** Where the first such piece at `from` or later ends; −1: there is none. */
function endOfFirst(text: string, from: number, piece: string): number {
  for (let at = from; at < text.length; at++) {
    const end = endAt(text, at, piece);
    if (end >= 0) return end;
  }
  return -1;
}

/** Whether the text ends with a piece that begins at `from` or later; of characters outside the BMP a `?` takes two units. */
function endsWith(text: string, from: number, piece: string): boolean {
  for (let at = Math.max(from, text.length - 2 * piece.length); at <= text.length - piece.length; at++)
    if (endAt(text, at, piece) === text.length) return true;
  return false;
}
