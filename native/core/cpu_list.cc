// Numbers and ranges, separated by commas.
#include "core/cpu_list.h"

#include <charconv>

namespace bpftop {
namespace {

constexpr uint32_t kMostCpus = 8192;

/// Takes a number off the front.
std::optional<uint32_t> take_number(std::string_view& text) {
  uint32_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number >= kMostCpus) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  return number;
}

}  // namespace

std::optional<std::vector<uint16_t>> parse_cpu_list(std::string_view text) {
  std::vector<uint16_t> cpus;
  if (text.ends_with('\n')) text.remove_suffix(1);
  for (;;) {
    const auto first = take_number(text);
    if (!first) return std::nullopt;
    auto last = first;
    if (text.starts_with('-')) {
      text.remove_prefix(1);
      last = take_number(text);
    }
    if (!last || *last < *first || (!cpus.empty() && *first <= cpus.back())) return std::nullopt;
    for (uint32_t cpu = *first; cpu <= *last; cpu++) cpus.push_back(static_cast<uint16_t>(cpu));
    if (text.empty()) return cpus;
    if (!text.starts_with(',')) return std::nullopt;
    text.remove_prefix(1);
  }
}

}  // namespace bpftop
