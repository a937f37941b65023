/** The screen in a real pty: what the terminal shows, and that it is given back as it was. */
import {readFileSync, rmSync} from 'node:fs';
import {setTimeout as sleep} from 'node:timers/promises';
import t from 'tap';
import {
  cleanEnv,
  collected,
  type Heartbeat,
  heartbeatOf,
  type InUse,
  type PtyProgram,
  samplesPerCollection,
  screenCommand,
  startInPty,
} from '../helpers/terminal.js';

const shellLine = screenCommand().join(' ');

t.test('at every size the screen is filled, and follows a resize', async (t) => {
  const program = startInPty(t);
  let screen = await program.shows(/prog_30 /);
  for (const [columns, rows] of [
    [80, 24],
    [40, 10],
    [120, 30],
    [200, 60],
    [80, 24],
  ] as const) {
    program.resize(columns, rows);
    // The last row shown, right above the footer, tells that all of it was drawn for this size.
    const last = rows - 3 < 30 ? new RegExp(`1–${rows - 3} of 30`) : /prog_1 /;
    screen = await program.until((text) => last.test(text) && /CPU%▼/.test(text), `${columns}×${rows}`);
    const lines = screen.split('\n');
    t.match(lines[0], /live$/, `header at ${columns}`);
    t.match(lines[1], /NAME/, `titles at ${columns}`);
    t.match(lines[2], /prog_30/, `first row at ${columns}`);
    t.match(lines[rows - 1], /\? help/, `footer at ${columns}`);
  }
  for (let width = 40; width < 140; width += 3) program.resize(width, 24);
  program.resize(100, 20);
  await program.until(
    (text) => /1–17 of 30/.test(text) && text.split('\n')[0]?.length === 100,
    'the size after a storm of resizes',
  );
});

t.test('keys work, however they come', async (t) => {
  const program = startInPty(t, {columns: 100});
  await program.shows('prog_30');
  program.type('\u001b[B\u001b[Bjj');
  await program.shows(/^› +27 /m);
  program.type('/prog_1');
  await program.shows('/prog_1');
  program.type('\u0015prog_2\r');
  await program.shows(/\/prog_2 +11 of 30/);
  program.type('\u001b');
  await program.shows(/1–21 of 30/);
  program.type('?');
  await program.shows('one line up');
  program.type('\u001b');
  await program.hides('one line up');
  program.type('\r');
  await program.shows('last period');
  program.type('\u001b');
  await program.shows('CPU%▼');
  program.type('q');
  t.match(await program.exited, {exitCode: 0});
});

t.test('what is pasted does not act as keys', async (t) => {
  const program = startInPty(t);
  await program.shows('prog_30');
  program.type('\u001b[200~qq\r\u0003\u001b[201~');
  await program.shows('Pasted text was ignored');
  program.type('/\u001b[200~prog_7\u001b[201~');
  await program.hides('prog_30');
  program.type('\rq');
  t.match(await program.exited, {exitCode: 0});
});

t.test('whatever ends it, the terminal is as it was', async (t) => {
  for (const [how, code, finish] of [
    ['q', 0, (program: PtyProgram) => program.type('q')],
    ['Ctrl-C', 130, (program: PtyProgram) => program.type('\u0003')],
    ['TERM', 143, (_: PtyProgram, pid: number) => process.kill(pid, 'SIGTERM')],
    ['HUP', 129, (_: PtyProgram, pid: number) => process.kill(pid, 'SIGHUP')],
  ] as const) {
    const script = `echo before; stty -g; ${shellLine} & echo pid=$!; fg >/dev/null; echo status=$?; stty -g; echo after; read line`;
    const program = startInPty(t, {words: [...cleanEnv, 'bash', '--norc', '-c', `set -m; ${script}`]});
    await program.shows('prog_30');
    t.ok(program.emulator.alternate, `${how}: its own screen`);
    t.ok(program.emulator.term.modes.bracketedPasteMode, how);
    // The pid stands on the shell's screen, below ours.
    const pid = Number(/pid=(\d+)/.exec(normalText(program))?.[1]);
    finish(program, pid);
    const screen = await program.shows('after');
    t.match(screen, `status=${code}`, how);
    t.notOk(program.emulator.alternate, how);
    t.notOk(program.emulator.term.modes.bracketedPasteMode, how);
    const [modesBefore, modesAfter] = screen.match(/^[0-9a-f]+:[0-9a-f:]+$/gm) ?? [];
    t.ok(modesBefore, 'stty speaks');
    t.equal(modesAfter, modesBefore, `${how}: stty -g`);
    t.ok(screen.includes('before'), `${how}: what was on the screen is there again`);
    program.kill();
  }
});

t.test('Ctrl-Z gives the terminal to the shell, fg brings the screen back', async (t) => {
  const program = startInPty(t, {words: [...cleanEnv, 'PS1=prompt> ', 'bash', '--norc', '--noprofile', '-i']});
  await program.shows('prompt>');
  program.type(`${shellLine}\n`);
  await program.shows('prog_30');
  program.type('jj');
  await program.shows(/^› +29 /m);
  program.type('\u001a');
  const shell = await program.shows('Stopped');
  t.notOk(program.emulator.alternate);
  t.notMatch(shell, 'prog_30');
  program.type('stty -a | grep -c " icanon"\n');
  await program.shows(/^1$/m);
  program.type('fg\n');
  await program.shows(/^› +29 /m);
  t.ok(program.emulator.alternate);
  program.type('q');
  await program.until((text) => text.trimEnd().endsWith('prompt>') && !program.emulator.alternate, 'the prompt again');
  t.match(program.emulator.text(), 'Stopped');
});

t.test('fg in a window of another size fills that one', async (t) => {
  const program = startInPty(t, {words: [...cleanEnv, 'PS1=prompt> ', 'bash', '--norc', '--noprofile', '-i']});
  await program.shows('prompt>');
  program.type(`${shellLine}\n`);
  await program.shows('prog_30');
  program.type('jj');
  await program.shows(/^› +29 /m);
  for (const [columns, rows] of [
    [120, 30],
    [40, 10],
  ] as const) {
    program.type('\u001a');
    await program.until(() => !program.emulator.alternate, 'the shell');
    await program.shows('Stopped');
    program.resize(columns, rows);
    program.type('fg\n');
    const shown = (await program.shows(new RegExp(`1–${rows - 3} of 30`))).split('\n');
    t.ok(program.emulator.alternate);
    t.equal(shown[0]?.length, columns);
    t.match(shown[0], /live$/);
    t.match(shown[1], 'CPU%▼');
    t.match(shown[3], /^› .*prog_29 /);
    t.match(shown[rows - 1], 'help');
  }
});

t.test('Ctrl-Z where nobody could bring it back changes nothing', async (t) => {
  const program = startInPty(t);
  await program.shows('prog_30');
  program.type('\u001a');
  await sleep(300);
  program.type('j');
  await program.shows(/^› +30 /m);
  t.ok(program.emulator.alternate);
});

t.test('a terminal that nobody reads stops neither samples nor signals, and shows the present afterwards', async (t) => {
  const heartbeat = `${t.testdir({})}/heartbeat`;
  const [columns, rows, listed] = [300, 90, 87];
  const words = screenCommand([listed, 5], ['--expose-gc']);
  const program = startInPty(t, {columns, rows: 6, words, env: {HEARTBEAT: heartbeat}});
  await program.shows(`prog_${listed}`);
  // The past grows with each sample until it is full, whether somebody looks or not, and by the same for few rows, which every terminal
  // keeps up with, as for many.
  const samples = 300;
  const grown = ({inUse}: Heartbeat) =>
    (inUse.at(-1) as InUse).bytes - (inUse.at(-1 - samples / samplesPerCollection) as InUse).bytes;
  const past = grown(await collected(heartbeat, 2 + samples / samplesPerCollection));

  program.resize(columns, rows);
  await program.shows('prog_1 ');
  const before = {bytes: program.bytes, frames: program.frames};
  const {inUse} = await collected(heartbeat, heartbeatOf(heartbeat).inUse.length + 2);
  const missed = (samples * (program.bytes - before.bytes)) / (program.frames - before.frames);
  program.freeze();
  const frozen = program.bytes;
  const unread = await collected(heartbeat, inUse.length + samples / samplesPerCollection + 1);
  t.equal(program.bytes, frozen, 'nobody looked');
  const kept = grown(unread) - past;
  t.ok(kept < missed / 2, `${kept} bytes are kept, the missed frames have ${missed}`);

  program.thaw();
  const present = unread.samples * listed * 1000;
  await program.until((screen) => {
    const runs = new RegExp(`prog_${listed} .*? ([\\d.]+)M `).exec(screen);
    return runs !== null && Number(runs[1]) * 1e6 >= present * 0.99;
  }, 'the present');
  t.ok(program.bytes - frozen < missed / 2, 'what was missed is not replayed');

  program.freeze();
  // Until the terminal is full.
  await collected(heartbeat, heartbeatOf(heartbeat).inUse.length + 2);
  process.kill(program.pid, 'SIGTERM');
  // Its end comes through the pty, which has to be read for that; whether it runs, /proc knows.
  for (let i = 0; i < 100 && runs(program.pid); i++) await sleep(50);
  t.notOk(runs(program.pid), 'TERM is answered with nobody looking');
  program.thaw();
  t.match(await program.exited, {exitCode: 143});
});

t.test('hundreds of resizes end with the right screen, and leave nothing behind', async (t) => {
  const heartbeat = `${t.testdir({})}/heartbeat`;
  const words = screenCommand([30, 50], ['--expose-gc']);
  const program = startInPty(t, {words, env: {HEARTBEAT: heartbeat}});
  await program.shows('prog_30');
  const size = (i: number) => [40 + ((i * 37) % 361), 5 + ((i * 13) % 56)] as const;
  const drawn = async (columns: number, rows: number) => {
    program.resize(columns, rows);
    await program.until((screen) => {
      const lines = screen.split('\n');
      return /live$/.test(lines[0] ?? '') && lines[0]?.length === columns && / help/.test(lines[rows - 1] ?? '');
    }, `${columns}×${rows}`);
  };
  // The largest, so that no buffer has to grow any more.
  await drawn(400, 60);
  const afterHundred = async (from: number) => {
    for (let i = from; i < from + 100; i++) await drawn(...size(i));
    const {inUse} = await collected(heartbeat, heartbeatOf(heartbeat).inUse.length + 1);
    return inUse.at(-1) as InUse;
  };
  const first = await afterHundred(0);
  const second = await afterHundred(100);
  t.equal(second.listeners, first.listeners);
  // A screen that is kept with each resize has at least the codes of its cells, four bytes each.
  let screens = 0;
  for (let i = 100; i < 200; i++) screens += 4 * size(i)[0] * size(i)[1];
  const kept = second.bytes - first.bytes;
  t.ok(kept < screens / 2, `${kept} bytes are kept, a hundred screens have ${screens}`);

  // And as a window is dragged: nobody waits for it.
  for (let i = 200; i < 400; i++) program.resize(...size(i));
  await drawn(80, 24);
  const lines = program.emulator.lines();
  t.match(lines[1], /NAME.*CPU%▼/);
  t.same(
    lines.slice(2, 23).map((line) => /prog_\d+/.exec(line)?.[0]),
    Array.from({length: 21}, (_, i) => `prog_${30 - i}`),
  );
  t.match(lines[23], '1–21 of 30');
});

t.test('a terminal that goes away ends it cleanly', async (t) => {
  const errors = `${t.testdir({errors: ''})}/errors`;
  const status = `${t.testdirName}/status`;
  // A shell that ignores the hangup tells how its child ended; the child gets HUP, or only sees that the terminal is gone.
  for (const trap of ['trap : HUP', "trap '' HUP"]) {
    const program = startInPty(t, {
      words: [...cleanEnv, 'bash', '--norc', '-c', `${trap}; ${shellLine} 2>${errors}; echo $? >${status}`],
    });
    await program.shows('prog_30');
    program.hangUp();
    for (let i = 0; i < 200 && !readStatus(status); i++) await sleep(50);
    t.match(readStatus(status), /^(129|1)$/, trap);
    t.equal(readFileSync(errors, 'utf8'), '', 'without a word');
    rmSync(status);
  }
});

t.test('without a terminal on stdin the keys come from the controlling terminal', async (t) => {
  const program = startInPty(t, {words: [...cleanEnv, 'sh', '-c', `${shellLine} </dev/null; echo status=$?; read line`]});
  await program.shows('prog_30');
  program.type('j');
  await program.shows(/^› +30 /m);
  program.type('q');
  await program.shows('status=0');
});

function readStatus(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

/** False for a process that has ended, reaped or not. */
function runs(pid: number): boolean {
  try {
    return !/^State:\s*[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The shell's screen while ours is over it. */
function normalText(program: PtyProgram): string {
  const {normal} = program.emulator.term.buffer;
  return Array.from({length: normal.length}, (_, y) => normal.getLine(y)?.translateToString(true) ?? '').join('\n');
}
