// Links as plain objects.
#include "links_to_js.h"

#include <iterator>
#include <string>

#include "core/links.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

napi_value text_or_null(Js& js, const std::optional<std::string>& text) {
  return text ? js.string(text->data(), text->size()) : js.null();
}

napi_value bigint_or_null(Js& js, const std::optional<uint64_t>& value) {
  return value ? js.bigint(*value) : js.null();
}

/// Keys of NativeLink, and in link_to_js their values in the same order.
constexpr const char* kKeys[] = {
    "id",          "type",     "progId", "attachType",  "name",        "offset",   "ifindex",
    "cgroupId",    "netnsIno", "mapId",  "targetObjId", "targetBtfId", "perfType", "eventType",
    "eventConfig", "count",    "flags",  "pid",         "pf",          "hooknum",  "priority",
};

/// `keys` are made once for a list: a tenth of a reading of 1 000 links.
napi_value link_to_js(Js& js, const napi_value (&keys)[std::size(kKeys)], const Link& link) {
  const napi_value values[] = {
      js.number(link.id),
      js.number(link.type),
      js.number_or_null(link.prog_id),
      js.number_or_null(link.attach_type),
      text_or_null(js, link.name),
      js.number_or_null(link.offset),
      js.number_or_null(link.ifindex),
      bigint_or_null(js, link.cgroup_id),
      js.number_or_null(link.netns_ino),
      js.number_or_null(link.map_id),
      js.number_or_null(link.target_obj_id),
      js.number_or_null(link.target_btf_id),
      js.number_or_null(link.perf_type),
      js.number_or_null(link.event_type),
      bigint_or_null(js, link.event_config),
      js.number_or_null(link.count),
      js.number_or_null(link.flags),
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

/// Null where JavaScript can't run any more, or has no memory.
napi_value links_to_js(napi_env env, const Links& links) {
  Js js(env);
  const napi_value list = js.array(links.links.size());
  napi_value keys[std::size(kKeys)];
  for (size_t i = 0; i < std::size(kKeys); i++) keys[i] = js.string(kKeys[i]);
  uint32_t at = 0;
  for (const Link& link : links.links) js.scoped([&] { js.set(list, at++, link_to_js(js, keys, link)); });
  const napi_value object = js.object();
  js.set(object, "links", list);
  js.set(object, "unreadable", js.number(links.unreadable));
  return js.ok() ? object : nullptr;
}

/// readLinks()
Napi::Value read_links_async(const Napi::CallbackInfo& info) {
  return Reading<Links>::start(info.Env(), "readLinks", read_links, links_to_js);
}

}  // namespace

void define_links(Napi::Env env, Napi::Object exports) {
  exports.Set("readLinks", Napi::Function::New<read_links_async>(env, "readLinks"));
}

}  // namespace bpftop
