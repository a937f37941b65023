/** In a guest: the built tool says which way it reads this kernel, and counts exactly. SAMPLER is the way that is expected. */
import {existsSync} from 'node:fs';
import {createInterface} from 'node:readline';
import t from 'tap';
import {type Document, run, start} from '../helpers/cli.js';
import {loadProg} from '../helpers/kernel.js';

const expected = process.env['SAMPLER'];
t.ok(expected === 'iterator' || expected === 'walk', 'it is known what to expect');

t.test('one document: how it was read, and nothing to warn of', async (t) => {
  const {stdout, stderr, status} = await run(['--json', '-d', '200ms']);
  t.equal(stderr, '');
  t.equal(status, 0);
  const {sampling, warnings} = JSON.parse(stdout) as Document & {sampling: {fallback_reason: string | null}};
  t.match(sampling, {sampler: expected, stats: 'enabled_here'});
  if (expected === 'iterator') t.equal(sampling.fallback_reason, null);
  else t.equal(sampling.fallback_reason, 'open: ENOENT: /sys/kernel/btf/vmlinux');
  t.equal(expected === 'iterator', existsSync('/sys/kernel/btf/vmlinux'));
  // An emulated CPU may not be done in the time that one run waits.
  const telling = warnings.filter(({code}) => !code.endsWith('_late'));
  t.strictSame(telling, []);
});

for (const sampler of expected === 'iterator' ? ['iterator', 'walk'] : ['walk'])
  t.test(`${sampler}: N runs are N`, async (t) => {
    const prog = loadProg(t, {type: 'xdp', name: 'exactly_N', maps: ['one']});
    const tool = start(['--json', '-n', '0', '-d', '200ms', '--sampler', sampler]);
    t.teardown(() => tool.kill());
    const lines = createInterface(tool.stdout)[Symbol.asyncIterator]();
    const next = async () => {
      const document = JSON.parse((await lines.next()).value as string) as Document;
      return document.programs.find(({id}) => id === prog.id);
    };
    t.match(await next(), {name: 'exactly_N', type: 'xdp', run_cnt: 0, period_run_cnt: 0, avg_run_time_ns: null});
    const runs = 4321;
    prog.run(runs - 1, 0);
    prog.run(1);
    let counted = 0;
    let last;
    while (counted < runs) {
      last = await next();
      counted += last?.['period_run_cnt'] as number;
    }
    t.match(last, {run_cnt: runs, run_time_ns: Number(prog.counters().runTimeNs), map_ids: [Number]});
    t.equal(counted, runs);
  });
