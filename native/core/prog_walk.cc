// BPF_PROG_GET_NEXT_ID -> GET_FD_BY_ID -> OBJ_GET_INFO_BY_FD -> close, program by program.
#include "core/prog_walk.h"

#include <cerrno>

#include "core/prog_info.h"

namespace bpftop {
namespace {

// A walk ends by itself: ids only ascend, and are below 2^31. But where programs are loaded while it goes on, it meets them
// too, at the end of the list. It catches up, because the smallest program takes 17 µs to load where a step takes 4; loaders
// on many CPUs at once could stay ahead of it. A pass that doesn't end is then an error, not a short list: 2^20 programs,
// which would take the kernel 8 GB and us 5 s, are taken for that.
constexpr uint32_t kMaxSteps = 1 << 20;

/// Reads one program into the table. One that is gone is no error and no row.
SysError read_prog(uint32_t id, ProgTable& table) {
  const auto [fd, open_error] = prog_fd_by_id(id);
  if (open_error) return open_error.err == ENOENT ? SysError{} : open_error;

  BpfProgInfo raw = {};
  const auto [known_len, info_error] = prog_info_by_fd(fd.get(), raw);
  if (info_error) return info_error;

  ProgInfo* info = table.add(identity_of(raw), counters_of(raw, known_len));
  if (info != nullptr) fill_prog_info(fd.get(), raw, known_len, *info);
  return {};
}

}  // namespace

SysError walk_progs(ProgTable& table) {
  table.begin();
  uint32_t id = 0;
  for (uint32_t step = 0; step < kMaxSteps; step++) {
    const auto [next, error] = prog_next_id(id);
    if (error.err == ENOENT) {
      table.commit();
      return {};
    }
    if (error) return error;
    if (next <= id) return {EPROTO, "bpf(BPF_PROG_GET_NEXT_ID)"};
    id = next;
    if (const SysError failed = read_prog(id, table)) return failed;
  }
  return {EOVERFLOW, "bpf(BPF_PROG_GET_NEXT_ID)"};
}

}  // namespace bpftop
