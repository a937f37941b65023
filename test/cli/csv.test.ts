import t from 'tap';
import {fields} from '../../src/model/fields.js';
import {run} from '../helpers/cli.js';
import {parseCsv} from '../helpers/csv.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';

t.test('samples follow each other in one table with one header', {skip: kernelSkip}, async (t) => {
  const prog = loadProg(t, {type: 'socket_filter', name: 'in_a_csv'});
  const {stdout, stderr, status} = await run(['--format', 'csv', '-n', '2', '-d', '60ms', '-f', 'name=in_a_csv']);
  t.match({stderr, status}, {stderr: '', status: 0});
  const [header = [], ...rows] = parseCsv(stdout);
  t.same(header, ['taken_at', ...fields.map(({key}) => key)]);
  const cells = (key: string) => rows.map((row) => row[header.indexOf(key)]);
  t.same(cells('id'), [String(prog.id), String(prog.id)]);
  t.same(cells('type'), ['socket_filter', 'socket_filter']);
  t.equal(new Set(cells('taken_at')).size, 2);
  t.same(cells('self'), ['false', 'false']);
});

t.test('a filter that matches nothing leaves the header', {skip: kernelSkip}, async (t) => {
  const {stdout, status} = await run(['--format', 'csv', '-d', '60ms', '-f', 'id<0']);
  t.equal(status, 0);
  t.equal(parseCsv(stdout).length, 1);
});

t.test('a bad filter is bad usage: a sentence, and a caret below the place', async (t) => {
  const {stdout, stderr, status} = await run(['-f', 'xdp nam=\u001b[2J']);
  t.match({stdout, status}, {stdout: '', status: 2});
  t.equal(
    stderr,
    `bpftop-ts: --filter: unknown field 'nam'; did you mean 'name'? Try: bpftop-ts --help
  xdp nam=<1b>[2J
      ^
`,
  );
});
