/** Writes the parts of docs/ that are made from the tables in src/: the schema of the JSON document, and the man page. */
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {manPage} from '../src/cli/man.js';
import {snapshotSchemaText} from '../src/output/snapshot-schema.js';

const docs = path.join(import.meta.dirname, '../docs');
writeFileSync(path.join(docs, 'snapshot.schema.json'), snapshotSchemaText());
writeFileSync(path.join(docs, 'bpftop-ts.8'), manPage());
