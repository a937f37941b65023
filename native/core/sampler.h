// One sampling pass: times, statistics' state, every program. What addon.cc shows to Node, without Node.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "core/prog_iterator.h"
#include "core/prog_table.h"
#include "core/refusal.h"
#include "core/stats_switch.h"
#include "core/sys_error.h"

namespace bpftop {

/// Which source to read from.
enum class SamplerChoice {
  /// The iterator where it can be had, else the walk.
  best,
  iterator,
  walk,
};

struct SamplerOptions {
  SamplerChoice choice = SamplerChoice::best;
  /// Another's pinned iterator, to read where one of our own can't be had; empty: none.
  std::string pin;
  IteratorOptions iterator;
};

/// Reads all programs, pass after pass. Not thread-safe: one pass at a time, from any thread.
class Sampler {
 public:
  /// With `enable_stats` holds BPF_ENABLE_STATS from the first pass until destroyed; see stats().error() for whether it
  /// could. The source is opened in the first pass, too.
  explicit Sampler(bool enable_stats, SamplerOptions options = {}) : options_(std::move(options)), stats_(enable_stats) {}

  /// One pass. On an error (of ProgIterator or of walk_progs) the results below are not to be used, and the next pass is as
  /// if this one had not been.
  SysError pass();

  /// Whether the last pass read through the iterator.
  bool iterating() const { return static_cast<bool>(iterator_); }
  /// Whether that is another's, through its pin.
  bool pinned() const { return iterator_.pinned(); }
  /// How the iterator reads counters; says nothing unless iterating() an iterator of our own.
  ReadBy read_by() const { return iterator_.read_by(); }
  /// Why it can't, when it is what was chosen or would have been the best choice.
  const Refusal& refusal() const { return refusal_; }

  const StatsSwitch& stats() const { return stats_; }

  // Results of the last pass, valid until the next.

  /// CLOCK_BOOTTIME at its start: the clock of load_time, though in a time namespace shifted against it.
  uint64_t time_ns() const { return time_ns_; }
  /// CLOCK_REALTIME at its start.
  uint64_t realtime_ns() const { return realtime_ns_; }
  uint64_t duration_ns() const { return duration_ns_; }
  StatsState stats_state() const { return stats_state_; }
  const ProgTable& table() const { return table_; }

 private:
  /// Settles which source it is; it stays that one, but for an iterator that fails (see read).
  void open_source();
  SysError read();

  const SamplerOptions options_;
  bool opened_ = false;
  ProgIterator iterator_;
  Refusal refusal_;
  StatsSwitch stats_;
  ProgTable table_;
  uint64_t time_ns_ = 0, realtime_ns_ = 0, duration_ns_ = 0;
  StatsState stats_state_ = StatsState::off;
};

}  // namespace bpftop
