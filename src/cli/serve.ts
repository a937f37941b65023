/** `bpftop-ts serve`: the exporter. Reads when somebody asks, and no more than that. */
import {constants} from 'node:os';
import {openHostRoot} from '../collectors/host-root.js';
import {KernelCollector} from '../collectors/kernel.js';
import {dropPrivileges, needsAfterSetUp, type Privileges} from '../collectors/privileges.js';
import {UserError} from '../errors.js';
import {Ledger, mostSums} from '../model/ledger.js';
import {measure} from '../model/measure.js';
import {contentTypes, expose, type ExpositionForm, type Family, formatFamilies} from '../output/prometheus.js';
import type {Sample, StatsState} from '../sample/types.js';
import {Fresh} from '../serve/fresh.js';
import {type Content, listen, type ListeningServer, Page, qualityOf} from '../serve/server.js';
import {openToAll, readWebConfig, type WebConfig} from '../serve/web-config.js';
import {version} from '../version.js';
import {firstSignal} from './exit.js';
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
    const {stats, sampler: used} = await metrics.begin();
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

/** What is told of one sample, in each form that somebody asked for. */
class Told {
  readonly #families: readonly Family[];
  readonly #pages = new Map<ExpositionForm, Promise<Page>>();

  constructor(families: readonly Family[]) {
    this.#families = families;
  }

  page(form: ExpositionForm): Promise<Page> {
    let page = this.#pages.get(form);
    if (!page) {
      page = formatFamilies(this.#families, form).then((text) => new Page(contentTypes[form], text));
      this.#pages.set(form, page);
    }
    return page;
  }
}

/** The metrics of this kernel. */
class Metrics implements Content {
  readonly #collector: KernelCollector;
  readonly #maxSeries: number;
  readonly #ledger: Ledger;
  readonly #told: Fresh<Told>;
  #previous: Sample | null = null;
  #problem: string | null = null;

  constructor(collector: KernelCollector, {maxAgeMs, maxSeries, sources}: ServeOptions) {
    this.#collector = collector;
    this.#maxSeries = maxSeries;
    this.#ledger = new Ledger(mostSums(maxSeries), sources);
    this.#told = new Fresh(() => this.#read(), maxAgeMs);
  }

  /** Reads twice: the first reading knows nothing of slow sources yet. @returns the second. */
  async begin(): Promise<Sample> {
    await this.#read();
    await this.#read();
    const sample = this.#previous as unknown as Sample;
    for (const {message} of sample.warnings) say(message);
    return sample;
  }

  async metrics(accept: string): Promise<Page> {
    try {
      return await (await this.#told.get()).page(formFor(accept));
    } catch (error) {
      if (!(error instanceof UserError)) report(error);
      throw error;
    }
  }

  async problem(): Promise<string | null> {
    // What fails again has said so itself.
    if (this.#problem !== null) await this.#told.get().catch(() => {});
    return this.#problem;
  }

  async #read(): Promise<Told> {
    let sample: Sample;
    try {
      sample = await this.#collector.sample();
    } catch (error) {
      this.#ledger.fail('programs');
      this.#problem = error instanceof Error ? error.message : String(error);
      throw error;
    }
    this.#problem = null;
    const measured = measure(sample, this.#previous);
    this.#ledger.add(measured);
    this.#previous = sample;
    const progs = measured.progs.filter(({info}) => !info.self);
    return new Told(expose({measured, progs, ledger: this.#ledger, lasting: true, version, maxSeries: this.#maxSeries}));
  }
}

/** The form that an Accept header would rather have; text where it doesn't say. */
function formFor(accept: string): ExpositionForm {
  const openMetrics = qualityOf(
    accept,
    (name, parameters) =>
      name === 'application/openmetrics-text' && !parameters.some((each) => /^version=(?!1\.0\.0$)/.test(each)),
  );
  const text = qualityOf(accept, (name) => name === 'text/plain');
  return openMetrics > 0 && openMetrics >= text ? 'openmetrics' : 'text';
}
