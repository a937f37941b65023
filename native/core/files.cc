// openat2(2) is called by its number: C libraries are slow to wrap it.
#include "core/files.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <charconv>

namespace bpftop {

Dir list_dir(UniqueFd fd) {
  Dir dir(fd ? ::fdopendir(fd.get()) : nullptr);
  if (dir) fd.release();
  return dir;
}

UniqueFd open_at(int dir, const char* path, int flags, uint64_t resolve) {
  constexpr long kOpenat2 = 437;  // on all architectures
  // struct open_how (include/uapi/linux/openat2.h).
  struct {
    uint64_t flags;
    uint64_t mode;
    uint64_t resolve;
  } how = {static_cast<uint64_t>(flags | O_CLOEXEC), 0, resolve};
  return UniqueFd(static_cast<int>(::syscall(kOpenat2, dir, path, &how, sizeof how)));
}

std::optional<uint32_t> number_in(std::string_view text) {
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

std::string unescape_octal(std::string_view word) {
  std::string plain;
  for (size_t i = 0; i < word.size(); i++) {
    const auto digit = [&](size_t at) { return at < word.size() && word[at] >= '0' && word[at] <= '7'; };
    if (word[i] == '\\' && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain += static_cast<char>((word[i + 1] - '0') * 64 + (word[i + 2] - '0') * 8 + (word[i + 3] - '0'));
      i += 3;
    } else {
      plain += word[i];
    }
  }
  return plain;
}

bool is_gone(int err) {
  return err == ENOENT || err == ESRCH;
}

}  // namespace bpftop
