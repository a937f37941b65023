// The helper programs that this process keeps loaded, for who lists programs beside them: they are to be told from the
// host's.
#pragma once

#include <cstdint>

namespace bpftop {

/// One of them, for as long as this lives; default: none. From any thread.
class OwnProg {
 public:
  OwnProg() = default;
  explicit OwnProg(uint32_t id);
  OwnProg(OwnProg&& other) noexcept;
  OwnProg& operator=(OwnProg&& other) noexcept;
  ~OwnProg();

  /// 0: none.
  uint32_t id() const { return id_; }

 private:
  uint32_t id_ = 0;
};

/// Whether the program of that id is one of them.
bool is_own_prog(uint32_t id);

}  // namespace bpftop
