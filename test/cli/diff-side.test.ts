import t from 'tap';
import {SideReader} from '../../src/cli/diff-side.js';
import {exitStatus, UserError} from '../../src/errors.js';
import {diff, type Side} from '../../src/model/diff.js';
import {noFilter, parseFilter} from '../../src/model/filter.js';
import {measure} from '../../src/model/measure.js';
import {toJson} from '../../src/output/json.js';
import type {Sample} from '../../src/sample/types.js';
import {busySamples, documentsOf, recordingOf} from '../helpers/recordings.js';
import {makeSample, owner, progMap, reading} from '../helpers/samples.js';

function read(bytes: string | Uint8Array, filter = noFilter, pieceLength = Infinity): ReturnType<SideReader['end']> {
  const all = Buffer.from(bytes as string);
  const reader = new SideReader('a.json', filter);
  for (let at = 0; at < all.length; at += pieceLength) reader.push(all.subarray(at, at + pieceLength));
  return reader.end();
}

/** What of a side can be compared. */
const told = ({alike, totals, readings, periodNs, last, whole}: Side) => ({
  ...{totals, readings, periodNs, last, whole},
  progs: [...alike].map(([key, {series, ...rest}]) => [key, rest, series.summaries()]),
});

/** As much of a document as the tests change. */
interface Changeable {
  totals?: unknown;
  taken_at: unknown;
  readonly programs: Record<string, unknown>[];
}

/** The sentence about what can't be compared. */
function sentence(bytes: string | Uint8Array): string {
  const error = t.throws(() => read(bytes), UserError, String(bytes).slice(0, 60)) as unknown as UserError;
  t.equal(error.exitStatus, exitStatus.failed);
  return error.message;
}

const samples = busySamples(5);
const documents = documentsOf(samples);

t.test('snapshots tell what the recording tells that they were made from, in pieces of any size', (t) => {
  const {side, warning} = read(recordingOf(samples));
  t.equal(warning, null);
  t.match(side, {kind: 'recording', readings: 4, periodNs: 4e9});
  for (const bytes of [documents.join(''), documentsOf(samples, 2).join(''), `\ufeff\r\n${documents.join('\r\n')}`])
    for (const length of [1, 7, Infinity]) t.strictSame(told(read(bytes, noFilter, length).side), told(side));
  t.end();
});

t.test('a filter finds in a snapshot whatever --json wrote into it', (t) => {
  const sources = {
    owners: reading({1: [owner({comm: 'agent', pod: 'web', namespace: 'shop', container: 'c1', containerId: 'ab'})], 2: []}),
    links: reading({1: [{linkId: 3, type: 'tcx', attachType: 'tcx_ingress', target: 'eth0', missed: null}]}),
    pins: reading({1: [{path: '/sys/fs/bpf/x', via: 'prog' as const}]}),
    maps: reading({1: [progMap({id: 3, name: 'conns'})]}),
    names: reading({1: [{fullName: 'a_very_long_name', attachFuncName: 'tcp_sendmsg', tailCallers: []}]}),
  };
  const specs = [
    {id: 1, name: 'a_very_long_nam', type: 3, attachType: 46, runCnt: 5n, runTimeNs: 1000n},
    {id: 2, name: 'two', attachType: null},
  ];
  const made = [makeSample(100, specs), makeSample(101, specs)].map((sample) => ({
    ...sample,
    progs: {...sample.progs, sources},
  }));
  const [text = ''] = documentsOf(made);
  const found = (filter: string) =>
    [...read(text, parseFilter(filter)).side.alike.values()].flatMap(({name, isWanted}) => (isWanted ? [name] : []));
  for (const filter of [
    ...[
      'pod:web',
      'namespace=shop',
      'comm=agent',
      'container_id=ab',
      'eth0',
      'link_type=tcx',
      'pinned:/bpf/x',
      'map_name=conns',
    ],
    ...['name=a_very_long_name', 'type=sched_cls', 'attach_type=tcx_ingress', 'attach_func_name=tcp_sendmsg', 'run_cnt=5'],
    ...['bytes_maps>4000', 'age>1s', 'loaded_at>2025-01-01', 'not pid=1', 'sleepable=no not owner="(nobody)"'],
  ])
    t.ok(found(filter).includes('a_very_long_name'), filter);
  t.strictSame(found('owner="(nobody)"'), ['two']);
  t.strictSame(found('attached:eth'), ['a_very_long_name'], 'of what is not known nothing is true');
  t.end();
});

t.test('what has not all programs says so, and this tool’s own are in none of its totals', (t) => {
  const self = [
    makeSample(100, [{id: 1}, {id: 2, self: true}]),
    makeSample(101, [
      {id: 1, runCnt: 5n},
      {id: 2, self: true, runCnt: 7n},
    ]),
  ];
  const [measured] = self.slice(1).map((sample) => measure(sample, self[0] as Sample));
  const text = (progs = measured!.progs) => toJson(measured!, progs, null, {version: '1', indent: 0});
  t.match(read(text()).side, {whole: true, programs: 1, totals: {eventsPerSec: {median: 5}}});
  t.match(read(text([])).side, {whole: false, programs: 0});
  t.end();
});

t.test('what is no snapshot is told in a sentence with its line', (t) => {
  const [one = '', two = ''] = documents;
  const changed = (change: (document: Changeable) => void, text = two) => {
    const document = JSON.parse(text) as Changeable;
    change(document);
    return one + JSON.stringify(document);
  };
  const wrong: [string | Uint8Array, RegExp][] = [
    ['', /it is empty/],
    [' \n\n', /it is empty/],
    ['ID TYPE NAME\n', /a\.json: line 1: it is no snapshot/],
    ['\n\n[1, 2]', /line 3: it is no snapshot/],
    ['{}', /line 1: it is no snapshot/],
    ['{"schema_version": "1"}', /schema_version is no whole number/],
    ['{"schema_version": 2, "more": 1}', /line 1: it was written by a newer bpftop-ts. Compare it with that/],
    ['{"schema_version": 0}', /schema_version is none/],
    ['{"schema_version": 1}', /programs is no list/],
    ['{"schema_version" 1}', /line 1: .* is not JSON/],
    ['[{'.repeat(3), /line 1: it is no snapshot/],
    ['{"a":[{'.repeat(60), /line 1: .* nested too deeply/],
    [`${one}rubbish`, /line 2: that is no document/],
    [one + two.slice(0, -10), /line 2: the document that begins there is cut off/],
    [`${one}{"a":"}`, /line 2: .* cut off/],
    [changed((each) => delete each.totals), /line 2: totals is no object/],
    [changed((each) => (each.taken_at = 'soon')), /line 2: taken_at is no moment/],
    [changed((each) => (each.programs[1]!['tag'] = '|')), /line 2: programs\[1\]\.tag is not 16 hex digits/],
    [changed((each) => (each.programs[0]!['id'] = -1)), /programs\[0\]\.id is no number from 0/],
    [changed((each) => (each.programs[0]!['name'] = null)), /programs\[0\]\.name is no text/],
    [changed((each) => (each.programs[0]!['name'] = 'x'.repeat(5000))), /name is longer than/],
    [
      changed((each) => (each.programs[0]!['type'] = 'warp')),
      /programs\[0\]\.type is a type that this bpftop-ts does not know/,
    ],
    [
      changed((each) => (each.programs[0]!['owners'] = [{pid: 1, via: 'magic'}])),
      /owners\[0\]\.via is none of prog, link, map/,
    ],
    [two.replaceAll(/"run_cnt":\d+/g, '"run_cnt":1e999'), /run_cnt is no/],
    [two.replace('"run_cnt":2000', '"run_cnt":100000000000000000000'), /run_cnt is no number from 0 to 2\^64/],
    [Buffer.from([0x89, 1, 2]), /neither a snapshot nor a recording/],
    [recordingOf(samples.slice(0, 1)), /a first reading alone/],
  ];
  for (const [bytes, message] of wrong) t.match(sentence(bytes), message, String(message));
  const first = toJson(measure(samples[0]!, null), [], null, {version: '1', indent: 0});
  t.match(sentence(first), /a first reading alone/);
  t.end();
});

t.test('what an earlier or a later version of the tool wrote otherwise is no matter', (t) => {
  const document = JSON.parse(documents[0] as string) as Changeable;
  for (const prog of document.programs) for (const name of ['map_ids', 'owners', 'uid', 'hottest_cpu']) delete prog[name];
  document.programs[0]!['added'] = {later: [1]};
  t.match(read(JSON.stringify(document)).side, {readings: 1, programs: 3});
  t.end();
});

t.test('the largest counters are read, and a document that is too long or too full is not', (t) => {
  const max = `${2n ** 64n - 1n}`;
  t.match(read((documents[0] as string).replaceAll(/"run_cnt":\d+/g, `"run_cnt":${max}`)).side, {
    readings: 1,
  });
  const reader = new SideReader('a.json', noFilter);
  reader.push(Buffer.from('{"x":"'));
  const piece = Buffer.alloc(2 ** 22, 'x');
  t.throws(
    () => {
      for (let i = 0; i < 20; i++) reader.push(piece);
    },
    {message: /line 1: the document that begins there is longer than 64 MiB/, exitStatus: 1},
  );
  const full = new SideReader('a.json', noFilter);
  const lists = Buffer.from('[],'.repeat(2 ** 20));
  full.push(Buffer.from('{"x":['));
  t.throws(
    () => {
      for (let i = 0; i < 20; i++) full.push(lists);
    },
    {message: /line 1: .* more than 8388608 values/, exitStatus: 1},
  );
  t.end();
});

t.test('more different programs than any host has are refused, as many of one name are compared', (t) => {
  const programs = (count: number, name: (i: number) => string) =>
    Array.from({length: count}, (_, i) => {
      const tag = i.toString(16).padStart(16, '0');
      return {id: i, type: 'xdp', name: name(i), tag, run_time_ns: 0, run_cnt: 0, period_run_time_ns: 10, period_run_cnt: 1};
    });
  const document = JSON.parse(documents[0] as string) as Changeable;
  const text = (progs: object[]) => JSON.stringify({...document, programs: progs});
  t.match(sentence(text(programs(100_001, (i) => `p${i}`))), /a\.json: it has more than 100000 different programs/);
  const many = programs(50_000, () => 'same');
  const {side} = read(text(many));
  const {progs} = diff(side, read(text(many.map((prog) => ({...prog, tag: `f${prog.tag.slice(1)}`})))).side);
  t.match(progs, [{status: 'rebuilt', copies: {before: 50_000, after: 50_000}}]);
  t.end();
});

t.test('a damaged recording is refused, of one that was cut off what is whole is compared', (t) => {
  const bytes = recordingOf(samples);
  const {side, warning} = read(bytes.subarray(0, -1));
  t.match(warning, /a\.json was cut off: \d+ bytes from byte \d+ on are no whole sample/);
  t.equal(side.readings, 3);
  bytes[bytes.length - 6] = (bytes[bytes.length - 6] as number) ^ 1;
  t.match(sentence(bytes), /a\.json: it is damaged at byte \d+/);
  bytes.writeUInt32LE(99, 8);
  t.match(sentence(bytes), /newer/);
  t.end();
});
