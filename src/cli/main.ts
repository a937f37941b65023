/** The program: reads the command line, opens the kernel, hands what it measures to a screen or a writer, sets the exit status. */
import {openHostRoot} from '../collectors/host-root.js';
import {KernelCollector} from '../collectors/kernel.js';
import {exitStatus} from '../errors.js';
import {type Config, configPath, readConfig} from './config.js';
import type {Demo} from './demo.js';
import {exitSoon} from './exit.js';
import {parseOptions, type WatchOptions} from './options.js';
import {report} from './report.js';
import {write, writeSamples} from './stream.js';

async function main(): Promise<number> {
  const problems: string[] = [];
  // What a person's screen remembers is nothing to a script.
  const configFor = (chosen: Pick<WatchOptions, 'format' | 'failOn'>) => (showsScreen(chosen) ? ownConfig(problems) : {});
  const options = parseOptions(process.argv.slice(2), configFor, (sentence) => problems.push(sentence));
  if ('print' in options) {
    await write(options.print);
    return exitStatus.done;
  }
  if (options.command === 'doctor') return (await import('./doctor.js')).runDoctor(options);
  if (options.command === 'share') return (await import('./share.js')).runShare(options);
  if (options.command === 'serve') return (await import('./serve.js')).runServe(options);
  return watch(options, problems[0] ?? null);
}

function ownConfig(problems: string[]): Config {
  const {config, problem} = readConfig(configPath());
  if (problem !== null) problems.push(problem);
  return config;
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

function showsScreen({format, failOn}: Pick<WatchOptions, 'format' | 'failOn'>): boolean {
  return format === null && failOn === null && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

exitSoon(await main().catch(report));
