// One sampling pass.
#include "core/sampler.h"

#include "core/clock.h"
#include "core/own_progs.h"
#include "core/prog_walk.h"

namespace bpftop {
void Sampler::open_source() {
  if (opened_) return;
  opened_ = true;
  if (options_.choice == SamplerChoice::walk) return;
  refusal_ = iterator_.open(options_.iterator);
  if (refusal_ && !options_.pin.empty() && !iterator_.open_pin(options_.pin, options_.iterator)) refusal_ = {};
}

SysError Sampler::read() {
  const bool iterator_only = options_.choice == SamplerChoice::iterator;
  if (!iterator_ && iterator_only) return refusal_.error;
  if (iterator_) {
    const SysError error = iterator_.read(table_);
    if (!error) {
      stats_state_ = stats_.enabled_here()          ? StatsState::enabled_here
                     : iterator_.runs_are_counted() ? StatsState::already_on
                                                    : StatsState::off;
      return {};
    }
    // A pin may come back, and who reads through one has no other way.
    const bool passing = is_passing(error) || iterator_.pinned();
    if (passing || iterator_only) return error;
    // What else goes wrong won't go right the next time.
    refusal_ = {error, {}};
    iterator_.close();
  }
  // First, so that a probe loaded for it is in the list from the first pass on.
  stats_state_ = stats_.state();
  return walk_progs(table_);
}

SysError Sampler::pass() {
  open_source();
  // After what takes 10 ms of a CPU: it isn't in its deepest sleep any more when it is timed.
  stats_.switch_on();
  time_ns_ = now_ns(CLOCK_BOOTTIME);
  realtime_ns_ = now_ns(CLOCK_REALTIME);
  const uint64_t start = now_ns(CLOCK_MONOTONIC);
  if (const SysError error = read()) return error;
  for (ProgInfo& info : table_.appeared()) info.self |= info.id == stats_.probe_id() || is_own_prog(info.id);
  duration_ns_ = now_ns(CLOCK_MONOTONIC) - start;
  return {};
}

}  // namespace bpftop
