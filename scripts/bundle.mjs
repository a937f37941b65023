// How esbuild makes one file of each entry, and of what is loaded later: for the build, and for what measures parts of it.
import path from 'node:path';
import {fileURLToPath} from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** With DEV in the environment Ink would connect to a debugger of React's on a local port, which is anybody's. */
const inkWithoutDevTools = {
  name: 'ink-without-devtools',
  setup({onLoad}) {
    onLoad({filter: /[/\\]ink[/\\]build[/\\]utils\.js$/}, () => ({contents: 'export const isDev = () => false;'}));
  },
};

/**
 * What is loaded later finds all of main.ts there already. Told so, esbuild makes one chunk of that, and not one of each set of modules that
 * some of the others share: twenty files more cost 15 ms at each start.
 * @type {import('esbuild').Plugin}
 */
const afterMain = {
  name: 'after-main',
  setup(build) {
    const {main} = build.initialOptions.entryPoints;
    if (!main) return;
    build.onResolve({filter: /^\.{1,2}\//}, async ({path: name, kind, resolveDir, pluginData}) => {
      if (kind !== 'dynamic-import' || pluginData === afterMain || !resolveDir.startsWith(path.join(root, 'src'))) return;
      const found = await build.resolve(name, {kind, resolveDir, pluginData: afterMain});
      if (found.errors.length > 0) return found;
      return {path: path.relative(root, found.path), namespace: 'after-main'};
    });
    build.onLoad({filter: /./, namespace: 'after-main'}, ({path: file}) => ({
      contents: `import './${main}'; export * from './${file}';`,
      resolveDir: root,
    }));
  },
};

/**
 * Not minified: it runs as root, so people may want to read it, and an error's stack should say where.
 * @type {import('esbuild').BuildOptions}
 */
export const bundleOptions = {
  absWorkingDir: root,
  bundle: true,
  format: 'esm',
  splitting: true, // the screen is a chunk of its own, which --json never loads
  platform: 'node',
  target: 'node20',
  tsconfigRaw: {compilerOptions: {jsx: 'react-jsx'}}, // the same bytes, whether tsconfig.json is there or not
  preserveSymlinks: true, // the same paths, and so the same bytes, wherever node_modules really is
  logLevel: 'warning',
  define: {'process.env.NODE_ENV': '"production"'},
  plugins: [inkWithoutDevTools, afterMain],
  alias: {
    ws: './scripts/empty.mjs',
    'react-devtools-core': './scripts/empty.mjs',
    blessed: './scripts/blessed.mjs',
    'node:child_process': './scripts/no-children.mjs',
  },
  // CommonJS packages in an ES module still call require() for Node's own modules.
  banner: {js: `import {createRequire as bundleRequire} from 'node:module';const require=bundleRequire(import.meta.url);`},
};

/** The tool, and the library: what is published. */
export const entryPoints = {main: 'src/cli/main.ts', index: 'src/index.ts'};
