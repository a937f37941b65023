/** Whose a program is: the processes that hold it, and the unit, container and pod that those run in. Names are from the host: hostile. */

/** By what a process holds a program: an fd of the program itself, of a link of it, or of a map that it uses; strongest first. */
export type OwnerVia = 'prog' | 'link' | 'map';

/** One line of /proc/PID/cgroup (cgroups(7)). */
export interface CgroupLine {
  /** Number of the hierarchy; 0 is cgroup v2. */
  readonly hierarchy: number;
  /** Controllers (v1) or `name=systemd`, comma-separated; empty for v2. */
  readonly controllers: string;
  /** From the root of that hierarchy as the reader's cgroup namespace has it, beginning with `/`. */
  readonly path: string;
}

/** A process that holds programs; one object a process in a reading. */
export interface OwnerProcess {
  /** In the pid namespace of the /proc that was read. */
  readonly pid: number;
  /** The name of its main thread, at most 15 bytes; null: could not be read. */
  readonly comm: string | null;
  /** Its arguments, the first 4096 bytes of them; empty: it has none (a kernel thread). null: could not be read. */
  readonly cmdline: readonly string[] | null;
  /** Where it is in each hierarchy; null: could not be read. */
  readonly cgroups: readonly CgroupLine[] | null;
}

/** A process and how it holds one program. */
export interface Owner {
  readonly process: OwnerProcess;
  /** The strongest way. */
  readonly via: OwnerVia;
}

/** Who holds what, at one moment. */
export interface Owners {
  /** Holders by the program's id, pids ascending. A program that isn't in it is held by no process that could be read. */
  readonly byProg: ReadonlyMap<number, readonly Owner[]>;
  /** Whether that is every process there is; if not, "held by nobody" isn't known. */
  readonly complete: boolean;
}

/** Whose cgroup a container's is, as far as the path's form tells. */
export type ContainerRuntime = 'docker' | 'containerd' | 'cri-o' | 'podman';

/** What a cgroup path tells about who runs there. */
export interface CgroupIdentity {
  /** The path that the rest was read from. */
  readonly cgroup: string;
  /** The unit of the host's systemd, such as `nginx.service` or `docker-ID.scope`; null: in none, or in a slice alone. */
  readonly unit: string | null;
  /** The unit of a user's own systemd (`user@UID.service`), which that user may name at will; null: none. */
  readonly userUnit: string | null;
  /** The user whose slice it is in; null: in none. */
  readonly uid: number | null;
  /** The pod's uid, lower case, with dashes where it has any (a static pod's is 32 hex digits); null: in no pod. */
  readonly podUid: string | null;
  /** 64 hex digits, of the outermost container: the one that the host's own runtime made. null: in no container. */
  readonly containerId: string | null;
  /** Containers inside that one, outer to inner; named by it, not by the host. */
  readonly nestedIds: readonly string[];
  /** null: in no container, or the path doesn't tell. */
  readonly runtime: ContainerRuntime | null;
  /**
   * Whether these names are the host's. false: below the cgroup of a user or of a service, which may name theirs at will: what the host's
   * files say of such a container or pod is not true of it.
   */
  readonly ofHost: boolean;
}

/** What the host's files call a container. */
export interface ContainerName {
  /** The container's own name; null: only its pod is known. */
  readonly name: string | null;
  /** null: in no pod, or not known. */
  readonly pod: string | null;
  /** The pod's; null: in no pod, or not known. */
  readonly namespace: string | null;
}

/** The host's names, as far as its files tell. */
export interface ContainerNames {
  /** By the container's id; what isn't in it is not known. */
  readonly containers: ReadonlyMap<string, ContainerName>;
  /** By the pod's uid, in the form of `CgroupIdentity.podUid`. */
  readonly pods: ReadonlyMap<string, {readonly pod: string; readonly namespace: string}>;
}

/** A process that holds a program, with all that its cgroup tells. */
export interface ProgOwner {
  readonly pid: number;
  /** null: could not be read. */
  readonly comm: string | null;
  /** null: could not be read. */
  readonly cmdline: readonly string[] | null;
  readonly via: OwnerVia;
  /** Its path; null: could not be read. */
  readonly cgroup: string | null;
  /** The systemd unit that it runs in; null: none. */
  readonly unit: string | null;
  /** null: it runs in no container. */
  readonly containerId: string | null;
  /** The container's name; null: in none, or not known. */
  readonly container: string | null;
  /** null: in no pod, or not known. */
  readonly pod: string | null;
  /** The pod's namespace. */
  readonly namespace: string | null;
}
