/** Other systems to load the addons on: Debian 11 with glibc 2.31 and musl, and the oldest Node that there is a package of. */
import {mkdirSync} from 'node:fs';
import path from 'node:path';
import {fetchOnce, runTool, withPackages} from '../helpers/debian.js';
import {unpackNode} from '../helpers/nodes.js';

/** What one architecture is called by Node, by the compilers and by Debian, and how its programs run here. */
export const architectures = {
  x64: {machine: 'x86_64', debian: 'amd64', emulator: []},
  arm64: {machine: 'aarch64', debian: 'arm64', emulator: ['qemu-aarch64']},
} as const;

export type Architecture = keyof typeof architectures;

const timeoutMs = 120_000;

/**
 * A folder with the program `node`, and the system that it is for below `root`: fetched once, and kept.
 * @throws Error that says why it can't be had.
 */
export function fetchSystem(name: Architecture): string {
  return fetchOnce(path.join('systems', name), (folder) => {
    const root = path.join(folder, 'root');
    mkdirSync(root);
    const bullseye = {archive: 'Debian', suite: 'bullseye', architecture: architectures[name].debian} as const;
    const packages = () => ['libc6', 'libgcc-s1', 'libstdc++6', 'musl', 'musl-dev'];
    withPackages(bullseye, packages, (deb) => runTool(['dpkg-deb', '--extract', deb, root]), timeoutMs);
    unpackNode(folder, name, '20.5.1');
  });
}
