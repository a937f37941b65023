import t from 'tap';
import {Grid} from '../../src/ui/grid.js';
import {paintSparkline} from '../../src/ui/sparkline.js';
import {style} from '../../src/ui/theme.js';

t.test('text stays within its cells and within the grid', (t) => {
  const grid = new Grid(8, 2);
  t.equal(grid.text(2, 0, 'abcdef', 0, 3), 3);
  t.equal(grid.line(0), '  abc   ');
  t.equal(grid.text(6, 1, 'xyz', 0), 2);
  t.equal(grid.line(1), '      xy');
  t.equal(grid.text(0, 2, 'below', 0), 0);
  t.equal(grid.text(0, -1, 'above', 0), 0);
  t.equal(grid.text(9, 0, 'right', 0), 0);
  t.end();
});

t.test('a wide character is never halved', (t) => {
  const grid = new Grid(6, 1);
  t.equal(grid.text(0, 0, '监控监', 0, 5), 4, 'one that does not fit is left out');
  grid.text(1, 0, 'x', 0);
  t.equal(grid.line(0), ' x控  ', 'overwriting one half blanks the other');
  grid.text(2, 0, 'y', 0);
  t.equal(grid.line(0), ' xy   ');
  t.end();
});

t.test('a rectangle taken over halves no wide character at its edges', (t) => {
  const under = new Grid(8, 1);
  under.text(0, 0, '监控监控', 0);
  const over = new Grid(8, 1);
  over.text(0, 0, '--------', 0);
  under.copyRect(over, 1, 0, 4, 1);
  t.equal(under.line(0), ' ---- 控');
  under.copyRect(over, -3, -3, 20, 20);
  t.equal(under.line(0), '--------', 'what lies outside is ignored');
  t.end();
});

t.test('blanks look the same in every style that cannot be seen on them', (t) => {
  const grid = new Grid(3, 1);
  grid.text(0, 0, ' ', style.hot);
  grid.text(1, 0, ' ', style.selected);
  t.same([...grid.styles], [0, style.selected, 0]);
  t.end();
});

t.test('a sparkline shows load against its own highest, nothing as nothing, and gaps as gaps', (t) => {
  const line = (values: (number | null)[], floor = 1) => {
    const grid = new Grid(8, 1);
    paintSparkline(grid, 0, 0, 8, values, floor, 0);
    return grid.line(0);
  };
  t.equal(line([0, 10, 20, 40, 80]), '   ▁▂▃▅█');
  t.equal(line([0, 0.01, 0.02]), '     ▁▂▂', 'noise below the floor stays small');
  t.equal(line([5, null, 5]), '     █ █');
  t.equal(line([]), '        ');
  t.equal(
    line([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    line([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].slice(-8), 1).slice(0, 8),
    'the newest stay',
  );
  t.end();
});
