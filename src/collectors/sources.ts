/** The slow sources, by name: what looks for each. */
import type {SourceFacts, SourceName} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {LinksCollector} from './links.js';
import {lookAtMaps} from './maps.js';
import {NamesCollector} from './names.js';
import {OwnersCollector} from './owners.js';
import {lookAtPins} from './pins.js';
import {type Look, Lookout, SlowSource} from './slow-source.js';
import {UnlinkedProgs} from './unlinked.js';

/** What looks for each, below the host's root. */
export const lookers: {readonly [Name in SourceName]: (hostRoot: string) => Look<SourceFacts[Name]>} = {
  owners: (hostRoot) => {
    const collector = new OwnersCollector(hostRoot);
    const look = (progs: readonly ProgInfo[]) => collector.read(progs);
    return Object.assign(look, {close: () => collector.close()});
  },
  links: (hostRoot) => {
    const collector = new LinksCollector(hostRoot, undefined, [new UnlinkedProgs(hostRoot)]);
    return (progs) => collector.read(progs);
  },
  pins: (hostRoot) => (progs) => lookAtPins(progs, hostRoot),
  maps: () => lookAtMaps(),
  names: () => {
    const collector = new NamesCollector();
    return (progs) => collector.read(progs);
  },
};

/** Slow sources that are looked at, by name. */
export type OpenSources = {readonly [Name in SourceName]?: SlowSource<SourceFacts[Name]>};

/** Opens those of them; `hostRoot` is where the host's root is, as `openHostRoot` gives it. @throws UserError (69) where the addon can't be loaded. */
export function openSources(names: readonly SourceName[], hostRoot = '/'): OpenSources {
  const lookout = new Lookout();
  return Object.fromEntries(names.map((name) => [name, new SlowSource<unknown>(name, lookers[name](hostRoot), lookout)]));
}
