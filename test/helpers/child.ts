/** Children that run plain JavaScript with the addon, for tests of what happens when a process ends or may do less. */
import {spawn} from 'node:child_process';
import {fileURLToPath} from 'node:url';

/** First lines of a child's script: `load(file)` gives a module of native code. */
const prelude = `const load = (file) => require(${JSON.stringify(buildFolder())} + file);\n`;

function buildFolder(): string {
  return fileURLToPath(new URL('../../build/Release/', import.meta.url));
}

/** The script for `new Worker(…, {eval: true})` or `node -e`. */
export function scriptOf(body: string): string {
  return prelude + body;
}

/** A running child: its lines as they come, and its end. */
export interface Child {
  /** Of the first process: the wrapper's, where that waits for its own child. */
  readonly pid: number;
  /** The next line that the child prints; undefined at its end. */
  line(): Promise<string | undefined>;
  /** Sends it a line. */
  send(line: string): void;
  kill(signal: NodeJS.Signals): void;
  /** How it ended, and what it wrote to stderr. */
  readonly end: Promise<{code: number | null; signal: NodeJS.Signals | null; stderr: string}>;
}

/** Starts `node -e body`, with `wrapper` (such as `unshare -n`) in front; killed when the test ends. */
export function startChild(
  t: {teardown(done: () => unknown): void},
  body: string,
  {wrapper = [], nodeFlags = []}: {wrapper?: readonly string[]; nodeFlags?: readonly string[]} = {},
): Child {
  // The test runner puts its loaders into NODE_OPTIONS of whatever is spawned, even where `env` says otherwise: 0.3 s a child,
  // and a folder that not every child may write to.
  const words = ['-u', 'NODE_OPTIONS', ...wrapper, process.execPath, ...nodeFlags, '-e', scriptOf(body)];
  const child = spawn('env', words, {stdio: 'pipe'});
  t.teardown(() => child.kill('SIGKILL'));

  const waiting: ((line: string | undefined) => void)[] = [];
  const lines: string[] = [];
  let ended = false;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    for (const line of parts) {
      const next = waiting.shift();
      if (next) next(line);
      else lines.push(line);
    }
  });
  child.stdin.on('error', () => undefined);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const end = new Promise<Awaited<Child['end']>>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      ended = true;
      for (const next of waiting.splice(0)) next(undefined);
      resolve({code, signal, stderr});
    });
  });
  end.catch(() => undefined); // reported to whoever awaits it
  return {
    pid: child.pid!,
    line: () =>
      lines.length > 0 || ended ? Promise.resolve(lines.shift()) : new Promise((resolve) => waiting.push(resolve)),
    send: (line) => child.stdin.write(`${line}\n`),
    kill: (signal) => child.kill(signal),
    end,
  };
}

/** What goes before a command to run it as uid 65534 with these capabilities and no others; needs setpriv. */
export function nobodyWith(...capabilities: string[]): string[] {
  const list = ['-all', ...capabilities.map((name) => `+${name}`)].join(',');
  const ids = ['--reuid', '65534', '--regid', '65534', '--clear-groups'];
  return ['setpriv', ...ids, `--inh-caps=${list}`, `--ambient-caps=${list}`, `--bounding-set=${list}`];
}
