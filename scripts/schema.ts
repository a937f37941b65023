/** Writes docs/snapshot.schema.json from the tables that the JSON document is made of. */
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {snapshotSchemaText} from '../src/output/snapshot-schema.js';

writeFileSync(path.join(import.meta.dirname, '../docs/snapshot.schema.json'), snapshotSchemaText());
