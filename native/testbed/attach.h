// Where a test program can be hung: XDP, tcx, a cgroup, a tracepoint (by ioctl or by link), a raw tracepoint, or the
// function it was loaded for.
#pragma once

#include <cstdint>
#include <string>

#include "core/bpf_syscall.h"

namespace bpftop {

struct AttachPoint {
  enum class Kind { xdp, tcx, cgroup, tracepoint, tracepoint_link, raw_tracepoint, as_loaded };
  Kind kind = Kind::xdp;
  /// xdp, tcx: the interface's index; tracepoint, tracepoint_link: the id in tracefs events/…/id.
  uint32_t number = 0;
  /// cgroup: a directory in a cgroup2 mount; raw_tracepoint: its name.
  std::string text;
};

/// The attach type that a program of this type is loaded for and attached with; 0 for types without.
AttachType attach_type_of(ProgType type);

/// Attaches the program; the fd, the caller's, close-on-exec, holds it there and (until then) the program loaded. EINVAL:
/// the type doesn't go there, or, before 5.7 (cgroup), 5.9 (XDP), 5.15 (tracepoint)
/// and 6.6 (tcx), no links. EBUSY: the interface has an XDP program.
/// ENOENT: no such place.
Result<UniqueFd> attach_prog(int prog_fd, ProgType type, const AttachPoint& point);

}  // namespace bpftop
