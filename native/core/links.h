// BPF links: what is attached by one, and to what. About 5 µs a link.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bpf_syscall.h"
#include "core/sys_error.h"

namespace bpftop {

/// One link. What its type doesn't have, or this kernel doesn't tell, isn't there.
struct Link {
  uint32_t id = 0;
  /// enum bpf_link_type, also one that isn't known here.
  uint32_t type = 0;
  /// None: struct_ops, whose programs are in its map.
  std::optional<uint32_t> prog_id;
  std::optional<uint32_t> attach_type;
  /// What the kernel names: a tracepoint, an iterator's target, a function, a file.
  std::optional<std::string> name;
  /// From the start of the named function or file (kprobe, uprobe).
  std::optional<uint32_t> offset;
  /// Each network namespace counts its own; which one it is, netns.h finds out.
  std::optional<uint32_t> ifindex;
  std::optional<uint64_t> cgroup_id;
  std::optional<uint32_t> netns_ino;
  std::optional<uint32_t> map_id;
  std::optional<std::string> map_name;
  std::optional<uint32_t> target_obj_id;
  std::optional<uint32_t> target_btf_id;
  /// enum bpf_perf_event_type.
  std::optional<uint32_t> perf_type;
  /// perf_event_attr's type and config.
  std::optional<uint32_t> event_type;
  std::optional<uint64_t> event_config;
  /// Functions, or places in a file (kprobe_multi, uprobe_multi).
  std::optional<uint32_t> count;
  std::optional<uint32_t> flags;
  /// Hits that didn't reach the program (nmissed in struct kprobe and fprobe): of kprobe_multi, kprobe and kretprobe,
  /// since 6.7.
  std::optional<uint64_t> missed;
  /// The only process it watches.
  std::optional<uint32_t> pid;
  std::optional<uint32_t> pf;
  std::optional<uint32_t> hooknum;
  std::optional<int32_t> priority;
};

/// All links of a host.
struct Links {
  /// Ids ascend.
  std::vector<Link> links;
  /// Links that are there, but of which the kernel told nothing.
  uint32_t unreadable = 0;
};

/// What a map is called; nothing: it has no name, or is gone. Not before 4.15.
std::optional<std::string> map_name_of(const BpfMapInfo& info);

/// What `info`, of which the kernel wrote `known_len` bytes, says without texts and interfaces' names.
Link link_of(const BpfLinkInfo& info, uint32_t known_len);

/// Reads every link. No fd is left open; a link that goes meanwhile is left out. EPERM: without CAP_SYS_ADMIN. EINVAL:
/// before 5.8, which had no ids of links. Else as walk_progs.
Result<Links> read_links();

}  // namespace bpftop
