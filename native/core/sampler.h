// One sampling pass: times, statistics' state, every program. What addon.cc shows to Node, without Node.
#pragma once

#include <cstdint>

#include "core/prog_table.h"
#include "core/stats_switch.h"
#include "core/sys_error.h"

namespace bpftop {

/// Reads all programs, pass after pass. Not thread-safe: one pass at a time, from any thread.
class Sampler {
 public:
  /// With `enable_stats` holds BPF_ENABLE_STATS until destroyed; see stats().error() for whether it could.
  explicit Sampler(bool enable_stats) : stats_(enable_stats) {}

  /// One pass. On an error (errno of walk_progs) the results below are not to be used, and the next pass is as if this one
  /// had not been.
  SysError pass();

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
  StatsSwitch stats_;
  ProgTable table_;
  uint64_t time_ns_ = 0, realtime_ns_ = 0, duration_ns_ = 0;
  StatsState stats_state_ = StatsState::off;
};

}  // namespace bpftop
