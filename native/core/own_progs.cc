// Process-wide, as the programs are: a sampler and what reads beside it may belong to different threads of JavaScript.
// Without anything to destroy: when the process exits, a thread of libuv's pool may still be here.
#include "core/own_progs.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

namespace bpftop {
namespace {

// One or two for each environment (main thread, workers). What finds no slot isn't told from the host's programs.
std::array<std::atomic<uint32_t>, 64> ids;

/// The first slot with `from` in it has `to` now, if there is one.
void replace(uint32_t from, uint32_t to) {
  for (std::atomic<uint32_t>& slot : ids) {
    uint32_t expected = from;
    if (slot.compare_exchange_strong(expected, to)) return;
  }
}

}  // namespace

OwnProg::OwnProg(uint32_t id) : id_(id) {
  replace(0, id);
}

OwnProg::OwnProg(OwnProg&& other) noexcept : id_(std::exchange(other.id_, 0)) {}

OwnProg& OwnProg::operator=(OwnProg&& other) noexcept {
  std::swap(id_, other.id_);
  return *this;
}

OwnProg::~OwnProg() {
  if (id_ != 0) replace(id_, 0);
}

bool is_own_prog(uint32_t id) {
  return id != 0 && std::any_of(ids.begin(), ids.end(), [id](const auto& slot) { return slot == id; });
}

}  // namespace bpftop
