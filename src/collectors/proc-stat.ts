/** What /proc/PID/stat says of a process: enough to know it again, and who is above it. */
import {readFileSync} from 'node:fs';

/** Of one process. */
export interface ProcStat {
  readonly ppid: number;
  readonly session: number;
  /** When it began, in clock ticks since boot: with the pid it tells one process from every other. */
  readonly startTime: string;
}

/**
 * From proc_pid_stat(5). The command's name may hold anything, so count from the last ")".
 * @returns 'gone' where there is no such process, or only what its parent has not yet asked for; null where that can't be told (no fd left, no /proc).
 */
export function readProcStat(pid: number): ProcStat | 'gone' | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const words = text.slice(text.lastIndexOf(')') + 2).split(' ');
    if (words[0] === 'Z' || words[0] === 'X') return 'gone';
    return {ppid: Number(words[1]), session: Number(words[3]), startTime: words[19] ?? ''};
  } catch (error) {
    const {code} = error as NodeJS.ErrnoException;
    return code === 'ENOENT' || code === 'ESRCH' ? 'gone' : null;
  }
}
