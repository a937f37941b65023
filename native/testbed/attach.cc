// Attaching by BPF link where there is one for it: what holds the program there is an fd, so a killed test leaves nothing
// behind.
#include "testbed/attach.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace bpftop {
namespace {

// <linux/if_link.h>: through the generic hook, which any interface has; lo has no other.
constexpr uint32_t kXdpFlagsSkbMode = 1 << 1;

Result<UniqueFd> attach_cgroup(int prog_fd, ProgType type, const char* directory) {
  const UniqueFd cgroup(::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return {{}, {errno, "open"}};
  return link_create(prog_fd, static_cast<uint32_t>(cgroup.get()), attach_type_of(type));
}

Result<UniqueFd> attach_raw_tracepoint(int prog_fd, const char* name) {
  struct {
    uint64_t name;
    uint32_t prog_fd;
    uint32_t pad;
  } attr = {reinterpret_cast<uintptr_t>(name), static_cast<uint32_t>(prog_fd), 0};
  UniqueFd fd(bpf(BpfCmd::raw_tracepoint_open, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_RAW_TRACEPOINT_OPEN)"}};
  return {std::move(fd), {}};
}

/// One perf event does for all CPUs: the program joins an array of the tracepoint itself (trace_event_call.prog_array),
/// which runs wherever the tracepoint is hit; a second event with the same program would get EEXIST.
/// By link, the link holds the event.
Result<UniqueFd> attach_tracepoint(int prog_fd, uint32_t id, bool by_link) {
  constexpr uint32_t kTypeTracepoint = 2;
  constexpr unsigned long kFlagFdCloexec = 1 << 3;
  // _IOW('$', 8, __u32)
  constexpr unsigned long kIocSetBpf = _IOW('$', 8, uint32_t);
  // struct perf_event_attr as it was first released (PERF_ATTR_SIZE_VER0); the kernel takes the rest as zero.
  struct {
    uint32_t type;
    uint32_t size;
    uint64_t config;
    uint64_t sample_period;
    uint64_t sample_type;
    uint64_t read_format;
    uint64_t flags;
    uint32_t wakeup_events;
    uint32_t bp_type;
    uint64_t config1;
  } attr = {};
  static_assert(sizeof attr == 64);
  attr.type = kTypeTracepoint;
  attr.size = sizeof attr;
  attr.config = id;
  UniqueFd fd(static_cast<int>(::syscall(SYS_perf_event_open, &attr, /*pid=*/-1, /*cpu=*/0, /*group=*/-1, kFlagFdCloexec)));
  if (!fd) return {{}, {errno, "perf_event_open"}};
  if (by_link) return link_create(prog_fd, static_cast<uint32_t>(fd.get()), AttachType::perf_event);
  if (::ioctl(fd.get(), kIocSetBpf, prog_fd) < 0) return {{}, {errno, "ioctl(PERF_EVENT_IOC_SET_BPF)"}};
  return {std::move(fd), {}};
}

}  // namespace

AttachType attach_type_of(ProgType type) {
  switch (type) {
    case ProgType::cgroup_skb:
      return AttachType::cgroup_inet_egress;
    case ProgType::cgroup_sock:
      return AttachType::cgroup_inet_sock_create;
    case ProgType::tracing:
      return AttachType::trace_fentry;
    default:
      return {};
  }
}

Result<UniqueFd> attach_prog(int prog_fd, ProgType type, const AttachPoint& point) {
  switch (point.kind) {
    case AttachPoint::Kind::xdp:
      return link_create(prog_fd, point.number, AttachType::xdp, kXdpFlagsSkbMode);
    case AttachPoint::Kind::tcx:
      return link_create(prog_fd, point.number, AttachType::tcx_ingress);
    case AttachPoint::Kind::cgroup:
      return attach_cgroup(prog_fd, type, point.text.c_str());
    case AttachPoint::Kind::tracepoint:
    case AttachPoint::Kind::tracepoint_link:
      return attach_tracepoint(prog_fd, point.number, point.kind == AttachPoint::Kind::tracepoint_link);
    case AttachPoint::Kind::as_loaded:
      return attach_raw_tracepoint(prog_fd, nullptr);
    case AttachPoint::Kind::raw_tracepoint:
      break;
  }
  return attach_raw_tracepoint(prog_fd, point.text.c_str());
}

}  // namespace bpftop
