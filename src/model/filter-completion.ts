/** What can stand at a place in a filter: names of fields with an operator, and values that programs have. */
import {type Field, fieldNames, findField, isNumeric} from './fields.js';
import {wordAt} from './filter.js';
import type {MeasuredProg} from './measure.js';

/** What can stand in a text instead of what is between two places. */
export interface Completion {
  readonly from: number;
  readonly to: number;
  /** In order; none where nothing is known. Values are from the host: hostile. */
  readonly candidates: readonly string[];
}

/** Nobody goes through more. */
const mostValues = 100;
/** Command lines can be as long as they like; what is looked for isn't. */
const longestValue = 200;

/**
 * Completes the word before the caret, and takes the place of all of it: a field's name; behind its operator a value that one of these
 * programs has.
 */
export function completeFilter(text: string, caret: number, progs: readonly MeasuredProg[]): Completion {
  const word = wordAt(text, caret);
  // Between words a new one begins; what can't be read is left alone.
  if (!word) return {from: caret, to: caret, candidates: /(^|[\s(])$/.test(text.slice(0, caret)) ? names('', false) : []};
  const {field, from, to} = word;
  const typed = text.slice(from, caret);
  const compared = /^\s*([!=<>]=|[:=<>])/.test(text.slice(to));
  return {from, to, candidates: field ? values(field, typed, progs) : names(typed.toLowerCase(), compared)};
}

/** Of a name that is there in full all operators, of others the most usual. */
function names(begun: string, compared: boolean): readonly string[] {
  return fieldNames
    .filter((name) => name.startsWith(begun))
    .flatMap((name) => {
      if (compared) return [name];
      const operators = operatorsOf(findField(name) as Field);
      return (name === begun ? operators : operators.slice(0, 1)).map((operator) => name + operator);
    });
}

/** The most usual first. */
function operatorsOf({kind}: Field): readonly string[] {
  if (isNumeric(kind)) return ['>', '<', '>=', '<=', '=', '!='];
  return kind === 'flag' ? ['=', '!='] : [':', '=', '!='];
}

function values(field: Field, typed: string, progs: readonly MeasuredProg[]): readonly string[] {
  if (isNumeric(field.kind)) return [];
  const begun = (/^["']/.test(typed) ? typed.slice(1).replaceAll(/\\(.)/gs, '$1') : typed).toLowerCase();
  const fits = (value: string) => value !== '' && value.length <= longestValue && value.toLowerCase().startsWith(begun);
  if (field.kind === 'flag') return ['yes', 'no'].filter(fits);
  const found = new Set<string>();
  for (const prog of progs)
    for (const value of field.values ? (field.values(prog) ?? []) : [field.get(prog)])
      if (value !== null && fits(String(value))) found.add(String(value));
  return [...found].sort().slice(0, mostValues).map(asWord);
}

/** As it has to be written to mean itself. */
function asWord(value: string): string {
  return /[\s()*?]|^["'=<>!:]/.test(value) ? `"${value.replaceAll(/["*?\\]/g, '\\$&')}"` : value;
}
