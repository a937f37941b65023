/** A running tool seen from inside and from outside: what it holds. What leaks grows in one of these. */
import {mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';

/** What a process tells of itself after a collection. */
export interface Inside {
  /** In V8's heap and beside it. */
  readonly bytes: number;
  /** Of all emitters and abort signals that are alive, by what has them. */
  readonly listeners: Readonly<Record<string, number>>;
  /** Warnings of Node's, and exceptions that nobody caught, until now. */
  readonly said: readonly string[];
}

/** To be preloaded. The inspector alone finds every object that is alive; asking collects garbage. */
const preload = (file: string) => `
const {Session} = require('node:inspector');
const {EventEmitter, getEventListeners} = require('node:events');
const {renameSync, writeFileSync} = require('node:fs');
const said = [];
for (const event of ['warning', 'uncaughtExceptionMonitor'])
  process.on(event, (what) => said.push(event + ': ' + (what?.stack ?? what)));

/** Of what has that prototype: how many listeners, by the name of its class. */
function count(prototype, listenersOf) {
  const found = {};
  const session = new Session();
  session.connect();
  globalThis.sought = {prototype, add: (all) => all.forEach((one) => {
    const listeners = listenersOf(one);
    if (listeners > 0) found[one.constructor.name] = (found[one.constructor.name] ?? 0) + listeners;
  })};
  session.post('Runtime.evaluate', {expression: 'sought.prototype'}, (_, {result}) =>
    session.post('Runtime.queryObjects', {prototypeObjectId: result.objectId}, (_, {objects}) =>
      session.post('Runtime.callFunctionOn', {objectId: objects.objectId, functionDeclaration: 'function () { sought.add(this) }'})));
  session.disconnect();
  delete globalThis.sought;
  return found;
}

// Prototypes of emitters are none.
const listenersOf = (one) =>
  Object.hasOwn(one, '_events') ? one.eventNames().reduce((sum, name) => sum + one.listenerCount(name), 0) : 0;

process.on('SIGUSR2', () => {
  const listeners = {
    ...count(EventEmitter.prototype, listenersOf),
    ...count(AbortSignal.prototype, (one) => getEventListeners(one, 'abort').length),
  };
  const {heapUsed, external} = process.memoryUsage();
  // In one piece, for who reads it meanwhile.
  writeFileSync(${JSON.stringify(`${file}.new`)}, JSON.stringify({bytes: heapUsed + external, listeners, said}));
  renameSync(${JSON.stringify(`${file}.new`)}, ${JSON.stringify(file)});
});
`;

/** Makes such a preload. @returns the flags for node, and what asks the process that has it; null: it has ended, or doesn't answer. */
export function insideView(t: {teardown(done: () => unknown): void}): {
  readonly nodeFlags: readonly string[];
  readonly ask: (pid: number) => Promise<Inside | null>;
} {
  const dir = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(dir, {recursive: true}));
  const [script, answer] = [path.join(dir, 'preload.cjs'), path.join(dir, 'answer')];
  writeFileSync(script, preload(answer));
  return {
    nodeFlags: ['--require', script],
    async ask(pid) {
      rmSync(answer, {force: true});
      for (let tries = 0; tries < 400; tries++) {
        try {
          if (tries === 0) process.kill(pid, 'SIGUSR2');
          return JSON.parse(readFileSync(answer, 'utf8')) as Inside;
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null;
          await sleep(50);
        }
      }
      return null;
    },
  };
}

/** What the kernel tells of a process. */
export interface Outside {
  readonly rssBytes: number;
  readonly threads: number;
  /** How many by what they point to, such as `anon_inode:bpf-prog`; numbers left out. */
  readonly fds: Readonly<Record<string, number>>;
}

/** @throws the fs error where it has ended. */
export function outsideView(pid: number): Outside {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const of = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(status)?.[1]);
  const fds: Record<string, number> = {};
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const kind = readlinkSync(`/proc/${pid}/fd/${fd}`).replaceAll(/\d+/g, '');
      fds[kind] = (fds[kind] ?? 0) + 1;
    } catch {
      // Closed meanwhile.
    }
  }
  return {rssBytes: of('VmRSS') * 1024, threads: of('Threads'), fds};
}
