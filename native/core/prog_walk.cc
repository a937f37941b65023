// BPF_PROG_GET_NEXT_ID -> GET_FD_BY_ID -> OBJ_GET_INFO_BY_FD -> close, program by program.
#include "core/prog_walk.h"

#include <cerrno>

#include "core/ids.h"
#include "core/prog_info.h"

namespace bpftop {
namespace {

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
  const auto read = [&table](uint32_t id) { return read_prog(id, table); };
  if (const SysError error = for_each_id(prog_next_id, "bpf(BPF_PROG_GET_NEXT_ID)", read)) return error;
  table.commit();
  return {};
}

}  // namespace bpftop
