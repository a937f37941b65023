/** How V8 is to treat a program that wakes for a few ms a second, on a host that has better things to do. */
import {PerformanceObserver} from 'node:perf_hooks';
import {getHeapSpaceStatistics, setFlagsFromString} from 'node:v8';

/** Versions of V8 in which the flags below were tried: Node 20 to 26. One that doesn't know a flag complains on stderr. */
const tried = {first: 11, last: 14};

/** Of the young generation, bytes. Smaller it costs CPU, for what lives from one sample to the next is copied more often. */
const youngBytes = 8 * 2 ** 20;

/**
 * Lets V8 keep less memory, for a little more CPU: an hour's worth of samples of 2 000 programs at 160×50 takes 118 MB instead of 184, and
 * 3.1 ms a sample instead of 2.6, on Node 20. Its defaults are made for programs that compute all the time: the young generation grows to
 * 48 MB, and the old one to a multiple of what lives in it.
 */
export function tuneV8(): void {
  const major = Number.parseInt(process.versions.v8);
  if (major < tried.first || major > tried.last) return;
  setFlagsFromString('--heap-growing-percent=25');
  // Of Node 20 alone: optimize after ten times as much bytecode. What ran for a moment is not worth what compiling it costs: that was more
  // CPU in the first minutes than all else. Later versions have no such flag, and wait longer by themselves.
  if (major === 11) setFlagsFromString('--interrupt-budget=675840');
  const collections = new PerformanceObserver(() => {
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    if (young && young.space_size < youngBytes) return;
    // How large it may get can only be told before V8 starts; that it grows no more, at any time.
    setFlagsFromString('--semi-space-growth-factor=1');
    collections.disconnect();
  });
  collections.observe({entryTypes: ['gc']});
}
