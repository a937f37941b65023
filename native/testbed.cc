// The test bed's face for Node: load(), openMap(), pinMap(), callProbed(), loadStructOps(), classes TestProg and
// TestStructOps of src/addon.ts. For tests and `demo`; it has nothing to do with sampling. All calls are synchronous.
#include <napi.h>

#include <cerrno>
#include <optional>
#include <string>

#include "napi_error.h"
#include "testbed/struct_ops.h"
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

/// Nothing: it is no such specification, or an exception is pending.
std::optional<TestMapSpec> map_spec_from_js(const Napi::Value& value) {
  TestMapSpec spec;
  if (value.IsString()) spec.name = value.As<Napi::String>().Utf8Value();
  if (value.IsString() || !value.IsObject()) return value.IsString() ? std::optional(spec) : std::nullopt;
  const Napi::Object object = value.As<Napi::Object>();
  const auto number = [&](const char* key, uint32_t& to) {
    const Napi::Value member = object.Get(key);
    if (value.Env().IsExceptionPending()) return false;
    if (member.IsUndefined()) return true;
    const auto whole = whole_number(member, INT32_MAX);
    to = whole.value_or(0);
    return whole.has_value();
  };
  if (!number("id", spec.id)) return std::nullopt;
  if (spec.id != 0) return spec;
  const Napi::Value name = object.Get("name"), type = object.Get("type"), preallocated = object.Get("preallocated");
  if (value.Env().IsExceptionPending()) return std::nullopt;
  if (!name.IsString()) return std::nullopt;
  spec.name = name.As<Napi::String>().Utf8Value();
  if (!type.IsUndefined() && !(type.IsString() && map_type_by_name(type.As<Napi::String>().Utf8Value(), spec.type)))
    return std::nullopt;
  spec.preallocated = !(preallocated.IsBoolean() && !preallocated.As<Napi::Boolean>());
  if (!number("maxEntries", spec.max_entries) || !number("inserts", spec.inserts) || !number("deletes", spec.deletes))
    return std::nullopt;
  return spec;
}

std::optional<TestProgSpec> spec_from_js(const Napi::Value& value) {
  const Napi::Env env = value.Env();
  if (!value.IsObject())
    return refuse(env,
                  "load wants {type, name?, loops?, functions?, maps?, prints?, fullName?, tailCalls?, replaces?, "
                  "attachType?, attachTo?}");
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Value type = object.Get("type"), name = object.Get("name"), loops = object.Get("loops"),
                    functions = object.Get("functions"), maps = object.Get("maps"), prints = object.Get("prints"),
                    full_name = object.Get("fullName"), tail_calls = object.Get("tailCalls"),
                    replaces = object.Get("replaces"), attach_type = object.Get("attachType"),
                    attach_to = object.Get("attachTo");
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
  if (attach_to.IsString()) spec.attach_to = attach_to.As<Napi::String>().Utf8Value();
  if (const auto number = whole_number(attach_type, UINT16_MAX)) spec.attach_type = static_cast<AttachType>(*number);
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

  constexpr char kWrongMaps[] =
      "maps must be an array of names or {name, type?, maxEntries?, inserts?, deletes?, …} or {id}";
  if (!maps.IsArray()) return refuse(env, kWrongMaps);
  const Napi::Array list = maps.As<Napi::Array>();
  for (uint32_t i = 0; i < list.Length(); i++) {
    const Napi::Value map = list.Get(i);
    if (env.IsExceptionPending()) return std::nullopt;
    const auto one = map_spec_from_js(map);
    if (env.IsExceptionPending()) return std::nullopt;
    if (!one) return refuse(env, kWrongMaps);
    spec.maps.push_back(*one);
    if (!fits_name(one->name)) return refuse(env, "a map's name must have at most 15 bytes");
  }
  return spec;
}

std::optional<AttachPoint> attach_point_from_js(const Napi::Value& value) {
  using Kind = AttachPoint::Kind;
  enum class Takes { number, text, nothing };
  constexpr struct {
    const char* key;
    Kind kind;
    Takes takes;
  } kPoints[] = {
      {"xdp", Kind::xdp, Takes::number},
      {"xdpNetlink", Kind::xdp_netlink, Takes::number},
      {"tcx", Kind::tcx, Takes::number},
      {"tcIngress", Kind::tc_ingress, Takes::number},
      {"tcEgress", Kind::tc_egress, Takes::number},
      {"cgroup", Kind::cgroup, Takes::text},
      {"cgroupWithoutLink", Kind::cgroup_unlinked, Takes::text},
      {"netns", Kind::netns, Takes::text},
      {"netnsWithoutLink", Kind::netns_unlinked, Takes::nothing},
      {"tracepoint", Kind::tracepoint, Takes::number},
      {"tracepointLink", Kind::tracepoint_link, Takes::number},
      {"rawTracepoint", Kind::raw_tracepoint, Takes::text},
      {"softwareEvent", Kind::software_event, Takes::number},
      {"softwareEventLink", Kind::software_event_link, Takes::number},
      {"uprobe", Kind::uprobe, Takes::text},
      {"uprobeLink", Kind::uprobe_link, Takes::text},
      {"uprobeMulti", Kind::uprobe_multi, Takes::text},
      {"kprobe", Kind::kprobe, Takes::text},
      {"kprobeLink", Kind::kprobe_link, Takes::text},
      {"kprobeMulti", Kind::kprobe_multi, Takes::text},
      {"sockmap", Kind::sockmap, Takes::text},
      {"sockmapLink", Kind::sockmap_link, Takes::text},
      {"netfilter", Kind::netfilter, Takes::number},
      {"iterator", Kind::iterator, Takes::nothing},
      {"socket", Kind::socket, Takes::nothing},
      {"asLoaded", Kind::as_loaded, Takes::nothing},
  };
  const Napi::Env env = value.Env();
  if (value.IsObject()) {
    const auto get = [&](const char* key) { return value.As<Napi::Object>().Get(key); };
    for (const auto& [key, kind, takes] : kPoints) {
      const Napi::Value where = get(key), offset = get("offset");
      if (env.IsExceptionPending()) return std::nullopt;
      const auto number = whole_number(where, INT32_MAX);
      if (takes == Takes::number && number) return AttachPoint{kind, *number, {}};
      if (takes == Takes::nothing && where.IsBoolean()) return AttachPoint{kind, 0, {}};
      if (takes == Takes::text && where.IsString())
        return AttachPoint{kind, whole_number(offset, INT32_MAX).value_or(0), where.As<Napi::String>().Utf8Value()};
    }
  }
  return refuse(env, "attach wants one of the places of TestAttachPoint");
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
                           InstanceMethod<&JsTestProg::pin>("pin"),
                           InstanceMethod<&JsTestProg::pin_link>("pinLink"),
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

  void pin(const Napi::CallbackInfo& info) {
    if (open(info) && has_path(info)) check_result(info, prog_.pin(info[0].As<Napi::String>().Utf8Value().c_str()));
  }

  void pin_link(const Napi::CallbackInfo& info) {
    if (open(info) && has_path(info)) check_result(info, prog_.pin_link(info[0].As<Napi::String>().Utf8Value().c_str()));
  }

  static bool has_path(const Napi::CallbackInfo& info) {
    if (!info[0].IsString()) refuse(info.Env(), "a pin wants a path");
    return info[0].IsString();
  }

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

class JsTestStructOps : public Napi::ObjectWrap<JsTestStructOps> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "TestStructOps",
                       {
                           InstanceAccessor<&JsTestStructOps::map_id>("mapId"),
                           InstanceAccessor<&JsTestStructOps::prog_ids>("progIds"),
                           InstanceMethod<&JsTestStructOps::fill>("fill"),
                           InstanceMethod<&JsTestStructOps::link>("link"),
                           InstanceMethod<&JsTestStructOps::detach>("detach"),
                           InstanceMethod<&JsTestStructOps::close>("close"),
                       });
  }

  /// new TestStructOps(name, byLink); JavaScript comes here through loadStructOps().
  explicit JsTestStructOps(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const std::string name = info[0].IsString() ? info[0].As<Napi::String>().Utf8Value() : std::string();
    if (name.empty() || !fits_name(name)) {
      refuse(info.Env(), "loadStructOps wants a name of at most 15 bytes");
      return;
    }
    auto [made, error] = TestStructOps::load(name, info[1].ToBoolean());
    if (error) throw_system_error(info.Env(), error);
    made_ = std::move(made);
  }

 private:
  Napi::Value map_id(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), made_.map_id()); }

  Napi::Value prog_ids(const Napi::CallbackInfo& info) {
    Napi::Array list = Napi::Array::New(info.Env());
    uint32_t at = 0;
    for (const uint32_t id : made_.prog_ids()) list.Set(at++, Napi::Number::New(info.Env(), id));
    return list;
  }

  void fill(const Napi::CallbackInfo& info) {
    if (const SysError error = made_.fill()) throw_system_error(info.Env(), error);
  }

  void link(const Napi::CallbackInfo& info) {
    if (const SysError error = made_.link()) throw_system_error(info.Env(), error);
  }

  void detach(const Napi::CallbackInfo&) { made_.detach(); }

  void close(const Napi::CallbackInfo&) { made_.close(); }

  TestStructOps made_;
};

/// The classes; they travel as the functions' data, so nothing is global.
struct Classes {
  Napi::FunctionReference test_prog, test_struct_ops;
};

/// load(spec): a new TestProg.
Napi::Value load(const Napi::CallbackInfo& info) {
  return static_cast<Classes*>(info.Data())->test_prog.New({info[0]});
}

/// loadStructOps(name, byLink): a new TestStructOps.
Napi::Value load_struct_ops(const Napi::CallbackInfo& info) {
  return static_cast<Classes*>(info.Data())->test_struct_ops.New({info[0], info[1]});
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

/// pinMap(id, path)
void pin_map(const Napi::CallbackInfo& info) {
  const auto id = whole_number(info[0], UINT32_MAX);
  if (!id || !info[1].IsString()) {
    refuse(info.Env(), "pinMap wants a map's id and a path");
    return;
  }
  auto [map, error] = map_fd_by_id(*id);
  if (!error) error = obj_pin(map.get(), info[1].As<Napi::String>().Utf8Value().c_str());
  if (error) throw_system_error(info.Env(), error);
}

/// A function to hang uprobes on.
[[gnu::noinline]] uint64_t probed() {
  static volatile uint64_t called = 0;
  called = called + 1;
  return called;
}

/// callProbed(): where in this process's memory the function is that it called.
Napi::Value call_probed(const Napi::CallbackInfo& info) {
  uint64_t (*volatile const function)() = probed;  // volatile: that very one, no copy made for this call
  function();
  return Napi::Number::New(info.Env(), static_cast<double>(reinterpret_cast<uintptr_t>(function)));
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  auto* classes = new Classes{Napi::Persistent(JsTestProg::define(env)), Napi::Persistent(JsTestStructOps::define(env))};
  env.SetInstanceData(classes);  // frees it with the environment
  exports.Set("load", Napi::Function::New<load>(env, "load", classes));
  exports.Set("loadStructOps", Napi::Function::New<load_struct_ops>(env, "loadStructOps", classes));
  exports.Set("openMap", Napi::Function::New<open_map>(env, "openMap"));
  exports.Set("callProbed", Napi::Function::New<call_probed>(env, "callProbed"));
  exports.Set("pinMap", Napi::Function::New<pin_map>(env, "pinMap"));
  return exports;
}

}  // namespace
}  // namespace bpftop

using bpftop::init;
NODE_API_MODULE(NODE_GYP_MODULE_NAME, init)
