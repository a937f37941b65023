/** The maps that programs use, and the names that libbpf gives to their types. */

/** A BPF map (struct bpf_map_info, include/uapi/linux/bpf.h). One object a map and look: programs that share it have the same one. */
export interface ProgMap {
  readonly id: number;
  /** At most 15 bytes; empty when it has no name. From the host: hostile. */
  readonly name: string;
  /** As `mapTypeName` gives it. */
  readonly type: string;
  /** How many elements it can have; of some types something else, such as a ring buffer's bytes. */
  readonly maxEntries: number;
  /**
   * How many it has. null: the kernel doesn't count them: in none but hash tables, and nowhere before Linux 6.6. An array always has all.
   */
  readonly entries: number | null;
  /** Memory charged for it ("memlock" in its fdinfo), null where that could not be read. */
  readonly bytesMemlock: number | null;
}

/** enum bpf_map_type, Linux 6.18 (map_type_name in libbpf.c). */
const mapTypeNames = [
  'unspec',
  'hash',
  'array',
  'prog_array',
  'perf_event_array',
  'percpu_hash',
  'percpu_array',
  'stack_trace',
  'cgroup_array',
  'lru_hash',
  'lru_percpu_hash',
  'lpm_trie',
  'array_of_maps',
  'hash_of_maps',
  'devmap',
  'sockmap',
  'cpumap',
  'xskmap',
  'sockhash',
  'cgroup_storage',
  'reuseport_sockarray',
  'percpu_cgroup_storage',
  'queue',
  'stack',
  'sk_storage',
  'devmap_hash',
  'struct_ops',
  'ringbuf',
  'inode_storage',
  'task_storage',
  'bloom_filter',
  'user_ringbuf',
  'cgrp_storage',
  'arena',
];

/** The name of a map type; a type newer than this list is its number, in digits. */
export function mapTypeName(type: number): string {
  return mapTypeNames[type] ?? String(type);
}
