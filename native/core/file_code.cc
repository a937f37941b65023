// What is of a type that the verifier knows is read by plain loads (see iter_code.cc). What it doesn't know, which is what
// the few matching files point to, by bpf_probe_read_kernel, on every kernel alike.
#include "core/file_code.h"

#include <utility>

#include "core/bpf_syscall.h"

namespace bpftop {
namespace {

using namespace insn;

constexpr int32_t kPointerLen = 8;
// The frame: room for a read, the record.
constexpr int16_t kScratch = -8;
constexpr int16_t kRecord = kScratch - static_cast<int16_t>(sizeof(FileRecord));

constexpr int16_t in_record(size_t member) {
  return static_cast<int16_t>(kRecord + static_cast<int>(member));
}

/// The scratch = `len` bytes from r3 + offset; to `failed` if they can't be read.
void probe(Assembler& code, int16_t offset, int32_t len, Label& failed) {
  code << add(r3, offset) << mov(r1, r10) << add(r1, kScratch) << mov(r2, len) << call(Helper::probe_read_kernel);
  code.jump(jne(r0, 0), failed);
}

/// r3 = the pointer at r3 + offset; to `failed` if it can't be read.
void follow(Assembler& code, int16_t offset, Label& failed) {
  probe(code, offset, kPointerLen, failed);
  code << load(Width::u64, r3, r10, kScratch);
}

void set_kind(Assembler& code, FileKind kind) {
  code << store(Width::u32, r10, in_record(offsetof(FileRecord, kind)), static_cast<int32_t>(kind));
}

}  // namespace

Assembler assemble_file_learner(const FileLayout& at, int memory_fd, int prog_fd, int link_fd) {
  const std::pair<int, size_t> kinds[] = {
      {prog_fd, offsetof(FileMemory, prog_release)},
      {link_fd, offsetof(FileMemory, link_release)},
      {memory_fd, offsetof(FileMemory, map_release)},
  };
  Assembler code;
  Label failed;
  // r6 is the array of open files, r7 the memory.
  code << ld_map_value(r7, memory_fd) << ld_map_rest() << call(Helper::get_current_task) << mov(r3, r0);
  follow(code, at.task_files, failed);
  follow(code, at.files_fdt, failed);
  follow(code, at.fdtable_fd, failed);
  code << mov(r6, r3);
  for (const auto& [fd, member] : kinds) {
    code << mov(r3, r6) << add(r3, fd * kPointerLen);
    follow(code, 0, failed);
    follow(code, at.file_f_op, failed);
    follow(code, at.f_op_release, failed);
    code << store(Width::u64, r7, static_cast<int16_t>(member), r3);
  }
  code << mov(r0, 1) << exit();
  code.place(failed);
  code << mov(r0, 0) << exit();
  return code;
}

Assembler assemble_file_iterator(const FileLayout& at, int memory_fd) {
  Assembler code;
  Label prog, link, map, id_of_prog, id_of_map, have_id, end;
  // r6 is the context, r7 the task, r8 the file. Without both it is the call after the last file.
  code << mov(r6, r1) << load(Width::u64, r7, r6, at.iter_task);
  code.jump(jeq(r7, 0), end);
  code << load(Width::u64, r8, r6, at.iter_file);
  code.jump(jeq(r8, 0), end);
  code << load(Width::u64, r1, r8, at.file_f_op) << load(Width::u64, r1, r1, at.f_op_release) << ld_map_value(r2, memory_fd)
       << ld_map_rest() << load(Width::u64, r3, r2, offsetof(FileMemory, prog_release));
  code.jump(jeq(r1, r3), prog);
  code << load(Width::u64, r3, r2, offsetof(FileMemory, link_release));
  code.jump(jeq(r1, r3), link);
  code << load(Width::u64, r3, r2, offsetof(FileMemory, map_release));
  code.jump(jne(r1, r3), end);

  set_kind(code, FileKind::map);
  code << load(Width::u64, r3, r8, at.file_private_data);
  code.jump(ja(), id_of_map);

  code.place(link);
  set_kind(code, FileKind::link);
  code << load(Width::u64, r9, r8, at.file_private_data) << mov(r3, r9);
  follow(code, at.link_prog, end);
  code.jump(jne(r3, 0), id_of_prog);
  if (at.struct_ops_link_map) {
    code << mov(r3, r9);
    probe(code, at.link_type, sizeof(uint32_t), end);
    code << load(Width::u32, r1, r10, kScratch);
    code.jump(jne(r1, static_cast<int32_t>(LinkType::struct_ops)), end);
    set_kind(code, FileKind::link_of_map);
    code << mov(r3, r9);
    follow(code, *at.struct_ops_link_map, end);
    // None once the map has been taken off, which leaves the link without effect.
    code.jump(jne(r3, 0), id_of_map);
  }
  code.jump(ja(), end);

  code.place(prog);
  set_kind(code, FileKind::prog);
  code << load(Width::u64, r3, r8, at.file_private_data);
  code.place(id_of_prog);
  follow(code, at.prog_aux, end);
  probe(code, at.aux_id, sizeof(uint32_t), end);
  code.jump(ja(), have_id);
  code.place(id_of_map);
  probe(code, at.map_id, sizeof(uint32_t), end);

  code.place(have_id);
  code << load(Width::u32, r1, r10, kScratch);
  code.jump(jeq(r1, 0), end);
  code << store(Width::u32, r10, in_record(offsetof(FileRecord, id)), r1)
       << store(Width::u32, r10, in_record(offsetof(FileRecord, pad)), 0) << load(Width::u32, r1, r7, at.task_tgid)
       << store(Width::u32, r10, in_record(offsetof(FileRecord, tgid)), r1) << load(Width::u64, r1, r7, at.task_group_leader)
       << load(Width::u64, r1, r1, at.task_start_boottime)
       << store(Width::u64, r10, in_record(offsetof(FileRecord, start_boottime)), r1)
       << load(Width::u64, r1, r6, at.iter_meta) << load(Width::u64, r1, r1, at.meta_seq) << mov(r2, r10) << add(r2, kRecord)
       << mov(r3, sizeof(FileRecord)) << call(Helper::seq_write);
  code.place(end);
  code << mov(r0, 0) << exit();
  return code;
}

}  // namespace bpftop
