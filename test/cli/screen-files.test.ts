import {execFileSync} from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t from 'tap';
import {readConfig} from '../../src/cli/config.js';
import {parseOptions, type WatchOptions} from '../../src/cli/options.js';
import {screenFiles} from '../../src/cli/screen-files.js';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {Baseline, Comparison} from '../../src/model/compare.js';
import {findGrouping} from '../../src/model/group.js';
import {measure} from '../../src/model/measure.js';
import {initialSort, parseSort, type SortOrder} from '../../src/model/sort.js';
import type {ScreenFiles, Settings, Shown} from '../../src/ui/index.js';
import type {Document} from '../helpers/cli.js';
import {parseCsv} from '../helpers/csv.js';
import {makeSample} from '../helpers/samples.js';

const specs = [
  {id: 1, name: 'alpha', runCnt: 10n, runTimeNs: 100n},
  {id: 2, name: 'beta', runCnt: 20n, runTimeNs: 9000n},
  {id: 3, name: 'bravo', type: 3, runCnt: 20n, runTimeNs: 200n},
  {id: 4, name: 'bpftop_own', self: true},
];
const measured = measure(
  makeSample(101, specs),
  measure(
    makeSample(
      100,
      specs.map(({id, name}) => ({id, name})),
    ),
    null,
  ).sample,
);
const shown: Shown = {
  measured,
  selection: {sort: initialSort, filter: noFilter, limit: null, own: false},
  grouping: null,
  columns: null,
};
const write = (...args: Parameters<ScreenFiles['write']>) => screenFiles(null).write(...args);
const read = (file: string) => readFileSync(file, 'utf8');

t.test('what has changed is for diff, which is said', async (t) => {
  const since = new Comparison(new Baseline(measured), measured.progs);
  const outcome = await write(path.join(t.testdir(), 'a.json'), {...shown, selection: {...shown.selection, since}}, false);
  t.match(outcome, {kind: 'done', sentence: /a\.json\. Changes are not in it: diff compares two of them, as \.json\.$/});
});

t.test('what is written is what is seen: filter, order, limit, own programs', async (t) => {
  const dir = t.testdir({});
  const ids = async (name: string, rest: Partial<Shown['selection']>) => {
    const file = path.join(dir, `${name}.json`);
    t.match(await write(file, {...shown, selection: {...shown.selection, ...rest}}, false), {kind: 'done'});
    t.equal(statSync(file).mode & 0o777, 0o600);
    return (JSON.parse(read(file)) as Document).programs.map(({id}) => id);
  };
  t.same(await ids('all', {}), [2, 3, 1]);
  t.same(await ids('sorted', {sort: parseSort('name') as SortOrder}), [1, 2, 3]);
  t.same(await ids('filtered', {filter: parseFilter('name:b')}), [2, 3]);
  t.same(await ids('limited', {limit: 1}), [2]);
  t.same(await ids('own', {own: true, sort: parseSort('id:asc') as SortOrder}), [1, 2, 3, 4]);
  t.same(readdirSync(dir).length, 5, 'and nothing beside them');
});

t.test('CSV has the columns that were chosen, else all fields; groups are a line each', async (t) => {
  const file = path.join(t.testdir({}), 'x.CSV');
  const rows = async (rest: Partial<Shown>) => {
    await write(file, {...shown, ...rest}, true);
    return parseCsv(read(file));
  };
  t.same((await rows({columns: ['name', 'trend', 'run_cnt']})).slice(0, 2), [
    ['taken_at', 'name', 'run_cnt'],
    ['2026-01-31T12:01:41.000Z', 'beta', '20'],
  ]);
  t.ok((await rows({}))[0]?.includes('period_recursion_misses'));
  const groups = await rows({grouping: findGrouping('type') ?? null});
  t.same(
    groups.map((row) => row[2]),
    ['group', 'xdp', 'sched_cls'],
  );
});

t.test('what can not be written is one sentence, with call and errno, and changes nothing', async (t) => {
  const dir = t.testdir({old: '', 'victim.json': 'precious', 'there.json': 'old'});
  const at = (name: string) => path.join(dir, name);
  mkdirSync(at('dir.json'));
  symlinkSync(at('victim.json'), at('link.json'));
  symlinkSync(at('none.json'), at('dangling.json'));
  execFileSync('mkfifo', [at('fifo.json')]);
  const before = readdirSync(dir);
  const outcome = (name: string, replace = false) => write(at(name), shown, replace);
  t.match(await outcome('no/x.json'), {kind: 'failed', sentence: /^open: ENOENT\. There is no such directory\.$/});
  t.match(await outcome('old/x.json'), {kind: 'failed', sentence: /^open: ENOTDIR\. /});
  t.match(await outcome(`${'x'.repeat(300)}.json`), {kind: 'failed', sentence: /^open: ENAMETOOLONG\. /});
  t.match(await outcome('a\0.json'), {kind: 'failed', sentence: /null bytes/});
  for (const name of ['x', 'x.txt', '.json', ''])
    t.match(await outcome(name), {kind: 'failed', sentence: /\.json or \.csv/});
  t.same(await outcome('there.json'), {kind: 'exists'});
  for (const name of ['dir.json', 'link.json', 'dangling.json', 'fifo.json']) {
    t.match(await outcome(name), {kind: 'failed', sentence: /^open: EEXIST\. .*no plain file/}, name);
    t.match(await outcome(name, true), {kind: 'failed', sentence: /no plain file/}, name);
  }
  t.equal(read(at('victim.json')), 'precious');
  t.equal(read(at('there.json')), 'old');
  t.same(readdirSync(dir), before);
  t.match(await outcome('there.json', true), {kind: 'done', sentence: new RegExp(`${at('there.json')}$`)});
  t.match(JSON.parse(read(at('there.json'))), {programs: Array});
  if (process.getuid?.() === 0)
    t.match(await write('/proc/self/x.json', shown, false), {kind: 'failed', sentence: /^open: (ENOENT|EACCES)\. /});
});

t.test('a full disk leaves no part of the file', {skip: process.getuid?.() !== 0 && 'needs root'}, async (t) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8k', 'none', dir]);
  t.teardown(() => {
    execFileSync('umount', [dir]);
    rmdirSync(dir);
  });
  const large = {
    ...shown,
    measured: measure(
      makeSample(
        1,
        Array.from({length: 100}, (_, i) => ({id: i + 1})),
      ),
      null,
    ),
  };
  writeFileSync(path.join(dir, 'old.json'), 'old');
  for (const [name, replace] of [
    ['new.json', false],
    ['old.json', true],
  ] as const) {
    const outcome = await write(path.join(dir, name), large, replace);
    t.same(outcome, {kind: 'failed', sentence: 'write: ENOSPC. There is no room left.'});
  }
  t.same(readdirSync(dir), ['old.json']);
  t.equal(read(path.join(dir, 'old.json')), 'old');
});

t.test('~/ is home; other names are from the working directory', async (t) => {
  const dir = t.testdir({});
  const {HOME} = process.env;
  process.env['HOME'] = dir;
  t.teardown(() => (process.env['HOME'] = HOME));
  t.match(await write('~/x.json', shown, false), {kind: 'done', sentence: `Written: ${dir}/x.json`});
  const relative = path.relative(process.cwd(), path.join(dir, 'y.json'));
  t.match(await write(relative, shown, false), {sentence: `Written: ${dir}/y.json`});
  t.same(readdirSync(dir), ['x.json', 'y.json']);
});

t.test('what is saved is read to the same screen by the next start', async (t) => {
  const file = path.join(t.testdir({}), 'bpftop-ts', 'config.json');
  const all: Settings[] = [
    {columns: null, sort: initialSort, delayMs: 1000, look: {theme: 'default', ascii: false}},
    {
      columns: ['trend', 'name', 'map_ids'],
      sort: parseSort('name:desc') as SortOrder,
      delayMs: 50,
      look: {theme: 'light', ascii: true},
    },
    {columns: ['id'], sort: parseSort('cpu:asc') as SortOrder, delayMs: 123.4, look: {theme: 'dark', ascii: false}},
    {columns: null, sort: parseSort('age') as SortOrder, delayMs: 3_600_000, look: {theme: 'default', ascii: true}},
  ];
  for (const settings of all) {
    t.match(await screenFiles(file).save(settings), {kind: 'done', sentence: `Saved: ${file}`});
    const problems: string[] = [];
    const {config, problem} = readConfig(file);
    t.equal(problem, null);
    const {columns, sort, delayMs, look} = parseOptions(
      [],
      () => config,
      (sentence) => problems.push(sentence),
    ) as WatchOptions;
    t.same({columns, sort, delayMs, look: {theme: look.theme, ascii: look.ascii}}, settings);
    t.same(problems, []);
  }
});

t.test(
  'nothing is saved over what is not this tool’s, nor where others have a say',
  {skip: process.getuid?.() !== 0 && 'needs root'},
  async (t) => {
    const settings: Settings = {columns: null, sort: initialSort, delayMs: 1000, look: {theme: 'default', ascii: false}};
    const dir = t.testdir({'broken.json': '{', 'open.json': '{}', foreign: {}});
    const save = (...parts: string[]) => screenFiles(path.join(dir, ...parts)).save(settings);
    chownSync(path.join(dir, 'foreign'), 65534, 65534);
    chmodSync(path.join(dir, 'open.json'), 0o666);
    t.match(await save('broken.json'), {kind: 'failed', sentence: /^Not saved: config file left out: .*JSON/});
    t.match(await save('open.json'), {kind: 'failed', sentence: /^Not saved: .*others may write/});
    t.match(await save('foreign', 'config.json'), {
      kind: 'failed',
      sentence: /^Not saved: .*foreign belongs to another user/,
    });
    t.match(await screenFiles(null).save(settings), {kind: 'failed', sentence: /XDG_CONFIG_HOME/});
    t.equal(read(path.join(dir, 'broken.json')), '{');
    t.same(readdirSync(path.join(dir, 'foreign')), []);
  },
);
