// Builds what is out of date: the addon and the test bed (into build/), the bundle (esbuild, into dist/).
// Quiet when all is well, so that nothing but the tool's own output is on stdout under `npm start`.
import {existsSync, renameSync, rmSync, statSync} from 'node:fs';
import path from 'node:path';
import {build} from 'esbuild';
import {buildAddon, newest} from './addon.mjs';
import {bundleOptions, entryPoints, root} from './bundle.mjs';

const only = process.argv[2];

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

if (only !== 'bundle') buildAddon('build/Release', process.env.CXX || 'c++');
if (only !== 'addon') await buildBundle().catch(() => process.exit(1)); // esbuild has said what is wrong
