/** The name that somebody most likely meant. */

/** Longer words are no slip of a finger. */
const longest = 30;

/** Of `names` the one that is nearest to a word: that begins with it, or differs in a letter of three at most. undefined: none is near. */
export function nearest(word: string, names: readonly string[]): string | undefined {
  const meant = word.toLowerCase();
  if (meant === '' || meant.length > longest) return undefined;
  const begun = meant.length > 1 ? names.find((name) => name.startsWith(meant)) : undefined;
  if (begun !== undefined) return begun;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(meant.length / 3)) + 1;
  for (const name of names) {
    const slips = distance(meant, name);
    if (slips < least && slips < meant.length) [best, least] = [name, slips];
  }
  return best;
}

/** Letters to add, leave out, change or swap with the next to get from one word to the other (optimal string alignment). */
function distance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({length: to.length + 1}, (_, j) => j);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = from[i - 1] === to[j - 1] ? 0 : 1;
      let least = Math.min((last[j] as number) + 1, (row[j - 1] as number) + 1, (last[j - 1] as number) + change);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1])
        least = Math.min(least, (beforeLast[j - 2] as number) + 1);
      row.push(least);
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length] as number;
}
