/** Names are anyone's bytes: put into every string of a sample, whatever it is called, none of them reaches a reader as it is. */
import t, {type Test} from 'tap';
import {diff, Side} from '../../src/model/diff.js';
import {type FieldKey, fields} from '../../src/model/fields.js';
import {noFilter} from '../../src/model/filter.js';
import {groupings} from '../../src/model/group.js';
import {Ledger} from '../../src/model/ledger.js';
import {measure} from '../../src/model/measure.js';
import {selectGroups} from '../../src/model/select.js';
import {toDiffJson, toDiffMarkdown, toDiffTable} from '../../src/output/diff.js';
import {expose, formatFamilies} from '../../src/output/prometheus.js';
import type {Sample} from '../../src/sample/types.js';
import {writers} from '../../src/cli/stream.js';
import {makeSample, owner, progMap, reading} from '../helpers/samples.js';
import {openTestScreen} from '../helpers/screen.js';

const hostile = '\u001b[2J\u001b]0;x\u0007\u009b31m\u202e\u2066\u200d\n\r\0\u007f\u0085\u2028\ud800';
const unsafe = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** What of a sample is a word of ours, or a number in digits, which no host can choose; by the name of its field. */
const ours = new Set(['via', 'stats', 'sampler', 'tag', 'key', 'code']);

/** The same with that in front of every string. */
function poisoned<T>(value: T, field = ''): T {
  if (typeof value === 'string') return (ours.has(field) ? value : hostile + value) as T;
  if (Array.isArray(value)) return value.map((each) => poisoned(each as unknown, field)) as T;
  if (value instanceof Map) return new Map([...value].map(([key, each]) => [key, poisoned(each as unknown, field)])) as T;
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, poisoned(each as unknown, key)])) as T;
}

function sampleAt(seconds: number): Sample {
  const warning = {code: 'x', message: 'something is missing'};
  const sources = {
    owners: reading(
      {1: [owner({unit: 'a.service', containerId: 'c', container: 'c', pod: 'p', namespace: 'n'})]},
      {warning},
    ),
    links: reading({1: [{linkId: 1, type: 'xdp', attachType: 'xdp', target: 'eth0', missed: null}]}, {warning}),
    pins: reading({1: [{path: '/sys/fs/bpf/a', via: 'prog' as const}]}, {warning}),
    maps: reading({1: [progMap({id: 1})]}, {warning}),
    names: reading({1: [{fullName: 'prog_1_in_full', attachFuncName: 'f', tailCallers: [{id: 2, name: 'b'}]}]}, {warning}),
  };
  const runs = BigInt(Math.round(seconds * 1000));
  const made = makeSample(
    seconds,
    [1, 2].map((id) => ({id, runCnt: runs, runTimeNs: runs * 100n, mapIds: [1]})),
    {warnings: [warning], fallbackReason: 'bpf(): EPERM'},
  );
  return poisoned({...made, progs: {...made.progs, sources}});
}

const [before, after] = [sampleAt(100), sampleAt(101)];
const measured = measure(after, before);
const {progs} = measured;

const columns = fields.map(({key}) => key as FieldKey);

/** What they become: for people, in JSON, in Markdown. */
const shown = /<1b>\[2J|\\u001b\[2J|&#60;1b&#62;&#91;2J/;

/** They are there, shown as what they are. Newlines are for the writer. */
function linesAreSafe(t: Test, text: string, what: string, told = true): void {
  if (told) t.match(text, shown, what);
  t.notOk(unsafe.exec(text.replace(/\r?\n/g, '')), what);
}

t.test('every field, and every way to write a sample, shows them as what they are', async (t) => {
  const options = {filter: noFilter, limit: null};
  const all = {measured, progs, by: null, groups: null, columns, first: true, options, indent: 0};
  const selection = {filter: noFilter, sort: {field: fields[0]!, descending: true}, limit: null, own: true};
  for (const [name, writer] of Object.entries(writers)) {
    linesAreSafe(t, writer({...all, columns: null}), name);
    linesAreSafe(t, writer(all), `${name}, all fields`);
    for (const by of groupings)
      linesAreSafe(
        t,
        writer({...all, by, groups: selectGroups(progs, by, selection)}),
        `${name} by ${by.key}`,
        // In CSV nothing is told beside the group, and types are words of ours.
        !(name === 'csv' && by.key === 'type'),
      );
  }
  const ledger = new Ledger(100);
  ledger.add(measured);
  for (const form of ['text', 'openmetrics'] as const) {
    const families = expose({measured, progs, ledger, lasting: true, version: '1', maxSeries: 1000});
    linesAreSafe(t, await formatFamilies(families, form), form);
  }
});

/** What the screen itself sends: colours, places, modes. */
const own = /\u001b\[[\d;?:]*[A-Za-z]|[\r\n]/g;

t.test('every page of the screen is drawn without a byte of theirs', async (t) => {
  const {screen, terminal, press} = await openTestScreen(t, {columns: 400, rows: 60, chosenColumns: columns});
  screen.update(measure(before, null));
  screen.update(measured);
  // The page of the first program, and its parts; groups; help.
  for (const key of ['', '\r', '\t', '\u001b[6~', '\u001b', 'g', '\r', '\u001b', '?', '\u001b', '/', 'z', '\r'])
    await press(key);
  const frames = Buffer.concat(terminal.frames).toString();
  t.match(frames, '<1b>[2J', 'they are there');
  t.notMatch(frames, '\u001b[2J\u001b]');
  t.notOk(unsafe.exec(frames.replace(own, '')));
});

t.test('what compares two sides shows them as what they are', (t) => {
  const side = (name: string) => {
    const made = new Side(hostile + name, 'recording', noFilter);
    const {host, takenAt} = after;
    made.add({host, takenAt, periodNs: 1e9, progs, totals: {...measured.totals, avgRunTimeNs: null}, whole: true});
    return made;
  };
  const found = diff(side('a.rec'), side('b.rec'));
  const told = {diff: found, progs: found.progs.map((prog) => ({prog, broken: [hostile]})), more: 0, idle: 0};
  linesAreSafe(t, toDiffTable(told), 'table');
  linesAreSafe(t, toDiffMarkdown(told), 'Markdown');
  linesAreSafe(t, toDiffJson(told, {version: '1', indent: 2}), 'JSON');
  t.end();
});
