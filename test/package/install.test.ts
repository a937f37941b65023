import {spawn} from 'node:child_process';
import {copyFileSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t from 'tap';
import {documentsOf, type Document} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {inMinimalRoot, makeMinimalRoot, minimalRootSkip} from '../helpers/minimal-root.js';
import {outputOf, pack} from '../helpers/package.js';
import {startInPty} from '../helpers/terminal.js';

t.setTimeout(600_000);

/** Files and what tells that they were written, but for npm's own folder. */
function filesOf(folder: string): Map<string, string> {
  const names = readdirSync(folder, {recursive: true, encoding: 'utf8'}).filter((name) => !/^root\/\.npm(\/|$)/.test(name));
  return new Map(
    names.map((name) => {
      const {mode, size, mtimeMs, ino} = lstatSync(path.join(folder, name));
      // Of a folder only that it is there: those that npm's is in have another time.
      return [name, lstatSync(path.join(folder, name)).isDirectory() ? 'folder' : `${mode} ${size} ${mtimeMs} ${ino}`];
    }),
  );
}

t.test(
  'on a host with Node and nothing else: one command, without a network, shows what the kernel counts',
  {skip: kernelSkip || minimalRootSkip},
  async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-root-'));
    t.teardown(() => rmSync(folder, {recursive: true}));
    const root = path.join(folder, 'root');
    makeMinimalRoot(root);
    // The one that is to be published, or one of what is here.
    let tarball = process.env['PACKAGE'];
    if (!tarball) {
      outputOf(process.execPath, ['scripts/prebuilds.mjs', process.arch]);
      tarball = pack(folder).tarball;
    }
    copyFileSync(tarball, path.join(root, 'bpftop-ts.tgz'));
    const before = filesOf(root);
    const programs = ['bin', 'usr/bin'].flatMap((name) => readdirSync(path.join(root, name)));
    t.same(programs.sort(), ['busybox', 'env', 'node', 'npm', 'npx', 'sh'], 'nothing that compiles or fetches');
    const npx = (...words: string[]) =>
      inMinimalRoot(root, ['npx', '--yes', '--offline', '--package', '/bpftop-ts.tgz', 'bpftop-ts', ...words]);

    const prog = loadProg(t, {type: 'xdp', name: 'counted'});
    await t.test('--json', async (t) => {
      const [command, ...words] = npx('--json', '-n', '0', '-d', '100ms', '-f', 'name=counted type:xdp') as [string];
      const child = spawn(command, words, {stdio: ['ignore', 'pipe', 'pipe']});
      t.teardown(() => child.kill('SIGKILL'));
      let stderr = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const next = documentsOf(child);
      const own = (document: Document | undefined) => document?.programs.find(({id}) => id === prog.id);
      const first = await next();
      t.ok(own(first), stderr);
      prog.run(4321);
      let seen = 0;
      while (seen < 4321) seen += own(await next())?.['period_run_cnt'] as number;
      t.equal(seen, 4321, 'every run, once');
    });

    await t.test('the live screen', async (t) => {
      const screen = startInPty(t, {columns: 120, rows: 30, words: npx()});
      await screen.shows('counted');
      await screen.shows(/BPF +[\d.]+% of 1 CPU/);
      screen.type('q');
      t.match(await screen.exited, {exitCode: 0});
      t.notOk(screen.emulator.alternate);
    });

    await t.test('demo', async (t) => {
      const screen = startInPty(t, {columns: 120, rows: 30, words: npx('demo')});
      await screen.shows(/demo_\w+[^]*demo_/);
      await screen.shows(/BPF +[\d.]+% of 1 CPU/);
      screen.type('q');
      t.match(await screen.exited, {exitCode: 0});
    });

    const installed = path.join(root, 'root/.npm/_npx');
    const places = readdirSync(installed).map((name) => path.join(installed, name, 'node_modules'));
    t.equal(places.length, 1);
    const lock = JSON.parse(readFileSync(path.join(places[0]!, '.package-lock.json'), 'utf8')) as {
      packages: Record<string, {hasInstallScript?: boolean}>;
    };
    t.same(Object.keys(lock.packages), ['node_modules/bpftop-ts'], 'one package');
    t.notOk(lock.packages['node_modules/bpftop-ts']?.hasInstallScript);
    const listed = outputOf('tar', ['-tzf', tarball])
      .trim()
      .split('\n')
      .map((name) => name.replace('package/', ''));
    const unpacked = readdirSync(path.join(places[0]!, 'bpftop-ts'), {recursive: true, withFileTypes: true})
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(path.join(places[0]!, 'bpftop-ts'), path.join(entry.parentPath, entry.name)));
    t.same(unpacked.sort(), listed.sort(), 'the files of the tarball, and none that was made on installing');
    t.same(filesOf(root), before, "nothing was written but in npm's own folder");
  },
);
