/** Whether the elements of maps can be counted here: to find out loads the helper that counts them. */
import {loadMapReading} from '../../src/addon.js';
import {kernelSkip} from './kernel.js';

/** Why the elements of maps are not counted here, where maps can be read at all; false where they are. */
export const uncountedSkip: string | false = kernelSkip || (await whyUncounted());

async function whyUncounted(): Promise<string | false> {
  const reader = new (loadMapReading().MapReader)();
  const {uncounted} = await reader.read();
  reader.close();
  return uncounted !== null && `maps' elements are not counted: ${uncounted}`;
}
