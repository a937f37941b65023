// Static information of a program: from struct bpf_prog_info, a second look for the map ids, and /proc/self/fdinfo.
#include "core/prog_info.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstring>

namespace bpftop {
ProgIdentity identity_of(const BpfProgInfo& raw) {
  ProgIdentity identity{raw.id, raw.load_time, 0};
  static_assert(sizeof identity.tag == sizeof raw.tag);
  std::memcpy(&identity.tag, raw.tag, sizeof raw.tag);
  return identity;
}

ProgCounters counters_of(const BpfProgInfo& raw, uint32_t known_len) {
  ProgCounters counters{raw.run_time_ns, raw.run_cnt};
  if (known_len >= offsetof(BpfProgInfo, recursion_misses) + sizeof raw.recursion_misses)
    counters.recursion_misses = raw.recursion_misses;
  return counters;
}

std::optional<std::vector<uint32_t>> read_map_ids(int prog_fd, uint32_t count) {
  // The kernel writes at most as many as there is room for and tells how many it has, which may have grown since it told
  // first (BPF_PROG_BIND_MAP), so: ask again with the room it named.
  std::vector<uint32_t> ids;
  for (int tries_left = 4; tries_left > 0; tries_left--) {
    ids.resize(count);
    if (count == 0) return ids;
    BpfProgInfo raw = {};
    raw.nr_map_ids = count;
    raw.map_ids = reinterpret_cast<uintptr_t>(ids.data());
    if (prog_info_by_fd(prog_fd, raw).error) return std::nullopt;
    const bool all = raw.nr_map_ids <= count;
    count = raw.nr_map_ids;
    if (all) {
      ids.resize(count);
      return ids;
    }
  }
  return std::nullopt;
}

void fill_prog_info(int prog_fd, const BpfProgInfo& raw, uint32_t known_len, ProgInfo& info) {
  info.id = raw.id;
  info.type = raw.type;
  std::memcpy(info.name, raw.name, sizeof info.name);
  info.name[sizeof info.name - 1] = '\0';
  std::memcpy(info.tag, raw.tag, sizeof info.tag);
  info.load_time_ns = raw.load_time;
  info.created_by_uid = raw.created_by_uid;
  info.gpl_compatible = raw.gpl_compatible;
  info.xlated_prog_len = raw.xlated_prog_len;
  info.jited_prog_len = raw.jited_prog_len;
  if (known_len >= offsetof(BpfProgInfo, verified_insns) + sizeof raw.verified_insns)
    info.verified_insns = raw.verified_insns;
  info.btf_id = raw.btf_id;
  if (known_len >= offsetof(BpfProgInfo, attach_btf_id) + sizeof raw.attach_btf_id) info.attach_btf_id = raw.attach_btf_id;
  info.map_ids = read_map_ids(prog_fd, raw.nr_map_ids);
  info.memlock = read_memlock(prog_fd);
}

std::optional<uint64_t> read_memlock(int of) {
  char path[40];
  std::snprintf(path, sizeof path, "/proc/self/fdinfo/%d", of);
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  // About 250 bytes on 6.18, memlock the sixth line of a program's, the eleventh of a map's.
  char text[1024];
  const ssize_t len = ::read(fd.get(), text, sizeof text);
  if (len <= 0) return std::nullopt;
  return parse_memlock({text, static_cast<size_t>(len)});
}

std::optional<uint64_t> parse_memlock(std::string_view fdinfo) {
  constexpr std::string_view kKey = "memlock:";
  while (!fdinfo.empty()) {
    const size_t end = fdinfo.find('\n');
    // A line without its end was cut off by the buffer, its number perhaps in the middle.
    if (end == std::string_view::npos) return std::nullopt;
    std::string_view line = fdinfo.substr(0, end);
    fdinfo.remove_prefix(end + 1);
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    uint64_t bytes = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), bytes);
    if (error != std::errc() || rest != line.data() + line.size()) return std::nullopt;
    return bytes;
  }
  return std::nullopt;
}

}  // namespace bpftop
