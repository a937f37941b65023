/** The screen inside real tmux and screen: what they show of it. */
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {fileURLToPath} from 'node:url';
import t from 'tap';
import {openTestScreen} from '../helpers/screen.js';

const fixture = fileURLToPath(new URL('../fixtures/screen.ts', import.meta.url));
const env: NodeJS.ProcessEnv = {...process.env, LC_ALL: 'C.UTF-8', LANG: 'C.UTF-8', TERM: 'xterm-256color'};
const [columns, rows] = [80, 24];

interface Test {
  teardown(done: () => void): void;
}

interface Multiplexer {
  start(command: string): void;
  type(keys: string): void;
  shown(): string;
  /** How it writes a text that it shows. */
  written(text: string): string;
  end(): void;
}

function call(words: readonly string[], more: NodeJS.ProcessEnv = {}): string {
  const {NODE_OPTIONS: _, TMUX: __, CI: ___, STY: ____, ...clean} = {...env, ...more};
  return spawnSync('env', ['-u', 'NODE_OPTIONS', ...words], {env: clean, encoding: 'utf8'}).stdout;
}

function tmux(name: string): Multiplexer {
  const run = (...words: string[]) => call(['tmux', '-u', '-L', name, '-f', '/dev/null', ...words]);
  return {
    start: (command) =>
      run(
        'new-session',
        '-d',
        '-x',
        String(columns),
        '-y',
        String(rows),
        ';',
        'set',
        'status',
        'off',
        ';',
        'respawn-pane',
        '-k',
        command,
      ),
    type: (keys) => run('send-keys', '-l', keys),
    shown: () => run('capture-pane', '-p'),
    written: (text) => text,
    end: () => run('kill-server'),
  };
}

function screen(name: string, dir: string): Multiplexer {
  const run = (...words: string[]) => call(['screen', ...words], {SCREENDIR: dir});
  const file = path.join(dir, 'hardcopy');
  const settings = path.join(dir, 'screenrc');
  // Off unless asked for.
  writeFileSync(settings, 'altscreen on\n');
  return {
    // Without anybody attached its windows are 80×24.
    start: (command) => run('-c', settings, '-U', '-T', 'screen-256color', '-dmS', name, 'sh', '-c', command),
    type: (keys) => run('-S', name, '-p', '0', '-X', 'stuff', keys),
    shown() {
      run('-S', name, '-p', '0', '-X', 'hardcopy', file);
      try {
        return readFileSync(file, 'latin1');
      } catch {
        return '';
      }
    },
    // The lower byte of each character.
    written: (text) => Array.from(text, (each) => String.fromCharCode((each.codePointAt(0) as number) & 0xff)).join(''),
    end: () => run('-S', name, '-X', 'quit'),
  };
}

/** With a short path, for the sockets in it. */
function folder(t: Test): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(dir, {recursive: true, force: true}));
  return dir;
}

const installed = (command: string) => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;

for (const [what, make] of [
  ['tmux', (dir: string) => tmux(path.basename(dir))],
  ['screen', (dir: string) => screen('bpftop-ts-test', dir)],
] as const) {
  const skip = !installed(what) && `${what} is not installed`;

  function open(t: Test, command: string): Multiplexer {
    const dir = folder(t);
    const multiplexer = make(dir);
    t.teardown(() => multiplexer.end());
    multiplexer.start(command);
    return multiplexer;
  }

  t.test(`in ${what} the screen is whole, takes keys, and gives the terminal back`, {skip}, async (t) => {
    const inside = open(
      t,
      `echo before; NODE_ENV=production ${process.execPath} --import tsx ${fixture}; echo status=$?; sleep 100`,
    );
    const lines = (await until(inside, /1.21 of 30.*\? help/)).split('\n');
    t.match(lines[0], /^bpftop-ts.* live *$/);
    t.match(lines[1], /NAME.*CPU%./);
    t.same(
      lines.slice(2, 23).map((line) => /prog_(\d+) /.exec(line)?.[1]),
      Array.from({length: 21}, (_, i) => String(30 - i)),
    );
    inside.type('?');
    await until(inside, /one line up/);
    inside.type('q');
    inside.type('j');
    await until(inside, /^[›:] +30 /m);
    inside.type('q');
    t.match(await until(inside, /status=0/), /before/, 'what was there is there again');
  });

  t.test(`in ${what} names of any width leave the columns where they are`, {skip}, async (t) => {
    const under = await openTestScreen(t, {columns, rows});
    const names = [
      'plain',
      '🐝_bee',
      'שלום',
      'क्षि',
      '👍🏽👍🏽',
      '❤\ufe0f',
      '🇩🇪',
      '监控',
      'e\u0301e',
      '\u0378',
      'กำ',
      '1\ufe0f\u20e3',
      '\u202ex',
      '\u3164',
    ];
    under.feed(names.map((name, i) => ({id: i + 1, name, runCnt: 5n})));
    const wanted = await under.lines();
    const file = path.join(folder(t), 'frames');
    writeFileSync(file, Buffer.concat([Buffer.from('\u001b[?7l\u001b[2J'), ...under.terminal.frames]));
    const inside = open(t, `cat ${file}; sleep 100`);
    const lines = (await until(inside, /\? help/)).split('\n');
    // The name stands before it; its own cells are the terminal's business.
    for (const [y, line] of wanted.entries())
      t.equal(lines[y]?.trimEnd().slice(-30), inside.written(line.slice(-30)), `row ${y}`);
  });
}

async function until(inside: Multiplexer, wanted: RegExp): Promise<string> {
  let shown = '';
  for (let tries = 0; tries < 200; tries++) {
    shown = inside.shown();
    if (wanted.test(shown)) return shown;
    await sleep(100);
  }
  throw new Error(`not on the screen: ${String(wanted)}\n${shown}`);
}
