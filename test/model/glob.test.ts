import t from 'tap';
import {anyCharacter, anyText, globTest} from '../../src/model/glob.js';
import {random} from '../helpers/random.js';

const pattern = (text: string) => text.replaceAll('*', anyText).replaceAll('?', anyCharacter);

t.test('* is any text, ? any character; the whole text has to match, or a part', (t) => {
  const equals = (glob: string, text: string) => globTest(pattern(glob), 'equals')(text);
  t.ok(equals('*', ''));
  t.ok(equals('', ''));
  t.notOk(equals('', 'a'));
  t.notOk(equals('?', ''));
  t.ok(equals('?', '🐝'), 'one character, though two units');
  t.notOk(equals('??', '🐝'));
  t.ok(equals('*?', '🐝'));
  t.ok(equals('AB', 'ab'), "whatever the pattern's case");
  t.ok(equals('a*b*c', 'abbcc'));
  t.notOk(equals('a*ab', 'ab'), 'no letter counts twice');
  t.ok(globTest(pattern('b?d'), 'contains')('abcde'));
  t.notOk(globTest(pattern('d?b'), 'contains')('abcde'));
  t.end();
});

t.test('it is what a regular expression says, for any pattern and text', (t) => {
  const chance = random(99);
  const wrong: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const glob = Array.from({length: chance.below(8)}, () => chance.pick(['a', 'b', '*', '?', '🐝'])).join('');
    const text = Array.from({length: chance.below(9)}, () => chance.pick(['a', 'b', 'a', '🐝'])).join('');
    const source = glob.replaceAll('*', '.*').replaceAll('?', '.');
    if (globTest(pattern(glob), 'equals')(text) !== new RegExp(`^${source}$`, 'su').test(text))
      wrong.push(`${glob} = ${text}`);
    if (globTest(pattern(glob), 'contains')(text) !== new RegExp(source, 'su').test(text)) wrong.push(`${glob} : ${text}`);
  }
  t.same(wrong, []);
  t.end();
});

t.test('a pattern that would take a backtracking matcher for ever is answered', (t) => {
  t.notOk(globTest(pattern('*a'.repeat(100) + 'b'), 'equals')('a'.repeat(10_000)));
  t.ok(globTest(pattern('*a'.repeat(100) + '*b'), 'equals')('a'.repeat(10_000) + 'b'));
  t.end();
});
