// BPF_LINK_GET_NEXT_ID -> GET_FD_BY_ID -> OBJ_GET_INFO_BY_FD, once for the figures and, where the type has a text, once more
// with room for it.
#include "core/links.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/ids.h"

namespace bpftop {
namespace {

/// enum bpf_perf_event_type.
enum PerfType : uint32_t { kUprobe = 1, kUretprobe = 2, kKprobe = 3, kKretprobe = 4, kTracepoint = 5, kEvent = 6 };

/// 0 is nothing: an id, an index, an inode that is gone or was never told.
std::optional<uint32_t> unless_0(uint32_t value) {
  return value == 0 ? std::nullopt : std::optional(value);
}

void fill_perf_event(const BpfLinkInfo& info, Link& link) {
  link.perf_type = unless_0(info.perf_event.type);
  switch (info.perf_event.type) {
    case kUprobe:
    case kUretprobe:
    case kKprobe:
    case kKretprobe:
      link.offset = info.perf_event.probe.offset;
      break;
    case kEvent:
      link.event_type = info.perf_event.event.type;
      link.event_config = info.perf_event.event.config;
      break;
    default:
      break;
  }
}

/// Where the text of this link goes in `info`: its address and its room; null: it has none.
std::pair<uint64_t*, uint32_t*> text_of(BpfLinkInfo& info) {
  switch (static_cast<LinkType>(info.type)) {
    case LinkType::raw_tracepoint:
      return {&info.raw_tracepoint.tp_name, &info.raw_tracepoint.tp_name_len};
    case LinkType::iter:
      return {&info.iter.target_name, &info.iter.target_name_len};
    case LinkType::uprobe_multi:
      return {&info.uprobe_multi.path, &info.uprobe_multi.path_size};
    case LinkType::perf_event:
      if (info.perf_event.type >= kUprobe && info.perf_event.type <= kTracepoint)
        return {&info.perf_event.probe.name, &info.perf_event.probe.name_len};
      [[fallthrough]];
    default:
      return {nullptr, nullptr};
  }
}

/// The text of a link of which `first` is known; nothing where it has none or it isn't told.
std::optional<std::string> read_text(int link_fd, const BpfLinkInfo& first) {
  char text[4096] = {};  // PATH_MAX, more than which the kernel refuses (E2BIG)
  BpfLinkInfo asked = {};
  asked.type = first.type;
  if (first.type == static_cast<uint32_t>(LinkType::perf_event)) asked.perf_event.type = first.perf_event.type;
  const auto [address, room] = text_of(asked);
  if (address == nullptr) return std::nullopt;
  *address = reinterpret_cast<uintptr_t>(text);
  *room = sizeof text;
  if (link_info_by_fd(link_fd, asked).error) return std::nullopt;
  const std::string name(text, ::strnlen(text, sizeof text));
  return name.empty() ? std::nullopt : std::optional(name);
}

/// The name of the map of that id.
std::optional<std::string> read_map_name(uint32_t id) {
  const auto [fd, open_error] = map_fd_by_id(id, kMapReadOnly);
  BpfMapInfo info = {};
  if (open_error || map_info_by_fd(fd.get(), info).error) return std::nullopt;
  return map_name_of(info);
}

/// Reads one link. One that is gone, or isn't there yet, is no error and no link.
SysError read_link(uint32_t id, Links& all) {
  const auto [fd, open_error] = link_fd_by_id(id);
  if (open_error) return open_error.err == ENOENT || open_error.err == EAGAIN ? SysError{} : open_error;
  BpfLinkInfo info = {};
  const auto [known_len, info_error] = link_info_by_fd(fd.get(), info);
  if (info_error) {
    all.unreadable++;
    return {};
  }
  Link link = link_of(info, known_len);
  link.name = read_text(fd.get(), info);
  if (link.map_id) link.map_name = read_map_name(*link.map_id);
  all.links.push_back(std::move(link));
  return {};
}

}  // namespace

std::optional<std::string> map_name_of(const BpfMapInfo& info) {
  const std::string name(info.name, ::strnlen(info.name, sizeof info.name));
  return name.empty() ? std::nullopt : std::optional(name);
}

Link link_of(const BpfLinkInfo& info, uint32_t known_len) {
  Link link;
  link.id = info.id;
  link.type = info.type;
  link.prog_id = unless_0(info.prog_id);
  // Whether the kernel's struct goes as far as the end of this part of the union.
  const auto knows = [&](const auto& part) {
    return known_len >= static_cast<size_t>(reinterpret_cast<const char*>(&part + 1) - reinterpret_cast<const char*>(&info));
  };
  // A kernel has both or none, and before it had them its struct ended between the two.
  const bool knows_missed = knows(info.perf_event.probe.missed);
  switch (static_cast<LinkType>(info.type)) {
    case LinkType::raw_tracepoint:
    case LinkType::iter:
      break;  // a text alone
    case LinkType::tracing:
      if (!knows(info.tracing.target_btf_id)) break;
      link.attach_type = info.tracing.attach_type;
      link.target_obj_id = unless_0(info.tracing.target_obj_id);
      link.target_btf_id = unless_0(info.tracing.target_btf_id);
      break;
    case LinkType::cgroup:
      if (!knows(info.cgroup.attach_type)) break;
      link.attach_type = info.cgroup.attach_type;
      if (info.cgroup.cgroup_id != 0) link.cgroup_id = info.cgroup.cgroup_id;
      break;
    case LinkType::netns:
      if (!knows(info.netns.attach_type)) break;
      link.attach_type = info.netns.attach_type;
      link.netns_ino = unless_0(info.netns.netns_ino);
      break;
    case LinkType::xdp:
      if (knows(info.xdp.ifindex)) link.ifindex = unless_0(info.xdp.ifindex);
      break;
    case LinkType::perf_event:
      if (knows(info.perf_event.probe.offset)) fill_perf_event(info, link);
      if (knows_missed && (info.perf_event.type == kKprobe || info.perf_event.type == kKretprobe))
        link.missed = info.perf_event.probe.missed;
      break;
    case LinkType::kprobe_multi:
      if (!knows(info.kprobe_multi.flags) || info.kprobe_multi.count == 0) break;
      link.count = info.kprobe_multi.count;
      link.flags = info.kprobe_multi.flags;
      if (knows_missed) link.missed = info.kprobe_multi.missed;
      break;
    case LinkType::struct_ops:
      if (knows(info.struct_ops.map_id)) link.map_id = unless_0(info.struct_ops.map_id);
      break;
    case LinkType::netfilter:
      if (!knows(info.netfilter.flags)) break;
      link.pf = info.netfilter.pf;
      link.hooknum = info.netfilter.hooknum;
      link.priority = info.netfilter.priority;
      link.flags = info.netfilter.flags;
      break;
    case LinkType::tcx:
    case LinkType::netkit:
      if (!knows(info.tcx.attach_type)) break;
      link.attach_type = info.tcx.attach_type;
      link.ifindex = unless_0(info.tcx.ifindex);
      break;
    case LinkType::uprobe_multi:
      if (!knows(info.uprobe_multi.pid) || info.uprobe_multi.count == 0) break;
      link.count = info.uprobe_multi.count;
      link.flags = info.uprobe_multi.flags;
      link.pid = unless_0(info.uprobe_multi.pid);
      break;
    case LinkType::sockmap:
      if (!knows(info.sockmap.attach_type)) break;
      link.attach_type = info.sockmap.attach_type;
      link.map_id = unless_0(info.sockmap.map_id);
      break;
  }
  return link;
}

Result<Links> read_links() {
  Result<Links> result;
  const auto read = [&links = result.value](uint32_t id) { return read_link(id, links); };
  if (const SysError error = for_each_id(link_next_id, "bpf(BPF_LINK_GET_NEXT_ID)", read)) return {{}, error};
  return result;
}

}  // namespace bpftop
