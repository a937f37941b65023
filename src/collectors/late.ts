/** What takes longer than it ever should: said while it does, so that nobody takes the silence for an answer. */

/** Is told of it every second; `again`: it was told of the same wait before. */
export type Late = (sentence: string, again: boolean) => void;

const tickMs = 1000;
/** A reading takes 1 ms, and on a host at its limits a tenth of a second; so does writing one down. */
const patienceTicks = 3;

/** Waits for `work`; from 3 s on `late` is told how many seconds that has taken, in the words of `sentence`. */
export async function waitFor<T>(work: Promise<T>, sentence: (seconds: number) => string, late?: Late): Promise<T> {
  if (!late) return work;
  // Ticks, not a clock: while the process was stopped nothing was late.
  let ticks = 0;
  const timer = setInterval(() => {
    if (++ticks >= patienceTicks) late(sentence((ticks * tickMs) / 1000), ticks > patienceTicks);
  }, tickMs);
  return work.finally(() => clearInterval(timer));
}

/** What `work` gives; null where `signal` comes first, and nobody waits for it any longer. */
export async function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T | null> {
  if (!signal) return work;
  let giveUp = () => {};
  const aborted = new Promise<null>((resolve) => (giveUp = () => resolve(null)));
  signal.addEventListener('abort', giveUp);
  if (signal.aborted) giveUp();
  return Promise.race([aborted, work]).finally(() => signal.removeEventListener('abort', giveUp));
}
