import os from 'node:os';
import t from 'tap';
import {countCpus, readHost} from '../../src/collectors/host.js';

t.test('a CPU list is counted; anything else is unknown', (t) => {
  t.equal(countCpus('0'), 1);
  t.equal(countCpus('0-3'), 4);
  t.equal(countCpus('0-3,8,10-11'), 7);
  for (const bad of ['', '0-', 'x', '0,', '-1', null]) t.equal(countCpus(bad), null, String(bad));
  t.end();
});

t.test('the host says its own names', (t) => {
  const host = readHost();
  t.equal(host.hostname, os.hostname());
  t.equal(host.kernelRelease, os.release());
  t.ok(host.cpusOnline >= 1);
  t.end();
});
