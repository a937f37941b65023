/**
 * What the JSON document is, as a JSON Schema (2020-12). What there is of programs and groups comes from the tables of fields, as in the
 * document itself. `npm run generate` writes it to docs/snapshot.schema.json, where it is published; a test compares them.
 */
import {type Field, type FieldKey, type FieldKind, fields} from '../model/fields.js';
import {groupFields} from '../model/group.js';
import {sourceNames} from '../sample/sources.js';
import {schemaVersion} from './json.js';

/** As much of JSON Schema as is used here. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** What is always known; every other field is null where it isn't. */
const known: ReadonlySet<string> = new Set([
  ...(['id', 'type', 'name', 'tag', 'loaded_at', 'uid', 'gpl_compatible', 'jited', 'bytes_xlated', 'bytes_jited'] as const),
  ...(['run_time_ns', 'run_cnt', 'self', 'by', 'programs', 'program_ids'] as const),
]);

/** Counters of the kernel. A reader that has doubles alone loses their last digits from 2^53 on. */
const counters: ReadonlySet<string> = new Set<FieldKey>(['run_time_ns', 'run_cnt', 'recursion_misses']);

export const text = (description: string): Schema => ({type: 'string', description});
const textOrNull = (description: string): Schema => ({type: ['string', 'null'], description});
export const whole = (description: string): Schema => ({type: 'integer', minimum: 0, description});
const wholeOrNull = (description: string): Schema => ({type: ['integer', 'null'], minimum: 0, description});
export const numberOrNull = (description: string): Schema => ({type: ['number', 'null'], minimum: 0, description});
export const oneOf = (values: readonly string[], description: string): Schema => ({enum: values, description});

/** An object that has all of these; more may come within a schema_version. */
export function object(description: string, properties: Readonly<Record<string, Schema>>): Schema {
  return {type: 'object', description, required: Object.keys(properties), properties};
}

export function listOf(items: Schema, description: string): Schema {
  return {type: 'array', description, items};
}

export function orNull(schema: Schema): Schema {
  return {...schema, type: [schema['type'], 'null']};
}

/** Averages are quotients, whatever unit they have. */
const quotients: ReadonlySet<string> = new Set<FieldKey>(['avg_run_time_ns', 'total_avg_run_time_ns']);

const types: Readonly<Record<FieldKind, Schema>> = {
  number: {type: 'integer', minimum: 0},
  text: {type: 'string'},
  flag: {type: 'boolean'},
  duration: {type: 'integer', minimum: 0},
  count: {type: 'integer', minimum: 0},
  rate: {type: 'number', minimum: 0},
  percent: {type: 'number', minimum: 0},
  relative: {type: 'number'},
  bytes: {type: 'integer', minimum: 0},
  time: {type: 'integer', minimum: 0},
  list: {type: 'array', items: {type: 'integer', minimum: 0}},
};

function ofField({key, kind, help, unit}: Pick<Field, 'key' | 'kind' | 'help' | 'unit'>): Schema {
  const type = {...types[kind], ...(quotients.has(key) && {type: 'number'})};
  const description = [help, unit, counters.has(key) && 'u64'].filter((part) => part).join(', ');
  return {...(known.has(key) ? type : orNull(type)), description};
}

function ofFields(all: readonly Pick<Field, 'key' | 'kind' | 'help' | 'unit'>[]): Record<string, Schema> {
  return Object.fromEntries(all.map((each) => [each.key, ofField(each)]));
}

const owner = object('a process that holds it', {
  pid: whole('process id, in the pid namespace of the /proc that was read'),
  comm: textOrNull('name of its main thread'),
  via: oneOf(
    ['prog', 'link', 'map'],
    'what it has an fd of: the program, a link of it, or a map that it uses; the strongest',
  ),
  cgroup: textOrNull('path of its cgroup'),
  unit: textOrNull('systemd unit it runs in; null also where it runs in none'),
  container_id: textOrNull('null also where it runs in no container'),
  container: textOrNull("the container's name; null also where it runs in none"),
  pod: textOrNull('null also where it runs in none'),
  namespace: textOrNull("the pod's namespace"),
});

const link = object('a place where it hangs', {
  link_id: wholeOrNull('id of the BPF link; null: attached without one'),
  type: text('link type as libbpf calls it, or tc'),
  attach_type: textOrNull('attach type as libbpf calls it; null where links of this type have none'),
  target: textOrNull('interface, cgroup, tracepoint, function …'),
  missed: wholeOrNull(
    'hits that did not run the program since it was attached; null where the link or the kernel does not count them',
  ),
});

const map = object('a map that it uses', {
  id: whole('map id'),
  name: text('at most 15 bytes; empty: it has none'),
  type: text('map type as libbpf calls it'),
  max_entries: whole('how many elements it can have'),
  entries: wholeOrNull('how many it has; null: the kernel does not count them'),
  bytes_memlock: wholeOrNull('memory charged for it, B'),
});

const source = orNull(
  object('what one slow source told last; null: nobody has looked', {
    age_ns: whole('how old that is, ns'),
    duration_ns: whole('how long it took to read, ns'),
    complete: {
      type: 'boolean',
      description: 'whether all there is could be read: if not, that something is not there is not known',
    },
  }),
);

const period = 'null: there was no reading before, or statistics were not on at both';

/** Who says it. */
export const toolSchema = object('who says it', {name: {const: 'bpftop-ts'}, version: text('its version')});

/** Of which host. */
export const hostSchema = object('of which host', {
  hostname: text('its name'),
  kernel_release: text('uname -r'),
  arch: text('uname -m'),
  cpus_online: {type: 'integer', minimum: 1, description: 'CPUs that are online'},
  boot_id: textOrNull('of this boot'),
});

/** The schema of the document that `--json` writes. */
export function snapshotSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'bpftop-ts snapshot',
    ...object(
      'What every BPF program of a host cost in one period. null: not known. Fields may be added within a schema_version.',
      {
        schema_version: {const: schemaVersion},
        tool: toolSchema,
        host: hostSchema,
        taken_at: {type: 'string', format: 'date-time', description: 'when the reading began, UTC'},
        period_ns: numberOrNull('time since the reading before, on CLOCK_BOOTTIME, ns; null: there was none'),
        sampling: object('how it was read, and what that cost', {
          sampler: oneOf(['iterator', 'walk'], 'how programs were listed: by a BPF iterator, or id by id'),
          shared: {type: 'boolean', description: 'whether the iterator is one that share pinned for a group'},
          fallback_reason: textOrNull('why it was not the iterator: call and errno; null: it was, or it was not asked for'),
          stats: oneOf(
            ['enabled_here', 'already_on', 'off'],
            'run-time statistics: switched on by this process, by another, or off',
          ),
          duration_ns: whole('how long the reading took, ns'),
          self_cpu_pct: numberOrNull(
            'CPU time of bpftop-ts itself in the period, % of one CPU; null: no reading before of the same process',
          ),
          stats_cost_pct: numberOrNull(`what statistics added to all runs in the period, % of one CPU; ${period}`),
          stats_cost_ns_per_run: {type: 'number', minimum: 0, description: 'what they add to a run, ns'},
          stats_cost_source: oneOf(['calibrated', 'documented'], 'whether that was timed on this host'),
          sources: object('the slow sources', Object.fromEntries(sourceNames.map((name) => [name, source]))),
        }),
        totals: object('of all programs, whatever filter and limit', {
          programs: whole('how many they are'),
          cpu_pct: numberOrNull(`of one CPU, without sleepable programs; ${period}`),
          events_per_sec: numberOrNull(`runs a second; ${period}`),
          run_time_ns: whole("the kernel's counters, added up, ns"),
          run_cnt: whole("the kernel's counters, added up"),
          period_run_time_ns: wholeOrNull(`their increase, ns; ${period}`),
          period_run_cnt: wholeOrNull(`their increase; ${period}`),
          bytes_maps: wholeOrNull('memory charged for the maps that are known, each once, B'),
        }),
        warnings: listOf(
          object('what a reader of the figures should know', {code: text('for scripts'), message: text('for people')}),
          'empty: nothing',
        ),
        programs: listOf(
          object('a program', {
            ...ofFields(fields.filter((each) => !each.notInJson)),
            owners: orNull(listOf(owner, 'processes that hold it; empty: none does')),
            links: orNull(listOf(link, 'what it is attached to; empty: nothing')),
            pins: orNull(listOf(text('path'), 'where it, or a link of it, is pinned')),
            maps: orNull(listOf(map, 'the maps it uses')),
          }),
          'those that filter and limit let through, in the order asked for',
        ),
        groups: orNull(
          listOf(object('programs that have something in common', ofFields(groupFields)), 'null: nobody asked for groups'),
        ),
      },
    ),
  };
}

/** A schema as a file holds it. */
export function schemaText(schema: Schema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}
