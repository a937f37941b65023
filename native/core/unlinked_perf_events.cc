// BPF_TASK_FD_QUERY for each fd of each process. To read first what each is (readlink) would cost more than to ask for what
// is none.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/deadline.h"
#include "core/files.h"
#include "core/unlinked.h"

namespace bpftop {
namespace {

constexpr SysError kLate = {ETIME, "bpf(BPF_TASK_FD_QUERY)"};

/// Fds between two looks at the clock.
constexpr uint32_t kAtOnce = 64;

Dir open_dir(int at, const char* path) {
  return list_dir(UniqueFd(::openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
}

/// enum bpf_perf_event_type of the same thing; 0: there is none.
uint32_t perf_type_of(TaskFdType type) {
  switch (type) {
    case TaskFdType::uprobe:
      return 1;
    case TaskFdType::uretprobe:
      return 2;
    case TaskFdType::kprobe:
      return 3;
    case TaskFdType::kretprobe:
      return 4;
    case TaskFdType::tracepoint:
      return 5;
    case TaskFdType::raw_tracepoint:
      break;
  }
  return 0;
}

class Search {
 public:
  explicit Search(uint32_t limit_ms) : deadline_(limit_ms) {}

  void all(const char* proc) {
    const Dir dir = open_dir(AT_FDCWD, proc);
    if (!dir) return miss({errno, "open"});
    if (!counts_as_here(::dirfd(dir.get()))) return miss({ESRCH, "readlink(/proc/self)"});
    while (const dirent* entry = ::readdir(dir.get())) {
      const auto pid = number_in(entry->d_name);
      if (!pid) continue;
      if (deadline_.passed()) return miss(kLate);
      process(::dirfd(dir.get()), *pid);
    }
  }

  Unlinked take() { return std::move(found_); }

 private:
  /// Whether the pids of that procfs are those of this process's pid namespace, by which the kernel is asked.
  static bool counts_as_here(int proc) {
    char self[16] = {};
    return ::readlinkat(proc, "self", self, sizeof self - 1) > 0 && self == std::to_string(::getpid());
  }

  void process(int proc, uint32_t pid) {
    const Dir dir = open_dir(proc, (std::to_string(pid) + "/fd").c_str());
    if (!dir) {
      if (!is_gone(errno)) miss({errno, "open"});
      return;
    }
    for (uint32_t seen = 1;; seen++) {
      errno = 0;
      const dirent* entry = ::readdir(dir.get());
      if (entry == nullptr) {
        if (errno != 0 && !is_gone(errno)) miss({errno, "readdir"});
        return;
      }
      if (seen % kAtOnce == 0 && deadline_.passed()) return miss(kLate);
      const auto fd = number_in(entry->d_name);
      if (fd && !event(pid, *fd)) return;
    }
  }

  /// False: this process may not be asked about.
  bool event(uint32_t pid, uint32_t fd) {
    const auto [told, error] = task_fd_query(pid, fd);
    // ENOTSUPP: no perf event, as nearly all. ENOENT and EBADF: one without a program, or closed meanwhile.
    constexpr int kEnotsupp = 524;
    if (error && !is_gone(error.err) && error.err != EBADF && error.err != kEnotsupp) miss(error);
    // A raw tracepoint is a link.
    if (error || told.type == TaskFdType::raw_tracepoint) return error.err != EPERM && error.err != EACCES;
    Link link;
    link.type = static_cast<uint32_t>(LinkType::perf_event);
    link.prog_id = told.prog_id;
    if (const uint32_t perf_type = perf_type_of(told.type)) link.perf_type = perf_type;
    if (!told.name.empty()) link.name = told.name;
    // As link_info has it: of a tracepoint there is none.
    if (told.type != TaskFdType::tracepoint && told.offset <= UINT32_MAX) link.offset = static_cast<uint32_t>(told.offset);
    found_.links.push_back(std::move(link));
    return true;
  }

  /// That an event's kind can't be told is the least that can be said.
  void miss(const SysError& error) {
    if (!found_.missed || found_.missed.err == EOPNOTSUPP) found_.missed = error;
  }

  Deadline deadline_;
  Unlinked found_;
};

}  // namespace

Unlinked find_perf_event_progs(const char* proc, uint32_t limit_ms) {
  Search search(limit_ms);
  search.all(proc);
  return search.take();
}

}  // namespace bpftop
