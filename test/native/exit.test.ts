import path from 'node:path';
import t from 'tap';
import {startChild} from '../helpers/child.js';
import {has} from '../helpers/mounts.js';

t.test('the process ends at once, though a thread of the pool is stuck', async (t) => {
  const fifo = path.join(t.testdir({}), 'fifo');
  if (!has('mkfifo', fifo)) return void t.pass('not here', {skip: 'needs mkfifo'});
  const child = startChild(
    t,
    `require('node:fs').open(${JSON.stringify(fifo)}, 'r', () => {});
     setTimeout(() => load('bpf.node').exitNow(5), 50);`,
  );
  t.match(await child.end, {code: 5, stderr: ''});
});
