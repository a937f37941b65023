// One list a process, and a lock that is held from before a program is loaded until its id is in the list.
#include "core/own_progs.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace bpftop {
namespace {

struct OwnProgs {
  std::mutex lock;
  std::vector<uint32_t> ids;
};

/// Never destroyed: threads of libuv's pool may outlive what is.
OwnProgs& own_progs() {
  static auto* const own = new OwnProgs();
  return *own;
}

}  // namespace

Result<UniqueFd> load_own_prog(const ProgLoad& load) {
  OwnProgs& own = own_progs();
  const std::lock_guard guard(own.lock);
  auto loaded = prog_load(load);
  if (loaded.error) return loaded;
  BpfProgInfo info = {};
  if (const SysError error = prog_info_by_fd(loaded.value.get(), info).error) return {{}, error};
  own.ids.push_back(info.id);
  return loaded;
}

bool is_own_prog(uint32_t id) {
  OwnProgs& own = own_progs();
  const std::lock_guard guard(own.lock);
  return std::find(own.ids.begin(), own.ids.end(), id) != own.ids.end();
}

}  // namespace bpftop
