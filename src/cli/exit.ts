/** How the process ends: also while a look at the host is stuck in a thread, which Node would wait for. */
import {constants} from 'node:os';
import {loadedExit} from '../addon.js';

/** A look that is under way may end by itself for so long, ms. */
const patienceMs = 300;

/** Ctrl-C comes twice under npm, from the terminal and from npm: within that it is one, ms. */
const onceMs = 300;

/** The first of these signals to come. A later one, whichever, ends the process on the spot. */
export async function firstSignal(signals: readonly NodeJS.Signals[]): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const heed = (signal: NodeJS.Signals) => {
      resolve(signal);
      setTimeout(() => signals.forEach((each) => process.off(each, heed)), onceMs).unref();
    };
    for (const each of signals) process.on(each, heed);
  });
}

/** Aborted by the first signal that asks for the end, with the exit status as its reason: for who has a file to finish. */
export function endBySignal(): AbortSignal {
  const stop = new AbortController();
  void firstSignal(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']).then((signal) => stop.abort(128 + constants.signals[signal]));
  return stop.signal;
}

/** Ends the process at once, when whoever listens for its `exit` has been told; what was written must have been taken. */
export function exitNow(status: number): never {
  process.exitCode = status;
  process.emit('exit', status);
  // No addon, so no look either.
  return loadedExit()?.exitNow(status) ?? process.exit(status);
}

/** Lets the process end with that status as soon as there is nothing left to do, or soon all the same. */
export function exitSoon(status: number): void {
  process.exitCode = status;
  setTimeout(() => exitNow(status), patienceMs).unref();
}
