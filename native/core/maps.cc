// BPF_MAP_GET_NEXT_ID -> GET_FD_BY_ID -> OBJ_GET_INFO_BY_FD and fdinfo -> close, map by map; then all counts at once. What
// doesn't change in a map's life is read again each time: it takes an fd all the same to read what does.
#include "core/maps.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/bpf_syscall.h"
#include "core/ids.h"
#include "core/prog_info.h"

namespace bpftop {
namespace {

/// Reads one map. One that is gone is no error and no map; nor is one that a security module keeps to itself.
SysError read_map(uint32_t id, Maps& all) {
  const auto [fd, open_error] = map_fd_by_id(id, kMapReadOnly);
  if (open_error.err == ENOENT) return {};
  if (open_error && is_passing(open_error)) return open_error;
  BpfMapInfo info = {};
  if (open_error || map_info_by_fd(fd.get(), info).error) {
    all.unreadable++;
    return {};
  }
  Map map;
  map.id = info.id;
  map.type = info.type;
  map.name.assign(info.name, ::strnlen(info.name, sizeof info.name));
  map.max_entries = info.max_entries;
  map.memlock = read_memlock(fd.get());
  all.maps.push_back(std::move(map));
  return {};
}

}  // namespace

Result<Maps> MapReader::read() {
  Result<Maps> result;
  const auto read = [&maps = result.value](uint32_t id) { return read_map(id, maps); };
  if (const SysError error = for_each_id(map_next_id, "bpf(BPF_MAP_GET_NEXT_ID)", read)) return {{}, error};
  count(result.value.maps);
  result.value.uncounted = uncounted_;
  return result;
}

void MapReader::count(std::vector<Map>& maps) {
  if (uncounted_) return;
  if (!counter_) {
    if (Refusal refusal = counter_.open()) {
      if (!is_passing(refusal.error)) uncounted_ = std::move(refusal);
      return;
    }
  }
  const auto [counts, error] = counter_.read();
  if (error) return;
  for (Map& map : maps)
    if (const auto found = counts.find(map.id); found != counts.end()) map.entries = found->second;
}

}  // namespace bpftop
