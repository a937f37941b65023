// A refusal in words.
#include "core/refusal.h"

#include "core/errno_name.h"

namespace bpftop {

std::string Refusal::text() const {
  std::string words = std::string(error.call) + ": " + errno_name(error.err);
  if (!detail.empty()) words.append(": ").append(detail);
  return words;
}

}  // namespace bpftop
