/** A cgroup file system is a tree of directories: any will do. */
import {lstatSync, mkdirSync, mkdtempSync, realpathSync, rmdirSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import t, {type Test} from 'tap';
import {CgroupPaths} from '../../src/collectors/cgroup-paths.js';

/** A host whose cgroup2 is mounted at `/cg roup`, `mounted` of it, with these directories; and the id of one. */
function makeHost(t: Test, folders: readonly string[], mounted = '/') {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'bpftop-ts-')));
  t.teardown(() => rmSync(root, {recursive: true}));
  mkdirSync(path.join(root, 'proc/1'), {recursive: true});
  const mountinfo = [
    '22 27 0:21 / /proc rw,relatime - proc proc rw',
    '33 22 0:32 / /nowhere rw - cgroup2 cgroup2 rw',
    `34 22 0:33 ${mounted} /cg\\040roup rw shared:4 - cgroup2 cgroup2 rw`,
    '',
  ];
  writeFileSync(path.join(root, 'proc/1/mountinfo'), mountinfo.join('\n'));
  for (const folder of ['', ...folders]) mkdirSync(path.join(root, 'cg roup', folder), {recursive: true});
  const at = (folder: string) => path.join(root, 'cg roup', folder);
  const id = (folder: string) => lstatSync(at(folder), {bigint: true}).ino;
  return {root, at, id};
}

t.test('paths are those below the mount, the root is /', async (t) => {
  const {root, id} = makeHost(t, ['system.slice/foo.service', 'kubepods.slice/a/b']);
  const [whole, foo, b] = [id(''), id('system.slice/foo.service'), id('kubepods.slice/a/b')];
  t.strictSame(
    await new CgroupPaths(root).find(new Set([whole, foo, b, 0n])),
    new Map([
      [whole, '/'],
      [foo, '/system.slice/foo.service'],
      [b, '/kubepods.slice/a/b'],
    ]),
  );
});

t.test('where only a part is mounted, paths begin with that part', async (t) => {
  const {root, id} = makeHost(t, ['inner'], '/docker/0123');
  t.equal((await new CgroupPaths(root).find(new Set([id('inner')]))).get(id('inner')), '/docker/0123/inner');
});

t.test('what is known is not looked for again; a new id is', async (t) => {
  const {root, at, id} = makeHost(t, ['a', 'b']);
  const paths = new CgroupPaths(root);
  const [a, b] = [id('a'), id('b')];
  t.equal((await paths.find(new Set([a, 0n]))).size, 1);
  rmdirSync(at('a'));
  t.equal((await paths.find(new Set([a, 0n]))).get(a), '/a', 'remembered');
  t.equal((await paths.find(new Set([a, b]))).get(b), '/b');
});

t.test('a loop of links, a file, no mounts at all, no time', async (t) => {
  const {root, at, id} = makeHost(t, ['a']);
  symlinkSync('..', at('a/up'));
  writeFileSync(at('cgroup.procs'), '');
  t.equal((await new CgroupPaths(root).find(new Set([0n, id('a')]))).size, 1);
  t.equal((await new CgroupPaths(root).find(new Set([id('a')]), -1)).size, 0);
  t.equal((await new CgroupPaths(path.join(root, 'proc')).find(new Set([1n]))).size, 0);
});
