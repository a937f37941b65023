// One list a process, and a lock that is held from before a program is loaded until its id is in the list.
#include "core/own_progs.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace bpftop {
namespace {

std::mutex lock;
/// Under the lock; null until there are any. Never destroyed: threads of libuv's pool may outlive what is.
std::vector<uint32_t>* ids = nullptr;

}  // namespace

Result<UniqueFd> load_own_prog(const ProgLoad& load) {
  const std::lock_guard guard(lock);
  auto loaded = prog_load(load);
  if (loaded.error) return loaded;
  BpfProgInfo info = {};
  if (const SysError error = prog_info_by_fd(loaded.value.get(), info).error) return {{}, error};
  if (ids == nullptr) ids = new std::vector<uint32_t>();
  ids->push_back(info.id);
  return loaded;
}

bool is_own_prog(uint32_t id) {
  const std::lock_guard guard(lock);
  return ids != nullptr && std::find(ids->begin(), ids->end(), id) != ids->end();
}

}  // namespace bpftop
