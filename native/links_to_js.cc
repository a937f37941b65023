// Links, and what is attached without one, as plain objects.
#include "links_to_js.h"

#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/links.h"
#include "core/unlinked.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

napi_value bigint_or_null(Js& js, const std::optional<uint64_t>& value) {
  return value ? js.bigint(*value) : js.null();
}

/// Keys of NativeLink, and in link_to_js their values in the same order.
constexpr const char* kKeys[] = {
    "id",       "type",  "progId",  "attachType",  "name",        "offset",   "ifindex",   "cgroupId",
    "netnsIno", "mapId", "mapName", "targetObjId", "targetBtfId", "perfType", "eventType", "eventConfig",
    "count",    "flags", "missed",  "pid",         "pf",          "hooknum",  "priority",
};

/// `keys` are made once for a list: a tenth of a reading of 1 000 links.
napi_value link_to_js(Js& js, const napi_value (&keys)[std::size(kKeys)], const Link& link) {
  const napi_value values[] = {
      js.number(link.id),
      js.number(link.type),
      js.number_or_null(link.prog_id),
      js.number_or_null(link.attach_type),
      js.text_or_null(link.name.value_or("")),
      js.number_or_null(link.offset),
      js.number_or_null(link.ifindex),
      bigint_or_null(js, link.cgroup_id),
      js.number_or_null(link.netns_ino),
      js.number_or_null(link.map_id),
      js.text_or_null(link.map_name.value_or("")),
      js.number_or_null(link.target_obj_id),
      js.number_or_null(link.target_btf_id),
      js.number_or_null(link.perf_type),
      js.number_or_null(link.event_type),
      bigint_or_null(js, link.event_config),
      js.number_or_null(link.count),
      js.number_or_null(link.flags),
      link.missed ? js.number(static_cast<double>(*link.missed)) : js.null(),
      js.number_or_null(link.pid),
      js.number_or_null(link.pf),
      js.number_or_null(link.hooknum),
      link.priority ? js.number(static_cast<double>(*link.priority)) : js.null(),
  };
  static_assert(std::size(values) == std::size(kKeys));
  const napi_value object = js.object();
  for (size_t i = 0; i < std::size(kKeys); i++) js.set(object, keys[i], values[i]);
  return object;
}

napi_value list_to_js(Js& js, const std::vector<Link>& links) {
  const napi_value list = js.array(links.size());
  napi_value keys[std::size(kKeys)];
  for (size_t i = 0; i < std::size(kKeys); i++) keys[i] = js.string(kKeys[i]);
  uint32_t at = 0;
  for (const Link& link : links) js.scoped([&] { js.set(list, at++, link_to_js(js, keys, link)); });
  return list;
}

/// Null where JavaScript can't run any more, or has no memory.
napi_value links_to_js(napi_env env, const Links& links) {
  Js js(env);
  const napi_value object = js.object();
  js.set(object, "links", list_to_js(js, links.links));
  js.set(object, "unreadable", js.number(links.unreadable));
  return js.ok() ? object : nullptr;
}

/// The same.
napi_value unlinked_to_js(napi_env env, const Unlinked& found) {
  Js js(env);
  const napi_value object = js.object();
  js.set(object, "links", list_to_js(js, found.links));
  js.set(object, "missed", error_to_js(js, found.missed));
  return js.ok() ? object : nullptr;
}

/// readLinks()
Napi::Value read_links_async(const Napi::CallbackInfo& info) {
  return Reading<Links>::start(info.Env(), "readLinks", read_links, links_to_js);
}

/// A promise of what `find` finds.
template <typename Find>
Napi::Value find_async(Napi::Env env, const char* name, Find find) {
  const auto read = [find = std::move(find)]() -> Result<Unlinked> { return {find(), {}}; };
  return Reading<Unlinked>::start(env, name, read, unlinked_to_js);
}

Napi::Value refuse(Napi::Env env, const char* message) {
  Napi::TypeError::New(env, message).ThrowAsJavaScriptException();
  return env.Undefined();
}

uint32_t number_of(const Napi::Value& value) {
  return value.IsNumber() ? value.As<Napi::Number>().Uint32Value() : 0;
}

std::string text_of(const Napi::Value& value) {
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

/// findCgroupProgs(mounts, attachTypes, limitMs)
Napi::Value find_cgroup_progs_async(const Napi::CallbackInfo& info) {
  if (!info[0].IsArray() || !info[1].IsArray() || !info[2].IsNumber())
    return refuse(info.Env(), "findCgroupProgs wants [{point, root}, …], attach types and a limit in ms");
  std::vector<CgroupMount> mounts;
  const auto places = info[0].As<Napi::Array>();
  for (uint32_t i = 0; i < places.Length(); i++) {
    const Napi::Value place = places.Get(i);
    if (!place.IsObject()) continue;
    mounts.push_back({text_of(place.As<Napi::Object>().Get("point")), text_of(place.As<Napi::Object>().Get("root"))});
  }
  std::vector<uint32_t> attach_types;
  const auto types = info[1].As<Napi::Array>();
  for (uint32_t i = 0; i < types.Length(); i++) attach_types.push_back(number_of(types.Get(i)));
  return find_async(info.Env(), "findCgroupProgs",
                    [mounts = std::move(mounts), attach_types = std::move(attach_types), limit_ms = number_of(info[2])] {
                      return find_cgroup_progs(mounts, attach_types, limit_ms);
                    });
}

/// findPerfEventProgs(procRoot, limitMs)
Napi::Value find_perf_event_progs_async(const Napi::CallbackInfo& info) {
  if (!info[0].IsString() || !info[1].IsNumber())
    return refuse(info.Env(), "findPerfEventProgs wants where procfs is mounted and a limit in ms");
  return find_async(info.Env(), "findPerfEventProgs", [proc = text_of(info[0]), limit_ms = number_of(info[1])] {
    return find_perf_event_progs(proc.c_str(), limit_ms);
  });
}

/// findMapProgs({structOps, sockmaps}, limitMs)
Napi::Value find_map_progs_async(const Napi::CallbackInfo& info) {
  if (!info[0].IsObject() || !info[1].IsNumber())
    return refuse(info.Env(), "findMapProgs wants {structOps: boolean, sockmaps: boolean} and a limit in ms");
  const auto wanted = info[0].As<Napi::Object>();
  const MapsSought sought = {wanted.Get("structOps").ToBoolean(), wanted.Get("sockmaps").ToBoolean()};
  return find_async(info.Env(), "findMapProgs",
                    [sought, limit_ms = number_of(info[1])] { return find_map_progs(sought, limit_ms); });
}

}  // namespace

void define_links(Napi::Env env, Napi::Object exports) {
  exports.Set("readLinks", Napi::Function::New<read_links_async>(env, "readLinks"));
  exports.Set("findCgroupProgs", Napi::Function::New<find_cgroup_progs_async>(env, "findCgroupProgs"));
  exports.Set("findPerfEventProgs", Napi::Function::New<find_perf_event_progs_async>(env, "findPerfEventProgs"));
  exports.Set("findMapProgs", Napi::Function::New<find_map_progs_async>(env, "findMapProgs"));
}

}  // namespace bpftop
