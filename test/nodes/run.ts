/**
 * npm run test:nodes: the quicker tests under other versions of Node than this one: the oldest that is supported, and the later majors.
 * They come from npm, once, and are kept. Ends with 1 if anything failed. What can't be had is skipped, and said. `npm run test:nodes -- 22`
 * takes that alone.
 */
import {spawnSync} from 'node:child_process';
import {mkdirSync, readdirSync, rmSync, statSync, symlinkSync} from 'node:fs';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {fetchOnce} from '../helpers/debian.js';
import {unpackNode} from '../helpers/nodes.js';
import {transpile} from '../kernels/image.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The first is that of `engines`. */
const versions = ['20.11.1', '22', '24', '26'];
/** After so many seconds, from its start, what hasn't begun is skipped. */
const budget = Number(process.env['NODE_TESTS_SECONDS'] ?? 1800);
/** A file that takes longer than this hangs, ms. */
const patience = 180_000;

/** What takes long, and what other programs than Node decide. */
const left = [
  /^test\/(bench|deploy|fuzz|package)\//,
  /^test\/(docs|index)\.test/,
  /^test\/cli\/(bpftool|completion|doctor|environment|faults|host-root|live|man|serve|share|soak|two-copies)\.test/,
  /^test\/native\/(core|endurance|teardown)\.test/,
  // They start TypeScript.
  /^test\/(collectors\/privileges|ui\/(multiplexers|terminal|terminal-looks))\.test/,
];

/** The binary, fetched once, and kept. @throws Error that says why it can't be had. */
function fetchNode(version: string): string {
  if (process.platform !== 'linux') throw new Error('needs Linux');
  return path.join(
    fetchOnce(path.join('nodes', version), (folder) => unpackNode(folder, process.arch, version)),
    'node',
  );
}

/** The tests as plain JavaScript, beside links to everything else, where they find the packages; the folder. */
async function lay(): Promise<string> {
  const folder = path.join(root, 'build/nodes');
  rmSync(folder, {recursive: true, force: true});
  mkdirSync(path.join(folder, 'build'), {recursive: true});
  await transpile(folder);
  symlinkSync(path.join(root, 'build/Release'), path.join(folder, 'build/Release'));
  const made = new Set(readdirSync(folder));
  for (const name of readdirSync(root))
    if (!made.has(name) && !name.startsWith('.')) symlinkSync(path.join(root, name), path.join(folder, name));
  for (const name of readdirSync(path.join(root, 'test'), {recursive: true, encoding: 'utf8'})) {
    const file = path.join('test', name);
    if (/\.tsx?$/.test(name) || statSync(path.join(root, file)).isDirectory()) continue;
    mkdirSync(path.join(folder, path.dirname(file)), {recursive: true});
    symlinkSync(path.join(root, file), path.join(folder, file));
  }
  return folder;
}

/** Runs the files one after another: statistics are one switch for the whole kernel. Whether all is well. */
function runAll(binary: string, folder: string, files: readonly string[]): boolean {
  const sums = {pass: 0, fail: 0, skip: 0};
  const failed: string[] = [];
  const began = performance.now();
  const {stdout: release} = spawnSync(binary, ['--version'], {encoding: 'utf8'});
  let skipped = '';
  for (const file of files) {
    if (performance.now() > budget * 1000) {
      skipped = ` # SKIP the rest: out of time: ${budget} s, NODE_TESTS_SECONDS`;
      break;
    }
    const {NODE_OPTIONS: _, ...env} = process.env;
    const {status, signal, stdout, stderr} = spawnSync(binary, [file.replace(/tsx?$/, 'js')], {
      cwd: folder,
      env: {...env, TAP_TIMEOUT: '0'},
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      timeout: patience,
    });
    const found = /^# \{ total: .*\}$/gm.exec(stdout)?.at(-1) ?? '';
    for (const key of ['pass', 'fail', 'skip'] as const)
      sums[key] += Number(new RegExp(`${key}: (\\d+)`).exec(found)?.[1] ?? 0);
    if (status === 0) continue;
    const lines = `${stdout}\n${stderr}`.split('\n').filter((line) => !/^\s*(ok \d|\d+\.\.\d|# Subtest|$)/.test(line));
    failed.push(`${file}: ${signal ?? `status ${status}`}\n${lines.slice(0, 80).join('\n')}`);
  }
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const counts = `${sums.pass} passed, ${sums.fail} failed, ${sums.skip} skipped, ${seconds} s`;
  console.log(`${failed.length ? 'not ok' : 'ok'} Node ${release.trim()}: ${counts}${skipped}`);
  for (const each of failed) console.log(each.replace(/^/gm, '    | '));
  return failed.length === 0;
}

const wanted = process.argv.slice(2);
const folder = await lay();
const files = readdirSync(path.join(root, 'test'), {recursive: true, encoding: 'utf8'})
  .map((file) => path.join('test', file))
  .filter((file) => /\.test\.tsx?$/.test(file) && !left.some((pattern) => pattern.test(file)))
  .sort();
for (const version of wanted.length > 0 ? wanted : versions) {
  try {
    if (!runAll(fetchNode(version), folder, files)) process.exitCode = 1;
  } catch (error) {
    console.log(`ok Node ${version} # SKIP it can't be had: ${(error as Error).message}`);
  }
}
rmSync(folder, {recursive: true});
