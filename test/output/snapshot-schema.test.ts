import {readFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {findGrouping, type Grouping, groupProgs} from '../../src/model/group.js';
import {measure} from '../../src/model/measure.js';
import {toJson} from '../../src/output/json.js';
import {schemaText, snapshotSchema} from '../../src/output/snapshot-schema.js';
import {run} from '../helpers/cli.js';
import {kernelSkip, loadProg} from '../helpers/kernel.js';
import {makeSample, owner, progMap, reading} from '../helpers/samples.js';
import {publishedSchema} from '../helpers/schema.js';

const published = path.join(import.meta.dirname, '../../docs/snapshot.schema.json');

const {problems, compile} = publishedSchema(published);

t.test('what is published is what the fields say; npm run generate writes it', (t) => {
  t.equal(readFileSync(published, 'utf8'), schemaText(snapshotSchema()));
  t.end();
});

const before = makeSample(100, [{id: 1, runTimeNs: 5n, runCnt: 1n}]);
const sources = {
  owners: reading({1: [owner(), owner({comm: null, cgroup: null, containerId: 'ab', pod: 'web', via: 'map'})]}),
  links: reading({1: [{linkId: null, type: 'tc', attachType: null, target: 'eth0', missed: null}]}),
  pins: reading({1: [{path: '/sys/fs/bpf/a', via: 'prog' as const}]}),
  maps: reading({1: [progMap({id: 3}), progMap({id: 4, entries: null, bytesMemlock: null})]}),
  names: null,
};
const sample = makeSample(101, [
  {id: 1, runTimeNs: 2n ** 64n - 1n, runCnt: 7n, mapIds: [3, 4]},
  {id: 2, bytesMemlock: null, sleepable: null, btfId: 9, verifiedInsns: null, mapIds: null, recursionMisses: null, type: 99},
]);
const after = {...sample, progs: {...sample.progs, sources}};

t.test('every document fits it: first readings, unknowns, groups, the largest counters', (t) => {
  const by = findGrouping('type') as Grouping;
  for (const measured of [measure(before, null), measure(after, before), measure({...after, stats: 'off'}, before)])
    for (const groups of [null, groupProgs(measured.progs, by)])
      t.same(problems(toJson(measured, measured.progs, groups, {version: '1.2.3', indent: 0})), []);
  t.end();
});

t.test('and what is not such a document does not', (t) => {
  const measured = measure(after, before);
  const text = toJson(measured, measured.progs, null, {version: '1.2.3', indent: 0});
  const changed = (change: (document: Record<string, unknown>) => void) => {
    const document = JSON.parse(text) as Record<string, unknown>;
    change(document);
    return problems(JSON.stringify(document));
  };
  const program = (part: object) => changed(({programs}) => Object.assign((programs as object[])[0]!, part));
  t.match(
    changed((document) => delete document['totals']),
    [{keyword: 'required'}],
  );
  t.match(program({run_cnt: null}), [{keyword: 'type'}]);
  t.match(program({run_cnt: -1}), [{keyword: 'minimum'}]);
  t.match(program({id: '1'}), [{keyword: 'type'}]);
  t.match(program({surprise: 1}), [{keyword: 'additionalProperties'}]);
  t.match(
    changed((document) => Object.assign(document, {schema_version: 2})),
    [{keyword: 'const'}],
  );
  t.match(
    changed((document) => Object.assign(document, {taken_at: 'yesterday'})),
    [{keyword: 'format'}],
  );
  const open = compile();
  t.ok(open({...(JSON.parse(text) as object), added_later: true}), 'what is added later does not break a reader');
  t.end();
});

t.test('so does what this kernel gives', {skip: kernelSkip}, async (t) => {
  loadProg(t, {type: 'xdp', maps: ['slots', {name: 'filled', type: 'hash', maxEntries: 10, inserts: 4}]});
  loadProg(t, {type: 'syscall', name: 'sleeper'});
  for (const words of [[], ['-g', 'type'], ['--no-owners', '--no-maps', '--no-names', '--no-links', '--no-pins']]) {
    const {stdout, stderr} = await run(['--json', '-d', '50ms', '--no-enable-stats', ...words]);
    t.same(problems(stdout), [], stderr);
  }
  const {stdout} = await run(['--json', '-d', '50ms']);
  t.same(problems(stdout), []);
});
