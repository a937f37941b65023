/** Other versions of Node, as npm has them. */
import {rmSync} from 'node:fs';
import path from 'node:path';
import {runTool} from './debian.js';

const timeoutMs = 120_000;

/**
 * Puts the program `node` into a folder.
 * @param version a version, or the beginning of one for the newest of those.
 * @throws Error that says why it can't be had.
 */
export function unpackNode(folder: string, architecture: string, version: string): void {
  const file = runTool(['npm', 'pack', '--silent', `node-linux-${architecture}@${version}`], folder, timeoutMs).trim();
  runTool(['tar', '-xf', file, '--strip-components=2', 'package/bin/node'], folder);
  rmSync(path.join(folder, file));
}
