import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, statSync} from 'node:fs';
import path from 'node:path';
import {root} from './bundle.mjs';

const files = ['bpf.node', 'testbed.node'];

/** The package's addons: the compiler, of Debian's, for each architecture. */
export const prebuildCompilers = {x64: 'x86_64-linux-gnu-g++', arm64: 'aarch64-linux-gnu-g++'};

/** All files that the package has of them. */
export const prebuilds = Object.keys(prebuildCompilers).flatMap((name) =>
  files.map((file) => `prebuilds/linux-${name}/${file}`),
);

/** Newest modification below a path. */
export function newest(at) {
  const stat = statSync(at);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(at).map((name) => newest(path.join(at, name))));
}

/**
 * Compiles the addon and the test bed into a folder of the project's, unless they are up to date; ends the process where that fails.
 * A warning is an error here, and not for who builds from a release with a compiler that we haven't seen.
 */
export function buildAddon(folder, compiler) {
  const outputs = files.map((file) => path.join(root, folder, file));
  const sources = newest(path.join(root, 'native'));
  if (outputs.every((file) => existsSync(file) && statSync(file).mtimeMs >= sources)) return;
  const {status, stderr} = spawnSync('sh', ['native/build.sh', folder], {
    cwd: root,
    encoding: 'utf8',
    env: {...process.env, CXX: compiler, CXXFLAGS: `-Werror ${process.env.CXXFLAGS ?? ''}`},
  });
  if (status === 0) return;
  process.stderr.write(`${stderr}build: the addon could not be compiled. It needs g++ 12 or later (CXX=${compiler}).\n`);
  process.exit(1);
}
