import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {execFileSync} from 'node:child_process';
import t from 'tap';
import {configPath, readConfig, writeConfig} from '../../src/cli/config.js';
import {parseOptions, type WatchOptions} from '../../src/cli/options.js';

const config = {columns: ['name', 'cpu_pct'], sort: 'id:asc', delay: '2s', theme: 'light', ascii: true};

t.test('it is in $XDG_CONFIG_HOME, else in ~/.config', (t) => {
  t.equal(configPath({XDG_CONFIG_HOME: '/x', HOME: '/h'}), '/x/bpftop-ts/config.json');
  t.equal(configPath({XDG_CONFIG_HOME: 'relative', HOME: '/h'}), '/h/.config/bpftop-ts/config.json');
  t.equal(configPath({HOME: 'nowhere'}), null);
  t.equal(configPath({XDG_CONFIG_HOME: '/x', HOME: 'nowhere'}), '/x/bpftop-ts/config.json');
  t.end();
});

t.test('what is written is read, by its owner alone, and nothing is left beside it', async (t) => {
  const file = path.join(t.testdir(), 'new', 'bpftop-ts', 'config.json');
  await writeConfig(file, {sort: 'name'});
  await writeConfig(file, config);
  t.same(readConfig(file), {config, problem: null});
  t.equal(statSync(file).mode & 0o777, 0o600);
  t.same(readdirSync(path.dirname(file)), ['config.json']);
});

t.test('it is read where it is this user’s; none is no problem', (t) => {
  const dir = t.testdir({'config.json': JSON.stringify(config)});
  t.same(readConfig(path.join(dir, 'config.json')), {config, problem: null});
  t.same(readConfig(path.join(dir, 'no such', 'config.json')), {config: {}, problem: null});
  t.same(readConfig(null), {config: {}, problem: null});
  t.end();
});

t.test('only what is a setting is taken from it, and what isn’t is said', (t) => {
  const others = {record: '/x', filter: 5, enableStats: false, ['__proto__']: {ascii: true}};
  const dir = t.testdir({'config.json': JSON.stringify({...config, ...others})});
  const {config: read, problem} = readConfig(path.join(dir, 'config.json'));
  t.same(read, config);
  t.match(problem, /^there is no setting record, filter, enableStats, __proto__ \(/);
  t.end();
});

t.test('what a killed process has left beside it is not in the way', async (t) => {
  const dir = t.testdir({'config.json': '{}', [`config.json.${process.pid}`]: ''});
  await writeConfig(path.join(dir, 'config.json'), config);
  t.same(readConfig(path.join(dir, 'config.json')).config, config);
});

t.test('a link in its place is neither read nor written through', async (t) => {
  const dir = t.testdir({victim: 'precious'});
  const file = path.join(dir, 'config.json');
  symlinkSync(path.join(dir, 'victim'), file);
  t.match(readConfig(file), {config: {}, problem: /^config file left out: it is a symbolic link \(/});
  await t.rejects(writeConfig(file, config), {message: /no plain file/});
  t.equal(readFileSync(path.join(dir, 'victim'), 'utf8'), 'precious');
  t.same(readdirSync(dir).sort(), ['config.json', 'victim']);
});

t.test(
  'what is not to be trusted, or no config, is left out with the reason',
  {skip: process.getuid?.() !== 0 && 'needs root'},
  (t) => {
    const dir = t.testdir({
      array: '[]',
      json: '{secret',
      type: '{"ascii": 1}',
      huge: ' '.repeat(70_000),
      open: '{}',
      foreign: '{}',
    });
    const problem = (name: string) => readConfig(path.join(dir, name)).problem;
    chmodSync(path.join(dir, 'open'), 0o666);
    chownSync(path.join(dir, 'foreign'), 65534, 65534);
    execFileSync('mkfifo', [path.join(dir, 'fifo')]);
    mkdirSync(path.join(dir, 'folder'));
    t.match(
      problem('array'),
      /^config file left out: it is no JSON object.* \(.*array\)$/,
      'the reason first, the path is long',
    );
    t.equal(problem('json'), `config file left out: it is no JSON (${path.join(dir, 'json')})`, 'nothing of it is quoted');
    t.match(problem('type'), /'ascii'/);
    t.match(problem('huge'), /too large/);
    t.match(problem('open'), /others may write/);
    t.match(problem('foreign'), /another user/);
    t.match(problem('fifo'), /no plain file/);
    t.match(problem('folder'), /no plain file/);
    t.end();
  },
);

t.test(
  'nothing is written where another user has a say, and nothing is made there',
  {skip: process.getuid?.() !== 0 && 'needs root'},
  async (t) => {
    const dir = t.testdir({foreign: {}, own: {}, open: {}, file: ''});
    const at = (...parts: string[]) => path.join(dir, ...parts);
    symlinkSync(at('own'), at('foreign', 'link'));
    lchownSync(at('foreign', 'link'), 65534, 65534);
    symlinkSync(at('foreign', 'link'), at('around'));
    symlinkSync('own', at('mine'));
    chownSync(at('foreign'), 65534, 65534);
    chmodSync(at('open'), 0o777);
    const write = (...parts: string[]) => writeConfig(at(...parts, 'bpftop-ts', 'config.json'), config);
    await t.rejects(write('foreign'), {message: /foreign belongs to another user/});
    await t.rejects(write('foreign', '.config'), {message: /foreign belongs to another user/});
    await t.rejects(write('foreign', 'link'), {message: /foreign belongs to another user/});
    await t.rejects(write('around'), {message: /foreign belongs to another user/}, 'by way of a link of our own');
    await t.rejects(write('open'), {message: /others may write to .*open/});
    await t.rejects(write('file'), {code: 'ENOTDIR'});
    for (const parts of [['foreign'], ['foreign', 'link'], ['around'], ['open']]) {
      const place = at(...parts);
      t.same(readConfig(path.join(place, 'none.json')), {config: {}, problem: null}, 'nothing there is no problem');
      writeFileSync(path.join(place, 'found.json'), '{"ascii": true}', {mode: 0o600});
      const why =
        parts[0] === 'open' ? /^config file left out: others may write to \S*open \(/ : /foreign belongs to another user \(/;
      t.match(readConfig(path.join(place, 'found.json')), {config: {}, problem: why}, `nor read: ${parts.join('/')}`);
    }
    for (const each of ['foreign', 'own', 'open']) t.notOk(readdirSync(at(each)).includes('bpftop-ts'), each);
    symlinkSync('loop', at('loop'));
    await t.rejects(write('loop'), {message: /too many links/});
    await write('mine');
    t.same(readConfig(at('own', 'bpftop-ts', 'config.json')).config, config, 'a link of our own into our own is followed');
    chmodSync(at('open'), 0o1777);
    await write('open');
    t.same(readConfig(at('open', 'bpftop-ts', 'config.json')).config, config, 'a sticky directory, as /tmp is');
  },
);

t.test('root’s own is taken by whoever it is put in place for', {skip: process.getuid?.() !== 0 && 'needs root'}, (t) => {
  // Below a directory that nobody may look into nothing is found.
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  chmodSync(dir, 0o755);
  const file = path.join(dir, 'config.json');
  writeFileSync(file, '{"ascii": true}');
  chmodSync(file, 0o644);
  process.seteuid?.(65_534);
  t.teardown(() => process.seteuid?.(0));
  t.same(readConfig(file), {config: {ascii: true}, problem: null});
  process.seteuid?.(0);
  t.end();
});

t.test('it gives defaults, which the command line overrules; what is no longer known is said', (t) => {
  const problems: string[] = [];
  const parse = (words: string[], from = config) =>
    parseOptions(
      words,
      () => from,
      (each) => problems.push(each),
    ) as WatchOptions;
  const remembered = {
    columns: config.columns,
    delayMs: 2000,
    sort: {descending: false},
    look: {theme: 'light', ascii: true},
  };
  t.match(parse([]), remembered);
  t.match(parse(['-d', '1s', '--columns', 'id', '--theme', 'dark']), {
    ...remembered,
    delayMs: 1000,
    columns: ['id'],
    look: {theme: 'dark'},
  });
  t.same(problems, []);
  t.match(parse([], {...config, theme: 'neon', sort: 'nme'}), {look: {theme: 'default'}, sort: {field: {key: 'cpu_pct'}}});
  t.match(problems, [/--sort in the config file is left out: unknown field 'nme'/, /--theme .* neon|--theme .*choices/i]);
  t.end();
});
