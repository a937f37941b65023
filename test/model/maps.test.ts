import t from 'tap';
import {mapsMemory, sharedMaps} from '../../src/model/maps.js';
import {field} from '../../src/model/fields.js';
import {measure} from '../../src/model/measure.js';
import {sortProgs} from '../../src/model/sort.js';
import type {ProgMap} from '../../src/sample/maps.js';
import {noSources} from '../../src/sample/sources.js';
import {makeSample, progMap, reading} from '../helpers/samples.js';

/** Programs 1, 2, … with these maps; null: not known. */
function progsWith(...maps: readonly (readonly ProgMap[] | null)[]) {
  const progs = maps.map((_, i) => ({id: i + 1}));
  const sample = makeSample(100, progs);
  const byProg = Object.fromEntries(maps.flatMap((each, i) => (each ? [[i + 1, each]] : [])));
  const sources = {...noSources, maps: reading(byProg, {complete: false})};
  return measure({...sample, progs: {...sample.progs, sources}}, null).progs;
}

const small = progMap({id: 5, bytesMemlock: 100});
const large = progMap({id: 6, bytesMemlock: 5000});
const unread = progMap({id: 7, bytesMemlock: null});

t.test('a map that several programs use is counted once', (t) => {
  t.equal(mapsMemory(progsWith([small, large], [large], [])), 5100);
  t.equal(mapsMemory(progsWith([small], null)), 100, 'of those that are known');
  t.end();
});

t.test('what maps take is not known where none are, or where the memory of one is not', (t) => {
  t.equal(mapsMemory(progsWith(null, null)), null);
  t.equal(mapsMemory([]), null);
  t.equal(mapsMemory(progsWith([small, unread])), null);
  t.equal(mapsMemory(progsWith([])), 0, 'without maps it is 0');
  t.end();
});

t.test('programs are ordered by what their maps take, unknown ones last', (t) => {
  const progs = progsWith([small], null, [large, small], []);
  const order = {field: field('bytes_maps'), descending: true};
  t.same(
    sortProgs(progs, order).map(({info}) => info.id),
    [3, 1, 4, 2],
  );
  t.end();
});

t.test('what a program shares, and with how many', (t) => {
  const progs = progsWith([small, large], [large], [large, unread], [], null);
  t.same(sharedMaps(progs[0]!, progs), {bytes: 5000, progs: 2});
  t.same(sharedMaps(progs[3]!, progs), {bytes: 0, progs: 0});
  t.equal(sharedMaps(progs[4]!, progs), null);
  const both = progsWith([small, unread], [unread]);
  t.same(sharedMaps(both[0]!, both), {bytes: null, progs: 1});
  t.end();
});
