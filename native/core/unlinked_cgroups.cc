// A walk over the directories of each cgroup2 mount, the upper levels first, and BPF_PROG_QUERY for each.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>
#include <deque>
#include <unordered_set>
#include <utility>

#include "core/deadline.h"
#include "core/files.h"
#include "core/unlinked.h"

namespace bpftop {
namespace {

// CGROUP2_SUPER_MAGIC of <linux/magic.h>.
constexpr int64_t kCgroup2 = 0x63677270;
constexpr SysError kLate = {ETIME, "bpf(BPF_PROG_QUERY)"};

class Walk {
 public:
  Walk(std::span<const uint32_t> attach_types, uint32_t limit_ms)
      : attach_types_(attach_types.begin(), attach_types.end()), deadline_(limit_ms) {}

  void mount(const CgroupMount& mount) {
    const UniqueFd top(::open(mount.point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!top) return miss({errno, "open"});
    // Something else may be mounted over it.
    struct statfs fs = {};
    if (::fstatfs(top.get(), &fs) != 0 || fs.f_type != kCgroup2) return miss({EBADF, "open(cgroup2)"});
    std::deque<std::string> paths = {"."};
    for (; !paths.empty() && !attach_types_.empty(); paths.pop_front()) {
      if (deadline_.passed()) return miss(kLate);
      directory(top.get(), paths.front(), mount.root, paths);
    }
  }

  Unlinked take() { return std::move(found_); }

 private:
  /// `path` is from the mount on, `.` for itself; what is in it is added to `paths`.
  void directory(int top, const std::string& path, const std::string& root, std::deque<std::string>& paths) {
    // Nothing that is mounted below, or that a symbolic link leads to: another file system may keep whoever asks it waiting
    // for ever.
    UniqueFd fd = open_at(top, path.c_str(), O_RDONLY | O_DIRECTORY, kNoXdev | kNoSymlinks);
    if (!fd) {
      // Removed meanwhile, or something else is mounted there.
      if (errno != ENOENT && errno != EXDEV) miss({errno, "openat2"});
      return;
    }
    struct stat status;
    if (::fstat(fd.get(), &status) < 0) return miss({errno, "fstat"});
    // The same part of the tree may be mounted twice.
    if (!seen_.insert(status.st_ino).second) return;
    const std::string below = path == "." ? "" : path;
    query(fd.get(), status.st_ino, below.empty() ? root : root + (root.ends_with('/') ? "" : "/") + below);

    const Dir dir = list_dir(std::move(fd));
    if (!dir) return miss({errno, "fdopendir"});
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string name = entry->d_name;
      if (entry->d_type == DT_DIR && name != "." && name != "..") paths.push_back(below.empty() ? name : below + "/" + name);
    }
  }

  void query(int fd, uint64_t id, const std::string& path) {
    for (size_t i = 0; i < attach_types_.size();) {
      const uint32_t attach_type = attach_types_[i];
      const auto [prog_ids, error] = query_prog_ids(fd, attach_type);
      if (error.err == EINVAL) {
        attach_types_.erase(attach_types_.begin() + static_cast<ptrdiff_t>(i));
        continue;
      }
      // ENODEV: removed meanwhile.
      if (error && error.err != ENODEV && error.err != ENOENT) miss(error);
      for (const uint32_t prog_id : prog_ids) {
        Link link;
        link.type = static_cast<uint32_t>(LinkType::cgroup);
        link.prog_id = prog_id;
        link.attach_type = attach_type;
        link.cgroup_id = id;
        link.name = path;
        found_.links.push_back(std::move(link));
      }
      i++;
    }
  }

  void miss(const SysError& error) {
    if (!found_.missed) found_.missed = error;
  }

  std::vector<uint32_t> attach_types_;
  Deadline deadline_;
  std::unordered_set<uint64_t> seen_;
  Unlinked found_;
};

}  // namespace

Unlinked find_cgroup_progs(std::span<const CgroupMount> mounts, std::span<const uint32_t> attach_types, uint32_t limit_ms) {
  Walk walk(attach_types, limit_ms);
  for (const CgroupMount& mount : mounts) walk.mount(mount);
  return walk.take();
}

}  // namespace bpftop
