/** What can be read, and how each command ends where it can't. */
import {spawnSync} from 'node:child_process';
import {chmodSync, mkdirSync, symlinkSync, writeFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {openInput, readPlain} from '../src/input.js';
import {nobodyWith} from './helpers/child.js';
import {copyTool, run, toolPath} from './helpers/cli.js';
import {busySamples, recordingOf} from './helpers/recordings.js';

const setprivSkip =
  (process.getuid?.() !== 0 && 'needs root') || (spawnSync('setpriv', ['--version']).status !== 0 && 'needs setpriv');

t.test('text is read from plain files alone, as long as they are short enough', (t) => {
  const dir = t.testdir({text: 'twelve bytes', folder: {}});
  const at = (name: string) => path.join(dir, name);
  symlinkSync(at('text'), at('link'));
  spawnSync('mkfifo', [at('fifo')]);
  t.equal(readPlain(at('text'), 12).text, 'twelve bytes');
  t.equal(readPlain(at('link'), 12).text, 'twelve bytes');
  t.throws(() => readPlain(at('link'), 12, true), {message: 'it is a symbolic link'});
  t.throws(() => readPlain(at('text'), 11), {message: 'it is too large'});
  // No size is told of it before it is read.
  t.throws(() => readPlain('/proc/self/maps', 100), {message: 'it is too large'});
  for (const name of [at('folder'), at('fifo'), '/dev/zero'])
    t.throws(() => readPlain(name, 12), {message: 'it is no plain file'}, name);
  t.end();
});

t.test('a socket, a device or a terminal is no input', (t) => {
  for (const file of ['/dev/zero', '/dev/ptmx', '/'])
    t.throws(() => openInput(file, 'replay'), {exitStatus: 1, message: /it is neither a file nor a pipe/}, file);
  const words = ['-u', 'NODE_OPTIONS', 'sh', '-c', '"$0" "$1" replay - </', process.execPath, toolPath];
  t.match(spawnSync('env', words, {encoding: 'utf8'}), {status: 1, stderr: /stdin: it is neither a file nor a pipe\./});
  t.end();
});

t.test(
  'what is not there fails with 1, what is not permitted with 77, whatever it is for',
  {skip: setprivSkip},
  async (t) => {
    const tool = copyTool(t);
    const dir = path.join(path.dirname(path.dirname(tool)), 'tried');
    mkdirSync(dir);
    for (const place of [path.dirname(dir), dir]) chmodSync(place, 0o755);
    const at = (name: string) => path.join(dir, name);
    writeFileSync(at('secret'), 'x', {mode: 0o600});
    const commands = (name: string) => [
      ['replay', at(name), '--json'],
      ['diff', at(name), at(name)],
      ['serve', '--web.config.file', at(name)],
    ];
    for (const words of commands('none'))
      t.match(await run(words, {tool}), {status: 1, stderr: /open: ENOENT\./}, words.join(' '));
    writeFileSync(at('recording'), recordingOf(busySamples(3)));
    const output = (name: string) => ['replay', at('recording'), '--format', 'prometheus', '--output', at(name)];
    t.match(await run(output('none/x'), {tool}), {status: 1, stderr: /open: ENOENT\./});
    for (const words of [...commands('secret'), output('x')]) {
      const ended = await run(words, {tool, through: nobodyWith()});
      t.match(ended, {status: 77, stdout: '', stderr: /^bpftop-ts: .*open: EACCES\. .*\n$/}, words.join(' '));
    }
  },
);
