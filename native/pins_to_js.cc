#include "pins_to_js.h"

#include <optional>
#include <string>
#include <utility>

#include "core/pins.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

napi_value pin_to_js(Js& js, const Pin& pin) {
  const napi_value object = js.object();
  js.set(object, "via", js.string(pin.kind == Pin::Kind::prog ? "prog" : "link"));
  js.set(object, "progId", js.number_or_null(pin.prog_id));
  js.set(object, "mapId", js.number_or_null(pin.map_id));
  js.set(object, "path", js.string(pin.path));
  js.set(object, "pid", js.number_or_null(pin.pid));
  js.set(object, "comm", js.string(pin.comm));
  return object;
}

napi_value pins_to_js(napi_env env, const Pins& pins) {
  Js js(env);
  const napi_value list = js.array(pins.pins.size());
  uint32_t at = 0;
  for (const Pin& pin : pins.pins) js.scoped([&] { js.set(list, at++, pin_to_js(js, pin)); });
  const napi_value object = js.object();
  js.set(object, "pins", list);
  js.set(object, "cutShort", js.boolean(pins.cut_short));
  js.set(object, "unreadable", js.number(pins.unreadable));
  js.set(object, "hidden", js.number(pins.hidden));
  return js.ok() ? object : nullptr;
}

/// Leaves the default where the option isn't given. False: it isn't what it should be.
bool take(const Napi::Value& value, std::string& text) {
  if (value.IsString()) text = value.As<Napi::String>().Utf8Value();
  return value.IsString() || value.IsUndefined();
}

bool take(const Napi::Value& value, uint32_t& number) {
  if (value.IsNumber()) number = value.As<Napi::Number>().Uint32Value();
  return value.IsNumber() || value.IsUndefined();
}

/// readPins({procRoot, home, mostEntries, mostMs})
Napi::Value read_pins_async(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  PinsSearch search;
  bool ok = info[0].IsUndefined();
  if (info[0].IsObject()) {
    const auto options = info[0].As<Napi::Object>();
    ok = take(options.Get("procRoot"), search.proc_root) && take(options.Get("home"), search.home) &&
         take(options.Get("mostEntries"), search.most_entries) && take(options.Get("mostMs"), search.most_ms);
    if (env.IsExceptionPending()) return {};
  }
  if (!ok) {
    Napi::TypeError::New(env, "readPins wants {procRoot?: string, home?: string, mostEntries?: number, mostMs?: number}")
        .ThrowAsJavaScriptException();
    return {};
  }
  return Reading<Pins>::start(
      env, "readPins", [search = std::move(search)] { return read_pins(search); }, pins_to_js);
}

}  // namespace

void define_pins(Napi::Env env, Napi::Object exports) {
  exports.Set("readPins", Napi::Function::New<read_pins_async>(env, "readPins"));
}

}  // namespace bpftop
