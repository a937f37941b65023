/** A pass is under way on another thread when things end: nothing may crash, nothing may be left. */
import {once} from 'node:events';
import {Worker} from 'node:worker_threads';
import t from 'tap';
import {scriptOf, startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openFds} from '../helpers/kernel.js';

/** Samples for ever, with three samplers, reads links and network namespaces, and says when the first pass is done. */
const flood = `
  const {Sampler, readLinks, readNetns} = load('bpf.node');
  let said = false;
  const forever = async (enableStats, sampler) => {
    const one = new Sampler({enableStats, sampler});
    for (;;) {
      await one.sample();
      if (!said) require('node:worker_threads').parentPort.postMessage('sampling');
      said = true;
    }
  };
  forever(true, 'auto');
  forever(false, 'auto');
  forever(false, 'walk');
  (async () => {
    for (;;) await readLinks().catch(() => undefined); // a kernel before 5.8
  })();
  (async () => {
    for (;;) await readNetns();
  })();
`;

t.test('workers terminated in mid-pass leave nothing open', {skip: kernelSkip}, async (t) => {
  // Enough programs that a pass takes a while.
  for (let i = 0; i < 200; i++) loadProg(t, {type: 'xdp'});
  const kinds = () => Object.fromEntries(['bpf-stats', 'bpf-prog', 'net:['].map((kind) => [kind, openFds(kind).length]));
  const before = kinds();
  for (let round = 0; round < 20; round++) {
    const workers = [1, 2].map(() => new Worker(scriptOf(flood), {eval: true, execArgv: []}));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  t.strictSame(kinds(), before);
});

t.test('a worker that ends by itself in mid-pass', {skip: kernelSkip}, async (t) => {
  for (let round = 0; round < 20; round++) {
    const worker = new Worker(
      scriptOf(`const {Sampler} = load('bpf.node'); new Sampler({enableStats: true}).sample(); process.exit(0);`),
      {eval: true, execArgv: []},
    );
    t.equal((await once(worker, 'exit'))[0], 0);
  }
});

t.test('process.exit in mid-pass ends with the status it was given', {skip: kernelSkip}, async (t) => {
  for (let i = 0; i < 200; i++) loadProg(t, {type: 'xdp'});
  for (let round = 0; round < 5; round++) {
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
       const passes = [true, false, true].map((enableStats) => new Sampler({enableStats}).sample());
       if (${round} % 2) process.exit(7);
       else passes[0].then(() => { new Sampler({enableStats: true}).sample(); process.exit(7); });`,
    );
    t.strictSame(await child.end, {code: 7, signal: null, stderr: ''});
  }
});

t.test(
  'a sampler collected in mid-pass finishes the pass, and one forgotten gives its fds back',
  {skip: kernelSkip},
  async (t) => {
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
     const {readdirSync, readlinkSync} = require('node:fs');
     const held = () => readdirSync('/proc/self/fd').filter((fd) => {
       try { return readlinkSync('/proc/self/fd/' + fd).includes('bpf-stats'); } catch { return false; }
     }).length;
     (async () => {
       const passes = Array.from({length: 20}, () => new Sampler({enableStats: true}).sample());
       gc();
       const samples = await Promise.all(passes);
       // A finalizer runs some turns of the loop after its object was collected.
       for (let tries = 0; tries < 1000 && held() > 0; tries++) {
         gc();
         await new Promise(setImmediate);
       }
       console.log(JSON.stringify({samples: samples.filter(({ids}) => ids).length, after: held()}));
     })();`,
      {nodeFlags: ['--expose-gc']},
    );
    t.equal(await child.line(), '{"samples":20,"after":0}');
    t.strictSame(await child.end, {code: 0, signal: null, stderr: ''});
  },
);

t.test('the same process can load the addon in many workers, one after another', {skip: kernelSkip}, async (t) => {
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(
      scriptOf(`
        const {parentPort} = require('node:worker_threads');
        const prog = load('testbed.node').load({type: 'xdp'});
        const sampler = new (load('bpf.node').Sampler)({enableStats: true});
        sampler.sample().then(() => prog.run(3)).then(() => sampler.sample())
          .then((sample) => parentPort.postMessage(sample.runCnt[sample.ids.indexOf(prog.id)]));`),
      {eval: true, execArgv: []},
    );
    const [message] = (await once(worker, 'message')) as [bigint];
    t.equal(message, 3n);
    await worker.terminate();
  }
});
