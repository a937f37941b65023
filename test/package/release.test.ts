import {spawnSync} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {outputOf, root} from '../helpers/package.js';

// Much of it is npm's work.
t.setTimeout(600_000);

t.test('the first thing that is not as it should be is said, in one sentence, in this order; nothing is published', (t) => {
  const checkout = t.testdir({});
  const git = (...words: string[]) => outputOf('git', words, checkout);
  const identity = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org'];
  const commit = (message: string) => git(...identity, 'commit', '--quiet', '--all', '--message', message);
  const write = (name: string, text: string) => writeFileSync(path.join(checkout, name), text);
  const scripts: Record<string, string> = {
    test: 'false',
    bench: 'false',
    prebuilds: 'mkdir -p prebuilds/linux-x64; touch prebuilds/linux-x64/bpf.node prebuilds/linux-x64/testbed.node',
    prepack: 'echo $PWD > where',
    'test:install': 'test -f "$PACKAGE" && false',
  };
  const manifest = (version: string) => {
    const head = {name: 'scratch', version, files: ['where', 'prebuilds']};
    write('package.json', JSON.stringify({...head, scripts}));
    write('package-lock.json', JSON.stringify({...head, lockfileVersion: 3, packages: {'': {name: 'scratch', version}}}));
  };
  /** How a release ends. */
  const release = (version = '1.0.0') => {
    const environment = ['GIT_CONFIG_COUNT=2', 'GIT_CONFIG_KEY_0=user.name', 'GIT_CONFIG_VALUE_0=nobody'];
    environment.push('GIT_CONFIG_KEY_1=user.email', 'GIT_CONFIG_VALUE_1=nobody@example.org', 'npm_config_offline=true');
    const words = ['-u', 'NODE_OPTIONS', ...environment, process.execPath, 'scripts/release.mjs', version];
    const {status, stdout, stderr} = spawnSync('env', words, {cwd: checkout, encoding: 'utf8'});
    return {status, said: stderr.split('\n').filter((line) => line.startsWith('release: ')), stdout};
  };
  const refused = (said: RegExp) => t.match(release(), {status: 1, said: [said]});

  git('init', '--quiet', '--initial-branch', 'work');
  mkdirSync(path.join(checkout, 'scripts'));
  for (const file of ['scripts/release.mjs', 'scripts/addon.mjs', 'scripts/bundle.mjs'])
    copyFileSync(path.join(root, file), path.join(checkout, file));
  manifest('0.9.0');
  write('CHANGELOG.md', '## [Unreleased]\n');
  git('add', '.');
  commit('all wrong');

  t.match(release('1.0.0-rc.1'), {status: 1, said: [/three numbers/]}, 'npm would make it the latest');
  write('stray', '');
  refused(/the tree is not clean/);
  write('.gitignore', 'stray\nwhere\nprebuilds\n*.tgz\n');
  git('add', '.');
  commit('clean');
  refused(/not on main/);
  git('checkout', '--quiet', '-b', 'main');
  refused(/package\.json says 0\.9\.0/);
  const mend = (changes: Record<string, string>) => {
    Object.assign(scripts, changes);
    manifest('1.0.0');
    commit('mended');
  };
  mend({});
  refused(/the tests failed/);
  mend({test: 'true'});
  refused(/a bar of the bench failed/);
  mend({bench: 'true'});
  refused(/two packs of this commit differ/);
  mend({prepack: 'echo always the same > where'});
  refused(/the package has no prebuilds\/linux-arm64\/bpf\.node, prebuilds\/linux-arm64\/testbed\.node:/);
  mend({prebuilds: `${scripts['prebuilds']}; cp -r prebuilds/linux-x64 prebuilds/linux-arm64`});
  refused(/the install test failed/);
  mend({'test:install': 'test -f "$PACKAGE"'});
  refused(/CHANGELOG\.md has no "## \[1\.0\.0\] - DATE"/);
  git('tag', 'v1.0.0');
  write('CHANGELOG.md', '## [1.0.0] - 2026-01-31\n');
  commit('changes');
  refused(/there is a v1\.0\.0 already, of another commit/);
  git('tag', '--delete', 'v1.0.0');

  const released = release();
  t.match(released, {
    status: 0,
    said: [],
    stdout: /scratch-1\.0\.0\.tgz is ready, and v1\.0\.0 is set\. Nothing is published/,
  });
  t.equal(git('rev-parse', 'v1.0.0^{commit}'), git('rev-parse', 'HEAD'));
  t.ok(existsSync(path.join(checkout, 'scratch-1.0.0.tgz')));
  t.notMatch(readFileSync(path.join(root, 'scripts/release.mjs'), 'utf8'), /'publish'|'push'/);
  t.match(release(), {status: 0}, 'again, as where the tag is that started it');
  t.end();
});
