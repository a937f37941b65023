/** A root directory with Node and npm and nothing that compiles or fetches, as on a stranger's server: the files of this Debian's packages. */
import {spawnSync} from 'node:child_process';
import {cpSync, existsSync, lstatSync, mkdirSync, realpathSync, symlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {has} from './mounts.js';
import {outputOf} from './package.js';

/** What Node needs, and a shell. */
const packages = ['libc6', 'libgcc-s1', 'libstdc++6', 'busybox-static'];

/** Options of unshare(1): what is mounted there is seen nowhere else, and goes with the last process. */
const ownNamespaces = ['--mount', '--net', '--pid', '--fork', '--kill-child'];

/** Why there can't be one here; false where there can. */
export const minimalRootSkip: string | false = whyNot();

function whyNot(): string | false {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'a minimal root needs Linux and root';
  const missing = packages.filter((name) => !has('dpkg-query', '--listfiles', name));
  if (missing.length > 0) return `a minimal root is made of Debian packages, and needs ${missing.join(', ')}`;
  if (!existsSync(path.join(npmFolder(), 'node_modules')))
    return 'a minimal root needs all of npm in one folder, as it comes with Node';
  return !has('unshare', ...ownNamespaces, 'true') && 'a minimal root needs namespaces of its own, and unshare';
}

function npmFolder(): string {
  return path.resolve(realpathSync(spawnSync('sh', ['-c', 'command -v npm'], {encoding: 'utf8'}).stdout.trim()), '../..');
}

/** Makes it in a folder. */
export function makeMinimalRoot(folder: string): void {
  for (const name of ['dev', 'proc', 'sys', 'tmp', 'root', 'etc', 'usr/bin'])
    mkdirSync(path.join(folder, name), {recursive: true});
  const installed = outputOf('dpkg-query', ['--listfiles', ...packages]).split('\n');
  // Of another distribution's Node also its own libraries.
  const linked = [...outputOf('ldd', [process.execPath]).matchAll(/=> (\/\S+)/g)].map(([, file]) => file as string);
  const wanted = [...new Set([...installed, ...linked])].filter(
    (file) => /^(\/usr)?\/(bin|lib|lib64)\//.test(file) && !lstatSync(file).isDirectory(),
  );
  const list = path.join(folder, 'files');
  writeFileSync(list, wanted.map((file) => `${file}\n`).join(''));
  outputOf('sh', ['-c', 'tar -C / -cPf - -T "$1" | tar -C "$2" -xf -', 'sh', list, folder]);
  const copy = (from: string, to: string) => cpSync(from, path.join(folder, to), {recursive: true, dereference: true});
  copy(process.execPath, 'usr/bin/node');
  copy(npmFolder(), 'usr/lib/node_modules/npm');
  const link = (to: string, name: string) => symlinkSync(to, path.join(folder, name));
  link('/bin/busybox', 'bin/sh');
  link('/bin/busybox', 'usr/bin/env');
  for (const name of ['npm', 'npx']) link(`../lib/node_modules/npm/bin/${name}-cli.js`, `usr/bin/${name}`);
  writeFileSync(path.join(folder, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
}

/** The command that runs another one in it: without a network, in root's home, with nothing of this environment. */
export function inMinimalRoot(folder: string, command: readonly string[]): string[] {
  const enter = `
    mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" && mount --rbind /dev "$1/dev" || exit 125
    root=$1 && shift && exec chroot "$root" /usr/bin/env -i HOME=/root TERM=xterm-256color LANG=C.UTF-8 PATH=/usr/bin:/bin \\
      sh -c 'cd && exec "$@"' sh "$@"`;
  return ['env', '-u', 'NODE_OPTIONS', 'unshare', ...ownNamespaces, 'sh', '-c', enter, 'sh', folder, ...command];
}
