/** What the exporter tells of this kernel: read when somebody asks, by no more than one at a time. */
import {setTimeout as sleep} from 'node:timers/promises';
import {explainSilence, type KernelCollector} from '../collectors/kernel.js';
import type {Late} from '../collectors/late.js';
import {UserError} from '../errors.js';
import {Ledger, mostSums} from '../model/ledger.js';
import {measure} from '../model/measure.js';
import {contentTypes, expose, type ExpositionForm, type Family, formatFamilies} from '../output/prometheus.js';
import type {Sample} from '../sample/types.js';
import {Fresh} from '../serve/fresh.js';
import {type Content, Page, qualityOf} from '../serve/server.js';
import {version} from '../version.js';
import type {ServeOptions} from './options.js';
import {report, say, sayOfWait} from './report.js';

/** How long who asks waits for a reading, ms: longer than one takes, sources and all, and not as long as a scraper waits. */
const usualPatienceMs = 5000;

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
export class Metrics implements Content {
  readonly #collector: Pick<KernelCollector, 'sample'>;
  readonly #maxSeries: number;
  readonly #patienceMs: number;
  readonly #ledger: Ledger;
  readonly #told: Fresh<Told>;
  #previous: Sample | null = null;
  /** When the reading that is under way began; null: none is. */
  #beganMs: number | null = null;
  #problem: string | null = null;

  constructor(
    collector: Pick<KernelCollector, 'sample'>,
    {maxAgeMs, maxSeries, sources}: Pick<ServeOptions, 'maxAgeMs' | 'maxSeries' | 'sources'>,
    patienceMs = usualPatienceMs,
  ) {
    this.#collector = collector;
    this.#maxSeries = maxSeries;
    this.#patienceMs = patienceMs;
    this.#ledger = new Ledger(mostSums(maxSeries), sources);
    this.#told = new Fresh(() => this.#read(), maxAgeMs);
  }

  /** Reads twice: the first reading knows nothing of slow sources yet. Who waits for it is told why. @returns the second. */
  async begin(): Promise<Sample> {
    await this.#read(sayOfWait);
    await this.#read(sayOfWait);
    const sample = this.#previous as unknown as Sample;
    for (const {message} of sample.warnings) say(message);
    return sample;
  }

  async metrics(accept: string): Promise<Page> {
    try {
      return await (await this.#soon()).page(formFor(accept));
    } catch (error) {
      if (!(error instanceof UserError)) report(error);
      throw error;
    }
  }

  async problem(): Promise<string | null> {
    // What fails again has said so itself.
    if (this.#problem !== null) await this.#soon().catch(() => {});
    return this.#isStuck() ? this.#stuck().message : this.#problem;
  }

  /** @throws UserError where that takes longer than who asks has patience. */
  async #soon(): Promise<Told> {
    // At once: those who ask while nothing moves must not pile up.
    if (this.#isStuck()) throw this.#stuck();
    const enough = new AbortController();
    const late = sleep(this.#patienceMs, null, {signal: enough.signal}).catch(() => null);
    const told = await Promise.race([this.#told.get(), late]).finally(() => enough.abort());
    if (told === null) throw this.#stuck();
    return told;
  }

  #isStuck(): boolean {
    return this.#beganMs !== null && performance.now() - this.#beganMs > this.#patienceMs;
  }

  #stuck(): UserError {
    return new UserError(explainSilence(this.#patienceMs / 1000));
  }

  async #read(late?: Late): Promise<Told> {
    let sample: Sample;
    this.#beganMs = performance.now();
    try {
      sample = await this.#collector.sample(late);
    } catch (error) {
      this.#ledger.fail('programs');
      this.#problem = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      this.#beganMs = null;
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
