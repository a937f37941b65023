// The names of errno values.
#pragma once

namespace bpftop {

/// The errno's name, such as "EPERM"; "EUNKNOWN" for a number without one. Never null, never freed.
/// (strerrorname_np is glibc's alone, and no libc knows 524, ENOTSUPP, which bpf(2) does return.)
const char* errno_name(int err);

}  // namespace bpftop
