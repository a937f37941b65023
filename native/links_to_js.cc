// One reading is one work item of libuv's pool, which owns all it needs; nothing is kept between two.
#include "links_to_js.h"

#include <cerrno>
#include <iterator>
#include <memory>
#include <string>

#include "core/links.h"
#include "js.h"
#include "napi_error.h"

namespace bpftop {
namespace {

napi_value text_or_null(Js& js, const std::optional<std::string>& text) {
  return text ? js.string(text->data(), text->size()) : js.null();
}

napi_value bigint_or_null(Js& js, const std::optional<uint64_t>& value) {
  return value ? js.bigint(*value) : js.null();
}

napi_value netns_to_js(Js& js, WhichNetns netns) {
  switch (netns) {
    case WhichNetns::own:
      return js.string("own");
    case WhichNetns::other:
      return js.string("other");
    case WhichNetns::unknown:
      break;
  }
  return js.null();
}

/// Keys of NativeLink, and in link_to_js their values in the same order.
constexpr const char* kKeys[] = {
    "id",          "type",     "progId",   "attachType", "name",        "offset",      "ifindex",  "netns",
    "ifname",      "cgroupId", "netnsIno", "mapId",      "targetObjId", "targetBtfId", "perfType", "eventType",
    "eventConfig", "count",    "flags",    "pid",        "pf",          "hooknum",     "priority",
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
      netns_to_js(js, link.netns),
      text_or_null(js, link.ifname),
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

void reject(napi_env env, napi_deferred deferred, const SysError& error, const char* detail = "") {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
}

/// Owns itself between `start` and `complete`.
struct Reading {
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  Result<Links> result;

  /// False: Node refused, and nothing was started.
  static bool start(napi_env env, napi_deferred deferred) {
    auto reading = std::make_unique<Reading>();
    reading->deferred = deferred;
    napi_value name;
    if (napi_create_string_utf8(env, "bpftop.readLinks", NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
    if (napi_create_async_work(env, nullptr, name, execute, complete, reading.get(), &reading->work) != napi_ok)
      return false;
    if (napi_queue_async_work(env, reading->work) != napi_ok) {
      napi_delete_async_work(env, reading->work);
      return false;
    }
    reading.release();
    return true;
  }

  /// On a pool thread: no JavaScript here.
  static void execute(napi_env, void* data) { static_cast<Reading*>(data)->result = read_links(); }

  /// Back on JavaScript's thread, also when the environment is being torn down: then nothing here does anything.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
    napi_delete_async_work(env, reading->work);
    if (reading->result.error) {
      reject(env, reading->deferred, reading->result.error);
    } else if (const napi_value links = links_to_js(env, reading->result.value)) {
      napi_resolve_deferred(env, reading->deferred, links);
    } else {
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, reading->deferred, {ENOMEM, "readLinks"}, "no memory for the result");
    }
  }
};

/// readLinks()
Napi::Value read_links_async(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
  if (!Reading::start(env, deferred)) reject(env, deferred, {ENOMEM, "readLinks"}, "Node could not start it");
  return {env, promise};
}

}  // namespace

void define_links(Napi::Env env, Napi::Object exports) {
  exports.Set("readLinks", Napi::Function::New<read_links_async>(env, "readLinks"));
}

}  // namespace bpftop
