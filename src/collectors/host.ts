/** Which machine this is: read once, at the start. */
import {readFileSync} from 'node:fs';
import os from 'node:os';
import {inHost} from './host-root.js';
import type {Host} from '../sample/types.js';

/** Reads the host's names and its number of CPUs, where its root is `hostRoot`. */
export function readHost(hostRoot = '/'): Host {
  return {
    hostname: hostnameOf(hostRoot) ?? os.hostname(),
    kernelRelease: os.release(),
    arch: os.machine(),
    // Not os.cpus(): it parses /proc/cpuinfo and asks sysfs for every CPU's speed, milliseconds on a big host.
    cpusOnline: countCpus(read(inHost(hostRoot, 'sys/devices/system/cpu/online'))) ?? os.availableParallelism(),
    bootId: read(inHost(hostRoot, 'proc/sys/kernel/random/boot_id')),
  };
}

/** What another root's host is called; null: not known, or it is this one. */
function hostnameOf(hostRoot: string): string | null {
  if (hostRoot === '/') return null;
  // Its procfs has the name of the reader's own UTS namespace, a container's as a rule.
  return read(inHost(hostRoot, 'etc/hostname')) || read(inHost(hostRoot, 'proc/sys/kernel/hostname'));
}

/** The text of a file, null where it can't be read. */
function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return null;
  }
}

/** Counts a CPU list such as `0-3,8` (Documentation/admin-guide/cputopology.rst); null if it isn't one. */
export function countCpus(list: string | null): number | null {
  if (list === null || !/^\d+(-\d+)?(,\d+(-\d+)?)*$/.test(list)) return null;
  let count = 0;
  for (const range of list.split(',')) {
    const [first, last = first] = range.split('-').map(Number) as [number, number?];
    count += last - first + 1;
  }
  return count;
}
