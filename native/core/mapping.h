// Memory of its own, from the kernel.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace bpftop {

/// Owns pages, or none. malloc keeps megabytes that were freed once, in each of the pool's threads anew; these are given
/// back.
class Mapping {
 public:
  Mapping() = default;
  /// Zeroes, to be written to. Empty where there is no memory.
  explicit Mapping(size_t size) : Mapping(size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1) {}
  /// The first `size` bytes of a file, to be read: of one that nobody can shorten. Empty where it can't be mapped.
  Mapping(int fd, size_t size) : Mapping(size, PROT_READ, MAP_PRIVATE, fd) {}
  Mapping(Mapping&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  Mapping& operator=(Mapping&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Mapping() {
    if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
  }
  std::span<uint8_t> bytes() const { return bytes_; }

 private:
  Mapping(size_t size, int protection, int flags, int fd) {
    void* const start = ::mmap(nullptr, size, protection, flags, fd, 0);
    if (start != MAP_FAILED) bytes_ = {static_cast<uint8_t*>(start), size};
  }

  std::span<uint8_t> bytes_;
};

}  // namespace bpftop
