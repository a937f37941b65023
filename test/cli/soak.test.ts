/**
 * The live screen of the built tool for a long time, at ten readings a second, while programs, their owners, cgroups and network
 * namespaces come and go and keys are pressed. SOAK_MINUTES (1) says for how long; `npm run soak` takes an hour. SOAK_LOG names a file
 * for what was seen. What is compared is what was there least in each part of the time: what comes and goes is not in it, what leaks is.
 */
import {appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {loadBpf} from '../../src/addon.js';
import {startChurn} from '../helpers/churn.js';
import {toolPath} from '../helpers/cli.js';
import {insideView, outsideView} from '../helpers/inside.js';
import {areOn, kernelSkip, loadProg, someoneElseHasThemOn} from '../helpers/kernel.js';
import {has, mountOf} from '../helpers/mounts.js';
import {random} from '../helpers/random.js';
import {cleanEnv, startInPty} from '../helpers/terminal.js';

const minutes = Number(process.env['SOAK_MINUTES'] ?? 1);
const runMs = minutes * 60_000;
/** For everything to be loaded once, and for what is bounded by age, ten minutes, to be full where there is time for that. */
const warmUpMs = Math.min(runMs / 4, 12 * 60_000);
const parts = 6;
/** What may be kept more at the end than at the beginning of the parts, bytes: the past of as many programs, as long as it isn't full. */
const mayGrow = (warmUpMs > 600_000 ? 3 : 10) * 2 ** 20;
/** The same of memory that the process has: what was freed isn't always given back. */
const rssMayGrow = mayGrow + 24 * 2 ** 20;
/** Runs of the program whose counts are known; below 1000 they are shown to the last digit. */
const mostRuns = 900;

t.setTimeout(runMs + 300_000);

/** Keys that leave the screen as live as it was, each group by itself; Esc closes what may be open. */
const keys: readonly (readonly string[])[] = [
  ['/soak_1\r'],
  ['/type:xdp or cpu>0', '\t', '\r'],
  ['/[bad((\u001b'],
  ['s', 'j', 'j', '\r'],
  ['s', '\r'],
  ['>', '>', '<', 'r'],
  ['g', 'j', '\r'],
  ['g', 'j', 'j', '\r', '\r'],
  ['j', '\r', '1', '5', '0', ']', ']', '['],
  ['G', '\r', '\u001b[B', '\u001b[B'],
  [' ', '\u001b[D', '\u001b[D', '\u001b[C'],
  ['\u001b[D', '\u001b[1;2D', '\r', '\u001b[D'],
  ['b'],
  ['c', 'j', ' ', ' '],
  ['?', 'j', '\u001b[6~'],
  ['+', '-'],
  ['%', '%', 't'],
  ['a', 'a'],
  ['w'],
  ['\u000c'],
];
const sizes = [
  [120, 30],
  [80, 24],
  [200, 60],
  [40, 10],
  [140, 40],
] as const;

/** What there was least of each in a part of the time. */
type Least = Record<string, number>;

function least(all: readonly Readonly<Record<string, number>>[]): Least {
  const names = new Set(all.flatMap((one) => Object.keys(one)));
  return Object.fromEntries([...names].map((name) => [name, Math.min(...all.map((one) => one[name] ?? 0))]));
}

/** What there is more of in `now`. */
function more(now: Least, before: Least): string[] {
  return Object.keys(now)
    .filter((name) => (now[name] ?? 0) > (before[name] ?? 0))
    .map((name) => `${name}: ${before[name] ?? 0} → ${now[name]}`);
}

const skip = kernelSkip || (!has('unshare', '-n', 'true') && 'needs unshare and the right to use it');

t.test(`${minutes} minutes of the live screen leave nothing behind, and it is right at the end`, {skip}, async (t) => {
  const known = loadProg(t, {type: 'xdp', name: 'soak_known', maps: ['one']});
  const stderr = path.join(mkdtempSync(path.join(tmpdir(), 'bpftop-ts-')), 'stderr');
  t.teardown(() => rmSync(path.dirname(stderr), {recursive: true}));
  const {nodeFlags, ask} = insideView(t);
  const columns = 'id,type,name,run_cnt,owner,attached,events_per_sec,cpu_pct,trend';
  const tool = [...cleanEnv, process.execPath, ...nodeFlags, toolPath, '-d', '100ms', '-f', 'soak_', '--columns', columns];
  const program = startInPty(t, {words: ['sh', '-c', 'exec "$@" 2> "$0"', stderr, ...tool], columns: 120, rows: 30});
  const {pid} = program;
  await program.shows('soak_known');
  const stopChurn = await startChurn(t);

  const {below, pick} = random(7);
  const escape = async () => {
    for (let times = 0; times < 4; times++) {
      program.type('\u001b');
      await sleep(60);
    }
  };
  const pressSome = async (group: readonly string[]) => {
    for (const each of group) {
      program.type(each);
      await sleep(40);
    }
    await sleep(300);
    await escape();
  };

  const began = performance.now();
  let done = false;
  const driving = (async () => {
    for (const group of keys) await pressSome(group);
    while (!done) {
      if (below(4) === 0) {
        const [columns, rows] = pick(sizes);
        program.resize(columns, rows);
      }
      await pressSome(pick(keys));
      await sleep(below(1000));
    }
  })();
  const run = setInterval(() => Number(known.counters().runCnt) < mostRuns && known.run(1), Math.max(100, runMs / mostRuns));
  t.teardown(() => clearInterval(run));

  const seen = {
    threads: [] as Least[],
    listeners: [] as Least[],
    fds: [] as Least[],
    bytes: [] as number[],
    rss: [] as number[],
  };
  await sleep(warmUpMs);
  for (let part = 0; part < parts; part++) {
    const until = began + warmUpMs + ((runMs - warmUpMs) * (part + 1)) / parts;
    const outside = [];
    const inside = [];
    while (performance.now() < until || inside.length < 3) {
      for (let times = 0; times < 10; times++) {
        outside.push(outsideView(pid));
        await sleep(100);
      }
      // Every look inside collects garbage: where there is time, not so often that nothing else does.
      if (inside.length > 0 && performance.now() < until - 2000 && below(Math.ceil(minutes)) > 0) continue;
      const looked = await ask(pid);
      if (looked === null) throw new Error(`it has ended: ${readFileSync(stderr, 'utf8')}`);
      t.strictSame(looked.said, [], 'no warning, nothing uncaught');
      t.ok((looked.listeners['process'] ?? 0) > 0, 'listeners are seen');
      inside.push(looked);
    }
    seen.threads.push(least(outside.map(({threads}) => ({threads}))));
    seen.fds.push(least(outside.map(({fds}) => fds)));
    seen.rss.push(Math.min(...outside.map(({rssBytes}) => rssBytes)));
    seen.bytes.push(Math.min(...inside.map(({bytes}) => bytes)));
    seen.listeners.push(least(inside.map(({listeners}) => listeners)));
    const sum = (of: Least | undefined) => Object.values(of ?? {}).reduce((total, each) => total + each, 0);
    const mb = (bytes = 0) => `${(bytes / 2 ** 20).toFixed(1)} MB`;
    const line =
      `after ${((performance.now() - began) / 60_000).toFixed(1)} min: ${sum(seen.fds.at(-1))} fds, ${seen.threads.at(-1)?.['threads']} threads, ` +
      `${sum(seen.listeners.at(-1))} listeners, ${mb(seen.bytes.at(-1))} in use, ${mb(seen.rss.at(-1))} resident, ${program.frames} frames`;
    t.comment(line);
    if (process.env['SOAK_LOG']) appendFileSync(process.env['SOAK_LOG'], `${line}\n`);
  }
  for (const what of ['fds', 'threads', 'listeners'] as const) {
    const [first, last] = [seen[what][0] as Least, seen[what].at(-1) as Least];
    t.strictSame(more(last, first), [], `no more ${what} than at the beginning`);
  }
  const grown = (of: readonly number[]) => (of.at(-1) as number) - (of[0] as number);
  t.ok(grown(seen.bytes) < mayGrow, `${(grown(seen.bytes) / 2 ** 20).toFixed(1)} MB more in use`);
  t.ok(grown(seen.rss) < rssMayGrow, `${(grown(seen.rss) / 2 ** 20).toFixed(1)} MB more resident`);

  done = true;
  await driving;
  const {program: programs, owner, cgroup, netns} = await stopChurn();
  t.ok(programs > runMs / 1000 && owner > 0 && netns > 0, `${programs} programs, ${owner} owners, ${netns} namespaces came`);
  if (mountOf('cgroup2') === undefined) t.comment('without cgroups: there is no cgroup2 here');
  else t.ok(cgroup > 0, `${cgroup} cgroups came`);
  clearInterval(run);

  program.resize(160, 40);
  await escape();
  program.type('/soak_\r');
  const runs = String(known.counters().runCnt);
  // What went is struck for a while.
  const rows = (screen: string) => screen.split('\n').filter((line) => / soak_/.test(line));
  const right = (screen: string) =>
    rows(screen).length === 1 && new RegExp(` soak_known +${runs} `).test(rows(screen)[0] ?? '');
  const screen = await program.until(right, `soak_known with ${runs} runs, and no other`);
  t.match(screen, /100ms +live$/m);
  t.match(screen, new RegExp(`${known.id} +xdp +soak_known`));
  t.notMatch(screen, /^! /m, 'no warning is left');
  await escape();
  program.type('a');
  const walk = new (loadBpf().Sampler)({enableStats: false, sampler: 'walk'});
  t.teardown(() => walk.close());
  // Others on this host load programs as well: until both say the same.
  for (let tries = 0, there = 0; ; tries++) {
    const shown = /│ (\d+) programs/.exec(program.emulator.text())?.[1];
    there = (await walk.sample()).ids.length;
    if (shown === String(there)) break;
    if (tries === 200) throw new Error(`there are ${there} programs, not as many as\n${program.emulator.text()}`);
    await sleep(100);
  }
  await escape();
  program.type('q');
  t.equal((await program.exited).exitCode, 0);
  t.equal(readFileSync(stderr, 'utf8'), '');
  t.ok(!areOn(known) || someoneElseHasThemOn(), 'statistics are as they were');
  t.strictSame(ofSession(pid), [], 'no process is left');
});

/** Processes of the session that a pty's first process leads. */
function ofSession(leader: number): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      // After the name, which may have anything in it: state, parent, group, session.
      const [, , , session] = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
      return Number(session) === leader;
    } catch {
      return false;
    }
  });
}
