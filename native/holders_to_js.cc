// One reading is one work item of libuv's pool; it keeps alive what it needs, as a pass of the sampler does (addon.cc). A
// file is a place in four columns: a host may have thousands, and JavaScript's thread is to make no object of each.
#include "holders_to_js.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/file_iterator.h"
#include "js.h"
#include "napi_error.h"

namespace bpftop {
namespace {

constexpr double kNsPerSecond = 1e9;

/// Shared by the JavaScript object and the reading under way; whoever goes last closes the fds.
struct Session {
  FileIterator iterator;
  /// A reading is under way. Read and written on JavaScript's thread alone.
  bool busy = false;
};

/// Null where JavaScript can't run any more, or has no memory.
napi_value files_to_js(napi_env env, const std::vector<FileRecord>& files) {
  std::vector<uint32_t> pids, ids;
  std::vector<uint8_t> kinds;
  std::vector<double> started;
  for (auto* column : {&pids, &ids}) column->reserve(files.size());
  kinds.reserve(files.size());
  started.reserve(files.size());
  // As the kernel does it for /proc/PID/stat (nsec_to_clock_t).
  const auto tick_ns = static_cast<uint64_t>(kNsPerSecond / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  for (const FileRecord& file : files) {
    pids.push_back(file.tgid);
    kinds.push_back(static_cast<uint8_t>(file.kind));
    ids.push_back(file.id);
    started.push_back(static_cast<double>(file.start_boottime / tick_ns));
  }
  Js js(env);
  const napi_value object = js.object();
  js.set(object, "pids", js.column(napi_uint32_array, pids));
  js.set(object, "startTicks", js.column(napi_float64_array, started));
  js.set(object, "kinds", js.column(napi_uint8_array, kinds));
  js.set(object, "ids", js.column(napi_uint32_array, ids));
  return js.ok() ? object : nullptr;
}

void reject(napi_env env, napi_deferred deferred, const SysError& error, std::string_view detail = {}) {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
}

/// Owns itself between `start` and `complete`.
class Reading {
 public:
  /// False: Node refused, and nothing was started.
  static bool start(napi_env env, napi_deferred deferred, std::shared_ptr<Session> session) {
    auto reading = std::unique_ptr<Reading>(new Reading(deferred, std::move(session)));
    napi_value name;
    if (napi_create_string_utf8(env, "bpftop.Holders", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
    if (napi_create_async_work(env, nullptr, name, execute, complete, reading.get(), &reading->work_) != napi_ok)
      return false;
    if (napi_queue_async_work(env, reading->work_) != napi_ok) {
      napi_delete_async_work(env, reading->work_);
      return false;
    }
    reading.release()->session_->busy = true;
    return true;
  }

 private:
  Reading(napi_deferred deferred, std::shared_ptr<Session> session) : deferred_(deferred), session_(std::move(session)) {}

  /// On a pool thread: no JavaScript here.
  static void execute(napi_env, void* data) {
    auto* reading = static_cast<Reading*>(data);
    reading->refusal_ = reading->session_->iterator.read(reading->files_);
  }

  /// Back on JavaScript's thread, also when the environment is being torn down: then nothing here does anything.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
    reading->session_->busy = false;
    napi_delete_async_work(env, reading->work_);
    if (reading->refusal_) {
      reject(env, reading->deferred_, reading->refusal_.error, reading->refusal_.detail);
    } else if (const napi_value files = files_to_js(env, reading->files_)) {
      napi_resolve_deferred(env, reading->deferred_, files);
    } else {
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, reading->deferred_, {ENOMEM, "Holders.read"}, "no memory for the result");
    }
  }

  napi_deferred deferred_;
  napi_async_work work_ = nullptr;
  std::shared_ptr<Session> session_;
  std::vector<FileRecord> files_;
  Refusal refusal_;
};

class JsHolders : public Napi::ObjectWrap<JsHolders> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Holders",
                       {
                           InstanceMethod<&JsHolders::read>("read"),
                           InstanceMethod<&JsHolders::close>("close"),
                       });
  }

  explicit JsHolders(const Napi::CallbackInfo& info) : ObjectWrap(info), session_(std::make_shared<Session>()) {}

 private:
  Napi::Value read(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    if (session_ == nullptr) {
      reject(env, deferred, {EBADF, "Holders.read"}, "it is closed");
    } else if (session_->busy) {
      reject(env, deferred, {EBUSY, "Holders.read"}, "a reading is under way");
    } else if (!Reading::start(env, deferred, session_)) {
      reject(env, deferred, {ENOMEM, "Holders.read"}, "Node could not start it");
    }
    return {env, promise};
  }

  void close(const Napi::CallbackInfo&) { session_.reset(); }

  /// Null: closed.
  std::shared_ptr<Session> session_;
};

}  // namespace

void define_holders(Napi::Env env, Napi::Object exports) {
  exports.Set("Holders", JsHolders::define(env));
}

}  // namespace bpftop
