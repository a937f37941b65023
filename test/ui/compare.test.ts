/** What changed since a baseline, CPU % of one CPU or of all, and the top spender, on the screen. */
import t from 'tap';
import {parseSort, type SortOrder} from '../../src/model/sort.js';
import {layoutColumns} from '../../src/ui/layout.js';
import {openTestScreen, type ScreenUnderTest} from '../helpers/screen.js';
import type {ProgSpec} from '../helpers/samples.js';

const ms = 1_000_000n;

/** A service of three programs: what each ran for in all, ms. */
const service = (...runTimes: number[]): ProgSpec[] =>
  runTimes.map((time, i) => ({id: i + 1, name: `serve_${i + 1}`, runTimeNs: BigInt(time) * ms, runCnt: BigInt(time) * 10n}));

/** The same, loaded anew while the screen looks on. */
const reloaded = (seconds: number, time: number): ProgSpec => {
  const loadTimeNs = BigInt(seconds) * 1_000_000_000n + 1n;
  return {id: 9, name: 'serve_new', loadTimeNs, runTimeNs: BigInt(time) * ms, runCnt: BigInt(time) * 10n};
};

/** Two steady readings, b, and one in which the first costs more, the second less, the third went and another one came. */
async function restart({feed, press}: ScreenUnderTest): Promise<void> {
  feed(service(0, 0, 0));
  feed(service(10, 50, 40));
  await press('b');
  feed([...service(30, 60), reloaded(102, 80)]);
}

const row = (lines: readonly string[], name: string) => lines.find((line) => line.includes(name));

t.test('b shows what changed from then on, per program and in all; b again ends it', async (t) => {
  const screen = await openTestScreen(t, {columns: 120});
  await restart(screen);
  const {lines, press, terminal} = screen;
  let shown = await lines();
  t.match(shown[0], /BPF 11\.00% \+1\.00 of 1 CPU .* 1\.1k \+100 ev\/s/);
  t.match(shown[1], /AVG +±AVG +EV\/S +±EV\/S +CPU%▼ +±CPU%/);
  t.match(row(shown, 'serve_new'), /^ \+ +9 .* new +800 +new +8\.00 +new/);
  t.match(row(shown, 'serve_1'), / 0% +200 +\+100 +2\.00 +\+1\.00 /);
  t.match(row(shown, 'serve_2'), / 0% +100 +-400 +1\.00 +-4\.00 /);
  t.match(row(shown, 'serve_3'), /^ × +3 .* - +400 +-400 +4\.00 +-4\.00 /);
  const y = shown.indexOf(row(shown, 'serve_3')!);
  t.ok(terminal.emulator.cell(shown[y]!.indexOf('serve_3'), y).isStrikethrough());
  t.match(shown.at(-1), /^since 12:01:42 UTC /);
  shown = await press('b');
  t.notMatch(shown.join('\n'), /±|since 12/);
  t.match(shown[0], /BPF 11\.00% of 1 CPU/);
});

t.test('Esc ends it too, and nothing is marked before there are figures', async (t) => {
  const {feed, press} = await openTestScreen(t);
  t.notMatch((await press('b')).join('\n'), '±');
  feed(service(0));
  t.match((await press('b'))[1], '±CPU%');
  t.notMatch((await press('\u001b')).join('\n'), '±');
});

t.test('sorted by the change the biggest rise comes first, and pressed again the biggest fall', async (t) => {
  const screen = await openTestScreen(t);
  await restart(screen);
  let shown = await screen.press('U');
  t.match(shown[1], '±CPU%▼');
  t.same(
    shown.slice(2, 6).map((line) => /serve_\w+/.exec(line)?.[0]),
    ['serve_new', 'serve_1', 'serve_2', 'serve_3'],
  );
  shown = await screen.press('U');
  t.match(shown[2], 'serve_2');
  shown = await screen.press('b');
  t.match(shown[1], 'CPU%▼', 'without a baseline by the figure itself');
});

t.test('what went since stays as long as it is compared with, and has its page', async (t) => {
  const screen = await openTestScreen(t);
  await restart(screen);
  const {feed, press, lines} = screen;
  for (let i = 4; i < 260; i++) feed([...service(30, 60), reloaded(102, 80), {id: 100 + i}]);
  const shown = await press('/serve_3\r');
  t.match(row(shown, 'serve_3 '), /^ × +3 /);
  t.match(shown.at(-1), '0 of 4', 'it is listed, and not counted');
  const page = await press('\r');
  t.match(page[1], /^ serve_3 .*× unloaded 2026-01-31 12:01:43 UTC/);
  await press('\u001b\u001b');
  t.match(row(await lines(), 'serve_3'), / -400 .* -4\.00 /);
});

t.test('a group has the change of its sums', async (t) => {
  const screen = await openTestScreen(t);
  await restart(screen);
  const shown = await screen.press('gt');
  t.match(shown[2], /xdp {2}3 programs .* 1\.1k +\+100 +11\.00 +\+1\.00 /);
  const opened = await screen.press('\r');
  t.match(row(opened, 'serve_3'), /^ × .*-4\.00/);
});

t.test('% shows shares of all CPUs, wherever CPU % is shown, and says so', async (t) => {
  const screen = await openTestScreen(t, {columns: 120, rows: 40});
  await restart(screen);
  const {press} = screen;
  let shown = await press('%');
  t.match(shown[0], /BPF 5\.50% \+0\.50 of 2 CPUs/);
  t.match(shown[1], /CPUS%▼ +±CPUS%/);
  t.match(row(shown, 'serve_1'), / 1\.00 +\+0\.50 /);
  t.match((await press('gt'))[2], / 5\.50 +\+0\.50 /);
  await press('gg/cpu>7.9\r');
  shown = await press('');
  t.match(shown[2], /serve_new .* 4\.00 /, 'a filter stays of one');
  await press('\r');
  // The screen loads them when a page is first opened.
  await import('../../src/ui/charts.js');
  shown = await press('');
  t.match(shown.join('\n'), /CPU % +4\.00 +4\.00 +4\.00 +4\.00/);
  t.match(shown.join('\n'), /CPU % of 2 CPUs.*events\/s/);
  t.match(shown.join('\n'), /^ +4\.00 ⡇/m, 'the chart ends at 4, not at 8');
  shown = await press('I');
  t.match(shown.join('\n'), /CPU % +8\.00/);
  t.match(shown.join('\n'), /CPU % of 1 CPU /);
  t.match(shown.join('\n'), /^ +8\.00 ⡇/m);
});

t.test('t goes to what costs most now, wherever the order has it', async (t) => {
  const {feed, press, lines} = await openTestScreen(t, {rows: 10, sort: parseSort('id:asc') as SortOrder});
  const progs = (time: number): ProgSpec[] =>
    Array.from({length: 40}, (_, i) => ({
      ...{id: i + 1, name: `prog_${i + 1}`, runTimeNs: BigInt(i === 29 ? time : 0) * ms, runCnt: BigInt(time)},
    }));
  feed(progs(0));
  feed(progs(5));
  t.match(
    (await press('t')).find((line) => line.startsWith('›')),
    /^› +30 .*prog_30/,
  );
  t.match((await lines())[1], 'ID▲');
  feed(progs(5).filter(({id}) => id !== 30));
  await press('\u001b');
  t.notMatch(
    (await press('t')).find((line) => line.startsWith('›')),
    'prog_30',
    'it went',
  );
});

t.test('the letter that sorts by a column is underlined in its title, colours or not', async (t) => {
  const {feed, terminal, lines, press} = await openTestScreen(t, {
    look: {color: 'never', ascii: true, theme: 'default'},
  });
  feed(service(1));
  const titles = (await lines())[1]!;
  for (const [title, letter] of [
    ['NAME', 'N'],
    ['EV/S', 'E'],
    ['CPU%', 'P'],
    ['TYPE', 'Y'],
  ] as const)
    for (let i = 0; i < title.length; i++)
      t.equal(!!terminal.emulator.cell(titles.indexOf(title) + i, 1).isUnderline(), title[i] === letter, `${title} ${i}`);
  t.match((await press('N'))[1], 'NAME^');
  t.match((await press('b'))[1], 'dCPU%');
  t.match((await press('s')).join('\n'), /P v? *CPU%|P {3}CPU%/, 'the dialog has them too');
});

t.test('with a baseline nothing overflows, and what changed is there', async (t) => {
  const screen = await openTestScreen(t);
  await restart(screen);
  for (const [columns, rows] of [
    [80, 24],
    [120, 30],
    [200, 60],
    [40, 10],
  ] as const) {
    const shown = await screen.resize(columns, rows);
    t.equal(shown.length, rows);
    t.match(shown[0], /BPF 11\.00% \+1\.00 of 1 CPU/, `${columns}×${rows}`);
    t.match(shown[1], /NAME.*CPU%▼ +±CPU%/);
    t.match(row(shown, 'serve_1'), /2\.00 +\+1\.00/);
    t.match(shown.at(-1), /^since 12:01:42 (UTC|…)/);
    if (columns >= 80) t.match(shown[1], /±AVG.*±EV\/S/);
  }
  const wrong: string[] = [];
  for (let width = 4; width <= 400; width++)
    for (const wanted of [null, ['name', 'cpu_pct', 'id'] as const])
      for (const sortKey of ['cpu_pct', 'cpu_pct_change', 'avg_run_time_ns_change', 'type', 'tag'])
        for (const ofAllCpus of [false, true]) {
          const columns = layoutColumns(width, sortKey, 10, wanted, {compared: true, ofAllCpus});
          let free = 2;
          for (const {key, x, width: cells, title} of columns) {
            if (x < free) wrong.push(`${key} overlaps at ${width}`);
            if (width >= 40 && cells < title.length + 1) wrong.push(`no room for the mark of ${title} at ${width}`);
            free = x + cells + 1;
          }
          if (free - 1 > width) wrong.push(`too wide at ${width}`);
          if (width >= 50 && !columns.some(({key}) => key === 'cpu_pct_change')) wrong.push(`no change at ${width}`);
        }
  t.same([...new Set(wrong)], []);
});
