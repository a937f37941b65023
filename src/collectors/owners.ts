/** Whose the programs are: the processes that hold them, joined with what their cgroups and the host's files tell. */
import {type NativeHoldersReader, openHolders} from '../addon.js';
import type {Owners, ProgOwner} from '../sample/owners.js';
import type {Found} from '../sample/sources.js';
import type {ProgInfo} from '../sample/types.js';
import {identifyCgroups, nameContainers, nameOf} from './containers.js';
import {progsByMap, readHolders} from './holders.js';
import {inHost} from './host-root.js';

/** Reads who owns the programs of this kernel. */
export class OwnersCollector {
  readonly #hostRoot: string;
  readonly #files: NativeHoldersReader;

  /**
   * `hostRoot` is where the host's root is.
   * @throws UserError (69) where this isn't Linux or the addon can't be loaded.
   */
  constructor(hostRoot = '/', files: NativeHoldersReader = openHolders()) {
    this.#hostRoot = hostRoot;
    this.#files = files;
  }

  /** Unloads the iterator over open files. Idempotent. */
  close(): void {
    this.#files.close();
  }

  /**
   * One reading: 1 ms and 1 ms for each process that holds something, 10 ms with 500 processes that have 100 fds each. Where the iterator
   * over open files can't be had, 20 ms with 75 processes and some 300 with those 500, in slices.
   * @throws the fs error where there is no /proc.
   */
  async read(progs: readonly ProgInfo[]): Promise<Found<ProgOwner>> {
    // Pids are those of this procfs, which may be another pid namespace's than this process's.
    const procRoot = inHost(this.#hostRoot, 'proc');
    const {byProg, complete} = await readHolders({files: this.#files, procRoot, progsOfMap: progsByMap(progs)});
    return {byProg: await describeAll(byProg, this.#hostRoot), complete, warning: null};
  }
}

/** What is known of the holders, for each program. */
async function describeAll(byProg: Owners['byProg'], hostRoot: string): Promise<Map<number, readonly ProgOwner[]>> {
  const processes = new Set([...byProg.values()].flatMap((owners) => owners.map(({process}) => process)));
  const identities = new Map([...processes].map((each) => [each, each.cgroups && identifyCgroups(each.cgroups)]));
  const ids = [...identities.values()].flatMap((each) => each?.containerId ?? []);
  const inPod = [...identities.values()].some((each) => each?.podUid);
  const names = ids.length > 0 || inPod ? await nameContainers({hostRoot, ids}) : null;
  const described = new Map<number, readonly ProgOwner[]>();
  for (const [prog, owners] of byProg)
    described.set(
      prog,
      owners.map(({process, via}) => {
        const identity = identities.get(process) ?? null;
        const name = identity && names && nameOf(identity, names);
        // Without spreads: after one V8 gives every object a hidden class of its own, and reading them gets ten times slower.
        return {
          pid: process.pid,
          comm: process.comm,
          cmdline: process.cmdline,
          via,
          cgroup: identity?.cgroup ?? null,
          unit: identity?.unit ?? null,
          containerId: identity?.containerId ?? null,
          container: name?.name ?? null,
          pod: name?.pod ?? null,
          namespace: name?.namespace ?? null,
        };
      }),
    );
  return described;
}
