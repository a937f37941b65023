/** What must be true of no program's change: `avg_run_time_ns>+10%`, `cpu>=+1`, `ev<-2k`. */
import {type Change, increase, relativeIncrease} from './compare.js';
import {type ComparedKey, comparedFieldKeys, comparedKeys, isCompared, type ProgDifference} from './diff.js';
import {findField, type Field} from './fields.js';
import {FilterError} from './filter.js';
import {parseQuantity, quantityExamples} from './quantity.js';

/** A rule, and the text it was made from. */
export interface ChangeRule {
  /** What was typed. */
  readonly text: string;
  readonly key: ComparedKey;
  /** Whether it is known to be true of the change. */
  readonly isTrue: (change: Change) => boolean;
}

const comparisons: Readonly<Record<string, (a: number, b: number | bigint) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};

const written = /^(\s*)([^\s<>=!:]*)(\s*)([<>=!:]*)(\s*)(\S*)\s*/;

/**
 * Reads a field, an operator and a signed change: in per cent of what it was, or in the units of the filter language.
 * @throws FilterError
 */
export function parseChangeRule(text: string): ChangeRule {
  const [all, ...parts] = written.exec(text) as unknown as [string, string, string, string, string, string, string];
  const [, name, , operator, , wanted] = parts;
  /** Where a part begins. */
  const at = (part: number) => parts.slice(0, part).join('').length;
  const field = findField(name);
  if (!field || !isCompared(field.key))
    throw new FilterError(`'${name}' is not compared; there are ${comparedFieldKeys.join(', ')}`, at(1));
  const {key} = field;
  const compare = comparisons[operator];
  if (!compare) throw new FilterError(`a change is compared with '>', '>=', '<' or '<='`, at(3));
  if (!/^[+-]/.test(wanted)) throw new FilterError(`a change has its sign, ${examples(field)}`, at(5));
  const relative = wanted.endsWith('%');
  const limit = parseQuantity(relative ? 'percent' : field.kind, wanted);
  if (limit === null) throw new FilterError(`the change of ${key} is ${examples(field)}`, at(5));
  if (all.length < text.length) throw new FilterError('there is more than one change', all.length);
  const changeOf = relative ? relativeIncrease : increase;
  return {
    text,
    key,
    isTrue(change) {
      const found = changeOf(change, comparedKeys[key]);
      return found !== null && compare(found, limit);
    },
  };
}

function examples({kind}: Field): string {
  const absolute = kind === 'percent' ? '+0.5 (of one CPU)' : `+${/as (\S+?),/.exec(quantityExamples(kind))?.[1]}`;
  return `such as +10% or ${absolute}`;
}

/** Whether a program breaks a rule: its change is not within the noise, as far as that is known. */
export function breaks(prog: ProgDifference, {key, isTrue}: ChangeRule): boolean {
  return prog.noise[comparedKeys[key]] !== 'within' && isTrue(prog);
}
