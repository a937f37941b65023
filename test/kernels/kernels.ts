/** Kernels to boot: Debian's own, fetched once through apt and kept. */
import {readdirSync} from 'node:fs';
import path from 'node:path';
import {type Archive, fetchOnce, runTool, withPackages} from '../helpers/debian.js';

export interface Kernel extends Archive {
  /** As on the command line. */
  readonly name: string;
  /** Boots in QEMU, or is itself a program. */
  readonly runs: 'qemu' | 'uml';
  readonly package: string;
  /** In the package, a pattern of tar's. */
  readonly file: string;
  /** What `auto` must come to here. */
  readonly sampler: 'iterator' | 'walk';
}

const image = {
  runs: 'qemu',
  architecture: 'amd64',
  package: 'linux-image-cloud-amd64',
  file: '*/vmlinuz*',
  sampler: 'iterator',
} as const;

/** One of each kind: what BPF can differs most between these. Nothing older is to be had of Debian. */
export const kernels: readonly Kernel[] = [
  {...image, name: '5.10', archive: 'Debian-Security', suite: 'bullseye-security'},
  {...image, name: '6.1', archive: 'Debian-Security', suite: 'bookworm-security'},
  {...image, name: '6.12', archive: 'Debian', suite: 'trixie'},
  {...image, name: '7.x', archive: 'Debian', suite: 'forky'},
  // User-mode Linux 6.1: no BTF, no JIT.
  {
    ...{name: 'uml', runs: 'uml', package: 'user-mode-linux', file: './usr/bin/linux.uml', sampler: 'walk'},
    ...{archive: 'Debian', suite: 'bookworm', architecture: 'amd64'},
  },
];

/** A kernel package is often only a name for the present one, which may be split as well. */
function resolve(apt: readonly string[], name: string): string {
  const lines = runTool(['apt-cache', ...apt, 'depends', '--important', name]).split('\n');
  const next = lines.map((line) => /^ {2}Depends: (linux-(?:image|binary)-\d.*)$/.exec(line)?.[1]).find(Boolean);
  return next === undefined ? name : resolve(apt, next);
}

/**
 * The kernel's file, from the cache, or fetched into it, each step within `timeoutMs`. Delete its folder there for a newer one.
 * @throws Error that says why it can't be had.
 */
export function fetchKernel(kernel: Kernel, timeoutMs: number): string {
  const kept = fetchOnce(path.join('kernels', kernel.name), (folder) => {
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards "$3"';
    const use = (deb: string) => runTool(['sh', '-c', unpack, 'sh', deb, folder, kernel.file]);
    withPackages(kernel, (apt) => [resolve(apt, kernel.package)], use, timeoutMs);
  });
  const entries = readdirSync(kept, {withFileTypes: true, recursive: true});
  const file = entries.find((entry) => entry.isFile());
  if (file === undefined) throw new Error(`${kept} is empty: delete it`);
  return path.join(file.parentPath, file.name);
}
