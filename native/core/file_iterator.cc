// Set up: map (so that a process that may not at all finds out first), BTF, the iterator, its link, and what files of these
// three kinds are known by. A look: BPF_ITER_CREATE, read until there is no more, close.
#include "core/file_iterator.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "core/bpf_syscall.h"
#include "core/btf.h"
#include "core/own_iterator.h"
#include "core/own_progs.h"

namespace bpftop {
namespace {

constexpr char kName[] = "bpftop_files";
constexpr char kRead[] = "read(bpf_iter)";
// Of 24 bytes each; a process of a million programs is none that is to be believed.
constexpr size_t kMostRecords = 1 << 20;

auto key_of(const FileRecord& file) {
  return std::tuple(file.tgid, file.start_boottime, file.kind, file.id);
}

Refusal read_kernel_layout(FileLayout& layout) {
  // 5.5 MB, gone again at the end of this function.
  const auto [btf, error] = Btf::read(kKernelBtf);
  if (error) return {error, kKernelBtf};
  return read_file_layout(btf, layout);
}

}  // namespace

Refusal FileIterator::read(std::vector<FileRecord>& files) {
  if (refusal_) return refusal_;
  Refusal refusal = link_ ? Refusal{} : set_up();
  if (!refusal) refusal = look(files);
  // What goes wrong otherwise won't go right the next time: then nothing stays loaded.
  if (refusal && !is_passing(refusal.error)) {
    *this = FileIterator();
    refusal_ = refusal;
  }
  return refusal;
}

Refusal FileIterator::look(std::vector<FileRecord>& files) {
  auto [records, error] = run_iterator<FileRecord>(link_.get(), kMostRecords);
  if (error) return {error, {}};
  files = std::move(records);
  // The same one by several fds, and, before 5.11, the same fd once for each thread.
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return key_of(a) < key_of(b); });
  const auto same = [](const auto& a, const auto& b) { return key_of(a) == key_of(b); };
  files.erase(std::unique(files.begin(), files.end(), same), files.end());

  // This process has the iterator's own link open, by the only number that it has for itself.
  const auto own_link = [&](const FileRecord& file) { return file.kind == FileKind::link && file.id == prog_id_; };
  const auto own = std::find_if(files.begin(), files.end(), [&](const FileRecord& file) {
    return own_link(file) && file.tgid == static_cast<uint32_t>(::getpid());
  });
  if (own != files.end()) return {};
  const bool other_number = std::any_of(files.begin(), files.end(), own_link);
  return {{other_number ? ESRCH : EPROTO, kRead}, "not this process itself"};
}

Refusal FileIterator::set_up() {
  const auto [memory, no_map] = map_create({MapType::array, sizeof(FileMemory), 1, kName});
  if (no_map) return {no_map, {}};
  FileLayout layout;
  if (Refusal refusal = read_kernel_layout(layout)) return refusal;

  const Assembler code = assemble_file_iterator(layout, memory.get());
  auto [iterator, error] = load_own_iterator(kName, layout.iter_function, code.code());
  if (error) return {error, {}};
  BpfProgInfo info = {};
  if (const SysError failed = prog_info_by_fd(iterator.prog.get(), info).error) return {failed, {}};
  if (Refusal refusal = learn(layout, memory.get(), iterator.prog.get(), iterator.link.get())) return refusal;
  prog_id_ = info.id;
  link_ = std::move(iterator.link);
  return {};
}

Refusal FileIterator::learn(const FileLayout& layout, int memory_fd, int prog_fd, int link_fd) {
  const Assembler code = assemble_file_learner(layout, memory_fd, prog_fd, link_fd);
  ProgLoad load;
  load.type = ProgType::raw_tracepoint;
  load.insns = code.code();
  load.name = kName;
  const auto [learner, error] = load_own_prog(load);
  if (error) return {error, {}};
  // On this thread, which has the process's files.
  const auto [ran, not_run] = prog_test_run(learner.get(), {});
  if (not_run) return {not_run, {}};
  FileMemory memory = {};
  if (const SysError failed = map_lookup(memory_fd, 0, &memory)) return {failed, {}};
  const auto [prog, link, map] = memory;
  const bool known = ran.returned == 1 && prog != 0 && link != 0 && map != 0 && prog != link && link != map && prog != map;
  if (!known) return {{ENOENT, "bpf(BPF_PROG_TEST_RUN)"}, "no way to tell the kinds of files"};
  return {};
}

}  // namespace bpftop
