#include "share.h"

#include <grp.h>

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

/// groupId(name): the system's own answer, from wherever it keeps its groups (nsswitch.conf); null: there is no such group.
Napi::Value group_id(const Napi::CallbackInfo& info) {
  const std::string name = text_of(info);
  if (info.Env().IsExceptionPending()) return {};
  std::vector<char> text(1 << 16);
  group entry = {};
  group* found = nullptr;
  // A group with so many members that they don't fit is a group all the same, but how large a buffer it wants isn't told.
  int error = 0;
  while ((error = ::getgrnam_r(name.c_str(), &entry, text.data(), text.size(), &found)) == ERANGE && text.size() < 1 << 26)
    text.resize(text.size() * 2);
  if (found != nullptr) return Napi::Number::New(info.Env(), entry.gr_gid);
  // Of these, getgrnam(3) says that they mean "not found", as 0 does.
  if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM) return info.Env().Null();
  throw_if(info, {error, "getgrnam_r"}, name);
  return {};
}

}  // namespace

void define_share(Napi::Env env, Napi::Object exports) {
  exports.Set("mountBpffs", Napi::Function::New<mount_bpffs>(env, "mountBpffs"));
  exports.Set("unmount", Napi::Function::New<unmount>(env, "unmount"));
  exports.Set("pinIterator", Napi::Function::New<pin_iterator>(env, "pinIterator"));
  exports.Set("enableStats", Napi::Function::New<enable_stats>(env, "enableStats"));
  exports.Set("groupId", Napi::Function::New<group_id>(env, "groupId"));
}

}  // namespace bpftop
