// Lists of CPUs as sysfs writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace bpftop {

/// The CPUs of a list such as "0-3,8\n" (Documentation/admin-guide/cputopology.rst), ascending; nothing if it isn't one, is
/// empty, or has a CPU from 8192 on (the most that any kernel is built for).
std::optional<std::vector<uint16_t>> parse_cpu_list(std::string_view text);

}  // namespace bpftop
