// Static information of a program behind an fd, read once in its life.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "core/prog_table.h"

namespace bpftop {

/// Who the program in `raw` is.
ProgIdentity identity_of(const BpfProgInfo& raw);

/// The counters in `raw`, of which the kernel wrote `known_len` bytes. It doesn't say which CPU is the hottest.
ProgCounters counters_of(const BpfProgInfo& raw, uint32_t known_len);

/// Fills `info` (but for index and self) from `raw`, of which the kernel wrote `known_len` bytes, and from what else the fd
/// gives: map ids (one more system call if there are any) and fdinfo's memlock (three). What can't be read is left out.
/// Doesn't keep or close `prog_fd`.
void fill_prog_info(int prog_fd, const BpfProgInfo& raw, uint32_t known_len, ProgInfo& info);

/// Ids of all maps the program refers to, `count` of them as far as is known; nothing where they can't be read.
std::optional<std::vector<uint32_t>> read_map_ids(int prog_fd, uint32_t count);

/// Bytes charged for what is behind the fd of a program or map ("memlock" in fdinfo), which their info structs lack; nothing
/// where that can't be read.
std::optional<uint64_t> read_memlock(int fd);

/// The number after "memlock:" at the start of a line of fdinfo text; nothing if it isn't there, isn't a number or is too
/// large.
std::optional<uint64_t> parse_memlock(std::string_view fdinfo);

}  // namespace bpftop
