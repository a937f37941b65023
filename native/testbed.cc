// The test bed's face for Node: load(), openMap() and class TestProg of src/addon.ts. For tests and `demo`; it has nothing
// to do with sampling. All calls are synchronous.
#include <napi.h>

#include <cerrno>
#include <optional>
#include <string>

#include "napi_error.h"
#include "testbed/test_prog.h"

namespace bpftop {
namespace {

/// Throws a TypeError and gives nothing.
std::nullopt_t refuse(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return std::nullopt;
}

/// A whole number from 0 to `most`.
std::optional<uint32_t> whole_number(const Napi::Value& value, uint32_t most) {
  if (!value.IsNumber()) return std::nullopt;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= most) || number != static_cast<uint32_t>(number)) return std::nullopt;
  return static_cast<uint32_t>(number);
}

/// A kernel object's name, refused here when it would have to be cut.
bool fits_name(const std::string& name) {
  return name.size() < kNameLen;
}

std::optional<TestProgSpec> spec_from_js(const Napi::Value& value) {
  const Napi::Env env = value.Env();
  if (!value.IsObject())
    return refuse(env,
                  "load wants {type, name?, loops?, functions?, maps?, prints?, fullName?, tailCalls?, replaces?, fentry?}");
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Value type = object.Get("type"), name = object.Get("name"), loops = object.Get("loops"),
                    functions = object.Get("functions"), maps = object.Get("maps"), prints = object.Get("prints"),
                    full_name = object.Get("fullName"), tail_calls = object.Get("tailCalls"),
                    replaces = object.Get("replaces"), fentry = object.Get("fentry");
  if (env.IsExceptionPending()) return std::nullopt;

  TestProgSpec spec;
  if (!type.IsString() || !prog_type_by_name(type.As<Napi::String>().Utf8Value(), spec.type))
    return refuse(env, "no such program type");
  if (name.IsString()) spec.name = name.As<Napi::String>().Utf8Value();
  if ((!name.IsString() && !name.IsUndefined()) || !fits_name(spec.name))
    return refuse(env, "name must be a string of at most 15 bytes");
  const auto times = loops.IsUndefined() ? 0 : whole_number(loops, INT32_MAX);
  if (!times) return refuse(env, "loops must be a whole number, at least 0");
  spec.loops = *times;
  const auto function_count = functions.IsUndefined() ? 0 : whole_number(functions, 255);
  if (!function_count) return refuse(env, "functions must be a whole number, at most 255");
  spec.functions = *function_count;
  if (!prints.IsBoolean() && !prints.IsUndefined()) return refuse(env, "prints must be a boolean");
  spec.prints = prints.IsBoolean() && prints.As<Napi::Boolean>();
  if (full_name.IsString()) spec.full_name = full_name.As<Napi::String>().Utf8Value();
  if (fentry.IsString()) spec.fentry = fentry.As<Napi::String>().Utf8Value();
  if (const auto id = whole_number(replaces, UINT32_MAX)) spec.replaces = *id;
  if (tail_calls.IsArray()) {
    const Napi::Array ids = tail_calls.As<Napi::Array>();
    for (uint32_t i = 0; i < ids.Length(); i++) {
      const auto id = whole_number(ids.Get(i), UINT32_MAX);
      if (!id) return refuse(env, "tailCalls must be an array of program ids");
      spec.tail_calls.push_back(*id);
    }
  }
  if (maps.IsUndefined()) return spec;

  if (!maps.IsArray()) return refuse(env, "maps must be an array of names");
  const Napi::Array list = maps.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value map = list.Get(i);
    if (env.IsExceptionPending()) return std::nullopt;
    if (!map.IsString()) return refuse(env, "maps must be an array of names");
    spec.maps.push_back(map.As<Napi::String>().Utf8Value());
    if (!fits_name(spec.maps.back())) return refuse(env, "a map's name must have at most 15 bytes");
  }
  return spec;
}

std::optional<AttachPoint> attach_point_from_js(const Napi::Value& value) {
  using Kind = AttachPoint::Kind;
  constexpr struct {
    const char* key;
    Kind kind;
  } kPoints[] = {
      {"xdp", Kind::xdp},
      {"tcx", Kind::tcx},
      {"cgroup", Kind::cgroup},
      {"tracepoint", Kind::tracepoint},
      {"tracepointLink", Kind::tracepoint_link},
      {"rawTracepoint", Kind::raw_tracepoint},
      {"asLoaded", Kind::as_loaded},
  };
  const Napi::Env env = value.Env();
  if (value.IsObject()) {
    for (const auto& [key, kind] : kPoints) {
      const Napi::Value where = value.As<Napi::Object>().Get(key);
      if (env.IsExceptionPending()) return std::nullopt;
      const bool by_name = kind == Kind::cgroup || kind == Kind::raw_tracepoint;
      if (const auto number = whole_number(where, INT32_MAX); number && !by_name && kind != Kind::as_loaded)
        return AttachPoint{kind, *number, {}};
      if (kind == Kind::as_loaded && where.IsBoolean()) return AttachPoint{kind, 0, {}};
      if (where.IsString() && by_name) return AttachPoint{kind, 0, where.As<Napi::String>().Utf8Value()};
    }
  }
  return refuse(env,
                "attach wants {xdp: ifindex}, {tcx: ifindex}, {cgroup: directory}, {tracepoint: id}, {tracepointLink: id}, "
                "{rawTracepoint: name} or {asLoaded: true}");
}

class JsTestProg : public Napi::ObjectWrap<JsTestProg> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "TestProg",
                       {
                           InstanceAccessor<&JsTestProg::id>("id"),
                           InstanceMethod<&JsTestProg::run>("run"),
                           InstanceMethod<&JsTestProg::attach>("attach"),
                           InstanceMethod<&JsTestProg::detach>("detach"),
                           InstanceMethod<&JsTestProg::counters>("counters"),
                           InstanceMethod<&JsTestProg::close>("close"),
                       });
  }

  /// new TestProg(spec); JavaScript comes here through load().
  explicit JsTestProg(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto spec = spec_from_js(info[0]);
    if (!spec) return;
    std::string log;
    auto [prog, error] = TestProg::load(*spec, log);
    if (error) throw_system_error(info.Env(), error, log);
    prog_ = std::move(prog);
  }

 private:
  Napi::Value id(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), prog_.id()); }

  void run(const Napi::CallbackInfo& info) {
    const auto times = whole_number(info[0], UINT32_MAX);
    const auto cpu = whole_number(info[1], UINT16_MAX);
    if (!times || (!cpu && !info[1].IsUndefined())) {
      refuse(info.Env(), "run wants a whole number of times, below 2^32, and perhaps the number of a CPU");
      return;
    }
    check_result(info, open(info) ? prog_.run(*times, cpu) : SysError{});
  }

  void attach(const Napi::CallbackInfo& info) {
    const auto point = attach_point_from_js(info[0]);
    if (!point || !open(info)) return;
    check_result(info, prog_.attach(*point));
  }

  void detach(const Napi::CallbackInfo&) { prog_.detach(); }

  Napi::Value counters(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!open(info)) return env.Undefined();
    const auto [raw, error] = prog_.info();
    if (error) {
      throw_system_error(env, error);
      return env.Undefined();
    }
    Napi::Object counters = Napi::Object::New(env);
    counters.Set("runTimeNs", Napi::BigInt::New(env, raw.run_time_ns));
    counters.Set("runCnt", Napi::BigInt::New(env, raw.run_cnt));
    counters.Set("recursionMisses", Napi::BigInt::New(env, raw.recursion_misses));
    return counters;
  }

  void close(const Napi::CallbackInfo&) { prog_.close(); }

  /// False, with EBADF thrown, after close().
  bool open(const Napi::CallbackInfo& info) {
    if (prog_.closed()) throw_system_error(info.Env(), {EBADF, "TestProg"}, "the program is closed");
    return !prog_.closed();
  }

  static void check_result(const Napi::CallbackInfo& info, const SysError& error) {
    if (error) throw_system_error(info.Env(), error);
  }

  TestProg prog_;
};

/// load(spec): a new TestProg. The class travels as the function's data, so nothing is global.
Napi::Value load(const Napi::CallbackInfo& info) {
  const auto* test_prog = static_cast<Napi::FunctionReference*>(info.Data());
  return test_prog->New({info[0]});
}

/// openMap(id): an fd, the caller's.
Napi::Value open_map(const Napi::CallbackInfo& info) {
  const auto id = whole_number(info[0], UINT32_MAX);
  if (!id) {
    refuse(info.Env(), "openMap wants a map's id");
    return info.Env().Undefined();
  }
  auto [map, error] = map_fd_by_id(*id);
  if (!error) return Napi::Number::New(info.Env(), map.release());
  throw_system_error(info.Env(), error);
  return info.Env().Undefined();
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* test_prog = new Napi::FunctionReference(Napi::Persistent(JsTestProg::define(env)));
  env.SetInstanceData(test_prog);  // frees it with the environment
  exports.Set("load", Napi::Function::New<load>(env, "load", test_prog));
  exports.Set("openMap", Napi::Function::New<open_map>(env, "openMap"));
  return exports;
}

}  // namespace
}  // namespace bpftop

using bpftop::init;
NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
