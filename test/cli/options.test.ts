import t from 'tap';
import {UserError} from '../../src/errors.js';
import {parseDelay, parseOptions, pointAt, type WatchOptions} from '../../src/cli/options.js';
import {version} from '../../src/version.js';
import {sourceNames} from '../../src/sample/sources.js';

const options = (...words: string[]): WatchOptions => parseOptions(words) as WatchOptions;
const print = (...words: string[]): string => (parseOptions(words) as {print: string}).print;

t.test('nothing said: watch, once a second, by CPU, with statistics on', (t) => {
  t.match(options(), {
    command: 'watch',
    format: null,
    delayMs: 1000,
    iterations: null,
    sort: {field: {key: 'cpu_pct'}, descending: true},
    filter: {text: ''},
    grouping: null,
    limit: null,
    enableStats: true,
    sampler: 'auto',
    sources: sourceNames,
    hostRoot: '/',
  });
  t.end();
});

t.test('recording and replaying take what means something to them', (t) => {
  t.match(options('--record', 'a', '--rotate', '100MB'), {record: 'a', rotation: {bytes: 100_000_000, ms: null}});
  t.match(options('demo', '--record', '-'), {command: 'demo', record: '-', rotation: null});
  t.match(options('--record', 'a', '--rotate', '2MiB'), {rotation: {bytes: 2 ** 21}});
  t.match(options('--record', 'a', '--rotate', '1h'), {rotation: {bytes: null, ms: 3_600_000}});
  for (const wrong of ['1', '10kB', '5s', 'x', '', '1..2MB', '.MB'])
    t.throws(() => options('--record', 'a', '--rotate', wrong), {exitStatus: 2, message: /^--rotate '/}, wrong);
  for (const words of [
    ['--rotate', '1h'],
    ['--record', '-', '--rotate', '1h'],
    ['--record', '-', '--json'],
    ['--record', '-', '--fail-on', 'cpu>1'],
  ])
    t.throws(() => options(...words), {exitStatus: 2, message: /--re|--ro/}, words.join(' '));
  t.match(parseOptions(['replay', 'a', '--json', '-f', 'x']), {command: 'replay', file: 'a', speed: null, format: 'json'});
  t.match(parseOptions(['-l', '3', 'replay', '-', '--speed', '0.5']), {file: '-', speed: 0.5, limit: 3});
  t.match(parseOptions(['replay', '-', '--speed', 'max']), {speed: Infinity});
  for (const wrong of ['0', '-1', 'fast', '1x', '.'])
    t.throws(() => parseOptions(['replay', 'a', '--speed', wrong]), {exitStatus: 2, message: /--speed/}, wrong);
  t.end();
});

t.test('an empty --fail-on is refused: it would be true of whatever is loaded', (t) => {
  for (const text of ['', ' \n'])
    t.throws(() => options('--fail-on', text), {exitStatus: 2, message: /^--fail-on is empty/});
  t.equal(options('-f', '').filter.text, '');
  t.end();
});

t.test('a part of a recording is from one place to a later one, by its own time or by the clock', (t) => {
  const replay = (...words: string[]) => parseOptions(['replay', 'a', ...words]);
  t.match(replay(), {from: null, to: null});
  t.match(replay('--from', '10m', '--to', '2h'), {from: {afterMs: 600_000}, to: {afterMs: 7_200_000}});
  t.match(replay('--from', '90'), {from: {afterMs: 90_000}});
  const noon = Date.UTC(2026, 10, 21, 12);
  t.match(replay('--from', '2026-11-21T12:00:00Z', '--to', '2026-11-21T12:00:00.001Z'), {
    from: {atMs: noon},
    to: {atMs: noon + 1},
  });
  t.match(replay('--from', '2026-11-21T12:00Z', '--to', '1s'), {from: {atMs: noon}, to: {afterMs: 1000}});
  for (const wrong of [
    ...['', 'x', '-1', '-10m', '10 parsecs', '9'.repeat(400), '2026-11-21', '2026-11-21T12:00:00', '2026-11-21 12:00:00Z'],
    ...['2026-02-30T12:00:00Z', '2026-13-01T12:00:00Z', '2026-11-21T25:00:00Z', '2026-11-21T12:00:00+01:00', '12:00Z'],
  ])
    for (const option of ['--from', '--to'])
      t.throws(() => replay(`${option}=${wrong}`), {exitStatus: 2, message: /^--(from|to) '.*neither a time/s}, wrong);
  for (const words of [
    ['--from', '10m', '--to', '5m'],
    ['--from', '10m', '--to', '600s'],
    ['--from', '2026-11-21T12:00:00Z', '--to', '2026-11-21T11:59:59Z'],
  ])
    t.throws(() => replay(...words), {exitStatus: 2, message: /^--from is not before --to\./}, words.join(' '));
  t.throws(() => options('--from', '10m'), {exitStatus: 2, message: /--from/});
  t.end();
});

t.test('every option is heard, long and short', (t) => {
  const long = ['--delay', '250ms', '--iterations', '3', '--sort', 'name:desc', '--filter', 'cil xdp', '--limit', '7'];
  for (const words of [long, ['-d', '250ms', '-n', '3', '-s', 'name:desc', '-f', 'cil xdp', '-l', '7']])
    t.match(options(...words), {
      delayMs: 250,
      iterations: 3,
      sort: {field: {key: 'name'}, descending: true},
      filter: {text: 'cil xdp'},
      limit: 7,
    });
  for (const words of [
    ['--group', 'pod'],
    ['-g', 'POD'],
    ['demo', '-g', 'pod'],
  ])
    t.match(options(...words), {grouping: {key: 'pod'}}, words.join(' '));
  t.equal(options('--json').format, 'json');
  t.equal(options('--format', 'json').format, 'json');
  t.equal(options('--json', '--format', 'json').format, 'json');
  t.equal(options('--format=table').format, 'table');
  t.equal(options('--format=csv').format, 'csv');
  t.equal(options('--plain').format, 'plain');
  t.equal(options('--plain', '--format', 'plain').format, 'plain');
  t.equal(options('--no-enable-stats').enableStats, false);
  for (const name of sourceNames)
    t.same(
      options(`--no-${name}`).sources,
      sourceNames.filter((each) => each !== name),
    );
  t.equal(options('--host-root', '/host').hostRoot, '/host');
  for (const sampler of ['iterator', 'walk', 'auto']) t.equal(options('--sampler', sampler).sampler, sampler);
  for (const words of [
    ['demo', '-d', '2s', '--no-enable-stats', '--json'],
    ['-d', '2s', '--no-enable-stats', '--json', 'demo'],
    ['-d', '2s', 'demo', '--json', '--no-enable-stats'],
  ])
    t.match(options(...words), {command: 'demo', delayMs: 2000, enableStats: false, format: 'json'}, words.join(' '));
  t.end();
});

t.test('columns by key or short name, each once', (t) => {
  t.match(options('--columns', 'name, CPU,trend,cpu_pct'), {columns: ['name', 'cpu_pct', 'trend']});
  t.match(options(), {columns: null});
  t.end();
});

t.test('in words it is calm, unless a delay is asked for', (t) => {
  const delay = (...words: string[]) => (parseOptions(words) as WatchOptions).delayMs;
  t.ok(delay('--plain') > delay());
  t.equal(delay('--format', 'plain'), delay('--plain'));
  t.equal(delay('--plain', '-d', '1s'), 1000);
  t.end();
});

t.test('the doctor takes a format, before it or after it, and refuses the options of the watch', (t) => {
  const look = {color: 'auto', ascii: false};
  t.match(parseOptions(['doctor']), {command: 'doctor', format: null, look});
  for (const words of [
    ['doctor', '--json'],
    ['--json', 'doctor'],
    ['doctor', '--format', 'json'],
  ])
    t.match(parseOptions(words), {command: 'doctor', format: 'json', look}, words.join(' '));
  t.match(parseOptions(['doctor', '--color', 'never', '--ascii']), {look: {color: 'never', ascii: true}});
  for (const option of [
    ['--delay', '1s'],
    ['--iterations', '1'],
    ['--sort', 'id'],
    ['--filter', ''],
    ['--limit', '1'],
    ['--group', 'pod'],
    ['--no-enable-stats'],
    ['--sampler', 'auto'],
  ])
    for (const words of [
      ['doctor', ...option],
      [...option, 'doctor'],
    ])
      t.throws(
        () => parseOptions(words),
        {constructor: UserError, exitStatus: 2, message: `doctor takes no ${option[0]}. Try: bpftop-ts --help`},
        words.join(' '),
      );
  const help = print('doctor', '--help');
  t.match(help, /--json/);
  t.notMatch(help, /--(delay|iterations|sort|filter|limit|sampler|no-enable-stats)/);
  t.end();
});

t.test('to share, a group is one of users', (t) => {
  for (const words of [
    ['share', '--group', 'ops'],
    ['--group', 'ops', 'share'],
    ['share', '-g', 'owner'],
  ])
    t.match(parseOptions(words), {command: 'share', group: words.find((word) => /^o/.test(word))}, words.join(' '));
  t.strictSame(parseOptions(['share', '--stop']), {command: 'share', group: null});
  const help = print('share', '--help');
  t.match(help, /-g, --group <GROUP> +whom to share with/);
  t.notMatch(help, /FIELD/);
  t.end();
});

t.test('a delay is a time or a number of seconds', (t) => {
  const cases: [string, number][] = [
    ['1s', 1000],
    ['50ms', 50],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['1', 1000],
    ['.5', 500],
    ['1.5s', 1500],
  ];
  for (const [text, ms] of cases) t.equal(parseDelay(text), ms, text);
  for (const bad of ['', 'x', '49ms', '0', '-1s', '2h', 'Infinity', 'NaN', '1.2.3', '1e3', '9'.repeat(200)])
    t.throws(() => parseDelay(bad), {code: 'commander.invalidArgument'}, bad);
  t.end();
});

t.test('bad usage is one sentence with the cause, and exit status 2', (t) => {
  const cases: [words: string[], message: RegExp][] = [
    [['--foo'], /^unknown option '--foo'\. Try/],
    [['--jso'], /^unknown option '--jso' \(Did you mean --json\?\) Try/],
    [['foo'], /^unknown command 'foo'\. Try/],
    [['doctor', 'foo'], /^unknown command 'foo'\. Try/],
    [['doctor', '--json', '--format', 'table'], /contradict each other/],
    [['demo', 'foo'], /^unknown command 'foo'\. Try/],
    [['-d', '1s', 'demo', 'foo'], /^unknown command 'foo'\. Try/],
    [['-d', 'x'], /^--delay 'x': not a time such as 1s, 250ms or 2m; a bare number is seconds\. Try/],
    [['-d', '1ms'], /^--delay '1ms': a delay is from 50ms to 1h\. Try/],
    [['-d'], /^-d, --delay <TIME> needs a value\. Try/],
    [['-n', '-1'], /^--iterations '-1': not a whole number\. Try/],
    [['-n', '1.5'], /not a whole number/],
    [['-n', '99999999999999999999'], /not a whole number/],
    [['--columns', 'id,nme'], /^--columns 'id,nme': unknown field 'nme'; there are id, type, .*, trend\. Try/],
    [['-l', '0'], /^--limit '0': it is 1 or more\. Try/],
    [['-s', 'cpus'], /^--sort 'cpus': unknown field 'cpus' to sort by; there are id, .*\. Try/],
    [['-s', 'cpu:up'], /unknown order 'up' in 'cpu:up'; it is asc or desc\. Try/],
    [['--format', 'xml'], /^--format 'xml': Allowed choices are table, json, csv, plain, prometheus\. Try/],
    [['doctor', '--format', 'csv'], /^doctor writes no csv\. Try/],
    [['-f', 'nam=x'], /^--filter: unknown field 'nam'; did you mean 'name'\? Try/],
    [['-g', 'ops'], /^--group 'ops': unknown field 'ops' to group by; there are owner, .*\. Try/],
    [['-g'], /^-g, --group <FIELD> needs a value\. Try/],
    [['--json', '--plain'], /^--json and --plain contradict each other\. Try/],
    [['doctor', '--plain'], /^doctor takes no --plain\. Try/],
    [['--json', '--format', 'table'], /^--json and --format table contradict each other\. Try/],
  ];
  for (const [words, message] of cases)
    t.throws(() => options(...words), {constructor: UserError, exitStatus: 2, message}, words.join(' '));
  t.end();
});

t.test('what is wrong with a filter is pointed at', (t) => {
  const excerptOf = (text: string) => {
    try {
      options('--filter', text);
      return null;
    } catch (error) {
      return (error as UserError).excerpt;
    }
  };
  t.same(excerptOf('cil or nam=x'), ['  cil or nam=x', '         ^']);
  t.same(excerptOf('cpu>'), ['  cpu>', '      ^']);
  t.same(pointAt('\u001b[2J a)', 5), ['  <1b>[2J a)', '          ^'], 'control characters are shown, and counted as shown');
  const [line = '', caret = ''] = pointAt(`${'b'.repeat(5000)}X${'a'.repeat(5000)}`, 5000);
  t.ok(line.length < 80, 'as much of a long one as a line has room for');
  t.equal(line[caret.indexOf('^')], 'X');
  t.end();
});

t.test('--version and --help are printed; help names every option and field, in 100 columns', (t) => {
  t.equal(print('-V'), `${version}\n`);
  const help = print('--help');
  for (const word of [
    '--delay',
    '--json',
    'EXPR',
    'avg>=10us',
    '--no-enable-stats',
    'demo',
    'cpu_pct',
    'recursion_misses',
    'Exit status',
  ])
    t.match(help, word);
  t.ok(Math.max(...help.split('\n').map((line) => line.length)) <= 100);
  t.match(print('demo', '--help'), /Usage: bpftop-ts demo/);
  t.end();
});

t.test('serve: where, how old, how many, and what it takes of the others', (t) => {
  // What nobody looks at there: no metric tells of it.
  const served = sourceNames.filter((name) => name !== 'pins');
  t.match(parseOptions(['serve']), {
    command: 'serve',
    addresses: [{host: '127.0.0.1', port: 9935}],
    maxAgeMs: 1000,
    webConfigFile: null,
    enableStats: true,
    sources: served,
    hostRoot: '/',
  });
  const words = [
    '--listen',
    ':1',
    '--listen',
    '[::1]:2',
    '--max-age',
    '0',
    '--max-series',
    '7',
    '--web.config.file',
    'w.yml',
  ];
  t.match(parseOptions(['--no-maps', 'serve', ...words, '--no-enable-stats', '--host-root', '/host']), {
    addresses: [
      {host: null, port: 1},
      {host: '::1', port: 2},
    ],
    maxAgeMs: 0,
    maxSeries: 7,
    webConfigFile: 'w.yml',
    enableStats: false,
    sources: served.filter((name) => name !== 'maps'),
    hostRoot: '/host',
  });
  t.throws(() => parseOptions(['serve', '--filter', 'x']), {message: /serve takes no --filter/, exitStatus: 2});
  t.end();
});
