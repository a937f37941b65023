// BPF maps: what each is, how full and how large. About 10 µs a map.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/map_counter.h"
#include "core/refusal.h"
#include "core/sys_error.h"

namespace bpftop {

/// One map.
struct Map {
  uint32_t id = 0;
  /// enum bpf_map_type, also one that isn't known here.
  uint32_t type = 0;
  std::string name;
  uint32_t max_entries = 0;
  /// Nothing: the kernel doesn't count them, of this type or at all.
  std::optional<uint64_t> entries;
  /// Bytes charged for it. Nothing: could not be read.
  std::optional<uint64_t> memlock;
};

/// All maps of a host.
struct Maps {
  /// Ids ascend.
  std::vector<Map> maps;
  /// Maps that are there, but of which the kernel told nothing.
  uint32_t unreadable = 0;
  /// Why entries are not counted, when that won't change.
  Refusal uncounted;
};

/// Reads all maps, again and again. Not thread-safe: one reading at a time, from any thread.
class MapReader {
 public:
  /// One reading. No map is held after it; one that goes meanwhile is left out. EPERM: without CAP_SYS_ADMIN. Else as
  /// walk_progs.
  Result<Maps> read();

 private:
  void count(std::vector<Map>& maps);

  MapCounter counter_;
  Refusal uncounted_;
};

}  // namespace bpftop
