import t from 'tap';
import {startDemo} from '../../src/cli/demo.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {type Document, run} from '../helpers/cli.js';
import {kernelSkip} from '../helpers/kernel.js';

t.test('about six programs of different types run at different rates, and go with it', {skip: kernelSkip}, async (t) => {
  const {stdout, status} = await run(['demo', '--json', '-d', '700ms', '-f', 'demo_']);
  t.equal(status, 0);
  const {programs} = JSON.parse(stdout) as Document;
  t.equal(programs.length, 6);
  t.equal(new Set(programs.map((prog) => prog['type'])).size, 6, 'as many types');
  const driven = programs.filter((prog) => prog['type'] !== 'raw_tracepoint');
  for (const prog of driven) t.ok((prog['period_run_cnt'] as number) > 0, prog.name);
  t.equal(programs.filter((prog) => prog['sleepable'] === true && prog['cpu_pct'] === null).length, 1);

  const collector = new KernelCollector({enableStats: false});
  t.teardown(() => collector.close());
  const ids = new Set(programs.map((prog) => prog.id));
  const left = async () => (await collector.sample()).progs.info.filter((info) => ids.has(info.id)).length;
  for (let tries = 0; (await left()) > 0 && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(await left(), 0, 'unloaded');
});

t.test('stopped twice or at once, nothing of it stays', {skip: kernelSkip}, async (t) => {
  const collector = new KernelCollector({enableStats: false});
  t.teardown(() => collector.close());
  const ids = async () =>
    new Set((await collector.sample()).progs.info.filter(({name}) => name.startsWith('demo_')).map(({id}) => id));
  const others = await ids();
  const demo = startDemo();
  const own = [...(await ids())].filter((id) => !others.has(id));
  t.equal(own.length, 6);
  demo.stop();
  demo.stop();
  const left = async () => {
    const now = await ids();
    return own.filter((id) => now.has(id)).length;
  };
  for (let tries = 0; (await left()) > 0 && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  t.equal(await left(), 0);
});
