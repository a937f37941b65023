// The face of core for Node: class Sampler of src/addon.ts. Nothing here is global: each environment (main thread, workers)
// has its own class, and a pass under way keeps alive what it needs, so close(), garbage collection and the end of the
// environment may come at any moment.
//
// A pass runs on a thread of libuv's pool, not on JavaScript's. The hop there and back takes about 0.04 ms, little beside a
// walk (4 ms at 1 000 programs, 49 ms at 10 000) and a fifth of an iterator's pass at 1 000 (0.3 ms). It is worth it all the
// same: a key waits for nothing, not for the first pass (10 ms, BTF and the verifier), nor for 10 000 programs (5 ms), nor
// for 1 000 on 128 CPUs of a kernel without bpf_rdonly_cast (4 ms), nor when a pass falls back to the walk.
#include <fcntl.h>
#include <napi.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/sampler.h"
#include "core/unique_fd.h"
#include "holders_to_js.h"
#include "links_to_js.h"
#include "maps_to_js.h"
#include "names_to_js.h"
#include "napi_error.h"
#include "netns_to_js.h"
#include "pins_to_js.h"
#include "sample_to_js.h"
#include "share.h"

namespace bpftop {
namespace {

/// Shared by the JavaScript object and the pass under way; whoever goes last closes the fds.
struct Session {
  Session(bool enable_stats, SamplerOptions options) : sampler(enable_stats, std::move(options)) {}
  Sampler sampler;
  /// A pass is under way. Read and written on JavaScript's thread alone.
  bool busy = false;
};

/// What NativeBpf.Sampler's `sampler` says; undefined is "auto".
std::optional<SamplerChoice> choice_from_js(const Napi::Value& value) {
  if (value.IsUndefined()) return SamplerChoice::best;
  if (!value.IsString()) return std::nullopt;
  const std::string name = value.As<Napi::String>().Utf8Value();
  if (name == "auto") return SamplerChoice::best;
  if (name == "iterator") return SamplerChoice::iterator;
  if (name == "walk") return SamplerChoice::walk;
  return std::nullopt;
}

void reject(napi_env env, napi_deferred deferred, const SysError& error, std::string_view detail = {}) {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
}

/// One pass, from sample() to its promise's end. Owns itself between `start` and `complete`.
class Pass {
 public:
  /// Hands the pass to libuv's pool; the answer goes to `deferred`. False: Node refused, and nothing was started.
  static bool start(napi_env env, napi_deferred deferred, std::shared_ptr<Session> session) {
    auto pass = std::unique_ptr<Pass>(new Pass(deferred, std::move(session)));
    napi_value name;
    if (napi_create_string_utf8(env, "bpftop.Sampler", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
    if (napi_create_async_work(env, nullptr, name, execute, complete, pass.get(), &pass->work_) != napi_ok) return false;
    if (napi_queue_async_work(env, pass->work_) != napi_ok) {
      napi_delete_async_work(env, pass->work_);
      return false;
    }
    pass.release()->session_->busy = true;
    return true;
  }

 private:
  Pass(napi_deferred deferred, std::shared_ptr<Session> session) : deferred_(deferred), session_(std::move(session)) {}

  /// On a pool thread: no JavaScript here.
  static void execute(napi_env, void* data) {
    Pass* pass = static_cast<Pass*>(data);
    pass->error_ = pass->session_->sampler.pass();
  }

  /// Back on JavaScript's thread, also when the environment is being torn down (Node waits for its work); then every call
  /// that would run JavaScript fails, and the promise, which nobody can be waiting for, stays as it is.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Pass> pass(static_cast<Pass*>(data));
    pass->session_->busy = false;
    napi_delete_async_work(env, pass->work_);
    const Sampler& sampler = pass->session_->sampler;
    if (pass->error_) {
      const Refusal& refusal = sampler.refusal();
      const bool by_refusal = refusal.error.err == pass->error_.err && refusal.error.call == pass->error_.call;
      reject(env, pass->deferred_, pass->error_, by_refusal ? refusal.detail : std::string_view());
    } else if (const napi_value sample = sample_to_js(env, sampler)) {
      napi_resolve_deferred(env, pass->deferred_, sample);
    } else {
      // No memory for the answer, or an environment at its end, where this does nothing either.
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, pass->deferred_, {ENOMEM, "sample"}, "no memory for the result");
    }
  }

  napi_deferred deferred_;
  napi_async_work work_ = nullptr;
  std::shared_ptr<Session> session_;
  SysError error_;
};

class JsSampler : public Napi::ObjectWrap<JsSampler> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Sampler",
                       {
                           InstanceMethod<&JsSampler::sample>("sample"),
                           InstanceMethod<&JsSampler::close>("close"),
                       });
  }

  /// new Sampler({enableStats, sampler, pin})
  explicit JsSampler(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const Napi::Env env = info.Env();
    Napi::Value enable = env.Undefined(), sampler = env.Undefined(), pin = env.Undefined();
    if (info[0].IsObject()) {
      const auto options = info[0].As<Napi::Object>();
      enable = options.Get("enableStats");
      if (!env.IsExceptionPending()) sampler = options.Get("sampler");
      if (!env.IsExceptionPending()) pin = options.Get("pin");
    }
    if (env.IsExceptionPending()) return;
    const auto choice = choice_from_js(sampler);
    if (!enable.IsBoolean() || !choice || !(pin.IsUndefined() || pin.IsString())) {
      Napi::TypeError::New(env, "Sampler wants {enableStats: boolean, sampler?: 'auto' | 'iterator' | 'walk', pin?: string}")
          .ThrowAsJavaScriptException();
      return;
    }
    const std::string pin_path = pin.IsString() ? pin.As<Napi::String>().Utf8Value() : std::string();
    session_ = std::make_shared<Session>(enable.As<Napi::Boolean>(), SamplerOptions{*choice, pin_path, {}});
  }

 private:
  Napi::Value sample(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    if (session_ == nullptr) {
      reject(env, deferred, {EBADF, "sample"}, "the sampler is closed");
    } else if (session_->busy) {
      reject(env, deferred, {EBUSY, "sample"}, "a pass is under way");
    } else if (!Pass::start(env, deferred, session_)) {
      reject(env, deferred, {ENOMEM, "sample"}, "Node could not start it");
    }
    return {env, promise};
  }

  void close(const Napi::CallbackInfo&) { session_.reset(); }

  /// Null: closed.
  std::shared_ptr<Session> session_;
};

/// discardOutput(fd). For a screen that must give back a terminal which nobody reads; that it fails on anything else is no
/// harm.
void discard_output(const Napi::CallbackInfo& info) {
  if (info[0].IsNumber()) ::tcflush(info[0].As<Napi::Number>().Int32Value(), TCOFLUSH);
}

/// replaceByNull(fd). Where there is no /dev/null it stays what it is.
void replace_by_null(const Napi::CallbackInfo& info) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (null && info[0].IsNumber()) ::dup2(null.get(), info[0].As<Napi::Number>().Int32Value());
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Sampler", JsSampler::define(env));
  define_share(env, exports);
  define_links(env, exports);
  define_holders(env, exports);
  define_maps(env, exports);
  define_pins(env, exports);
  define_netns(env, exports);
  define_names(env, exports);
  exports.Set("replaceByNull", Napi::Function::New<replace_by_null>(env, "replaceByNull"));
  exports.Set("discardOutput", Napi::Function::New<discard_output>(env, "discardOutput"));
  return exports;
}

}  // namespace
}  // namespace bpftop

using bpftop::init;
NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
