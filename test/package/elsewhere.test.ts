import {writeFileSync} from 'node:fs';
import path from 'node:path';
import t from 'tap';
import {copyTool, run} from '../helpers/cli.js';
import {busySamples, recordingOf} from '../helpers/recordings.js';
import {cleanEnv, startInPty} from '../helpers/terminal.js';

/** Makes a Node believe that it runs there, as far as the tool can ask. */
const pretend = (platform: string) =>
  `data:text/javascript,${encodeURIComponent(`
    Object.defineProperty(process, 'platform', {value: ${JSON.stringify(platform)}});
    if (process.platform === 'win32')
      for (const name of ['getuid', 'geteuid', 'getgid', 'getegid', 'getgroups']) delete process[name];`)}`;

for (const platform of ['darwin', 'win32'])
  t.test(`on ${platform} what needs no kernel works, and the rest says where it would`, async (t) => {
    const tool = copyTool(t);
    const on = (...words: string[]) => run(words, {tool, nodeArgs: ['--import', pretend(platform)]});
    const file = path.join(t.testdir({}), 'recording');
    writeFileSync(file, recordingOf(busySamples(4)));

    const replayed = await on('replay', file, '--json', '-n', '1');
    t.match(replayed, {status: 0, stderr: ''});
    t.match(JSON.parse(replayed.stdout), {host: {hostname: 'web-3'}, programs: [{}, {}, {}]});
    const table = await on('replay', file, '-n', '1');
    t.match(table, {status: 0, stderr: '', stdout: /alpha/});

    const words = [...cleanEnv, process.execPath, '--import', pretend(platform), tool, 'replay', file];
    const screen = startInPty(t, {words});
    await screen.shows('alpha');
    screen.type('q');
    t.match(await screen.exited, {exitCode: 0});

    const snapshot = path.join(path.dirname(file), 'snapshot.json');
    writeFileSync(snapshot, replayed.stdout);
    const compared = await on('diff', snapshot, snapshot, '--json');
    t.match(compared, {status: 0, stderr: ''});
    t.match(JSON.parse(compared.stdout), {programs: []});

    t.match(await on('--version'), {status: 0, stdout: /^\S+\n$/});
    const live = await on();
    t.match(live, {
      status: 69,
      stdout: '',
      stderr: new RegExp(`^bpftop-ts: cannot read BPF programs on ${platform}: .* Run it on the Linux host itself\\.\\n$`),
    });
  });
