// The fast source: a BPF program of our own, run by the kernel once for each loaded program, writes all that is to be known
// of it into one fd. Two system calls a pass and one more for every 341 programs; some 0.3 µs a program.
//
// Wants Linux 5.10 and BTF (before 5.19 also that every possible CPU is online) and, of capabilities, CAP_BPF and
// CAP_PERFMON while it is set up; none later. One that somebody else has set up and pinned can be read with none at all, by
// who may open the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/btf.h"
#include "core/iter_code.h"
#include "core/prog_table.h"
#include "core/refusal.h"
#include "core/unique_fd.h"

namespace bpftop {

/// How to set it up; the defaults are for use, the rest for tests and benchmarks.
struct IteratorOptions {
  const char* btf_path = kKernelBtf;
  const char* possible_cpus_path = "/sys/devices/system/cpu/possible";
  /// False: as on a kernel without bpf_rdonly_cast.
  bool may_cast = true;
  /// False: as on a kernel whose list of programs with machine code isn't the one known here.
  bool may_look_ahead = true;
  /// False: as on a kernel without bpf_map_lookup_percpu_elem.
  bool may_look_up = true;
  /// False: as on a kernel that doesn't count recursion misses.
  bool may_count_misses = true;
  /// Not 0: sum over that many CPUs, the real ones again and again. Counters are then multiples of the true ones.
  uint32_t pretend_cpus = 0;
};

/// Owns the program, its link and its map, of which nothing is left when the process ends; or reads through a pin, which is
/// another's.
class ProgIterator {
 public:
  /// Loads and attaches it. Refused, for a reason that won't change: the next pass needn't try again. 10 ms, most of it for
  /// reading BTF and for the verifier.
  Refusal open(const IteratorOptions& options = {});

  /// Reads through the pinned link of another's iterator instead. ENOENT: there is none. EACCES: it is not for this user.
  /// EBADF: that is no pin.
  Refusal open_pin(const std::string& path, const IteratorOptions& options = {});

  /// Pins what open has opened, so that it stays when this object goes: read-only, and for root alone.
  Refusal pin(const std::string& path) const;

  /// Gives everything back.
  void close();

  /// True between a successful open or open_pin, and close.
  explicit operator bool() const { return link_ || !pin_.empty(); }

  /// Whether it reads through a pin.
  bool pinned() const { return !pin_.empty(); }

  /// Reads every loaded program into `table` (begin, add, commit). On an error the table is not committed and its rows are
  /// not to be used. EMFILE, ENFILE, ENOMEM: not now. EPROTO: not what this reader's own program writes. EOVERFLOW: see
  /// kMostRows. EPERM is none: what a record doesn't hold is then unknown. Through a pin also what open(2) says.
  SysError read(ProgTable& table);

  /// Whether statistics were on at the end of the last pass: whether its own runs since it wrote of itself were counted
  /// (there is one at least: that in which it did).
  bool runs_are_counted() const { return end_run_cnt_ > own_run_cnt_; }

  /// How it reads counters; not known of a pinned one.
  ReadBy read_by() const { return way_.read_by; }

  bool looks_ahead() const { return way_.ahead; }

  /// How many CPUs are possible, and counted.
  uint32_t cpus() const { return static_cast<uint32_t>(cpus_.size()); }

 private:
  Refusal set_up(const IteratorOptions& options);
  /// Writes the offset of each CPU to `memory`, which is as the array behind `memory_fd` is to be in the end.
  Refusal find_offsets(const KernelLayout& layout, int memory_fd, bool may_look_up, std::vector<uint64_t>& memory);
  Refusal load(const KernelLayout& layout, int memory_fd, const IteratorOptions& options, std::vector<uint64_t>& memory);
  void make_buffer();
  /// A new run of the iterator.
  Result<UniqueFd> begin_run() const;
  /// Adds the whole records among the first `len` bytes of the buffer.
  SysError add_rows(size_t len, ProgTable& table);
  ProgCounters counters_of(const IterRecord& record) const;
  void describe(const IterRecord& record, const ProgIdentity& identity, ProgInfo& info);
  /// What a record has no room for, through an fd of the program. What can't be had stays unknown.
  void ask_for_rest(const ProgIdentity& identity, ProgInfo& info);

  UniqueFd link_;
  /// Instead of a link of its own.
  std::string pin_;
  IterWay way_;
  /// How many CPUs it sums.
  uint32_t summed_ = 0;
  /// The possible CPUs: a record counts through them.
  std::vector<uint16_t> cpus_;
  /// As much as the kernel gives in one read, or more, so that records come whole.
  std::vector<uint8_t> buffer_;
  uint64_t page_size_ = 0;
  /// Of the pass under way: rows so far, the id of the last, and what the iterator wrote of its own run_cnt, among the
  /// others and at the end; 0 where it didn't.
  uint32_t rows_ = 0, last_id_ = 0;
  uint64_t own_run_cnt_ = 0, end_run_cnt_ = 0;
  bool ended_ = false;
  /// Whether opening a program by id is worth trying: not once it was EPERM.
  bool may_ask_ = true;
};

}  // namespace bpftop
