/** The slow sources, by name: what looks for each. */
import type {SourceFacts, SourceName} from '../sample/sources.js';
import {LinksCollector} from './links.js';
import {NamesCollector} from './names.js';
import {lookAtOwners} from './owners.js';
import {type Look, SlowSource} from './slow-source.js';

const lookers: {readonly [Name in SourceName]: () => Look<SourceFacts[Name]>} = {
  owners: () => lookAtOwners,
  links: () => {
    const collector = new LinksCollector();
    return (progs) => collector.read(progs);
  },
  names: () => {
    const collector = new NamesCollector();
    return (progs) => collector.read(progs);
  },
};

/** Opens those of them. @throws UserError (69) where the addon can't be loaded. */
export function openSources(names: readonly SourceName[]): {readonly [Name in SourceName]?: SlowSource<SourceFacts[Name]>} {
  return Object.fromEntries(names.map((name) => [name, new SlowSource<unknown>(name, lookers[name]())]));
}
