/**
 * What it takes to get the tool onto a host: the package, where everything is bundled, beside a plain install of the same code, where
 * npm brings the dependencies in the versions of the lock file. By itself: `npx tsx bench/package.ts`.
 */
import {cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {isBuiltin} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';
import {bundleOptions, entryPoints, root} from '../scripts/bundle.mjs';
import {inMinimalRoot, makeMinimalRoot, minimalRootSkip} from '../test/helpers/minimal-root.js';
import {outputOf, pack} from '../test/helpers/package.js';
import {print, runInTerminal} from './processes.js';

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly type: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly engines: object;
}

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/** The same code with its dependencies left outside, in a folder; what npm would fetch is in npm's cache then. */
async function unbundle(folder: string): Promise<void> {
  const {metafile} = await build({
    ...bundleOptions,
    ...{entryPoints, outdir: join(folder, 'dist'), packages: 'external', alias: {}, metafile: true},
  });
  const imported = Object.values(metafile.outputs).flatMap(({imports}) => imports.filter((each) => each.external));
  const names = imported.flatMap(({path}) => (isBuiltin(path) ? [] : [/^(?:@[^/]+\/)?[^/]+/.exec(path)![0]]));
  const dependencies = Object.fromEntries(
    names.map((name) => [name, readManifest(join(root, 'node_modules', name)).version]),
  );
  const {name, version, type, bin, engines} = readManifest(root);
  const manifest = {name, version, type, bin, engines, files: ['dist', 'prebuilds'], dependencies};
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  for (const part of ['bin', 'prebuilds', 'package-lock.json'])
    cpSync(join(root, part), join(folder, part), {recursive: true});
  outputOf('npm', ['install', '--silent', '--package-lock-only', '--prefer-offline'], folder);
  outputOf('npm', ['ci', '--silent', '--prefer-offline', '--ignore-scripts'], folder);
}

/** Bytes and files below a folder, and packages among them. */
function extent(folder: string): {bytes: number; files: number; packages: number} {
  const files = readdirSync(folder, {recursive: true, withFileTypes: true}).filter((entry) => entry.isFile());
  return {
    bytes: files.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0),
    files: files.length,
    packages: new Set(
      files
        .filter(({name, parentPath}) => name === 'package.json' && /node_modules\/(@[^/]+\/)?[^/]+$/.test(parentPath))
        .map((entry) => entry.parentPath),
    ).size,
  };
}

/** From a command to the first rates on the screen, ms. */
async function untilRates(command: readonly string[]): Promise<string> {
  const rates = /BPF +[\d.]+% of 1 CPU/;
  const {firstRatesMs} = await runInTerminal(command, {cols: 120, rows: 30, warmUpSeconds: 25, seconds: 0.05, rates});
  return firstRatesMs?.toFixed(0) ?? '-';
}

/** Measures and prints. */
export async function benchPackage(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bpftop-bench-'));
  try {
    const packed = pack(join(folder, 'packed'));
    const one = join(folder, 'one');
    const install = (...words: string[]) => outputOf('npm', ['install', '--silent', '--offline', ...words]);
    install('--prefix', one, packed.tarball);
    const bundled = extent(one);
    const npx = (tarball: string) => ['npx', '--yes', '--offline', '--package', tarball, 'bpftop-ts'];
    const emptyCache = ['env', `npm_config_cache=${join(folder, 'cache')}`];
    const bundledMs = await untilRates([...emptyCache, ...npx(packed.tarball)]);
    const bundledAgainMs = await untilRates([process.execPath, join(one, 'node_modules/bpftop-ts/bin/bpftop-ts.js')]);

    const many = join(folder, 'many');
    await unbundle(many);
    const [plain] = JSON.parse(outputOf('npm', ['pack', '--silent', '--json', '--dry-run', '--ignore-scripts'], many)) as [
      {size: number},
    ];
    const unbundled = extent(many);
    const start = `cd ${many} && npm ci --silent --offline --ignore-scripts && exec node bin/bpftop-ts.js`;
    const unbundledMs = await untilRates(['sh', '-c', start]);
    const unbundledAgainMs = await untilRates([process.execPath, join(many, 'bin/bpftop-ts.js')]);

    let minimalMs = minimalRootSkip || '';
    if (!minimalRootSkip) {
      const minimal = join(folder, 'root');
      makeMinimalRoot(minimal);
      cpSync(packed.tarball, join(minimal, 'package.tgz'));
      minimalMs = await untilRates(inMinimalRoot(minimal, npx('/package.tgz')));
    }
    const kb = (bytes: number) => (bytes / 1000).toFixed(0);
    print(
      'From nothing to rates, without a network: npm has what it needs in a file or in its cache, and a minimal root has no cache. A second of it is between two readings',
      [
        [
          '',
          'tarball kB',
          'bar',
          'installed kB',
          'files',
          'packages',
          'bar',
          'install to rates ms',
          'in a minimal root',
          'start to rates ms',
        ],
        [
          ...['the package, npx', kb(packed.size), '≤ 2500', kb(bundled.bytes), String(bundled.files)],
          ...[String(bundled.packages), '1', bundledMs, minimalMs, bundledAgainMs],
        ],
        [
          ...['unbundled, npm ci', kb(plain.size), '', kb(unbundled.bytes), String(unbundled.files)],
          ...[String(unbundled.packages + 1), '', unbundledMs, '-', unbundledAgainMs],
        ],
      ],
    );
  } finally {
    rmSync(folder, {recursive: true});
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await benchPackage();
