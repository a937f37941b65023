/**
 * Notices when whoever started this process is gone. A TERM sent to `npm start` ends npm, and the program below it would live on and
 * keep the terminal: so every process between this one and the leader of its session (the login shell, sudo's monitor) is watched.
 */
import {readProcStat} from '../collectors/proc-stat.js';

/** Each process of our line up to the session's leader, with its parent. */
function lineage(): Map<number, number> {
  const parents = new Map<number, number>();
  let session: number | null = null;
  for (let pid = process.pid; pid > 1;) {
    const stat = readProcStat(pid);
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
      const stat = readProcStat(pid);
      if (stat === null || (stat !== 'gone' && stat.ppid === parent)) continue;
      clearInterval(timer);
      onGone();
      return;
    }
  }, 500);
  timer.unref();
  return () => clearInterval(timer);
}
