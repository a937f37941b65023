// What statistics add to a run of a program on this host.
#pragma once

#include <cstdint>
#include <optional>

#include "core/unique_fd.h"

namespace bpftop {

/// Times a program of its own, by the kernel's clock, before statistics are switched on and after. 1.5 ms in all; on a slow
/// host a few more. The program is unloaded with the object.
class StatsCost {
 public:
  /// Loads the program and times it without statistics. To be called before they are switched on; if somebody else has
  /// them on, or the program can't be loaded or run, there will be no answer.
  void time_without();

  /// Times it with statistics. ns a run that they add; nothing: not known.
  std::optional<uint32_t> time_with();

 private:
  /// The fastest round's ns a run; nothing: none came to its end.
  std::optional<uint32_t> fastest();
  /// How many of its runs the kernel counted so far; nothing: it doesn't say.
  std::optional<uint64_t> run_cnt() const;

  UniqueFd prog_;
  std::optional<uint32_t> without_;
};

/// The difference, if it can be true: the run without must have taken time (user-mode Linux says 0, its clock is too
/// coarse), the one with statistics more, by less than 10 µs (two readings of a clock and three sums take some 70 ns).
std::optional<uint32_t> stats_cost_of(uint32_t without_ns, uint32_t with_ns);

}  // namespace bpftop
