// How long a search may take.
#pragma once

#include "core/clock.h"

namespace bpftop {

/// So many ms from now.
class TimeLimit {
 public:
  explicit TimeLimit(uint32_t ms) : at_(now_ns(CLOCK_MONOTONIC) + uint64_t{ms} * 1'000'000) {}

  bool reached() const { return now_ns(CLOCK_MONOTONIC) >= at_; }

 private:
  uint64_t at_;
};

}  // namespace bpftop
