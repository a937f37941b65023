import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {manPage} from '../../src/cli/man.js';
import {commandLine} from '../../src/cli/options.js';
import {fields} from '../../src/model/fields.js';
import {has} from '../helpers/mounts.js';

const page = path.join(import.meta.dirname, '../../docs/bpftop-ts.8');

t.test('what is published is what --help says; npm run generate writes it', (t) => {
  t.equal(readFileSync(page, 'utf8'), manPage());
  t.end();
});

t.test(
  'man shows it without a complaint, and all of it',
  {skip: !has('man', '--version') && 'man is not installed'},
  (t) => {
    const env = {...process.env, MANWIDTH: '200', LC_ALL: 'C.UTF-8', MANROFFOPT: '-c'};
    const {stdout, stderr, status} = spawnSync('man', ['--warnings', '--local-file', page], {encoding: 'utf8', env});
    t.match({status, stderr}, {status: 0, stderr: ''});
    const shown = stdout.replace(/.\u0008/g, '').replaceAll('‐', '-');
    const {program} = commandLine();
    for (const command of program.commands) t.ok(shown.includes(`\n       ${command.name()} `), command.name());
    for (const {long} of program.options) t.ok(shown.includes(long ?? ''), String(long));
    for (const {key, help} of fields) t.ok(shown.includes(key) && shown.includes(help.slice(0, 40)), key);
    t.match(shown, /\n +name=tc_\* pod!="" +that field equals/);
    t.end();
  },
);
