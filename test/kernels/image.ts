/**
 * What a guest boots with: an initramfs of busybox, this Node with its libraries, the addon, the built tool, and the tests as plain
 * JavaScript, in the folders that they have here. Not compressed: unpacking takes an emulated CPU longer than reading.
 */
import {spawnSync} from 'node:child_process';
import {chmodSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {build} from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where a program is; undefined where it isn't. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file));
}

/** Files that the dynamic linker would load for a program. */
function librariesOf(file: string): string[] {
  const {stdout} = spawnSync('ldd', [file], {encoding: 'utf8'});
  return [...stdout.matchAll(/(?:=> |^\s+)(\/\S+)/gm)].map((match) => match[1] as string);
}

/** The project's own TypeScript, file by file; and tap in one. */
export async function transpile(to: string): Promise<void> {
  const entryPoints = ['src', 'test'].flatMap((room) =>
    readdirSync(path.join(root, room), {recursive: true, encoding: 'utf8'})
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => path.join(room, file)),
  );
  const common = {absWorkingDir: root, format: 'esm', platform: 'node', target: 'node20', logLevel: 'warning'} as const;
  await build({...common, entryPoints, outdir: to, outbase: root, jsx: 'automatic'});
  const modules = path.join(to, 'node_modules');
  await build({
    ...common,
    entryPoints: ['tap'],
    bundle: true,
    outfile: path.join(modules, 'tap/index.js'),
    banner: {js: `import {createRequire as bundleRequire} from 'node:module';const require=bundleRequire(import.meta.url);`},
  });
  writeFileSync(path.join(modules, 'tap/package.json'), '{"type": "module", "exports": "./index.js"}');
  // tap requires it in a way that no bundler sees, for comparing React elements.
  mkdirSync(path.join(modules, 'react-element-to-jsx-string'));
  writeFileSync(path.join(modules, 'react-element-to-jsx-string/index.js'), 'exports.default = String;');
}

/** Builds the image in `folder`, of `commands` that run in it one after another and of `more` programs that they name; its file. */
export async function buildImage(folder: string, commands: readonly string[], more: readonly string[]): Promise<string> {
  const top = path.join(folder, 'root');
  const project = path.join(top, 'bpftop-ts');
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'bpftop-ts/build/Release'])
    mkdirSync(path.join(top, name), {recursive: true});
  const copy = (from: string, to: string) => cpSync(from, path.join(top, to), {recursive: true, dereference: true});

  copy(fileURLToPath(new URL('init.sh', import.meta.url)), 'init');
  chmodSync(path.join(top, 'init'), 0o755);
  writeFileSync(path.join(top, 'tests'), commands.map((line) => `${line}\n`).join(''));
  copy(realpathSync(findTool('busybox') as string), 'bin/busybox');
  // Busybox's setpriv can't change the user, and its env takes busybox's setpriv.
  const programs = [process.execPath, ...['env', 'setpriv'].flatMap((name) => findTool(name) ?? []), ...more];
  for (const program of programs) copy(program, `bin/${path.basename(program)}`);
  for (const name of ['bpf.node', 'testbed.node']) {
    const addon = path.join(root, 'build/Release', name);
    copy(addon, `bpftop-ts/build/Release/${name}`);
    programs.push(addon);
  }
  for (const library of new Set(programs.flatMap(librariesOf))) copy(library, library);
  for (const name of ['bin', 'dist', 'package.json']) copy(path.join(root, name), `bpftop-ts/${name}`);
  await transpile(project);

  const image = path.join(folder, 'initramfs');
  const {status, stderr} = spawnSync('sh', ['-c', 'cpio --quiet -0 -o -H newc -R 0:0 > "$0"', image], {
    cwd: top,
    input: readdirSync(top, {recursive: true, encoding: 'utf8'}).sort().join('\0'),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cpio: ${stderr}`);
  return image;
}
