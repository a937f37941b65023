/** What lasts: many loads, many programs, many samples. ENDURANCE_LOADS, ENDURANCE_PROGRAMS and ENDURANCE_SAMPLES make it longer. */
import t from 'tap';
import {type Child, startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openFds, rowOf} from '../helpers/kernel.js';
import {both} from '../helpers/samplers.js';

const loads = Number(process.env['ENDURANCE_LOADS'] ?? 100_000);
const programs = Number(process.env['ENDURANCE_PROGRAMS'] ?? 10_000);
const samples = Number(process.env['ENDURANCE_SAMPLES'] ?? 1_000);

t.setTimeout(3_600_000);

/** Loads and unloads as fast as it can, up to 50 programs at once; says "done" after `count` loads. */
function startChurn(t: Parameters<typeof startChild>[0], count: number): Child {
  return startChild(
    t,
    `const testbed = load('testbed.node');
     console.log('ready');
     process.stdin.once('data', () => {
       const held = Array(50);
       for (let i = 0; i < ${count}; i++) {
         const at = (i * 7919) % held.length;
         held[at]?.close();
         held[at] = testbed.load({type: 'xdp'});
       }
       console.log('done');
       process.exit();
     });`,
  );
}

both(`${loads} loads by other processes while it samples`, async (t, open) => {
  const sampler = open();
  const stays = loadProg(t, {type: 'xdp', name: 'stays', maps: ['one']});
  const own = await sampler.sample();
  const fds = openFds('bpf').length;
  const churn = [1, 2].map(() => startChurn(t, Math.ceil(loads / 2)));
  for (const child of churn) t.equal(await child.line(), 'ready');
  let running = churn.length;
  for (const child of churn) {
    child.send('go');
    void child.line().then((line) => {
      t.equal(line, 'done');
      running--;
    });
  }
  let passes = 0;
  let appeared = 0;
  let runs = 0n;
  while (running > 0) {
    stays.run(3);
    runs += 3n;
    const sample = await sampler.sample();
    passes++;
    appeared += sample.appeared.length;
    if (rowOf(sample, stays.id)?.runCnt !== runs) t.fail('what stays is in every pass, with the runs it has had');
    if (sample.sampler !== own.sampler) t.fail(`it fell back: ${sample.fallbackReason}`);
    for (let row = 1; row < sample.ids.length; row++) if (sample.ids[row]! <= sample.ids[row - 1]!) t.fail('ids ascend');
    for (const info of sample.appeared) if (sample.ids[info.index] !== info.id) t.fail('what appears is where it says');
  }
  t.ok(appeared > passes, `${passes} passes met ${appeared} new programs`);
  t.equal(openFds('bpf').length, fds);
  t.ok(loadProg(t, {type: 'xdp'}).id - own.ids.at(-1)! > loads * 0.9, 'ids went on');
});

t.test(`${programs} programs`, {skip: kernelSkip}, async (t) => {
  const child = startChild(
    t,
    `const testbed = load('testbed.node');
     const {Sampler} = load('bpf.node');
     const statistics = new Sampler({enableStats: true});
     // Not XDP: two runs or more of it change its dispatcher, which takes the kernel 30 ms.
     const types = ['sched_cls', 'socket_filter', 'cgroup_skb'];
     const progs = Array.from({length: ${programs}}, (_, i) => testbed.load({type: types[i % 3], name: 'p' + i}));
     (async () => {
       await statistics.sample();
       progs.forEach((prog, i) => prog.run(1 + i % 5));
       for (const sampler of ['iterator', 'walk', 'auto']) {
         const one = new Sampler({enableStats: false, sampler});
         const sample = await one.sample().catch(({message}) => ({message}));
         if (sample.message) { console.log(JSON.stringify({sampler, refused: sample.message})); continue; }
         const rows = new Map(Array.from(sample.ids, (id, row) => [id, row]));
         const names = new Map(sample.appeared.map(({id, name}) => [id, name]));
         const good = progs.filter(({id}, i) => names.get(id) === 'p' + i && sample.runCnt[rows.get(id)] === BigInt(1 + i % 5));
         const again = await one.sample();
         console.log(JSON.stringify({sampler, good: good.length, again: again.appeared.filter(({id}) => rows.has(id)).length}));
         one.close();
       }
     })();`,
  );
  for (const sampler of ['iterator', 'walk', 'auto']) {
    const answer = JSON.parse((await child.line()) ?? '{}') as {refused?: string};
    if (sampler === 'iterator' && answer.refused) t.pass('no iterator here', {skip: answer.refused});
    else t.strictSame(answer, {sampler, good: programs, again: 0});
  }
  t.match(await child.end, {code: 0, stderr: ''});
});

both(`${samples} samples leave fds and memory as they were`, async (t, _open, sampler) => {
  const child = startChild(
    t,
    `const testbed = load('testbed.node');
     const {Sampler} = load('bpf.node');
     const {readdirSync} = require('node:fs');
     const progs = Array.from({length: 300}, (_, i) => testbed.load({type: 'xdp', name: 'p' + i, maps: i % 10 ? [] : ['one']}));
     const sampler = new Sampler({enableStats: true, sampler: '${sampler}'});
     const state = () => { gc(); gc(); return {fds: readdirSync('/proc/self/fd').length, rss: process.memoryUsage.rss()}; };
     (async () => {
       const pass = async (i) => {
         progs[i % 300].close();
         progs[i % 300] = testbed.load({type: 'xdp', maps: i % 10 ? [] : ['one']});
         await sampler.sample();
       };
       for (let i = 0; i < 300; i++) await pass(i);
       const before = state();
       for (let i = 0; i < ${samples}; i++) await pass(i);
       const after = state();
       console.log(JSON.stringify({fds: after.fds - before.fds, mb: (after.rss - before.rss) / 2 ** 20}));
     })();`,
    {nodeFlags: ['--expose-gc']},
  );
  const {fds, mb} = JSON.parse((await child.line())!) as {fds: number; mb: number};
  t.equal(fds, 0);
  t.ok(mb < 16, `${mb.toFixed(1)} MB more`);
  t.match(await child.end, {code: 0, stderr: ''});
});
