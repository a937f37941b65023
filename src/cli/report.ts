/** How errors, and what else there is to say, reach the person: one place, one form. */
import {exitStatus, UserError} from '../errors.js';
import {printable} from '../model/printable.js';

// Nobody may be reading stderr; that mustn't change how the tool ends.
process.stderr.on('error', () => {});

/** Tells the person something that is no error, on a line of stderr. */
export function say(sentence: string): void {
  process.stderr.write(`bpftop-ts: ${printable(sentence)}\n`);
}

/** Tells the person what they wait for: once each wait. */
export function sayOfWait(sentence: string, again: boolean): void {
  if (!again) say(sentence);
}

/**
 * Writes one sentence for what a person can mend, the stack for what only we can.
 * @returns the exit status.
 */
export function report(error: unknown): number {
  if (error instanceof UserError) {
    for (const line of [`bpftop-ts: ${error.message}`, ...error.excerpt]) process.stderr.write(`${printable(line)}\n`);
    return error.exitStatus;
  }
  const lines = (error instanceof Error ? (error.stack ?? String(error)) : String(error)).split('\n').map(printable);
  process.stderr.write(`bpftop-ts: a bug, please report it: ${lines.join('\n')}\n`);
  return exitStatus.failed;
}
