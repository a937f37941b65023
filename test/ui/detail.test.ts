/** The page of a program: what is on it at which size, and how it follows keys, samples and the size. */
import t, {type Test} from 'tap';
import type {ProgLink} from '../../src/sample/links.js';
import type {ProgOwner} from '../../src/sample/owners.js';
import type {ProgPin} from '../../src/sample/pins.js';
import {noSources, type Sources} from '../../src/sample/sources.js';
import type {ShownOptions} from '../../src/ui/live-screen.js';
import {makeSample, owner, type ProgSpec, progMap, reading} from '../helpers/samples.js';
import {openTestScreen} from '../helpers/screen.js';

const pod = {pod: 'cilium-x7', namespace: 'kube-system', container: 'cilium-agent', containerId: '0123456789abcdef'};
const owners: ProgOwner[] = [
  owner({pid: 81, comm: 'shim', cmdline: ['shim'], via: 'map', unit: 'containerd.service'}),
  owner({pid: 4711, comm: 'cilium-agent', cmdline: ['cilium-agent', '--all'], via: 'link', ...pod}),
  owner({pid: 4712, comm: 'hubble', cmdline: ['hubble'], via: 'map', ...pod}),
];
const links: ProgLink[] = [
  {linkId: 3, type: 'xdp', attachType: null, target: 'eth0', missed: null},
  {linkId: 4, type: 'cgroup', attachType: 'cgroup_inet_egress', target: '/system.slice', missed: null},
];
const pins: ProgPin[] = [{path: '/sys/fs/bpf/fire', via: 'prog'}];
const known: Partial<Sources> = {
  owners: reading({1: owners}),
  links: reading({1: links}),
  pins: reading({1: pins}),
  maps: reading({1: [progMap({id: 5, name: 'flows', maxEntries: 100, entries: 50})]}),
};

type Options = Partial<ShownOptions> & {columns?: number; rows?: number};

interface Feeding {
  readonly samples?: number;
  readonly sources?: Partial<Sources>;
  readonly spec?: Partial<ProgSpec>;
}

/** The page of program 1, which runs a second more often each second, after so many samples. */
async function openPage(t: Test, options: Options, {samples = 31, sources = known, spec = {}}: Feeding = {}) {
  const screen = await openTestScreen(t, options);
  let second = 100;
  let runs = 0n;
  const feed = (count: number, ids: readonly number[] = [1, 2], stats = makeSample(0, []).stats) => {
    for (let i = 0; i < count; i++) {
      second++;
      runs += BigInt(second);
      const all: ProgSpec[] = [
        {id: 1, name: 'fire', runCnt: runs, runTimeNs: runs * 500n, ...spec},
        {id: 2, name: 'idle'},
      ];
      const progs = all.filter(({id}) => ids.includes(id));
      screen.feed(progs, {stats, progs: {...makeSample(second, progs).progs, sources: {...noSources, ...sources}}});
    }
  };
  feed(samples);
  await screen.press('/id=1\r');
  await screen.press('\r');
  // The charts' module is loaded at the first page.
  await import('../../src/ui/charts.js');
  const shown = await screen.press('');
  return {...screen, shown, feedMore: feed, text: async () => (await screen.lines()).join('\n')};
}

/** Columns in which a mark stands in a row with the axis of charts. */
function markColumns(lines: readonly string[]): number[] {
  const plot = lines.filter((line) => line.includes('⡇') && !/[a-z]│|│[a-z]/.test(line));
  const columns = new Set<number>();
  for (const line of plot) [...line].forEach((character, x) => character === '│' && columns.add(x));
  return [...columns].sort((a, b) => a - b);
}

const sizes = [
  [80, 24],
  [120, 30],
  [200, 60],
] as const;

for (const [columns, rows] of sizes)
  t.test(`at ${columns}×${rows} attachments, owners, figures and three charts are in sight at once`, async (t) => {
    const {shown, press} = await openPage(t, {columns, rows});
    const page = shown.join('\n');
    t.match(page, /^ attached +xdp eth0\b.*\n +cgroup \/system\.slice cgroup_inet_egress/m);
    t.match(page, /^ held by +pod kube-system\/cilium-x7\b.*\n +└ container cilium-agent \(0123456789ab\)/m);
    t.match(page, /├ cilium-agent \(pid 4711\) via link:[^]* cilium-agent --all/);
    t.match(page, /└ hubble \(pid 4712\) via map/);
    t.match(page, /CPU % +0\.01 +0\.01 +0\.01 +0\.01\b/);
    t.match(page, /events\/s +131 +102 +117 +131\b/);
    t.match(page, /average run +500ns +500ns +500ns +500ns/);
    t.match(page, /window \[1m\] 5m 10m \(auto\)/);
    t.match(page, /to 12:02:11 UTC, 30\.0s of it/);
    const titles = shown.findIndex((line) => /CPU % .*events\/s .*average run/.test(line));
    t.ok(titles > 0, 'three charts beside each other');
    t.equal(
      shown.findLastIndex((line) => /-1m.*now.*-1m.*now.*-1m.*now/.test(line)),
      rows - 2,
    );
    const seen = [...shown];
    for (let i = 0; i < 4; i++) seen.push(...(await press('\u001b[6~')));
    const rest = seen.join('\n');
    for (const fact of [/unit containerd\.service/, /pinned +\/sys\/fs\/bpf\/fire/, /flows hash +█████····· +50\/100 +50%/])
      t.match(rest, fact);
    for (const fact of [
      /run time +[\d,]+ ns \(/,
      /last period +\+131 runs, \+65,500 ns in 1\.0s/,
      /tag +0{15}1/,
      /sleeps +no/,
    ])
      t.match(rest, fact);
    t.ok(
      seen.every((line) => line.length <= columns),
      'nothing is wider than the screen',
    );
  });

t.test(
  'the window is chosen by 1, 5 and 0; the figures are over it, and its axis is the window whatever the past',
  async (t) => {
    const {press, feedMore, text} = await openPage(t, {columns: 200, rows: 60}, {samples: 91});
    t.match(await text(), /window 1m \[5m\] 10m \(auto\)/, 'the smallest that holds the past');
    t.match(await text(), /events\/s +191 +102 +147 +191\b/);
    const minute = (await press('1')).join('\n');
    t.match(minute, /window \[1m\] 5m 10m *\n/);
    t.match(minute, /events\/s +191 +131 +161 +191 /, 'of the minute alone');
    t.match(minute, /to 12:03:11 UTC *\n/, 'all of it seen');
    const ten = (await press('0')).join('\n');
    t.match(ten, /window 1m 5m \[10m\] *\n/);
    t.match(ten, /-10m 11:53:11 +-5m +now 12:03:11/);
    t.match((await press('5')).join('\n'), /-5m 11:58:11 +-2m30s +now 12:03:11/);
    feedMore(1);
    t.match(await text(), /-5m 11:58:12 +-2m30s +now 12:03:12/, 'and it moves on');
  },
);

t.test('marks stand where it was loaded and where the filter began, in every chart', async (t) => {
  // Loaded 45 s, filtered 30 s before the end of a window of a minute.
  const spec = {loadTimeNs: 116_000_000_000n};
  const page = await openPage(t, {columns: 120, rows: 30}, {spec});
  page.feedMore(30);
  const shown = (await page.press('1')).slice();
  t.match(shown.join('\n'), /│ loaded {2}12:01:56 UTC/);
  t.match(shown.join('\n'), /│ filter {2}12:02:11 UTC/);
  t.match(shown.join('\n'), /│loaded/);
  t.match(shown.join('\n'), /│filter|filter│/);
  // Three charts of 40 cells, the last one a gap; in each 8 cells of labels and axis, and the window in the rest, whose middle is now − 30 s.
  const expected = [0, 40, 80].flatMap((x) => [116, 131].map((second) => x + 8 + ((second - 101) / 60) * (39 - 8)));
  const found = markColumns(shown);
  t.equal(found.length, expected.length);
  expected.forEach((column, i) => t.ok(Math.abs((found[i] ?? 0) - column) <= 1, `${found[i]} is ${column}`));
  for (let i = 0; i < 40; i++) page.feedMore(1);
  t.same(markColumns(await page.lines()), [], 'and they leave with the window');
});

t.test('when it goes the page says when, keeps all, and the charts end there', async (t) => {
  const {feedMore, lines, text, press, resize} = await openPage(t, {columns: 120, rows: 30});
  feedMore(1, [2]);
  const page = await text();
  t.match(page, /fire {2}xdp 1 {2}× unloaded 2026-01-31 12:02:12 UTC/);
  t.match(page, /events\/s +- +102 +117 +131\b/);
  t.match(page, /-1m 12:01:12 +gone 12:02:12/);
  t.match(page, /│ gone {4}12:02:12 UTC/);
  t.match(page, /gone│/);
  t.match(page, /xdp eth0/);
  feedMore(200, [2]);
  t.same(markColumns(await lines()), markColumns(page.split('\n')), 'and they stay as they were');
  t.match((await press('5')).join('\n'), /-5m 11:57:12 +gone 12:02:12/);
  t.match((await resize(80, 24)).join('\n'), /│ gone {4}12:02:12 UTC/);
});

t.test('a sleepable program has no CPU % and says so; the other two have charts', async (t) => {
  const {shown} = await openPage(t, {columns: 120, rows: 30}, {spec: {sleepable: true}});
  t.match(shown.join('\n'), /CPU % +none: it may sleep/);
  const titles = shown.find((line) => /events\/s +.*average run/.test(line)) ?? '';
  t.equal(titles.indexOf('average run') - titles.indexOf('events/s'), 60, 'half of the page each');
  t.equal(shown.filter((line) => line.includes('CPU %')).length, 1);
});

t.test('where statistics are off it says so, and what to do, in the place of the charts', async (t) => {
  const screen = await openTestScreen(t, {columns: 80, rows: 24});
  const warnings = [{code: 'stats_off', message: 'no rates: statistics are off. Leave --no-enable-stats out.'}];
  for (let i = 0; i < 3; i++) screen.feed([{id: 1}], {stats: 'off', warnings});
  const {press} = screen;
  await press('\r');
  // The screen loads them when a page is first opened.
  await import('../../src/ui/charts.js');
  const page = (await press('')).join('\n');
  t.match(page, /No charts: statistics are off/);
  t.match(page, /Leave --no-enable-stats out\.\s*\n/);
  t.notMatch(page, '⡇');
  t.match((await press('jj')).join('\n'), /last period +- \(statistics are off\)/);
});

t.test('an alert takes a line of its own, and none of the page', async (t) => {
  const {screen, lines} = await openPage(t, {columns: 80, rows: 24});
  screen.fail('cannot list BPF programs: EPERM.');
  const shown = await lines();
  t.match(shown[22], /^! cannot list/);
  t.match(shown[21], /-1m.*now.*-1m.*now/);
});

t.test('] and [ go to the other programs of the list, and Esc goes back to that one', async (t) => {
  const {feed, press, lines} = await openTestScreen(t);
  for (let beat = 0; beat < 3; beat++)
    feed([1, 2, 3].map((id) => ({id, name: `prog_${id}`, runCnt: BigInt(beat * id), runTimeNs: BigInt(beat * id * 1000)})));
  await press('\r');
  t.match((await lines())[1], /^ prog_3\b/);
  t.match((await press(']'))[1], /^ prog_2\b/);
  t.match((await press(']]]'))[1], /^ prog_1\b/);
  t.match((await press('['))[1], /^ prog_2\b/);
  t.match((await press('\u001b'))[3], /^› +2 .*prog_2/);
});

t.test(
  'of many owners, attachments and pins some are listed, the rest counted; the facts scroll, the charts stay',
  async (t) => {
    const many = Array.from({length: 40}, (_, i) =>
      owner({pid: 1000 + i, unit: `u${i}.service`, via: i === 39 ? 'prog' : 'map'}),
    );
    const sources = {
      owners: reading({1: many}),
      links: reading({
        1: Array.from({length: 60}, (_, i): ProgLink => ({
          linkId: i,
          type: 'xdp',
          attachType: null,
          target: `eth${i}`,
          missed: null,
        })),
      }),
      pins: reading({1: Array.from({length: 20}, (_, i): ProgPin => ({path: `/p${i}`, via: 'prog'}))}),
    };
    const {press, shown} = await openPage(t, {columns: 80, rows: 24}, {sources});
    const seen = [...shown];
    const charts = shown.slice(11);
    for (let i = 0; i < 20; i++) {
      const page = await press('\u001b[6~');
      t.same(page.slice(11), charts, 'the charts stay');
      seen.push(...page);
    }
    const all = seen.join('\n');
    t.match(all, 'and 45 more');
    t.match(all, 'and 28 more');
    t.match(all, 'and 13 more');
    t.match(all, /held by +unit u39\.service\n +└ agent \(pid 1039\) via prog/, 'the strongest hold first');
    t.match(all, /sleeps +no/);
    t.match(shown.join('\n'), /1–8 of \d+ lines/);
  },
);

t.test('long and hostile texts are wrapped or cut within their column', async (t) => {
  const evil = '\u001b[2J\u202eevil\r\n';
  const sources = {
    owners: reading({
      1: [owner({comm: evil, cmdline: [evil, 'x'.repeat(500)], container: evil, containerId: 'c', unit: evil})],
    }),
    links: reading({
      1: [{linkId: 1, type: 'cgroup', attachType: null, target: `/${'长'.repeat(200)}${evil}`, missed: null}],
    }),
    pins: reading({1: [{path: evil.repeat(50), via: 'prog' as const}]}),
    maps: reading({1: [progMap({id: 1, name: evil})]}),
  };
  for (const [columns, rows] of [...sizes, [40, 10]] as const) {
    const {shown, terminal} = await openPage(t, {columns, rows}, {sources, spec: {name: evil}});
    t.match(shown[1], /<1b>\[2J/);
    t.ok(shown.slice(2, -1).some((line) => line.includes('长')));
    t.notMatch(Buffer.concat(terminal.frames).toString(), /\x1b\[2J\u202e|evil\r/);
  }
});

t.test('in ASCII charts, tree and marks can be read', async (t) => {
  const page = await openPage(
    t,
    {columns: 80, rows: 24, look: {color: 'auto', ascii: true, theme: 'default'}},
    {
      spec: {loadTimeNs: 116_000_000_000n},
    },
  );
  const text = page.shown.join('\n');
  t.match(text, /^[\x20-\x7e\n]*$/);
  t.match(text, /\+ container cilium-agent/);
  t.match(text, /\|loaded|loaded\|/);
  t.notMatch(text, '?  ');
  t.match(text, /0\.00 \|/, 'the axis');
});

t.test('the page keeps what fits at small sizes, and all of it comes back', async (t) => {
  const {resize, press} = await openPage(t, {columns: 120, rows: 30});
  const small = await resize(40, 10);
  t.match(small.join('\n'), /attached +xdp eth0/);
  t.match(small.join('\n'), /events\/s +131 +102 +117 +131/);
  for (const [columns, rows] of [
    [30, 8],
    [20, 5],
    [79, 19],
    [1, 1],
    [250, 20],
  ] as const) {
    t.equal((await resize(columns, rows)).length, rows);
    await press('jG15[]');
  }
  t.match((await resize(80, 24)).join('\n'), /CPU % .*events\/s .*average run/);
});

t.test('what is not known says why', async (t) => {
  const page = async (sources: Partial<Sources>) =>
    (await openPage(t, {columns: 80, rows: 24}, {sources})).shown.slice(2, 9).join('\n');
  t.match(await page({}), /held by +- \(not looked for, or not yet\)/);
  t.match(await page({links: reading<ProgLink>({}, {untold: new Set([1])})}), /attached +- \(the kernel does not tell\)/);
  t.match(await page({pins: reading<ProgPin>({}, {timeNs: 1n})}), /pinned +- \(not looked for since it was loaded\)/);
  const warning = {code: 'x', message: 'no owners: EACCES.'};
  t.match(await page({owners: reading<ProgOwner>({}, {byProg: null, warning})}), /held by +- \(no owners: EACCES\.\)/);
  t.match(await page({links: reading({}), owners: reading({})}), /attached +nowhere\s+held by +no process/);
});
