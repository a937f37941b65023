/** Two copies of the tool at once: neither may change what the other one says, nor take anything away from it when it ends. */
import {once} from 'node:events';
import {setTimeout as sleep} from 'node:timers/promises';
import t, {type Test} from 'tap';
import {documentedStatsCostNs} from '../../src/model/measure.js';
import {type Document, documentsOf, run, start} from '../helpers/cli.js';
import {areOn, iteratorSkip, loadProg, openSampler, someoneElseHasThemOn} from '../helpers/kernel.js';
import {uncountedSkip} from '../helpers/maps.js';

type Prog = Readonly<Record<string, number | null>>;

/** A copy under test, with what it has said of one program. */
class Copy {
  readonly tool: ReturnType<typeof start>;
  readonly documents: Document[] = [];
  readonly exited: Promise<unknown>;
  stderr = '';
  readonly #next: () => Promise<Document | undefined>;
  readonly #id: number;

  constructor(t: Test, id: number, words: readonly string[]) {
    this.tool = start(['--json', '-d', '50ms', ...words]);
    t.teardown(() => this.tool.kill());
    this.exited = once(this.tool, 'exit');
    this.tool.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.#next = documentsOf(this.tool);
    this.#id = id;
  }

  /** One more document; undefined: it ended. */
  async read(): Promise<Document | undefined> {
    const document = await this.#next();
    if (document) this.documents.push(document);
    return document;
  }

  get last(): Document {
    return this.documents.at(-1)!;
  }

  prog(document: Document): Prog {
    return document.programs.find(({id}) => id === this.#id) as unknown as Prog;
  }

  /** Every period has its figure, and they add up: to the increase of the kernel's counter since the first reading. Gives the sum. */
  sum(t: Test): number {
    const progs = this.documents.map((document) => this.prog(document));
    progs.forEach((now, i) => {
      const before = progs[i - 1];
      t.type(now['period_run_cnt'], 'number');
      if (before) t.equal(now['period_run_cnt'], now['run_cnt']! - before['run_cnt']!);
    });
    return progs.reduce((sum, now) => sum + now['period_run_cnt']!, 0);
  }

  /** Its own helpers, by id. */
  get own(): number[] {
    return this.last.programs.filter((each) => each['self']).map(({id}) => id);
  }
}

const pairs = [
  {stays: ['--sampler', 'iterator'], ends: ['--sampler', 'walk'], helpers: [1, 0]},
  {stays: ['--sampler', 'walk'], ends: ['--sampler', 'iterator'], helpers: [0, 1]},
  {stays: ['--sampler', 'iterator'], ends: ['--sampler', 'iterator'], helpers: [1, 1]},
  // Its helper is the probe, which tells whether statistics are on: they are, by the other one.
  {stays: ['--sampler', 'iterator'], ends: ['--sampler', 'walk', '--no-enable-stats'], helpers: [1, 1]},
] as const;

for (const {stays, ends, helpers} of pairs)
  t.test(`${stays.join(' ')} beside ${ends.join(' ')}, which ends first`, {skip: iteratorSkip}, async (t) => {
    const prog = loadProg(t, {type: 'sched_cls', name: 'seen_by_two'});
    const survivor = new Copy(t, prog.id, ['-n', '0', ...stays]);
    await survivor.read();
    let driven = 0;
    const drive = (runs: number) => {
      prog.run(runs);
      driven += runs;
    };
    drive(3);
    const other = new Copy(t, prog.id, ['-n', '15', ...ends]);
    await other.read();
    const reading = {other: true};
    const readAll = (async () => {
      while (await other.read());
      reading.other = false;
    })();
    while (reading.other) {
      drive(17);
      await survivor.read();
    }
    await readAll;
    t.same(await other.exited, [0, null]);
    t.equal(other.stderr, '');
    t.equal(other.documents.length, 15);

    // Only the survivor holds statistics on now.
    drive(1000);
    t.equal(prog.counters().runCnt, BigInt(driven), 'they stayed on');
    const left = () => survivor.last.programs.some(({id}) => other.own.includes(id));
    for (let tries = 0; (survivor.prog(survivor.last)['run_cnt'] !== driven || left()) && tries < 400; tries++)
      await survivor.read();
    t.equal(survivor.prog(survivor.last)['run_cnt'], driven);
    t.notOk(left(), 'what the other one had loaded is gone');

    t.equal(survivor.sum(t), driven, 'the survivor has counted every run');
    const first = other.prog(other.documents[0]!);
    const begin = first['run_cnt']! - first['period_run_cnt']!;
    t.equal(other.sum(t), other.prog(other.last)['run_cnt']! - begin);
    t.ok(other.sum(t) > 0);
    t.match(other.last.sampling, {stats_cost_source: 'documented', stats_cost_ns_per_run: documentedStatsCostNs});

    // And what counts elements of maps.
    const more = uncountedSkip ? 0 : 1;
    t.same([survivor.own.length, other.own.length], [helpers[0] + more, helpers[1] + more]);
    const seen = (by: Copy, id: number) =>
      by.documents.flatMap(({programs}) => programs.filter((each) => each.id === id)).map((each) => each['self']);
    for (const [one, by] of [
      [survivor, other],
      [other, survivor],
    ] as const)
      for (const id of one.own) {
        t.ok(seen(by, id).length > 0, 'each lists the helper of the other');
        t.notOk(seen(by, id).includes(true), 'as a program like any other');
      }

    survivor.tool.kill('SIGTERM');
    await survivor.exited;
    t.equal(survivor.stderr, '');
    await nothingLeft(t, [...survivor.own, ...other.own]);
  });

/** Waits until none of these programs is loaded and statistics are off, as far as that is up to them. */
async function nothingLeft(t: Test, helpers: readonly number[]): Promise<void> {
  const watcher = openSampler(t, {enableStats: false, sampler: 'walk'});
  const witness = loadProg(t, {type: 'socket_filter'});
  const loaded = async () => {
    const {ids} = await watcher.sample();
    return helpers.filter((id) => ids.includes(id));
  };
  // A link gives its program back by a worker of the kernel's, a moment later.
  for (let tries = 0; (await loaded()).length > 0 && tries < 200; tries++) await sleep(20);
  t.same(await loaded(), []);
  for (let tries = 0; areOn(witness) && tries < 100; tries++) await sleep(20);
  if (areOn(witness) && someoneElseHasThemOn()) t.pass('statistics', {skip: 'someone else has them on'});
  else t.notOk(areOn(witness), 'statistics are off');
}

t.test(
  'copies that start at one moment time what statistics cost, or say that they could not',
  {skip: iteratorSkip},
  async (t) => {
    for (let round = 0; round < 3; round++) {
      const finished = await Promise.all(Array.from({length: 4}, () => run(['--json', '-d', '50ms'])));
      for (const {stdout, stderr, status} of finished) {
        t.equal(status, 0);
        t.equal(stderr, '');
        const {sampling} = JSON.parse(stdout) as Document;
        const {stats_cost_source: source, stats_cost_ns_per_run: cost} = sampling;
        if (source === 'calibrated') t.ok(Number.isInteger(cost) && cost > 0 && cost < 10_000, `${cost} ns`);
        else t.same([source, cost], ['documented', documentedStatsCostNs]);
      }
    }
  },
);
