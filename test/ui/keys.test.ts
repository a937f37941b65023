import t from 'tap';
import type {Key} from 'ink';
import {KeyPipe, KeySplitter, keyNames, splitKeys} from '../../src/ui/keys.js';

t.test('a read with many keys gives all of them, one by one', (t) => {
  t.same(splitKeys('jjjj'), {keys: ['j', 'j', 'j', 'j'], pending: ''});
  t.same(splitKeys('\u001b[A\u001b[B\u001bOCj\u001b[5~\r'), {
    keys: ['\u001b[A', '\u001b[B', '\u001bOC', 'j', '\u001b[5~', '\r'],
    pending: '',
  });
  t.same(splitKeys('é🐝x').keys, ['é', '🐝', 'x']);
  t.same(splitKeys('a\u007f').keys, ['a', '\b'], 'the Backspace key of today is DEL');
  t.same(splitKeys('').keys, []);
  t.end();
});

t.test('a sequence that means nothing here is no key, not even half of one', (t) => {
  t.same(splitKeys('j\u001b[1;5P\u001b[31m\u001b[27;5;9~\u001b[[E\u001b[24~k').keys, ['j', 'k']);
  t.end();
});

t.test('an Esc before another key is a key of its own', (t) => {
  t.same(splitKeys('\u001bq').keys, ['\u001b', 'q']);
  t.same(splitKeys('\u001b\u001b[A').keys, ['\u001b', '\u001b[A']);
  t.end();
});

t.test('half a sequence waits for its other half', (t) => {
  t.same(splitKeys('j\u001b['), {keys: ['j'], pending: '\u001b['});
  const got: string[][] = [];
  const splitter = new KeySplitter(
    (keys) => got.push(keys),
    () => t.fail(),
  );
  splitter.push('\u001b');
  splitter.push('[');
  splitter.push('5');
  splitter.push('~j');
  splitter.close();
  t.same(got, [['\u001b[5~', 'j']]);
  t.end();
});

t.test('an Esc alone acts by itself, promptly', async (t) => {
  const keys = await new Promise<string[]>((resolve) => new KeySplitter(resolve, () => t.fail()).push('\u001b'));
  t.same(keys, ['\u001b']);
});

/** What comes of reads: keys, and what was pasted. */
function splitting() {
  const got: (readonly string[] | {pasted: string})[] = [];
  const splitter = new KeySplitter(
    (keys) => got.push(keys),
    (pasted) => got.push({pasted}),
  );
  return {got, splitter};
}

t.test('what is pasted is no keys, wherever the reads begin and end', (t) => {
  const bytes = 'j\u001b[200~qW\r\u001b[A\u001b[201~k\u001b[200~\u001b[201~l';
  const wanted = [['j'], {pasted: 'qW\r\u001b[A'}, ['k'], {pasted: ''}, ['l']];
  for (let size = 1; size <= bytes.length; size++) {
    const {got, splitter} = splitting();
    for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.slice(at, at + size));
    splitter.close();
    t.same(got, wanted, `${size} at a time`);
  }
  t.end();
});

t.test('a paste without end is over after a moment, and of a long one no more is kept than a line takes', async (t) => {
  const {got, splitter} = splitting();
  splitter.push('\u001b[200~no end');
  while (got.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  splitter.push('j');
  t.same(got, [{pasted: 'no end'}, ['j']]);
  splitter.push('\u001b[200~');
  for (let i = 0; i < 100; i++) splitter.push('x'.repeat(1000));
  splitter.push('\u001b[20');
  splitter.push('1~k');
  t.same(got.slice(2), [{pasted: 'x'.repeat(4096)}, ['k']]);
});

t.test('a sequence without end is not collected for ever', (t) => {
  const {keys, pending} = splitKeys(`\u001b[${'1;'.repeat(500)}`);
  t.equal(keys[0], '\u001b');
  t.ok(pending.length < 64);
  t.end();
});

t.test('keys have the names that the keymap uses', (t) => {
  const key = (flags: Partial<Key> = {}) => flags as Key;
  t.same(keyNames('j', key()), ['j']);
  t.same(keyNames('G', key({shift: true})), ['G']);
  t.same(keyNames('', key({upArrow: true})), ['up']);
  t.same(keyNames('', key({tab: true})), ['tab']);
  t.same(keyNames('', key({tab: true, shift: true})), ['shift-tab']);
  t.same(keyNames('', key({escape: true, meta: true})), ['esc']);
  t.same(keyNames('c', key({ctrl: true})), ['ctrl-c']);
  t.same(keyNames('\n', key()), ['enter'], 'Ctrl-J is Enter');
  t.same(keyNames('q', key({meta: true})), ['esc', 'q'], 'Esc and a key that came together');
  t.same(keyNames('', key({upArrow: true, meta: true})), ['esc', 'up']);
  t.same(keyNames('[25~', key()), [], 'a sequence that means nothing types nothing');
  t.same(keyNames('\u001c', key()), []);
  t.end();
});

t.test('keys pressed before Ink listens are not lost', async (t) => {
  const pipe = new KeyPipe();
  pipe.push(['a', 'b']);
  const read: (string | null)[] = [];
  await new Promise<void>((resolve) => {
    pipe.addListener('readable', () => {
      for (let key = pipe.read(); key !== null; key = pipe.read()) read.push(key);
      resolve();
    });
  });
  t.same(read, ['a', 'b']);
});
