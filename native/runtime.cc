// What the addon would need a C++ library or a recent C library for, so that one file loads wherever Node does: with glibc
// 2.28 and later, and with musl. What is the C++ library's is weak: where a newer one wants more than this, it comes from
// there, and may bring its own of these.
#include <bits/functexcept.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace {

/// Where a C++ library would throw; nothing here catches, so that would come to the same.
[[noreturn]] void fail(const char* what) {
  static constexpr char kWho[] = "bpftop-ts: native addon: ";
  const char* const texts[] = {kWho, what, "\n"};
  for (const char* text : texts) {
    if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) break;
  }
  std::abort();
}

void* allocate(std::size_t size) {
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) fail("out of memory");
  return memory;
}

}  // namespace

#define BPFTOP_WEAK __attribute__((weak))

BPFTOP_WEAK void* operator new(std::size_t size) {
  return allocate(size);
}
BPFTOP_WEAK void* operator new[](std::size_t size) {
  return allocate(size);
}
BPFTOP_WEAK void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return std::malloc(size == 0 ? 1 : size);
}
BPFTOP_WEAK void operator delete(void* memory) noexcept {
  std::free(memory);
}
BPFTOP_WEAK void operator delete[](void* memory) noexcept {
  std::free(memory);
}
BPFTOP_WEAK void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
BPFTOP_WEAK void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace std {

extern BPFTOP_WEAK const nothrow_t nothrow;
const nothrow_t nothrow{};

BPFTOP_WEAK void __throw_bad_alloc() {
  fail("out of memory");
}
BPFTOP_WEAK void __throw_bad_array_new_length() {
  fail("a negative size");
}
BPFTOP_WEAK void __throw_bad_function_call() {
  fail("an empty function called");
}
BPFTOP_WEAK void __throw_logic_error(const char* what) {
  fail(what);
}
BPFTOP_WEAK void __throw_length_error(const char* what) {
  fail(what);
}
BPFTOP_WEAK void __throw_out_of_range_fmt(const char* format, ...) {
  fail(format);
}
BPFTOP_WEAK void __throw_system_error(int) {
  fail("a lock that can't be had");
}
/// _GLIBCXX_ASSERTIONS: an index past the end, an empty optional read, and the like.
BPFTOP_WEAK void __glibcxx_assert_fail(const char*, int, const char*, const char* condition) noexcept {
  fail(condition);
}

/// Asked where a shared_ptr's destructor is looked for by type; without RTTI there is no such type.
BPFTOP_WEAK bool _Sp_make_shared_tag::_S_eq(const type_info&) noexcept {
  return false;
}

}  // namespace std

extern "C" {

/// Named by what there is of the C++ library, and called when an exception is thrown through it.
BPFTOP_WEAK int __gxx_personality_v0(...) {
  fail("an exception");
}
BPFTOP_WEAK void __cxa_pure_virtual() {
  fail("a pure virtual function called");
}

/// glibc 2.32 and later say here whether a lock may be left out; nowhere else is there such a thing, and there always are
/// threads.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

// glibc has had these as functions since 2.33 alone. On 64 bits its `struct stat`, and musl's, is the kernel's.
#ifdef SYS_newfstatat
struct stat;
__attribute__((visibility("hidden"))) int fstatat(int dir, const char* path, struct stat* status, int flags) {
  return static_cast<int>(::syscall(SYS_newfstatat, dir, path, status, flags));
}
__attribute__((visibility("hidden"))) int fstat(int fd, struct stat* status) {
  constexpr int kEmptyPath = 0x1000;  // AT_EMPTY_PATH
  return fstatat(fd, "", status, kEmptyPath);
}
__attribute__((visibility("hidden"))) int lstat(const char* path, struct stat* status) {
  constexpr int kHere = -100, kNoFollow = 0x100;  // AT_FDCWD, AT_SYMLINK_NOFOLLOW
  return fstatat(kHere, path, status, kNoFollow);
}
#endif
}
