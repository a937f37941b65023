/**
 * Which programs are wanted: the language of --filter and the `/` key.
 *
 *     either = both ("or" both)*
 *     both   = single ("and"? single)*
 *     single = "not"* ( "(" either ")" | word | field operator word )
 *
 * A text is read once and becomes a function. There are three truths: what compares with something that is not known is itself not
 * known (null), and so is `not` of it.
 */
import {type Field, field, fieldNames, type FieldValue, findField, isNumeric} from './fields.js';
import {anyCharacter, anyText, globTest} from './glob.js';
import type {MeasuredProg} from './measure.js';
import {nearest} from './nearest.js';
import {shortened} from './printable.js';
import {parseQuantity, quantityExamples} from './quantity.js';

/** A filter, and the text it was made from. */
export interface Filter {
  /** What was typed. */
  readonly text: string;
  /** Whether it is known to be true of the program. */
  readonly matches: (prog: MeasuredProg) => boolean;
}

/** What is wrong with a filter, in one sentence without its full stop, and where. From the person: not yet safe to print. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
  /** Where in the text, in UTF-16 units from 0; the text's length where something is missing at its end. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

/** Lets everything through. */
export const noFilter: Filter = {text: '', matches: () => true};

/**
 * Reads a filter; an empty one lets everything through.
 * @throws FilterError
 */
export function parseFilter(text: string): Filter {
  const test = new Parser(text).parse();
  return {...noFilter, text, ...(test && {matches: (prog) => test(prog) === true})};
}

/** A word of a filter: a field's name or a word to look for, or what a field is compared with. */
export interface WordPlace {
  /** The field that is compared; null: it is no value. */
  readonly field: Field | null;
  /** From here to before `to`, in UTF-16 units; nothing at all where a value is missing. */
  readonly from: number;
  readonly to: number;
}

/** The word at a place in a filter, or one that ends there; null: there is none, or the text can't be read as far as that. */
export function wordAt(text: string, at: number): WordPlace | null {
  const parser = new Parser(text);
  try {
    parser.parse();
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
  }
  return parser.words.find(({from, to}) => from <= at && at <= to) ?? null;
}

/** null: not known. */
type Truth = boolean | null;
type Test = (prog: MeasuredProg) => Truth;
type Value = string | number | bigint | boolean;

const not =
  (test: Test): Test =>
  (prog) => {
    const truth = test(prog);
    return truth === null ? null : !truth;
  };

/** True when all are; `and` and `or` are lists, not trees, so that a long text isn't a deep one. */
function allOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (prog) => {
    let all: Truth = true;
    for (const test of tests) {
      const truth = test(prog);
      if (truth === false) return false;
      if (truth === null) all = null;
    }
    return all;
  };
}

/** True when one is. */
function anyOf(tests: readonly Test[]): Test {
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (prog) => {
    let any: Truth = false;
    for (const test of tests) {
      const truth = test(prog);
      if (truth === true) return true;
      if (truth === null) any = null;
    }
    return any;
  };
}

/** Whether that is true of the field; where a program may have several, of one of them. */
function ofField({get, values}: Field, isTrue: (value: Value) => boolean): Test {
  if (!values)
    return (prog) => {
      const value = get(prog);
      return value === null ? null : isTrue(value as Value);
    };
  return (prog) => {
    const all = values(prog);
    if (all === null) return null;
    let any: Truth = false;
    for (const value of all)
      if (value === null) any = null;
      else if (isTrue(value)) return true;
    return any;
  };
}

/**
 * What a plain word is looked for in: texts of these fields in lower case, a value a line. They are kept with what the fields are read from,
 * which is the same object in many samples: thousands of programs are searched with every key.
 */
const searched = [
  // The name in full comes with a later look than the rest.
  searchedOf((prog) => prog.names ?? prog.info, [field('name'), field('type')]),
  searchedOf(
    (prog) => (prog.owners?.length ? prog.owners : null),
    (['owner', 'container', 'container_id', 'pod', 'unit'] as const).map(field),
  ),
  // Programs without an owner have one list in common, but not the words for it.
  (prog: MeasuredProg) => (prog.owners?.length === 0 ? String(field('owner').get(prog)) : ''),
  searchedOf((prog) => prog.links, [field('attached')]),
];

function searchedOf(source: (prog: MeasuredProg) => object | null, fields: readonly Field[]) {
  const texts = new WeakMap<object, string>();
  return (prog: MeasuredProg): string => {
    const from = source(prog);
    if (from === null) return '';
    let text = texts.get(from);
    if (text === undefined) {
      const values = fields.flatMap(({get, values}): readonly FieldValue[] => (values ? (values(prog) ?? []) : [get(prog)]));
      text = [...new Set(values)]
        .filter((value) => value !== null)
        .join('\n')
        .toLowerCase();
      texts.set(from, text);
    }
    return text;
  };
}

/** A plain word is looked for in what is known, and found or not: with "not known", `not word` would hide whatever has no owner yet. */
function searchTest(pattern: string): Test {
  const contains = globTest(pattern, 'contains');
  const wild = pattern.includes(anyText) || pattern.includes(anyCharacter);
  const found = (text: string) => (wild ? text.split('\n').some(contains) : contains(text));
  return (prog) => searched.some((textOf) => found(textOf(prog)));
}

type Operator = ':' | '=' | '==' | '!=' | '<' | '<=' | '>' | '>=';

/** Both exact, whichever of number and bigint they are. */
const comparisons: Readonly<Record<Operator, (a: number | bigint, b: number | bigint) => boolean>> = {
  ':': (a, b) => a >= b && a <= b,
  '=': (a, b) => a >= b && a <= b,
  '==': (a, b) => a >= b && a <= b,
  '!=': (a, b) => a < b || a > b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
};

const flags: Readonly<Record<string, boolean>> = {yes: true, true: true, no: false, false: false};

/** A word as it was written: its text, and the same with what stands for `*` and `?`. */
interface Word {
  readonly at: number;
  readonly text: string;
  readonly pattern: string;
}

/** Parentheses within parentheses: each takes stack, and nobody writes as many. */
const deepest = 100;

const blanks = /\s*/y;
const keyword = /(?:and|or|not)(?=[\s()"']|$)/iy;
const operator = /[!<>=]=|[:=<>]/y;
/** Where a word ends: what may follow a field, or its value, in which operators are just text. */
const wordEnd = /[\s():=<>]|!=/g;
const valueEnd = /[\s()]/g;

class Parser {
  /** As far as the text has been read. */
  readonly words: WordPlace[] = [];
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** null: there is nothing in it. */
  parse(): Test | null {
    this.#skipBlanks();
    if (this.#atEnd()) return null;
    const test = this.#either();
    if (!this.#atEnd()) throw new FilterError("')' closes nothing", this.#at);
    return test;
  }

  #either(): Test {
    const tests = [this.#both()];
    while (this.#take('or')) tests.push(this.#both());
    return anyOf(tests);
  }

  #both(): Test {
    const tests = [this.#single()];
    while (this.#take('and') || !(this.#atEnd() || this.#text[this.#at] === ')' || this.#keyword() === 'or'))
      tests.push(this.#single());
    return allOf(tests);
  }

  #single(): Test {
    let negated = false;
    while (this.#take('not')) negated = !negated;
    const test = this.#text[this.#at] === '(' ? this.#group() : this.#term();
    this.#skipBlanks();
    return negated ? not(test) : test;
  }

  #group(): Test {
    const opened = this.#at;
    if (++this.#depth > deepest) throw new FilterError(`more than ${deepest} parentheses are open`, opened);
    this.#at++;
    this.#skipBlanks();
    const test = this.#either();
    if (this.#text[this.#at] !== ')') throw new FilterError("'(' is not closed", opened);
    this.#at++;
    this.#depth--;
    return test;
  }

  #term(): Test {
    const next = this.#keyword() ?? this.#text[this.#at];
    if (next === undefined || next === ')' || this.#keyword() !== null)
      throw new FilterError(`a word is missing ${next === undefined ? 'at the end' : `before '${next}'`}`, this.#at);
    const word = this.#place(null, wordEnd);
    this.#skipBlanks();
    const operatorAt = this.#at;
    const found = this.#match(operator) as Operator | '';
    if (!word) throw new FilterError(`a field's name is missing before '${found}'`, operatorAt);
    if (found === '') return searchTest(word.pattern);
    this.#at += found.length;
    return this.#comparison(word, found, operatorAt);
  }

  #comparison(name: Word, operator: Operator, operatorAt: number): Test {
    const field = findField(name.text);
    if (!field) throw unknownField(name, operator);
    const {key, kind} = field;
    if (isNumeric(kind)) {
      const value = this.#value(field, quantityExamples(kind));
      const quantity = parseQuantity(kind, value.text);
      if (quantity === null) throw new FilterError(`${key} is compared with ${quantityExamples(kind)}`, value.at);
      const compare = comparisons[operator];
      // != of several is that none is equal, as with text.
      if (operator === '!=') return not(ofField(field, (each) => comparisons['='](each as number | bigint, quantity)));
      return ofField(field, (each) => compare(each as number | bigint, quantity));
    }
    const ordering = operator.startsWith('<') || operator.startsWith('>');
    if (ordering) throw new FilterError(`${key} has no order: it takes ':', '=' and '!='`, operatorAt);
    const equals = kind === 'flag' ? this.#flagTest(field) : this.#textTest(field, operator);
    return operator === '!=' ? not(equals) : equals;
  }

  #flagTest(field: Field): Test {
    const {text, at} = this.#value(field, 'yes or no');
    const wanted = new Map(Object.entries(flags)).get(text.toLowerCase());
    if (wanted === undefined) throw new FilterError(`${field.key} is yes or no`, at);
    return ofField(field, (value) => value === wanted);
  }

  #textTest(field: Field, operator: Operator): Test {
    const matches = globTest(this.#value(field, 'a word').pattern, operator === ':' ? 'contains' : 'equals');
    return ofField(field, (value) => matches(String(value).toLowerCase()));
  }

  /** What follows an operator. */
  #value(field: Field, wanted: string): Word {
    this.#skipBlanks();
    const value = this.#place(field, valueEnd);
    if (!value) throw new FilterError(`${wanted} is missing here`, this.#at);
    return value;
  }

  /** The same as `#word`, which may throw, noted. */
  #place(field: Field | null, end: RegExp): Word | null {
    const place = {field, from: this.#at, to: this.#text.length};
    this.words.push(place);
    const word = this.#word(end);
    place.to = this.#at;
    return word;
  }

  /** The word that begins here; null: something else does. */
  #word(end: RegExp): Word | null {
    const at = this.#at;
    const quote = this.#text[at];
    if (quote === '"' || quote === "'") return this.#quoted(quote);
    end.lastIndex = at;
    this.#at = end.exec(this.#text)?.index ?? this.#text.length;
    const text = this.#text.slice(at, this.#at);
    return text === '' ? null : {at, text, pattern: text.replaceAll('*', anyText).replaceAll('?', anyCharacter)};
  }

  /** A word in quotes: anything may be in it, and what follows a backslash is itself. */
  #quoted(quote: string): Word {
    const at = this.#at++;
    let text = '';
    let pattern = '';
    for (let character; (character = this.#text[this.#at++]) !== quote;) {
      const escaped = character === '\\';
      if (escaped) character = this.#text[this.#at++];
      if (character === undefined) throw new FilterError(`${quote} is not closed`, at);
      text += character;
      pattern += !escaped && character === '*' ? anyText : !escaped && character === '?' ? anyCharacter : character;
    }
    return {at, text, pattern};
  }

  /** Goes over a keyword, if it is that one. */
  #take(wanted: 'and' | 'or' | 'not'): boolean {
    if (this.#keyword() !== wanted) return false;
    this.#at += wanted.length;
    this.#skipBlanks();
    return true;
  }

  #keyword(): string | null {
    return this.#match(keyword).toLowerCase() || null;
  }

  #skipBlanks(): void {
    this.#at += this.#match(blanks).length;
  }

  #atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** What matches here, and may be nothing. */
  #match(sticky: RegExp): string {
    sticky.lastIndex = this.#at;
    return sticky.exec(this.#text)?.[0] ?? '';
  }
}

function unknownField({text, at}: Word, operator: Operator): FilterError {
  const near = nearest(text, fieldNames);
  const advice = near === undefined ? `a word with '${operator}' in it takes quotes` : `did you mean '${near}'?`;
  return new FilterError(`unknown field '${shortened(text)}'; ${advice}`, at);
}
