import {chmodSync, lchownSync, readdirSync, readFileSync, statSync, symlinkSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {createNew, replaceFile, writeNew} from '../../src/cli/files.js';

t.test('a new file is for its owner alone; one that is there, or a link, is left as it is', async (t) => {
  const dir = t.testdir({old: 'old', victim: 'precious'});
  const at = (name: string) => path.join(dir, name);
  await writeNew(at('new'), 'text');
  t.equal(readFileSync(at('new'), 'utf8'), 'text');
  t.equal(statSync(at('new')).mode & 0o777, 0o600);
  symlinkSync(at('victim'), at('link'));
  symlinkSync(at('not there'), at('dangling'));
  for (const name of ['old', 'link', 'dangling']) await t.rejects(writeNew(at(name), 'x'), {code: 'EEXIST'}, name);
  t.equal(readFileSync(at('old'), 'utf8'), 'old');
  t.notOk(readdirSync(dir).includes('not there'));
});

t.test('a file is replaced whole; a link is not followed', async (t) => {
  const dir = t.testdir({old: 'old and longer', victim: 'precious'});
  const at = (name: string) => path.join(dir, name);
  await replaceFile(at('old'), 'new');
  t.equal(readFileSync(at('old'), 'utf8'), 'new');
  symlinkSync(at('victim'), at('link'));
  await t.rejects(replaceFile(at('link'), 'x'), {message: /no plain file/});
  t.equal(readFileSync(at('victim'), 'utf8'), 'precious');
  t.same(readdirSync(dir).sort(), ['link', 'old', 'victim']);
  t.equal(statSync(at('old')).mode & 0o777, 0o600);
  await replaceFile(at('old'), 'for all', 0o644);
  t.equal(statSync(at('old')).mode & 0o777, 0o644);
});

t.test('over a file that begins otherwise than it has to nothing is written, over an empty one it is', async (t) => {
  const dir = t.testdir({ours: '# ours: old', empty: '', notes: 'my notes', short: '# o'});
  const replace = (name: string) => replaceFile(path.join(dir, name), '# ours: new', 0o644, '# ours');
  const textOf = (name: string) => readFileSync(path.join(dir, name), 'utf8');
  for (const name of ['ours', 'empty', 'none']) {
    await replace(name);
    t.equal(textOf(name), '# ours: new');
  }
  for (const name of ['notes', 'short'])
    await t.rejects(replace(name), {name: 'UserError', message: /another's: it does not begin with '# ours'\.$/});
  t.same([textOf('notes'), textOf('short')], ['my notes', '# o']);
  t.same(readdirSync(dir).sort(), ['empty', 'none', 'notes', 'ours', 'short']);
});

t.test('where there is no such directory nothing is made', async (t) => {
  const dir = t.testdir({});
  await t.rejects(writeNew(path.join(dir, 'no such', 'file'), 'x'), {code: 'ENOENT'});
  t.same(readdirSync(dir), []);
});

t.test('nothing is written where anybody could put something else in the place of a directory', async (t) => {
  const dir = t.testdir({open: {within: {}, old: 'old'}, sticky: {within: {}, old: 'old'}, own: {}});
  const at = (...names: string[]) => path.join(dir, ...names);
  chmodSync(at('open'), 0o777);
  chmodSync(at('sticky'), 0o1777);
  symlinkSync(at('open', 'within'), at('own', 'around'));
  const writers: readonly ((file: string) => unknown)[] = [
    createNew,
    (file) => writeNew(file, 'x'),
    (file) => replaceFile(file, 'x'),
  ];
  for (const write of writers) {
    for (const file of [at('open', 'new'), at('open', 'within', 'new'), at('own', 'around', 'new')])
      await t.rejects(
        Promise.resolve(file).then(write),
        {name: 'UserError', message: /^others may write to .*open\.$/},
        file,
      );
  }
  await t.rejects(replaceFile(at('open', 'old'), 'x'), {message: /others may write/});
  t.same(readdirSync(at('open')).sort(), ['old', 'within']);
  t.same(readdirSync(at('open', 'within')), []);
  t.equal(readFileSync(at('open', 'old'), 'utf8'), 'old');
  // As /tmp is: what is in it only its owner can rename.
  await writeNew(at('sticky', 'new'), 'x');
  await writeNew(at('sticky', 'within', 'new'), 'x');
  t.equal(statSync(at('sticky', 'new')).mode & 0o777, 0o600);
});

t.test(
  'a link that another user has put into a sticky directory is not followed',
  {skip: process.getuid?.() !== 0 && 'needs root'},
  async (t) => {
    const dir = t.testdir({sticky: {}, victim: {}});
    const at = (...names: string[]) => path.join(dir, ...names);
    chmodSync(at('sticky'), 0o1777);
    symlinkSync(at('victim'), at('sticky', 'link'));
    await writeNew(at('sticky', 'link', 'ours'), 'x');
    lchownSync(at('sticky', 'link'), 65534, 65534);
    await t.rejects(writeNew(at('sticky', 'link', 'new'), 'x'), {message: /link belongs to another user/});
    t.same(readdirSync(at('victim')), ['ours']);
  },
);
