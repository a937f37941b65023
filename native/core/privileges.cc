// To the kernel each thread has privileges of its own, and only it may give them up: so each is sent a signal, whose handler
// does it. The C library does the same for setuid(2), but not for capabilities; it keeps a signal for that which no thread
// can block, as it hides it from sigprocmask(2). Node has threads that block all others.
#include "core/privileges.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <semaphore.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>
#include <vector>

#include "core/files.h"

namespace bpftop {
namespace {

/// glibc's SIGSETXID; musl's SIGCANCEL, which is for pthread_cancel(3): nothing here calls that.
constexpr int kUnblockable = 33;
constexpr size_t kKernelSigset = 8;
/// As much as a thread may take: it answers at once, unless the kernel holds it in a call.
constexpr int kPatienceMs = 5000, kPollMs = 20;

/// What handlers read and write. Static: a handler that comes late must find it.
struct Order {
  Privileges left;
  std::atomic<int> err{0};
  std::atomic<const char*> call{""};
  std::atomic<pid_t> thread{0};
  sem_t done;
} order;

/// A system call of this thread alone: the C library's would tell all threads, and may take locks.
bool call(const char* name, int64_t number, int64_t first, int64_t second = 0, int64_t third = 0) {
  if (::syscall(number, first, second, third, INT64_C(0), INT64_C(0)) == 0) return true;
  int none = 0;
  if (order.err.compare_exchange_strong(none, errno)) {
    order.call = name;
    order.thread = static_cast<pid_t>(::syscall(SYS_gettid));
  }
  return false;
}

bool become(uid_t id) {
  // Else becoming another than root takes all capabilities.
  return call("setgroups", SYS_setgroups, 0) && call("setresgid", SYS_setresgid, id, id, id) &&
         call("prctl(PR_SET_KEEPCAPS)", SYS_prctl, PR_SET_KEEPCAPS, 1) && call("setresuid", SYS_setresuid, id, id, id) &&
         call("prctl(PR_SET_KEEPCAPS)", SYS_prctl, PR_SET_KEEPCAPS, 0);
}

bool keep_capabilities(uint64_t wanted) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  const auto at = reinterpret_cast<int64_t>(&header), sets_at = reinterpret_cast<int64_t>(sets);
  if (!call("capget", SYS_capget, at, sets_at)) return false;
  for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
    sets[i].permitted &= static_cast<uint32_t>(wanted >> (32 * i));
    sets[i].effective = sets[i].permitted;
    sets[i].inheritable = 0;
  }
  return call("capset", SYS_capset, at, sets_at);
}

/// In the calling thread.
void drop_here() {
  // Who lacks CAP_SETPCAP can't empty it: with no_new_privs nothing is gained by what is left.
  for (int64_t cap = 0; ::syscall(SYS_prctl, PR_CAPBSET_READ, cap) >= 0; cap++) ::syscall(SYS_prctl, PR_CAPBSET_DROP, cap);
  const bool became = !order.left.id || become(*order.left.id);
  if (!became || !keep_capabilities(order.left.capabilities)) return;
  if (call("prctl(PR_CAP_AMBIENT)", SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL))
    call("prctl(PR_SET_NO_NEW_PRIVS)", SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
}

void on_signal(int) {
  const int kept = errno;
  drop_here();
  ::sem_post(&order.done);
  errno = kept;
}

/// The handler of a signal that the C library doesn't let one handle, while this lives.
class Handler {
 public:
  Handler() {
    // The kernel's form of it differs between architectures, and the C library fills it in: for another signal.
    struct sigaction own = {}, others = {};
    own.sa_handler = on_signal;
    own.sa_flags = SA_RESTART;
    ::sigfillset(&own.sa_mask);
    Raw raw;
    ok_ = ::sigaction(SIGRTMAX, &own, &others) == 0 && raw_sigaction(SIGRTMAX, nullptr, &raw) &&
          ::sigaction(SIGRTMAX, &others, nullptr) == 0 && raw_sigaction(kUnblockable, &raw, &before_);
  }
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;
  ~Handler() {
    if (ok_) raw_sigaction(kUnblockable, &before_, nullptr);
  }

  explicit operator bool() const { return ok_; }
  /// Leaves it there: a thread may still be about to call it.
  void stay() { ok_ = false; }

 private:
  /// Room for the kernel's struct sigaction, of which some 32 bytes are used.
  struct Raw {
    uint64_t words[16] = {};
  };
  static bool raw_sigaction(int signal, const Raw* next, Raw* now) {
    return ::syscall(SYS_rt_sigaction, signal, next, now, kKernelSigset) == 0;
  }

  Raw before_;
  bool ok_ = false;
};

bool has_ended(pid_t thread) {
  return ::syscall(SYS_tgkill, ::getpid(), thread, 0) != 0 && errno == ESRCH;
}

/// False: it doesn't answer.
bool wait_for(pid_t thread) {
  for (int waited = 0; waited < kPatienceMs; waited += kPollMs) {
    timespec until = {};
    ::clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += kPollMs * 1'000'000;
    until.tv_sec += until.tv_nsec / 1'000'000'000;
    until.tv_nsec %= 1'000'000'000;
    if (::sem_timedwait(&order.done, &until) == 0) return true;
    if (!has_ended(thread)) continue;
    // It may have answered first: the next one's answer is its own.
    ::sem_trywait(&order.done);
    return true;
  }
  return false;
}

/// This process's threads.
SysError list_threads(std::vector<pid_t>& threads) {
  threads.clear();
  const Dir dir = list_dir(UniqueFd(::open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!dir) return {errno, "open(/proc/self/task)"};
  while (const dirent* entry = ::readdir(dir.get()))
    if (const auto id = number_in(entry->d_name)) threads.push_back(static_cast<pid_t>(*id));
  return {};
}

}  // namespace

DropError drop_privileges(const Privileges& left) {
  order.left = left;
  ::sem_init(&order.done, 0, 0);
  Handler handler;
  if (!handler) return {{errno, "rt_sigaction"}, 0};
  const auto self = static_cast<pid_t>(::syscall(SYS_gettid));
  std::vector<pid_t> threads, dropped;
  // One that has not given them up yet may begin another, which has them too.
  for (bool found = true; found;) {
    found = false;
    if (const SysError error = list_threads(threads)) return {error, 0};
    for (const pid_t thread : threads) {
      if (std::find(dropped.begin(), dropped.end(), thread) != dropped.end()) continue;
      found = true;
      dropped.push_back(thread);
      if (thread == self) {
        drop_here();
      } else if (::syscall(SYS_tgkill, ::getpid(), thread, kUnblockable) == 0 && !wait_for(thread)) {
        handler.stay();
        return {{ETIMEDOUT, "tgkill"}, thread};
      }
      if (order.err != 0) return {{order.err, order.call}, order.thread};
    }
  }
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return {{errno, "prctl(PR_SET_DUMPABLE)"}, self};
  return {};
}

}  // namespace bpftop
