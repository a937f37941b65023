/** A host on which programs, the processes that hold them, cgroups and network namespaces come and go. */
import {mkdtempSync, readdirSync, rmdirSync} from 'node:fs';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {scriptOf, startChild} from './child.js';
import {mountOf} from './mounts.js';

/** What a process in a network namespace of its own does, until its stdin ends. */
const inNetns = scriptOf(`
const prog = load('testbed.node').load({type: 'xdp', name: process.argv[1]});
prog.attach({xdp: 1});
process.stdin.resume().on('end', () => process.exit());
`);

/** What the child does, in plain JavaScript; `cgroups` is a directory in cgroup2, or null. Programs are called soak_N. */
const body = (cgroups: string | null) => `
const testbed = load('testbed.node');
const {mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync, writeFileSync} = require('node:fs');
const {once} = require('node:events');
const {spawn} = require('node:child_process');
const cgroups = ${JSON.stringify(cgroups)};
let count = 0;
const counts = {program: 0, owner: 0, cgroup: 0, netns: 0};
const name = () => 'soak_' + count++;

function fdOf(prog) {
  return Number(readdirSync('/proc/self/fd').find((fd) => {
    try {
      return new RegExp('prog_id:\\\\t' + prog.id + '\\\\n').test(readFileSync('/proc/self/fdinfo/' + fd, 'latin1'));
    } catch { return false; }
  }));
}
/** A process that holds it, and ends with this one. */
function hold(prog) {
  const owner = spawn('cat', {stdio: ['pipe', 'ignore', 'ignore', fdOf(prog)]});
  return {pid: owner.pid, end: async () => { owner.stdin.end(); await once(owner, 'exit'); }};
}
const kinds = {
  program() {
    const types = ['xdp', 'sched_cls', 'socket_filter', 'cgroup_skb'];
    const prog = testbed.load({type: types[count % 4], name: name(), maps: count % 3 ? [] : ['one']});
    prog.run(1 + count % 50);
    return () => prog.close();
  },
  owner() {
    const prog = testbed.load({type: 'sched_cls', name: name(), fullName: 'soak_with_a_long_name_' + count});
    const owner = hold(prog);
    prog.close();
    return () => owner.end();
  },
  cgroup() {
    const dir = cgroups + '/' + name();
    mkdirSync(dir);
    const prog = testbed.load({type: 'cgroup_skb', name: name()});
    prog.attach(count % 2 ? {cgroup: dir} : {cgroupWithoutLink: dir});
    const owner = hold(prog);
    writeFileSync(dir + '/cgroup.procs', String(owner.pid));
    return async () => {
      await owner.end();
      prog.detach();
      prog.close();
      for (;;) try { return rmdirSync(dir); } catch (error) { if (error.code !== 'EBUSY') throw error; await new Promise(setImmediate); }
    };
  },
  netns() {
    const child = spawn('unshare', ['-n', process.execPath, '-e', ${JSON.stringify(inNetns)}, name()], {stdio: ['pipe', 'ignore', 'inherit']});
    return async () => { child.stdin.end(); await once(child, 'exit'); };
  },
};
// So many of each at once, and one comes or goes every so many ms.
const plan = [['program', 40, 30], ['owner', 8, 300], ...(cgroups ? [['cgroup', 5, 400]] : []), ['netns', 2, 4000]];
let stopped = false;
const loops = plan.map(async ([kind, most, everyMs]) => {
  const held = [];
  for (let turn = 0; !stopped; turn++) {
    if (held.length === most || (held.length > 0 && turn * 7919 % 3 === 0)) await held.splice(turn * 31 % held.length, 1)[0]();
    else held.push(kinds[kind]()), counts[kind]++;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  for (const end of held) await end();
});
process.stdin.once('data', async () => {
  stopped = true;
  await Promise.all(loops);
  console.log(JSON.stringify(counts));
  process.exit();
});
console.log('ready');
`;

/** What came and went. */
export interface Churned {
  readonly program: number;
  readonly owner: number;
  readonly cgroup: number;
  readonly netns: number;
}

/** Starts it. @returns what stops it, takes all of it away, and says how much there was. */
export async function startChurn(t: {teardown(done: () => unknown): void}): Promise<() => Promise<Churned>> {
  const root = mountOf('cgroup2');
  const dir = root === undefined ? null : mkdtempSync(path.join(root, 'bpftop-soak-'));
  const child = startChild(t, body(dir));
  t.teardown(async () => {
    child.kill('SIGKILL');
    await child.end;
    if (dir !== null) await removeCgroups(dir);
  });
  if ((await child.line()) !== 'ready') throw new Error((await child.end).stderr);
  return async () => {
    child.send('stop');
    const line = await child.line();
    const {stderr} = await child.end;
    if (line === undefined || stderr !== '') throw new Error(stderr);
    return JSON.parse(line) as Churned;
  };
}

/** A cgroup can go once its last process has, which takes a moment. */
async function removeCgroups(dir: string): Promise<void> {
  for (const entry of readdirSync(dir, {withFileTypes: true}))
    if (entry.isDirectory()) await removeCgroups(path.join(dir, entry.name));
  for (let tries = 0; ; tries++) {
    try {
      return rmdirSync(dir);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || tries === 200) throw error;
      await sleep(20);
    }
  }
}
