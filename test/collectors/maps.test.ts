/** Maps of the real kernel, and words for those that it can't have. */
import {spawnSync} from 'node:child_process';
import {setTimeout as sleep} from 'node:timers/promises';
import t, {type Test} from 'tap';
import {
  loadMapReading,
  type NativeMap,
  type NativeMapReader,
  type NativeMaps,
  type TestMapSpec,
  type TestProg,
} from '../../src/addon.js';
import {KernelCollector} from '../../src/collectors/kernel.js';
import {lookAtMaps} from '../../src/collectors/maps.js';
import type {Look} from '../../src/collectors/slow-source.js';
import {exitStatus} from '../../src/errors.js';
import {mapsMemory} from '../../src/model/maps.js';
import {measure} from '../../src/model/measure.js';
import type {ProgMap} from '../../src/sample/maps.js';
import type {ProgInfo} from '../../src/sample/types.js';
import {nobodyWith, startChild} from '../helpers/child.js';
import {kernelSkip, loadProg, openFds, openSampler} from '../helpers/kernel.js';
import {uncountedSkip} from '../helpers/maps.js';
import {has} from '../helpers/mounts.js';
import {progInfo} from '../helpers/samples.js';

/** Opens a look at maps, and closes it when the test ends. */
function openLook(t: Test): Look<ProgMap> {
  const look = lookAtMaps();
  t.teardown(() => look.close?.());
  return look;
}

function openReader(t: Test): NativeMapReader {
  const reader = new (loadMapReading().MapReader)();
  t.teardown(() => reader.close());
  return reader;
}

/** What a sample says of a program's maps. */
async function infoOf(t: Test, {id}: TestProg): Promise<ProgInfo> {
  const sample = await openSampler(t).sample();
  return progInfo({id, mapIds: sample.appeared.find((each) => each.id === id)!.mapIds});
}

/** The maps that were made for a program, by name. */
async function mapsOf(t: Test, prog: TestProg): Promise<Map<string, ProgMap>> {
  const {byProg} = await openLook(t)([await infoOf(t, prog)], 0n);
  return new Map(byProg!.get(prog.id)!.map((map) => [map.name, map]));
}

const counted: readonly (TestMapSpec & {holds: number})[] = [
  {name: 'empty', type: 'hash', maxEntries: 10, holds: 0},
  {name: 'prealloc', type: 'hash', maxEntries: 100, inserts: 60, deletes: 17, holds: 43},
  {name: 'on_demand', type: 'hash', maxEntries: 100, inserts: 60, deletes: 17, preallocated: false, holds: 43},
  {name: 'full', type: 'hash', maxEntries: 7, inserts: 7, holds: 7},
  {name: 'percpu', type: 'percpu_hash', maxEntries: 100, inserts: 60, deletes: 17, holds: 43},
  {name: 'lru', type: 'lru_hash', maxEntries: 1000, inserts: 60, deletes: 17, holds: 43},
  {name: 'lru_percpu', type: 'lru_percpu_hash', maxEntries: 1000, inserts: 60, deletes: 17, holds: 43},
  {name: 'of_maps', type: 'hash_of_maps', maxEntries: 10, inserts: 5, deletes: 3, holds: 2},
];

t.test('hash tables of all kinds have exactly the elements that were put in', {skip: uncountedSkip}, async (t) => {
  const maps = await mapsOf(t, loadProg(t, {type: 'xdp', maps: counted}));
  for (const {name, type, maxEntries, holds} of counted)
    t.match(maps.get(name), {name, type, maxEntries, entries: holds, bytesMemlock: Number});
});

t.test('a table that throws out the oldest is never fuller than full', {skip: uncountedSkip}, async (t) => {
  const spec: TestMapSpec = {name: 'evicts', type: 'lru_hash', maxEntries: 100, inserts: 5000};
  const {entries} = (await mapsOf(t, loadProg(t, {type: 'xdp', maps: [spec]}))).get('evicts')!;
  t.ok(entries! > 0 && entries! <= 100, `${entries} of 100`);
});

t.test('what the kernel does not count is not known, not 0', {skip: kernelSkip}, async (t) => {
  const maps = await mapsOf(
    t,
    loadProg(t, {
      type: 'xdp',
      maps: ['slots', {name: 'trie', type: 'lpm_trie', preallocated: false}, {name: 'line', type: 'queue', maxEntries: 3}],
    }),
  );
  t.match(maps.get('slots'), {type: 'array', maxEntries: 1, entries: null});
  t.match(maps.get('trie'), {type: 'lpm_trie', entries: null});
  t.match(maps.get('line'), {type: 'queue', maxEntries: 3, entries: null});
});

t.test('every map is as bpftool shows it', {skip: kernelSkip}, async (t) => {
  if (!has('bpftool', 'version')) return void t.pass('not here', {skip: 'needs bpftool'});
  loadProg(t, {type: 'xdp', maps: counted});
  const reader = openReader(t);
  // Others load and unload meanwhile: what both readings around bpftool's have alike has to be in its list, and the same.
  const before = (await reader.read()).maps;
  const {stdout} = spawnSync('bpftool', ['-j', 'map'], {encoding: 'utf8'});
  const after = new Map((await reader.read()).maps.map((map) => [map.id, map]));
  type Shown = {id: number; type: string | number; name?: string; max_entries: number; bytes_memlock: number};
  const shown = new Map((JSON.parse(stdout) as Shown[]).map((map) => [map.id, map]));
  const same = before.filter((map) => after.get(map.id)?.memlock === map.memlock);
  t.ok(same.length >= counted.length);
  const look = lookAtMaps({MapReader: readerOf({maps: same})});
  const {byProg} = await look([progInfo({id: 1, mapIds: same.map(({id}) => id)})], 0n);
  for (const map of byProg!.get(1)!) {
    const {type, name = '', max_entries: maxEntries, bytes_memlock: bytesMemlock} = shown.get(map.id)!;
    t.match(map, {type: String(type), name, maxEntries, bytesMemlock}, `map ${map.id}`);
  }
});

t.test('a map that two programs use is one, and its memory is counted once', {skip: kernelSkip}, async (t) => {
  const one = loadProg(t, {type: 'xdp', maps: [{name: 'shared', type: 'hash', maxEntries: 1000}, 'own']});
  const id = (await infoOf(t, one)).mapIds![0]!;
  const two = loadProg(t, {type: 'xdp', maps: [{id}]});
  const collector = new KernelCollector({enableStats: false, sources: ['maps'], waitForSources: true});
  t.teardown(() => collector.close());
  await collector.sample();
  const {progs} = measure(await collector.sample(), null);
  const find = (prog: TestProg) => progs.find(({info}) => info.id === prog.id)!;
  const [shared, own] = find(one).maps!;
  t.equal(find(two).maps![0], shared);
  const bytes = shared!.bytesMemlock! + own!.bytesMemlock!;
  t.equal(mapsMemory([find(one)]), bytes);
  t.equal(mapsMemory([find(one), find(two)]), bytes);
});

t.test('maps that go while they are read are left out, and do no harm', {skip: kernelSkip}, async (t) => {
  const stays = loadProg(t, {type: 'xdp', maps: counted.filter(({preallocated}) => preallocated !== false)});
  const info = await infoOf(t, stays);
  const reader = openReader(t);
  for (let round = 0; round < 50; round++) {
    const reading = reader.read();
    for (let i = 0; i < 10; i++) loadProg(t, {type: 'socket_filter', maps: ['gone', 'too']}).close();
    const ids = new Set((await reading).maps.map(({id}) => id));
    t.ok(info.mapIds!.every((id) => ids.has(id)));
  }
});

t.test('reading leaves no fd behind, and closing gives back the helper', {skip: kernelSkip}, async (t) => {
  const before = openFds();
  const reader = openReader(t);
  await reader.read();
  const held = openFds();
  t.equal(held.length - before.length, uncountedSkip ? 0 : 1, 'the helper alone');
  for (let i = 0; i < 20; i++) await reader.read();
  t.strictSame(openFds(), held);
  const reading = reader.read();
  await t.rejects(reader.read(), {code: 'EBUSY'});
  reader.close();
  reader.close();
  await reading;
  await t.rejects(reader.read(), {code: 'EBADF'});
  for (let tries = 0; openFds().length > before.length && tries < 100; tries++) await sleep(20);
  t.strictSame(openFds(), before);
});

t.test("the helper is this process's own from the first sight of it, also to the walk", {skip: uncountedSkip}, async (t) => {
  for (const sampler of ['auto', 'walk'] as const) {
    const watcher = openSampler(t, {enableStats: false, sampler});
    const known = new Set((await watcher.sample()).ids);
    const reader = openReader(t);
    const helpers: {name: string; self: boolean}[] = [];
    // Sampled while it is being loaded, until it is there.
    let opened = false;
    const opening = reader.read().then(() => (opened = true));
    for (let last = false; !last;) {
      last = opened;
      const {appeared} = await watcher.sample();
      for (const {id, name, self} of appeared) if (!known.has(id) && self) helpers.push({name, self});
    }
    await opening;
    t.same(helpers, [{name: 'bpftop_maps', self: true}]);
  }
});

t.test('without the right to list maps: EPERM, in words, and one warning', {skip: kernelSkip}, async (t) => {
  if (!has('setpriv', '--version')) return void t.pass('not here', {skip: 'needs setpriv'});
  const child = startChild(
    t,
    `new (load('bpf.node').MapReader)().read().then(
       () => console.log('{}'),
       ({code, syscall, message}) => console.log(JSON.stringify({code, syscall, message})));`,
    {wrapper: nobodyWith()},
  );
  const refused = JSON.parse((await child.line())!) as {code: string; syscall: string; message: string};
  t.match(refused, {code: 'EPERM', syscall: 'bpf(BPF_MAP_GET_NEXT_ID)'});
  const look = lookAtMaps({MapReader: readerOf(Object.assign(new Error(refused.message), refused))});
  await t.rejects(look([], 0n), {exitStatus: exitStatus.notPermitted, message: /EPERM\. Run it with sudo/});
});

/** A MapReader that finds this, or fails so. */
function readerOf(found: Partial<NativeMaps> | Error): new () => NativeMapReader {
  return class {
    read = () =>
      found instanceof Error ? Promise.reject(found) : Promise.resolve({maps: [], unreadable: 0, uncounted: null, ...found});
    close = () => undefined;
  };
}

const map = (id: number, rest: Partial<NativeMap> = {}): NativeMap => ({
  ...{id, type: 1, name: `map_${id}`, maxEntries: 10, entries: 5, memlock: 4096, ...rest},
});

t.test('a kernel without maps, too many open files, a bug: what is thrown says what to do', async (t) => {
  const failed = (code: string) => Object.assign(new Error(code), {code, syscall: 'bpf(X)'});
  for (const [error, message] of [
    [failed('EINVAL'), /bpf\(X\): EINVAL\. This kernel can't list BPF maps/],
    [failed('EMFILE'), /ulimit -n/],
    [failed('EIO'), /report it/],
    [new TypeError('oops'), /oops/],
  ] as const)
    await t.rejects(lookAtMaps({MapReader: readerOf(error)})([], 0n), {message});
});

t.test('maps are in the order that the program refers to them, and a type newer than this tool is its number', async (t) => {
  const look = lookAtMaps({MapReader: readerOf({maps: [map(1), map(2, {type: 9}), map(3, {type: 999, memlock: null})]})});
  const found = await look([progInfo({id: 7, mapIds: [3, 1]}), progInfo({id: 8, mapIds: []})], 0n);
  t.match(found, {complete: true, warning: null});
  t.match(found.byProg!.get(7), [
    {id: 3, type: '999', bytesMemlock: null},
    {id: 1, type: 'hash', entries: 5, maxEntries: 10},
  ]);
  t.same(found.byProg!.get(8), []);
});

t.test('of a program whose maps are not all known nothing is said', async (t) => {
  const look = lookAtMaps({MapReader: readerOf({maps: [map(1)], unreadable: 1})});
  const progs = [progInfo({id: 7, mapIds: [1, 2]}), progInfo({id: 8, mapIds: null}), progInfo({id: 9, mapIds: [1]})];
  const found = await look(progs, 0n);
  t.same([...found.byProg!.keys()], [9]);
  t.match(found, {complete: false, warning: {code: 'maps_incomplete', message: /of 1 BPF/}});
});
