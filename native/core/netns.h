// Every network namespace of the host, and what is attached there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/net_attachments.h"
#include "core/sys_error.h"

namespace bpftop {

/// One network namespace.
struct Netns {
  /// As in /proc/PID/ns/net; 0: it could not be told (the own one, without a procfs).
  uint32_t ino = 0;
  /// Whether it is that of `NetnsSearch::home`.
  bool own = false;
  /// Whether all that it has was told.
  bool complete = false;
  /// Where it is mounted, as `ip netns` does; empty: nowhere that the home process sees.
  std::string path;
  std::vector<NetAttachment> attachments;
};

/// Where to look.
struct NetnsSearch {
  /// A procfs.
  std::string proc_root = "/proc";
  /// The process in there whose network and mount namespace count as this host's own; empty: the calling thread.
  std::string home;
};

/// The network namespaces of a host.
struct NetNamespaces {
  /// The own one first, and always there if it may be entered; then those that have a path or an attachment.
  std::vector<Netns> all;
  /// Processes of which it could not be told in which one they are.
  uint32_t hidden = 0;
  /// Namespaces that could not be entered or not be read to the end.
  uint32_t unread = 0;
  /// Why, of the first of these.
  SysError error{};
};

/// Reads the namespaces that a process's main thread is in or that are mounted where the home process sees it, on a thread
/// of its own: the calling one stays where it is, and nothing of it is left when this returns. One that goes meanwhile is
/// left out. ETIMEDOUT: the kernel has been keeping that thread; until it is free again, EBUSY.
Result<NetNamespaces> read_net_namespaces(NetnsSearch search = {});

}  // namespace bpftop
