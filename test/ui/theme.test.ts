import t from 'tap';
import {colorDepth, createTheme, style, styleNames, themeNames} from '../../src/ui/theme.js';

t.test('how much colour: the environment says, unless it is asked for or refused', (t) => {
  const xterm = {TERM: 'xterm-256color'};
  t.equal(colorDepth(xterm), '256');
  t.equal(colorDepth({TERM: 'xterm'}), '16');
  t.equal(colorDepth({TERM: 'xterm', COLORTERM: 'truecolor'}), '256');
  for (const env of [{...xterm, NO_COLOR: '1'}, {TERM: 'dumb'}, {TERM: 'vt100'}, {}]) t.equal(colorDepth(env), 'none');
  t.equal(colorDepth({...xterm, NO_COLOR: ''}), '256', 'set but empty is not set');
  t.equal(colorDepth({...xterm, NO_COLOR: '1'}, 'always'), '256');
  t.equal(colorDepth({TERM: 'vt100'}, 'always'), '16');
  t.equal(colorDepth(xterm, 'never'), 'none');
  t.end();
});

t.test('every theme: another colour for hot, none for text, and none at all without colours', (t) => {
  const change = (depth: 'none' | '16' | '256', theme: (typeof themeNames)[number], to: number) =>
    createTheme(depth, theme).transitions[to]!;
  const hot = (depth: '16' | '256') => new Set(themeNames.map((theme) => change(depth, theme, style.hot)));
  t.equal(hot('256').size, themeNames.length);
  t.ok(hot('16').size > 1);
  for (const theme of themeNames) {
    t.match(change('256', theme, style.burning), /^\x1b\[1;38;5;\d+m$/);
    t.match(change('16', theme, style.burning), /^\x1b\[1;(3|9)\dm$/);
    for (const name of styleNames) t.notMatch(change('none', theme, style[name]), /[39]\d/);
  }
  t.end();
});
