// How core says that a system call failed: values, never exceptions, so that it runs the same on any thread.
#pragma once

#include <cerrno>

namespace bpftop {

/// A failed system call. Default: nothing failed.
struct [[nodiscard]] SysError {
  /// errno as the call left it; 0: no error.
  int err = 0;
  /// The call as people know it, such as "bpf(BPF_PROG_GET_NEXT_ID)". A string literal, never owned.
  const char* call = "";

  /// True if something failed.
  explicit operator bool() const { return err != 0; }
};

/// Whether that may be otherwise the next time: no fd or no memory to be had.
inline bool is_passing(const SysError& error) {
  return error.err == EMFILE || error.err == ENFILE || error.err == ENOMEM;
}

/// A value, or the error that took its place. `value` is T's default when `error` is set.
template <typename T>
struct [[nodiscard]] Result {
  T value{};
  SysError error{};
};

}  // namespace bpftop
