// Directories and files of procfs and of file systems that others have mounted.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/unique_fd.h"

namespace bpftop {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};
using Dir = std::unique_ptr<DIR, CloseDir>;

/// A directory to list, which takes over `fd`; none, with errno, where that is none.
Dir list_dir(UniqueFd fd);

/// RESOLVE_* of openat2(2): what is not to be crossed on the way.
inline constexpr uint64_t kNoXdev = 1, kNoMagiclinks = 2, kNoSymlinks = 4, kBeneath = 8, kInRoot = 16;
inline constexpr uint64_t kCached = 32;  // 5.12

/// openat2(2), with O_CLOEXEC; none, with errno: ENOSYS before 5.6.
UniqueFd open_at(int dir, const char* path, int flags, uint64_t resolve);

/// A whole number, as pids and fds are written; nothing: it is none.
std::optional<uint32_t> number_in(std::string_view text);

/// Undoes the octal escapes of a mount table: blanks, newlines, backslashes.
std::string unescape_octal(std::string_view word);

/// What procfs says of a process that has ended, and any file system of what was removed.
bool is_gone(int err);

}  // namespace bpftop
