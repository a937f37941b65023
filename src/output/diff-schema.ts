/** What `diff --json` writes, as a JSON Schema (2020-12). `npm run generate` writes it to docs/diff.schema.json, where it is published. */
import {comparedFieldKeys, leastReadings, readingsForHalf} from '../model/diff.js';
import {field} from '../model/fields.js';
import {schemaVersion} from './json.js';
import {
  hostSchema,
  listOf,
  numberOrNull,
  object,
  oneOf,
  orNull,
  type Schema,
  text,
  toolSchema,
  whole,
} from './snapshot-schema.js';

const signed = (description: string): Schema => ({type: ['number', 'null'], description});

const summary = orNull(
  object('one side; null: it was not there, or no reading has the figure', {
    median: {type: 'number', minimum: 0, description: 'of all readings that have it'},
    low: numberOrNull('where the spread begins; null: there are too few readings'),
    high: numberOrNull('where it ends'),
    readings: whole('how many have it'),
  }),
);

const figures = Object.fromEntries(
  comparedFieldKeys.map((key) => {
    const {help, unit} = field(key);
    return [
      key,
      object(`${help}, ${unit}`, {
        before: summary,
        after: summary,
        change: signed('after − before; what was not there costs nothing; null: not known'),
        change_pct: signed('the same in % of before; null also where that was nothing'),
        noise: {
          enum: ['within', 'beyond', 'unknown', null],
          description: 'whether the two spreads overlap; unknown: a side has none; null: the change is not known',
        },
      }),
    ];
  }),
);

const side = object('what was compared', {
  file: text('its name; stdin'),
  kind: oneOf(['snapshot', 'recording'], 'what it is'),
  host: hostSchema,
  taken_at: {type: 'string', format: 'date-time', description: 'when its last reading began, UTC'},
  period_ns: {type: 'number', minimum: 0, description: 'all its periods together, ns'},
  readings: {type: 'integer', minimum: 1, description: 'how many they are'},
  complete: {type: 'boolean', description: 'whether it has all programs; if not, who is missing may have been there'},
});

const ofBoth = (description: string, each: Schema): Schema => object(description, {before: each, after: each});

/** The schema of the document that `diff --json` writes. */
export function diffSchema(): Schema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'bpftop-ts diff',
    ...object('What BPF programs cost before and after. null: not known. Fields may be added within a schema_version.', {
      schema_version: {const: schemaVersion},
      tool: toolSchema,
      before: side,
      after: side,
      spread: object('what low and high are', {
        least_readings: {const: leastReadings, description: 'with fewer there is no spread'},
        readings_for_middle_half: {
          const: readingsForHalf,
          description: 'from so many on it goes from the lower to the upper quartile; with fewer from the least to the most',
        },
      }),
      totals: object("of all programs but this tool's own, whatever filter and limit", figures),
      programs: listOf(
        object('all programs of one type, name and tag, together', {
          type: text('program type as libbpf calls it'),
          name: text('in full where that is known; empty: it has none'),
          status: oneOf(
            ['same', 'rebuilt', 'new', 'gone', 'only_after', 'only_before'],
            'same: type, name and tag are; rebuilt: type and name are; new, gone: one side has none; only_…: so it seems, but the other side is not complete',
          ),
          tags: ofBoth('SHA of its instructions; several: which became which is not known', listOf(text('tag'), 'tags')),
          copies: ofBoth('how many were loaded last', whole('programs')),
          ...figures,
          fails: listOf(text('as it was typed'), '--fail-on that are true of it'),
        }),
        'those that filter and limit let through, in the order asked for',
      ),
    }),
  };
}
