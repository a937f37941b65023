/** From the readings to the screen: one after the other, as long as it is shown; one that fails is said. */
import type {Pace} from '../collectors/pace.js';
import {UserError} from '../errors.js';
import {measure} from '../model/measure.js';
import type {Sample} from '../sample/types.js';
import type {Screen, ScreenEnd} from '../ui/index.js';

/** What is to be shown. */
export interface Feed {
  /** Begins to read. */
  readonly samples: () => AsyncIterator<Sample>;
  /** Where it has begun already, and the first reading. */
  readonly begun: AsyncIterator<Sample>;
  readonly first: Promise<IteratorResult<Sample>>;
  readonly pace: Pace;
  /** Ends the waiting between two readings. */
  readonly signal: AbortSignal;
  /** As many are shown; null: no end. */
  readonly iterations: number | null;
  /** Whether anything was read yet of what is to be shown. */
  readonly reached: () => boolean;
  /** Whether the end, when it comes, is the one that was asked for. */
  readonly endsAsAsked: () => boolean;
}

/**
 * Measures and shows them. A reading that fails is said, and tried again.
 * @throws what isn't a UserError, and what fails before anything was reached.
 */
export async function feed(
  screen: Pick<Screen, 'update' | 'fail' | 'finish' | 'ended'>,
  {samples, begun, first, pace, signal, iterations, reached, endsAsAsked}: Feed,
): Promise<ScreenEnd> {
  let previous: Sample | null = null;
  let shown = 0;
  let from = begun;
  let next = first;
  for (;;) {
    try {
      const result = await next;
      if (result.done) {
        screen.finish(endsAsAsked());
        return screen.ended;
      }
      const measured = measure(result.value, previous);
      screen.update(measured);
      // A reading without a period has no rates: like elsewhere, it isn't one of the N. Nor is what comes before the part asked for.
      if (measured.periodNs !== null && reached() && ++shown === iterations) return {by: 'quit'};
      previous = result.value;
    } catch (error) {
      if (!(error instanceof UserError) || !reached()) throw error;
      screen.fail(error.message);
      if (!(await pace.wait(signal))) return {by: 'quit'};
      from = samples();
    }
    next = from.next();
  }
}
