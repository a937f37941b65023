// Writes what the published package has beside the bundle, the declarations and the addons: the licences and the bill of materials of
// all that is in it, the shells' completion, and the headers that its native/build.sh needs. From what is really bundled, so that nothing
// can be forgotten.
import {spawnSync} from 'node:child_process';
import {cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {build} from 'esbuild';
import {prebuilds} from './addon.mjs';
import {bundleOptions, entryPoints, root} from './bundle.mjs';

/** What a command prints; its failure is ours. */
function outputOf(command, words) {
  const {status, stdout, stderr, error} = spawnSync(command, words, {cwd: root, encoding: 'utf8', maxBuffer: 1 << 28});
  if (status !== 0) throw new Error(`${command} ${words.join(' ')}: ${error?.message ?? stderr}`);
  return stdout;
}

/** Folders of headers: compiled into the addons, and in the package for who compiles them there. */
const headers = ['node_modules/node-addon-api', 'node_modules/node-api-headers/include'];

/** The packages whose code is in the bundle or the headers, by name and version, each with its folder. */
async function bundledPackages() {
  const {metafile} = await build({...bundleOptions, entryPoints, outdir: 'dist', write: false, metafile: true});
  const files = Object.values(metafile.outputs).flatMap(({inputs}) =>
    Object.entries(inputs).flatMap(([file, {bytesInOutput}]) => (bytesInOutput > 0 ? [file] : [])),
  );
  const folders = [...files, ...headers.map((folder) => `${folder}/`)].flatMap(
    (file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file)?.[0] ?? [],
  );
  const found = new Map();
  for (const folder of folders) {
    const {name, version, license, author} = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8'));
    found.set(`${name}@${version}`, {
      name,
      version,
      license,
      author: author?.name ?? author,
      folder: path.join(root, folder),
    });
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

const mit = readFileSync(path.join(root, 'LICENSE'), 'utf8').replace(/^[^]*?(?=Permission is)/, '');

/** The licence's text in a package; of a package that has none, what its package.json says. */
function licenceOf({folder, name, license, author}) {
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  if (files.length > 0)
    return files
      .sort()
      .map((file) => readFileSync(path.join(folder, file), 'utf8').trim())
      .join('\n\n');
  if (license !== 'MIT') throw new Error(`${name} has no licence's text, and that of ${license} is not known here`);
  return `The package names the MIT licence, without its text, and as its author ${author}.\n\n${mit.trim()}`;
}

function licences(packages) {
  const rule = '-'.repeat(80);
  const parts = [...packages].map(([id, found]) => `${rule}\n${id} (${found.license})\n${rule}\n\n${licenceOf(found)}\n`);
  const gcc =
    'The addons have parts of libstdc++ and libgcc inside (GPL-3.0 with the GCC Runtime Library Exception, which lets them).';
  return `What is bundled with bpftop-ts, each under the licence of its own.\n${gcc}\n\n${parts.join('\n')}`;
}

/** npm's bill of everything that is locked, less what isn't bundled, and less what would be another one with each run. */
function billOfMaterials(packages) {
  const bill = JSON.parse(outputOf('npm', ['sbom', '--package-lock-only', '--sbom-format=cyclonedx']));
  const {component} = bill.metadata;
  component.name = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).name; // not the folder's
  component.type = 'application';
  delete bill.serialNumber;
  delete bill.metadata.timestamp;
  bill.metadata.lifecycles = [{phase: 'build'}];
  const kept = new Map();
  for (const each of bill.components)
    if (packages.has(each['bom-ref']))
      // To npm they are for development; here they are what runs.
      kept.set(each['bom-ref'], {
        ...each,
        scope: 'required',
        properties: [{name: 'cdx:npm:package:bundled', value: 'true'}],
      });
  for (const id of packages.keys()) if (!kept.has(id)) throw new Error(`npm sbom does not know ${id}`);
  const relations = new Map();
  for (const {ref, dependsOn} of bill.dependencies) {
    if (!kept.has(ref) && ref !== component['bom-ref']) continue;
    const all = [...(relations.get(ref)?.dependsOn ?? []), ...dependsOn.filter((other) => kept.has(other))];
    relations.set(ref, {ref, dependsOn: [...new Set(all)].sort()});
  }
  return {...bill, components: [...kept.values()], dependencies: [...relations.values()]};
}

const missing = prebuilds.filter((file) => !existsSync(path.join(root, file)));
if (missing.length > 0)
  console.error(`package: it will have no ${missing.join(', ')}. Compile them first: npm run prebuilds`);

const packages = await bundledPackages();
writeFileSync(path.join(root, 'THIRD-PARTY-LICENSES'), licences(packages));
writeFileSync(path.join(root, 'sbom.cdx.json'), `${JSON.stringify(billOfMaterials(packages), null, 2)}\n`);

/** A new folder of the package. */
function emptyFolder(name) {
  const folder = path.join(root, name);
  rmSync(folder, {recursive: true, force: true});
  mkdirSync(folder);
  return folder;
}

const include = emptyFolder('headers');
for (const folder of headers.map((name) => path.join(root, name)))
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.h')))
    cpSync(path.join(folder, file), path.join(include, file));

const completions = emptyFolder('completions');
// Each called as its shell looks for it.
for (const [shell, file] of Object.entries({bash: 'bpftop-ts', zsh: '_bpftop-ts', fish: 'bpftop-ts.fish'}))
  writeFileSync(
    path.join(completions, file),
    outputOf(process.execPath, [path.join(root, 'bin/bpftop-ts.js'), 'completion', shell]),
  );
