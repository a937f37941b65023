import t from 'tap';
import {type Field, fields, findField} from '../../src/model/fields.js';
import {findGrouping, groupProgs} from '../../src/model/group.js';
import {measure, type MeasuredProg} from '../../src/model/measure.js';
import type {ProgLink} from '../../src/sample/links.js';
import {noSources} from '../../src/sample/sources.js';
import {csvHeader, groupCsvHeader, toCsv, toGroupCsv} from '../../src/output/csv.js';
import {parseCsv} from '../helpers/csv.js';
import {makeSample, owner, reading} from '../helpers/samples.js';

const link = (target: string): ProgLink => ({linkId: 4, type: 'tcx', attachType: null, target, missed: null});
const owners = reading(
  {
    1: [owner({pid: 5, comm: 'one, "two"', pod: 'web'}), owner({pid: 6, comm: '=1+1'}), owner({pid: 7, cgroup: null})],
    3: [owner({comm: '\u001b[31mred\r\n'})],
  },
  {timeNs: 102_000_000_000n},
);
const links = reading({1: [link('@x'), link('a;b')], 3: [link('-1')]}, {complete: false});
const sample = makeSample(101, [
  {id: 1, name: 'busy', runTimeNs: 2n ** 60n + 1n, runCnt: 7n, mapIds: [3, 4], sleepable: false, recursionMisses: 1n},
  {id: 2, name: '+sum', bytesMemlock: null, sleepable: null, mapIds: null},
  {id: 3, name: 'evil\u202e', runTimeNs: 5n, runCnt: 3n},
]);
const known = {...sample, progs: {...sample.progs, sources: {...noSources, owners, links}}};
const measured = measure(known, makeSample(100, [{id: 1}, {id: 3}]));
const text = csvHeader() + toCsv(measured, measured.progs);

t.test('a header of field keys, then a line a program, each ended by CRLF', (t) => {
  const [header, ...rows] = parseCsv(text);
  t.same(header, ['taken_at', ...fields.map(({key}) => key)]);
  t.equal(rows.length, 3);
  for (const row of rows) t.equal(row.length, header?.length);
  t.equal(text.match(/\r\n/g)?.length, 4);
  t.notMatch(text, /[^\r]\n|\r[^\n]/);
  t.end();
});

t.test('every cell is the value that was measured', (t) => {
  const expected = ({get, values, kind}: Field, prog: MeasuredProg): string => {
    const each = values ? (values(prog) ?? []) : [get(prog)];
    const written = each.map((value) => {
      if (value === null) return '';
      if (kind !== 'text') return String(value);
      const shown = String(value).replaceAll('\u001b', '<1b>').replaceAll('\r\n', '<d><a>').replaceAll('\u202e', '<202e>');
      return '=+-@'.includes(shown[0] ?? ' ') ? `'${shown}` : shown;
    });
    return written.every((value) => value === '') ? '' : written.join(';');
  };
  const [, ...rows] = parseCsv(text);
  rows.forEach(([takenAt, ...cells], i) => {
    t.equal(takenAt, '2026-01-31T12:01:41.000Z');
    fields.forEach((field, j) =>
      t.equal(cells[j], expected(field, measured.progs[i] as MeasuredProg), `${field.key} of ${i}`),
    );
  });
  t.end();
});

const cell = (row: number, key: string) => {
  const [header = [], ...rows] = parseCsv(text);
  return rows[row]?.[header.indexOf(key)];
};

t.test('u64 whole, unknown empty, flags true or false, several joined, times as in JSON', (t) => {
  t.equal(cell(0, 'run_time_ns'), String(2n ** 60n + 1n));
  t.equal(cell(1, 'bytes_memlock'), '');
  t.equal(cell(1, 'sleepable'), '');
  t.equal(cell(0, 'sleepable'), 'false');
  t.equal(cell(0, 'gpl_compatible'), 'true');
  t.equal(cell(0, 'map_ids'), '3;4');
  t.equal(cell(1, 'map_ids'), '');
  t.equal(cell(0, 'pid'), '5;6;7');
  t.equal(cell(0, 'pod'), 'web;;', 'in the order of pid');
  t.equal(cell(0, 'unit'), '', 'none of them');
  t.equal(cell(0, 'loaded_at'), '1767225600');
  t.equal(cell(0, 'cpu_pct'), String(measured.progs[0]?.cpuPct));
  t.equal(cell(2, 'avg_run_time_ns'), String(5 / 3));
  t.equal(cell(1, 'owner'), '(nobody)');
  t.end();
});

t.test('quotes only where there have to be some', (t) => {
  t.match(text, `,"one, ""two"";'=1+1;agent",`);
  t.equal(cell(0, 'comm'), `one, "two";'=1+1;agent`);
  t.equal(text.match(/"/g)?.length, 2 * 6, 'of owner and comm of the first program');
  t.end();
});

t.test('a hostile name sends no control character, and is no formula to a spreadsheet', (t) => {
  t.notMatch(text.replaceAll('\r\n', ''), /[\u0000-\u001f\u007f-\u009f\u202e]/);
  t.equal(cell(2, 'comm'), '<1b>[31mred<d><a>');
  t.equal(cell(2, 'name'), 'evil<202e>');
  t.equal(cell(1, 'name'), "'+sum");
  t.equal(cell(0, 'attached'), "'@x;a;b");
  t.equal(cell(2, 'attached'), "'-1");
  t.end();
});

t.test('only the columns that were asked for', (t) => {
  const of = [findField('run_cnt')!, findField('name')!];
  const [header, ...rows] = parseCsv(csvHeader(of) + toCsv(measured, measured.progs, of));
  t.same(header, ['taken_at', 'run_cnt', 'name']);
  t.same(
    rows.map(([, ...cells]) => cells),
    [
      ['7', 'busy'],
      ['0', "'+sum"],
      ['3', 'evil<202e>'],
    ],
  );
  t.end();
});

t.test('groups: a line each, with the sums and ids of its programs; unknown is empty', (t) => {
  const groups = groupProgs(measured.progs, findGrouping('owner')!);
  const [header = [], ...rows] = parseCsv(groupCsvHeader + toGroupCsv(measured, groups));
  const found = rows.map((row) => ['group', 'programs', 'run_cnt', 'program_ids'].map((key) => row[header.indexOf(key)]));
  t.same(found.sort(), [
    ['(nobody)', '1', '0', '2'],
    ['<1b>[31mred<d><a>', '1', '3', '3'],
    ['one, "two"', '1', '7', '1'],
  ]);
  t.end();
});

t.test('no programs: nothing but the header', (t) => {
  t.equal(toCsv(measure(makeSample(1, []), null), []), '');
  t.equal(parseCsv(csvHeader()).length, 1);
  t.end();
});
