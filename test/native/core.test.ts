/** native/core doesn't know Node: built here on its own, with sanitizers, checked by core-check.cc and fuzzed by btf-fuzz.cc. */
import {spawnSync} from 'node:child_process';
import {existsSync} from 'node:fs';
import t from 'tap';
import {buildCore} from '../helpers/core.js';

t.test('the core, built on its own', {skip: process.platform !== 'linux' && 'needs Linux'}, (t) => {
  const built = buildCore(t.testdir(), ['test/native/core-check.cc', 'test/native/btf-fuzz.cc']);
  if ('skip' in built) {
    t.pass('not here', built);
    return void t.end();
  }
  t.comment(built.comment);
  t.equal(built.errors, '');
  const [check, fuzz] = built.binaries as [string, string];

  t.test('passes its checks', (t) => {
    const run = spawnSync(check, {encoding: 'utf8'});
    const lines = run.stdout.split('\n').filter((line) => /^(not )?ok /.test(line));
    t.ok(lines.length > 60);
    for (const line of lines) t.ok(line.startsWith('ok'), line.replace(/^(not )?ok \d+ - /, ''));
    t.match(run, {stderr: '', status: 0});
    t.end();
  });

  t.test('reads damaged BTF without harm', (t) => {
    const inputs = process.env['FUZZ_INPUTS'] ?? '30000';
    const real = ['/sys/kernel/btf/vmlinux'].filter((file) => existsSync(file));
    const run = spawnSync(fuzz, [inputs, '1', ...real], {encoding: 'utf8'});
    t.match(run.stdout, new RegExp(`^${inputs} inputs, \\d+ parsed, \\d+ with all members\\n$`));
    t.match(run, {stderr: '', status: 0});
    t.end();
  });
  t.end();
});
