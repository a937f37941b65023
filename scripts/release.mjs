// Makes a release of the commit that is checked out, and says no at the first thing that isn't as it should be: npm run release -- VERSION
// Nothing is published here. What is to be published, and no other file, is the tarball that it leaves.
import {spawnSync} from 'node:child_process';
import {copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {prebuilds} from './addon.mjs';

const root = process.cwd();
const [version] = process.argv.slice(2);
const tag = `v${version}`;
const folder = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-release-'));
process.on('exit', () => rmSync(folder, {recursive: true, force: true}));

function refuse(sentence) {
  console.error(`release: ${sentence}`);
  process.exit(1);
}

/** What a command prints; null if it fails. */
function ask(command, words, cwd = root) {
  const {status, stdout} = spawnSync(command, words, {cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore']});
  return status === 0 ? stdout.trim() : null;
}
const git = (...words) => ask('git', words);

/** Runs a command where all may see it, and says no if it fails. */
function run(what, command, words, {cwd = root, env = process.env} = {}) {
  if (spawnSync(command, words, {cwd, env, stdio: 'inherit'}).status !== 0)
    refuse(`${what} failed (${[command, ...words].join(' ')}).`);
}

/** A pack of the commit in a checkout of its own; the tarball. */
function packIn(name) {
  const checkout = path.join(folder, name);
  run('a checkout', 'git', ['clone', '--quiet', '--no-hardlinks', root, checkout]);
  run('a checkout', 'git', ['checkout', '--quiet', '--detach', git('rev-parse', 'HEAD')], {cwd: checkout});
  run('installing what it is built with', 'npm', ['ci', '--prefer-offline', '--no-audit', '--no-fund'], {cwd: checkout});
  run('compiling the addons', 'npm', ['run', '--silent', 'prebuilds'], {cwd: checkout});
  run('packing', 'npm', ['pack', '--silent'], {cwd: checkout});
  return path.join(
    checkout,
    readdirSync(checkout).find((file) => file.endsWith('.tgz')),
  );
}

let tarball;
const checks = {
  'the tree is clean'() {
    if (git('status', '--porcelain') !== '') refuse('the tree is not clean: commit what git status shows, or stash it.');
  },
  'on main'() {
    const branches = git('branch', '--all', '--format=%(refname)', '--contains', 'HEAD')?.split('\n') ?? [];
    if (!branches.some((name) => ['refs/heads/main', 'refs/remotes/origin/main'].includes(name)))
      refuse('this commit is not on main: merge it first.');
  },
  version() {
    const said = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).version;
    if (said !== version) refuse(`package.json says ${said}: npm version --no-git-tag-version ${version}, and commit it.`);
  },
  tests: () => run('the tests', 'npm', ['test']),
  'bench regressions': () => run('a bar of the bench', 'npm', ['run', 'bench']),
  'two packs, the same bytes'() {
    const [one, other] = ['one', 'another, of a longer name'].map(packIn);
    if (!readFileSync(one).equals(readFileSync(other)))
      refuse('two packs of this commit differ: test/package/contents.test.ts may tell in what.');
    tarball = path.join(root, path.basename(one));
    copyFileSync(one, tarball);
  },
  'all addons are in it'() {
    const files = ask('tar', ['-tzf', tarball])?.split('\n') ?? [];
    const missing = prebuilds.filter((file) => !files.includes(`package/${file}`));
    if (missing.length > 0) refuse(`the package has no ${missing.join(', ')}: look at what npm run prebuilds says.`);
  },
  'installs on a host with Node and nothing else': () =>
    run('the install test', 'npm', ['run', '--silent', 'test:install'], {env: {...process.env, PACKAGE: tarball}}),
  changelog() {
    const text = readFileSync(path.join(root, 'CHANGELOG.md'), 'utf8');
    if (!text.split('\n').some((line) => line.startsWith(`## [${version}] - `)))
      refuse(`CHANGELOG.md has no "## [${version}] - DATE": say there what is new.`);
  },
  tag() {
    const commit = git('rev-parse', '--quiet', '--verify', `${tag}^{commit}`);
    if (commit === null) run('tagging', 'git', ['tag', '--annotate', '--message', `bpftop-ts ${version}`, tag]);
    else if (commit !== git('rev-parse', 'HEAD'))
      refuse(`there is a ${tag} already, of another commit: release another version.`);
  },
};

// None like 1.2.3-rc.1: npm would want another tag than `latest` for it, or give it that.
if (!/^\d+\.\d+\.\d+$/.test(version ?? '')) refuse('say which version, three numbers: npm run release -- 1.2.3.');
for (const [what, check] of Object.entries(checks)) {
  console.log(`release: ${what}`);
  check();
}
console.log(
  `release: ${path.basename(tarball)} is ready, and ${tag} is set. Nothing is published: git push origin ${tag} has that done.`,
);
