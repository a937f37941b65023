/** Tests of what both samplers must do alike. */
import t, {type Test} from 'tap';
import type {NativeSampler, NativeSamplerOptions} from '../../src/addon.js';
import {iteratorSkip, kernelSkip, openSampler} from './kernel.js';

export type OpenSampler = (options?: Partial<NativeSamplerOptions>) => NativeSampler;

/** One test a sampler; `open` opens that one, as `openSampler` does. */
export function both(
  name: string,
  body: (t: Test, open: OpenSampler, sampler: 'iterator' | 'walk') => Promise<unknown>,
  skip: string | false = kernelSkip,
): void {
  for (const sampler of ['iterator', 'walk'] as const)
    t.test(`${sampler}: ${name}`, {skip: skip || (sampler === 'iterator' && iteratorSkip)}, (t) =>
      body(t, (options) => openSampler(t, {...options, sampler}), sampler),
    );
}
