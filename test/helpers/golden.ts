/** The golden screens: a made-up host at a fixed moment, in the sizes and themes people have. `npm run screens` writes them anew. */
import {fileURLToPath} from 'node:url';
import type {IBufferCell} from '@xterm/headless';
import {noSources} from '../../src/sample/sources.js';
import type {ThemeName} from '../../src/ui/theme.js';
import {makeSample, owner, type ProgSpec, progMap, reading} from './samples.js';
import {openTestScreen, type ScreenUnderTest} from './screen.js';

/** Where they are kept. */
export const goldenFolder = fileURLToPath(new URL('../screens/', import.meta.url));

const sizes = [
  [80, 24],
  [120, 30],
  [200, 60],
] as const;

/** What is typed to get there. */
const views: Readonly<Record<string, string>> = {
  table: 'j',
  groups: 'goj\r',
  detail: '/id=107\rj\r',
  help: '?',
  sort: 's',
  prompt: '/nam:x',
};

const names = [
  ...[
    'cil_from_container',
    'tail_handle_ipv4_from_lxc',
    'kprobe_do_exit',
    'lsm_file_open',
    '',
    '监控_xdp',
    '\u001b[2Jevil\u202e',
  ],
  ...['🐝_bee', 'שלום', 'क्षि_counter', 'ends', 'handle_mm'],
];
const types = [3, 6, 2, 29, 1, 6, 13, 5, 8, 17, 3, 77];

/** Sample n: all have the same history whenever it is drawn. */
function progsAt(n: number): ProgSpec[] {
  const progs = Array.from({length: 40}, (_, i): ProgSpec => {
    const name = names[i % names.length] as string;
    const rate = i % 5 === 4 ? 0n : BigInt((40 - i) ** 2 * 20);
    // A wave, so that trends and charts have something to show.
    const runs = rate * BigInt(n * 10 + ((n * (i + 3)) % 7));
    return {
      id: 100 + i * 7,
      name: i < names.length || name === '' ? name : `${name}_${i}`,
      type: types[i % types.length] as number,
      sleepable: i % 12 === 3,
      runCnt: runs,
      runTimeNs: runs * BigInt(90 + i * 13),
      recursionMisses: i === 2 && n > 29 ? 17n : 0n,
      bytesXlated: 64 * (i + 1),
      mapIds: i === 1 ? [1, 2] : [],
    };
  });
  if (n >= 30) progs.splice(10, 1);
  if (n >= 30)
    progs.push({id: 900, name: 'just_loaded', loadTimeNs: BigInt(100 + n) * 1_000_000_000n - 500_000_000n, runCnt: 10n});
  return progs;
}

const sources = {
  ...noSources,
  owners: reading({
    100: [owner({pid: 4711, comm: 'cilium-agent', pod: 'cilium-x7k2p', namespace: 'kube-system'})],
    107: [owner({pid: 4711, comm: 'cilium-agent', pod: 'cilium-x7k2p', namespace: 'kube-system'}), owner({pid: 9})],
    114: [owner({pid: 812, comm: 'tracee\u0007', unit: 'tracee.service'})],
    121: [owner({pid: 1, comm: 'systemd'})],
    135: [owner({pid: 90, comm: '监控', container: 'web-🐝'})],
  }),
  links: reading({
    100: [{progId: 100, linkId: 1, type: 'tcx', attachType: 'tcx_ingress', target: 'eth0 ingress', missed: null}],
    107: [{progId: 107, linkId: 2, type: 'xdp', attachType: 'xdp', target: 'eth0', missed: null}],
    114: [{progId: 114, linkId: 3, type: 'perf_event', attachType: 'perf_event', target: 'do_exit', missed: null}],
  }),
  maps: reading({
    107: [progMap({id: 1, name: 'cilium_lxc'}), progMap({id: 2, name: 'x\u001b[2J', entries: null, type: 'array'})],
  }),
};

async function draw(t: Parameters<typeof openTestScreen>[0], keys: string, columns: number, rows: number, theme: ThemeName) {
  const under = await openTestScreen(t, {columns, rows, look: {color: 'auto', ascii: false, theme}});
  for (let n = 0; n <= 30; n++) {
    const progs = progsAt(n);
    under.feed(progs, {progs: {...makeSample(0, progs).progs, sources}});
  }
  await under.press(keys);
  // The charts are loaded when they are first wanted.
  await import('../../src/ui/charts.js');
  await under.press('');
  return under;
}

const colors = (cell: IBufferCell) => (cell.isFgDefault() ? [] : [`color ${cell.getFgColor()}`]);

/** What a cell looks like, in words; null: nothing is to be seen of it. */
function lookOf(cell: IBufferCell): string | null {
  const seen = [cell.isInverse() && 'reverse', cell.isUnderline() && 'underline', cell.isStrikethrough() && 'strike'];
  const blank = cell.getChars().trim() === '';
  if (blank && !seen.some((each) => each)) return null;
  const rest = blank ? [] : [cell.isBold() && 'bold', cell.isDim() && 'dim', ...colors(cell)];
  return [...seen, ...rest].filter((word) => typeof word === 'string').join(' ');
}

/** `3: 0–79 reverse; 12–20 bold`: of each line the runs of cells that don't look plain. */
function looksOf({terminal: {emulator, size}}: ScreenUnderTest): string[] {
  const lines: string[] = [];
  for (let y = 0; y < size.rows; y++) {
    const runs: {from: number; to: number; look: string}[] = [];
    for (let x = 0; x < size.columns; x++) {
      const look = lookOf(emulator.cell(x, y));
      const last = runs.at(-1);
      if (look === null) continue;
      if (last?.look === look) last.to = x;
      else runs.push({from: x, to: x, look});
    }
    const told = runs.filter(({look}) => look !== '').map(({from, to, look}) => `${from}–${to} ${look}`);
    if (told.length > 0) lines.push(`${y + 1}: ${told.join('; ')}`);
  }
  return lines;
}

/** All of them as they would be drawn now: file name and content. */
export async function* goldenScreens(t: Parameters<typeof openTestScreen>[0]): AsyncGenerator<readonly [string, string]> {
  // Marks and hints go by the clock; here it stands still.
  const now = performance.now.bind(performance);
  performance.now = () => 1_000_000;
  t.teardown(() => (performance.now = now));
  for (const [view, keys] of Object.entries(views))
    for (const [columns, rows] of sizes) {
      const dark = await draw(t, keys, columns, rows, 'dark');
      const light = await draw(t, keys, columns, rows, 'light');
      const text = dark.terminal.emulator.lines().map((line) => `│${line}`);
      const looks = ['', 'dark', ...looksOf(dark), '', 'light', ...looksOf(light)];
      yield [`${view}-${columns}x${rows}.txt`, [...text, ...looks, ''].join('\n')];
      dark.screen.close();
      light.screen.close();
    }
}
