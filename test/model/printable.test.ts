import t from 'tap';
import {printable} from '../../src/model/printable.js';

t.test('control characters, line separators and marks that turn text around are shown', (t) => {
  t.equal(printable('\u001b[31m'), '<1b>[31m');
  t.equal(printable('a\nb\rc\td\u007f\u0000'), 'a<a>b<d>c<9>d<7f><0>');
  t.equal(printable('\u009b2J\u0085'), '<9b>2J<85>');
  t.equal(printable('\u202etxt.exe\u2066\u200b\ufeff\u2028\u2029'), '<202e>txt.exe<2066><200b><feff><2028><2029>');
  t.equal(printable('\ud800x\udfff'), '<d800>x<dfff>');
  t.equal(printable('\u{e0041}'), '<e0041>', 'an invisible tag');
  t.equal(printable('\u3164\u115f\u034f'), '<3164><115f><34f>', 'letters that nobody sees');
  t.end();
});

t.test('text in any script stays as it is', (t) => {
  for (const text of ['cil_xdp_entry', 'prüfer', '监控', 'é', '🐝', '❤\ufe0f', '']) t.equal(printable(text), text);
  t.end();
});
