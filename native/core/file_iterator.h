// Who has programs, links and maps open: a BPF program of our own, run by the kernel once for each open file of each
// process, writes down those few. 0.2 µs a file that is none of them.
//
// Wants Linux 5.10 and BTF and, of capabilities, CAP_BPF and CAP_PERFMON while it is set up.
//
// It is set up once and stays: loading it anew takes as long as a look over 40 000 files (reading BTF, the verifier), each
// load is an event in the host's audit log, and a program that comes and goes is, to who lists programs, news each time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/file_code.h"
#include "core/refusal.h"
#include "core/unique_fd.h"

namespace bpftop {

/// Owns the program, its link and its map, of which nothing is left when this goes. One thread at a time.
class FileIterator {
 public:
  /// What processes have open, each way of holding an id once; pids ascend. Every process of this pid namespace, whether or
  /// not /proc shows it, and every thread that has files of its own. Sets itself up the first time, 10 ms.
  ///
  /// EMFILE, ENFILE, ENOMEM: not now. ESRCH: this pid namespace isn't the initial one, whose numbers are in the records.
  /// EPROTO: it wrote what can't be. EOVERFLOW: more than can be. Everything else: it can't be had here, and the same is
  /// said again without another try.
  Refusal read(std::vector<FileRecord>& files);

 private:
  Refusal set_up();
  Refusal look(std::vector<FileRecord>& files);
  Refusal learn(const FileLayout& layout, int memory_fd, int prog_fd, int link_fd);

  UniqueFd link_;
  uint32_t prog_id_ = 0;
  /// Why it can't be set up.
  Refusal refusal_;
};

}  // namespace bpftop
