/** File systems that tests on the real kernel need, and commands that they may need. */
import {spawnSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, readFileSync, rmdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

/** Where a file system of this type is mounted; undefined where it is not. */
export function mountOf(type: string): string | undefined {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [left, right] = line.split(' - ');
    // Octal escapes (\040 for a space) are not undone: such a mount is as good as none.
    if (right?.startsWith(`${type} `)) return left!.split(' ')[4];
  }
  return undefined;
}

/** True when the program runs; a helper program that is missing makes a test skip. */
export const has = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;

/** Where tracefs is; mounted for the length of a test where it isn't, undefined where it can't be. */
export function tracefsOf(t: {teardown(done: () => unknown): void}): string | undefined {
  return mountOf('tracefs') ?? mountTracefs(t);
}

/** Mounts tracefs for the length of a test. */
function mountTracefs(t: {teardown(done: () => unknown): void}): string | undefined {
  const folder = join(mkdtempSync(join(tmpdir(), 'bpftop-test-')), 'tracing');
  mkdirSync(folder);
  const mounted = has('mount', '-t', 'tracefs', 'none', folder);
  t.teardown(() => {
    if (mounted) spawnSync('umount', [folder]);
    rmdirSync(folder);
    rmdirSync(join(folder, '..'));
  });
  return mounted ? folder : undefined;
}
