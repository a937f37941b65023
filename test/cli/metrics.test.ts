/** What is told while readings fail, or don't end. */
import t from 'tap';
import {Metrics} from '../../src/cli/metrics.js';
import {UserError} from '../../src/errors.js';
import type {Sample} from '../../src/sample/types.js';
import {makeSample} from '../helpers/samples.js';

/** A kernel that answers each reading when it is told to. */
class SlowKernel {
  readonly answers: ((sample: Sample | Promise<Sample>) => void)[] = [];

  sample(): Promise<Sample> {
    return new Promise((resolve) => this.answers.push(resolve));
  }
}

const never = 3_600_000;
const options = {maxAgeMs: never, maxSeries: 1000, sources: []};

t.test('a reading that does not end is a failure soon, for all who wait and at once for who asks then', async (t) => {
  const kernel = new SlowKernel();
  const metrics = new Metrics(kernel, options, 20);
  t.equal(await metrics.problem(), null);
  const stuck = {name: 'UserError', message: /^the kernel has not answered for 0\.02 s\./};
  const scrapes = await Promise.allSettled([metrics.metrics(''), metrics.metrics('')]);
  t.match(scrapes, [{reason: stuck}, {reason: stuck}]);
  while ((await metrics.problem()) === null) await new Promise(setImmediate);
  t.match(await metrics.problem(), stuck.message);
  t.match(await Promise.race([metrics.metrics('').catch((error: unknown) => error), new Promise(setImmediate)]), stuck);
  kernel.answers[0]!(makeSample(1, [{id: 1}]));
  await new Promise(setImmediate);
  t.equal(await metrics.problem(), null, 'until it answers');
});

t.test('while the kernel fails, who asks whether it is ready asks it no more than --max-age says', async (t) => {
  let asked = 0;
  const failing = {sample: () => (asked++, Promise.reject(new UserError('no')))};
  const metrics = new Metrics(failing, options);
  await t.rejects(metrics.metrics(''), {message: 'no'});
  t.same(await Promise.all([metrics.problem(), metrics.problem()]), ['no', 'no']);
  t.equal(await metrics.problem(), 'no');
  await t.rejects(metrics.metrics(''), {message: 'no'});
  t.equal(asked, 1);
});

t.test('a scraper that waits for it to be ready brings the next reading about', async (t) => {
  const kernel = new SlowKernel();
  const metrics = new Metrics(kernel, {...options, maxAgeMs: -1}, never);
  const scrape = metrics.metrics('');
  kernel.answers[0]!(Promise.reject(new UserError('no')));
  await t.rejects(scrape, {message: 'no'});
  const problem = metrics.problem();
  kernel.answers[1]!(makeSample(1, []));
  t.equal(await problem, null);
});
