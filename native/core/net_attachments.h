// What is attached to one network namespace and its interfaces, by link or not: XDP, tc, tcx, netkit, sk_lookup and the flow
// dissector.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bpf_syscall.h"
#include "core/netlink.h"
#include "core/sys_error.h"

namespace bpftop {

/// One program in one place.
struct NetAttachment {
  /// A link type's name, or tc, which has none.
  enum class Type { xdp, tc, tcx, netkit, netns };
  Type type{};
  uint32_t prog_id = 0;
  /// 0: it has none, or (XDP, netns) the kernel doesn't tell.
  uint32_t link_id = 0;
  /// Of tcx, netkit and netns.
  AttachType attach_type{};
  /// 0 for netns.
  uint32_t ifindex = 0;
  std::string ifname;
  /// Which of the interface's hooks it is. tc: "ingress", "egress", "qdisc 1:" or "class 1:2". XDP: "generic" (slower, on
  /// packets that the stack has already got) or "offload" (in the device), and nothing for that in the driver.
  std::string hook;

  bool operator==(const NetAttachment&) const = default;
};

/// Reads them for the network namespace that the calling thread is in, of which `netns_fd` is an fd (-1: those of its
/// interfaces alone). What went before an error is told.
/// ETIMEDOUT: not done in time. EINTR: interfaces come and go faster than they can be listed.
Dumped<std::vector<NetAttachment>> read_net_attachments(int netns_fd, Deadline deadline);

}  // namespace bpftop
