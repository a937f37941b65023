// The fast source: a BPF program of our own, run by the kernel once for each loaded program, writes all that is to be known
// of it into one fd. Three system calls a pass and one more for every 341 programs; some 0.3 µs a program.
//
// Wants Linux 5.10 and BTF (before 5.19 also that every possible CPU is online) and, of capabilities, CAP_BPF and
// CAP_PERFMON while it is set up; none later.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/iter_code.h"
#include "core/prog_table.h"
#include "core/refusal.h"
#include "core/unique_fd.h"

namespace bpftop {

/// How to set it up; the defaults are for use, the rest for tests and benchmarks.
struct IteratorOptions {
  const char* btf_path = "/sys/kernel/btf/vmlinux";
  const char* possible_cpus_path = "/sys/devices/system/cpu/possible";
  /// False: as on a kernel without bpf_rdonly_cast.
  bool may_cast = true;
  /// False: as on a kernel whose list of programs with machine code isn't the one known here.
  bool may_look_ahead = true;
  /// False: as on a kernel without bpf_map_lookup_percpu_elem.
  bool may_look_up = true;
  /// Not 0: sum over that many CPUs, the real ones again and again. Counters are then multiples of the true ones.
  uint32_t pretend_cpus = 0;
};

/// Owns the program, its link and its map; nothing of it is left when the process ends.
class ProgIterator {
 public:
  /// Loads and attaches it. Refused, for a reason that won't change: the next pass needn't try again. 10 ms, most of it for
  /// reading BTF and for the verifier.
  Refusal open(const IteratorOptions& options = {});

  /// Gives everything back.
  void close();

  /// True between a successful open and close.
  explicit operator bool() const { return static_cast<bool>(link_); }

  /// Reads every loaded program into `table` (begin, add, commit). On an error the table is not committed and its rows are
  /// not to be used. EMFILE, ENFILE, ENOMEM: not now. EPROTO: not what this reader's own program writes. EOVERFLOW: see
  /// kMostRows. EPERM is none: what a record doesn't hold is then unknown.
  SysError read(ProgTable& table);

  /// Whether statistics are on, after a pass: whether its own runs since it wrote of itself were counted (there are two at
  /// least: that one, and one for the end). One system call. False when that can't be told.
  bool runs_are_counted() const;

  /// Id of the program; 0: not open.
  uint32_t prog_id() const { return prog_id_; }

  ReadBy read_by() const { return way_.read_by; }

  bool looks_ahead() const { return way_.ahead; }

  /// How many CPUs are possible, and counted.
  uint32_t cpus() const { return static_cast<uint32_t>(cpus_.size()); }

 private:
  Refusal set_up(const IteratorOptions& options);
  /// Fills in the array behind `offsets_fd` with the offset of each CPU of cpus_, `summed` times in all.
  Refusal find_offsets(const KernelLayout& layout, int offsets_fd, uint32_t slots, uint32_t summed, bool may_look_up);
  Refusal load(const KernelLayout& layout, int offsets_fd, uint32_t summed, const IteratorOptions& options);
  /// Adds the whole records among the first `len` bytes of the buffer.
  SysError add_rows(size_t len, ProgTable& table);
  ProgCounters counters_of(const IterRecord& record) const;
  void describe(const IterRecord& record, const ProgIdentity& identity, ProgInfo& info);
  /// What a record has no room for, through an fd of the program. What can't be had stays unknown.
  void ask_for_rest(const ProgIdentity& identity, ProgInfo& info);

  UniqueFd prog_, link_;
  uint32_t prog_id_ = 0;
  IterWay way_;
  /// What of a record this kernel fills in.
  bool has_pages_ = false, has_verified_insns_ = false, has_sleepable_ = false;
  /// The possible CPUs: a record counts through them.
  std::vector<uint16_t> cpus_;
  /// As much as the kernel gives in one read, or more, so that records come whole.
  std::vector<uint8_t> buffer_;
  uint64_t page_size_ = 0;
  /// Of the pass under way: rows so far, the id of the last, and what the iterator wrote of its own run_cnt.
  uint32_t rows_ = 0, last_id_ = 0;
  std::optional<uint64_t> own_run_cnt_;
  /// Whether opening a program by id is worth trying: not once it was EPERM.
  bool may_ask_ = true;
};

}  // namespace bpftop
