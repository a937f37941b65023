import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmdirSync} from 'node:fs';
import {join} from 'node:path';
import t from 'tap';
import {startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openSampler, rowOf, switchStatsOn, typeSkip} from '../helpers/kernel.js';
import {has, mountOf, tracefsOf} from '../helpers/mounts.js';

/** A child that, told so, sends `count` UDP packets from a new socket to a socket of its own that never reads. */
const sender = `
  const dgram = require('node:dgram');
  const sink = dgram.createSocket('udp4');
  const send = (count, done) => {
    const socket = dgram.createSocket('udp4');
    let left = count;
    const next = () => left-- > 0 ? socket.send('x', sink.address().port, '127.0.0.1', next) : socket.close(done);
    next();
  };
`;

t.test('XDP on lo counts real packets', {skip: kernelSkip}, async (t) => {
  if (!has('unshare', '-n', 'ip', 'link', 'set', 'lo', 'up')) return void t.pass('not here', {skip: 'needs unshare and ip'});
  // In a network namespace of its own: nobody else's packets, nobody else's XDP program.
  const child = startChild(
    t,
    `${sender}
     const prog = load('testbed.node').load({type: 'xdp', name: 'on_lo'});
     const sampler = new (load('bpf.node').Sampler)({enableStats: true});
     const statistics = sampler.sample();
     prog.attach({xdp: 1});
     sink.bind(0, '127.0.0.1', () => statistics.then(() => send(50, async () => {
       const sample = await sampler.sample();
       prog.detach();
       send(50, () => {
         sink.close();
         const counted = Number(sample.runCnt[sample.ids.indexOf(prog.id)]);
         console.log(JSON.stringify({counted, afterDetach: Number(prog.counters().runCnt)}));
       });
     })));`,
    {wrapper: ['unshare', '-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh']},
  );
  t.equal(await child.line(), '{"counted":50,"afterDetach":50}');
  t.match(await child.end, {code: 0, stderr: ''});
});

t.test('cgroup programs count what a process in that cgroup does', {skip: kernelSkip}, async (t) => {
  const root = mountOf('cgroup2');
  if (root === undefined) return void t.pass('not here', {skip: 'no cgroup2 mounted'});
  const cgroup = mkdtempSync(join(root, 'bpftop-test-'));
  t.teardown(() => rmdirSync(cgroup));
  const sampler = await switchStatsOn(t);
  const packets = loadProg(t, {type: 'cgroup_skb', name: 'egress'});
  const sockets = loadProg(t, {type: 'cgroup_sock', name: 'sock_create'});
  packets.attach({cgroup});
  sockets.attach({cgroup});

  const child = startChild(
    t,
    `${sender}
     sink.bind(0, '127.0.0.1', () => {
       require('node:fs').writeFileSync(${JSON.stringify(`${cgroup}/cgroup.procs`)}, String(process.pid));
       console.log('ready');
       require('node:readline').createInterface({input: process.stdin})
         .on('line', (count) => send(Number(count), () => console.log('sent')))
         .on('close', () => process.exit());
     });`,
  );
  t.equal(await child.line(), 'ready');
  for (const [round, count] of [20, 7].entries()) {
    child.send(String(count));
    t.equal(await child.line(), 'sent');
    const sample = await sampler.sample();
    t.equal(rowOf(sample, packets.id)?.runCnt, round === 0 ? 20n : 27n);
    t.equal(rowOf(sample, sockets.id)?.runCnt, BigInt(round + 1));
  }
  packets.detach();
  sockets.detach();
  child.send('5');
  t.equal(await child.line(), 'sent');
  const sample = await sampler.sample();
  t.equal(rowOf(sample, packets.id)?.runCnt, 27n, 'no more once it is detached');
  t.equal(rowOf(sample, sockets.id)?.runCnt, 2n);
  child.kill('SIGKILL');
  await child.end; // or the cgroup can't be removed
});

t.test('a raw tracepoint program counts real events', {skip: typeSkip('raw_tracepoint')}, async (t) => {
  const sampler = openSampler(t);
  const prog = loadProg(t, {type: 'raw_tracepoint'});
  prog.attach({rawTracepoint: 'sched_process_exec'});
  const before = rowOf(await sampler.sample(), prog.id)!.runCnt;
  for (let i = 0; i < 5; i++) spawnSync('true');
  t.ok(rowOf(await sampler.sample(), prog.id)!.runCnt >= before + 5n); // others on this machine start processes as well
});

t.test(
  'a tracepoint program counts real events, on whichever CPU they happen',
  {skip: typeSkip('tracepoint')},
  async (t) => {
    const tracefs = tracefsOf(t);
    if (tracefs === undefined) return void t.pass('not here', {skip: 'no tracefs'});
    const sampler = openSampler(t);
    const prog = loadProg(t, {type: 'tracepoint'});
    prog.attach({tracepoint: Number(readFileSync(join(tracefs, 'events/sched/sched_process_exec/id'), 'utf8'))});
    const pin = has('taskset', '-c', '1', 'true') ? ['taskset', '-c', '1'] : [];
    const before = rowOf(await sampler.sample(), prog.id)!.runCnt;
    for (let i = 0; i < 5; i++) spawnSync('env', [...pin, 'true']);
    t.ok(rowOf(await sampler.sample(), prog.id)!.runCnt >= before + 5n);
  },
);

t.test('a program loaded as sleepable counts its runs', {skip: typeSkip('syscall')}, async (t) => {
  const sampler = await switchStatsOn(t);
  const prog = loadProg(t, {type: 'syscall', name: 'sleepable', loops: 100});
  prog.run(5);
  const sample = await sampler.sample();
  t.equal(rowOf(sample, prog.id)?.runCnt, 5n);
  t.equal(sample.appeared.find(({id}) => id === prog.id)?.type, 31); // BPF_PROG_TYPE_SYSCALL
});
