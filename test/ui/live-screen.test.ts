import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {cellsOf} from '../../src/model/cells.js';
import {helpLines} from '../../src/ui/help.js';
import {layoutScreen} from '../../src/ui/layout.js';
import {withoutStyles} from '../../src/ui/styled-text.js';
import {fields} from '../../src/model/fields.js';
import {parseFilter} from '../../src/model/filter.js';
import {findGrouping} from '../../src/model/group.js';
import {measure} from '../../src/model/measure.js';
import type {ProgPin} from '../../src/sample/pins.js';
import {noSources, type Reading} from '../../src/sample/sources.js';
import type {ScreenFiles, Settings, Shown, WriteOutcome} from '../../src/ui/index.js';
import {openTestScreen} from '../helpers/screen.js';
import {makeSample, owner, type ProgSpec, reading} from '../helpers/samples.js';

/** Programs of which the one with the highest number is the busiest; `beat` is how often they have all run. */
function busy(count: number, beat: number): ProgSpec[] {
  return Array.from({length: count}, (_, i) => ({
    id: i + 1,
    name: `prog_${i + 1}`,
    runTimeNs: BigInt(beat * (i + 1) * 1_000_000),
    runCnt: BigInt(beat * (i + 1) * 1000),
  }));
}

t.test('a frame is there before the first sample, and says so', async (t) => {
  const {lines} = await openTestScreen(t);
  const shown = await lines();
  t.match(shown[0], /^bpftop-ts.*1s {2}reading…$/);
  t.ok(shown.some((line) => line.trim() === 'reading…'));
});

t.test('header, titles, rows and footer are where they belong', async (t) => {
  const {feed, lines} = await openTestScreen(t, {columns: 130});
  feed(busy(40, 0));
  feed(busy(40, 1));
  const shown = await lines();
  t.match(
    shown[0],
    /^bpftop-ts {2}web-3 {2}6\.18\.44 {2}2 CPUs │ 40 programs {2}BPF 82\.00% of 1 CPU .*820k ev\/s +│ .*costs \d.*1s {2}live$/,
  );
  t.match(shown[1], /ID +TYPE +NAME .* AVG +TOTAL +EV\/S +CPU%▼ +TREND/);
  t.match(shown[2], /^ +40 +xdp +prog_40 .* 1\.0µs +1\.0µs +40\.0k +4\.00 +█$/);
  t.match(
    shown.at(-1),
    /^1–27 of 40 .*\? help {2}\/ filter {2}s sort {2}Enter open {2}g group {2}Space pause {2}q quit {2}↑↓ move {2}.*b changes/,
  );
});

t.test('samples never make Ink draw; keys that it shows nothing of do not either', async (t) => {
  const {feed, press, inkFrames} = await openTestScreen(t);
  const drawn = inkFrames();
  for (let beat = 0; beat < 20; beat++) feed(busy(100, beat));
  t.equal(inkFrames(), drawn, '20 samples');
  await press('jjjjk');
  t.equal(inkFrames(), drawn, 'moving');
  await press('s');
  t.equal(inkFrames(), drawn + 1, 'a dialog');
  feed(busy(100, 21));
  t.equal(inkFrames(), drawn + 1);
});

t.test('many keys in one read are one frame, and none is lost', async (t) => {
  const {feed, press, terminal} = await openTestScreen(t);
  feed(busy(100, 0));
  feed(busy(100, 1));
  const before = terminal.frames.length;
  const shown = await press('jjjjj');
  t.equal(terminal.frames.length, before + 1);
  t.match(shown[6], /^› +96 /);
  t.match((await press('\u001b[A\u001b[Aj/prog_7\rj'))[0 + 2], /^ *›? +79/);
});

t.test('on a narrow screen the page of a gone program says that there was more to say', async (t) => {
  const {feed, press, lines} = await openTestScreen(t, {columns: 60});
  feed([{id: 1, name: 'fw'}]);
  await press('j\r');
  feed([]);
  t.match((await lines())[1], /fw.* × unloaded .*…$/);
});

t.test('drawn with ASCII, how long ago the moment shown was has its sign', async (t) => {
  const {feed, press, terminal} = await openTestScreen(t, {look: {color: 'auto', ascii: true, theme: 'default'}});
  for (let i = 0; i < 3; i++) feed([{id: 1, name: 'fw'}]);
  t.match((await press('\u001b[D'))[0], /paused \d\d:\d\d:\d\d UTC -1s$/);
  t.ok(terminal.frames.every((frame) => frame.every((byte) => byte < 0x80)));
});

t.test('what is pasted is no keys: it goes into a line that is being typed, or nowhere', async (t) => {
  const {screen, terminal, feed, press, lines} = await openTestScreen(t);
  feed([
    {id: 1, name: 'paste_q'},
    {id: 2, name: 'other'},
  ]);
  terminal.events.paste('qW!\r');
  t.match((await press('')).join('\n'), /paste_q[^]*other[^]*Pasted text was ignored: press \/ first to filter by it\./);
  await press('/');
  terminal.events.paste(' name=pas\u001b[A\tte_q\r\n');
  const shown = (await press('\u001b[H')).join('\n');
  t.match(shown, '/ name=pas [A te_q');
  await press('\u0015');
  terminal.events.paste(' \n');
  terminal.events.paste(`paste_q${' '.repeat(2000)}é`);
  await press('\r');
  t.match((await press('\uffff')).join('\n'), /paste_q/);
  t.notMatch((await lines()).join('\n'), /other/);
  screen.close();
});

t.test('what can be sorted by stands in columns', async (t) => {
  const {feed, press} = await openTestScreen(t, {columns: 200, rows: 60});
  feed([{id: 1, name: 'fw'}]);
  const shown = await press('s');
  const columns = fields.flatMap(({help}) => {
    const line = shown.find((each) => each.includes(`  ${help} `) || each.includes(`CONTAINER ID ${help} `));
    return line === undefined ? [] : [line.indexOf(` ${help} `)];
  });
  t.ok(columns.length > 10);
  t.same([...new Set(columns)], columns.slice(0, 1));
});

t.test('no sequence that a terminal could send for a key ends the screen', async (t) => {
  const {press, feed} = await openTestScreen(t);
  feed([{id: 1, name: 'fw'}]);
  const modifiers = ['', ...Array.from({length: 16}, (_, i) => `;${i + 1}`)];
  const finals = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstvwxyz~^$@'];
  const ofNumber = (number: number) => finals.flatMap((final) => modifiers.map((each) => `[${number}${each}${final}`));
  const numbered = Array.from({length: 36}, (_, i) => ofNumber(i)).flat();
  const others = finals.flatMap((final) => [`[${final}`, `O${final}`, `[[${final}`, `[[5${final}`, `[[1;5${final}`]);
  const shown = await press([...numbered, ...others].map((each) => `\u001b${each}`).join(''));
  t.match(shown.join('\n'), 'fw');
  t.match(await press('?'), [/^/, /^/, /Table/]);
});

t.test('nothing happened: nothing is sent', async (t) => {
  const {screen, feed, bytes, lines} = await openTestScreen(t);
  const idle = busy(50, 1);
  for (let i = 0; i < 30; i++) feed(idle, {selfCpuNs: 0});
  await lines();
  bytes();
  for (let i = 0; i < 5; i++) feed(idle, {selfCpuNs: 0});
  t.equal(bytes(), 0);
  t.ok(screen);
});

t.test('a row that stays costs at most 80 bytes, one that moves at most 150', async (t) => {
  const {feed, bytes, press} = await openTestScreen(t, {columns: 160, rows: 50});
  // Rows in steady order, every figure another one each time.
  const steady = (beat: number): ProgSpec[] =>
    busy(200, 1).map((prog, i) => {
      const runs = BigInt(beat * 137 * (i + 1) + ((beat * beat * 31) % 97));
      return {...prog, runCnt: runs, runTimeNs: runs * BigInt(411 + (beat % 3))};
    });
  for (let beat = 0; beat < 20; beat++) feed(steady(beat));
  await press('');
  bytes();
  for (let beat = 20; beat < 40; beat++) feed(steady(beat));
  const inPlace = bytes() / 20;
  t.ok(inPlace <= 200 + 47 * 80, `${inPlace} bytes a frame`);
  const moving = (beat: number): ProgSpec[] =>
    busy(200, 1).map((prog, i) => {
      const runs = BigInt(beat * 5000 + ((i * 7919 + beat * 104729) % 200) * 613);
      return {...prog, runCnt: runs, runTimeNs: runs * 450n};
    });
  for (let beat = 0; beat < 20; beat++) feed(moving(beat));
  bytes();
  for (let beat = 20; beat < 40; beat++) feed(moving(beat));
  const moved = bytes() / 20;
  t.ok(moved <= 200 + 47 * 150, `${moved} bytes a frame`);
});

t.test('filter and sort act at once, on the data at hand', async (t) => {
  const {feed, press} = await openTestScreen(t);
  feed(busy(100, 0));
  feed(busy(100, 1));
  let shown = await press('/prog_4');
  t.match(shown[2], 'prog_49');
  t.match(shown.at(-1), /^\/prog_4 +11 of 100 .*Esc undo/);
  shown = await press('\u001b');
  t.match(shown[2], 'prog_100');
  shown = await press('D');
  t.match(shown[1], 'ID▼');
  shown = await press('r');
  t.match(shown[1], 'ID▲');
  t.match(shown[2], /^ +1 /);
  shown = await press('/nothing has this');
  t.ok(shown.some((line) => line.includes('Nothing matches "nothing has this".')));
  t.ok(shown.some((line) => line.includes('Ctrl-U clears the filter.')));
  shown = await press('\r');
  t.ok(shown.some((line) => line.includes('Esc clears the filter.')));
  shown = await press('\u001b');
  t.match(shown[2], /^ +1 /);
});

t.test('a filter that is not one leaves the list as it is, and the footer says why', async (t) => {
  const {feed, press} = await openTestScreen(t);
  feed(busy(100, 0));
  feed(busy(100, 1));
  await press('/prog_4');
  let shown = await press('=');
  t.match(shown.at(-1), /^\/prog_4= +column 1: unknown field 'prog_4'; a word with '=' in it takes quotes$/);
  t.notMatch(shown.at(-1), '11 of 100');
  t.match(shown[2], 'prog_49');
  shown = await press('\r');
  t.match(shown.at(-1), /column 1: /, 'and it is not kept');
  shown = await press('\u0015id=7');
  t.match(shown.at(-1), /^\/id=7 +1 of 100 .*Esc undo/);
  t.match(shown[2], 'prog_7');
});

t.test('the selection stays with its program and is seen without colours', async (t) => {
  const {feed, press, lines} = await openTestScreen(t);
  feed(busy(100, 0));
  feed(busy(100, 1));
  await press('jj');
  t.match((await lines())[3], /^› +99 .*prog_99/);
  // Now the last are the busiest.
  feed(
    busy(100, 1).map((prog, i) => ({
      ...prog,
      runCnt: (prog.runCnt ?? 0n) + 1n,
      runTimeNs: (prog.runTimeNs ?? 0n) + BigInt(1000 - 10 * i),
    })),
  );
  const shown = await lines();
  t.match(
    shown.find((line) => line.startsWith('›')),
    /^› +99 .*prog_99/,
  );
});

t.test('new and gone programs are marked, and gone ones stay for a while', async (t) => {
  const {feed, lines, terminal} = await openTestScreen(t);
  feed(busy(3, 0));
  feed(busy(4, 1).slice(1));
  const shown = await lines();
  t.match(
    shown.find((line) => line.includes('prog_4')),
    /^ \+ +4/,
  );
  const y = shown.findIndex((line) => line.includes('prog_1'));
  t.match(shown[y], /^ × +1/);
  t.ok(terminal.emulator.cell(shown[y]?.indexOf('prog_1') ?? 0, y).isStrikethrough());
  await sleep(3200);
  t.notOk(
    (await lines()).some((line) => line.includes('prog_1')),
    'its time is over without a sample',
  );
  t.notOk((await lines()).some((line) => line.startsWith(' +')));
});

t.test("this tool's own programs are neither listed nor counted until a key asks for them", async (t) => {
  const {feed, lines, press} = await openTestScreen(t);
  const own = {id: 9, name: 'bpftop_iter', self: true};
  feed([{...own}, {id: 10, name: 'hers'}]);
  feed([
    {...own, runCnt: 99n},
    {id: 10, name: 'hers', runCnt: 4n},
  ]);
  let shown = await lines();
  t.match(shown[0], /│ 1 program .* 4 ev\/s/);
  t.notMatch(shown.at(-1), ' of ', 'all that is counted is listed');
  t.notOk(shown.some((line) => line.includes('bpftop_iter')));
  shown = await press('/iter');
  t.match(shown.at(-1), /^\/iter +0 of 1 /);
  t.ok(shown.some((line) => line.includes('Nothing matches "iter".')));
  shown = await press('\u001ba');
  t.match(shown[0], /│ 2 programs .* 103 ev\/s/);
  t.notMatch(shown.at(-1), ' of ');
  t.ok(shown.some((line) => line.includes('bpftop_iter')));
  shown = await press('/iter\r');
  t.match(shown.at(-1), /^\/iter +1 of 2 /);
  shown = await press('a');
  t.match(shown.at(-1), /^\/iter +0 of 1 /);
  feed([own]);
  shown = await lines();
  t.match(shown[0], /│ 0 programs /);
  t.ok(
    shown.some((line) => line.includes("bpftop-ts's own; a shows them.")),
    'and the empty host is told of, filter or not',
  );
  t.ok(shown.some((line) => line.includes('bpftop-ts demo')));
});

t.test('missed runs are an alarm: a mark, a line, and on the page of the program', async (t) => {
  const {feed, lines, press} = await openTestScreen(t);
  const misser = (runs: bigint, recursionMisses: bigint | null) =>
    feed([
      {id: 1, name: 'calm', runCnt: runs},
      {id: 2, name: 'misser', runCnt: runs, runTimeNs: runs, recursionMisses},
    ]);
  misser(1n, 7n);
  t.notOk(
    (await lines()).some((line) => line.includes('!')),
    'not for what it missed before',
  );
  misser(2n, 1019n);
  const shown = await lines();
  t.match(
    shown.find((line) => line.includes('xdp') && line.includes('misser')),
    /^ ! +2 /,
  );
  t.match(
    shown.find((line) => line.includes('calm')),
    /^ {3}/,
  );
  t.match(shown.at(-2), /^! runs did not happen .*: misser \(id 2\) 1012/);
  await press('D');
  const page = (await press('\r')).join('\n');
  t.match(page, /misser {2}xdp 2/);
  t.match(page, /runs missed +1,019 ! 1,012 in the last period/);
  misser(3n, 1019n);
  t.match((await lines()).join('\n'), /runs missed +1,019\s*$/m);
  misser(4n, null);
  t.match((await lines()).join('\n'), /runs missed +- \(counted from Linux 5\.12 on\)/);
});

t.test('a sleepable program is marked "wall" and has no share of a CPU', async (t) => {
  const {feed, lines} = await openTestScreen(t);
  feed([{id: 1, name: 'sleeper', sleepable: true}]);
  feed([{id: 1, name: 'sleeper', sleepable: true, runCnt: 5n, runTimeNs: 10n}]);
  t.match((await lines())[2], /sleeper .* wall /);
});

t.test('a program that replaces a function of another is marked "target", and its page says so', async (t) => {
  const {feed, lines, press} = await openTestScreen(t);
  feed([{id: 1, name: 'instead', type: 28}]);
  feed([{id: 1, name: 'instead', type: 28}]);
  t.match((await lines())[2], /instead .* target /);
  t.match((await press('\r')).join('\n'), /counted +in its target/);
});

t.test('a nameless program can be seen and opened', async (t) => {
  const {feed, lines, press} = await openTestScreen(t);
  feed([{id: 7, name: ''}]);
  t.match((await lines())[2], '(tag 000000000…');
  t.match((await press('\r'))[1], /^ \(tag 0000000000000007\) {2}xdp 7/);
});

t.test('the page of a program says where it is pinned, or why that is not known', async (t) => {
  const {feed, lines, press} = await openTestScreen(t, {columns: 130});
  const {progs} = makeSample(1, [{id: 7, name: 'pinned'}]);
  const shownWith = async (pins: Reading<ProgPin> | null) => {
    feed([], {progs: {...progs, sources: {...noSources, pins}}});
    return (await lines()).join('\n');
  };
  await shownWith(null);
  await press('\r');
  const found: ProgPin[] = [
    {path: '/sys/fs/bpf/a\u001b[2J', via: 'prog'},
    {path: '/b (mount namespace of 7 agent)', via: 'link'},
  ];
  t.match(await shownWith(reading({7: found})), /pinned +\/sys\/fs\/bpf\/a<1b>\[2J .*\n +a link at \/b \(mount/);
  t.match(await shownWith(reading({})), /pinned +no /);
  const warning = {code: 'pins_not_permitted', message: 'no pins: EACCES.'};
  t.match(await shownWith({...reading<ProgPin>({}), byProg: null, warning}), /pinned +- \(no pins: EACCES\.\)/);
  t.match(await shownWith(null), /pinned +- /);
});

t.test('what a program is called cannot touch the terminal', async (t) => {
  const {feed, press, terminal} = await openTestScreen(t, {columns: 130});
  feed([
    {id: 1, name: '\u001b[2Jgone'},
    {id: 2, name: 'a\r\nb\u0007c'},
    {id: 3, name: '\u009b31mred\u202e'},
    {id: 4, name: '🐝监控e\u0301'},
  ]);
  const shown = await press('D');
  t.match(shown[5], '<1b>[2Jgone');
  t.match(shown[4], 'a<d><a>b<7>c');
  t.match(shown[3], '<9b>31mred<202…');
  const runs = shown[1]?.indexOf('RUNS') ?? -1;
  for (const y of [2, 3, 4, 5])
    t.equal(terminal.emulator.cell(runs + 3, y).getChars(), '0', `the next column of row ${y} is straight`);
  await press('\r');
  t.match((await press(''))[1], /^ 🐝 ?监控e\u0301 {2}xdp 4/);
});

t.test('empty and degraded states say what to do', async (t) => {
  const {screen, feed, lines} = await openTestScreen(t);
  feed([]);
  t.ok((await lines()).some((line) => line.includes('No BPF programs are loaded.')));
  t.ok((await lines()).some((line) => line.includes('bpftop-ts demo')));
  feed([{id: 1, self: true}]);
  t.ok((await lines()).some((line) => line.includes('a shows them.')));
  feed([{id: 1}], {stats: 'off', warnings: [{code: 'stats_off', message: 'no rates: statistics are off.'}]});
  t.match((await lines()).at(-2), /^! no rates: statistics are off/);
  feed([{id: 1}], {warnings: [{code: 'walk', message: 'no iterator here\u001b[2J'}]});
  t.match((await lines()).at(-2), '! no iterator here<1b>[2J');
  screen.fail('cannot list BPF programs: EPERM.');
  t.match((await lines()).at(-2), '! cannot list BPF programs: EPERM. The figures are those of the last reading.');
  t.match((await lines())[0], /no reading$/);
  feed([{id: 1}]);
  t.notMatch((await lines()).at(-2), '!');
  t.match((await lines())[0], /live$/);
});

t.test('before the first key the footer says what the most useful ones do, and never covers the count', async (t) => {
  for (const columns of [40, 80, 120, 200]) {
    const {feed, press, lines} = await openTestScreen(t, {columns, rows: 24, notice: null});
    feed(busy(30, 0));
    t.match(
      (await lines()).at(-1),
      columns < 80 ? /^ *1–21 of 30 +\? help/ : /^Enter opens, \/ filters, \? explains  1–21 of 30 +\? help/,
    );
    t.match((await lines()).at(-1), '1–21 of 30', `count at ${columns}`);
    // Also one that does nothing.
    t.notMatch((await press('!')).at(-1), 'Enter opens', `gone at ${columns}`);
  }
  const {lines} = await openTestScreen(t, {notice: 'a demo'});
  t.match((await lines()).at(-1), /^a demo/, 'what else is to be said comes first');
});

t.test('what statistics that are off, or a host without an iterator, mean is said with what to do', async (t) => {
  const {feed, lines} = await openTestScreen(t, {columns: 160});
  feed([{id: 1}], {sampler: 'walk', fallbackReason: 'bpf(BPF_PROG_LOAD): EPERM'});
  t.match((await lines()).at(-2), /^! programs are read one by one, .*BPF_PROG_LOAD.*"bpftop-ts doctor" says/);
});

t.test('the page of a program follows the samples, and outlives the program', async (t) => {
  const {feed, press, lines, inkFrames} = await openTestScreen(t);
  feed(busy(3, 0));
  feed(busy(3, 1));
  let shown = await press('\r');
  t.match(shown[1], /^ prog_3 {2}xdp 3/);
  t.match(shown.join('\n'), /run time +3,000,000 ns/);
  t.match(shown.join('\n'), /CPU % +0\.30 +0\.30 +0\.30 +0\.30/);
  const drawn = inkFrames();
  feed(busy(3, 3));
  shown = await lines();
  t.equal(inkFrames(), drawn);
  t.match(shown.join('\n'), /runs +9,000/);
  t.match(shown.join('\n'), /last period +\+6,000 runs, \+6,000,000 ns in 1\.0s/);
  t.match(shown.join('\n'), /CPU % +0\.60 +0\.30 +0\.45 +0\.60/);
  feed(busy(2, 4));
  shown = await lines();
  t.match(shown[1], /^ prog_3 .*× unloaded 2026-01-31 12:01:44 UTC/);
  t.match(shown.join('\n'), /CPU % +- +0\.30 +0\.45 +0\.60/);
  shown = await press('\u001b');
  t.match(shown[1], 'CPU%▼');
});

t.test('at every size something sane is shown', async (t) => {
  const {feed, press, resize} = await openTestScreen(t, {filter: parseFilter('prog')});
  feed(busy(30, 0));
  feed(busy(30, 1));
  for (const [columns, rows] of [
    [80, 24],
    [40, 10],
    [400, 100],
    [20, 5],
    [10, 4],
    [3, 2],
    [1, 1],
    [200, 60],
  ] as const) {
    const shown = await resize(columns, rows);
    t.equal(shown.length, rows);
    if (columns >= 40) t.match(shown.join('\n'), /NAME[^]*prog_\d/, `${columns}×${rows}`);
    for (const keys of ['?', '\u001b', 's', '\u001b', '\r', 'jj', '\u001b', '/x', '\u001b', 'G', 'j']) await press(keys);
    t.ok(await press(''));
  }
});

t.test('from 40 to 400 columns and 1 to 200 rows every row is one that belongs there', async (t) => {
  const {feed, resize} = await openTestScreen(t);
  feed(busy(250, 0));
  feed(busy(250, 1));
  for (const columns of [40, 41, 57, 79, 80, 81, 100, 133, 181, 255, 399, 400])
    for (const rows of [1, 2, 3, 4, 5, 24, 63, 200]) {
      const shown = await resize(columns, rows);
      const {body, footer} = layoutScreen({columns, rows});
      t.ok(
        shown.slice(body.y, body.y + body.height).every((line) => /prog_\d/.test(line)),
        `${columns}×${rows}`,
      );
      if (footer >= 0) t.match(shown[footer], /\? help/, `${columns}×${rows}`);
    }
});

t.test('the help fits and can be read to its end at every size', async (t) => {
  const {feed, press, resize} = await openTestScreen(t);
  feed(busy(3, 0));
  await press('?');
  for (const [columns, rows] of [
    [40, 6],
    [40, 24],
    [80, 10],
    [80, 24],
    [115, 24],
    [116, 24],
    [200, 60],
    [400, 200],
  ] as const) {
    await resize(columns, rows);
    const read = new Set<string>();
    let before = '';
    for (let shown = await press('\u001b[H'); shown.join() !== before; shown = await press('\u001b[B')) {
      before = shown.join();
      for (const line of shown) read.add(line.trimEnd());
    }
    for (const line of helpLines({speed: null}, columns).map(withoutStyles))
      t.ok(read.has(line.trimEnd()) && cellsOf(line) <= columns, `${columns}×${rows}: ${line}`);
  }
});

t.test('a storm of resizes ends right, while samples and keys come', async (t) => {
  const under = await openTestScreen(t);
  const {terminal, feed, lines, resize} = under;
  let ended = false;
  void under.screen.ended.then(() => (ended = true));
  for (let i = 0; i < 500; i++) {
    terminal.size = {columns: 1 + ((i * 37) % 300), rows: 1 + ((i * 13) % 90)};
    terminal.events.redraw();
    if (i % 5 === 0) feed(busy(30, i));
    if (i % 50 === 0) await under.press('j');
  }
  const shown = await resize(80, 24);
  t.match(shown[1], /NAME.*CPU%▼/);
  t.match((await lines()).at(-1), /\d+–30 of 30 +\? help/);
  t.notOk(ended, 'and without an exception');
});

t.test('a key is on the screen in the frame after it, whatever CI says', async (t) => {
  const {feed, press, resize} = await openTestScreen(t, {columns: 80, rows: 24});
  feed(busy(30, 1));
  const help = await press('?');
  t.match(help[2], /^Table/);
  t.match(help.at(-1), /^bpftop-ts 1\.2\.3 /);
  const shown = await resize(40, 10);
  t.match(shown[2], /^Table/);
  t.match(shown.at(-1), /Esc close/);
});

t.test('while the terminal takes nothing no frame is made; afterwards one shows the present', async (t) => {
  const {feed, terminal, lines} = await openTestScreen(t, {columns: 130});
  feed(busy(5, 0));
  const before = terminal.frames.length;
  terminal.busy = true;
  for (let beat = 1; beat <= 50; beat++) feed(busy(5, beat));
  t.equal(terminal.frames.length, before);
  terminal.busy = false;
  terminal.events.drained();
  t.equal(terminal.frames.length, before + 1);
  t.match((await lines())[2], /prog_5 .*250k/);
});

t.test('q and Ctrl-C end the screen, Ctrl-Z suspends it, and none of them closes the terminal by itself', async (t) => {
  const one = await openTestScreen(t);
  await one.press('\u001a');
  t.equal(one.terminal.suspended, 1);
  await one.press('/q');
  await one.press('\u001bq');
  t.same(await one.screen.ended, {by: 'quit'});
  const two = await openTestScreen(t);
  await two.press('/abc\u0003');
  t.same(await two.screen.ended, {by: 'interrupt'});
  t.equal(two.terminal.closed, 0);
  two.screen.close();
  two.screen.close();
  t.equal(two.terminal.closed, 1);
  two.feed(busy(3, 1));
  two.screen.fail('late');
  t.ok(await two.press('j'), 'what comes after the end is ignored');
});

t.test('a terminal that goes away ends the screen', async (t) => {
  const {screen, terminal} = await openTestScreen(t);
  terminal.events.hangup();
  t.same(await screen.ended, {by: 'hangup'});
});

t.test('a bug in a component, or in what is painted, ends the screen with the error', async (t) => {
  const broken = await openTestScreen(t, {}, ({openChrome}) => ({
    openChrome: (pipe, props, events) =>
      openChrome(pipe, {...props, columns: null as unknown as typeof props.columns}, events),
  }));
  t.match(await broken.screen.ended, {by: 'error', error: TypeError});
  const other = await openTestScreen(t);
  other.screen.update({} as Parameters<typeof other.screen.update>[0]);
  t.match(await other.screen.ended, {by: 'error', error: TypeError});
});

t.test('a closed screen leaves no listener and no timer behind', async (t) => {
  const names = () => ['SIGWINCH', 'SIGCONT', 'SIGTSTP', 'exit', 'beforeExit'].map((name) => process.listenerCount(name));
  const before = names();
  const {screen, feed} = await openTestScreen(t);
  feed(busy(3, 0));
  feed(busy(4, 1));
  screen.close();
  t.same(names(), before);
  t.notOk(process.getActiveResourcesInfo().includes('Timeout'));
});

/** Programs of four types by turns: of type n those with the ids n, n + 4, … */
function ofTypes(count: number, beat: number): ProgSpec[] {
  return busy(count, beat).map((prog, i) => ({...prog, type: [3, 6, 2, 5][i % 4] as number}));
}

t.test('g puts programs into groups with their sums and their past', async (t) => {
  const {feed, press, lines} = await openTestScreen(t);
  for (let beat = 0; beat < 5; beat++) feed(ofTypes(10, beat));
  let shown = await press('g');
  t.ok(shown.some((line) => line.includes('─ group by ─')));
  t.ok(shown.some((line) => /│ t {3}type +program type/.test(line)));
  shown = await press('t');
  // 2, 6 and 10 ms a second; 4 and 8; 3 and 7; 1, 5 and 9.
  t.match(shown[2], /^ {2}▸ xdp {2}3 programs +72\.0k +1\.0µs +1\.0µs +18\.0k +1\.80 +████$/);
  t.match(shown[3], /^ {2}▸ sched_cls {2}3 programs .* 1\.50 /);
  t.match(shown[4], /^ {2}▸ tracepoint {2}2 programs .* 1\.20 /);
  t.match(shown[5], /^ {2}▸ kprobe {2}2 programs .* 1\.00 /);
  t.equal(shown[6], '');
  t.match(shown.at(-1), /^by type /);
  feed(ofTypes(12, 5));
  shown = await lines();
  t.match(
    shown.find((line) => line.includes('tracepoint')),
    /^ \+▸ tracepoint {2}3 programs/,
    'a new program marks its group',
  );
  shown = await press('gg');
  t.match(shown[2], /prog_1\d /);
  t.notMatch(shown.at(-1), 'by type');
  await press('gt');
  t.notMatch((await press('\u001b')).at(-1), 'by type', 'Esc ends it as well');
});

t.test('Enter opens a group; its programs are listed below it in the order chosen, and have their pages', async (t) => {
  const {feed, press, lines} = await openTestScreen(t);
  feed(ofTypes(10, 0));
  feed(ofTypes(10, 1));
  let shown = await press('gtj\r');
  t.match(shown[2], /^› ▾ xdp {2}3 programs/);
  t.match(shown[3], /^ +10 +xdp +prog_10/);
  t.match(shown[4], /^ +6 +xdp +prog_6/);
  t.match(shown[5], /^ +2 +xdp +prog_2/);
  t.match(shown[6], /^ {2}▸ sched_cls/);
  shown = await press('D');
  t.match(shown[1], 'ID▼');
  shown = await press('r');
  t.match(
    shown.filter((line) => /prog_/.test(line)).map((line) => line.trim()),
    [/^2 /, /^6 /, /^10 /],
  );
  shown = await press('jj\r');
  t.match(shown[1], /prog_6/, 'its page');
  shown = await press('\u001b');
  const selected = () => lines().then((all) => all.find((line) => line.startsWith('›')));
  t.match(await selected(), /^› +6 /);
  // The group becomes the last; the highlight stays on its program.
  await press('sa');
  feed(ofTypes(10, 1).map((prog, i) => (i % 4 === 1 ? prog : {...prog, runTimeNs: (prog.runTimeNs ?? 0n) * 3n})));
  t.match(await selected(), /^› +6 /);
  shown = await press('kk\r');
  t.match(await selected(), /^› ▸ xdp/);
  t.notOk(
    shown.some((line) => /prog_/.test(line)),
    'closed again',
  );
});

t.test('where a group has no room for ids, its programs are still indented below it', async (t) => {
  const {feed, press} = await openTestScreen(t, {columns: 40, rows: 10});
  feed(ofTypes(10, 0));
  feed(ofTypes(10, 1));
  const shown = await press('gtj\r');
  t.match(shown[2], /^› ▾ xdp/);
  t.match(shown[3], /^ {4}prog_10 /);
  t.match(shown[6], /^ {2}▸ sched_cls/);
});

t.test('the filter works on programs before they are grouped', async (t) => {
  const {feed, press} = await openTestScreen(t);
  feed(ofTypes(10, 0));
  feed(ofTypes(10, 1));
  const shown = await press('gt/prog_1\r');
  t.match(shown[2], /^ {2}▸ xdp {2}1 program .* 1\.00 /, 'of prog_10 alone');
  t.match(shown[3], /^ {2}▸ sched_cls {2}1 program .* 0\.10 /, 'of prog_1 alone');
  t.equal(shown[4], '');
  t.match(shown.at(-1), /^by type {2}\/prog_1 +2 of 10 /);
});

t.test('what went stays struck in its group, and the past of the group still has it', async (t) => {
  const {feed, press, lines, terminal} = await openTestScreen(t);
  for (let beat = 0; beat < 4; beat++) feed(ofTypes(10, beat));
  await press('gt\r');
  const kept = ofTypes(10, 4).filter((prog) => prog.id !== 10 && prog.id % 4 !== 3);
  feed(kept);
  const shown = await lines();
  const at = (text: string) => shown.findIndex((line) => line.includes(text));
  t.match(shown[at(' xdp  2')], /▾ xdp {2}2 programs .* 0\.80 +███▄$/);
  t.match(shown[at('prog_10 ')], /^ × +10 /);
  t.ok(terminal.emulator.cell(shown[at('prog_10 ')]?.indexOf('prog_10') ?? 0, at('prog_10 ')).isStrikethrough());
  t.match(shown[at('kprobe')], /^ ×▸ kprobe {2}0 programs .* 1\.00 /, 'a group of them alone stays as long');
});

t.test('names of groups are shown safely, and the screen can begin in groups, in 40 columns too', async (t) => {
  const grouping = findGrouping('owner') ?? null;
  const {screen, lines, resize} = await openTestScreen(t, {grouping});
  const sample = makeSample(100, [{id: 1}, {id: 2}]);
  const owners = reading({1: [owner({comm: '\u001b[2Jevil'})]}, {complete: false});
  screen.update(measure({...sample, progs: {...sample.progs, sources: {...noSources, owners}}}, null));
  const shown = await lines();
  t.match(shown[2], /^ {2}▸ <1b>\[2Jevil {2}1 program /);
  t.match(shown[3], /^ {2}▸ - {2}1 program /);
  const narrow = await resize(40, 10);
  t.match(narrow[2], /^ {2}▸ <1b>\[2J/);
});

t.test('the titles move with their columns when an id gets longer', async (t) => {
  const {feed, lines} = await openTestScreen(t, {columns: 100});
  const at = (shown: string[], title: string) => shown[1]?.indexOf(title);
  feed([{id: 7}]);
  const before = at(await lines(), 'TYPE');
  feed([{id: 7}, {id: 1_234_567_890}]);
  const shown = await lines();
  t.ok(Number(at(shown, 'TYPE')) > Number(before));
  t.equal(shown.find((line) => line.includes('1234567890'))?.indexOf('xdp'), at(shown, 'TYPE'));
});

t.test('c chooses columns: the table behind changes with each key, at any size', async (t) => {
  const {feed, press, resize, inkFrames} = await openTestScreen(t, {columns: 80, rows: 24});
  feed(busy(30, 0));
  feed(busy(30, 1));
  let shown = await press('c');
  t.match(shown[6], /─ columns: automatic ─/);
  t.match(shown[7], /│ +1 ID +program id/);
  t.match(shown[2], /prog_30/, 'some of the table stays in sight');
  const drawn = inkFrames();
  feed(busy(30, 2));
  t.equal(inkFrames(), drawn, 'a sample draws no dialog');
  shown = await press(' ');
  t.notMatch(shown[1], ' ID ');
  t.match(shown[6], /─ columns ─/);
  t.match(shown[7], /│ +ID +program id/);
  shown = await press('jj\u001b[D');
  t.match(shown[1], /^ +NAME +TYPE /, 'NAME moved to the left of TYPE');
  shown = await press('a');
  t.match(shown[1], /^ +ID +TYPE +NAME /);
  shown = await press('G');
  t.match(shown.slice(7).join('\n'), /\d+ TREND +its CPU% so far/, 'scrolled to the end');
  shown = await press('\u001b');
  t.match(shown[8], /prog_/);
  await press('c');
  shown = await resize(40, 10);
  t.match(shown[2], /─ columns: automatic ─/);
  shown = await press('\u001b[H\u001b[B \u001b[6~\u001b[6~');
  t.match(shown[1], /TYPE/, 'what was chosen is in the narrow table');
  shown = await press('c');
  t.match(shown[2], /prog_/);
});

t.test('the screen begins with the columns it is given, and says what there is no room for', async (t) => {
  const {feed, press} = await openTestScreen(t, {
    columns: 60,
    rows: 24,
    chosenColumns: ['name', 'cmd', 'cgroup', 'tag', 'id'],
  });
  feed(busy(3, 1));
  const shown = await press('c');
  t.match(shown[1], /^ +NAME +COMMAND /);
  t.match(shown.join('\n'), /4 TAG +no room for it: SHA/);
});

t.test('Tab shows candidates in the place of keys, safely; Shift-Tab goes back', async (t) => {
  const {feed, press} = await openTestScreen(t, {columns: 80});
  feed([
    {id: 1, name: 'evil\u001b[2J1'},
    {id: 2, name: 'evil_2'},
    {id: 3, name: 'evil_own', self: true},
  ]);
  let shown = await press('/name:\t');
  t.match(shown.at(-1), /^\/name:evil .* evil<1b>\[2J1 {2}evil_2$/);
  shown = await press('\t');
  t.match(shown.at(-1), /^\/name:evil<1b>\[2J1 /);
  t.match(shown.join('\n'), /evil<1b>\[2J1/);
  t.notMatch(shown.slice(2, -1).join('\n'), 'evil_2', 'and it acts');
  shown = await press('\u001b[Z');
  t.match(shown.at(-1), /^\/name:evil_2 /);
  shown = await press('x');
  t.match(shown.at(-1), /^\/name:evil_2x .*Esc undo/);
});

/** Files that are remembered instead of written; `outcomes` come one after the other. */
function filesOf(...outcomes: WriteOutcome[]) {
  const written: {name: string; shown: Shown; replace: boolean}[] = [];
  const saved: Settings[] = [];
  const files: ScreenFiles = {
    write(name, shown, replace) {
      written.push({name, shown, replace});
      return Promise.resolve(outcomes.shift() ?? {kind: 'done', sentence: 'Written.'});
    },
    save(settings) {
      saved.push(settings);
      return Promise.resolve({kind: 'done', sentence: 'Saved: /x\u001b[2J'});
    },
  };
  return {files, written, saved};
}

t.test('w writes what was shown when it was pressed, with what was chosen', async (t) => {
  const {files, written} = filesOf();
  const {feed, press} = await openTestScreen(t, {files, limit: 7, chosenColumns: ['name', 'id']});
  feed(busy(30, 0));
  feed(busy(30, 1));
  await press('/prog_1\rr');
  let shown = await press('w');
  t.match(shown.at(-1), /^write to bpftop-ts-web-3-20260131T120142Z\.json +.*Enter write/);
  feed(busy(30, 2));
  shown = await press('\u0015out.csv\r');
  t.match(shown.at(-2), /^Written\.$/);
  t.notMatch(shown.at(-1), 'out.csv');
  t.match(written, [
    {
      name: 'out.csv',
      replace: false,
      shown: {
        measured: {sample: {takenAt: Date.UTC(2026, 0, 31, 12, 1, 42)}},
        selection: {filter: {text: 'prog_1'}, sort: {descending: false}, limit: 7, own: false},
        grouping: null,
        columns: ['name', 'id'],
      },
    },
  ]);
});

t.test('w writes the moment shown and the order by a change, however fast the keys come', async (t) => {
  const {files, written} = filesOf();
  const {feed, press} = await openTestScreen(t, {files});
  for (let beat = 0; beat < 6; beat++) feed(busy(30, beat));
  await press('\u001b[D\u001b[Dw\u0015out.csv\r');
  t.match(written, [{shown: {measured: {sample: {takenAt: Date.UTC(2026, 0, 31, 12, 1, 44)}}}}]);
  await press(' bU');
  feed(busy(30, 6));
  await press('w\u0015other.csv\r');
  const {since, sort} = written[1]!.shown.selection;
  t.match(sort.field.key, /_change$/);
  t.ok(since, 'without it there is no such order');
});

t.test('that a file was there already is told though its name is no longer asked for', async (t) => {
  let answer: (outcome: {kind: 'exists'}) => void = () => {};
  const files = {...filesOf().files, write: () => new Promise<{kind: 'exists'}>((resolve) => (answer = resolve))};
  const {feed, press, lines} = await openTestScreen(t, {files});
  feed(busy(3, 0));
  await press('w\u0015out.csv\r');
  await press('\u001b');
  answer({kind: 'exists'});
  await new Promise(setImmediate);
  t.match((await lines()).at(-2), /^! out\.csv is there already; nothing was written\.$/);
});

t.test('columns chosen while comparing start from those there are without', async (t) => {
  const {feed, press} = await openTestScreen(t, {columns: 100, rows: 24});
  feed(busy(3, 0));
  feed(busy(3, 1));
  const titles = (line: string | undefined) => line?.trim().split(/ +/);
  const [, usual] = await press('j');
  await press('bc');
  // The first of the list, the id, is taken away.
  await press(' ');
  await press('\u001b');
  const [, chosen] = await press('b');
  t.same(titles(chosen), titles(usual)?.slice(1));
});

t.test('how to clear a filter that nothing matches is true while it is paused, too', async (t) => {
  const {feed, press} = await openTestScreen(t);
  feed(busy(3, 0));
  feed(busy(3, 1));
  let shown = await press('/nothing\r');
  t.ok(shown.some((line) => line.includes('Esc clears the filter.')));
  shown = await press(' ');
  t.notOk(shown.some((line) => line.includes('Esc clears')));
  t.ok(shown.some((line) => line.includes('/ and Ctrl-U clear the filter.')));
  shown = await press('/\u0015');
  t.ok(shown.some((line) => line.includes('prog_1')));
});

t.test('what there is already is replaced after y alone; an error leaves the name to be mended', async (t) => {
  const {files, written} = filesOf({kind: 'exists'}, {kind: 'exists'}, {kind: 'failed', sentence: 'open: EACCES\u001b.'});
  const {feed, press} = await openTestScreen(t, {files, columns: 100});
  feed(busy(3, 1));
  let shown = await press('w\u0015a.json\r');
  t.match(shown.at(-1), /^a\.json is there: replace\? +Esc cancel {2}y replace {2}n another name$/);
  shown = await press('x\r');
  t.match(shown.at(-1), 'replace?', 'Enter is no yes');
  shown = await press('n');
  t.match(shown.at(-1), /^write to a\.json /);
  await press('\r');
  shown = await press('y');
  t.match(shown.at(-1), 'open: EACCES<1b>.');
  t.match(shown.at(-1), /^write to a\.json /);
  shown = await press('\u007f');
  t.notMatch(shown.at(-1), 'EACCES');
  shown = await press('\u001b');
  t.notMatch(shown.at(-1), 'write to');
  t.same(
    written.map(({replace}) => replace),
    [false, false, true],
  );
});

t.test('a host may be called what it likes: the name to begin with is a safe one', async (t) => {
  const {feed, press} = await openTestScreen(t);
  const host = {...makeSample(1, []).host, hostname: '../../etc/$(rm)\u001b[2J 🐝\n'};
  feed(busy(3, 1), {host});
  t.match((await press('w')).at(-1), /^write to bpftop-ts-[A-Za-z0-9._-]+-\d{8}T\d{6}Z\.json /);
  t.notMatch((await press('')).at(-1), '/');
});

t.test('before the first sample there is nothing to write; a disk that never answers holds nobody', async (t) => {
  const never: ScreenFiles = {...filesOf().files, write: () => new Promise(() => {})};
  const {feed, press} = await openTestScreen(t, {files: never});
  t.match((await press('w')).at(-2), '! There is nothing to write yet.');
  feed(busy(3, 1));
  t.match((await press('w\u0015a.json\r')).at(-1), /^writing a\.json…/);
  const shown = await press('xyz\u001bj');
  t.match(shown[2], /^›/);
});

t.test('W saves what is shown, and says where', async (t) => {
  const {files, saved} = filesOf();
  const {feed, press, inkFrames} = await openTestScreen(t, {
    files,
    delayMs: 250,
    look: {color: 'auto', ascii: false, theme: 'dark'},
  });
  feed(busy(3, 1));
  await press('c\u001b[C\u001bsg');
  const drawn = inkFrames();
  const shown = await press('W');
  t.match(shown.at(-2), 'Saved: /x<1b>[2J');
  t.equal(inkFrames(), drawn);
  t.match(saved, [
    {columns: ['type', 'id', 'name'], sort: {field: {key: 'id'}}, delayMs: 250, look: {theme: 'dark', ascii: false}},
  ]);
});

const left = '\u001b[D';
const right = '\u001b[C';

/** Programs that come, go and change places. */
function changing(beat: number): ProgSpec[] {
  return Array.from({length: 12}, (_, i) => ({
    id: i + 1,
    name: `prog_${i + 1}`,
    type: [6, 3, 2][i % 3] ?? 0,
    runTimeNs: BigInt(beat * beat * 100_000 * ((i * 5 + beat) % 12)) + BigInt(beat * 12_000_000),
    runCnt: BigInt(beat * 1000 * (i + 1)),
  })).filter(({id}) => (id !== 5 || beat < 4) && (id !== 9 || beat > 2));
}

/** All that is figures: without the part of the header that says which moment it is, and the footer's keys. */
const figures = (shown: readonly string[]) =>
  shown.slice(0, -1).map((line, y) => (y === 0 ? line.slice(0, line.indexOf('ev/s')) : line.trimEnd()));

t.test('at each step back and forth the screen shows what it showed then', async (t) => {
  for (const [name, keys] of [
    ['table', ''],
    ['sorted and filtered', 'sg/prog_1\r'],
    ['groups', 'gt\r'],
  ] as const) {
    const {feed, press, lines} = await openTestScreen(t, {columns: 140});
    // So close together that no mark is over: those on the screen go by the clock, those of the past by the readings.
    const feedAt = (beat: number) => {
      const {timeNs, takenAt} = makeSample(100 + beat / 4, []);
      feed(changing(beat), {timeNs, takenAt});
    };
    feedAt(0);
    feedAt(1);
    await press(keys);
    const live: string[][] = [figures(await lines())];
    for (let beat = 2; beat <= 7; beat++) {
      feedAt(beat);
      live.push(figures(await lines()));
    }
    const newest = live.length - 1;
    let shown = await press(' ');
    t.match(shown[0], / paused 12:01:41 UTC$/, name);
    t.match(shown.at(-1), /Space go on {2}←→ step/);
    t.same(figures(shown), live[newest]);
    for (let at = newest - 1; at >= 0; at--) {
      shown = await press(left);
      t.same(figures(shown), live[at], `${name}: back to ${at}`);
      t.match(shown[0], new RegExp(` -${+((newest - at) / 4).toFixed(1)}s$`));
    }
    t.same(figures(await press(left)), live[0], 'the oldest stays');
    for (let at = 1; at <= newest; at++) t.same(figures(await press(right)), live[at], `${name}: on to ${at}`);
    shown = await press(right);
    t.match(shown[0], / live$/);
    t.same(figures(shown), live[newest]);
    shown = await press(`${left}${left}${left}`);
    t.same(figures(shown), live[newest - 3], 'three keys in one read');
    t.match((await press('\u001b'))[0], / live$/);
    t.same(figures(await press('\u001b[1;2D')), live[0], 'with Shift ten at once');
    t.match((await press('\u001b[1;2C'))[0], / live$/);
  }
});

t.test('while it is paused samples write nothing and Ink draws nothing; a failure is said', async (t) => {
  const {screen, feed, press, lines, bytes, inkFrames} = await openTestScreen(t);
  for (let beat = 0; beat < 4; beat++) feed(busy(50, beat));
  const paused = await press(` ${left}`);
  const drawn = inkFrames();
  bytes();
  for (let beat = 4; beat < 30; beat++) feed([...busy(60, beat), {id: 123_456_789}]);
  t.equal(bytes(), 0);
  t.equal(inkFrames(), drawn);
  t.same(await lines(), paused);
  screen.fail('cannot list BPF programs: EPERM.');
  t.match((await lines()).at(-2), /^! cannot list BPF programs: EPERM\.$/);
  t.match((await lines())[0], / paused /);
  feed(busy(60, 30));
  t.same(await lines(), paused, 'and no longer when it is over');
  const live = await press(' ');
  t.match(live[0], /60 programs .* live$/);
  t.match(live[2], /prog_60/);
});

t.test('selection and page follow the program through time; where it was not loaded the page says so', async (t) => {
  const {feed, press, lines} = await openTestScreen(t);
  for (let beat = 0; beat < 3; beat++) feed(busy(3, beat));
  feed([...busy(3, 3), {id: 4, name: 'late', loadedAt: 1_769_860_904}]);
  feed([...busy(3, 4), {id: 4, name: 'late', loadedAt: 1_769_860_904, runCnt: 9n, runTimeNs: 900_000_000n}]);
  await press('j');
  t.match(
    (await lines()).find((line) => line.startsWith('›')),
    /late/,
  );
  let shown = await press(`${left}${left}`);
  t.notOk(shown.some((line) => line.includes('late')));
  shown = await press(right);
  t.match(
    shown.find((line) => line.startsWith('›')),
    /late/,
  );
  shown = await press('\r');
  t.match(shown[1], /^ late {2}xdp 4$/);
  t.match(shown.join('\n'), /runs +0 *\n/);
  shown = await press(left);
  t.match(shown[1], /^ late {2}xdp 4 {2}not loaded yet; it came 2026-01-31 12:01:44 UTC$/);
  t.notMatch(shown.join('\n'), /tag +0000/);
  shown = await press(`${right}${right}`);
  t.match(shown.join('\n'), /runs +9\D/);
  t.match(shown[0], / paused /, 'the newest reading, not yet live');
  t.match((await press(right))[0], / live$/);
});

t.test('+ and - change the delay in the header and for who reads, paused or not', async (t) => {
  const set: number[] = [];
  const {feed, press} = await openTestScreen(t, {setDelay: (ms) => set.push(ms)});
  feed(busy(3, 0));
  feed(busy(3, 1));
  t.match((await press('-'))[0], / 500ms {2}live$/);
  t.match((await press('+='))[0], / 2s {2}live$/);
  t.match((await press(' ---'))[0], / 200ms .*paused /);
  t.same(set, [500, 1000, 2000, 1000, 500, 200]);
  await press('--------');
  t.same(set.slice(6), [100, 50], 'the shortest is not set again');
});

t.test('keys of a replay reach who plays it: speed, paused or not, and going ahead, unless it is paused', async (t) => {
  const told: (number | string)[] = [];
  const playback = {
    get speed() {
      return 1;
    },
    set speed(speed: number) {
      told.push(speed);
    },
    silentMs: null,
    ahead: (ms: number) => told.push(`${ms}ms`),
  };
  const {feed, press, lines} = await openTestScreen(t, {playback, columns: 160});
  feed(busy(3, 0));
  feed(busy(3, 1));
  while (!/\d UTC {2}replay$/.test((await lines())[0] ?? '')) await new Promise((resolve) => setTimeout(resolve, 5));
  t.notMatch((await lines())[0], '×');
  t.match((await press('+='))[0], / ×5 {2}2026-\S+ \S+ UTC {2}replay$/);
  t.match((await press(`---${right}\u001b[1;2C`))[0], / ×0\.5 /);
  t.match((await press(` +${right}+`))[0], / ×2 .*replay$/, 'a step on from the latest is live again');
  t.same(told, [2, 5, 2, 1, 0.5, '10000ms', '60000ms', 1, 2]);
  t.match((await press('?')).join('\n'), /ten seconds ahead/);
});

t.test('a recorder that sends nothing any more is said, without any event, until it sends again or has ended', async (t) => {
  const playback = {speed: 1, silentMs: 0, ahead() {}};
  const {screen, feed, lines} = await openTestScreen(t, {playback, columns: 160});
  const shows = async (end: RegExp) => {
    while (!end.test((await lines())[0] ?? '')) await sleep(5);
  };
  feed(busy(3, 0));
  feed(busy(3, 1));
  await shows(/UTC {2}replay$/);
  playback.silentMs = 12_000;
  await shows(/UTC {2}no data 12s$/);
  playback.silentMs = 0;
  await shows(/UTC {2}replay$/);
  screen.finish(true);
  await shows(/UTC {2}end at --to$/);
});

t.test('of many samples of a recording at once a few are painted, and the last one always', async (t) => {
  const {feed, lines, terminal} = await openTestScreen(t, {playback: {speed: 1, silentMs: null, ahead() {}}});
  const before = terminal.frames.length;
  const began = performance.now();
  for (let i = 0; i < 500; i++) feed(busy(3, i));
  feed([...busy(3, 500), {id: 99, name: 'the_last'}]);
  const most = 2 + (performance.now() - began) / 40;
  t.ok(terminal.frames.length - before <= most, `${terminal.frames.length - before} frames, not more than ${most}`);
  while (!(await lines()).join('\n').includes('the_last')) await new Promise((resolve) => setTimeout(resolve, 5));
});
