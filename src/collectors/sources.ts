/** The slow sources, by name: what looks for each. */
import type {SourceFacts, SourceName} from '../sample/sources.js';
import {LinksCollector} from './links.js';
import {lookAtOwners} from './owners.js';
import {lookAtPins} from './pins.js';
import {type Look, SlowSource} from './slow-source.js';

/** What they are opened with. */
export interface SourcesOptions {
  /** Where the host's root is, as `openHostRoot` gives it; `/` by default. */
  readonly hostRoot?: string;
}

const lookers: {readonly [Name in SourceName]: (hostRoot: string) => Look<SourceFacts[Name]>} = {
  owners: (hostRoot) => (progs) => lookAtOwners(progs, {hostRoot}),
  links: (hostRoot) => {
    const collector = new LinksCollector(hostRoot);
    return (progs) => collector.read(progs);
  },
  pins: (hostRoot) => (progs) => lookAtPins(progs, hostRoot),
};

/** Opens those of them. @throws UserError (69) where the addon can't be loaded. */
export function openSources(
  names: readonly SourceName[],
  {hostRoot = '/'}: SourcesOptions = {},
): {readonly [Name in SourceName]?: SlowSource<SourceFacts[Name]>} {
  return Object.fromEntries(names.map((name) => [name, new SlowSource<unknown>(name, lookers[name](hostRoot))]));
}
