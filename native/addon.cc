// The face of core for Node: class Sampler of src/addon.ts.
//
// A pass runs on a thread of libuv's pool, not on JavaScript's. The hop there and back takes about 0.04 ms, little beside a
// walk (4 ms at 1 000 programs, 49 ms at 10 000) and a fifth of an iterator's pass at 1 000 (0.3 ms). It is worth it all the
// same: a key waits for nothing, not for the first pass (10 ms, BTF and the verifier), nor for 10 000 programs (5 ms), nor
// for 1 000 on 128 CPUs of a kernel without bpf_rdonly_cast (4 ms), nor when a pass falls back to the walk.
#include <fcntl.h>
#include <napi.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>

#include "core/sampler.h"
#include "core/unique_fd.h"
#include "holders_to_js.h"
#include "links_to_js.h"
#include "maps_to_js.h"
#include "names_to_js.h"
#include "netns_to_js.h"
#include "pins_to_js.h"
#include "privileges.h"
#include "reading.h"
#include "sample_to_js.h"
#include "share.h"

namespace bpftop {
namespace {

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

/// On a pool thread. What it gives lives as long as the sampler.
Refusal pass(Sampler& sampler, const Sampler*& passed) {
  passed = &sampler;
  const SysError error = sampler.pass();
  const Refusal& refusal = sampler.refusal();
  const bool by_refusal = refusal.error.err == error.err && refusal.error.call == error.call;
  return {error, by_refusal ? refusal.detail : std::string()};
}

napi_value passed_to_js(napi_env env, const Sampler* const& sampler) {
  return sample_to_js(env, *sampler);
}

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
    session_.open(enable.As<Napi::Boolean>().Value(), SamplerOptions{*choice, pin_path, {}});
  }

 private:
  Napi::Value sample(const Napi::CallbackInfo& info) {
    return session_.read<const Sampler*>(info.Env(), "sample", pass, passed_to_js);
  }

  void close(const Napi::CallbackInfo&) { session_.close(); }

  Session<Sampler> session_;
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

/// exitNow(status). exit(3) would wait for the threads of libuv's pool.
void exit_now(const Napi::CallbackInfo& info) {
  ::_exit(info[0].IsNumber() ? info[0].As<Napi::Number>().Int32Value() : EXIT_FAILURE);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  exports.Set("Sampler", JsSampler::define(env));
  define_share(env, exports);
  define_privileges(env, exports);
  define_links(env, exports);
  define_holders(env, exports);
  define_maps(env, exports);
  define_pins(env, exports);
  define_netns(env, exports);
  define_names(env, exports);
  exports.Set("replaceByNull", Napi::Function::New<replace_by_null>(env, "replaceByNull"));
  exports.Set("exitNow", Napi::Function::New<exit_now>(env, "exitNow"));
  exports.Set("discardOutput", Napi::Function::New<discard_output>(env, "discardOutput"));
  return exports;
}

}  // namespace
}  // namespace bpftop

using bpftop::init;
NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
