// The two programs that let the kernel go through the open files of all processes. Both are assembled for one kernel, from
// its layout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/assembler.h"
#include "core/kernel_layout.h"

namespace bpftop {

/// What a file is, and so what the id in its record is.
enum class FileKind : uint32_t {
  prog,
  /// The id of the link's program.
  link,
  map,
  /// A link of struct_ops, which has no program of its own: the id of its map.
  link_of_map,
};

/// What the iterator writes of one file.
struct FileRecord {
  /// Of the process, as the initial pid namespace counts.
  uint32_t tgid;
  FileKind kind;
  uint32_t id;
  uint32_t pad;
  /// When the process began, CLOCK_BOOTTIME, ns: with tgid that is who it is, whoever has the number next.
  uint64_t start_boottime;
};
static_assert(sizeof(FileRecord) == 24);

/// What the iterator knows the kinds by, learnt before its first run: the function by which the kernel closes a file of that
/// kind (file_operations.release). Not the table of such functions itself: links have two of those, one for links that can
/// be polled (struct_ops, 6.9), of which a process may well have none to learn by.
struct FileMemory {
  uint64_t prog_release, link_release, map_release;
};

/// A raw_tp program, to be run once by this process: writes the FileMemory behind `memory_fd`, an array, by what `prog_fd`,
/// `link_fd` and `memory_fd` themselves are. Returns 1 if it could.
Assembler assemble_file_learner(const FileLayout& layout, int memory_fd, int prog_fd, int link_fd);

/// The iter/task_file program: a FileRecord for each file that is a program, a link or a map. No record where it has no id.
Assembler assemble_file_iterator(const FileLayout& layout, int memory_fd);

}  // namespace bpftop
