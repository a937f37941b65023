/** What to call a program that has no name. */
import type {MeasuredProg} from './measure.js';

/** Its name; of one without, in parentheses, as no name can have them: what it hangs on, `(eth0)`, else its tag. Not yet safe to print. */
export function shownName({name, links, info}: Pick<MeasuredProg, 'name' | 'links' | 'info'>): string {
  if (name !== '') return name;
  const target = links?.find((link) => link.target !== null)?.target ?? null;
  return target === null ? `(tag ${info.tag})` : `(${target})`;
}
