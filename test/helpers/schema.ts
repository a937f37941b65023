/** Documents held against a schema that is published in docs/. */
import {readFileSync} from 'node:fs';
import {Ajv2020} from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

/** The schema with nothing left open: what a document has and the schema doesn't describe is an error too. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in inner ? {...inner, additionalProperties: false} : inner;
}

/** A schema of docs/, and how JSON texts are held against it. */
export function publishedSchema(file: string) {
  const ajv = new Ajv2020({allErrors: true, strict: true, allowUnionTypes: true});
  (formats as unknown as (ajv: Ajv2020) => void)(ajv);
  const schema = JSON.parse(readFileSync(file, 'utf8')) as object;
  const validate = ajv.compile(closed(schema) as object);
  return {
    /** What is wrong with a text, by the closed schema. */
    problems: (text: string) => (validate(JSON.parse(text)) ? [] : validate.errors),
    /** As others compile it. */
    compile: () => ajv.compile(schema),
  };
}
