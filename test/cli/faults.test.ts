/**
 * Calls of the addon fail: what has failed is said, with what to do; old figures don't pass for live ones; it is tried again; and once it
 * goes well, nothing is left of it. Readings fail with every errno in the table, and with each errno once in every other state of the
 * screen; sources with every errno on the page of a program, which says why, and each source once in every state; statistics and the
 * iterator are refused in every state. What opens a reader asks the kernel for nothing, and so isn't made to fail. The kernel is a fake
 * (see helpers/fake-addon.ts), and time goes by at the test's word.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import {buildSync} from 'esbuild';
import t, {type Test as TapTest} from 'tap';
import {feed} from '../../src/cli/feed.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {Pace} from '../../src/collectors/pace.js';
import {showsAllProcesses} from '../../src/collectors/processes.js';
import {type OpenSources, openSources} from '../../src/collectors/sources.js';
import {sourceNames} from '../../src/sample/sources.js';
import type {ScreenEnd} from '../../src/ui/index.js';
import {type Document, run} from '../helpers/cli.js';
import {
  type FakeCall,
  FakeKernel,
  type Fault,
  fakeProgs,
  holderPid,
  installFakeAddon,
  longName,
} from '../helpers/fake-addon.js';
import {openTestScreen, type ScreenUnderTest} from '../helpers/screen.js';

/** What any of the calls may give, and one that none of them gives today. */
const errnos = [
  ...['EPERM', 'EACCES', 'ENOMEM', 'EMFILE', 'ENFILE', 'EBUSY', 'EINTR', 'EAGAIN', 'ENOENT', 'EINVAL', 'EPROTO', 'ENOSYS'],
  ...['EIO', 'ESRCH', 'ENOSPC', 'E2BIG', 'EBADF', 'ERANGE', 'ETIME', 'ETIMEDOUT', 'EOPNOTSUPP', 'ENOTTY'],
] as const;

/** The calls to the kernel that a reading of the counters ends with. */
const readingCalls = [
  ...['bpf(BPF_PROG_GET_NEXT_ID)', 'bpf(BPF_PROG_GET_FD_BY_ID)', 'bpf(BPF_OBJ_GET_INFO_BY_FD)', 'bpf(BPF_ITER_CREATE)'],
  ...['open(bpf_iter)', 'read(bpf_iter)', 'bpf(BPF_PROG_LOAD)', 'bpf(BPF_LINK_CREATE)', 'bpf(BPF_MAP_CREATE)'],
] as const;

/** What each of the other calls asks the kernel for, one of it. */
const syscalls: Readonly<Record<Exclude<FakeCall, 'sample'>, string>> = {
  readLinks: 'bpf(BPF_LINK_GET_NEXT_ID)',
  readNetns: 'open(ns/net)',
  findCgroupProgs: 'bpf(BPF_PROG_QUERY)',
  findPerfEventProgs: 'bpf(BPF_TASK_FD_QUERY)',
  findMapProgs: 'bpf(BPF_MAP_GET_NEXT_ID)',
  readMaps: 'bpf(BPF_MAP_GET_FD_BY_ID)',
  readHolders: 'read(bpf_iter)',
  readPins: 'open(bpffs)',
  readProgBtf: 'bpf(BPF_PROG_GET_FD_BY_ID)',
  readFunctions: 'bpf(BPF_BTF_GET_FD_BY_ID)',
  readProgArrays: 'bpf(BPF_MAP_LOOKUP_ELEM)',
};

interface State {
  /** Lead there from the table. */
  readonly keys: string;
  /** What is on the screen there, and nowhere before. */
  readonly seen: string;
  readonly columns?: number;
  readonly rows?: number;
  readonly paused?: true;
  /** Whether a dialog lies over what is said; the header still says that there is no reading. */
  readonly covered?: true;
  /** Whether the row of the first program is to be seen. */
  readonly row?: true;
  /** Whether it is that program's page. */
  readonly page?: true;
}

/** States of the screen. */
const states: Readonly<Record<string, State>> = {
  'the table': {keys: '', seen: 'ATTACHED', row: true},
  'a small table': {keys: '', seen: 'OWNER', columns: 80, rows: 24, row: true},
  'the page of a program': {keys: 'j\r', seen: 'last period', page: true},
  groups: {keys: 'go', seen: '▸ node'},
  'an open group': {keys: 'goj\r', seen: '▾ node', row: true},
  'the choice of a group': {keys: 'g', seen: 'group by'},
  'the choice of an order': {keys: 's', seen: 'sort by', covered: true},
  'the choice of columns': {keys: 'c', seen: 'columns: automatic', covered: true},
  help: {keys: '?', seen: 'Typing a filter', covered: true},
  'the prompt of a filter': {keys: '/fake', seen: 'Enter keep', row: true},
  'the prompt of a file': {keys: 'w', seen: 'Enter write', row: true},
  'a filter': {keys: '/fake_f\r', seen: '2 of 6', row: true},
  'a comparison': {keys: 'b', seen: '±CPU%', row: true},
  'a pause': {keys: ' ', seen: 'paused 00:16:43', paused: true, row: true},
  'a moment before': {keys: '\u001b[D', seen: 'paused 00:16:42', paused: true, row: true},
  'a paused page': {keys: 'j\r ', seen: 'then', paused: true, page: true},
};

let aheadMs = 0;
const realNow = performance.now.bind(performance);
performance.now = () => realNow() + aheadMs;
/** After so long each source is looked at again, however slow the last look was, ms. */
const nextLookMs = 3_600_000;

/** A beat that the test gives. */
class Steps extends Pace {
  #go: (on: boolean) => void = () => {};
  #arrived: () => void = () => {};

  override wait(signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return Promise.resolve(false);
    return new Promise((resolve) => {
      const end = () => resolve(false);
      this.#go = (on) => {
        signal?.removeEventListener('abort', end);
        resolve(on);
      };
      signal?.addEventListener('abort', end);
      this.#arrived();
    });
  }

  /** Resolves when it is waited for again. */
  arrived(): Promise<void> {
    return new Promise((resolve) => (this.#arrived = resolve));
  }

  go(): void {
    this.#go(true);
  }
}

interface Shown extends ScreenUnderTest {
  readonly kernel: FakeKernel;
  /** One reading, shown or said. @returns the lines. */
  readonly read: () => Promise<string[]>;
  /** Begins one, and doesn't wait for it. */
  readonly begin: () => void;
  /** Readings until each source has been looked at anew, and that is shown. */
  readonly lookAgain: () => Promise<string[]>;
  readonly ended: Promise<ScreenEnd>;
}

interface Test {
  teardown(done: () => unknown): void;
}

/** The screen over that kernel, with three readings and all sources shown. */
async function show(t: Test, {columns = 120, rows = 30, kernel = new FakeKernel()} = {}): Promise<Shown> {
  installFakeAddon(kernel);
  const sources: OpenSources = openSources(sourceNames);
  const collector = new KernelCollector({enableStats: true}, undefined, sources);
  const under = await openTestScreen(t, {columns, rows});
  const pace = new Steps(1);
  const stop = new AbortController();
  const samples = () =>
    collector.samples(pace, stop.signal, (sentence) => under.screen.fail(sentence))[Symbol.asyncIterator]();
  const begun = samples();
  const arrived = pace.arrived();
  const fed = feed(under.screen, {
    ...{samples, begun, first: begun.next(), pace, signal: stop.signal, iterations: null, reached: () => true},
    endsAsAsked: () => false,
  });
  t.teardown(async () => {
    kernel.mend();
    stop.abort();
    await fed.catch(() => undefined);
    collector.close();
  });
  await arrived;
  const read = async () => {
    const shown = pace.arrived();
    pace.go();
    await shown;
    return under.lines();
  };
  const settle = () => Promise.all(Object.values(sources).map(async (each) => each.settled(10_000)));
  const lookAgain = async () => {
    aheadMs += nextLookMs;
    await read();
    await settle();
    return read();
  };
  await settle();
  await read();
  await read();
  return {...under, kernel, read, lookAgain, begin: () => pace.go(), ended: Promise.race([under.screen.ended, fed])};
}

/** The same, led to a state, and surely there. */
async function lead(t: TapTest, {keys, seen, columns = 120, rows = 30}: State, kernel?: FakeKernel): Promise<Shown> {
  const shown = await show(t, {columns, rows, ...(kernel && {kernel})});
  t.equal(has(await shown.lines(), seen), keys === '', 'it is there before');
  await shown.press(keys);
  t.ok(has(await shown.lines(), seen), (await shown.lines()).join('\n'));
  return shown;
}

/** Whatever is open is closed, what is paused goes on: then q ends it. */
async function quits(t: TapTest, {press, ended}: Shown): Promise<void> {
  for (let times = 0; times < 3; times++) await press('\u001b');
  await press('q');
  t.strictSame(await ended, {by: 'quit'});
}

/** Words as they stand on the screen, however they are wrapped. */
const squeezed = (text: string | readonly string[]) => [text].flat().join('').replaceAll(/\s+/g, '');
const has = (lines: readonly string[], words: string) => squeezed(lines).includes(squeezed(words));
/** The row of a program. */
const rowOf = (lines: readonly string[], id: number | undefined) => lines.find((line) => line.includes(` ${id} `)) ?? '';

/** Where the screen isn't as it is when all of it is drawn anew. The header isn't in it: a pause's length is told with each key. */
async function leftovers({lines, press}: Pick<ScreenUnderTest, 'lines' | 'press'>): Promise<string[]> {
  const [before, anew] = [await lines(), await press('\u000c')].map((all) => all.slice(1).map((line) => line.trimEnd()));
  return (before as string[]).flatMap((line, i) => (line === anew?.[i] ? [] : [`${line} | ${anew?.[i]}`]));
}

/** Every call with every errno, or each errno once and each call at least that often. */
function* failures(every: boolean): Generator<{syscall: string; code: string}> {
  for (const [i, code] of errnos.entries())
    for (const [j, syscall] of readingCalls.entries()) if (every || i % readingCalls.length === j) yield {syscall, code};
}

for (const [state, where] of Object.entries(states)) {
  const {paused = false, covered = false, row = false} = where;
  t.test(`a reading fails: ${state}`, async (t) => {
    const shownThere = await lead(t, where);
    const {press, read, kernel, lines} = shownThere;
    t.match((await lines())[0], paused ? /paused/ : /live$/);
    const problems: string[] = [];
    let times = 0;
    for (const fault of failures(state === 'the table')) {
      const {syscall, code} = fault;
      let shown: string[] = [];
      const check = (good: boolean, what: string) => {
        if (!good) problems.push(`${syscall} ${code}: ${what}\n${shown.join('\n')}`);
      };
      kernel.fail('sample', fault);
      times = (times % 2) + 1;
      for (let i = 0; i < times; i++) {
        shown = await read();
        check(paused || /no reading$/.test(shown[0] as string), 'the header does not say it');
        if (covered) continue;
        const said = /! cannot (?:list BPF programs|read what was shared): (\S+): (\w+)\. [A-Z]/.exec(shown.join(' '));
        check(said?.[1] === syscall && said[2] === code, 'what failed, and what to do, is not said');
        check(paused || has(shown, 'The figures are those of the last reading.'), 'it is not said how old they are');
      }
      kernel.mend();
      shown = await read();
      check(!has(shown, code), 'it stays');
      check((paused ? /paused/ : /live$/).test(shown[0] as string), 'the header stays');
      check(!row || /500ns .*4\.0k .*0\.20/.test(rowOf(shown, fakeProgs[0]?.id)), 'the figures are not right');
    }
    t.equal(problems.length, 0, problems[0] ?? 'all is said, and over');
    t.strictSame(await leftovers({press, lines}), []);
    // Also while nothing can be read.
    kernel.fail('sample', {syscall: 'read(bpf_iter)', code: 'EIO'});
    await read();
    for (let times = 0; times < 3; times++) await press('\u001b');
    t.match(squeezed(await lines()), 'read(bpf_iter):EIO');
    await quits(t, shownThere);
  });
}

t.test('a reading that does not end is said, and over when it ends; q does not wait for it', async (t) => {
  const {press, read, begin, kernel, lines, ended} = await show(t);
  const until = async (wanted: RegExp) => {
    for (const end = realNow() + 20_000; !wanted.test((await lines()).join('\n'));) {
      if (realNow() > end) throw new Error(`not ${String(wanted)}:\n${(await lines()).join('\n')}`);
      await sleep(10);
    }
  };
  kernel.fail('sample', {syscall: 'read(bpf_iter)', code: 'never'});
  begin();
  await until(
    /no reading\n[^]*! the kernel has not answered for\s+\d+\s+s\.\s+Its\s+log\s+\(dmesg\)\s+may\s+say\s+why\.[^]*The\s+figures\s+are\s+those\s+of\s+the\s+last\s+reading\./,
  );
  kernel.mend();
  await until(/live\n/);
  t.notMatch((await read()).join('\n'), /answered|no reading/);
  kernel.fail('sample', {syscall: 'read(bpf_iter)', code: 'never'});
  begin();
  await until(/no reading/);
  await press('q');
  t.strictSame(await ended, {by: 'quit'});
});

/** What BPF_ENABLE_STATS may give, and what to do then. It is tried once: after that another may switch them on. */
const statsRefusals = {
  EPERM: 'Run it with sudo',
  EACCES: 'Run it with sudo',
  EINVAL: 'Linux 5.8 and later can',
  ...{EMFILE: 'ulimit -n', ENFILE: 'ulimit -n', EBUSY: 'Start it again', ENOMEM: 'Start it again'},
} as const;

for (const [state, where] of Object.entries(states)) {
  const {paused = false, covered = false, row = false} = where;
  t.test(`statistics are refused, and the iterator: ${state}`, async (t) => {
    const kernel = new FakeKernel();
    kernel.fallbackReason = 'bpf(BPF_PROG_LOAD): EPERM';
    const shownThere = await lead(t, where, kernel);
    const {read, lines, press} = shownThere;
    t.equal(has(await lines(), 'there is no iterator (bpf(BPF_PROG_LOAD): EPERM). "bpftop-ts doctor"'), !covered && !paused);
    aheadMs += 20_000;
    t.notOk(has(await read(), 'iterator'), 'it is told once');

    const problems: string[] = [];
    for (const [code, remedy] of Object.entries(statsRefusals)) {
      let shown: string[] = [];
      const check = (good: boolean, what: string) => {
        if (!good) problems.push(`${code}: ${what}\n${shown.join('\n')}`);
      };
      const refused = `bpf(BPF_ENABLE_STATS): ${code}`;
      kernel.statsError = {syscall: 'bpf(BPF_ENABLE_STATS)', code};
      kernel.stats = 'off';
      shown = await read();
      const said = `! ${paused ? 'now: ' : ''}no rates: `;
      check(covered || (has(shown, said) && has(shown, refused)), 'it is not said');
      check(covered || has(shown, remedy), 'it is not said what to do');
      check(covered || has(shown, 'sudo sysctl kernel.bpf_stats_enabled=1'), 'the command is not said');
      check(/BPF [\d.]+%/.test(shown[0] as string) === paused, 'old figures stand in the header');
      check(!row || /4\.0k .*0\.20/.test(rowOf(shown, fakeProgs[0]?.id)) === paused, 'old figures stand in its row');
      kernel.stats = 'already_on';
      await read();
      shown = await read();
      check(!has(shown, 'no rates') && !has(shown, code), 'it stays');
      check(!row || /4\.0k .*0\.20/.test(rowOf(shown, fakeProgs[0]?.id)), 'the figures are not right');
    }
    t.equal(problems.length, 0, problems[0] ?? 'all is said, and over');
    t.strictSame(await leftovers({press, lines}), []);
    await quits(t, shownThere);
  });
}

interface Told {
  /** Of which of the programs the page tells it, and in which words. */
  readonly prog: number;
  readonly words: string;
  /** What its row has of them. */
  readonly cell?: string;
  /** What there is without the call, where there is something: one of these. */
  readonly instead?: readonly string[];
  /** With which errnos it is that this kernel doesn't tell. */
  readonly untold?: readonly string[];
  /** Whether it is asked once a program. */
  readonly once?: true;
  /** Not all of them where trying is slow: /proc is searched instead. */
  readonly codes?: readonly string[];
}

const untold = ['EPERM', 'EACCES', 'EINVAL', 'EOPNOTSUPP'];

/** What each call is for. */
const told: Readonly<Record<Exclude<FakeCall, 'sample'>, Told>> = {
  readLinks: {prog: 0, words: 'xdp fake0', cell: ' fake0 '},
  readNetns: {prog: 0, words: 'xdp fake0', cell: ' fake0 ', instead: ['xdp ifindex 4242']},
  findCgroupProgs: {prog: 1, words: 'cgroup /fake cgroup_inet_ingress', cell: ' /fake ', untold},
  findPerfEventProgs: {prog: 2, words: 'fake_event', cell: ' tracepoint …', untold},
  findMapProgs: {prog: 3, words: 'fake_sockmap', cell: ' fake_sockma…', untold},
  readMaps: {prog: 0, words: 'fake_array'},
  readHolders: {
    prog: 0,
    words: `(pid ${holderPid()})`,
    instead: ['held by - (not all could be looked at)', 'held by no process'],
    codes: ['EPERM', 'EMFILE', 'EBUSY'],
  },
  readPins: {prog: 0, words: '/sys/fs/bpf/fake'},
  readProgBtf: {prog: 0, words: longName, once: true},
  readFunctions: {prog: 0, words: longName, once: true},
  readProgArrays: {prog: 5, words: `reached by tail call from ${longName}`, cell: ' caller '},
};

for (const [call, {prog, words, instead, untold = [], once = false, codes = errnos}] of Object.entries(told) as [
  keyof typeof told,
  Told,
][]) {
  const skip = call === 'readHolders' && !showsAllProcesses('/proc') && 'owners come from /proc in this pid namespace';
  t.test(`a source fails: ${call}`, {skip}, async (t) => {
    const {press, lookAgain, kernel, lines, ended} = await show(t, {columns: 79, rows: 90});
    const open = async () => press(`/id=${fakeProgs[prog]?.id}\rj\r`);
    t.ok(has(await open(), words), (await lines()).join('\n'));
    const problems: string[] = [];
    const late = (code: string) => code === 'ETIME' && call.startsWith('find');
    for (const code of codes) {
      let shown: string[] = [];
      const check = (good: boolean, what: string) => {
        if (!good) problems.push(`${code}: ${what}\n${shown.join('\n')}`);
      };
      kernel.fail(call, {syscall: syscalls[call], code});
      if (once) kernel.reload();
      shown = await lookAgain();
      if (once) {
        // Its page is that of the one before.
        await press('\u001b');
        await press('\u001b[H');
        shown = await press('\r');
      }
      const said = untold.includes(code)
        ? '(the kernel does not tell)'
        : late(code)
          ? 'longer than 1 s'
          : `${syscalls[call]}: ${code}`;
      check(
        (instead ?? [said]).some((each) => has(shown, each)),
        'what failed is not said',
      );
      check(!has(shown, words), 'what is not known any more is still told');
      check(instead === undefined || !has(shown, syscalls[call]), 'what stands in its place is all there is to say');
      check(/live$/.test(shown[0] as string) && !has(shown, '! '), 'the counters were read, and it is not said so');
      kernel.mend();
      shown = await lookAgain();
      check(has(shown, words), 'it is not told again');
      check(!has(shown, code), 'it stays');
    }
    t.equal(problems.length, 0, problems[0] ?? 'all is said, and over');
    t.strictSame(await leftovers({press, lines}), []);
    await press('q');
    t.strictSame(await ended, {by: 'quit'});
  });
}

/** Calls that each look makes; those for names are made once a program. */
const calledAgain = (Object.keys(told) as (keyof typeof told)[]).filter(
  (call) => !told[call].once && call !== 'readHolders',
);

for (const [nth, [state, where]] of Object.entries(states).entries()) {
  const {paused = false, page = false} = where;
  t.test(`each source fails: ${state}`, async (t) => {
    const shownThere = await lead(t, where);
    const {press, lookAgain, kernel, lines} = shownThere;
    const problems: string[] = [];
    const cells = new Set<string>();
    for (const [i, call] of calledAgain.entries()) {
      const {prog, words, cell = '', instead, untold = []} = told[call];
      const code = errnos[(nth * calledAgain.length + i) % errnos.length] as string;
      let shown = await lines();
      const check = (good: boolean, what: string) => {
        if (!good) problems.push(`${call} ${code}: ${what}\n${shown.join('\n')}`);
      };
      const inRow = (lines: readonly string[]) => cell !== '' && rowOf(lines, fakeProgs[prog]?.id).includes(cell);
      const onPage = page && prog === 0;
      const there = inRow(shown);
      if (there) cells.add(call);
      kernel.fail(call, {syscall: syscalls[call], code});
      shown = await lookAgain();
      check(!has(shown, '! ') && (paused ? /paused/ : /live$/).test(shown[0] as string), 'the counters were read');
      check(!there || inRow(shown) === paused, 'its row tells what is not known any more, or not what was');
      check(!onPage || has(shown, words) === paused, 'its page tells what is not known any more, or not what was');
      const said = onPage && !paused && !instead && !untold.includes(code);
      check(
        [syscalls[call], code].every((each) => has(shown, each) === said),
        'what failed is said where it is not asked for, or not where it is',
      );
      kernel.mend();
      shown = await lookAgain();
      check(inRow(shown) === there && (!onPage || has(shown, words)), 'it is not told again');
      check(!has(shown, code), 'it stays');
    }
    t.equal(problems.length, 0, problems[0] ?? 'all is known again');
    if (state === 'the table')
      t.equal(cells.size, Object.values(told).filter(({cell}) => cell).length, 'a row tells of each');
    t.strictSame(await leftovers({press, lines}), []);
    kernel.fail('readLinks', {syscall: syscalls.readLinks, code: 'EIO'});
    await lookAgain();
    await quits(t, shownThere);
  });
}

t.test('a source that does not come back keeps neither the readings nor q', async (t) => {
  const shownThere = await show(t, {columns: 79, rows: 90});
  const {press, read, lookAgain, kernel} = shownThere;
  for (const call of calledAgain) {
    const {prog, words} = told[call];
    await press(`/id=${fakeProgs[prog]?.id}\rj\r`);
    t.ok(has(await lookAgain(), words), call);
    kernel.fail(call, {syscall: syscalls[call], code: 'never'});
    aheadMs += nextLookMs;
    for (let times = 0; times < 3; times++) t.match((await read())[0], /4\.7k ev\/s.*live$/, call);
    kernel.mend();
    t.ok(has(await lookAgain(), words), `${call}: it is looked at again`);
    await press('\u001b');
    await press('\u001b');
  }
  for (const call of calledAgain) kernel.fail(call, {syscall: syscalls[call], code: 'never'});
  aheadMs += nextLookMs;
  await read();
  t.match((await read())[0], /4\.7k ev\/s.*live$/, 'all of them at once');
  await quits(t, shownThere);
});

/** A preload that puts a fake kernel in the place of the addon, one of whose calls fails. */
function preloadOf(t: Test, call: FakeCall, fault: Fault): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  const outfile = path.join(dir, 'preload.cjs');
  const helper = fileURLToPath(new URL('../helpers/fake-addon.ts', import.meta.url));
  const contents = `
    import Module from 'node:module';
    import {FakeKernel} from ${JSON.stringify(helper)};
    const kernel = new FakeKernel();
    kernel.fail(${JSON.stringify(call)}, ${JSON.stringify(fault)});
    Module._extensions['.node'] = (module) => (module.exports = kernel.exports);`;
  const define = {'import.meta.url': JSON.stringify(import.meta.url)};
  buildSync({stdin: {contents, resolveDir: dir}, outfile, bundle: true, platform: 'node', format: 'cjs', define});
  return outfile;
}

t.test(
  'without a screen the first and every later reading that fails ends it, with one sentence and its status',
  async (t) => {
    const status: Readonly<Record<string, number>> = {EPERM: 77, EACCES: 77, ENOSYS: 69, EINVAL: 69};
    for (const code of ['EPERM', 'EINVAL', 'EMFILE', 'EIO']) {
      for (const after of [0, 2]) {
        const syscall = 'bpf(BPF_PROG_GET_NEXT_ID)';
        const preload = preloadOf(t, 'sample', {syscall, code, after});
        const {
          status: ended,
          stdout,
          stderr,
        } = await run(['--json', '-n', '3', '-d', '50ms'], {nodeArgs: ['--require', preload]});
        t.equal(ended, status[code] ?? 1, code);
        t.match(
          stderr,
          new RegExp(
            `^bpftop-ts: cannot list BPF programs: ${syscall.replaceAll(/[()]/g, '\\$&')}: ${code}\\. [A-Z].*\\.\\n$`,
          ),
        );
        const documents = stdout.split('\n').filter((line) => line !== '');
        t.equal(documents.length, Math.max(0, after - 1), 'what was read before is whole');
        for (const each of documents) t.equal((JSON.parse(each) as Document).programs.length, fakeProgs.length);
      }
    }
  },
);

t.test('without a screen a source that fails is a warning in each document', async (t) => {
  for (const [call, name] of [
    ['readLinks', 'links'],
    ['readMaps', 'maps'],
    ['readPins', 'pins'],
    ['readProgBtf', 'names'],
  ] as const) {
    const preload = preloadOf(t, call, {syscall: syscalls[call], code: 'EIO'});
    const {status, stdout, stderr} = await run(['--json', '-n', '3', '-d', '50ms'], {nodeArgs: ['--require', preload]});
    t.match({status, stderr}, {status: 0, stderr: ''});
    const documents = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Document);
    t.equal(documents.length, 3);
    for (const {warnings, programs} of documents) {
      t.match(warnings, [{code: `${name}_unavailable`, message: `no ${name}: ${syscalls[call]}: EIO. `}]);
      if (name !== 'names') t.equal(programs[0]?.[name], null, 'unknown is null');
    }
  }
});
