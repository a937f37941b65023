// Why something can't be had: for a person to read, and kept as long as it holds.
#pragma once

#include <string>

#include "core/sys_error.h"

namespace bpftop {

/// The call that failed and, where that says too little, what it was about. Default: nothing was refused.
struct [[nodiscard]] Refusal {
  SysError error;
  /// Such as a path, a missing struct member, or the verifier's last words.
  std::string detail;

  /// True if something was refused.
  explicit operator bool() const { return static_cast<bool>(error); }

  /// "call: ERRNO" or "call: ERRNO: detail".
  std::string text() const;
};

}  // namespace bpftop
