/**
 * Who holds the programs, on a clock of its own: soon where there are new ones, seldom where there are none, since who has loaded a
 * program rarely gives it away. The counters never wait for a look; a sample has what the last one found.
 */
import {setTimeout as sleep} from 'node:timers/promises';
import type {OwnersReading, ProgOwner} from '../sample/owners.js';
import type {ProgInfo} from '../sample/types.js';
import {identifyCgroups, nameContainers, nameOf} from './containers.js';
import {progsByMap, readOwners} from './owners.js';

/** Between two looks, ms, with and without programs that the last one can't know. */
const soonMs = 1000;
const usualMs = 30_000;
/** Looks take at most this part of the time: 20 ms with 75 processes, some 300 with 500 that have 100 fds each. */
const share = 1 / 200;

/** Looks at the host's processes now and then. */
export class OwnerSource {
  #latest: OwnersReading | null = null;
  #look: Promise<void> | null = null;
  /** When the last look ended; never: any time is long enough. */
  #ended = -Infinity;
  #restMs = 0;

  /**
   * What the last look found, null before the first has ended; begins another if it is time.
   * @param timeNs CLOCK_BOOTTIME, when these programs were listed.
   */
  take(progs: readonly ProgInfo[], timeNs: bigint): OwnersReading | null {
    const waited = performance.now() - this.#ended;
    const newest = progs.at(-1)?.loadTimeNs ?? 0n;
    const isNew = this.#latest !== null && newest > this.#latest.timeNs;
    if (!this.#look && waited > Math.max(this.#restMs, isNew ? soonMs : usualMs)) this.#look = this.#begin(progs, timeNs);
    return this.#latest;
  }

  /** Waits for the look that is under way, but not longer than `patienceMs`. */
  async settled(patienceMs: number): Promise<OwnersReading | null> {
    const enough = new AbortController();
    await Promise.race([this.#look, sleep(patienceMs, undefined, {signal: enough.signal}).catch(() => undefined)]);
    enough.abort();
    return this.#latest;
  }

  async #begin(progs: readonly ProgInfo[], timeNs: bigint): Promise<void> {
    const began = performance.now();
    try {
      this.#latest = await lookAtOwners(progs, timeNs);
    } catch {
      // No /proc, or none that can be read: nothing is known.
      this.#latest = null;
    }
    this.#ended = performance.now();
    this.#restMs = (this.#ended - began) / share;
    this.#look = null;
  }
}

async function lookAtOwners(progs: readonly ProgInfo[], timeNs: bigint): Promise<OwnersReading> {
  const {byProg, unreadable} = await readOwners({progsOfMap: progsByMap(progs)});
  const processes = new Set([...byProg.values()].flatMap((owners) => owners.map(({process}) => process)));
  const identities = new Map([...processes].map((each) => [each, each.cgroups && identifyCgroups(each.cgroups)]));
  const ids = [...identities.values()].flatMap((each) => each?.containerId ?? []);
  const inPod = [...identities.values()].some((each) => each?.podUid);
  const names = ids.length > 0 || inPod ? await nameContainers({ids}) : null;
  const described = new Map<number, readonly ProgOwner[]>();
  for (const [prog, owners] of byProg)
    described.set(
      prog,
      owners.map(({process, via}) => {
        const identity = identities.get(process) ?? null;
        const name = identity && names && nameOf(identity, names);
        return {
          ...{pid: process.pid, comm: process.comm, cmdline: process.cmdline, via},
          cgroup: identity?.cgroup ?? null,
          unit: identity?.unit ?? null,
          containerId: identity?.containerId ?? null,
          container: name?.name ?? null,
          pod: name?.pod ?? null,
          namespace: name?.namespace ?? null,
        };
      }),
    );
  return {timeNs, byProg: described, complete: unreadable === 0};
}
