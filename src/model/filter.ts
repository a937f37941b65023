/** Which programs to show: words, each of which the program's name, type, owner or attachment must contain, in any case. */
import {field} from './fields.js';
import type {MeasuredProg} from './measure.js';

/** A filter, and the text it was made from. */
export interface Filter {
  /** What was typed. */
  readonly text: string;
  readonly matches: (prog: MeasuredProg) => boolean;
}

/** The fields that a plain word is looked for in. */
const searched = [field('name'), field('type'), field('owner'), field('attached')];

/** Lets everything through. */
export const noFilter: Filter = parseFilter('');

/** Reads a filter; every text is one. */
export function parseFilter(text: string): Filter {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return {
    text,
    matches: (prog) => words.every((word) => searched.some((each) => String(each.get(prog)).toLowerCase().includes(word))),
  };
}
