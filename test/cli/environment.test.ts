/** What of the environment, and of the directory it is started in, reaches a tool that runs as root: nothing but how things look. */
import {spawnSync} from 'node:child_process';
import {chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import t, {type Test} from 'tap';
import {toolPath} from '../helpers/cli.js';
import {kernelSkip} from '../helpers/kernel.js';
import {startInPty} from '../helpers/terminal.js';

const dist = path.join(path.dirname(path.dirname(toolPath)), 'dist');
const bundled = readdirSync(dist)
  .filter((name) => name.endsWith('.js'))
  .map((name) => readFileSync(path.join(dist, name), 'utf8'))
  .join('\n');

/** Every variable that the bundle asks for by its name, our own code and that of packages, and what it changes. */
const known: Readonly<Record<string, string>> = {
  HOME: 'where the config file is, which must be this user’s own; ~/ in a name that is typed',
  XDG_CONFIG_HOME: 'where the config file is, which must be this user’s own',
  COLORTERM: 'colours',
  NO_COLOR: 'colours',
  TERM: 'colours, line drawing; dumb: no screen',
  WT_SESSION: 'colours and line drawing on Windows, which has no TERM',
  LANG: 'line drawing',
  LC_ALL: 'line drawing',
  LC_CTYPE: 'line drawing',
  COLUMNS: 'the width of a screen that doesn’t tell',
  LINES: 'the height of a screen that doesn’t tell',
  AGENT_NAME: 'chalk: colours',
  CI: 'chalk: colours; is-in-ci: fewer frames of Ink, but for one that draws each, as ours',
  INK_SCREEN_READER: 'what Ink draws, unless that is said, as it is',
  CI_NAME: 'chalk: colours',
  FORCE_COLOR: 'chalk, commander: colours',
  CLICOLOR_FORCE: 'commander: colours of its help',
  TEAMCITY_VERSION: 'chalk: colours',
  TF_BUILD: 'chalk: colours',
  TERM_PROGRAM: 'chalk, ansi-escapes: colours',
  TERM_PROGRAM_VERSION: 'chalk: colours',
  TMUX: 'ansi-escapes: how escapes are wrapped, of which none is used',
  LOG_STREAM: 'yaml: writes what it parses to stdout',
  LOG_TOKENS: 'yaml: writes what it parses to stdout',
};
/** The same where the name isn't written out. */
const computed: readonly string[] = [
  'key in env', // is-in-ci: CI, CONTINUOUS_INTEGRATION and CI_…
  'env[key]',
  'env[key]',
  '...process3.env', // terminal-size: the environment of tput, which is not run
  '...process3.env',
  'key in env2', // chalk: GITHUB_ACTIONS and its like
  'sign in env2', // chalk: TRAVIS and its like
  'process2.env[option.envVar]', // commander: options that name a variable, of which there is none
];

t.test('every variable that the bundle reads is accounted for', (t) => {
  const named = /\benv\d*\??(?:\.([A-Z]\w*)|\[["'`]([A-Z]\w*))|["'`]([A-Z]\w*)["'`] ?in \w*env\d*\b/g;
  const found = new Set([...bundled.matchAll(named)].map(([, dot, bracket, word]) => dot ?? bracket ?? word));
  t.same([...found].sort(), Object.keys(known).sort());
  const others = /[\w$.]*\benv\d*\[[^"'`\]]+\]|[\w$]+ in \w*env\d*\b|\.\.\.[\w$.]*\benv\d*\b/g;
  t.same([...bundled.matchAll(others)].map(([text]) => text).sort(), [...computed].sort());
  t.end();
});

t.test('the bundle starts no other program, and loads nothing but itself and what Node has', (t) => {
  t.notMatch(bundled, /["'](node:)?child_process["']/);
  const loaded = [...bundled.matchAll(/(?:\bfrom|\bimport\(?|\brequire\() ?["']([\w@./:-]+)["']/g)].map(([, name]) => name!);
  t.ok(loaded.length > 0);
  const isNodes = (name: string) => /^(node:)?[a-z_\d]+(\/promises)?$/.test(name);
  t.same(
    [...new Set(loaded)].filter((name) => !isNodes(name) && !existsSync(path.join(dist, name))),
    [],
  );
  t.end();
});

/** A directory full of what would leave a mark if it were loaded or run, and an environment that points there. */
function trap(t: Test) {
  const dir = t.testdir({});
  const marks = path.join(dir, 'marks');
  mkdirSync(marks);
  const mark = (name: string) => path.join(marks, name);
  const js = (name: string) => `require('node:fs').writeFileSync(${JSON.stringify(mark(name))}, '');`;
  for (const name of ['ink', 'react', 'commander', 'yaml', 'bindings', 'react-devtools-core', 'blessed', 'ws', 'dotenv']) {
    mkdirSync(path.join(dir, 'node_modules', name), {recursive: true});
    writeFileSync(path.join(dir, 'node_modules', name, 'index.js'), js(name));
  }
  for (const name of ['main.js', 'index.js', 'bpf.node', 'preload.js', 'build/Release/bpf.node', 'dist/main.js']) {
    mkdirSync(path.dirname(path.join(dir, name)), {recursive: true});
    writeFileSync(path.join(dir, name), js(path.basename(name)));
  }
  writeFileSync(path.join(dir, '.env'), 'NODE_OPTIONS=--require ./preload.js\n');
  writeFileSync(path.join(dir, '.npmrc'), 'node-options=--require ./preload.js\n');
  writeFileSync(path.join(dir, 'package.json'), '{"main": "main.js", "imports": {"#x": "./main.js"}}');
  mkdirSync(path.join(dir, 'bin'));
  for (const name of [
    'tput',
    'resize',
    'stty',
    'infocmp',
    'sh',
    'bash',
    'ps',
    'uname',
    'hostname',
    'bpftool',
    'id',
    'env',
  ]) {
    writeFileSync(path.join(dir, 'bin', name), `#!/bin/sh\n: > ${mark(name)}\n`);
    chmodSync(path.join(dir, 'bin', name), 0o755);
  }
  // A terminal description that a reader of it would choke on.
  mkdirSync(path.join(dir, '.terminfo/x'), {recursive: true});
  spawnSync('mkfifo', [path.join(dir, '.terminfo/x/xterm-256color')]);
  const env = {
    ...{
      PATH: path.join(dir, 'bin'),
      HOME: dir,
      TMPDIR: dir,
      XDG_CONFIG_HOME: dir,
      XDG_DATA_HOME: dir,
      NODE_PATH: `${dir}/node_modules`,
    },
    ...{
      TERMINFO: `${dir}/.terminfo`,
      TERMINFO_DIRS: dir,
      TERMCAP: dir,
      DEBUG: '*',
      DEV: 'true',
      CI: 'true',
      CONTINUOUS_INTEGRATION: 'true',
    },
    ...{INK_SCREEN_READER: 'true', NODE_ENV: 'development', NODE_PG_FORCE_NATIVE: '1', npm_config_prefix: dir, BPFTOP: dir},
  };
  return {dir, env, marks: () => readdirSync(marks)};
}

t.test('the traps are ones: who steps into one leaves a mark', (t) => {
  const {dir, env, marks} = trap(t);
  const inThere = {cwd: dir, env};
  spawnSync(process.execPath, ['--require', './preload.js', '-e', 'require("ink"); require("./index.js")'], inThere);
  // As execvp(3) finds it.
  spawnSync('/usr/bin/env', ['tput'], inThere);
  t.same(marks().sort(), ['index.js', 'ink', 'preload.js', 'tput']);
  t.end();
});

t.test('a directory and an environment full of traps: none is stepped into', {skip: kernelSkip}, (t) => {
  const {dir, env, marks} = trap(t);
  const period = ['-d', '60ms'];
  const json = ['--json', ...period];
  const plain = ['--plain', '-n', '1', ...period];
  for (const words of [json, plain, ['--format', 'prometheus', ...period], ['doctor'], ['--help'], ['--version']]) {
    const {status, stdout} = spawnSync(process.execPath, [toolPath, ...words], {cwd: dir, env, encoding: 'utf8'});
    t.not(stdout, '', words.join(' '));
    if (words[0] !== 'doctor') t.equal(status, 0, words.join(' '));
  }
  t.same(marks(), []);
  t.end();
});

t.test('nor by the screen, which is whole', {skip: kernelSkip}, async (t) => {
  const {dir, env, marks} = trap(t);
  const start = ['/usr/bin/env', '-u', 'NODE_OPTIONS', '-C', dir, process.execPath, toolPath, '-d', '60ms'];
  const program = startInPty(t, {words: start, env, columns: 120, rows: 30});
  await program.shows('? help');
  program.type('?');
  await program.shows(/Typing a filter/);
  program.type('\x1b');
  await program.hides(/Typing a filter/);
  program.type('q');
  t.match(await program.exited, {exitCode: 0});
  t.same(marks(), []);
});
