/**
 * Notices when whoever started this process is gone. A TERM sent to `npm start` ends npm, and the program below it would live on
 * and keep the terminal: so the parent is watched, and the leader of our job where it is one of our ancestors (npm, sudo).
 */
import {readFileSync} from 'node:fs';

interface Stat {
  readonly ppid: number;
  readonly pgrp: number;
}

/** From proc_pid_stat(5). The command's name may hold anything, so count from the last ")". Null: no such process. */
function readStat(pid: number | 'self'): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [, ppid, pgrp] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {ppid: Number(ppid), pgrp: Number(pgrp)};
  } catch {
    return null;
  }
}

/** The job's leader where it is an ancestor of ours. In `true | bpftop-ts` it isn't, and its end means nothing. */
function leadingAncestor(): number | null {
  const self = readStat('self');
  if (!self) return null;
  for (let pid = self.ppid; pid > 1;) {
    if (pid === self.pgrp) return pid;
    const stat = readStat(pid);
    if (!stat) return null;
    pid = stat.ppid;
  }
  return null;
}

/**
 * Calls `onGone` once, within half a second of the end of the parent or of the job's leader.
 * @returns a function that stops watching.
 */
export function watchLaunchers(onGone: () => void): () => void {
  const parent = process.ppid;
  const leader = leadingAncestor();
  const timer = setInterval(() => {
    if (process.ppid === parent && (leader === null || readStat(leader) !== null)) return;
    clearInterval(timer);
    onGone();
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
