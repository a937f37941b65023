import t from 'tap';
import {meets} from '../../bench/processes.js';

t.test('a figure meets its bar or does not; one that is not known does not, and without a bar all is well', (t) => {
  for (const [figure, bar] of [
    ['6', '≤ 6'],
    ['12.1×', '≥ 12×'],
    ['0', '0'],
    ['7', ''],
    ['-', ''],
    ['', ''],
  ] as const)
    t.ok(meets(figure, bar), `${figure} ${bar}`);
  for (const [figure, bar] of [
    ['6.1', '≤ 6'],
    ['11.9×', '≥ 12×'],
    ['1', '0'],
    ['-', '≤ 6'],
    ['', '≥ 6'],
    ['NaN', '0'],
  ] as const)
    t.notOk(meets(figure, bar), `${figure} ${bar}`);
  t.end();
});
