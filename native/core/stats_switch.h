// Run-time statistics of BPF programs: switches them on, or finds out whether someone else has.
#pragma once

#include <cstdint>
#include <optional>

#include "core/sys_error.h"
#include "core/unique_fd.h"

namespace bpftop {

enum class StatsState {
  /// By this object; off again when it goes (or the process, however it ends).
  enabled_here,
  /// By the sysctl, or by another process's BPF_ENABLE_STATS.
  already_on,
  off,
};

/// Says whether statistics are on without having switched them on. Never writes the sysctl.
class StatsProbe {
 public:
  /// One system call when the sysctl is 1; else three, and on the first call the load of a two-instruction program.
  bool on();

  /// The id of the program loaded for it; 0: none is loaded.
  uint32_t prog_id() const { return prog_id_; }

 private:
  bool sysctl_on();
  bool probe_on();

  UniqueFd sysctl_;
  bool sysctl_tried_ = false;
  UniqueFd prog_;
  bool prog_tried_ = false;
  uint32_t prog_id_ = 0;
  uint64_t run_cnt_ = 0;
};

/// Statistics for one sampler's life.
class StatsSwitch {
 public:
  /// With `enable`, switch_on() will.
  explicit StatsSwitch(bool enable) : wanted_(enable) {}

  /// Tries BPF_ENABLE_STATS, if that is wanted, and holds its fd; a failure is kept in error(), not fatal. Times what they
  /// cost beside (StatsCost). Later calls do nothing.
  void switch_on();

  /// Why they could not be switched on: EPERM without CAP_SYS_ADMIN, EINVAL before 5.8. None when they were or weren't asked
  /// for.
  const SysError& error() const { return error_; }

  /// ns that they add to a run, timed when they were switched on; nothing: they weren't, or it could not be told.
  const std::optional<uint32_t>& cost_ns() const { return cost_ns_; }

  /// True if they were switched on here, and so are on.
  bool enabled_here() const { return static_cast<bool>(fd_); }

  /// Are they on now? No system call when they were switched on here; else a program is loaded to find out.
  StatsState state();

  /// The id of this object's own helper program; 0: none is loaded.
  uint32_t probe_id() const { return probe_.prog_id(); }

 private:
  bool wanted_;
  UniqueFd fd_;
  SysError error_;
  std::optional<uint32_t> cost_ns_;
  StatsProbe probe_;
};

}  // namespace bpftop
