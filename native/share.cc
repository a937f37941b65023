#include "share.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/bpf_syscall.h"
#include "core/bpffs.h"
#include "core/prog_iterator.h"
#include "core/unique_fd.h"
#include "napi_error.h"

namespace bpftop {
namespace {

/// The only argument, which must be a string; else throws and gives an empty one.
std::string text_of(const Napi::CallbackInfo& info) {
  if (info[0].IsString()) return info[0].As<Napi::String>().Utf8Value();
  Napi::TypeError::New(info.Env(), "a string is wanted").ThrowAsJavaScriptException();
  return {};
}

void throw_if(const Napi::CallbackInfo& info, const SysError& error, const std::string& detail) {
  if (error) throw_system_error(info.Env(), error, detail);
}

/// mountBpffs(dir)
void mount_bpffs(const Napi::CallbackInfo& info) {
  const std::string dir = text_of(info);
  if (!info.Env().IsExceptionPending()) throw_if(info, bpftop::mount_bpffs(dir), dir);
}

/// unmount(dir)
void unmount(const Napi::CallbackInfo& info) {
  const std::string dir = text_of(info);
  if (!info.Env().IsExceptionPending()) throw_if(info, bpftop::unmount(dir), dir);
}

/// pinIterator(path)
void pin_iterator(const Napi::CallbackInfo& info) {
  const std::string path = text_of(info);
  if (info.Env().IsExceptionPending()) return;
  ProgIterator iterator;
  Refusal refusal = iterator.open();
  if (!refusal) refusal = iterator.pin(path);
  throw_if(info, refusal.error, refusal.detail);
}

/// A write lock on all of a file, of fcntl(2): one process has it, and it goes with that process.
struct flock whole_file() {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

/// lock(path): an fd, the caller's, on a file made for it; null: another process has it.
Napi::Value lock(const Napi::CallbackInfo& info) {
  const std::string path = text_of(info);
  if (info.Env().IsExceptionPending()) return {};
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd) {
    throw_if(info, {errno, "open"}, path);
    return {};
  }
  struct flock wanted = whole_file();
  if (::fcntl(fd.get(), F_SETLK, &wanted) == 0) {
    // Who had it may have removed the file before giving it up: then it is another's to lock by now, or nobody's.
    struct stat locked = {}, there = {};
    const bool same = ::fstat(fd.get(), &locked) == 0 && ::lstat(path.c_str(), &there) == 0 &&
                      locked.st_ino == there.st_ino && locked.st_dev == there.st_dev;
    return same ? Napi::Number::New(info.Env(), fd.release()) : info.Env().Null();
  }
  if (errno == EACCES || errno == EAGAIN) return info.Env().Null();
  throw_if(info, {errno, "fcntl(F_SETLK)"}, path);
  return {};
}

/// lockHolder(path): a pid; null: nobody has it; "unknown": it is of another pid namespace.
Napi::Value lock_holder(const Napi::CallbackInfo& info) {
  const std::string path = text_of(info);
  if (info.Env().IsExceptionPending()) return {};
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct flock found = whole_file();
  if (!fd || ::fcntl(fd.get(), F_GETLK, &found) != 0) {
    throw_if(info, {errno, fd ? "fcntl(F_GETLK)" : "open"}, path);
    return {};
  }
  if (found.l_type == F_UNLCK) return info.Env().Null();
  if (found.l_pid <= 0) return Napi::String::New(info.Env(), "unknown");
  return Napi::Number::New(info.Env(), found.l_pid);
}

/// enableStats(): an fd, the caller's.
Napi::Value enable_stats(const Napi::CallbackInfo& info) {
  auto [fd, error] = bpftop::enable_stats();
  if (!error) return Napi::Number::New(info.Env(), fd.release());
  throw_if(info, error, {});
  return {};
}

/// What the system has of a group, from wherever it keeps its groups (nsswitch.conf).
struct Group {
  bool found = false;
  gid_t id = 0;
  std::string name;
};

/// `ask` is getgrnam_r or getgrgid_r, with what is asked for. Not found is no error.
template <typename Ask>
Group find_group(const Napi::CallbackInfo& info, const char* call, Ask ask) {
  std::vector<char> text(1 << 16);
  group entry = {};
  group* found = nullptr;
  int error = 0;
  // A group with so many members that they don't fit is a group all the same, but how large a buffer it wants isn't told.
  while ((error = ask(&entry, text.data(), text.size(), &found)) == ERANGE && text.size() < 1 << 26)
    text.resize(text.size() * 2);
  if (found != nullptr) return {true, entry.gr_gid, entry.gr_name};
  // Of these, getgrnam(3) says that they mean "not found", as 0 does.
  if (error != 0 && error != ENOENT && error != ESRCH && error != EBADF && error != EPERM)
    throw_system_error(info.Env(), {error, call});
  return {};
}

/// groupId(name)
Napi::Value group_id(const Napi::CallbackInfo& info) {
  const std::string name = text_of(info);
  if (info.Env().IsExceptionPending()) return {};
  const Group group = find_group(info, "getgrnam_r", [&](auto... out) { return ::getgrnam_r(name.c_str(), out...); });
  return group.found ? Napi::Number::New(info.Env(), group.id) : info.Env().Null();
}

/// groupName(id)
Napi::Value group_name(const Napi::CallbackInfo& info) {
  const gid_t id = info[0].IsNumber() ? info[0].As<Napi::Number>().Uint32Value() : 0;
  const Group group = find_group(info, "getgrgid_r", [&](auto... out) { return ::getgrgid_r(id, out...); });
  return group.found ? Napi::String::New(info.Env(), group.name) : info.Env().Null();
}

}  // namespace

void define_share(Napi::Env env, Napi::Object exports) {
  exports.Set("mountBpffs", Napi::Function::New<mount_bpffs>(env, "mountBpffs"));
  exports.Set("unmount", Napi::Function::New<unmount>(env, "unmount"));
  exports.Set("pinIterator", Napi::Function::New<pin_iterator>(env, "pinIterator"));
  exports.Set("enableStats", Napi::Function::New<enable_stats>(env, "enableStats"));
  exports.Set("lock", Napi::Function::New<lock>(env, "lock"));
  exports.Set("lockHolder", Napi::Function::New<lock_holder>(env, "lockHolder"));
  exports.Set("groupId", Napi::Function::New<group_id>(env, "groupId"));
  exports.Set("groupName", Napi::Function::New<group_name>(env, "groupName"));
}

}  // namespace bpftop
