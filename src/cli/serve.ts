/** `bpftop-ts serve`: the exporter. Reads when somebody asks, and no more than that. */
import {constants} from 'node:os';
import {openHostRoot} from '../collectors/host-root.js';
import {KernelCollector} from '../collectors/kernel.js';
import {dropPrivileges, needsAfterSetUp, type Privileges} from '../collectors/privileges.js';
import type {StatsState} from '../sample/types.js';
import {listen, type ListeningServer} from '../serve/server.js';
import {openToAll, readWebConfig, type WebConfig} from '../serve/web-config.js';
import {firstSignal} from './exit.js';
import {Metrics} from './metrics.js';
import type {ServeOptions} from './options.js';
import {report, say} from './report.js';

/** How long requests have to end when the exporter does, ms. */
const patienceMs = 5000;

/**
 * Serves until a signal comes.
 * @returns the exit status: 128 + n after signal n.
 */
export async function runServe(options: ServeOptions): Promise<number> {
  const {enableStats, sampler, sources} = options;
  // A terminal that goes away sends it too, and nobody is left who would end this.
  const hupEnds = process.stdin.isTTY;
  const signalled = firstSignal(['SIGTERM', 'SIGINT', 'SIGQUIT', ...(hupEnds ? (['SIGHUP'] as const) : [])]);
  // Before there is anything to reload it ends nobody: what is read is the new one.
  let onHup: () => void = () => {};
  if (!hupEnds) process.on('SIGHUP', () => onHup());
  const webConfig = readConfig(options.webConfigFile);
  const hostRoot = openHostRoot(options.hostRoot);
  const collector = new KernelCollector({enableStats, sampler, sources, hostRoot, waitForSources: true});
  try {
    const metrics = new Metrics(collector, options);
    // What can't be read, or not soon, is known before anybody asks; and sums have begun.
    const begun = await Promise.race([metrics.begin(), signalled]);
    if (typeof begun === 'string') return 128 + constants.signals[begun];
    const {stats, sampler: used} = begun;
    const server = await listen(options.addresses, webConfig, metrics);
    const needs = new Set(needsAfterSetUp(used, sources));
    // Certificates are often for root alone, and are read again.
    if (options.webConfigFile !== null) needs.add('CAP_DAC_READ_SEARCH');
    let left: Privileges;
    try {
      left = dropPrivileges(needs, 'nobody if possible');
    } catch (error) {
      // Nobody is answered by who kept more.
      await server.close(0);
      throw error;
    }
    onHup = () => reload(server, options.webConfigFile);
    say(
      `metrics at ${server.urls.map((url) => `${url}/metrics`).join(', ')}. ${statsSentence(stats)} ${privilegesSentence(left)}`,
    );
    const signal = await signalled;
    await server.close(patienceMs);
    return 128 + constants.signals[signal];
  } finally {
    collector.close();
  }
}

function statsSentence(stats: StatsState): string {
  return stats === 'off'
    ? 'Statistics are off: run times and runs stand still.'
    : 'Statistics stay on until this ends, some 70 ns a run of every BPF program.';
}

function privilegesSentence({uid, capabilities}: Privileges): string {
  const list = capabilities.map((name, i) => (i === 0 ? name : i < capabilities.length - 1 ? `, ${name}` : ` and ${name}`));
  return `From here on it is uid ${uid} with ${capabilities.length === 0 ? 'no capability' : `${list.join('')} alone`}.`;
}

function readConfig(file: string | null): WebConfig {
  const config = file === null ? openToAll : readWebConfig(file);
  config.warnings.forEach(say);
  return config;
}

/** What can't be used changes nothing. */
function reload(server: ListeningServer, file: string | null): void {
  if (file === null) return;
  try {
    const next = readConfig(file);
    server.configure(next);
    say('the web configuration is read again.');
  } catch (error) {
    report(error);
  }
}
