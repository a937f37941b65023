/**
 * npm run test:kernels: the tests of native/ and of the collectors, and the tool itself, on other kernels than this machine's. Ends with
 * 1 if anything failed there. What can't be had here is skipped, and said. `npm run test:kernels -- 5.10 uml` takes those alone.
 */
import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {availableParallelism, tmpdir} from 'node:os';
import path from 'node:path';
import {fileURLToPath} from 'node:url';
import {buildCore} from '../helpers/core.js';
import {buildImage, findTool} from './image.js';
import {fetchKernel, kernels, type Kernel} from './kernels.js';
import {type Outcome, runMachine} from './machine.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** After so many seconds, from its start, what hasn't ended is skipped. */
const budget = Number(process.env['KERNEL_TESTS_SECONDS'] ?? 1800);
const outOfTime = `out of time: ${budget} s, KERNEL_TESTS_SECONDS`;
const atOnce = Math.max(2, availableParallelism());

/** What does not run there as it does here: on an emulated CPU it takes minutes, or more memory than a guest has. */
const shortened: readonly {readonly what: string; readonly file: string; readonly env: string}[] = [
  {
    what: 'fewer loads, programs and samples in endurance.test.ts',
    file: 'test/native/endurance.test.js',
    env: 'ENDURANCE_LOADS=500 ENDURANCE_SAMPLES=50 ENDURANCE_PROGRAMS=500',
  },
  {
    what: "without a refused program's million instructions in testbed.test.ts",
    file: 'test/native/testbed.test.js',
    env: "TAP_INVERT=1 TAP_GREP='a refused program'",
  },
  {
    what: "without the many workers, which are Node's affair, in teardown.test.ts",
    file: 'test/native/teardown.test.js',
    env: "TAP_INVERT=1 TAP_GREP='workers? t|a worker'",
  },
];

/** What a guest runs, one after another. */
function testCommands(): string[] {
  const files = ['test/native', 'test/collectors'].flatMap((folder) =>
    readdirSync(path.join(root, folder))
      // The one of the core is for a machine with a compiler.
      .filter((file) => file.endsWith('.test.ts') && file !== 'core.test.ts')
      .map((file) => `${folder}/${file}`)
      // What never meets a kernel comes to the same on each.
      .filter((file) => {
        const text = readFileSync(path.join(root, file), 'utf8');
        // Nor is there anything in a guest that starts TypeScript.
        return /helpers\/kernel\.js|src\/addon\.js/.test(text) && !/'tsx'/.test(text);
      })
      .map((file) => file.replace(/ts$/, 'js')),
  );
  const envOf = (file: string) => shortened.find((each) => each.file === file)?.env ?? '';
  // First, with the limits that a kernel starts with.
  return ['node test/kernels/one-shot.js', ...files.map((file) => `ulimit -l unlimited; ${envOf(file)} node ${file}`)];
}

/** Builds the image; its file. The core's own checks are built here, for there. */
async function buildAll(folder: string): Promise<string> {
  for (const {what} of shortened) say(`# shorter there: ${what}`);
  mkdirSync(folder);
  const core = buildCore(folder, ['test/native/core-check.cc'], false);
  if ('skip' in core) {
    say(`ok core-check # SKIP ${core.skip}`);
    return buildImage(folder, testCommands(), []);
  }
  if (core.errors) throw new Error(core.errors);
  return buildImage(folder, [...testCommands(), 'ulimit -l unlimited; core-check'], core.binaries);
}

/** Why nothing of a kind runs here. */
function missing(kernel: Kernel): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `needs Linux on x86-64, this is ${process.platform} ${process.arch}`;
  const tools = [
    'apt-get',
    'dpkg-deb',
    'tar',
    'busybox',
    'cpio',
    'ldd',
    ...(kernel.runs === 'qemu' ? ['qemu-system-x86_64'] : []),
  ];
  const wanted = tools.filter((tool) => findTool(tool) === undefined);
  return wanted.length > 0 ? `needs ${wanted.join(', ')} (CONTRIBUTING.md has the packages)` : undefined;
}

const say = (line: string) => console.log(line);
const skip = (kernel: Kernel, why: string) => say(`ok ${kernel.name} # SKIP ${why}`);

function report(kernel: Kernel, outcome: Outcome, log: string): void {
  const {release, passed, failed, skipped, seconds, stopped, failures, unable} = outcome;
  if (unable !== null) return skip(kernel, `cannot run here: ${unable}`);
  const counts = `${passed} passed, ${failed} failed, ${skipped.length} skipped, ${seconds.toFixed(0)} s`;
  say(
    `${failed > 0 ? 'not ok' : 'ok'} ${kernel.name}: ${release || 'no kernel came up'}: ${counts}${stopped ? ` # SKIP the rest: ${outOfTime}` : ''}`,
  );
  for (const reason of new Set(skipped)) say(`    ${skipped.filter((each) => each === reason).length} # SKIP ${reason}`);
  for (const failure of failures) say(failure.replace(/^/gm, '    | '));
  if (failed > 0) say(`    the whole console: ${log}`);
}

/** Runs them, some at a time; whether all is well. */
async function runAll(waiting: {kernel: Kernel; file: string}[], folder: string, stop: AbortSignal): Promise<boolean> {
  const image = await buildAll(path.join(folder, 'build'));
  let good = true;
  const lane = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const {kernel, file} = next;
      if (stop.aborted) {
        skip(kernel, outOfTime);
        continue;
      }
      const log = path.join(folder, `${kernel.name}.txt`);
      const outcome = await runMachine(kernel, file, image, log, stop);
      report(kernel, outcome, log);
      good &&= outcome.failed === 0;
    }
  };
  await Promise.all(Array.from({length: atOnce}, lane));
  return good;
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !kernels.some((kernel) => kernel.name === name));
if (unknown.length > 0) {
  console.error(
    `test:kernels: no kernel is called ${unknown.join(', ')}. There are ${kernels.map(({name}) => name).join(', ')}.`,
  );
  process.exit(2);
}
const left = () => Math.max(1, Math.round(budget * 1000 - performance.now()));
const ready = kernels
  .filter(({name}) => names.length === 0 || names.includes(name))
  .flatMap((kernel) => {
    const why = missing(kernel);
    try {
      if (why === undefined) return [{kernel, file: fetchKernel(kernel, left())}];
      skip(kernel, why);
    } catch (error) {
      skip(kernel, `it can't be had: ${(error as Error).message}`);
    }
    return [];
  });
if (ready.length > 0) {
  const folder = mkdtempSync(path.join(tmpdir(), 'bpftop-kernels-'));
  let failed = false;
  // Not once: tsx sends them on, and the second would end it before the machines are.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  // Of a failure the consoles stay.
  process.on('exit', () => rmSync(failed ? path.join(folder, 'build') : folder, {recursive: true, force: true}));
  failed = !(await runAll(ready, folder, AbortSignal.timeout(left())));
  process.exitCode = failed ? 1 : 0;
}
