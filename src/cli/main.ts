/** The program: reads the command line, opens the kernel or a recording, hands what it measures to a screen or a writer, sets the exit status. */
import {openHostRoot} from '../collectors/host-root.js';
import {type Collector, KernelCollector} from '../collectors/kernel.js';
import type {ReplayCollector} from '../collectors/replay.js';
import {exitStatus, UserError} from '../errors.js';
import {openInput} from '../input.js';
import {type Config, configPath, readConfig} from './config.js';
import {exitSoon} from './exit.js';
import {parseOptions, type ReplayOptions, type Rotation, type ShowOptions, type WatchOptions} from './options.js';
import {report, say} from './report.js';
import {write, writeSamples} from './stream.js';

/**
 * Runs it, with the command line of this process, and lets the process end. Not at the top level: what is loaded later imports the chunk that
 * this is in, and would wait for ever for a module that waits for it.
 */
export async function run(): Promise<void> {
  exitSoon(await main().catch(report));
}

async function main(): Promise<number> {
  // Node's answer to it is a debugger's port, open to every user of this host; and its words would stand on the screen.
  process.on('SIGUSR1', () => {});
  const problems: string[] = [];
  // What a person's screen remembers is nothing to a script.
  const configFor = (chosen: Pick<ShowOptions, 'format' | 'failOn'>) => (showsScreen(chosen) ? ownConfig(problems) : {});
  const options = parseOptions(process.argv.slice(2), configFor, (sentence) => problems.push(sentence));
  if ('print' in options) {
    await write(options.print);
    return exitStatus.done;
  }
  if (options.command === 'doctor') return (await import('./doctor.js')).runDoctor(options);
  if (options.command === 'share') return (await import('./share.js')).runShare(options);
  if (options.command === 'serve') return (await import('./serve.js')).runServe(options);
  if (options.command === 'diff') return (await import('./diff.js')).runDiff(options);
  const notice = problems[0] ?? null;
  if (options.command === 'replay') return replay(options, notice);
  return options.command === 'demo' ? demo(options, notice) : watch(options, notice);
}

function ownConfig(problems: string[]): Config {
  const {config, problem} = readConfig(configPath());
  if (problem !== null) problems.push(problem);
  return config;
}

async function watch(options: WatchOptions, notice: string | null): Promise<number> {
  const {enableStats, sampler, sources, record, rotation} = options;
  const hostRoot = openHostRoot(options.hostRoot);
  const onScreen = showsScreen(options);
  const kernel = new KernelCollector({enableStats, sampler, sources, hostRoot, waitForSources: !onScreen});
  let collector: Collector = kernel;
  try {
    const recorder = record === null ? null : await openRecorder(kernel, record, rotation, onScreen);
    if (recorder) collector = recorder.collector;
    const {format, failOn} = options;
    if (recorder && !onScreen && format === null && failOn === null)
      return await recorder.recordOnly(recorder.collector, options);
    const status = await show(collector, options, notice);
    if (recorder?.collector.failure) throw recorder.collector.failure;
    return status;
  } finally {
    await collector.close();
  }
}

/** With programs of its own; where they can't be, the recording that ships. */
async function demo(options: WatchOptions, notice: string | null): Promise<number> {
  const {DemoReplay, startDemo} = await import('./demo.js');
  let started;
  try {
    started = startDemo();
  } catch (error) {
    // What is recorded is to be of this host.
    if (!(error instanceof UserError) || options.record !== null) throw error;
    const recording = new DemoReplay();
    if (!showsScreen(options)) say(`demo plays the recording that ships with it: ${error.message}`);
    const away = error.exitStatus === exitStatus.notPermitted ? '; live with sudo' : ' that ships with it';
    // Before what a config file has wrong: these are no figures of this host.
    return show(recording, options, `demo: a recording${away}`, recording);
  }
  try {
    return await watch(options, notice ?? started.notice);
  } finally {
    started.stop();
  }
}

async function openRecorder(from: Collector, to: string, rotation: Rotation | null, goesOn: boolean) {
  const {recordOnly, RecordingCollector} = await import('./record.js');
  return {recordOnly, collector: new RecordingCollector(from, to, rotation, goesOn)};
}

async function replay(options: ReplayOptions, notice: string | null): Promise<number> {
  const {ReplayCollector} = await import('../collectors/replay.js');
  const {file, speed, from, to} = options;
  const past = showsScreen(options);
  const collector = new ReplayCollector(openInput(file, 'replay'), {speed: speed ?? (past ? 1 : Infinity), from, to, past});
  try {
    return await show(collector, options, notice, collector);
  } finally {
    collector.close();
  }
}

async function show(
  collector: Collector,
  options: WatchOptions | ReplayOptions,
  notice: string | null,
  replay: ReplayCollector | null = null,
): Promise<number> {
  return showsScreen(options)
    ? (await import('./live.js')).runLive(collector, options, notice, replay)
    : writeSamples(collector, options);
}

function showsScreen({format, failOn}: Pick<ShowOptions, 'format' | 'failOn'>): boolean {
  return format === null && failOn === null && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}
