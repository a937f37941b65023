/** native/core doesn't know Node: built here on its own, with sanitizers, and checked by core-check.cc. */
import {spawnSync} from 'node:child_process';
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import t from 'tap';

const root = fileURLToPath(new URL('../../', import.meta.url));
const compiler = process.env.CXX ?? 'c++';

/** True when a program with these flags can be linked and run: musl has no sanitizers, minimal systems no libasan. */
function works(folder: string, flags: readonly string[]): boolean {
  const out = join(folder, 'try');
  const built = spawnSync(compiler, [...flags, '-x', 'c++', '-', '-o', out], {input: 'int main() { return 0; }'});
  return built.status === 0 && spawnSync(out).status === 0;
}

t.test(
  'the core passes its checks, under sanitizers where there are any',
  {skip: process.platform !== 'linux' && 'needs Linux'},
  (t) => {
    const folder = t.testdir();
    const flags = ['-std=c++20', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-pthread', '-fno-rtti', '-fno-exceptions'];
    if (!works(folder, flags)) {
      t.pass('not here', {skip: `no ${compiler} that builds C++20`});
      return void t.end();
    }
    const sanitizers = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    if (works(folder, [...flags, ...sanitizers])) flags.push(...sanitizers);
    else t.comment('without sanitizers: this system has none');

    const core = join(root, 'native/core');
    const sources = readdirSync(core)
      .filter((file) => file.endsWith('.cc'))
      .map((file) => join(core, file));
    const binary = join(folder, 'core-check');
    const built = spawnSync(
      compiler,
      [...flags, '-I', join(root, 'native'), join(root, 'test/native/core-check.cc'), ...sources, '-o', binary],
      {encoding: 'utf8'},
    );
    t.equal(built.stderr, '');
    t.equal(built.status, 0);
    const run = spawnSync(binary, {encoding: 'utf8'});
    const lines = run.stdout.split('\n').filter((line) => /^(not )?ok /.test(line));
    t.ok(lines.length > 20);
    for (const line of lines) t.ok(line.startsWith('ok'), line.replace(/^(not )?ok \d+ - /, ''));
    t.equal(run.stderr, '');
    t.equal(run.status, 0);
    t.end();
  },
);
