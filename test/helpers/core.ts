/** Builds native/core together with a C++ program of the tests', without Node. */
import {spawnSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {basename, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiler = process.env['CXX'] ?? 'c++';
const flags = ['-std=c++20', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread', '-fno-rtti', '-fno-exceptions'];
const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-D_GLIBCXX_ASSERTIONS'];

/** True when a program with these flags can be linked and run: musl has no sanitizers, minimal systems no libasan. */
function works(folder: string, flags: readonly string[]): boolean {
  const out = join(folder, 'try');
  const built = spawnSync(compiler, [...flags, '-x', 'c++', '-', '-o', out], {input: 'int main() { return 0; }'});
  return built.status === 0 && spawnSync(out).status === 0;
}

export interface Built {
  /** In the order of the sources. */
  readonly binaries: readonly string[];
  /** What the compiler said; empty when all is well. */
  readonly errors: string;
  /** Whether there are sanitizers in them. */
  readonly comment: string;
}

/**
 * Makes a program in `folder` of each of `sources`, paths from the project's folder, with sanitizers where there are some and they are
 * wanted; or says why that can't be done here.
 */
export function buildCore(folder: string, sources: readonly string[], sanitize = true): Built | {readonly skip: string} {
  if (!works(folder, flags)) return {skip: `no ${compiler} that builds C++20`};
  const sane = sanitize && works(folder, [...flags, ...sanitizers]);
  const compile = (...words: string[]) => {
    const all = [...flags, ...(sane ? sanitizers : []), '-I', join(root, 'native'), ...words];
    const {status, stderr} = spawnSync(compiler, all, {cwd: folder, encoding: 'utf8'});
    return stderr || (status === 0 ? '' : `${compiler}: status ${status}\n`);
  };
  const core = readdirSync(join(root, 'native/core')).filter((file) => file.endsWith('.cc'));
  let errors = compile('-c', ...core.map((file) => join(root, 'native/core', file)));
  const binaries = sources.map((source) => join(folder, basename(source, '.cc')));
  for (const [i, source] of sources.entries())
    errors += compile(join(root, source), ...core.map((file) => file.replace('.cc', '.o')), '-o', binaries[i] as string);
  return {binaries, errors, comment: sane ? 'with sanitizers' : 'without sanitizers: this system has none'};
}
