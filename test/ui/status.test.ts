/** What is said where there is nothing to list, or less than there should be: whole, and with what to do, in the windows people have. */
import t from 'tap';
import {parseFilter} from '../../src/model/filter.js';
import {findGrouping} from '../../src/model/group.js';
import {switchStatsOn} from '../../src/collectors/kernel.js';
import type {Sample} from '../../src/sample/types.js';
import {openTestScreen, type ScreenUnderTest} from '../helpers/screen.js';

const sizes = [
  [40, 10],
  [80, 24],
  [200, 60],
] as const;

/** The text of the body, however it is broken into lines. */
async function words({lines}: ScreenUnderTest): Promise<string> {
  const shown = await lines();
  return shown
    .slice(1, -1)
    .map((line) => line.trim())
    .join(' ')
    .replace(/ +/g, ' ');
}

const refused = `no rates: statistics are off and this process may not switch them on (bpf(BPF_ENABLE_STATS): EPERM). Run it with sudo, or switch them on for all: ${switchStatsOn}.`;
const degraded: readonly (readonly [what: string, rest: Partial<Sample>, said: string])[] = [
  ['statistics are off', {stats: 'off', warnings: [{code: 'stats_not_permitted', message: refused}]}, refused],
  [
    'programs are walked',
    {sampler: 'walk', fallbackReason: 'bpf(BPF_PROG_LOAD): EPERM'},
    'there is no iterator (bpf(BPF_PROG_LOAD): EPERM). "bpftop-ts doctor" says what would help.',
  ],
];

for (const [columns, rows] of sizes.slice(1)) {
  t.test(`${columns}×${rows}: what is missing is said with what to do about it, below the programs`, async (t) => {
    for (const [what, rest, said] of degraded) {
      const under = await openTestScreen(t, {columns, rows});
      under.feed([{id: 1}], rest);
      const shown = await words(under);
      t.ok(shown.includes(said), `${what}: ${shown}`);
      t.match(shown, 'prog_1', what);
    }
    const under = await openTestScreen(t, {columns, rows});
    under.feed([{id: 1}]);
    under.screen.fail('cannot list BPF programs: bpf(BPF_PROG_GET_NEXT_ID): EPERM. Run it with sudo.');
    t.match(await words(under), /prog_1 .*EPERM\. Run it with sudo\. The figures are those of the last reading\./);
  });
}

for (const [columns, rows] of sizes) {
  t.test(`${columns}×${rows}: an empty list says why, and how to fill it`, async (t) => {
    const under = await openTestScreen(t, {columns, rows});
    under.feed([]);
    t.match(await words(under), /No BPF programs are loaded\. "bpftop-ts demo" loads a few harmless ones to look at\./);
    under.feed([{id: 1, self: true}]);
    t.match(await words(under), /No BPF programs are loaded but bpftop-ts's own; a shows them\./);
    t.match((await under.press('a'))[2], 'prog_1', 'and it does');

    const filtered = await openTestScreen(t, {columns, rows, filter: parseFilter('type:tracing name:none')});
    filtered.feed([{id: 1}]);
    t.match(await words(filtered), /Nothing matches "type:tracing name:none"\. Esc clears the filter\./);
    t.match((await filtered.press('\u001b'))[2], 'prog_1', 'and it does');
    await filtered.press('/nope');
    t.match(await words(filtered), /Nothing matches "nope"\. Ctrl-U clears the filter\./);
    t.match((await filtered.press('\u0015'))[2], 'prog_1', 'and it does');
  });
}

t.test('in the smallest window a long warning is cut, and half of it stays with the programs', async (t) => {
  const under = await openTestScreen(t, {columns: 40, rows: 10});
  under.feed([{id: 1}, {id: 2}, {id: 3}], {warnings: [{code: 'stats_not_permitted', message: refused}]});
  const shown = await under.lines();
  t.same(
    shown.slice(2, 6).map((line) => /prog_\d/.exec(line)?.[0]),
    ['prog_1', 'prog_2', 'prog_3', undefined],
  );
  t.match(shown[6], /^! no rates: statistics are off/);
  t.match(shown[8], /…$/);
});

t.test('a filter that leaves no group says the same', async (t) => {
  const under = await openTestScreen(t, {grouping: findGrouping('type') ?? null});
  under.feed([{id: 1}]);
  await under.press('/nope\r');
  t.match(await words(under), /Nothing matches "nope"\. Esc clears the filter\./);
  t.match((await under.press('\u001b'))[2], '1 program', 'Esc takes the filter away and leaves the groups');
});

t.test('a window too small for all of it shows programs first', async (t) => {
  const full = await openTestScreen(t);
  full.feed([{id: 1}, {id: 2}], {
    warnings: [{code: 'any', message: 'a warning of many words, more than there is room for'}],
  });
  const empty = await openTestScreen(t);
  empty.feed([]);
  for (const [columns, rows] of [
    [30, 5],
    [40, 4],
    [39, 3],
    [30, 2],
    [30, 1],
  ] as const) {
    t.match((await full.resize(columns, rows)).join('\n'), 'prog_1', `${columns}×${rows}`);
    t.match((await empty.resize(columns, rows)).join('\n'), 'No BPF', `${columns}×${rows}, and none`);
  }
});
