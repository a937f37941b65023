/** The program: reads the command line, opens the kernel, hands what it measures to a screen or a writer, sets the exit status. */
import {openHostRoot} from '../collectors/host-root.js';
import {KernelCollector} from '../collectors/kernel.js';
import {exitStatus} from '../errors.js';
import {configPath, readConfig} from './config.js';
import type {Demo} from './demo.js';
import {exitSoon} from './exit.js';
import {parseOptions, type WatchOptions} from './options.js';
import {report} from './report.js';
import {write, writeSamples} from './stream.js';

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  const options = parseOptions(words);
  if ('print' in options) {
    await write(options.print);
    return exitStatus.done;
  }
  if (options.command === 'doctor') return (await import('./doctor.js')).runDoctor(options);
  if (options.command === 'share') return (await import('./share.js')).runShare(options);
  return showsScreen(options) ? watchOnScreen(words) : watch(options, null);
}

/** What a person's screen remembers is nothing to a script. */
function watchOnScreen(words: readonly string[]): Promise<number> {
  const {config, problem} = readConfig(configPath());
  const problems = problem === null ? [] : [problem];
  const options = parseOptions(words, config, (sentence) => problems.push(sentence));
  return watch(options as WatchOptions, problems[0] ?? null);
}

async function watch(options: WatchOptions, notice: string | null): Promise<number> {
  const {enableStats, sampler, sources} = options;
  const hostRoot = openHostRoot(options.hostRoot);
  const waitForSources = !showsScreen(options);
  const collector = new KernelCollector({enableStats, sampler, sources, hostRoot, waitForSources});
  let demo: Demo | null = null;
  try {
    if (options.command === 'demo') demo = (await import('./demo.js')).startDemo();
    return showsScreen(options)
      ? await (await import('./live.js')).runLive(collector, options, notice ?? demo?.notice ?? null)
      : await writeSamples(collector, options);
  } finally {
    demo?.stop();
    collector.close();
  }
}

function showsScreen({format}: WatchOptions): boolean {
  return format === null && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

exitSoon(await main().catch(report));
