// One sampling pass.
#include "core/sampler.h"

#include <time.h>

#include "core/prog_walk.h"

namespace bpftop {
namespace {

/// Clocks come from the vDSO: no system call.
uint64_t now_ns(clockid_t clock) {
  timespec time = {};
  ::clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

SysError Sampler::pass() {
  time_ns_ = now_ns(CLOCK_BOOTTIME);
  realtime_ns_ = now_ns(CLOCK_REALTIME);
  const uint64_t start = now_ns(CLOCK_MONOTONIC);
  // First, so that a probe loaded for it is in the list from the first pass on.
  stats_state_ = stats_.state();
  if (const SysError error = walk_progs(table_)) return error;
  if (const uint32_t own = stats_.probe_id())
    for (ProgInfo& info : table_.appeared()) info.self = info.id == own;
  duration_ns_ = now_ns(CLOCK_MONOTONIC) - start;
  return {};
}

}  // namespace bpftop
