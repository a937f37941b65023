import {spawnSync} from 'node:child_process';
import {mkdirSync, symlinkSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {openSampler, parseFilter, UserError} from '../src/index.js';
import {kernelSkip, loadProg, openFds} from './helpers/kernel.js';

const root = path.dirname(import.meta.dirname);
const bin = (name: string) => path.join(root, 'node_modules/.bin', name);
/** Without what the test runner puts before every process. */
const spawned = (command: string, words: readonly string[], cwd = root) =>
  spawnSync('env', ['-u', 'NODE_OPTIONS', command, ...words], {cwd, encoding: 'utf8'});

t.test(
  'every period is measured, exactly, until the loop is left; then nothing stays open',
  {skip: kernelSkip},
  async (t) => {
    const prog = loadProg(t, {type: 'xdp', name: 'counted'});
    const filter = parseFilter('name=counted type:xdp');
    let runs = 0;
    for await (const {progs, totals, periodNs} of openSampler({delayMs: 50})) {
      const found = progs.filter(filter.matches);
      t.match(found, [{info: {id: prog.id}}]);
      t.ok(periodNs !== null && totals.programs === progs.length);
      t.match(openFds('bpf-stats'), [/bpf-stats/]);
      runs += found[0]?.periodRunCnt ?? 0;
      if (runs > 0) break;
      prog.run(321);
    }
    t.equal(runs, 321);
    t.same(openFds('bpf-stats'), []);
  },
);

t.test('a signal or its disposal ends the loop, wherever it is', {skip: kernelSkip}, async (t) => {
  const stop = new AbortController();
  let periods = 0;
  for await (const measured of openSampler({delayMs: 50, sources: [], signal: stop.signal})) {
    t.ok(measured.progs.every((prog) => prog.owners === null));
    if (++periods === 2) stop.abort();
  }
  t.equal(periods, 2);
  for await (const measured of openSampler({signal: stop.signal}))
    t.fail(`ended before, but measured at ${measured.periodNs}`);

  const sampler = openSampler({delayMs: 3_600_000});
  const pending = sampler[Symbol.asyncIterator]().next();
  await sampler[Symbol.asyncDispose]();
  t.match(await pending, {done: true}, 'a wait of an hour');
  await sampler[Symbol.asyncDispose]();
  await openSampler()[Symbol.asyncDispose]();
  t.same(openFds('bpf-stats'), []);
});

t.test('what cannot be is said at once', (t) => {
  t.throws(() => openSampler({delayMs: 1}), RangeError);
  t.throws(() => openSampler({delayMs: NaN}), RangeError);
  t.throws(() => openSampler({hostRoot: '/nowhere at all'}), UserError);
  t.end();
});

t.test('a package that uses it compiles against its types and runs', {skip: kernelSkip}, (t) => {
  t.match(spawned('npm', ['run', '--silent', 'build:types']), {status: 0});
  const user = t.testdir({
    'package.json': '{"type": "module"}',
    'user.ts': `
      import {openSampler, type Measured, type SamplerOptions} from 'bpftop-ts';
      import schema from 'bpftop-ts/snapshot.schema.json' with {type: 'json'};
      import diffSchema from 'bpftop-ts/diff.schema.json' with {type: 'json'};
      const options: SamplerOptions = {delayMs: 50, sources: ['owners']};
      await using sampler = openSampler(options);
      for await (const measured of sampler) {
        const {totals, progs}: Measured = measured;
        const cpu: number | null = totals.cpuPct;
        const counters: bigint[] = progs.map((prog) => prog.runTimeNs);
        console.log(JSON.stringify([cpu === null, counters.length === totals.programs, schema.title, diffSchema.title]));
        break;
      }`,
  });
  mkdirSync(path.join(user, 'node_modules'));
  symlinkSync(root, path.join(user, 'node_modules/bpftop-ts'));
  symlinkSync(path.join(root, 'node_modules/@types'), path.join(user, 'node_modules/@types'));
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,esnext.disposable'];
  t.match(spawned(bin('tsc'), [...options, '--types', 'node', '--resolveJsonModule', 'user.ts'], user), {
    status: 0,
    stdout: '',
  });
  t.match(spawned(process.execPath, ['user.js'], user), {
    status: 0,
    stdout: '[false,true,"bpftop-ts snapshot","bpftop-ts diff"]\n',
  });
  t.end();
});

t.test('its face is one that package managers, Node and TypeScript agree on', (t) => {
  t.match(spawned('npm', ['run', '--silent', 'build:types']), {status: 0});
  const published = spawned(bin('publint'), ['--strict']);
  t.match(published, {status: 0, stdout: /All good/}, published.stdout);
  const types = spawned(bin('attw'), ['--pack', '.', '--profile', 'esm-only']);
  t.match(types, {status: 0}, types.stdout);
  t.end();
});
