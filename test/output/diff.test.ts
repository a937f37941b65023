import {readFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {diff, Side, sortDiff} from '../../src/model/diff.js';
import {noFilter} from '../../src/model/filter.js';
import {measure} from '../../src/model/measure.js';
import {initialSort} from '../../src/model/sort.js';
import {toDiffJson, toDiffMarkdown, toDiffTable, type ToldDiff} from '../../src/output/diff.js';
import {diffSchema} from '../../src/output/diff-schema.js';
import {schemaText} from '../../src/output/snapshot-schema.js';
import {makeSample, type ProgSpec} from '../helpers/samples.js';
import {publishedSchema} from '../helpers/schema.js';

const published = path.join(import.meta.dirname, '../../docs/diff.schema.json');

const {problems} = publishedSchema(published);

/** So many seconds in which each program runs 1000 times, so long each time. */
function side(name: string, seconds: number, progs: readonly (ProgSpec & {readonly avg: number})[], whole = true): Side {
  const made = new Side(name, 'recording', noFilter);
  const samples = Array.from({length: seconds + 1}, (_, i) =>
    makeSample(
      100 + i,
      progs.map(({avg, ...spec}) => ({...spec, runCnt: BigInt(1000 * i), runTimeNs: BigInt(1000 * i * avg)})),
    ),
  );
  samples.slice(1).forEach((sample, i) => {
    const {progs, totals} = measure(sample, samples[i] ?? null);
    const {host, takenAt} = sample;
    made.add({host, takenAt, periodNs: 1e9, progs, totals: {...totals, avgRunTimeNs: null}, whole});
  });
  return made;
}

const hostile = 'a|b`c`<img src=x>\u001b[31m@everyone [x](http://y) *z* #1\n&amp; \\|';

function told(before: Side, after: Side, limit = Infinity): ToldDiff {
  const found = diff(before, after);
  const progs = sortDiff(found.progs, initialSort).map((prog) => ({prog, broken: prog.name === 'slow' ? ['avg>+10%'] : []}));
  return {diff: found, progs: progs.slice(0, limit), more: Math.max(0, progs.length - limit), idle: limit === 1 ? 2 : 0};
}

const before = side('a.rec', 4, [
  {id: 1, name: 'slow', avg: 100},
  {id: 2, name: 'twin', tag: '1'.repeat(16), avg: 50},
  {id: 3, name: 'twin', tag: '2'.repeat(16), avg: 50},
  {id: 4, name: '', tag: '4'.repeat(16), avg: 50, sleepable: true},
]);
const after = side('b`|.rec', 4, [
  {id: 1, name: 'slow', avg: 150},
  {id: 2, name: 'twin', tag: '1'.repeat(16), avg: 50},
  {id: 5, name: 'twin', tag: '2'.repeat(16), avg: 50},
  {id: 6, name: 'twin', tag: '2'.repeat(16), avg: 50},
  {id: 7, name: hostile, avg: 10},
]);

t.test('the table has both sides, a line a program, all together, and what its marks mean', (t) => {
  const lines = toDiffTable(told(before, after)).split('\n');
  t.match(lines[0], /^before +a\.rec +web-3 +6\.18\.44 +4 readings over 4\.0s +until 2026-01-31 12:01:44 UTC$/);
  t.match(lines[3], /^TYPE +NAME +AVG +±AVG +EV\/S +±EV\/S +CPU% +±CPU% +NOTE$/);
  const line = (pattern: RegExp) => lines.find((each) => pattern.test(each)) ?? '';
  t.match(line(/ slow /), /^xdp +slow +100ns → 150ns +\+50ns \+50% +1\.0k → 1\.0k +0 0% ~ +0\.01 → 0\.01 +\+0\.00 \+50%$/);
  t.match(line(/twin.*1111/), /50ns → 50ns +0ns 0% ~ .* tag 1{16}$/);
  t.match(line(/twin.*2222/), / 1\.0k → 2\.0k +\+1\.0k \+100% .* 1 → 2 copies, tag 2{16}$/);
  t.match(line(/\(tag 4{16}\)/), / - +- +gone$/, 'a sleepable one has no share of a CPU');
  t.match(line(/everyone/), /a\|b`c`<img src=x><1b>\[31m@everyone .*<a>&amp; .* new$/);
  t.match(line(/^total/), /4\.0k → 5\.0k/);
  t.match(lines.slice(-2), ['', /^~ within the noise/]);
  t.notMatch(lines.join(''), /\?/);
  t.match(toDiffTable(told(side('x', 1, []), after)), /\n\? may be noise: a side has fewer than 4 readings$/);
  t.match(toDiffTable(told(before, after, 1)), /\n\nAnd 4 more programs, and 2 programs that did not run\.\n/);
  t.match(toDiffTable(told(side('x', 1, [], false), after)), /slow .* not in BEFORE\n/);
  t.end();
});

t.test('in Markdown nothing of the host is markup, HTML, a mention or the end of a cell', (t) => {
  const text = toDiffMarkdown(told(before, after));
  t.match(
    text,
    /^### BPF programs\n\n- before: <code>a&#46;rec<\/code> .*\n- after: <code>b&#96;&#124;&#46;rec<\/code> .*\n\n\| type \|/,
  );
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  t.equal(rows.length, 2 + 5 + 1);
  // Every bar ends a cell: none is escaped, none is in a name.
  for (const row of rows) t.equal(row.split('|').length, 11, row);
  t.match(text, /\| xdp \| <code>slow<\/code> \| 100ns → 150ns \| \+50ns \+50% \|.*\| \*\*fails\*\* \|\n/);
  const row = rows.find((each) => each.includes('everyone')) ?? '';
  const name = /<code>(.*?)<\/code>/.exec(row)?.[1] ?? '';
  t.match(name, /^[\w &#;-]*$|<!-- -->/);
  t.notMatch(name.replaceAll('<!-- -->', ''), /[^\p{L}\p{N} &#;-]/u, name);
  const decoded = name.replaceAll('<!-- -->', '').replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
  t.equal(decoded, hostile.replace('\u001b', '<1b>').replace('\n', '<a>'), 'and it is shown whole');
  t.notMatch(text, /@/);
  t.match(toDiffMarkdown(told(before, after, 1)), /\n\nAnd 4 more programs, and 2 programs/);
  t.end();
});

t.test('JSON fits its schema, which npm run generate writes', (t) => {
  t.equal(readFileSync(published, 'utf8'), schemaText(diffSchema()));
  const options = {version: '1.2.3', indent: 0};
  for (const pair of [
    [before, after],
    [after, before],
    [side('x', 1, []), side('y', 12, [{id: 1, avg: 3}])],
    [side('x', 1, [{id: 1, avg: 0}], false), side('y', 1, [], false)],
  ] as const)
    t.same(problems(toDiffJson(told(...pair), options)), []);
  const document = JSON.parse(toDiffJson(told(before, after), options)) as Record<string, unknown>;
  t.match(document, {
    before: {file: 'a.rec', kind: 'recording', readings: 4, complete: true, period_ns: 4e9},
    totals: {events_per_sec: {change: 1000, change_pct: 25}},
  });
  const programs = document['programs'] as Record<string, unknown>[];
  t.match(
    programs.find(({name}) => name === 'slow'),
    {
      status: 'same',
      copies: {before: 1, after: 1},
      avg_run_time_ns: {
        before: {median: 100, low: 100, high: 100, readings: 4},
        change: 50,
        change_pct: 50,
        noise: 'beyond',
      },
      fails: ['avg>+10%'],
    },
  );
  t.match(
    programs.find(({name}) => name === hostile),
    {status: 'new', tags: {before: []}, avg_run_time_ns: {before: null, change: null, noise: null}},
    'as it was',
  );
  t.match(problems(JSON.stringify({...document, programs: [{}]})), [{keyword: 'required'}]);
  t.end();
});
