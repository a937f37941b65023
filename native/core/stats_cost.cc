// BPF_PROG_TEST_RUN of a socket filter that does nothing: the kernel times its own loop around the runs, without the system
// call and without the time that the thread was off its CPU. What disturbs a round makes it longer, so the fastest counts.
#include "core/stats_cost.h"

#include <algorithm>

#include "core/clock.h"
#include "core/empty_prog.h"

namespace bpftop {
namespace {

/// Runs a round: 26 µs without statistics, 94 with (Linux 6.18). The kernel rounds its answer down to whole ns.
constexpr uint32_t kRuns = 1000;
constexpr int kRounds = 10;
/// No new round after so long: a kernel that interprets, or an emulated CPU, is slower.
constexpr uint64_t kEnoughNs = 1'000'000;
constexpr uint32_t kMostCostNs = 10'000;

}  // namespace

void StatsCost::time_without() {
  prog_ = load_empty_prog("bpftop_cost").value;
  if (!prog_) return;
  without_ = fastest();
  // Whoever has statistics on, for however short a while: then these were not runs without.
  if (run_cnt() != 0u) without_.reset();
}

std::optional<uint32_t> StatsCost::time_with() {
  if (!without_) return std::nullopt;
  const std::optional<uint32_t> with = fastest();
  if (!with || run_cnt().value_or(0) < kRuns) return std::nullopt;
  return stats_cost_of(*without_, *with);
}

std::optional<uint32_t> StatsCost::fastest() {
  const TestRun run = empty_run(kRuns);
  std::optional<uint32_t> fastest;
  const uint64_t end = now_ns(CLOCK_MONOTONIC) + kEnoughNs;
  for (int round = 0; round < kRounds && now_ns(CLOCK_MONOTONIC) < end; round++) {
    const auto [ran, error] = prog_test_run(prog_.get(), run);
    // A signal ends a round before its time.
    if (!error) fastest = std::min(fastest.value_or(UINT32_MAX), ran.duration_ns);
  }
  return fastest;
}

std::optional<uint64_t> StatsCost::run_cnt() const {
  BpfProgInfo info = {};
  if (prog_info_by_fd(prog_.get(), info).error) return std::nullopt;
  return info.run_cnt;
}

std::optional<uint32_t> stats_cost_of(uint32_t without_ns, uint32_t with_ns) {
  if (without_ns == 0 || with_ns <= without_ns || with_ns - without_ns >= kMostCostNs) return std::nullopt;
  return with_ns - without_ns;
}

}  // namespace bpftop
