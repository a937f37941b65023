// One reading is one work item of libuv's pool. As in addon.cc nothing is global, and close(), garbage collection and the
// end of the environment may come at any moment: whoever goes last, object or reading, gives the iterator back.
#include "maps_to_js.h"

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "core/maps.h"
#include "js.h"
#include "napi_error.h"

namespace bpftop {
namespace {

struct Session {
  MapReader reader;
  /// A reading is under way. Read and written on JavaScript's thread alone.
  bool busy = false;
};

napi_value number_or_null(Js& js, const std::optional<uint64_t>& value) {
  return value ? js.number(static_cast<double>(*value)) : js.null();
}

/// Null where JavaScript can't run any more, or has no memory.
napi_value maps_to_js(napi_env env, const Maps& maps, const Refusal& uncounted) {
  Js js(env);
  const napi_value list = js.array(maps.maps.size());
  const napi_value id = js.string("id"), type = js.string("type"), name = js.string("name"),
                   max_entries = js.string("maxEntries"), entries = js.string("entries"), memlock = js.string("memlock");
  uint32_t at = 0;
  for (const Map& map : maps.maps)
    js.scoped([&] {
      const napi_value object = js.object();
      js.set(object, id, js.number(map.id));
      js.set(object, type, js.number(map.type));
      js.set(object, name, js.string(map.name.data(), map.name.size()));
      js.set(object, max_entries, js.number(map.max_entries));
      js.set(object, entries, number_or_null(js, map.entries));
      js.set(object, memlock, number_or_null(js, map.memlock));
      js.set(list, at++, object);
    });
  const napi_value object = js.object();
  js.set(object, "maps", list);
  js.set(object, "unreadable", js.number(maps.unreadable));
  js.set(object, "uncounted", uncounted ? js.string(uncounted.text().c_str()) : js.null());
  return js.ok() ? object : nullptr;
}

void reject(napi_env env, napi_deferred deferred, const SysError& error, std::string_view detail = {}) {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
}

/// Owns itself between `start` and `complete`.
struct Reading {
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  std::shared_ptr<Session> session;
  Result<Maps> result;

  /// False: Node refused, and nothing was started.
  static bool start(napi_env env, napi_deferred deferred, std::shared_ptr<Session> session) {
    auto reading = std::make_unique<Reading>();
    reading->deferred = deferred;
    reading->session = std::move(session);
    napi_value name;
    if (napi_create_string_utf8(env, "bpftop.MapReader", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
    if (napi_create_async_work(env, nullptr, name, execute, complete, reading.get(), &reading->work) != napi_ok)
      return false;
    if (napi_queue_async_work(env, reading->work) != napi_ok) {
      napi_delete_async_work(env, reading->work);
      return false;
    }
    reading.release()->session->busy = true;
    return true;
  }

  /// On a pool thread: no JavaScript here.
  static void execute(napi_env, void* data) {
    auto* reading = static_cast<Reading*>(data);
    reading->result = reading->session->reader.read();
  }

  /// Back on JavaScript's thread, also when the environment is being torn down: then nothing here does anything.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
    reading->session->busy = false;
    napi_delete_async_work(env, reading->work);
    if (reading->result.error) {
      reject(env, reading->deferred, reading->result.error);
    } else if (const napi_value maps = maps_to_js(env, reading->result.value, reading->session->reader.uncounted())) {
      napi_resolve_deferred(env, reading->deferred, maps);
    } else {
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, reading->deferred, {ENOMEM, "MapReader"}, "no memory for the result");
    }
  }
};

class JsMapReader : public Napi::ObjectWrap<JsMapReader> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "MapReader",
                       {
                           InstanceMethod<&JsMapReader::read>("read"),
                           InstanceMethod<&JsMapReader::close>("close"),
                       });
  }

  explicit JsMapReader(const Napi::CallbackInfo& info) : ObjectWrap(info), session_(std::make_shared<Session>()) {}

 private:
  Napi::Value read(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    napi_deferred deferred;
    napi_value promise;
    if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
    if (session_ == nullptr) {
      reject(env, deferred, {EBADF, "MapReader"}, "it is closed");
    } else if (session_->busy) {
      reject(env, deferred, {EBUSY, "MapReader"}, "a reading is under way");
    } else if (!Reading::start(env, deferred, session_)) {
      reject(env, deferred, {ENOMEM, "MapReader"}, "Node could not start it");
    }
    return {env, promise};
  }

  void close(const Napi::CallbackInfo&) { session_.reset(); }

  /// Null: closed.
  std::shared_ptr<Session> session_;
};

}  // namespace

void define_maps(Napi::Env env, Napi::Object exports) {
  exports.Set("MapReader", JsMapReader::define(env));
}

}  // namespace bpftop
