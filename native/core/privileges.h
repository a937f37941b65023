// Giving up privileges for good, in every thread of the process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "core/sys_error.h"

namespace bpftop {

/// What couldn't be given up, and the thread that it was.
struct [[nodiscard]] DropError {
  SysError error;
  pid_t thread = 0;
};

/// What is to be left.
struct Privileges {
  /// A bit a capability, by its number (capabilities(7)); what isn't had isn't gained.
  uint64_t capabilities = 0;
  /// User and group to become, without other groups; nothing: they stay.
  std::optional<uid_t> id;
};

/// Leaves every thread with these privileges at most, its inheritable and ambient sets empty, its bounding set too where it
/// may empty that, and no_new_privs (prctl(2)). The process can't be traced by others of its user afterwards. One call at a
/// time. After an error some threads have less than others: then the process is to end.
DropError drop_privileges(const Privileges& left);

}  // namespace bpftop
