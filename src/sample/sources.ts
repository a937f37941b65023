/**
 * What is known of programs beside their counters: who holds them, what they are attached to, where they are pinned, which maps they use,
 * what they are called in full. Each is a source by itself, read seldom; a Sample has what the last look of each found.
 */
import type {ProgLink} from './links.js';
import type {ProgMap} from './maps.js';
import type {ProgNames} from './names.js';
import type {ProgOwner} from './owners.js';
import type {ProgPin} from './pins.js';
import type {Warning} from './types.js';

/** What one look at a source found. */
export interface Found<T> {
  /** By the program's id; null: it could not be read at all. */
  readonly byProg: ReadonlyMap<number, readonly T[]> | null;
  /** Whether that is all there is: a program that isn't in it has none. */
  readonly complete: boolean;
  /** Programs of which it can't tell whether they have any, even where all else is complete; none by default. */
  readonly untold?: ReadonlySet<number>;
  /** Why it could not be read, or what is missing; null: nothing is. */
  readonly warning: Warning | null;
}

/** The same, and when. */
export interface Reading<T> extends Found<T> {
  /** CLOCK_BOOTTIME when the look began, ns; of programs loaded later it knows nothing. */
  readonly timeNs: bigint;
  /** How long it took, ns. */
  readonly durationNs: number;
}

/** What each source tells of a program. */
export interface SourceFacts {
  /** Who holds it, pids ascending. */
  readonly owners: ProgOwner;
  /** What it is attached to, link ids ascending. */
  readonly links: ProgLink;
  /** Where it is pinned, or a link of it; paths of this mount namespace first. */
  readonly pins: ProgPin;
  /** The maps it uses, in the order it refers to them. */
  readonly maps: ProgMap;
  /** What it and its surroundings are called: at most one. */
  readonly names: ProgNames;
}

/** A source's name: its key in the JSON document, and its option with `--no-` before it. */
export type SourceName = keyof SourceFacts;

/** One that can be looked at for good with less than root's rights: opening another user's pin takes all files' (CAP_DAC_OVERRIDE). */
export type LastingSource = Exclude<SourceName, 'pins'>;

/** The last reading of each; null: nobody has looked (yet). */
export type Sources = {readonly [Name in SourceName]: Reading<SourceFacts[Name]> | null};

/** All of them, in the order of the JSON document. */
export const sourceNames = ['owners', 'links', 'pins', 'maps', 'names'] as const satisfies readonly SourceName[];

/** Nothing known yet. */
export const noSources: Sources = {owners: null, links: null, pins: null, maps: null, names: null};

/** `of` each source. */
export function mapSources(of: <Name extends SourceName>(name: Name) => Reading<SourceFacts[Name]> | null): Sources {
  return Object.fromEntries(sourceNames.map((name) => [name, of(name)])) as unknown as Sources;
}

/** Code of the warning that a source had not answered yet when a sample was told; one that has failed has another. */
export function lateCode(name: string): string {
  return `${name}_late`;
}
