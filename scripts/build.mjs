// Builds what is out of date: the addon and the test bed (node-gyp, into build/), the bundle (esbuild, into dist/).
// Quiet when all is well, so that nothing but the tool's own output is on stdout under `npm start`.
import {spawnSync} from 'node:child_process';
import {existsSync, readdirSync, renameSync, rmSync, statSync} from 'node:fs';
import {createRequire} from 'node:module';
import path from 'node:path';
import {build} from 'esbuild';
import {bundleOptions, entryPoints, root} from './bundle.mjs';

const require = createRequire(import.meta.url);
const only = process.argv[2];

/** Newest modification below a path. */
function newest(at) {
  const stat = statSync(at);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(at).map((name) => newest(path.join(at, name))));
}

function buildAddon() {
  const outputs = ['bpf.node', 'testbed.node'].map((file) => path.join(root, 'build/Release', file));
  const sources = ['native', 'binding.gyp'].map((file) => newest(path.join(root, file)));
  if (outputs.every((file) => existsSync(file) && statSync(file).mtimeMs >= Math.max(...sources))) return;
  const nodeGyp = require.resolve('node-gyp/bin/node-gyp.js');
  const {status, stdout, stderr} = spawnSync(process.execPath, [nodeGyp, 'rebuild'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status === 0) return;
  process.stderr.write(
    `${stdout}${stderr}build: the addon could not be compiled. It needs make, a C++ compiler, python3 and Node's headers (npm run build:addon fetches them).\n`,
  );
  process.exit(1);
}

async function buildBundle() {
  const dist = path.join(root, 'dist');
  const fresh = `${dist}.new`;
  const sources = ['src', 'scripts', 'package-lock.json'].map((file) => newest(path.join(root, file)));
  const main = path.join(dist, 'main.js');
  // Not without need: a running tool loads parts of the old one when they are first wanted.
  if (existsSync(main) && statSync(main).mtimeMs >= Math.max(...sources)) return;
  rmSync(fresh, {recursive: true, force: true});
  await build({...bundleOptions, entryPoints, outdir: fresh});
  rmSync(dist, {recursive: true, force: true});
  renameSync(fresh, dist);
}

if (only !== 'bundle') buildAddon();
if (only !== 'addon') await buildBundle().catch(() => process.exit(1)); // esbuild has said what is wrong
