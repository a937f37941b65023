// setns(2) moves one thread. Each namespace is held open only while it is being read: an fd of it would keep it.
#include "core/netns.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/deadline.h"
#include "core/files.h"

namespace bpftop {
namespace {

/// For all namespaces; and what the thread may need beyond it, since a call of the kernel can't be broken off.
constexpr uint32_t kReadMs = 3000, kGraceMs = 2000;
constexpr size_t kStackBytes = 1 << 19;

/// A file, whatever it is called.
struct FileId {
  dev_t dev = 0;
  ino_t ino = 0;
};

std::optional<FileId> stat_of(int dir, const char* path, int flags = 0) {
  struct stat stat = {};
  if (::fstatat(dir, path, &stat, flags) != 0) return std::nullopt;
  return FileId{stat.st_dev, stat.st_ino};
}

std::optional<FileId> stat_of(int fd) {
  return stat_of(fd, "", AT_EMPTY_PATH);
}

/// Word number `at` of a line, counted from 0; empty: there is none.
std::string_view word_of(std::string_view line, int at) {
  for (; at > 0; at--) {
    const size_t blank = line.find(' ');
    if (blank == line.npos) return {};
    line.remove_prefix(blank + 1);
  }
  return line.substr(0, line.find(' '));
}

/// `ip netns`'s names before others, then the shorter ones.
bool is_better_path(std::string_view path, std::string_view other) {
  const auto is_ip = [](std::string_view any) { return any.starts_with("/run/netns/"); };
  return is_ip(path) != is_ip(other) ? is_ip(path) : path.size() < other.size();
}

/// Where network namespaces are mounted, by inode: lines of proc_pid_mountinfo(5) such as
/// `98 25 0:4 net:[4026532177] /run/netns/blue rw shared:50 - nsfs nsfs rw`.
std::map<uint32_t, std::string> read_mounts(const std::string& mountinfo) {
  std::map<uint32_t, std::string> paths;
  FILE* file = ::fopen(mountinfo.c_str(), "re");
  if (file == nullptr) return paths;
  char* buffer = nullptr;
  size_t room = 0;
  ssize_t len;
  while ((len = ::getline(&buffer, &room, file)) > 0) {
    const std::string_view line(buffer, static_cast<size_t>(len));
    const std::string_view root = word_of(line, 3);
    if (!root.starts_with("net:[")) continue;
    const auto ino = static_cast<uint32_t>(std::strtoul(std::string(root.substr(5)).c_str(), nullptr, 10));
    std::string path = unescape_octal(word_of(line, 4));
    std::string& known = paths[ino];
    if (known.empty() || is_better_path(path, known)) known = std::move(path);
  }
  std::free(buffer);
  ::fclose(file);
  return paths;
}

/// Goes from namespace to namespace; for a thread that ends with it.
class Tour {
 public:
  explicit Tour(const NetnsSearch& search) : search_(search) {}

  NetNamespaces go() {
    const bool elsewhere = !search_.home.empty();
    const std::string home = search_.proc_root + "/" + (elsewhere ? search_.home : "thread-self");
    UniqueFd own(::open((home + "/ns/net").c_str(), O_RDONLY | O_CLOEXEC));
    const auto here = own ? stat_of(own.get()) : std::nullopt;
    if (!here && !elsewhere) note({errno, "open(ns/net)"});
    // The home process hides its own: then none is the own one.
    if (!here && elsewhere) found_.hidden++;
    mounts_ = read_mounts(home + "/mountinfo");
    // Whoever asks is in its own one.
    if (!elsewhere) {
      read(here.value_or(FileId{}), own.get(), true);
    } else if (here) {
      enter(*here, own.get(), true);
    }
    own.reset();
    const auto nsfs = here ? here : stat_of(AT_FDCWD, "/proc/thread-self/ns/net");
    if (!nsfs) return std::move(found_);
    nsfs_ = nsfs->dev;
    // What is mounted where the home process sees it is there for this one by way of that process's root.
    const std::string root = elsewhere ? home + "/root" : "";
    for (const auto& [ino, path] : mounts_)
      if (const SysError error = visit(AT_FDCWD, (root + path).c_str()); !is_gone(error.err)) note(error);
    visit_processes();
    return std::move(found_);
  }

 private:
  void visit_processes() {
    const Dir proc(::opendir(search_.proc_root.c_str()));
    if (!proc) return note({errno, "open(/proc)"});
    while (const dirent* entry = ::readdir(proc.get())) {
      if (!number_in(entry->d_name)) continue;
      const std::string path = std::string(entry->d_name) + "/ns/net";
      if (const SysError error = visit(::dirfd(proc.get()), path.c_str()); error && !is_gone(error.err)) found_.hidden++;
      if (is_late_) return;
    }
  }

  /// Reads the namespace of that name, if it is one, and a new one; an error is that it can't be told which one it is.
  SysError visit(int dir, const char* path) {
    if (is_late()) return {};
    // Before it is opened: anything may be mounted over a namespace's file.
    const auto there = stat_of(dir, path);
    if (!there) return {errno, "stat(ns/net)"};
    if (there->dev != nsfs_ || seen_.contains(there->ino)) return {};
    const UniqueFd fd(::openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    const auto opened = fd ? stat_of(fd.get()) : std::nullopt;
    if (!opened) return {errno, "open(ns/net)"};
    if (opened->dev != there->dev || opened->ino != there->ino) return {};
    enter(*there, fd.get(), false);
    return {};
  }

  void enter(FileId file, int fd, bool own) {
    seen_.insert(file.ino);
    if (::setns(fd, CLONE_NEWNET) != 0) {
      note({errno, "setns(CLONE_NEWNET)"});
    } else {
      read(file, fd, own);
    }
  }

  /// Of the namespace that this thread is in now.
  void read(FileId file, int fd, bool own) {
    auto [attachments, error] = read_net_attachments(fd, deadline_);
    note(error);
    Netns netns;
    netns.ino = static_cast<uint32_t>(file.ino);
    netns.own = own;
    netns.complete = !error;
    if (const auto mount = mounts_.find(netns.ino); mount != mounts_.end()) netns.path = mount->second;
    netns.attachments = std::move(attachments);
    seen_.insert(file.ino);
    if (own || !netns.path.empty() || !netns.attachments.empty()) found_.all.push_back(std::move(netns));
  }

  bool is_late() {
    if (!is_late_ && deadline_.passed()) {
      is_late_ = true;
      note({ETIMEDOUT, "reading network namespaces"});
    }
    return is_late_;
  }

  void note(const SysError& error) {
    if (!error) return;
    found_.unread++;
    if (!found_.error) found_.error = error;
  }

  const NetnsSearch search_;
  const Deadline deadline_{kReadMs};
  /// The file system of all namespaces.
  dev_t nsfs_ = 0;
  std::map<uint32_t, std::string> mounts_;
  std::unordered_set<ino_t> seen_;
  bool is_late_ = false;
  NetNamespaces found_;
};

/// Threads that nobody waits for any more.
std::atomic<int> stuck = 0;

/// What the thread and the one who waits for it share; it stays until both are done with it.
struct Errand {
  enum State { under_way, finished, given_up };
  std::atomic<State> state = under_way;
  /// Readable when it is finished.
  UniqueFd bell{::eventfd(0, EFD_CLOEXEC)};
  NetnsSearch search;
  NetNamespaces found;
};

void* run(void* data) {
  const std::unique_ptr<std::shared_ptr<Errand>> held(static_cast<std::shared_ptr<Errand>*>(data));
  Errand& errand = **held;
  errand.found = Tour(errand.search).go();
  if (errand.state.exchange(Errand::finished) == Errand::given_up) stuck--;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t rung = ::write(errand.bell.get(), &one, sizeof one);
  return nullptr;
}

/// Whether it was finished in time.
bool wait_for(Errand& errand) {
  const Deadline deadline(kReadMs + kGraceMs);
  pollfd bell = {errand.bell.get(), POLLIN, 0};
  while (!deadline.passed())
    if (::poll(&bell, 1, deadline.left_ms()) > 0) return true;
  stuck++;
  if (errand.state.exchange(Errand::given_up) == Errand::under_way) return false;
  stuck--;
  return true;
}

}  // namespace

Result<NetNamespaces> read_net_namespaces(NetnsSearch search) {
  constexpr const char* kWhat = "reading network namespaces";
  if (stuck > 0) return {{}, {EBUSY, kWhat}};
  auto errand = std::make_shared<Errand>();
  if (!errand->bell) return {{}, {errno, "eventfd"}};
  errand->search = std::move(search);
  // pthread_create(3) says what is wrong, where std::thread throws.
  auto held = std::make_unique<std::shared_ptr<Errand>>(errand);
  pthread_attr_t attr;
  ::pthread_attr_init(&attr);
  ::pthread_attr_setstacksize(&attr, kStackBytes);
  pthread_t thread;
  const int err = ::pthread_create(&thread, &attr, run, held.get());
  ::pthread_attr_destroy(&attr);
  if (err != 0) return {{}, {err, "pthread_create"}};
  [[maybe_unused]] auto* with_the_thread = held.release();
  if (wait_for(*errand)) {
    ::pthread_join(thread, nullptr);
    return {std::move(errand->found), {}};
  }
  ::pthread_detach(thread);
  return {{}, {ETIMEDOUT, kWhat}};
}

}  // namespace bpftop
