// Pins: files of a bpffs that keep a program or a link. Some 10 µs a file, and 3 µs a process to find the mounts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sys_error.h"

namespace bpftop {

/// Where to look, and how long.
struct PinsSearch {
  /// Where procfs is mounted.
  std::string proc_root = "/proc";
  /// The directory in there of the process whose mount namespace needs no mention: paths are its own first.
  std::string home = "self";
  uint32_t most_entries = 100'000;
  uint32_t most_ms = 2000;
};

/// A program or link with a name. Maps and what isn't BPF's are left out.
struct Pin {
  enum class Kind { prog, link };
  Kind kind = Kind::prog;
  /// None: a link that has no program of its own (struct_ops).
  std::optional<uint32_t> prog_id;
  /// The struct_ops map of such a link.
  std::optional<uint32_t> map_id;
  /// In its mount namespace, any bytes.
  std::string path;
  /// A process of that mount namespace; none: it is that of `home`.
  std::optional<uint32_t> pid;
  /// The name of that process.
  std::string comm;
};

/// All pins of a host.
struct Pins {
  std::vector<Pin> pins;
  /// Whether there may be more than was read: too many files, too deep, too long.
  bool cut_short = false;
  /// bpffs (or parts of one) that could not be reached, and files and directories in others that could not be opened.
  uint32_t unreadable = 0;
  /// Processes whose mount namespace this one may not see.
  uint32_t hidden = 0;
};

/// Reads every bpffs that is mounted in the mount namespace of any process, each once, by the first of its paths. Opens each
/// file for a moment as BPF_OBJ_GET does; iterators aren't run. It doesn't wait for another file system that stands on the
/// way (FUSE, NFS): such a mount is unreadable. Fails where there is no such procfs, and where no pin was found
/// and a bpffs refused: EPERM, EACCES.
Result<Pins> read_pins(const PinsSearch& search);

}  // namespace bpftop
