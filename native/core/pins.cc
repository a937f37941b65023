// /proc/PID/mountinfo of one process a mount namespace -> /proc/PID/root/MOUNTPOINT -> the files in there.
//
// The way to a mount goes through what others have mounted, and may end in a file system that answers late or never. So it
// is walked with RESOLVE_CACHED (a mount keeps the directories above it in the cache: nothing has to be asked), and whose
// mount came out is looked up without asking it. In the bpffs itself nothing but its own directories and plain files is
// opened.
#include "core/pins.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "core/bpf_syscall.h"
#include "core/deadline.h"
#include "core/files.h"

namespace bpftop {
namespace {

constexpr uint32_t kBpffsMagic = 0xcafe4a11;
/// Directories below each other; an open fd each.
constexpr int kMostDepth = 32;
/// Of all paths together.
constexpr size_t kMostPathBytes = 16 << 20;
/// 40 000 mounts of a usual length.
constexpr size_t kMostMountinfoBytes = 8 << 20;
/// Processes of one namespace to try: one may end, or have a root of its own.
constexpr size_t kMostTries = 8;

/// A process, by its directory in procfs.
using Pid = std::string;

/// A mount namespace and who is in it, oldest first.
struct Namespace {
  bool is_home = false;
  std::vector<Pid> pids;
};

/// A bpffs, or a part of one, in the mount table of a namespace.
struct Mount {
  /// As the kernel writes it, `major:minor`: which bpffs it is.
  std::string dev;
  /// Which directory of the bpffs is mounted, `/` for all of it.
  std::string root;
  std::string point;
  /// Another file system stands on the way to it that may take as long as it likes.
  bool may_wait = false;
  const Namespace* in = nullptr;
};

bool is_refused(int err) {
  return err == EPERM || err == EACCES;
}

bool is_below(std::string_view path, std::string_view dir) {
  return dir == "/" || (path.starts_with(dir) && (path.size() == dir.size() || path[dir.size()] == '/'));
}

std::string join(std::string_view dir, std::string_view name) {
  std::string path(dir);
  if (!path.ends_with('/')) path += '/';
  return path.append(name);
}

/// File systems whose directories are looked up in a process, or on another machine.
bool asks_others(std::string_view type) {
  constexpr std::string_view kTypes[] = {"fuse", "nfs", "cifs", "smb3", "9p", "ceph", "afs", "virtiofs", "autofs", "lustre"};
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](auto each) { return type.starts_with(each); });
}

/// The first bytes of a file of a process, empty with errno where it can't be read.
std::string read_file(int proc, const std::string& path, size_t most) {
  errno = 0;
  const UniqueFd fd(::openat(proc, path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string text;
  if (!fd) return text;
  std::array<char, 16384> part;
  while (text.size() < most) {
    const ssize_t got = ::read(fd.get(), part.data(), std::min(part.size(), most - text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(part.data(), static_cast<size_t>(got));
  }
  return text;
}

/// What a symbolic link says; empty with errno where it can't be read.
std::string read_link(int dir, const std::string& path) {
  char text[128];
  const ssize_t length = ::readlinkat(dir, path.c_str(), text, sizeof text);
  return length < 0 ? std::string() : std::string(text, static_cast<size_t>(length));
}

/// The mounts of a bpffs in a mount table (proc_pid_mountinfo(5)): id, parent, device, root, point, options, any number of
/// fields, `-`, type.
std::vector<Mount> bpffs_mounts(std::string_view table, const Namespace& in) {
  std::vector<Mount> found;
  std::vector<std::string> waiting;
  while (!table.empty()) {
    const std::string_view line = table.substr(0, table.find('\n'));
    table.remove_prefix(std::min(table.size(), line.size() + 1));
    const size_t dash = line.find(" - ");
    if (dash == line.npos) continue;
    const std::string_view type = line.substr(dash + 3, line.find(' ', dash + 3) - (dash + 3));
    const bool is_bpffs = type == "bpf";
    if (!is_bpffs && !asks_others(type)) continue;
    std::array<std::string_view, 5> words;
    std::string_view rest = line;
    for (std::string_view& word : words) {
      word = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), word.size() + 1));
    }
    if (is_bpffs)
      found.push_back({std::string(words[2]), unescape_octal(words[3]), unescape_octal(words[4]), false, &in});
    else
      waiting.push_back(unescape_octal(words[4]));
  }
  for (Mount& mount : found)
    mount.may_wait = std::any_of(waiting.begin(), waiting.end(), [&](auto& each) { return is_below(mount.point, each); });
  return found;
}

/// The device of the mount that an fd is in, as `Mount::dev`; empty where the kernel doesn't tell. What it is on isn't
/// asked.
std::string device_of(int fd) {
  // struct statx (include/uapi/linux/stat.h).
  struct {
    uint8_t before[136];
    uint32_t dev_major;
    uint32_t dev_minor;
    uint8_t after[112];
  } stat = {};
  static_assert(sizeof stat == 256);
  constexpr int kDontSync = 0x4000, kEmptyPath = 0x1000;
  if (::syscall(SYS_statx, fd, "", kEmptyPath | kDontSync, 0u, &stat) < 0) return {};
  char text[32];
  std::snprintf(text, sizeof text, "%u:%u", stat.dev_major, stat.dev_minor);
  return text;
}

/// One reading.
class Reader {
 public:
  explicit Reader(const PinsSearch& search) : search_(search), deadline_(search.most_ms) {}

  Result<Pins> read() {
    proc_ = UniqueFd(::open(search_.proc_root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!proc_) return {{}, {errno, "open(/proc)"}};
    if (const SysError error = list_namespaces()) return {{}, error};
    std::vector<Mount> mounts;
    for (const Namespace& each : namespaces_) read_mounts(each, mounts);
    read_all(mounts);
    if (found_.pins.empty() && refused_) return {{}, refused_};
    return {std::move(found_), {}};
  }

 private:
  /// One of the limits is reached: nothing more is begun.
  bool is_over() {
    if (entries_ < search_.most_entries && path_bytes_ < kMostPathBytes && !deadline_.passed()) return false;
    return found_.cut_short = true;
  }

  void refuse(int err, const char* call) {
    if (is_refused(err) && !refused_) refused_ = {err, call};
  }

  /// Sorts all processes by mount namespace; that of `home` comes first.
  SysError list_namespaces() {
    std::map<std::string, size_t> index;
    const auto add = [&](const Pid& pid) {
      const std::string name = read_link(proc_.get(), pid + "/ns/mnt");
      if (name.empty()) {
        if (is_refused(errno)) found_.hidden++;
        return;
      }
      const auto [at, is_new] = index.emplace(name, namespaces_.size());
      if (is_new) namespaces_.push_back({namespaces_.empty() && pid == search_.home, {}});
      namespaces_[at->second].pids.push_back(pid);
    };
    add(search_.home);
    const Dir dir = list_dir(UniqueFd(::openat(proc_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
    if (!dir) return {errno, "open(/proc)"};
    std::vector<uint32_t> pids;
    while (const dirent* entry = ::readdir(dir.get())) {
      if (const auto pid = number_in(entry->d_name)) pids.push_back(*pid);
    }
    std::sort(pids.begin(), pids.end());
    for (const uint32_t pid : pids) {
      if (is_over()) break;
      add(std::to_string(pid));
    }
    return {};
  }

  /// Adds the mounts of a namespace. A process that has ended says nothing: then it is the next one's turn.
  void read_mounts(const Namespace& in, std::vector<Mount>& mounts) {
    for (size_t i = 0; i < std::min(in.pids.size(), kMostTries) && !is_over(); i++) {
      const std::string table = read_file(proc_.get(), in.pids[i] + "/mountinfo", kMostMountinfoBytes);
      if (table.empty()) {
        refuse(errno, "open(/proc/PID/mountinfo)");
        continue;
      }
      if (table.size() == kMostMountinfoBytes) found_.cut_short = true;
      for (Mount& each : bpffs_mounts(table, in)) mounts.push_back(std::move(each));
      return;
    }
  }

  /// Reads each bpffs once: where all of it is mounted before where a part is, and in the order of namespaces.
  void read_all(std::vector<Mount>& mounts) {
    std::stable_sort(mounts.begin(), mounts.end(), [](const Mount& a, const Mount& b) {
      return a.dev != b.dev ? a.dev < b.dev : a.root.size() < b.root.size();
    });
    // Of one bpffs.
    std::vector<const Mount*> failed;
    std::vector<const Mount*> done;
    const auto is_done = [&](const Mount& mount) {
      return std::any_of(done.begin(), done.end(), [&](auto each) { return is_below(mount.root, each->root); });
    };
    for (size_t i = 0; i < mounts.size(); i++) {
      const Mount& mount = mounts[i];
      if (!is_done(mount)) {
        if (is_over()) return;
        const Reached reached = read_mount(mount);
        if (reached == Reached::yes) done.push_back(&mount);
        if (reached == Reached::no) failed.push_back(&mount);
      }
      if (i + 1 < mounts.size() && mounts[i + 1].dev == mount.dev) continue;
      // Several mounts of one directory are one thing that can't be read.
      std::vector<std::string_view> roots;
      for (const Mount* each : failed)
        if (!is_done(*each)) roots.push_back(each->root);
      std::sort(roots.begin(), roots.end());
      found_.unreadable += static_cast<uint32_t>(std::unique(roots.begin(), roots.end()) - roots.begin());
      failed.clear();
      done.clear();
    }
  }

  enum class Reached {
    yes,
    no,
    /// All processes that have it have ended.
    gone
  };

  Reached read_mount(const Mount& mount) {
    Reached reached = Reached::gone;
    for (size_t i = 0; i < std::min(mount.in->pids.size(), kMostTries); i++) {
      const Pid& pid = mount.in->pids[i];
      UniqueFd dir = open_mount(mount, pid);
      if (!dir) {
        refuse(errno, "open(bpffs)");
        if (errno != ESRCH) reached = Reached::no;
        continue;
      }
      Pin pin;
      if (!mount.in->is_home) {
        pin.pid = number_in(pid);
        pin.comm = read_file(proc_.get(), pid + "/comm", 64);
        if (pin.comm.ends_with('\n')) pin.comm.pop_back();
      }
      read_dir(std::move(dir), mount.point, pin, 0);
      return Reached::yes;
    }
    return reached;
  }

  /// The directory that a bpffs is mounted on, as a process sees it, to be read. None, with errno: ESRCH where the process
  /// has ended, ENOENT also where something else is there (a mount on top, or a root of the process's own).
  UniqueFd open_mount(const Mount& mount, const Pid& pid) {
    const bool is_home = mount.in->is_home;
    if (mount.may_wait && !is_home) return fail(EAGAIN);
    const UniqueFd root(::openat(proc_.get(), (pid + "/root").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root) return fail(is_gone(errno) ? ESRCH : errno);
    const std::string relative = "." + mount.point;
    constexpr uint64_t kResolve = kInRoot | kNoSymlinks | kNoMagiclinks;
    const auto open_dir = [&](uint64_t more) {
      return open_at(root.get(), relative.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW, kResolve | more);
    };
    // In its home this process lives, and would be stuck already.
    const uint64_t cached = is_home ? 0 : kCached;
    UniqueFd dir = open_dir(cached);
    // Somebody was mounting or renaming at that moment.
    for (int tries = 3; !dir && errno == EAGAIN && tries > 0; tries--) dir = open_dir(cached);
    if (!dir && errno == EINVAL) dir = open_dir(0);
    if (!dir) return {};
    if (device_of(dir.get()) != mount.dev) return fail(ENOENT);
    struct statfs fs = {};
    if (::fstatfs(dir.get(), &fs) < 0) return {};
    if (static_cast<uint32_t>(fs.f_type) != kBpffsMagic) return fail(ENOENT);
    return open_at(dir.get(), ".", O_RDONLY | O_DIRECTORY, kNoXdev);
  }

  static UniqueFd fail(int err) {
    errno = err;
    return {};
  }

  /// Reads a directory and what is below it; `pin` says in which namespace.
  void read_dir(UniqueFd fd, const std::string& path, const Pin& pin, int depth) {
    const Dir dir = list_dir(std::move(fd));
    if (!dir) return lost(errno, "open(bpffs)");
    constexpr uint64_t kResolve = kBeneath | kNoXdev | kNoSymlinks | kNoMagiclinks;
    while (const dirent* entry = ::readdir(dir.get())) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (is_over()) return;
      entries_++;
      if (entry->d_type == DT_DIR && depth == kMostDepth) {
        found_.cut_short = true;
      } else if (entry->d_type == DT_DIR) {
        UniqueFd sub = open_at(::dirfd(dir.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, kResolve);
        if (sub)
          read_dir(std::move(sub), join(path, name), pin, depth + 1);
        else
          lost(errno, "open(bpffs)");
      } else if (entry->d_type == DT_REG) {
        // Not opened, which would run an iterator: only found.
        const UniqueFd file = open_at(::dirfd(dir.get()), entry->d_name, O_PATH | O_NOFOLLOW, kResolve);
        if (file)
          read_pin(file.get(), pin, path, name);
        else
          lost(errno, "open(bpffs)");
      }
    }
  }

  /// Counts what couldn't be read, unless it has gone or another file system is mounted on it (EXDEV).
  void lost(int err, const char* call) {
    refuse(err, call);
    if (!is_gone(err) && err != EXDEV) found_.unreadable++;
  }

  void read_pin(int file, Pin pin, const std::string& dir, std::string_view name) {
    const auto [fd, error] = obj_get(fd_path(file).c_str());
    if (error) return lost(error.err, error.call);
    const std::string kind = read_link(AT_FDCWD, fd_path(fd.get()));
    const auto unless_0 = [](uint32_t id) { return id == 0 ? std::nullopt : std::optional(id); };
    if (kind == "anon_inode:bpf-prog") {
      BpfProgInfo info = {};
      if (const SysError failed = prog_info_by_fd(fd.get(), info).error) return lost(failed.err, failed.call);
      pin.prog_id = unless_0(info.id);
    } else if (kind == "anon_inode:bpf-link" || kind == "anon_inode:bpf_link") {
      BpfLinkInfo info = {};
      if (const SysError failed = link_info_by_fd(fd.get(), info).error) return lost(failed.err, failed.call);
      pin.kind = Pin::Kind::link;
      pin.prog_id = unless_0(info.prog_id);
      if (info.type == static_cast<uint32_t>(LinkType::struct_ops)) pin.map_id = unless_0(info.struct_ops.map_id);
    }
    if (!pin.prog_id && !pin.map_id) return;
    pin.path = join(dir, name);
    path_bytes_ += pin.path.size();
    found_.pins.push_back(std::move(pin));
  }

  static std::string fd_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

  const PinsSearch& search_;
  const Deadline deadline_;
  UniqueFd proc_;
  std::vector<Namespace> namespaces_;
  Pins found_;
  uint32_t entries_ = 0;
  size_t path_bytes_ = 0;
  /// The first refusal.
  SysError refused_;
};

}  // namespace

Result<Pins> read_pins(const PinsSearch& search) {
  return Reader(search).read();
}

}  // namespace bpftop
