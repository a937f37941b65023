import {execFileSync, spawnSync} from 'node:child_process';
import path from 'node:path';
import t from 'tap';
import {shells} from '../../src/cli/completion.js';
import {fields} from '../../src/model/fields.js';
import {run} from '../helpers/cli.js';
import {has} from '../helpers/mounts.js';
import {PtyProgram} from '../helpers/terminal.js';

const scripts = new Map(
  await Promise.all(shells.map(async (shell) => [shell, (await run(['completion', shell])).stdout] as const)),
);
const skip = (shell: string) => !has(shell, '-c', 'exit 0') && `${shell} is not installed`;
const missing = {bash: skip('bash'), zsh: skip('zsh'), fish: skip('fish')};

/** What there is to choose from after words, the last of them unfinished. */
const choices: Readonly<Record<'bash' | 'fish', (dir: string, words: readonly string[]) => string[]>> = {
  bash(dir, words) {
    // As readline takes them apart: at every =.
    const all = ['bpftop-ts', ...words.flatMap((word) => word.split(/(=)/).filter((part, i) => part !== '' || i === 0))];
    const script = `
      compopt() { :; }
      source ${dir}/bash
      COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      _bpftop_ts
      printf '%s\\n' "\${COMPREPLY[@]}"`;
    const text = execFileSync('bash', ['--norc', '-c', script, 'bash', ...all], {encoding: 'utf8', cwd: dir});
    return text.split('\n').filter((line) => line !== '');
  },
  fish(dir, words) {
    const line = ['bpftop-ts', ...words].join(' ');
    const script = `source ${dir}/fish; complete -C ${JSON.stringify(line)}`;
    const text = execFileSync('fish', ['--no-config', '-c', script], {encoding: 'utf8', cwd: dir});
    return text.split('\n').flatMap((each) => each.split('\t')[0] || []);
  },
};

const files = {...Object.fromEntries(scripts), 'a folder': {}, 'a file': ''};

for (const shell of ['bash', 'fish'] as const)
  t.test(`${shell} completes commands, options and what they take`, {skip: missing[shell]}, (t) => {
    const dir = t.testdir(files);
    const after = (...words: string[]) => choices[shell](dir, words).sort();
    t.same(after('do'), ['doctor']);
    t.same(after('--no-own'), ['--no-owners']);
    t.same(after('--sort', 'cpu_'), ['cpu_pct']);
    t.same(after('-s', 'cpu_'), ['cpu_pct']);
    t.same(after('--format', 'j'), ['json']);
    t.same(after('-g', 'p'), ['pod']);
    t.same(after('--columns', 'id,namesp'), ['id,namespace']);
    t.same(after('completion', ''), [...shells].sort());
    t.same(after('doctor', '--js'), ['--json']);
    t.same(after('serve', '--web'), ['--web.config.file']);
    t.same(after('serve', '--no-own'), ['--no-owners']);
    t.same(after('serve', '--sor'), [], 'which takes no --sort');
    t.same(after('replay', '--sp'), ['--speed']);
    t.same(after('replay', '--fail'), ['--fail-on']);
    t.same(after('replay', '--rec'), [], 'which takes no --record');
    t.same(after('dif'), ['diff']);
    t.same(after('diff', '--mark'), ['--markdown']);
    t.same(after('diff', '--fail'), ['--fail-on']);
    t.same(after('diff', '--del'), [], 'which takes no --delay');
    t.same(after('doctor', '--sor'), [], 'which takes no --sort');
    t.same(after('demo', '--sor'), ['--sort']);
    t.same(after('-d', '5s', '--no-enable-stats', 'sh'), ['share']);
    t.same(after('--iterations', ''), [], 'a number is nobody’s guess');
    t.ok(fields.filter(({kind}) => kind !== 'list').every(({key}) => after('-f', key).includes(key)));
    if (shell === 'bash') t.same(after('--host-root', 'a'), ['a folder']);
    if (shell === 'bash') t.same(after('--record', 'a f'), ['a file', 'a folder']);
    if (shell === 'bash') t.same(after('replay', 'a f'), ['a file', 'a folder']);
    if (shell === 'bash') t.same(after('diff', 'a file', 'a f'), ['a file', 'a folder']);
    if (shell === 'bash') t.same(after('serve', '--web.config.file', 'a f'), ['a file', 'a folder']);
    if (shell === 'bash') t.same(after('--sort=cpu_'), ['cpu_pct']);
    t.end();
  });

t.test('zsh completes commands, options and what they take', {skip: missing.zsh}, async (t) => {
  const dir = t.testdir(files);
  const zsh = new PtyProgram(['env', '-u', 'NODE_OPTIONS', 'zsh', '-f'], {columns: 120, rows: 40});
  t.teardown(() => zsh.kill());
  zsh.type(`cd '${dir}'; PS1='ready> '; autoload -U compinit; compinit -u -D; source ./zsh; clear\r`);
  await zsh.until((screen) => screen.trim() === 'ready>', 'an empty line');
  const completes = async (typed: string, wanted: string) => {
    zsh.type(`bpftop-ts ${typed}\t`);
    await zsh.until((screen) => screen.trim().startsWith(`ready> bpftop-ts ${wanted}`), wanted);
    t.pass(`${typed} → ${wanted}`);
    // Ctrl-U: the line away.
    zsh.type('\u0015clear\r');
    await zsh.until((screen) => screen.trim() === 'ready>', 'an empty line');
  };
  await completes('doc', 'doctor');
  await completes('--no-own', '--no-owners');
  await completes('--sort cpu_', '--sort cpu_pct');
  await completes('--sort=cpu_', '--sort=cpu_pct');
  await completes('-g po', '-g pod');
  await completes('--columns id,namesp', '--columns id,namespace');
  await completes('completion z', 'completion zsh');
  await completes('doctor --js', 'doctor --json');
  await completes('demo --no-ow', 'demo --no-owners');
  await completes('replay --sp', 'replay --speed');
  await completes('replay a\\ fi', 'replay a\\ file');
  await completes('diff --mark', 'diff --markdown');
  await completes('diff a\\ file a\\ fi', 'diff a\\ file a\\ file');
  await completes('serve --web', 'serve --web.config.file');
  await completes('serve --no-own', 'serve --no-owners');
  await completes('--host-root a', '--host-root a\\ folder/');
});

t.test('a shell that there is no script for is a mistake', async (t) => {
  t.match(await run(['completion', 'tcsh']), {status: 2, stderr: /bash, zsh, fish/});
  t.match(await run(['completion']), {status: 2, stderr: /shell/});
  t.match(await run(['completion', 'bash', '--sort', 'id']), {status: 2, stderr: /completion takes no --sort/});
  const parsed = spawnSync('bash', ['-n'], {input: scripts.get('bash')});
  if (!missing.bash) t.equal(parsed.status, 0, path.basename('bash -n'));
});
