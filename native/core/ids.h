// Going through all that the kernel has of a kind, id after id.
#pragma once

#include <cerrno>
#include <cstdint>

#include "core/bpf_syscall.h"

namespace bpftop {

// A walk ends by itself: ids only ascend, and are below 2^31. But where programs are loaded while it goes on, it meets them
// too, at the end of the list. It catches up, because the smallest program takes 17 µs to load where a step takes 4; loaders
// on many CPUs at once could stay ahead of it. A walk that doesn't end is then an error, not a short list: 2^20 programs,
// which would take the kernel 8 GB and us 5 s, are taken for that.
inline constexpr uint32_t kMaxIds = 1 << 20;

/// Hands `take` every id that `next_id` gives, ascending, until there is none left or `take` fails. `call` is the kernel's
/// name for `next_id`. EPROTO: ids that don't ascend. EOVERFLOW: no end of them.
template <typename Take>
SysError for_each_id(Result<uint32_t> (*next_id)(uint32_t after), const char* call, Take take) {
  uint32_t id = 0;
  for (uint32_t step = 0; step < kMaxIds; step++) {
    const auto [next, error] = next_id(id);
    if (error.err == ENOENT) return {};
    if (error) return error;
    if (next <= id) return {EPROTO, call};
    id = next;
    if (const SysError failed = take(id)) return failed;
  }
  return {EOVERFLOW, call};
}

}  // namespace bpftop
