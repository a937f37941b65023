import {writeFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {copyTool, pretendOn, run} from '../helpers/cli.js';
import {busySamples, recordingOf} from '../helpers/recordings.js';

for (const platform of ['darwin', 'win32'] as const)
  t.test(`on ${platform} what needs no kernel works, and the rest says where it would`, async (t) => {
    const tool = copyTool(t);
    const on = (...words: string[]) => run(words, {tool, ...pretendOn(platform)});
    const folder = t.testdir({});
    const file = path.join(folder, 'recording');
    writeFileSync(file, recordingOf(busySamples(4)));

    const replayed = await on('replay', file, '--json', '-n', '1');
    t.match(replayed, {status: 0, stderr: ''});
    t.match(JSON.parse(replayed.stdout), {host: {hostname: 'web-3'}, programs: [{}, {}, {}]});
    t.match(await on('replay', file, '-n', '1'), {status: 0, stderr: '', stdout: /alpha/});

    const snapshot = path.join(folder, 'snapshot.json');
    writeFileSync(snapshot, replayed.stdout);
    const compared = await on('diff', snapshot, snapshot, '--json');
    t.match(compared, {status: 0, stderr: ''});
    t.match(JSON.parse(compared.stdout), {programs: []});

    t.match(await on(), {
      status: 69,
      stdout: '',
      stderr: new RegExp(`^bpftop-ts: cannot read BPF programs on ${platform}: .* Run it on the Linux host itself\\.\\n$`),
    });
  });
