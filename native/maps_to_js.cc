#include "maps_to_js.h"

#include <optional>
#include <utility>

#include "core/maps.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

/// Null where JavaScript can't run any more, or has no memory.
napi_value maps_to_js(napi_env env, const Maps& maps) {
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
      js.set(object, name, js.string(map.name));
      js.set(object, max_entries, js.number(map.max_entries));
      js.set(object, entries, js.number_or_null(map.entries));
      js.set(object, memlock, js.number_or_null(map.memlock));
      js.set(list, at++, object);
    });
  const napi_value object = js.object();
  js.set(object, "maps", list);
  js.set(object, "unreadable", js.number(maps.unreadable));
  js.set(object, "uncounted", maps.uncounted ? js.string(maps.uncounted.text()) : js.null());
  return js.ok() ? object : nullptr;
}

class JsMapReader : public Napi::ObjectWrap<JsMapReader> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "MapReader",
                       {
                           InstanceMethod<&JsMapReader::read>("read"),
                           InstanceMethod<&JsMapReader::close>("close"),
                       });
  }

  explicit JsMapReader(const Napi::CallbackInfo& info) : ObjectWrap(info) { session_.open(); }

 private:
  Napi::Value read(const Napi::CallbackInfo& info) {
    const auto read = [](MapReader& reader, Maps& maps) -> Refusal {
      auto [found, error] = reader.read();
      maps = std::move(found);
      return {error, {}};
    };
    return session_.read<Maps>(info.Env(), "MapReader.read", read, maps_to_js);
  }

  void close(const Napi::CallbackInfo&) { session_.close(); }

  Session<MapReader> session_;
};

}  // namespace

void define_maps(Napi::Env env, Napi::Object exports) {
  exports.Set("MapReader", JsMapReader::define(env));
}

}  // namespace bpftop
