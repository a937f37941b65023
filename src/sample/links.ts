/** What programs are attached to, with or without a BPF link; and the names that libbpf gives to links and attach types. */
import {numberOf} from './prog-types.js';

/** One place where a program hangs: a BPF link (struct bpf_link_info, include/uapi/linux/bpf.h), or what would be one. */
export interface ProgLink {
  /** null: it was attached without a link. */
  readonly linkId: number | null;
  /** As `linkTypeName` gives it, or `tc`, which has no link type. */
  readonly type: string;
  /** As `attachTypeName` gives it; null: links of this type have none, or this kernel doesn't tell. */
  readonly attachType: string | null;
  /**
   * What it is attached to, in words: an interface, a cgroup's path, a tracepoint, a function. null: the kernel doesn't tell, or the type is
   * newer than this tool. From the host: hostile.
   */
  readonly target: string | null;
  /**
   * How often it was hit without the program being run, since it was attached: a probe within a probe, or more calls at once than a return
   * probe has room for. null: only kprobes (perf_event and kprobe_multi) count it, since Linux 6.7.
   */
  readonly missed: number | null;
}

/** enum bpf_link_type, Linux 6.18 (link_type_name in libbpf.c). */
const linkTypeNames = [
  'unspec',
  'raw_tracepoint',
  'tracing',
  'cgroup',
  'iter',
  'netns',
  'xdp',
  'perf_event',
  'kprobe_multi',
  'struct_ops',
  'netfilter',
  'tcx',
  'uprobe_multi',
  'netkit',
  'sockmap',
] as const;

/** A link type that has a name here. */
export type LinkTypeName = (typeof linkTypeNames)[number];

/** The name of a link type; a type newer than this list is its number, in digits. */
export function linkTypeName(type: number): string {
  return linkTypeNames[type] ?? String(type);
}

/** enum bpf_attach_type, Linux 6.18 (attach_type_name in libbpf.c). */
const attachTypeNames = [
  'cgroup_inet_ingress',
  'cgroup_inet_egress',
  'cgroup_inet_sock_create',
  'cgroup_sock_ops',
  'sk_skb_stream_parser',
  'sk_skb_stream_verdict',
  'cgroup_device',
  'sk_msg_verdict',
  'cgroup_inet4_bind',
  'cgroup_inet6_bind',
  'cgroup_inet4_connect',
  'cgroup_inet6_connect',
  'cgroup_inet4_post_bind',
  'cgroup_inet6_post_bind',
  'cgroup_udp4_sendmsg',
  'cgroup_udp6_sendmsg',
  'lirc_mode2',
  'flow_dissector',
  'cgroup_sysctl',
  'cgroup_udp4_recvmsg',
  'cgroup_udp6_recvmsg',
  'cgroup_getsockopt',
  'cgroup_setsockopt',
  'trace_raw_tp',
  'trace_fentry',
  'trace_fexit',
  'modify_return',
  'lsm_mac',
  'trace_iter',
  'cgroup_inet4_getpeername',
  'cgroup_inet6_getpeername',
  'cgroup_inet4_getsockname',
  'cgroup_inet6_getsockname',
  'xdp_devmap',
  'cgroup_inet_sock_release',
  'xdp_cpumap',
  'sk_lookup',
  'xdp',
  'sk_skb_verdict',
  'sk_reuseport_select',
  'sk_reuseport_select_or_migrate',
  'perf_event',
  'trace_kprobe_multi',
  'lsm_cgroup',
  'struct_ops',
  'netfilter',
  'tcx_ingress',
  'tcx_egress',
  'trace_uprobe_multi',
  'cgroup_unix_connect',
  'cgroup_unix_sendmsg',
  'cgroup_unix_recvmsg',
  'cgroup_unix_getpeername',
  'cgroup_unix_getsockname',
  'netkit_primary',
  'netkit_peer',
  'trace_kprobe_session',
  'trace_uprobe_session',
];

/** The name of an attach type; one newer than this list is its number, in digits. */
export function attachTypeName(type: number): string {
  return attachTypeNames[type] ?? String(type);
}

/** The attach type of that name, which `attachTypeName` gives; null: there is none. */
export function attachTypeOf(name: string): number | null {
  return numberOf(attachTypeNames, name);
}
