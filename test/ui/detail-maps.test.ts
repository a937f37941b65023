/** The maps on the page of a program. */
import t, {type Test} from 'tap';
import type {ProgMap} from '../../src/sample/maps.js';
import {noSources, type Reading} from '../../src/sample/sources.js';
import {makeSample, type ProgSpec, progMap, reading} from '../helpers/samples.js';
import {openTestScreen} from '../helpers/screen.js';

/** The page of the first of these programs. */
async function pageOf(t: Test, progs: readonly ProgSpec[], maps: Reading<ProgMap> | null, columns = 160): Promise<string> {
  const {feed, press} = await openTestScreen(t, {columns, rows: 60});
  feed(progs, {progs: {...makeSample(101, progs).progs, sources: {...noSources, maps}}});
  return (await press('\r')).join('\n');
}

const progs = [{id: 1, bytesMemlock: 4096}, {id: 2}, {id: 3}];

t.test('each has its name, type, how full it is and what it takes; what is shared is said', async (t) => {
  const shared = progMap({id: 5, name: 'conntrack', type: 'lru_hash', maxEntries: 1000, entries: 940, bytesMemlock: 8192});
  const slots = progMap({id: 6, name: 'slots', type: 'array', maxEntries: 3, entries: null, bytesMemlock: 320});
  const trie = progMap({id: 7, name: '', type: 'lpm_trie', maxEntries: 50, entries: null, bytesMemlock: null});
  const page = await pageOf(t, progs, reading({1: [slots, shared], 2: [shared], 3: []}));
  t.match(page, / memory +4\.0KiB, with its maps 12\.3KiB\b/);
  t.match(page, / maps +2, 8\.3KiB, of it 8\.0KiB shared with 1 program\b/);
  t.match(page, / conntrack lru_hash +█████████· +940\/1\.0k +94% +8\.0KiB[^\n]*\n[^\n]* slots array +all 3 +320B/);
  t.match(await pageOf(t, progs, reading({1: [trie]})), /\(no name\) lpm_trie +-\/50 +- *\n/);
});

t.test('full is full alone, and a few of many are not none', async (t) => {
  const of = (entries: number) => progMap({id: 5, maxEntries: 1000, entries});
  for (const [entries, percent] of [
    [1000, '100%'],
    [999, '99%'],
    [1, '<1%'],
    [0, '0%'],
  ] as const)
    t.match(await pageOf(t, progs, reading({1: [of(entries)]})), new RegExp(` ${percent} `));
});

t.test('of many maps the largest are listed, and the rest counted', async (t) => {
  const many = Array.from({length: 40}, (_, i) => progMap({id: i + 1, name: `m${i}`, bytesMemlock: 1000 + i}));
  const page = await pageOf(t, progs, reading({1: many}));
  t.match(page, / maps +40, 39\.8KiB/);
  t.match(page, /m39 [^\n]*\n[^\n]*m38 /);
  const listed = page.match(/\bm\d+ hash/g)!.length;
  t.match(page, `and ${40 - listed} more`);
});

t.test('on a narrow page the figures stay, the name gives way', async (t) => {
  const map = progMap({id: 5, name: 'exactly15bytes_', type: 'lru_percpu_hash', maxEntries: 1000, entries: 10});
  t.match(await pageOf(t, progs, reading({1: [map]}), 50), /exactly15bytes_ lru_\S*… +10\/1\.0k +1% +4\.0KiB/);
});

t.test('where they are not known it says why, or what ids they have', async (t) => {
  const warning = {code: 'maps_not_permitted', message: 'no maps: EPERM.'};
  const refused = reading<ProgMap>({}, {byProg: null, complete: false, warning});
  t.match(await pageOf(t, [{id: 1, mapIds: null}], refused), / maps +- \(no maps: EPERM\.\)/);
  t.match(await pageOf(t, [{id: 1, mapIds: [8, 9]}], null), / maps +id 8, 9$/m);
  t.match(await pageOf(t, [{id: 1, mapIds: []}], null), / maps +none$/m);
});

t.test("a host's control characters in a name are never sent", async (t) => {
  const page = await pageOf(t, progs, reading({1: [progMap({id: 5, name: '\u001b[31mred'})]}));
  t.notMatch(page, '\u001b');
  t.match(page, 'red');
});
