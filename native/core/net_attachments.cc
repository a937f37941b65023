// Interfaces and qdiscs are listed once for all; filters are asked for where a qdisc can have some, and tcx and netkit of
// every interface.
#include "core/net_attachments.h"

#include <cerrno>
#include <cstdio>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace bpftop {
namespace {

using namespace netlink;
using Type = NetAttachment::Type;

constexpr uint16_t kIflaIfname = 3, kIflaExtMask = 29, kIflaXdp = 43;
constexpr uint32_t kSkipStats = 1 << 3;  // RTEXT_FILTER_SKIP_STATS: they are most of what is told
// Of IFLA_XDP: one a mode; in IFLA_XDP_PROG_ID is the only one once more.
constexpr uint16_t kXdpDrvProgId = 5, kXdpSkbProgId = 6, kXdpHwProgId = 7;
constexpr uint16_t kTcaKind = 1, kTcaOptions = 2;
constexpr uint16_t kTcaBpfId = 11, kTcaActBpfId = 9;

struct Interface {
  std::string name;
  std::vector<std::pair<uint32_t, std::string_view>> xdp_progs;
};

struct Qdisc {
  uint32_t ifindex = 0;
  uint32_t handle = 0;
  uint32_t parent = 0;
  std::string kind;
};

std::string text_of(Bytes value) {
  return {value.data(), ::strnlen(value.data(), value.size())};
}

/// Where a program of that attribute runs: in the driver, or as `bpftool net` calls it.
std::string_view xdp_hook(uint16_t attribute) {
  return attribute == kXdpSkbProgId ? "generic" : attribute == kXdpHwProgId ? "offload" : "";
}

void read_interface(std::map<uint32_t, Interface>& all, Bytes message) {
  Interface& found = all[static_cast<uint32_t>(read_as<IfInfoMsg>(message).index)] = {};
  for_each_attr(after<IfInfoMsg>(message), [&](uint16_t type, Bytes value) {
    if (type == kIflaIfname) found.name = text_of(value);
    if (type != kIflaXdp) return;
    for_each_attr(value, [&](uint16_t mode, Bytes prog) {
      if (mode >= kXdpDrvProgId && mode <= kXdpHwProgId)
        found.xdp_progs.emplace_back(read_as<uint32_t>(prog), xdp_hook(mode));
    });
  });
}

void read_qdisc(std::vector<Qdisc>& all, Bytes message) {
  const auto header = read_as<TcMsg>(message);
  Qdisc qdisc = {static_cast<uint32_t>(header.ifindex), header.handle, header.parent, {}};
  for_each_attr(after<TcMsg>(message), [&](uint16_t type, Bytes value) {
    if (type == kTcaKind) qdisc.kind = text_of(value);
  });
  all.push_back(std::move(qdisc));
}

/// Under which of its options each kind of filter has its actions (include/uapi/linux/pkt_cls.h).
uint16_t actions_of(std::string_view kind) {
  constexpr struct {
    std::string_view kind;
    uint16_t actions;
  } kKinds[] = {{"bpf", 1}, {"cgroup", 1}, {"matchall", 2}, {"basic", 3}, {"flower", 3},
                {"fw", 4},  {"route", 6},  {"u32", 7},      {"flow", 9}};
  for (const auto& known : kKinds)
    if (known.kind == kind) return known.actions;
  return 0;
}

void add_id(std::set<uint32_t>& prog_ids, Bytes value) {
  // Classic BPF has none.
  if (const auto id = read_as<uint32_t>(value)) prog_ids.insert(id);
}

/// A filter's and an action's kind go before their options (tcf_fill_node(), tcf_action_dump_1()).
void read_action(std::set<uint32_t>& prog_ids, Bytes action) {
  std::string kind;
  for_each_attr(action, [&](uint16_t type, Bytes value) {
    if (type == kTcaKind) kind = text_of(value);
    if (type != kTcaOptions || kind != "bpf") return;
    for_each_attr(value, [&](uint16_t option, Bytes inner) {
      if (option == kTcaActBpfId) add_id(prog_ids, inner);
    });
  });
}

void read_filter(std::set<uint32_t>& prog_ids, Bytes message) {
  std::string kind;
  for_each_attr(after<TcMsg>(message), [&](uint16_t type, Bytes value) {
    if (type == kTcaKind) kind = text_of(value);
    if (type != kTcaOptions) return;
    for_each_attr(value, [&](uint16_t option, Bytes inner) {
      if (kind == "bpf" && option == kTcaBpfId) add_id(prog_ids, inner);
      if (option == actions_of(kind)) for_each_attr(inner, [&](uint16_t, Bytes action) { read_action(prog_ids, action); });
    });
  });
}

/// Where filters hang: what to ask for, and what that is called.
struct Hook {
  uint32_t parent = 0;
  std::string name;
};

std::vector<Hook> hooks_of(const Qdisc& qdisc) {
  if (qdisc.kind == "clsact") return {{kTcIngress, "ingress"}, {kTcEgress, "egress"}};
  if (qdisc.kind == "ingress") return {{kTcIngress, "ingress"}};
  // What the kernel makes by itself has no handle, and no filters unless it is the root.
  if (qdisc.kind == "noqueue" || (qdisc.handle == 0 && qdisc.parent != kTcRoot)) return {};
  char name[32];
  std::snprintf(name, sizeof name, "qdisc %x:", qdisc.handle >> 16);
  return {{qdisc.handle, name}};
}

/// Whether each class has filters of its own beside those of the qdisc.
bool has_filters_by_class(const Qdisc& qdisc) {
  return qdisc.kind == "htb" || qdisc.kind == "hfsc" || qdisc.kind == "cbq";
}

class Reader {
 public:
  Reader(NetlinkSocket socket, Deadline deadline) : socket_(std::move(socket)), deadline_(deadline) {}

  void read_interfaces() {
    NetlinkRequest request("RTM_GETLINK", kRtmGetLink, IfInfoMsg{});
    request.add(kIflaExtMask, kSkipStats);
    auto [all, error] = socket_.dump<std::map<uint32_t, Interface>>(request, deadline_, read_interface);
    note(error);
    interfaces_ = std::move(all);
    for (const auto& [ifindex, interface] : interfaces_)
      for (const auto& [prog_id, hook] : interface.xdp_progs)
        add({Type::xdp, prog_id, 0, {}, ifindex, interface.name, std::string(hook)});
  }

  void read_filters() {
    const auto [qdiscs, error] =
        socket_.dump<std::vector<Qdisc>>(NetlinkRequest("RTM_GETQDISC", kRtmGetQdisc, TcMsg{}), deadline_, read_qdisc);
    note_unless_without_tc(error);
    for (const Qdisc& qdisc : qdiscs) {
      std::vector<Hook> hooks = hooks_of(qdisc);
      if (has_filters_by_class(qdisc)) add_classes(qdisc, hooks);
      for (const Hook& hook : hooks) read_filters_of(qdisc.ifindex, hook);
    }
  }

  void query_interfaces() {
    for (const auto& [type, attach_type] :
         {std::pair(Type::tcx, AttachType::tcx_ingress), std::pair(Type::tcx, AttachType::tcx_egress),
          std::pair(Type::netkit, AttachType::netkit_primary), std::pair(Type::netkit, AttachType::netkit_peer)}) {
      for (const auto& [ifindex, interface] : interfaces_) {
        if (late()) return;
        const auto [attached, error] = query_interface(ifindex, attach_type);
        if (error.err == EINVAL) break;
        if (error.err != ENODEV && error.err != ENXIO && error.err != EACCES) note(error);
        for (const auto& [prog_id, link_id] : attached)
          add({type, prog_id, link_id, attach_type, ifindex, interface.name, {}});
      }
    }
  }

  void query_namespace(int netns_fd) {
    for (const AttachType attach_type : {AttachType::flow_dissector, AttachType::sk_lookup}) {
      const auto [attached, error] = query_netns(netns_fd, attach_type);
      if (error.err != EINVAL) note(error);
      for (const auto& [prog_id, link_id] : attached) add({Type::netns, prog_id, 0, attach_type, 0, {}, {}});
    }
  }

  Dumped<std::vector<NetAttachment>> take() { return {std::move(found_), error_}; }

 private:
  void add_classes(const Qdisc& qdisc, std::vector<Hook>& hooks) {
    TcMsg of = {};
    of.ifindex = static_cast<int32_t>(qdisc.ifindex);
    const auto [classes, error] = socket_.dump<std::vector<uint32_t>>(
        NetlinkRequest("RTM_GETTCLASS", kRtmGetTclass, of), deadline_,
        [](std::vector<uint32_t>& all, Bytes message) { all.push_back(read_as<TcMsg>(message).handle); });
    note(error);
    for (const uint32_t handle : classes) {
      if (handle >> 16 != qdisc.handle >> 16) continue;
      char name[32];
      std::snprintf(name, sizeof name, "class %x:%x", handle >> 16, handle & 0xffff);
      hooks.push_back({handle, name});
    }
  }

  void read_filters_of(uint32_t ifindex, const Hook& hook) {
    const auto interface = interfaces_.find(ifindex);
    if (interface == interfaces_.end() || late()) return;
    TcMsg of = {};
    of.ifindex = static_cast<int32_t>(ifindex);
    of.parent = hook.parent;
    // A program may be in several filters of one hook: told once.
    const auto [prog_ids, error] =
        socket_.dump<std::set<uint32_t>>(NetlinkRequest("RTM_GETTFILTER", kRtmGetTfilter, of), deadline_, read_filter);
    note_unless_without_tc(error);
    for (const uint32_t prog_id : prog_ids) add({Type::tc, prog_id, 0, {}, ifindex, interface->second.name, hook.name});
  }

  void add(NetAttachment attachment) { found_.push_back(std::move(attachment)); }

  bool late() {
    if (!deadline_.passed()) return false;
    note({ETIMEDOUT, "reading a network namespace"});
    return true;
  }

  void note_unless_without_tc(const SysError& error) {
    if (error.err != EOPNOTSUPP) note(error);
  }

  /// The first error is the one that is told.
  void note(const SysError& error) {
    if (!error_) error_ = error;
  }

  NetlinkSocket socket_;
  Deadline deadline_;
  std::map<uint32_t, Interface> interfaces_;
  std::vector<NetAttachment> found_;
  SysError error_;
};

}  // namespace

Dumped<std::vector<NetAttachment>> read_net_attachments(int netns_fd, Deadline deadline) {
  auto [socket, error] = NetlinkSocket::open();
  if (error) return {{}, error};
  Reader reader(std::move(socket), deadline);
  reader.read_interfaces();
  reader.read_filters();
  reader.query_interfaces();
  if (netns_fd >= 0) reader.query_namespace(netns_fd);
  return reader.take();
}

}  // namespace bpftop
