import t from 'tap';
import {formatBytes, formatCount, formatDuration, formatPercent, formatTime, formatWidth} from '../../src/model/format.js';

t.test('durations have three digits and a unit', (t) => {
  const cases: [number | bigint, string][] = [
    [0, '0ns'],
    [0.4, '0.4ns'],
    [45, '45ns'],
    [524.4, '524ns'],
    [999.4, '999ns'],
    [999.5, '1.0µs'],
    [1_200, '1.2µs'],
    [12_400, '12.4µs'],
    [99_960, '100µs'],
    [999_499, '999µs'],
    [999_500, '1.0ms'],
    [2_500_000_000n, '2.5s'],
    [90_000_000_000, '1.5m'],
    [7_200_000_000_000, '2.0h'],
    [864_000_000_000_000n, '10.0d'],
  ];
  for (const [ns, text] of cases) t.equal(formatDuration(ns), text);
  t.end();
});

t.test('counts and rates are scaled by thousands', (t) => {
  const cases: [number | bigint, string][] = [
    [0, '0'],
    [0.34, '0.3'],
    [9.94, '9.9'],
    [9.96, '10'],
    [7, '7'],
    [999, '999'],
    [999.6, '1.0k'],
    [36_000, '36.0k'],
    [1_234_567, '1.2M'],
    [2n ** 64n - 1n, '18.4E'],
  ];
  for (const [value, text] of cases) t.equal(formatCount(value), text);
  t.end();
});

t.test('nothing is wider than its column, from 0 to the largest counter', (t) => {
  for (let value = 1; value < 2 ** 64; value = value * 1.37 + 0.013) {
    if (value < 86_400e9 * 999) t.ok(formatDuration(value).length <= formatWidth.duration, formatDuration(value));
    t.ok(formatCount(value).length <= formatWidth.count, formatCount(value));
    if (value < 2 ** 50) t.ok(formatBytes(value).length <= formatWidth.bytes, formatBytes(value));
    if (value < 1e5) t.ok(formatPercent(value).length <= formatWidth.percent, formatPercent(value));
  }
  t.end();
});

t.test('per cent has two decimals while they say something', (t) => {
  t.equal(formatPercent(0), '0.00');
  t.equal(formatPercent(1.894), '1.89');
  t.equal(formatPercent(99.994), '99.99');
  t.equal(formatPercent(99.996), '100.0');
  t.equal(formatPercent(12_800), '12800');
  t.end();
});

t.test('bytes are powers of 1024; a moment is in UTC, and one beyond the calendar is unknown', (t) => {
  t.equal(formatBytes(64), '64B');
  t.equal(formatBytes(4096), '4.0KiB');
  t.equal(formatBytes(3 * 2 ** 20), '3.0MiB');
  t.equal(formatTime(1_767_225_600), '2026-01-01 00:00:00');
  t.equal(formatTime(1e15), '-');
  t.end();
});
