/** The slow sources, by name: what looks for each. */
import type {SourceFacts, SourceName} from '../sample/sources.js';
import {LinksCollector} from './links.js';
import {lookAtMaps} from './maps.js';
import {OwnersCollector} from './owners.js';
import {type Look, SlowSource} from './slow-source.js';

const lookers: {readonly [Name in SourceName]: () => Look<SourceFacts[Name]>} = {
  owners: () => {
    const collector = new OwnersCollector();
    return (progs) => collector.read(progs);
  },
  links: () => {
    const collector = new LinksCollector();
    return (progs) => collector.read(progs);
  },
  maps: () => lookAtMaps(),
};

/** Slow sources that are looked at, by name. */
export type OpenSources = {readonly [Name in SourceName]?: SlowSource<SourceFacts[Name]>};

/** Opens those of them. @throws UserError (69) where the addon can't be loaded. */
export function openSources(names: readonly SourceName[]): OpenSources {
  return Object.fromEntries(names.map((name) => [name, new SlowSource<unknown>(name, lookers[name]())]));
}
