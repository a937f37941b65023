import {openSync} from 'node:fs';
import t from 'tap';
import type {NativeBpf, NativeCallError, NativeSample, NativeSamplerOptions} from '../../src/addon.js';
import {loadProbe, probeBpf} from '../../src/collectors/bpf-probe.js';
import {UserError} from '../../src/errors.js';

type Answer = Partial<NativeSample> | Error;

const refused = (call: string, code: string, detail = '') =>
  Object.assign(new Error(`${call}: ${code}${detail && `: ${detail}`}`), {code, syscall: call});

/** An addon that answers each pass of a sampler with what is said for it. */
function fakeBpf(
  answers: Readonly<Record<'auto' | 'walk' | 'iterator', Answer>>,
  statsError: NativeCallError | null = null,
) {
  const calls: string[] = [];
  class Sampler {
    readonly #sampler;
    constructor({enableStats, sampler = 'auto'}: NativeSamplerOptions) {
      this.#sampler = sampler;
      calls.push(`open ${sampler}${enableStats ? ' with statistics' : ''}`);
    }
    sample(): Promise<NativeSample> {
      const answer = answers[this.#sampler];
      if (answer instanceof Error) return Promise.reject(answer);
      const plain = {ids: Uint32Array.of(4), appeared: [], durationNs: 5, readBy: null, fallbackReason: null, stats: 'off'};
      return Promise.resolve({sampler: this.#sampler, ...plain, ...answer} as unknown as NativeSample);
    }
    close(): void {
      calls.push(`close ${this.#sampler}`);
    }
  }
  const enableStats = () => {
    if (statsError) throw Object.assign(new Error('no statistics'), statsError);
    return openSync('/dev/null', 'r');
  };
  return {calls, bpf: {Sampler, enableStats}};
}

t.test('each way is tried and closed before the next; statistics are asked for last, and alone', async (t) => {
  const own = [{id: 9, self: true}] as unknown as NativeSample['appeared'];
  const {bpf, calls} = fakeBpf({
    walk: {ids: Uint32Array.of(1, 2)},
    iterator: {ids: Uint32Array.of(1, 2, 9), appeared: own, readBy: 'probe'},
    auto: {ids: Uint32Array.of(1, 2, 9), appeared: own, sampler: 'iterator', readBy: 'probe', stats: 'enabled_here'},
  });
  t.match(await probeBpf(bpf), {
    walk: {reading: {programs: 2, sampler: 'walk'}, refusal: null},
    iterator: {reading: {programs: 2, readBy: 'probe', durationNs: 5}, refusal: null},
    auto: {reading: {sampler: 'iterator', fallbackReason: null}},
    statsRefusal: null,
    statsOn: false,
  });
  t.strictSame(calls, [
    'open walk',
    'close walk',
    'open iterator',
    'close iterator',
    'open auto with statistics',
    'close auto',
  ]);
});

t.test('what is refused is told with its call, errno and detail, and closed too', async (t) => {
  const eperm = refused('bpf(BPF_PROG_GET_NEXT_ID)', 'EPERM');
  const statsError = {code: 'EPERM', syscall: 'bpf(BPF_ENABLE_STATS)'};
  const {bpf, calls} = fakeBpf({walk: eperm, iterator: refused('open', 'ENOENT', '/there'), auto: eperm}, statsError);
  t.match(await probeBpf(bpf), {
    walk: {reading: null, refusal: {code: 'EPERM', syscall: 'bpf(BPF_PROG_GET_NEXT_ID)'}},
    iterator: {reading: null, refusal: {code: 'ENOENT', text: 'open: ENOENT: /there'}},
    auto: {reading: null},
    statsRefusal: statsError,
    statsOn: null,
  });
  t.equal(calls.filter((call) => call.startsWith('close')).length, 3);
});

t.test('statistics that somebody else has on are seen, by whichever way works', async (t) => {
  const on = {stats: 'already_on'} as const;
  const no = refused('open', 'ENOENT');
  t.equal((await probeBpf(fakeBpf({walk: on, iterator: no, auto: {}}).bpf)).statsOn, true);
  t.equal((await probeBpf(fakeBpf({walk: no, iterator: on, auto: {}}).bpf)).statsOn, true);
});

t.test('a bug in the addon is not taken for a refusal', async (t) => {
  const {bpf, calls} = fakeBpf({walk: new TypeError('boom'), iterator: {}, auto: {}});
  await t.rejects(probeBpf(bpf), TypeError);
  t.strictSame(calls, ['open walk', 'close walk']);
});

t.test('an addon of another version is no addon', (t) => {
  const old = {} as NativeBpf;
  t.throws(() => loadProbe(() => old), {
    constructor: UserError,
    exitStatus: 69,
    message: /another version\. Build it, with g\+\+ 12 or later: sh/,
  });
  const {bpf} = fakeBpf({walk: {}, iterator: {}, auto: {}});
  t.equal(
    loadProbe(() => bpf),
    bpf,
  );
  t.end();
});
