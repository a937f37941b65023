/** What is typed in the footer's line: a filter, or the name of a file. Pure, as all of the state. */
import {type Filter, FilterError, parseFilter} from '../model/filter.js';
import {type Completion, completeFilter} from '../model/filter-completion.js';
import type {MeasuredProg} from '../model/measure.js';
import {editLine, type Line, lineOf, longestLine, replaceIn} from './line-edit.js';

/** The filter while it is being typed. */
export interface FilterPrompt extends Line {
  readonly kind: 'filter';
  /** What Esc brings back. */
  readonly before: Filter;
  /** What is wrong with the text; the last filter without fault goes on. null: nothing is. */
  readonly error: FilterError | null;
  /** What Tab goes through; null: nothing. */
  readonly choices: Choices | null;
}

/** Several things that a word can become. */
export interface Choices extends Completion {
  /** The line without any of them. */
  readonly line: Line;
  /** The one that stands in the line; −1: none does yet. */
  readonly index: number;
}

/** The name of a file to write to, while it is being typed. */
export interface FilePrompt extends Line {
  readonly kind: 'file';
  /** `replace`: there is such a file, and whether it may be replaced is being asked. */
  readonly stage: 'typing' | 'writing' | 'replace';
  /** Why it could not be written, in one sentence; null: nobody has tried. */
  readonly error: string | null;
}

/** A line that takes the keys. */
export type Prompt = FilterPrompt | FilePrompt;

/** What came of writing a file: what was done or what was wrong, in one sentence; or that there is one already, which was left alone. */
export type WriteOutcome = {readonly kind: 'done' | 'failed'; readonly sentence: string} | {readonly kind: 'exists'};

/** A filter to be gone on with. */
export function filterPrompt(filter: Filter): FilterPrompt {
  return {kind: 'filter', ...lineOf(filter.text), before: filter, error: null, choices: null};
}

/** A file's name to be gone on with. */
export function filePrompt(name: string): FilePrompt {
  return {kind: 'file', ...lineOf(name), stage: 'typing', error: null};
}

/** What a key does to a prompt, and to the filter in effect with it. */
export interface Prompted {
  /** null: it is over. */
  readonly prompt: Prompt | null;
  readonly filter: Filter;
}

/** The same `prompt` object when nothing changes. */
export function editFilter(
  prompt: FilterPrompt,
  filter: Filter,
  action: {readonly name: string; readonly text?: string},
  progs: readonly MeasuredProg[],
): Prompted {
  // What can't be read can't be kept either: the footer says what is wrong with it.
  if (action.name === 'accept') return {prompt: prompt.error ? prompt : null, filter};
  if (action.name === 'restore') return {prompt: null, filter: prompt.before};
  if (action.name === 'complete') return complete(prompt, filter, 1, progs);
  if (action.name === 'completeBack') return complete(prompt, filter, -1, progs);
  const line = editLine(prompt, action);
  return line === prompt ? {prompt, filter} : withLine(prompt, filter, line, null);
}

function withLine(prompt: FilterPrompt, filter: Filter, line: Line, choices: Choices | null): Prompted {
  const {text, caret} = line;
  if (text === prompt.text) return {prompt: {...prompt, caret, choices}, filter};
  try {
    return {prompt: {...prompt, text, caret, choices, error: null}, filter: parseFilter(text)};
  } catch (error) {
    if (!(error instanceof FilterError)) throw error;
    return {prompt: {...prompt, text, caret, choices, error}, filter};
  }
}

/** As in a shell: at first what all candidates have in common, then one after the other. */
function complete(prompt: FilterPrompt, filter: Filter, by: 1 | -1, progs: readonly MeasuredProg[]): Prompted {
  const {choices} = prompt;
  if (choices) {
    const {candidates, from, to, line} = choices;
    const index =
      choices.index < 0 && by < 0 ? candidates.length - 1 : (choices.index + by + candidates.length) % candidates.length;
    return withLine(prompt, filter, replaceIn(line, from, to, candidates[index]), {...choices, index});
  }
  const completion = completeFilter(prompt.text, prompt.caret, progs);
  const {candidates, from, to} = completion;
  const common = commonBeginning(candidates);
  const typed = prompt.text.slice(from, prompt.caret);
  // Of candidates that differ in case alone so early there is less in common than was typed.
  const line = common.length < typed.length ? prompt : replaceIn(prompt, from, to, common);
  if (candidates.length === 0 || line.text.length > longestLine) return {prompt, filter};
  const several =
    candidates.length > 1 && candidates.every((each) => prompt.text.length - (to - from) + each.length <= longestLine);
  return withLine(prompt, filter, line, several ? {...completion, line: prompt, index: -1} : null);
}

function commonBeginning([first = '', ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length);
}

/** The name after a key; null: nobody wants to write any more. */
export function editFile(prompt: FilePrompt, action: {readonly name: string; readonly text?: string}): FilePrompt | null {
  if (action.name === 'restore') return null;
  if (action.name === 'writeFile' || action.name === 'replaceFile') return {...prompt, stage: 'writing', error: null};
  if (action.name === 'keepFile') return {...prompt, stage: 'typing'};
  // While it is being written there is nothing to edit; but if the disk doesn't answer one can leave.
  const line = prompt.stage === 'typing' ? editLine(prompt, action) : prompt;
  return line === prompt ? prompt : {...prompt, ...line, error: null};
}

/** The prompt after an attempt to write; null: it is done. */
export function afterWriting(prompt: FilePrompt, outcome: WriteOutcome): FilePrompt | null {
  if (outcome.kind === 'done') return null;
  return outcome.kind === 'exists' ? {...prompt, stage: 'replace'} : {...prompt, stage: 'typing', error: outcome.sentence};
}
