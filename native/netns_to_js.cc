// Network namespaces as plain objects.
#include "netns_to_js.h"

#include <string>
#include <utility>

#include "core/netns.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

const char* type_name(NetAttachment::Type type) {
  switch (type) {
    case NetAttachment::Type::xdp:
      return "xdp";
    case NetAttachment::Type::tc:
      return "tc";
    case NetAttachment::Type::tcx:
      return "tcx";
    case NetAttachment::Type::netkit:
      return "netkit";
    case NetAttachment::Type::netns:
      break;
  }
  return "netns";
}

napi_value number_or_null(Js& js, uint32_t number) {
  return number == 0 ? js.null() : js.number(number);
}

napi_value attachment_to_js(Js& js, const NetAttachment& attachment) {
  const napi_value object = js.object();
  js.set(object, "type", js.string(type_name(attachment.type)));
  js.set(object, "progId", js.number(attachment.prog_id));
  js.set(object, "linkId", number_or_null(js, attachment.link_id));
  js.set(object, "attachType", number_or_null(js, static_cast<uint32_t>(attachment.attach_type)));
  js.set(object, "ifindex", number_or_null(js, attachment.ifindex));
  js.set(object, "ifname", js.text_or_null(attachment.ifname));
  js.set(object, "hook", js.text_or_null(attachment.hook));
  return object;
}

napi_value netns_to_js(Js& js, const Netns& netns) {
  const napi_value attachments = js.array(netns.attachments.size());
  uint32_t at = 0;
  for (const NetAttachment& attachment : netns.attachments)
    js.scoped([&] { js.set(attachments, at++, attachment_to_js(js, attachment)); });
  const napi_value object = js.object();
  js.set(object, "ino", number_or_null(js, netns.ino));
  js.set(object, "own", js.boolean(netns.own));
  js.set(object, "complete", js.boolean(netns.complete));
  js.set(object, "path", js.text_or_null(netns.path));
  js.set(object, "attachments", attachments);
  return object;
}

napi_value namespaces_to_js(napi_env env, const NetNamespaces& found) {
  Js js(env);
  const napi_value list = js.array(found.all.size());
  uint32_t at = 0;
  for (const Netns& netns : found.all) js.scoped([&] { js.set(list, at++, netns_to_js(js, netns)); });
  const napi_value object = js.object();
  js.set(object, "namespaces", list);
  js.set(object, "hidden", js.number(found.hidden));
  js.set(object, "unread", js.number(found.unread));
  js.set(object, "error", error_to_js(js, found.error));
  return js.ok() ? object : nullptr;
}

/// readNetns(procRoot, home)
Napi::Value read_netns_async(const Napi::CallbackInfo& info) {
  NetnsSearch search;
  if (info[0].IsString()) search.proc_root = info[0].As<Napi::String>().Utf8Value();
  if (info[1].IsString()) search.home = info[1].As<Napi::String>().Utf8Value();
  return Reading<NetNamespaces>::start(
      info.Env(), "readNetns", [search = std::move(search)] { return read_net_namespaces(search); }, namespaces_to_js);
}

}  // namespace

void define_netns(Napi::Env env, Napi::Object exports) {
  exports.Set("readNetns", Napi::Function::New<read_netns_async>(env, "readNetns"));
}

}  // namespace bpftop
