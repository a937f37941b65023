/**
 * Files of a host whose root may be mounted somewhere else. Symbolic links are followed as that host would, never out of its root;
 * only plain files of bounded size are read, so that a FIFO, a device or a huge file costs nothing.
 */
import {constants} from 'node:fs';
import {lstat, open, opendir, readlink} from 'node:fs/promises';
import {join} from 'node:path';

/** As many links as the kernel follows (MAXSYMLINKS, include/linux/namei.h). */
const mostLinks = 40;
/** A state file of a container has some 10 KB, podman's list of them 1 KB a container. */
const mostJsonBytes = 8 * 1024 * 1024;

/** Reads below `root`. What can't be read is nothing; nothing is thrown. */
export class HostFiles {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  /** The names in a directory of the host, at most so many; none where it can't be read. */
  async list(path: string, most: number): Promise<string[]> {
    const names: string[] = [];
    try {
      for await (const {name} of await opendir(await this.#resolve(path))) {
        if (names.length === most) break;
        names.push(name);
      }
    } catch {
      // What was read until then is true.
    }
    return names;
  }

  /** What a JSON file says; null: there is none, it is too large, no plain file, or no JSON. */
  async json(path: string): Promise<unknown> {
    try {
      return JSON.parse(await this.#read(await this.#resolve(path))) as unknown;
    } catch {
      return null;
    }
  }

  async #read(path: string): Promise<string> {
    // Before it is opened: opening a device can do something.
    if (!(await lstat(path)).isFile()) throw new Error('no plain file');
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > mostJsonBytes) throw new Error('no plain file, or too large');
      // No more than it had: it may be growing.
      const buffer = Buffer.alloc(stat.size);
      const {bytesRead} = await file.read(buffer, 0, stat.size, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  }

  /** Where a path of the host is for this process. @throws where it isn't, or has too many links. */
  async #resolve(path: string): Promise<string> {
    const ahead = path.split('/').reverse();
    const behind: string[] = [];
    let links = 0;
    while (ahead.length > 0) {
      const part = ahead.pop()!;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        behind.pop(); // above the root there is the root
        continue;
      }
      const here = join(this.#root, ...behind, part);
      if (!(await lstat(here)).isSymbolicLink()) {
        behind.push(part);
        continue;
      }
      if (++links > mostLinks) throw new Error('too many symbolic links');
      const target = await readlink(here);
      if (target.startsWith('/')) behind.length = 0;
      ahead.push(...target.split('/').reverse());
    }
    return join(this.#root, ...behind);
  }
}
