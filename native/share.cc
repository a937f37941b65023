#include "share.h"

#include <grp.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/bpf_syscall.h"
#include "core/bpffs.h"
#include "core/prog_iterator.h"
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
  exports.Set("groupId", Napi::Function::New<group_id>(env, "groupId"));
  exports.Set("groupName", Napi::Function::New<group_name>(env, "groupName"));
}

}  // namespace bpftop
