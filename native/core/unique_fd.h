// A file descriptor with one owner, closed when the owner goes.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <utility>

namespace bpftop {

/// Owns one fd, or none (-1). Closing it keeps errno, so that it can go out of scope on the way out of a failure.
class UniqueFd {
 public:
  UniqueFd() = default;
  /// Takes over `fd`; a negative one means none.
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  /// The number; still owned here.
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

  /// Gives it to the caller, to close.
  int release() { return std::exchange(fd_, -1); }

  /// Closes it now. On Linux the fd is gone whatever close(2) answers, so EINTR is not retried.
  void reset() {
    if (fd_ < 0) return;
    const int kept = errno;
    ::close(std::exchange(fd_, -1));
    errno = kept;
  }

 private:
  int fd_ = -1;
};

}  // namespace bpftop
