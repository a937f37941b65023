import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {startChild} from '../helpers/child.js';
import {
  areOn,
  kernelSkip,
  loadProg,
  openFds,
  openSampler,
  sampleWhile,
  someoneElseHasThemOn,
  switchStatsOn,
  sysctlIsOn,
  sysctlSkip,
} from '../helpers/kernel.js';
import {both} from '../helpers/samplers.js';

both('with enableStats they are on, by us, and the probe is not needed', async (t, open) => {
  const witness = loadProg(t, {type: 'xdp'});
  const progs = openFds('bpf-prog').length;
  const sampler = open();
  t.strictSame(openFds('bpf-stats'), [], 'not before the first pass');
  const sample = await sampler.sample();
  t.match(sample, {stats: 'enabled_here', statsError: null});
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
    const other = open();
    await other.sample();
    t.match(await watcher.sample(), {stats: 'already_on', statsError: null, statsCostNs: null});
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
      await other.sample();
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
     kept.sample().then(({statsError}) => console.log(JSON.stringify(statsError)));
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

t.test('without privilege a pass ends with EPERM', {skip: kernelSkip}, async (t) => {
  const child = startChild(
    t,
    `const {Sampler} = load('bpf.node'); // while its file can still be read
     process.setgroups([]);
     process.setgid(65534);
     process.setuid(65534);
     for (const enableStats of [true, false])
       new Sampler({enableStats}).sample().catch(({code, syscall}) => console.log(JSON.stringify({code, syscall})));`,
  );
  const refused = {code: 'EPERM', syscall: 'bpf(BPF_PROG_GET_NEXT_ID)'};
  for (let i = 0; i < 2; i++) t.strictSame(JSON.parse((await child.line())!), refused);
  t.match(await child.end, {code: 0, stderr: ''});
});

both('what statistics add to a run is timed once, when they come on, and its program goes again', async (t, open) => {
  const progs = openFds('bpf-prog').length;
  let costs: (number | null | undefined)[] = [];
  // Where somebody else switches them on or off meanwhile, or the machine is too busy, it can't be told; then another time.
  for (let tries = 0; tries < 50 && typeof costs[0] !== 'number'; tries++) {
    const sampler = open();
    costs = [(await sampler.sample()).statsCostNs, (await sampler.sample()).statsCostNs];
    sampler.close();
    t.equal(openFds('bpf-prog').length, progs, 'nothing holds its program');
    if (costs[0] === null) await sleep(100);
  }
  if (costs[0] === null && someoneElseHasThemOn())
    return void t.pass('not here', {skip: 'someone else has statistics on all the time'});
  const [cost] = costs;
  t.ok(Number.isInteger(cost) && (cost as number) > 0 && (cost as number) < 10_000, `${cost} ns`);
  t.equal(costs[1], cost, 'and kept');
});

both('where they are on already there is nothing to be timed', async (t, open) => {
  await switchStatsOn(t);
  t.match(await open().sample(), {stats: 'enabled_here', statsError: null, statsCostNs: null});
  t.match(await open({enableStats: false}).sample(), {stats: 'already_on', statsError: null, statsCostNs: null});
});
