import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import type {NativeSample, NativeSampler, TestProg} from '../../src/addon.js';
import {startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openFds, openSampler, someoneElseHasThemOn, sysctlIsOn} from '../helpers/kernel.js';
import {both} from '../helpers/samplers.js';

/** Statistics belong to the whole machine, other tests switch them on as well: what is true is read off a program of our own. */
function areOn(witness: TestProg): boolean {
  const before = witness.counters().runCnt;
  witness.run(1);
  return witness.counters().runCnt > before;
}

/** Samples until the witness said the same before and after: then the sample must say so too. */
async function sampleWhile(on: boolean, sampler: NativeSampler, witness: TestProg): Promise<NativeSample | undefined> {
  for (let tries = 0; tries < 200; tries++) {
    const before = areOn(witness);
    const sample = await sampler.sample();
    if (before === on && areOn(witness) === on) return sample;
    await sleep(50);
  }
  return undefined;
}

/** Where the administrator has them on for good, nothing can be said about off. */
const sysctlSkip = kernelSkip || (sysctlIsOn() && 'the sysctl has statistics on');

both('with enableStats they are on, by us, and the probe is not needed', async (t, open) => {
  const witness = loadProg(t, {type: 'xdp'});
  const progs = openFds('bpf-prog').length;
  const sampler = open();
  t.equal(sampler.statsError, null);
  const sample = await sampler.sample();
  t.equal(sample.stats, 'enabled_here');
  t.ok(areOn(witness));
  t.equal(openFds('bpf-stats').length, 1);
  t.equal(openFds('bpf-prog').length, progs, 'no program is held');
});

both('close gives the statistics back', async (t, open) => {
  const sampler = open();
  await sampler.sample();
  sampler.close();
  t.strictSame(openFds('bpf-stats'), []);
});

both(
  'a watcher sees that someone else has them on, though the sysctl reads 0',
  async (t, open) => {
    const watcher = open({enableStats: false});
    t.equal(watcher.statsError, null);
    const other = open();
    t.equal((await watcher.sample()).stats, 'already_on');
    t.equal((await watcher.sample()).stats, 'already_on');
    t.notOk(sysctlIsOn());
    other.close();
  },
  sysctlSkip,
);

both(
  'a watcher sees that they are off, and does not switch them on',
  async (t, open) => {
    const watcher = open({enableStats: false});
    const witness = loadProg(t, {type: 'xdp'});
    const sample = await sampleWhile(false, watcher, witness);
    if (!sample) return void t.pass('not here', {skip: 'someone else has statistics on all the time'});
    t.equal(sample.stats, 'off');
    t.ok(sample.ids.includes(witness.id), 'programs are listed all the same');
  },
  sysctlSkip,
);

both(
  'a watcher follows them on and off again',
  async (t, open) => {
    const watcher = open({enableStats: false});
    const witness = loadProg(t, {type: 'xdp'});
    for (let round = 0; round < 3; round++) {
      const other = open();
      t.equal((await watcher.sample()).stats, 'already_on');
      other.close();
      const sample = await sampleWhile(false, watcher, witness);
      if (!sample) return void t.pass('not here', {skip: 'someone else has statistics on all the time'});
      t.equal(sample.stats, 'off');
    }
  },
  sysctlSkip,
);

t.test(
  "the watcher's own probe is loaded once, listed from the first pass on, and marked",
  {skip: sysctlSkip},
  async (t) => {
    const watcher = openSampler(t, {enableStats: false, sampler: 'walk'});
    const own = (await watcher.sample()).appeared.filter(({self}) => self);
    t.match(own, [{name: 'bpftop_probe', type: 1}]);
    const next = await watcher.sample();
    t.ok(next.ids.includes(own[0]!.id));
    t.notOk(next.appeared.some(({self}) => self));
    const other = (await openSampler(t).sample()).appeared.find(({id}) => id === own[0]!.id);
    t.equal(other?.self, false, 'to another sampler it is a program like any other');
  },
);

both(
  'a process that is killed leaves statistics off',
  async (t, open) => {
    const watcher = open({enableStats: false});
    const witness = loadProg(t, {type: 'xdp'});
    const child = startChild(
      t,
      `const {Sampler} = load('bpf.node');
     globalThis.kept = new Sampler({enableStats: true});
     console.log(JSON.stringify(kept.statsError));
     setInterval(() => undefined, 1000);`,
    );
    t.equal(await child.line(), 'null');
    t.equal((await watcher.sample()).stats, 'already_on');
    child.kill('SIGKILL');
    t.equal((await child.end).signal, 'SIGKILL');
    for (let tries = 0; tries < 200 && someoneElseHasThemOn(); tries++) await sleep(50);
    const sample = await sampleWhile(false, watcher, witness);
    if (!sample && someoneElseHasThemOn())
      return void t.pass('not here', {skip: 'someone else has statistics on all the time'});
    t.equal(sample?.stats, 'off');
  },
  sysctlSkip,
);

t.test('without privilege statsError says why, and a pass ends with EPERM', {skip: kernelSkip}, async (t) => {
  const child = startChild(
    t,
    `const {Sampler} = load('bpf.node'); // while its file can still be read
     process.setgroups([]);
     process.setgid(65534);
     process.setuid(65534);
     for (const enableStats of [true, false]) {
       const sampler = new Sampler({enableStats});
       sampler.sample().catch(({code, syscall}) => {
         console.log(JSON.stringify({enableStats, statsError: sampler.statsError, error: {code, syscall}}));
       });
     }`,
  );
  const answers = [await child.line(), await child.line()].map((line) => JSON.parse(line!) as {enableStats: boolean});
  answers.sort((a, b) => Number(b.enableStats) - Number(a.enableStats));
  const refused = {code: 'EPERM', syscall: 'bpf(BPF_PROG_GET_NEXT_ID)'};
  t.strictSame(answers, [
    {enableStats: true, statsError: {code: 'EPERM', syscall: 'bpf(BPF_ENABLE_STATS)'}, error: refused},
    {enableStats: false, statsError: null, error: refused},
  ]);
  t.match(await child.end, {code: 0, stderr: ''});
});
