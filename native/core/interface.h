// One network interface, asked for by netlink (RTM_GETLINK), which needs no capability.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/sys_error.h"

namespace bpftop {

/// An interface of this network namespace.
struct Interface {
  std::string name;
  /// Programs that XDP runs there, of whatever mode, attached by link or not.
  std::vector<uint32_t> xdp_prog_ids;
};

/// Asks for an interface by its index. ENODEV: this network namespace has none of that index.
Result<Interface> interface_by_index(uint32_t ifindex);

}  // namespace bpftop
