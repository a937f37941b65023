/** A machine that runs one kernel with an image until it has gone through its tests, and what its console said. */
import {spawn} from 'node:child_process';
import {closeSync, openSync, readFileSync, statSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import type {Kernel} from './kernels.js';

/** A machine that says nothing for so long hangs. */
const silentMs = 180_000;

/** Of a test file that failed, so many lines are shown. */
const mostLines = 80;

export interface Outcome {
  /** `uname -r` there. */
  readonly release: string;
  readonly passed: number;
  /** What failed, with all that the console said of it. */
  readonly failures: readonly string[];
  readonly failed: number;
  /** Why assertions were skipped, a reason each time. */
  readonly skipped: readonly string[];
  readonly seconds: number;
  /** Why the machine can't be had here at all; null: its kernel came up, or should have. */
  readonly unable: string | null;
  /** It was told to stop before its end. */
  readonly stopped: boolean;
}

const memory = '768M';

/** The console is on stdout. A panic ends it, as the tests' end does; which it was, the console says. */
function commandOf(kernel: Kernel, file: string, image: string): string[] {
  const words = `quiet panic=-1 oops=panic SAMPLER=${kernel.sampler}`;
  if (kernel.runs === 'uml')
    return [file, `mem=${memory}`, `initrd=${image}`, 'con=null', 'con0=null,fd:1', ...words.split(' ')];
  // Without cmpxchg16b: QEMU 7.2's leaves rubbish in the flags now and then, and the kernel faults in kmalloc.
  // Not KVM, even where there is one: it is the kernel that counts, and every machine gives the same.
  const machine = ['-accel', 'tcg,thread=single', '-cpu', 'max,-cx16', '-smp', '2', '-m', memory];
  const devices = ['-nodefaults', '-no-user-config', '-display', 'none', '-serial', 'stdio', '-no-reboot'];
  const boot = ['-kernel', file, '-initrd', image, '-append', `console=ttyS0 ${words}`];
  return ['qemu-system-x86_64', ...machine, ...devices, ...boot];
}

/** Runs it; `stop` ends it early. The console is kept in `log`. */
export async function runMachine(
  kernel: Kernel,
  file: string,
  image: string,
  log: string,
  stop: AbortSignal,
): Promise<Outcome> {
  const started = performance.now();
  const [command, ...words] = commandOf(kernel, file, image);
  const out = openSync(log, 'w');
  // A group of its own: a user-mode kernel's processes are processes here. It keeps its memory in TMPDIR.
  const child = spawn(command as string, words, {
    stdio: ['ignore', out, out],
    detached: true,
    env: {...process.env, TMPDIR: path.dirname(image)},
  });
  closeSync(out);
  const kill = () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  };
  process.on('exit', kill);
  let end: string | undefined;
  child.on('error', (error) => (end ??= error.message));
  child.on('close', (code, signal) => (end ??= `${command} ended with ${signal ?? `status ${code}`}`));
  let length = 0;
  for (let since = performance.now(); end === undefined && !stop.aborted; await sleep(250)) {
    const now = statSync(log).size;
    if (now !== length) since = performance.now();
    length = now;
    if (performance.now() - since > silentMs) end = `it said nothing for ${silentMs / 1000} s`;
  }
  kill();
  process.off('exit', kill);
  const said = readConsole(readFileSync(log, 'utf8'), end);
  return {...said, seconds: (performance.now() - started) / 1000, stopped: end === undefined};
}

/** What the tests said; `end`: why the console says no more, undefined where nobody waited for it. */
function readConsole(text: string, end: string | undefined): Omit<Outcome, 'seconds' | 'stopped'> {
  const lines = text.replaceAll('\r', '').split('\n');
  const found = {
    release: '',
    passed: 0,
    failed: 0,
    failures: [] as string[],
    skipped: [] as string[],
    unable: null as string | null,
  };
  let section: string[] = [];
  let command = 'before any test';
  for (const line of lines) {
    section.push(line);
    const [, said, rest = ''] = /guest: (kernel|begin|status|end) ?(.*)/.exec(line) ?? [];
    if (said === 'kernel') found.release = rest;
    if (said === 'begin') [command, section] = [rest, []];
    if (said === 'status' && rest !== '0') {
      found.failed = Math.max(found.failed, 1);
      found.failures.push(telling(command, section));
    }
    if (said === 'end') return found;
    // An assertion, or a test that was skipped; a test that ran says how long it took.
    const assertion = /^\s*(not )?ok \d+/.exec(line);
    if (!assertion || / # time=/.test(line)) continue;
    const reason = /# SKIP ?(.*)/.exec(line)?.[1];
    if (reason !== undefined) found.skipped.push(reason);
    else if (assertion[1]) found.failed++;
    else found.passed++;
  }
  // Nobody waited for the end of what had failed already.
  if (end === undefined) {
    if (section.some((line) => /^\s*not ok \d+(?!.*# SKIP)/.test(line))) found.failures.push(telling(command, section));
    return found;
  }
  const last = lines.filter(Boolean).at(-1);
  // No memory for QEMU, a user-mode kernel that may not trace: no kernel came up to say anything, not even that it panics.
  if (!found.release && !text.includes('panic') && !end.startsWith('it said nothing'))
    return {...found, unable: `${end}: ${last}`};
  found.failures.push(`${end}, ${command}\n${section.slice(-mostLines).join('\n')}`);
  return {...found, failed: Math.max(found.failed, 1)};
}

/** What failed, without what went well. */
function telling(command: string, section: readonly string[]): string {
  const lines = section.filter((line) => !/^\s*(ok \d|\d+\.\.\d|# Subtest|$)/.test(line));
  return `${command}\n${lines.slice(0, mostLines).join('\n')}`;
}
