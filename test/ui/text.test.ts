import t from 'tap';
import {cellsOf, clusters, isPlain} from '../../src/model/cells.js';
import {cut, grouped, wrap} from '../../src/ui/text.js';

t.test('a text takes as many cells as a terminal gives it', (t) => {
  t.equal(cellsOf(''), 0);
  t.equal(cellsOf('cil_xdp_entry'), 13);
  t.equal(cellsOf('1.2µs│▁▂▃…›×'), 12);
  t.equal(cellsOf('监控'), 4);
  t.equal(cellsOf('프로그램'), 8);
  t.equal(cellsOf('e\u0301'), 1, 'a mark sits on its letter');
  t.equal(cellsOf('🐝'), 2);
  t.equal(cellsOf('🇩🇪'), 2);
  t.equal(cellsOf('ｶﾞ'), 2);
  t.equal(cellsOf('क्षि'), 3, 'what only a font joins is apart');
  t.equal(cellsOf('한'), 2, 'vowel and final stand in the cells of their initial');
  t.equal(cellsOf('❤'), 1);
  t.equal(cellsOf('❤\ufe0f'), 2, 'as newer terminals draw it');
  t.equal(cellsOf('שלום'), 4);
  t.end();
});

t.test('what is cut says so, and never takes more cells than it may', (t) => {
  t.equal(cut('cil_xdp_entry', 13), 'cil_xdp_entry');
  t.equal(cut('cil_xdp_entry', 8), 'cil_xdp…');
  t.equal(cut('监控监控', 5), '监控…');
  t.equal(cut('监控监控', 4), '监…', 'half a character is none');
  t.equal(cut('abc', 1), '…');
  t.equal(cut('abc', 0), '');
  t.equal(cut('', 0), '');
  for (const text of ['x监y控z', '🐝🐝🐝', 'e\u0301e\u0301e\u0301', 'plain text'])
    for (let width = 0; width < 12; width++) t.ok(cellsOf(cut(text, width)) <= width, `${text} in ${width}`);
  t.end();
});

t.test('a cluster is one thing, however many code points it has', (t) => {
  t.same(
    clusters('a👍🏽e\u0301').map((each) => each.text),
    ['a', '👍🏽', 'e\u0301'],
  );
  t.match(clusters('\u0301x'), [{text: '\u25cc\u0301', width: 1}, {text: 'x'}], 'a mark without a letter gets a circle');
  const stacked = clusters(`a${'\u0301'.repeat(100)}b`);
  t.equal(stacked.length, 2);
  t.ok((stacked[0]?.text.length ?? 99) < 20, 'marks upon marks are limited');
  const astral = clusters(`a${'\u{1d165}'.repeat(100)}`)[0]?.text ?? '';
  t.notMatch(astral, /\p{Cs}/u, 'and never cut through a character');
  t.same(
    clusters('🇩🇪🇫🇷🇩').map((each) => each.text),
    ['🇩🇪', '🇫🇷', '🇩'],
  );
  t.end();
});

t.test('only text whose width nobody disputes is plain', (t) => {
  t.ok(isPlain('name_1 µs ▁█ 监控'));
  t.notOk(isPlain('🐝'));
  t.notOk(isPlain('e\u0301'));
  t.notOk(isPlain('か\u3099'));
  t.end();
});

t.test('digits are grouped exactly', (t) => {
  t.equal(grouped(0), '0');
  t.equal(grouped(999), '999');
  t.equal(grouped(1_234_567), '1,234,567');
  t.equal(grouped(18_446_744_073_709_551_615n), '18,446,744,073,709,551,615');
  t.end();
});

t.test('what is too long for a line goes on in the next, from a blank on where there is one', (t) => {
  t.same(wrap('one two three', 20, 3), ['one two three']);
  t.same(wrap('one two three', 8, 3), ['one two', 'three']);
  t.same(wrap('one two three', 7, 3), ['one two', 'three']);
  t.same(wrap('abcdefgh', 3, 2), ['abc', 'de…'], 'the last line is cut');
  t.same(wrap('监控监控', 5, 9), ['监控', '监控'], 'nothing wide is halved');
  t.same(wrap('监控', 1, 9), ['…'], 'where nothing fits it ends');
  t.same(wrap('x', 0, 3), ['']);
  t.end();
});
