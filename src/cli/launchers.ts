/**
 * Notices when whoever started this process is gone. A TERM sent to `npm start` ends npm, and the program below it would live on and
 * keep the terminal: so every process between this one and the leader of its session (the login shell, sudo's monitor) is watched.
 */
import {readFileSync} from 'node:fs';

interface Stat {
  readonly ppid: number;
  readonly session: number;
}

/**
 * From proc_pid_stat(5). The command's name may hold anything, so count from the last ")".
 * @returns 'gone' where there is no such process, null where that can't be told (no fd left, no /proc).
 */
function readStat(pid: number): Stat | 'gone' | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [, ppid, , session] = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return {ppid: Number(ppid), session: Number(session)};
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : null;
  }
}

/** Each process of our line up to the session's leader, with its parent. */
function lineage(): Map<number, number> {
  const parents = new Map<number, number>();
  let session: number | null = null;
  for (let pid = process.pid; pid > 1;) {
    const stat = readStat(pid);
    if (stat === null || stat === 'gone') break;
    session ??= stat.session;
    // Beyond the session's edge (a leader that died before us, a container's init) nobody launched us from this terminal.
    if (pid === session || stat.session !== session) break;
    parents.set(pid, stat.ppid);
    pid = stat.ppid;
  }
  return parents;
}

/**
 * Calls `onGone` once, within half a second of the end of a process above this one: its child then has another parent.
 * @returns a function that stops watching.
 */
export function watchLaunchers(onGone: () => void): () => void {
  const parents = lineage();
  // This process leads its session: nobody to watch, and nothing to wake up for.
  if (parents.size === 0) return () => {};
  const timer = setInterval(() => {
    for (const [pid, parent] of parents) {
      const stat = readStat(pid);
      if (stat === null || (stat !== 'gone' && stat.ppid === parent)) continue;
      clearInterval(timer);
      onGone();
      return;
    }
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
