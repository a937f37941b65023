// Attachments without a BPF link, but for those to network interfaces and namespaces: to cgroups and sockmaps by
// BPF_PROG_ATTACH, to perf events by ioctl, and as part of a struct_ops map. No fd is left open.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/links.h"
#include "core/sys_error.h"

namespace bpftop {

/// What was found, in the form of links; but for the id, which is 0.
struct Unlinked {
  std::vector<Link> links;
  /// Why there may be more. ETIME: that took too long, and was ended.
  SysError missed;
};

/// A cgroup2 mount.
struct CgroupMount {
  /// Where.
  std::string point;
  /// Which directory of the hierarchy is mounted there; `/`: all of it.
  std::string root;
};

/// Looks through all cgroups for programs attached with one of `attach_types`, also by links; `name` is the cgroup's path.
/// An attach type that this kernel doesn't have is passed over. Some 10 µs a cgroup, and 0.3 µs for each attach type, for
/// which the kernel takes the lock of all cgroups each time: ask for few.
Unlinked find_cgroup_progs(std::span<const CgroupMount> mounts, std::span<const uint32_t> attach_types, uint32_t limit_ms);

/// Looks through the fds of all processes for perf events that run a program, as main threads have them open; those of links
/// as well. `proc` is where procfs is mounted. Some 1 µs an fd. EOPNOTSUPP: there is an event of which the kernel says only
/// that it does. EPERM: there is a process that may not be asked about. ESRCH: that procfs has the pids of another pid
/// namespace.
Unlinked find_perf_event_progs(const char* proc, uint32_t limit_ms);

/// Which maps to look into.
struct MapsSought {
  bool struct_ops = false;
  bool sockmaps = false;
};

/// Looks through all maps for programs. Of struct_ops: of maps that are in use; `name` is the kernel's struct that they
/// implement, `flags` the map's. Some 3 µs a map, and 6 ms for BTF where a struct_ops map is in use. EINVAL: this kernel
/// doesn't tell (sockmaps before 5.17).
Unlinked find_map_progs(MapsSought sought, uint32_t limit_ms);

}  // namespace bpftop
