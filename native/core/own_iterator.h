// A BPF iterator of our own: loaded once, attached, and run again and again.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

#include "core/bpf_syscall.h"

namespace bpftop {

/// What is loaded. The link alone keeps the program.
struct OwnIterator {
  UniqueFd prog;
  UniqueFd link;
};

/// Loads an iterator of that name, by load_own_prog, and attaches it to a function of the kernel's (bpf_iter_…). Errno of
/// prog_load and link_create.
Result<OwnIterator> load_own_iterator(const char* name, uint32_t function, std::span<const Insn> code);

/// All that one run writes. EMFILE, ENFILE, ENOMEM: not now. EPROTO: what isn't whole Records. EOVERFLOW: more than `most`.
template <typename Record>
Result<std::vector<Record>> run_iterator(int link_fd, size_t most) {
  constexpr char kCall[] = "read(bpf_iter)";
  const auto [run, error] = iter_create(link_fd);
  if (error) return {{}, error};
  // The kernel gives at most eight pages in one read.
  const size_t room = static_cast<size_t>(::sysconf(_SC_PAGESIZE)) * 8 / sizeof(Record) + 1;
  std::vector<Record> records;
  for (size_t have = 0;;) {
    const size_t whole = have / sizeof(Record);
    if (whole > most) return {{}, {EOVERFLOW, kCall}};
    records.resize(whole + room);
    const ssize_t got =
        ::read(run.get(), reinterpret_cast<char*>(records.data()) + have, records.size() * sizeof(Record) - have);
    // EAGAIN: a million objects without a record (bpf_seq_read).
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return {{}, {errno, kCall}};
    have += static_cast<size_t>(got);
    if (got > 0) continue;
    if (have % sizeof(Record) != 0) return {{}, {EPROTO, kCall}};
    records.resize(whole);
    return {std::move(records), {}};
  }
}

}  // namespace bpftop
