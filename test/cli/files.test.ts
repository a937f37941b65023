import {readdirSync, readFileSync, statSync, symlinkSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {replaceFile, writeNew} from '../../src/cli/files.js';

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

t.test('where there is no such directory nothing is made', async (t) => {
  const dir = t.testdir({});
  await t.rejects(writeNew(path.join(dir, 'no such', 'file'), 'x'), {code: 'ENOENT'});
  t.same(readdirSync(dir), []);
});
