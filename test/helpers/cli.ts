/** Runs the built tool as a script would: no terminal, its streams taken apart. */
import {type ChildProcessByStdio, spawn} from 'node:child_process';
import {cpSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {createInterface} from 'node:readline';
import type {Readable} from 'node:stream';
import {fileURLToPath} from 'node:url';

export const toolPath = fileURLToPath(new URL('../../bin/bpftop-ts.js', import.meta.url));

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
  /** null: ended by a signal. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Another command that runs node with the tool's path and words, such as setpriv. */
  readonly through?: readonly string[];
  /** Another one than this project's own, such as `copyTool` makes. */
  readonly tool?: string;
  /** Node's own options. */
  readonly nodeArgs?: readonly string[];
}

/** Starts the tool with these words; stdin is empty. */
export function start(args: readonly string[], options: RunOptions = {}): ChildProcessByStdio<null, Readable, Readable> {
  // The test runner puts its loaders into NODE_OPTIONS of whatever is spawned, even where `env` says otherwise.
  const words = ['-u', 'NODE_OPTIONS', ...(options.through ?? []), process.execPath, ...(options.nodeArgs ?? [])];
  return spawn('env', [...words, options.tool ?? toolPath, ...args], {
    env: {...process.env, ...options.env},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Runs the tool to its end. */
export async function run(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const child = start(args, options);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve) => child.on('close', (status, signal) => resolve({stdout, stderr, status, signal})));
}

/** A copy of the built tool, without its addon; gone when the test ends. Returns the path of what to run: `…/bin/bpftop-ts.js`. */
export function copyTool(t: {teardown(done: () => unknown): void}): string {
  const root = path.dirname(path.dirname(toolPath));
  const copy = mkdtempSync(path.join(tmpdir(), 'bpftop-ts-'));
  t.teardown(() => rmSync(copy, {recursive: true}));
  for (const part of ['bin', 'dist', 'package.json', 'docs/demo.rec'])
    cpSync(path.join(root, part), path.join(copy, part), {recursive: true, dereference: true});
  return path.join(copy, 'bin/bpftop-ts.js');
}

/** Words for Node, and an environment, that make the tool believe itself on that system, as far as it can. */
export function pretendOn(platform: 'darwin' | 'win32') {
  const preload = fileURLToPath(new URL('../fixtures/pretend.mjs', import.meta.url));
  return {nodeArgs: ['--import', preload], env: {PRETEND: platform}};
}

/** The documents of a tool that was started with --json, as they come; undefined once there are no more. */
export function documentsOf({stdout}: {readonly stdout: Readable}): () => Promise<Document | undefined> {
  const lines = createInterface(stdout)[Symbol.asyncIterator]() as AsyncIterator<string, undefined>;
  return async () => {
    const {value} = await lines.next();
    return value === undefined ? undefined : (JSON.parse(value) as Document);
  };
}

/** The first document in which everything is that was to be looked for, on a machine so slow that one run doesn't wait that long. */
export async function settledDocument(args: readonly string[]): Promise<Document> {
  const tool = start(['--json', '-n', '0', ...args]);
  let stderr = '';
  tool.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  try {
    const next = documentsOf(tool);
    for (let document = await next(); document; document = await next())
      if (!document.warnings.some(({code}) => code.endsWith('_late'))) return document;
    throw new Error(stderr);
  } finally {
    tool.kill();
  }
}

/** What of the JSON document the tests look at. */
export interface Document {
  readonly period_ns: number;
  readonly sampling: {
    readonly stats: string;
    readonly sampler: string;
    readonly stats_cost_ns_per_run: number;
    readonly stats_cost_source: string;
    readonly self_cpu_pct: number | null;
  };
  readonly totals: Readonly<Record<string, number | null>>;
  readonly warnings: readonly {readonly code: string; readonly message: string}[];
  readonly programs: readonly (Readonly<Record<string, unknown>> & {readonly id: number; readonly name: string})[];
}
