// The meeting point of a source, which knows how to read programs, and a pass, which wants columns and what is new. A source
// calls begin, then add for every program, ids ascending, then commit; it is all that a second kind of source has to do.
// Cost: two sorted vectors merged by id as the rows come in, O(1) a row, no hash, memory of two passes whatever the churn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bpf_syscall.h"

namespace bpftop {

/// What makes two sights of a program the same program: ids are reused once they wrap (idr_alloc_cyclic, at 2^31).
struct ProgIdentity {
  uint32_t id = 0;
  uint64_t load_time_ns = 0;
  /// The eight tag bytes as they lie in memory: to compare, not to print.
  uint64_t tag = 0;

  bool operator==(const ProgIdentity&) const = default;
};

/// The kernel's running totals; they only grow while statistics are on.
struct ProgCounters {
  uint64_t run_time_ns = 0;
  uint64_t run_cnt = 0;
  /// Counted whether statistics are on or not. Not there: before 5.12, which did not count them.
  std::optional<uint64_t> recursion_misses = std::nullopt;
  /// The CPU with the largest share of run_time_ns, and that share, per cent; -1 and 0: it never ran, or the source can't
  /// tell.
  int32_t hottest_cpu = -1;
  uint8_t hottest_pct = 0;
};

/// What doesn't change as long as a program is loaded.
struct ProgInfo {
  /// Row in the columns of the pass that it appeared in.
  uint32_t index = 0;
  uint32_t id = 0;
  uint32_t type = 0;
  /// Always ends with NUL. The kernel lets [A-Za-z0-9_.] alone through; nothing here relies on it.
  char name[kNameLen] = {};
  uint8_t tag[kTagLen] = {};
  uint64_t load_time_ns = 0;
  uint32_t created_by_uid = 0;
  bool gpl_compatible = false;
  uint32_t xlated_prog_len = 0;
  /// 0: no machine code on this host.
  uint32_t jited_prog_len = 0;
  /// In bytes. Not there: could not be read.
  std::optional<uint64_t> memlock;
  /// Not there: this kernel doesn't say (before 5.16).
  std::optional<uint32_t> verified_insns;
  /// 0: none.
  uint32_t btf_id = 0;
  /// Not there: the source can't tell.
  std::optional<bool> sleepable;
  /// enum bpf_attach_type, 0 for types that are loaded without. Not there: the source can't tell.
  std::optional<uint32_t> expected_attach_type;
  /// Type id of what it is attached to, in that BTF; 0: nothing. Not there: this kernel doesn't say (the walk's before 6.0).
  std::optional<uint32_t> attach_btf_id;
  /// Not there: could not be read.
  std::optional<std::vector<uint32_t>> map_ids;
  /// One of this process's own helpers.
  bool self = false;
};

/// Rows of the pass under way, and the identities of the last committed one to compare them with.
class ProgTable {
 public:
  /// Starts a pass, forgetting one that was begun and not committed: what appeared in that appears again.
  void begin();

  /// Adds a row. `identity.id` must be above that of the row before. If the identity wasn't in the last committed pass,
  /// gives the place for its static information (index and id filled in), valid until the next add; else null.
  [[nodiscard]] ProgInfo* add(const ProgIdentity& identity, const ProgCounters& counters);

  /// Ends a pass that read everything: programs not in it are forgotten.
  void commit();

  const std::vector<uint32_t>& ids() const { return ids_; }
  const std::vector<uint64_t>& run_time_ns() const { return run_time_ns_; }
  const std::vector<uint64_t>& run_cnt() const { return run_cnt_; }
  /// Without meaning unless counts_misses().
  const std::vector<uint64_t>& recursion_misses() const { return recursion_misses_; }
  /// Whether this kernel counts them: all rows have them, or none.
  bool counts_misses() const { return counts_misses_; }
  const std::vector<int32_t>& hottest_cpu() const { return hottest_cpu_; }
  const std::vector<uint8_t>& hottest_pct() const { return hottest_pct_; }
  /// Static information of the rows whose identity is new.
  const std::vector<ProgInfo>& appeared() const { return appeared_; }
  std::vector<ProgInfo>& appeared() { return appeared_; }

 private:
  std::vector<uint32_t> ids_;
  std::vector<uint64_t> run_time_ns_, run_cnt_, recursion_misses_;
  bool counts_misses_ = true;
  std::vector<int32_t> hottest_cpu_;
  std::vector<uint8_t> hottest_pct_;
  std::vector<ProgInfo> appeared_;
  /// Ascending by id, both.
  std::vector<ProgIdentity> now_, before_;
  /// Where the merge stands in before_: everything ahead of it has a lower id than any row to come.
  size_t merged_ = 0;
};

}  // namespace bpftop
