/** The program: reads the command line, opens the kernel, hands what it measures to a screen or a writer, sets the exit status. */
import {KernelCollector} from '../collectors/kernel.js';
import {exitStatus, UserError} from '../errors.js';
import {printable} from '../model/printable.js';
import {type Options, parseOptions} from './options.js';
import {write, writeSamples} from './stream.js';

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if ('print' in options) {
    await write(options.print);
    return exitStatus.done;
  }
  const collector = new KernelCollector({enableStats: options.enableStats, sampler: options.sampler});
  const demo = options.command === 'demo' ? (await import('./demo.js')).startDemo() : null;
  try {
    return showsScreen(options)
      ? await (await import('./live.js')).runLive(collector, options, demo?.notice ?? null)
      : await writeSamples(collector, options);
  } finally {
    demo?.stop();
    collector.close();
  }
}

function showsScreen({format}: Options): boolean {
  return format === null && process.stdout.isTTY && process.env['TERM'] !== 'dumb';
}

/** One sentence for what a person can mend; the stack for what only we can. */
function report(error: unknown): number {
  if (error instanceof UserError) {
    process.stderr.write(`bpftop-ts: ${printable(error.message)}\n`);
    return error.exitStatus;
  }
  process.stderr.write(`bpftop-ts: a bug, please report it: ${error instanceof Error ? error.stack : String(error)}\n`);
  return exitStatus.failed;
}

process.exitCode = await main().catch(report);
