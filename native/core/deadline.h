// How long something may take.
#pragma once

#include <algorithm>
#include <climits>
#include <cstdint>

#include "core/clock.h"

namespace bpftop {

/// A time after which nothing is waited for, and nothing more is begun.
class Deadline {
 public:
  /// So many ms from now.
  explicit Deadline(uint32_t ms) : ns_(now_ns(CLOCK_MONOTONIC) + uint64_t{ms} * 1'000'000) {}

  bool passed() const { return now_ns(CLOCK_MONOTONIC) >= ns_; }

  /// How long it is until then, ms, rounded up; 0: it has passed.
  int left_ms() const {
    const uint64_t now = now_ns(CLOCK_MONOTONIC);
    return now >= ns_ ? 0 : static_cast<int>(std::min<uint64_t>((ns_ - now) / 1'000'000 + 1, INT_MAX));
  }

 private:
  uint64_t ns_;
};

}  // namespace bpftop
