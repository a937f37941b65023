// How many elements maps have: a BPF iterator over maps, in which the kernel itself adds up the counts that it keeps (kfunc
// bpf_map_sum_elem_count, 6.6). Some 6 µs a pass, however full the maps are; to walk the keys of a map, or to look them up
// in batches, takes 0.3 to 1 µs an element.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/assembler.h"
#include "core/kernel_layout.h"
#include "core/refusal.h"
#include "core/unique_fd.h"

namespace bpftop {

/// What the iterator writes of one map.
struct MapCountRecord {
  uint32_t id;
  /// 0: the kernel keeps no count of it (arrays, LPM tries, queues, all but hash tables), and `entries` means nothing.
  uint32_t counted;
  /// A sum over CPUs that others may be counting on meanwhile: by chance below 0.
  int64_t entries;
};
static_assert(sizeof(MapCountRecord) == 16);

/// The iter/bpf_map program: one MapCountRecord a map.
Assembler assemble_map_counter(const MapLayout& layout);

/// Owns the iterator's program and link, of which nothing is left when the process ends. Loaded once and kept: see
/// load_own_prog.
class MapCounter {
 public:
  /// Loads and attaches it: 10 ms, most of it for reading BTF. ENOENT: this kernel has no such kfunc, or no BTF.
  Refusal open(const char* btf_path = kKernelBtf);

  /// True after a successful open.
  explicit operator bool() const { return static_cast<bool>(link_); }

  /// Elements by map id, of those maps that the kernel counts. EMFILE, ENFILE, ENOMEM: not now. EOVERFLOW: it doesn't end.
  Result<std::unordered_map<uint32_t, uint64_t>> read();

 private:
  UniqueFd link_;
};

}  // namespace bpftop
