// A reading that is a promise: one work item of libuv's pool, which owns all it needs; nothing is kept between two.
#pragma once

#include <napi.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "core/sys_error.h"
#include "napi_error.h"

namespace bpftop {

/// Reads a T away from JavaScript's thread. Owns itself between `queue` and `complete`.
template <typename T>
class Reading {
 public:
  /// On a pool thread: no JavaScript there.
  using Read = std::function<Result<T>()>;
  /// Null where JavaScript can't run any more, or has no memory.
  using ToJs = napi_value (*)(napi_env, const T&);

  /// A promise of it, or of a SystemError. `name` is a string literal.
  static Napi::Value start(Napi::Env env, const char* name, Read read, ToJs to_js) {
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    auto reading = std::unique_ptr<Reading>(new Reading(name, std::move(read), to_js, deferred));
    if (reading->queue(env)) {
      [[maybe_unused]] const Reading* under_way = reading.release();
    } else {
      reject(env, deferred, {ENOMEM, name}, "Node could not start it");
    }
    return {env, promise};
  }

 private:
  Reading(const char* name, Read read, ToJs to_js, napi_deferred deferred)
      : name_(name), read_(std::move(read)), to_js_(to_js), deferred_(deferred) {}

  /// False: Node refused, and nothing was started.
  bool queue(napi_env env) {
    const std::string full_name = std::string("bpftop.") + name_;
    napi_value name;
    if (napi_create_string_utf8(env, full_name.data(), full_name.size(), &name) != napi_ok) return false;
    if (napi_create_async_work(env, nullptr, name, execute, complete, this, &work_) != napi_ok) return false;
    if (napi_queue_async_work(env, work_) == napi_ok) return true;
    napi_delete_async_work(env, work_);
    return false;
  }

  static void execute(napi_env, void* data) {
    auto* reading = static_cast<Reading*>(data);
    reading->result_ = reading->read_();
  }

  /// Back on JavaScript's thread, also when the environment is being torn down: then nothing here does anything.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
    napi_delete_async_work(env, reading->work_);
    if (reading->result_.error) {
      reject(env, reading->deferred_, reading->result_.error);
    } else if (const napi_value value = reading->to_js_(env, reading->result_.value)) {
      napi_resolve_deferred(env, reading->deferred_, value);
    } else {
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, reading->deferred_, {ENOMEM, reading->name_}, "no memory for the result");
    }
  }

  static void reject(napi_env env, napi_deferred deferred, const SysError& error, const char* detail = "") {
    if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
  }

  const char* name_;
  Read read_;
  ToJs to_js_;
  napi_deferred deferred_;
  napi_async_work work_ = nullptr;
  Result<T> result_;
};

}  // namespace bpftop
