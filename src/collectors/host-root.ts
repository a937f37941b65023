/**
 * Where the host's root directory is: `/`, or the directory it is mounted on in a container. Every collector that reads files of the host
 * goes through here, so that they all mean the same host.
 */
import {statfsSync, statSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {exitStatus, UserError} from '../errors.js';

/** PROC_SUPER_MAGIC (include/uapi/linux/magic.h). */
const procMagic = 0x9fa0;

/**
 * The directory, as an absolute path.
 * @throws UserError (2) where it isn't one, or has no procfs in `proc`.
 */
export function openHostRoot(dir: string): string {
  const root = resolve(dir);
  const refuse = (what: string, remedy: string) =>
    new UserError(`--host-root '${dir}': ${what}. ${remedy}`, exitStatus.usage);
  const mountIt = `Mount the host there: docker run --privileged --pid=host -v /:${root}:ro …`;
  if (root === '/') return root;
  try {
    if (!statSync(root).isDirectory()) throw refuse('it is no directory', mountIt);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refuse(`stat: ${(error as NodeJS.ErrnoException).code}`, mountIt);
  }
  const proc = inHost(root, 'proc');
  let type: number | null = null;
  try {
    ({type} = statfsSync(proc));
  } catch (error) {
    throw refuse(`statfs(${proc}): ${(error as NodeJS.ErrnoException).code}`, mountIt);
  }
  if (type !== procMagic) throw refuse(`${proc} is no procfs`, `Mount the host's there too: -v /proc:${proc}:ro.`);
  return root;
}

/** Where a file of the host is for this process. */
export function inHost(hostRoot: string, path: string): string {
  return join(hostRoot, path);
}

/**
 * The process, by its directory in the host's procfs, that sees the host as a person there does: this one, or where the host is mounted
 * elsewhere, its first. There this one may not be seen, or see other mounts.
 */
export function homeProcess(hostRoot: string): 'self' | '1' {
  return hostRoot === '/' ? 'self' : '1';
}
