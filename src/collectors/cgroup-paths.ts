/**
 * The path of a cgroup by its id, which is the inode number of its directory in any cgroup2 mount. There is no index: all directories are
 * walked, about 0.1 ms each, and only when an id comes up that was not asked for before. One directory at a time: of libuv's four threads the
 * counters need one.
 */
import type {Dirent} from 'node:fs';
import {lstat, readdir, readFile} from 'node:fs/promises';
import path from 'node:path';
import {homeProcess, inHost} from './host-root.js';

/** Finds paths, and remembers those that are still asked for. */
export class CgroupPaths {
  readonly #root: string;
  /** null: looked for in vain. */
  #known = new Map<bigint, string | null>();

  /** `root` stands before every path, for a host mounted elsewhere. */
  constructor(root = '/') {
    this.#root = root;
  }

  /**
   * Paths as /proc/PID/cgroup gives them, `/` for the root. Ids that can't be found (another cgroup namespace's, or the walk took longer than
   * `limitMs`) are not in the map. Never rejects: what can't be read isn't searched.
   */
  async find(ids: ReadonlySet<bigint>, limitMs = 1000): Promise<ReadonlyMap<bigint, string>> {
    if ([...ids].some((id) => !this.#known.has(id))) await this.#walk(ids, performance.now() + limitMs);
    this.#known = new Map([...ids].map((id) => [id, this.#known.get(id) ?? null]));
    return new Map([...this.#known].filter((entry): entry is [bigint, string] => entry[1] !== null));
  }

  async #walk(ids: ReadonlySet<bigint>, deadline: number): Promise<void> {
    const missing = new Set([...ids].filter((id) => (this.#known.get(id) ?? null) === null));
    for (const mount of await cgroupMounts(this.#root)) {
      const dev = await inode(mount.point);
      // The later ones are found while it goes on: the upper levels of the tree first.
      const folders = [{at: mount.point, path: mount.root}];
      for (const folder of folders) {
        if (missing.size === 0 || performance.now() > deadline) return;
        const stat = await inode(folder.at);
        // Something else may be mounted on a directory in there.
        if (stat === null || stat.dev !== dev?.dev) continue;
        if (missing.delete(stat.ino)) this.#known.set(stat.ino, folder.path);
        for (const entry of await list(folder.at))
          if (entry.isDirectory())
            folders.push({at: path.join(folder.at, entry.name), path: path.posix.join(folder.path, entry.name)});
      }
    }
  }
}

/** A cgroup2 mount: where it is, and which directory of the hierarchy is there. */
export interface CgroupMount {
  readonly root: string;
  readonly point: string;
}

/**
 * The cgroup2 mounts of this mount namespace; none where they can't be read. `root` stands before every path. proc_pid_mountinfo(5): the
 * fourth word is which directory is mounted, the fifth where; blanks are octal escapes.
 */
export async function cgroupMounts(root: string): Promise<readonly CgroupMount[]> {
  const text = await readFile(inHost(root, `proc/${homeProcess(root)}/mountinfo`), 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    if (!/ - cgroup2 /.test(line)) return [];
    const [dir, point] = line.split(' ').slice(3, 5).map(unescapeOctal);
    return dir === undefined || point === undefined ? [] : [{root: dir, point: inHost(root, point)}];
  });
}

function unescapeOctal(word: string): string {
  return word.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

async function inode(at: string): Promise<{ino: bigint; dev: bigint} | null> {
  return lstat(at, {bigint: true}).catch(() => null);
}

async function list(at: string): Promise<readonly Dirent[]> {
  return readdir(at, {withFileTypes: true}).catch(() => []);
}
