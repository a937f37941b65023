/** enum bpf_prog_type (include/uapi/linux/bpf.h, Linux 6.18) under the names libbpf gives (prog_type_name in libbpf.c). */

const progTypeNames = [
  'unspec',
  'socket_filter',
  'kprobe',
  'sched_cls',
  'sched_act',
  'tracepoint',
  'xdp',
  'perf_event',
  'cgroup_skb',
  'cgroup_sock',
  'lwt_in',
  'lwt_out',
  'lwt_xmit',
  'sock_ops',
  'sk_skb',
  'cgroup_device',
  'sk_msg',
  'raw_tracepoint',
  'cgroup_sock_addr',
  'lwt_seg6local',
  'lirc_mode2',
  'sk_reuseport',
  'flow_dissector',
  'cgroup_sysctl',
  'raw_tracepoint_writable',
  'cgroup_sockopt',
  'tracing',
  'struct_ops',
  'ext',
  'lsm',
  'sk_lookup',
  'syscall',
  'netfilter',
];

/** The name of a program type; a type newer than this list is its number, in digits. */
export function progTypeName(type: number): string {
  return progTypeNames[type] ?? String(type);
}

/**
 * Whether a program of this type may sleep, as far as the type alone tells (can_be_sleepable in kernel/bpf/verifier.c):
 * BPF_PROG_TYPE_SYSCALL always; kprobe (as uprobe), tracing, struct_ops and lsm perhaps, so null; the others never. Of a type
 * newer than the list nothing is known: null.
 */
export function sleepableByType(type: number): boolean | null {
  const name = progTypeNames[type];
  if (name === 'syscall') return true;
  return name === undefined || ['kprobe', 'tracing', 'struct_ops', 'lsm'].includes(name) ? null : false;
}

/** The type of that name, which `progTypeName` gives; null: there is none. */
export function progTypeOf(name: string): number | null {
  return numberOf(progTypeNames, name);
}

/** What is at `name` in a list, or is written as its number. */
export function numberOf(names: readonly string[], name: string): number | null {
  const at = names.indexOf(name);
  if (at >= 0) return at;
  return /^\d{1,9}$/.test(name) ? Number(name) : null;
}
