/** Sharing with a group, on the real host: what its members see, and what is left when it ends in one way or another. */
import {spawnSync} from 'node:child_process';
import {once} from 'node:events';
import {lstatSync, readdirSync, readFileSync, readlinkSync, writeFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import {dirname} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import t, {type Test} from 'tap';
import {loadShare, type TestProg} from '../../src/addon.js';
import {readShareFacts, shareDir, sharedPin} from '../../src/collectors/share.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {type Document, run, start} from '../helpers/cli.js';
import {areOn, iteratorSkip, loadProg, openSampler, someoneElseHasThemOn} from '../helpers/kernel.js';

/** A group that nobody is in but who is put there: it needs no name. */
const group = '54321';
const outsider = nobodyWith();
const member = [...outsider.slice(0, 4), group, ...outsider.slice(5)];

const skip =
  iteratorSkip ||
  (spawnSync('setpriv', ['--version']).status !== 0 && 'needs setpriv') ||
  (readShareFacts() !== null && 'this host is shared by somebody');

/** Starts the service and waits until it is there. */
async function share(t: Test, through: readonly string[] = []) {
  const service = start(['share', '--group', group], {through});
  t.teardown(async () => {
    service.kill('SIGKILL');
    await run(['share', '--stop']);
  });
  const ended = once(service, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const lines = createInterface(service.stderr)[Symbol.asyncIterator]();
  const first = String((await lines.next()).value);
  return {pid: service.pid!, kill: (signal: NodeJS.Signals) => service.kill(signal), ended, first, lines};
}

/** The tool as a member of the group, without any capability. */
async function asMember(...words: string[]): Promise<Document> {
  const {stdout, stderr, status} = await run(['--json', '-d', '50ms', ...words], {through: member});
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr}`);
  return JSON.parse(stdout) as Document;
}

const progOf = (document: Document, {id}: {id: number}) => document.programs.find((prog) => prog.id === id);

/** Others on this host may hold statistics on for a while. */
async function goOff(witness: TestProg): Promise<boolean> {
  for (let tries = 0; tries < 200; tries++) {
    if (!areOn(witness)) return true;
    await sleep(50);
  }
  return false;
}

const openFilesOf = (pid: number) => readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));

t.test('a group’s number by its name', {skip: iteratorSkip}, (t) => {
  t.equal(loadShare().groupId('root'), 0);
  t.equal(loadShare().groupId('no such group\u0000'), null);
  t.equal(loadShare().groupId(''), null);
  t.equal(loadShare().groupName(0), 'root');
  t.equal(loadShare().groupName(Number(group)), null);
  t.end();
});

t.test('a member without capabilities sees every program, and true figures', {skip}, async (t) => {
  const prog = loadProg(t, {type: 'sched_cls', name: 'seen_by_group', functions: 2, loops: 3});
  const withMaps = loadProg(t, {type: 'xdp', name: 'with_maps', maps: ['one']});
  await share(t);
  prog.run(77);
  const seen = await asMember();
  t.match(seen, {sampling: {sampler: 'iterator', shared: true, fallback_reason: null, stats: 'already_on'}, warnings: []});
  t.match(progOf(seen, prog), {run_cnt: 77, run_time_ns: Number(prog.counters().runTimeNs), period_run_cnt: 0, cpu_pct: 0});
  t.match(
    progOf(seen, withMaps),
    {map_ids: null, maps: null, bytes_maps: null, owners: null},
    'what takes rights is unknown',
  );
  t.match(
    seen.programs.filter(({self}) => self),
    [{name: 'bpftop_iter'}],
    'the shared iterator is marked as what it is',
  );

  const {stdout} = await run(['--json', '-d', '50ms', '--sampler', 'iterator']);
  const asRoot = JSON.parse(stdout) as Document;
  t.match(asRoot.sampling, {shared: false, stats: 'enabled_here'}, 'who may do better does');
  for (const each of [prog, withMaps]) {
    const {map_ids: _, maps: __, bytes_maps: ___, owners: ____, ...expected} = progOf(asRoot, each)!;
    t.match(progOf(seen, each), expected);
  }
});

t.test('a member’s rates: each run is in one period', {skip}, async (t) => {
  const prog = loadProg(t, {type: 'xdp', name: 'driven'});
  await share(t);
  const tool = start(['--json', '-n', '0', '-d', '50ms', '-f', 'driven'], {through: member});
  t.teardown(() => tool.kill('SIGKILL'));
  let counted = 0;
  let ran = 0;
  for await (const line of createInterface(tool.stdout)) {
    const seen = progOf(JSON.parse(line) as Document, prog)!;
    counted += seen['period_run_cnt'] as number;
    t.equal(counted, seen['run_cnt']);
    if (counted === 550) break;
    if (ran === 550) continue;
    prog.run(110);
    ran += 110;
  }
  t.equal(counted, ran);
});

t.test('who is not in the group gets what everybody gets', {skip}, async (t) => {
  await share(t);
  for (const words of [[], ['--sampler', 'iterator'], ['--sampler', 'walk']]) {
    const {status, stderr} = await run(['--json', ...words], {through: outsider});
    t.equal(status, 77);
    t.match(stderr, /EPERM\. Run it with sudo/);
  }
  const walked = await run(['--json', '--sampler', 'walk'], {through: member});
  t.equal(walked.status, 77, 'a pin is no help to the walk');
});

t.test('the service holds statistics and nothing else, in no thread any right', {skip}, async (t) => {
  const witness = loadProg(t, {type: 'xdp'});
  const {pid, first} = await share(t);
  t.match(first, /^bpftop-ts: shared: members of 54321 now run bpftop-ts without sudo\./);
  t.ok(areOn(witness));
  t.strictSame(
    openFilesOf(pid).filter((file) => file.startsWith(shareDir)),
    [`${shareDir}/lock`],
  );
  const bpf = openFilesOf(pid).filter((file) => file.startsWith('anon_inode:bpf'));
  t.strictSame(bpf, ['anon_inode:bpf-stats']);
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) t.match(status, new RegExp(`^Cap${set}:\t0{16}$`, 'm'));
    t.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
    t.match(status, /^Gid:\t65534\t65534\t65534\t65534$/m);
    t.match(status, /^Groups:\s*$/m);
  }
  const modes = [shareDir, sharedPin].map((path) => {
    const {uid, gid, mode} = lstatSync(path);
    return [uid, gid, (mode & 0o777).toString(8)];
  });
  t.strictSame(modes, [
    [0, Number(group), '750'],
    [0, Number(group), '440'],
  ]);
  const write = spawnSync(member[0]!, [
    ...member.slice(1),
    'sh',
    '-c',
    `rm -f ${sharedPin}; echo > ${sharedPin}; touch ${shareDir}/x`,
  ]);
  t.not(write.status, 0);
  t.strictSame(readdirSync(shareDir).sort(), ['bpf', 'lock'], 'members read only');
  t.strictSame(
    readdirSync(dirname(sharedPin)).filter((name) => !name.includes('.')),
    ['progs_1'],
  );
});

t.test('a second service is refused, and disturbs nothing', {skip}, async (t) => {
  const {pid} = await share(t);
  const {status, stderr} = await run(['share', '--group', '0']);
  t.equal(status, 1);
  t.equal(stderr, `bpftop-ts: process ${pid} is sharing already. End that with: sudo bpftop-ts share --stop\n`);
  t.match((await asMember()).sampling, {shared: true, stats: 'already_on'});
});

t.test('--stop ends the service and takes everything back; again, it says there was nothing', {skip}, async (t) => {
  const witness = loadProg(t, {type: 'xdp'});
  const watcher = openSampler(t, {enableStats: false});
  const {ended, lines} = await share(t);
  const shared = (await asMember()).programs.find(({self}) => self)!;
  const stop = await run(['share', '--stop']);
  t.match(stop, {status: 0, stderr: 'bpftop-ts: nothing is shared any more.\n'});
  t.strictSame(await ended, [143, null]);
  t.match((await lines.next()).value, /statistics go off with this/);
  t.throws(() => lstatSync(shareDir), {code: 'ENOENT'});
  t.notMatch(readFileSync('/proc/self/mounts', 'utf8'), shareDir);
  t.ok((await goOff(witness)) || someoneElseHasThemOn(), 'statistics are off');
  // A link gives its program back by a worker of the kernel's, a moment later.
  let there = true;
  for (let tries = 0; there && tries < 500; tries++) {
    there = (await watcher.sample()).ids.includes(shared.id);
    if (there) await sleep(10);
  }
  t.notOk(there, 'its program is gone');
  t.equal((await run(['--json'], {through: member})).status, 77);
  t.match(await run(['share', '--stop']), {status: 0, stderr: 'bpftop-ts: nothing was shared.\n'});
});

t.test('a killed service leaves statistics off; members go on without rates, and it can start again', {skip}, async (t) => {
  const witness = loadProg(t, {type: 'xdp'});
  const {kill, ended} = await share(t);
  kill('SIGKILL');
  await ended;
  if (!(await goOff(witness))) return t.pass('others', {skip: 'somebody else holds statistics on'});
  t.strictSame(readShareFacts(), {group, servicePid: null});
  const seen = await asMember();
  if (seen.sampling.stats !== 'off') t.pass('others', {skip: 'somebody else has switched them on'});
  else {
    t.match(seen.warnings, [
      {code: 'stats_off', message: /the service that shares .* has ended\. Start it again: sudo bpftop-ts share/},
    ]);
    t.match(progOf(seen, witness), {cpu_pct: null, run_cnt: Number(witness.counters().runCnt)});
  }
  const {pid} = await share(t);
  t.strictSame(readShareFacts(), {group, servicePid: pid});
  t.match((await asMember()).sampling, {shared: true, stats: 'already_on'});
  t.equal((await run(['share', '--stop'])).status, 0);
  t.equal(readShareFacts(), null, 'also what the first one left');
});

t.test(
  'of several that start at once one lives, and --stop finds it; the others say so and leave it alone',
  {skip},
  async (t) => {
    for (let round = 0; round < 3; round++) {
      const services = Array.from({length: 4}, () => start(['share', '--group', group]));
      t.teardown(() => services.forEach((service) => service.kill('SIGKILL')));
      const said = await Promise.all(
        services.map(async ({stderr}) => String((await createInterface(stderr)[Symbol.asyncIterator]().next()).value)),
      );
      const living = services.filter((_, i) => said[i]!.includes(': shared: '));
      t.equal(living.length, 1, said.join('\n'));
      for (const each of said) t.match(each, /: shared: | is sharing already\. /);
      t.strictSame(readShareFacts(), {group, servicePid: living[0]!.pid});
      t.match((await asMember()).sampling, {shared: true, stats: 'already_on'});
      const ended = once(living[0]!, 'exit');
      t.match(await run(['share', '--stop']), {status: 0, stderr: /nothing is shared any more/});
      t.strictSame(await ended, [143, null]);
      t.equal(readShareFacts(), null);
    }
  },
);

t.test('starts and stops that cross leave nothing behind the last stop', {skip}, async (t) => {
  for (let round = 0; round < 8; round++) {
    const service = start(['share', '--group', group]);
    t.teardown(() => service.kill('SIGKILL'));
    const ended = once(service, 'exit');
    await sleep(round * 40);
    const early = await run(['share', '--stop']);
    t.equal(early.status, 0, early.stderr);
    // Either that one has ended it, or it comes up now.
    await Promise.race([ended, once(service.stderr, 'data')]);
    t.equal((await run(['share', '--stop'])).status, 0);
    await ended;
    t.equal(readShareFacts(), null);
    t.notMatch(readFileSync('/proc/self/mounts', 'utf8'), shareDir);
  }
});

t.test('who has the pin open when sharing ends can finish that one reading, and begin no other', {skip}, async (t) => {
  await share(t);
  const script = `const fs = require('fs'), {once} = require('events');
    const fd = fs.openSync('${sharedPin}', 'r');
    console.log(fs.readSync(fd, Buffer.alloc(32768)) > 0);
    process.stdin.once('data', () => {
      try { console.log(fs.readSync(fs.openSync('/proc/self/fd/' + fd, 'r'), Buffer.alloc(32768))); }
      catch ({code}) { console.log(code); }
      process.exit();
    });`;
  const child = startChild(t, script, {wrapper: member});
  t.equal(await child.line(), 'true');
  await run(['share', '--stop']);
  child.send('');
  t.equal(await child.line(), 'EACCES');
});

t.test('sharing that ends under a member’s eyes is said', {skip}, async (t) => {
  await share(t);
  const tool = start(['--json', '-n', '0', '-d', '50ms'], {through: member});
  t.teardown(() => tool.kill('SIGKILL'));
  let stderr = '';
  tool.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  await once(tool.stdout, 'data');
  tool.stdout.resume();
  const closed = once(tool, 'close') as Promise<[number]>;
  await run(['share', '--stop']);
  const [status] = await closed;
  t.equal(status, 1);
  t.equal(
    stderr,
    'bpftop-ts: cannot read what was shared: open(bpf_iter): ENOENT. Start it again: sudo bpftop-ts share --group GROUP.\n',
  );
});

t.test('without the rights nothing is begun', {skip}, async (t) => {
  for (const through of [nobodyWith(), nobodyWith('bpf', 'perfmon')]) {
    const {status, stderr} = await run(['share', '--group', group], {through});
    t.equal(status, 77);
    t.match(stderr, /^bpftop-ts: cannot share: mkdir: EACCES\. Run it with sudo\.\n$/);
  }
  t.equal(readShareFacts(), null);
  t.match(await run(['share', '--stop'], {through: nobodyWith()}), {status: 0, stderr: /nothing was shared/});
  await share(t);
  const second = await run(['share', '--group', group], {through: nobodyWith()});
  t.match(second, {status: 77, stderr: /^bpftop-ts: cannot share: open: EACCES\. Run it with sudo\.\n$/});
  const stop = await run(['share', '--stop'], {through: nobodyWith()});
  t.equal(stop.status, 77);
  t.match(stop.stderr, /^bpftop-ts: cannot take back what is shared: .*: (EPERM|EACCES)\. Run it with sudo\.\n$/);
});

t.test('who is not root, but may do it all, keeps no capability either', {skip}, async (t) => {
  // Becoming nobody leaves such a one its capabilities: they are given up by themselves.
  const caps = ['sys_admin', 'setuid', 'setgid', 'chown', 'dac_override', 'fowner'].map((name) => `+${name}`).join(',');
  const through = ['setpriv', '--reuid', '12345', `--inh-caps=${caps}`, `--ambient-caps=${caps}`];
  const {pid} = await share(t, through);
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    for (const set of ['Inh', 'Prm', 'Eff', 'Amb']) t.match(status, new RegExp(`^Cap${set}:\t0{16}$`, 'm'));
    t.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
    t.match(status, /^NoNewPrivs:\t1$/m);
  }
});

t.test('bad usage: 2, and what would be right', async (t) => {
  for (const [words, says] of [
    [['share'], /^bpftop-ts: share needs --group GROUP, or --stop\. Try: /],
    [['share', '--stop', '--group', 'x'], /^bpftop-ts: .*cannot be used with/],
    [['share', '--group'], /needs a value/],
    [['share', '--group', 'x', '--json'], /^bpftop-ts: share takes no --json\. /],
    [['share', '--stop', 'x'], /^bpftop-ts: unknown command 'x'/],
  ] as const) {
    const {status, stderr} = await run(words);
    t.equal(status, 2);
    t.match(stderr, says);
  }
});

t.test('a group that is not there: 2, and how to make it', {skip}, async (t) => {
  for (const name of ['no_such_group', '\u001b[2J', '99999999999']) {
    const {status, stderr} = await run(['share', '--group', name]);
    t.equal(status, 2);
    t.match(stderr, name.startsWith('9') ? /no group's number/ : /^bpftop-ts: there is no group '.*'\. Make one with: /);
    t.notOk(stderr.includes('\u001b'));
  }
  t.equal(readShareFacts(), null);
});

t.test('a directory or a mount that is not from it is left alone', {skip}, async (t) => {
  t.teardown(() => spawnSync('sh', ['-c', `umount ${shareDir}/bpf; rm -rf ${shareDir}`]));
  const leavesAlone = async (precious: string) => {
    writeFileSync(precious, 'x');
    for (const words of [
      ['share', '--stop'],
      ['share', '--group', group],
    ]) {
      const {status, stderr} = await run(words);
      t.equal(status, 1);
      t.match(stderr, /is not from bpftop-ts\. Look at it, and (remove|unmount) it\.\n$/);
      t.equal(readFileSync(precious, 'utf8'), 'x');
    }
  };
  spawnSync('install', ['-d', '-o', '12345', shareDir]);
  await leavesAlone(`${shareDir}/precious`);
  spawnSync('sh', ['-c', `rm -r ${shareDir}; mkdir -p ${shareDir}/bpf; mount -t tmpfs none ${shareDir}/bpf`]);
  await leavesAlone(`${shareDir}/bpf/progs_precious`);
});

t.test('SIGUSR1, which any process of nobody’s may send, opens no debugger', {skip}, async (t) => {
  const {kill, lines} = await share(t);
  kill('SIGUSR1');
  await sleep(200); // a debugger would be there by then; if it isn't yet, this test says less, not something else
  kill('SIGTERM');
  t.match((await lines.next()).value, /statistics go off with this/);
});

t.test('a service of another pid namespace is neither ended for another nor taken for none', {skip}, async (t) => {
  await share(t);
  const through = ['unshare', '-p', '-f', '--mount-proc'];
  if (spawnSync(through[0]!, [...through.slice(1), 'true']).status !== 0)
    return void t.pass('not here', {skip: 'no pid namespace to be had'});
  const elsewhere = /^bpftop-ts: another process is sharing already|a process of another pid namespace is sharing/;
  for (const words of [['--group', '0'], ['--stop']])
    t.match(await run(['share', ...words], {through}), {status: 1, stderr: elsewhere});
  t.match((await asMember()).sampling, {shared: true, stats: 'already_on'});
});

t.test('the doctor tells members from others', {skip}, async (t) => {
  const {pid} = await share(t);
  const examine = async (through: readonly string[]) => {
    const {stdout, status} = await run(['doctor', '--json'], {through});
    const {checks} = JSON.parse(stdout) as {checks: {id: string; verdict: string; finding: string}[]};
    return {status, check: Object.fromEntries(checks.map((each) => [each.id, each]))};
  };
  const inside = await examine(member);
  t.equal(inside.status, 0);
  t.match(inside.check['share'], {verdict: 'ok', finding: `shared with group ${group}`});
  const asRoot = await examine(['env']);
  t.match(asRoot.check['share'], {verdict: 'ok', finding: `shared with group ${group} by process ${pid}`});
  t.match(inside.check['sampler'], {finding: 'the iterator that root shares'});
  t.match(inside.check['statistics'], {finding: /^on, /});
  const outside = await examine(outsider);
  t.equal(outside.status, 77);
  t.match(outside.check['share'], {verdict: 'missing', finding: `shared with group ${group}, which this user isn't in`});
});
