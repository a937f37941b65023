// A reading that is a promise: one work item of libuv's pool, which owns all it needs. Nothing is global: each environment
// (main thread, workers) has its own objects, and a reading under way keeps alive what it reads with, so close(), garbage
// collection and the end of the environment may come at any moment.
#pragma once

#include <napi.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/refusal.h"
#include "core/sys_error.h"
#include "napi_error.h"

namespace bpftop {

inline void reject(napi_env env, napi_deferred deferred, const SysError& error, std::string_view detail = {}) {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
}

/// Reads a T away from JavaScript's thread. Owns itself between `queue` and `complete`.
template <typename T>
class Reading {
 public:
  /// Null where JavaScript can't run any more, or has no memory.
  using ToJs = napi_value (*)(napi_env, const T&);

  /// A promise of it, or of a SystemError. `read` gives a Result<T>, or fills a T and gives a Refusal, on a pool thread: no
  /// JavaScript there. `name` is a string literal. `busy`, if any, is true until it is done, on JavaScript's thread alone.
  template <typename Read>
  static Napi::Value start(Napi::Env env, const char* name, Read read, ToJs to_js, std::shared_ptr<bool> busy = {}) {
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    auto reading = std::unique_ptr<Reading>(new Reading(name, to_js, deferred, std::move(busy)));
    if constexpr (std::is_invocable_v<Read, T&>) {
      reading->read_ = std::move(read);
    } else {
      reading->read_ = [read = std::move(read)](T& value) -> Refusal {
        auto [found, error] = read();
        value = std::move(found);
        return {error, {}};
      };
    }
    if (reading->queue(env)) {
      if (reading->busy_) *reading->busy_ = true;
      [[maybe_unused]] const Reading* under_way = reading.release();
    } else {
      reject(env, deferred, {ENOMEM, name}, "Node could not start it");
    }
    return {env, promise};
  }

 private:
  Reading(const char* name, ToJs to_js, napi_deferred deferred, std::shared_ptr<bool> busy)
      : name_(name), to_js_(to_js), deferred_(deferred), busy_(std::move(busy)) {}

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
    reading->refusal_ = reading->read_(reading->value_);
  }

  /// Back on JavaScript's thread, also when the environment is being torn down (Node waits for its work); then every call
  /// that would run JavaScript fails, and the promise, which nobody can be waiting for, stays as it is.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
    if (reading->busy_) *reading->busy_ = false;
    napi_delete_async_work(env, reading->work_);
    if (reading->refusal_) {
      reject(env, reading->deferred_, reading->refusal_.error, reading->refusal_.detail);
    } else if (const napi_value value = reading->to_js_(env, reading->value_)) {
      napi_resolve_deferred(env, reading->deferred_, value);
    } else {
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, reading->deferred_, {ENOMEM, reading->name_}, "no memory for the result");
    }
  }

  const char* name_;
  std::function<Refusal(T&)> read_;
  ToJs to_js_;
  napi_deferred deferred_;
  std::shared_ptr<bool> busy_;
  napi_async_work work_ = nullptr;
  T value_{};
  Refusal refusal_;
};

/// What an object of JavaScript's reads with, again and again, one reading at a time: a Reader, shared with the reading
/// under way. Whoever goes last gives it back.
template <typename Reader>
class Session {
 public:
  template <typename... Args>
  void open(Args&&... args) {
    kept_ = std::make_shared<Kept>(std::forward<Args>(args)...);
  }

  void close() { kept_.reset(); }

  /// As Reading<T>::start, with `get(reader, value)`. Rejected with EBADF when it isn't open, with EBUSY while another one
  /// is under way.
  template <typename T, typename Get>
  Napi::Value read(Napi::Env env, const char* name, Get get, typename Reading<T>::ToJs to_js) {
    if (kept_ && !kept_->busy) {
      return Reading<T>::start(env, name, [kept = kept_, get](T& value) { return get(kept->reader, value); }, to_js,
                               {kept_, &kept_->busy});
    }
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    if (kept_)
      reject(env, deferred, {EBUSY, name}, "a reading is under way");
    else
      reject(env, deferred, {EBADF, name}, "it is closed");
    return {env, promise};
  }

 private:
  struct Kept {
    template <typename... Args>
    explicit Kept(Args&&... args) : reader(std::forward<Args>(args)...) {}
    Reader reader;
    bool busy = false;
  };
  std::shared_ptr<Kept> kept_;
};

}  // namespace bpftop
