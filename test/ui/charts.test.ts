import t from 'tap';
import {type Chart, niceCeiling, paintChart, resample} from '../../src/ui/charts.js';
import {Grid} from '../../src/ui/grid.js';
import {style} from '../../src/ui/theme.js';
import {windowFor} from '../../src/ui/window.js';

/** A chart of a minute, with these values at these seconds before now. */
function chart(points: readonly (readonly [secondsAgo: number, value: number | null])[]): Chart {
  return {
    title: 'CPU %',
    points: points.map(([secondsAgo, value]) => ({timeNs: 1e12 - secondsAgo * 1e9, value})),
    endNs: 1e12,
    end: 'now',
    windowNs: 60e9,
    clock: (timeNs) => `t${timeNs / 1e9}`,
    marks: [],
    format: (value) => value.toFixed(1),
    floor: 0.1,
    line: 'cpuLine',
  };
}

function painted(input: Chart, width = 50, height = 12): Grid {
  const grid = new Grid(width + 4, height + 2);
  paintChart(grid, {x: 2, y: 1, width, height}, input);
  return grid;
}

/** Columns with a part of the line in them. */
function lineColumns(grid: Grid): number[] {
  const columns: number[] = [];
  for (let x = 0; x < grid.columns; x++)
    for (let y = 0; y < grid.rows; y++)
      if (grid.styles[y * grid.columns + x] === style.cpuLine) {
        columns.push(x);
        break;
      }
  return columns;
}

t.test('a chart has a title, a scale, a time axis, and stays in its place', (t) => {
  const grid = painted(chart(Array.from({length: 60}, (_, i) => [i, i % 7] as const)));
  const lines = Array.from({length: grid.rows}, (_, y) => grid.line(y));
  t.match(lines[1], 'CPU %');
  t.match(lines[2], /^ {5}6\.0 ⡇/);
  t.match(lines[6], /^ {5}3\.0 ⡇/);
  t.match(lines[10], /^ {5}0\.0 ⡇/);
  t.match(lines[12], /-1m t940 +-30s +now t1000 {2}$/);
  t.equal(lines[0]?.trim(), '');
  t.equal(lines[13]?.trim(), '');
  for (const line of lines) t.match(line, /^ {2}.* {2}$/);
  t.end();
});

t.test('now is at the right edge, and the past has its place by time', (t) => {
  const columns = lineColumns(
    painted(
      chart([
        [30, 5],
        [20, 5],
        [0, 5],
      ]),
    ),
  );
  t.equal(columns.at(-1), 51);
  t.ok(Math.abs((columns[0] ?? 0) - 30) <= 1, `half a minute ago is in the middle: ${columns[0]}`);
  t.end();
});

t.test('what is not known interrupts the line, and zero does not', (t) => {
  const columns = lineColumns(
    painted(
      chart([
        [59, 5],
        [40, 5],
        [30, null],
        [20, 5],
        [0, 5],
      ]),
    ),
  );
  const gaps = columns.filter((x, i) => i > 0 && x - (columns[i - 1] as number) > 1);
  t.equal(gaps.length, 1);
  t.equal(
    lineColumns(
      painted(
        chart([
          [59, 5],
          [30, 0],
          [0, 5],
        ]),
      ),
    ).length,
    42,
    'all the width',
  );
  t.end();
});

/** A minute with marks at these seconds before its end. */
const marked = (...marks: readonly (readonly [secondsAgo: number, label: string])[]): Chart => ({
  ...chart([]),
  marks: marks.map(([secondsAgo, label]) => ({timeNs: 1e12 - secondsAgo * 1e9, label})),
});

t.test('a mark stands at its moment, with its label at the side that has room', (t) => {
  // 43 cells of the line from column 9 on: a minute is 85 steps of half a cell.
  for (const [secondsAgo, column, text] of [
    [60, 10, '│loaded'],
    [30, 31, '│loaded'],
    [1, 51, 'loaded│'],
    [0, 51, 'loaded│'],
  ] as const) {
    const grid = painted(marked([secondsAgo, 'loaded']));
    const found = Array.from({length: grid.rows}, (_, y) => grid.line(y)).filter((line) => line[column] === '│');
    t.ok(found.length >= 8, `${secondsAgo} s ago: down to the axis in column ${column}`);
    t.ok(found.some((line) => line.includes(text)));
  }
  for (const outside of [61, -1]) t.notMatch(painted(marked([outside, 'loaded'])).line(2), '│');
  t.end();
});

t.test('labels of marks hide neither each other nor the title, and the line of the data goes over the marks', (t) => {
  const close = painted(marked([32, 'loaded'], [30, 'filter'], [0, 'gone']));
  const text = Array.from({length: close.rows}, (_, y) => close.line(y)).join('\n');
  for (const label of ['CPU %', 'loaded', 'filter', 'gone']) t.match(text, label);
  t.match(painted(marked([60, 'loaded'])).line(1), /^ {9}CPU % +$/, 'at the left edge the title is');
  const crossed = painted({...marked([30, 'x']), points: [59, 0].map((s) => ({timeNs: 1e12 - s * 1e9, value: 1}))});
  t.equal(lineColumns(crossed).length, 42);
  t.end();
});

t.test('nothing to draw draws an empty chart', (t) => {
  t.same(lineColumns(painted(chart([]))), []);
  t.same(lineColumns(painted(chart([[3, null]]))), []);
  t.equal(lineColumns(painted(chart([[0, 1]]))).length, 1, 'a single sample is a dot');
  for (const [width, height] of [
    [20, 6],
    [38, 7],
    [130, 50],
  ] as const)
    t.ok(
      painted(
        chart([
          [9, 1],
          [1, 2],
        ]),
        width,
        height,
      ),
      `${width}×${height}`,
    );
  t.end();
});

t.test('samples that share a place are their mean', (t) => {
  const input = chart([
    [60, 1],
    [0.1, 2],
    [0, 4],
  ]);
  const places = resample(input, 5);
  t.same(places, [1, NaN, NaN, NaN, 3]);
  t.end();
});

t.test('scales end at round figures, windows at round times', (t) => {
  t.same([0.1, 0.11, 3, 5, 7, 1200, 0.3].map(niceCeiling), [0.1, 0.2, 3, 6, 8, 2000, 0.3]);
  t.same([0, 60e9, 61e9, 500e9, 3599e9, 9000e9].map(windowFor), [60e9, 60e9, 300e9, 600e9, 3600e9, 9000e9]);
  t.end();
});
