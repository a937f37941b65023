/** Writes the parts of docs/ that are made from the tables in src/: the schemas of the JSON documents, and the man page. */
import {writeFileSync} from 'node:fs';
import path from 'node:path';
import {manPage} from '../src/cli/man.js';
import {diffSchema} from '../src/output/diff-schema.js';
import {schemaText, snapshotSchema} from '../src/output/snapshot-schema.js';

const docs = path.join(import.meta.dirname, '../docs');
writeFileSync(path.join(docs, 'snapshot.schema.json'), schemaText(snapshotSchema()));
writeFileSync(path.join(docs, 'diff.schema.json'), schemaText(diffSchema()));
writeFileSync(path.join(docs, 'bpftop-ts.8'), manPage());
