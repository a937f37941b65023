// Attaching by BPF link where there is one for it and nothing else is asked for: what holds the program there is an fd, so a
// killed test leaves nothing behind. But for a cgroup without link: there it stays as long as the cgroup.
#include "testbed/attach.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "core/netlink.h"

namespace bpftop {
namespace {

// <linux/if_link.h>: through the generic hook, which any interface has; lo has no other.
constexpr uint32_t kXdpFlagsSkbMode = 1 << 1;

/// To what a file stands for: a cgroup's directory, a network namespace.
Result<UniqueFd> attach_file(int prog_fd, ProgType type, const char* path) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return {{}, {errno, "open"}};
  return link_create(prog_fd, static_cast<uint32_t>(file.get()), attach_type_of(type));
}

Result<UniqueFd> attach_raw_tracepoint(int prog_fd, const char* name) {
  struct {
    uint64_t name;
    uint32_t prog_fd;
    uint32_t pad;
  } attr = {reinterpret_cast<uintptr_t>(name), static_cast<uint32_t>(prog_fd), 0};
  UniqueFd fd(bpf(BpfCmd::raw_tracepoint_open, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_RAW_TRACEPOINT_OPEN)"}};
  return {std::move(fd), {}};
}

/// As BPF_PROG_ATTACH and BPF_PROG_DETACH read it.
struct AttachAttr {
  uint32_t target_fd;
  uint32_t attach_bpf_fd;
  uint32_t attach_type;
  uint32_t attach_flags;
};

Result<Attachment> attach_cgroup_unlinked(int prog_fd, ProgType type, const char* directory) {
  constexpr uint32_t kAllowMulti = 1 << 1;  // BPF_F_ALLOW_MULTI
  const auto cgroup = std::make_shared<UniqueFd>(::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!*cgroup) return {{}, {errno, "open"}};
  const auto prog = std::make_shared<UniqueFd>(::fcntl(prog_fd, F_DUPFD_CLOEXEC, 0));
  if (!*prog) return {{}, {errno, "fcntl"}};
  AttachAttr attr = {static_cast<uint32_t>(cgroup->get()), static_cast<uint32_t>(prog->get()),
                     static_cast<uint32_t>(attach_type_of(type)), kAllowMulti};
  if (bpf(BpfCmd::prog_attach, &attr, sizeof attr) < 0) return {{}, {errno, "bpf(BPF_PROG_ATTACH)"}};
  attr.attach_flags = 0;
  // Refused: the cgroup is gone, and the program with it.
  return {Attachment([cgroup, prog, attr]() mutable { bpf(BpfCmd::prog_detach, &attr, sizeof attr); }), {}};
}

/// The map lets the program go when it goes itself.
Result<UniqueFd> attach_sockmap(int prog_fd, ProgType type, const char* name) {
  auto [map, error] = map_create({.type = MapType::sockmap, .value_size = 4, .name = name});
  if (error) return {{}, error};
  AttachAttr attr = {static_cast<uint32_t>(map.get()), static_cast<uint32_t>(prog_fd),
                     static_cast<uint32_t>(attach_type_of(type)), 0};
  if (bpf(BpfCmd::prog_attach, &attr, sizeof attr) < 0) return {{}, {errno, "bpf(BPF_PROG_ATTACH)"}};
  return {std::move(map), {}};
}

/// struct perf_event_attr as it was first released but for one (PERF_ATTR_SIZE_VER1); the kernel takes the rest as zero.
struct PerfEventAttr {
  uint32_t type;
  uint32_t size;
  uint64_t config;
  uint64_t sample_period;
  uint64_t sample_type;
  uint64_t read_format;
  uint64_t flags;
  uint32_t wakeup_events;
  uint32_t bp_type;
  uint64_t config1;
  uint64_t config2;
};
static_assert(sizeof(PerfEventAttr) == 72);

/// Types of events that are always there; a uprobe's is in sysfs.
constexpr uint32_t kTypeSoftware = 1;
constexpr uint32_t kTypeTracepoint = 2;

/// One perf event does for all CPUs: the program joins an array of the tracepoint itself (trace_event_call.prog_array),
/// which runs wherever the tracepoint is hit; a second event with the same program would get EEXIST. So with a uprobe; a
/// software event is its CPU's alone. By link, the link holds the event.
Result<UniqueFd> attach_perf_event(int prog_fd, PerfEventAttr attr, bool by_link = false) {
  constexpr unsigned long kFlagFdCloexec = 1 << 3;
  // _IOW('$', 8, __u32)
  constexpr unsigned long kIocSetBpf = _IOW('$', 8, uint32_t);
  attr.size = sizeof attr;
  UniqueFd fd(static_cast<int>(::syscall(SYS_perf_event_open, &attr, /*pid=*/-1, /*cpu=*/0, /*group=*/-1, kFlagFdCloexec)));
  if (!fd) return {{}, {errno, "perf_event_open"}};
  if (by_link) return link_create(prog_fd, static_cast<uint32_t>(fd.get()), AttachType::perf_event);
  if (::ioctl(fd.get(), kIocSetBpf, prog_fd) < 0) return {{}, {errno, "ioctl(PERF_EVENT_IOC_SET_BPF)"}};
  return {std::move(fd), {}};
}

constexpr uint32_t kNetlinkMs = 5000;

/// `prog_fd` -1: takes it off.
SysError set_xdp(NetlinkSocket& socket, uint32_t ifindex, int prog_fd) {
  constexpr uint16_t kIflaXdp = 43, kXdpFd = 1, kXdpFlags = 3;
  netlink::IfInfoMsg interface = {};
  interface.index = static_cast<int32_t>(ifindex);
  NetlinkRequest request("RTM_SETLINK", netlink::kRtmSetLink, interface);
  request.nest(kIflaXdp, [&](NetlinkRequest& xdp) {
    xdp.add(kXdpFd, static_cast<uint32_t>(prog_fd)).add(kXdpFlags, kXdpFlagsSkbMode);
  });
  return socket.request(request, Deadline(kNetlinkMs));
}

constexpr uint16_t kTcaKind = 1, kTcaOptions = 2;

/// Makes or removes the clsact qdisc, which a filter of either direction hangs on.
SysError set_clsact(NetlinkSocket& socket, uint32_t ifindex, bool wanted) {
  netlink::TcMsg qdisc = {};
  qdisc.ifindex = static_cast<int32_t>(ifindex);
  qdisc.handle = 0xffff0000;
  qdisc.parent = netlink::kTcClsact;
  using namespace netlink;
  NetlinkRequest request(wanted ? "RTM_NEWQDISC" : "RTM_DELQDISC", wanted ? kRtmNewQdisc : kRtmDelQdisc, qdisc,
                         wanted ? kNlmFCreate : uint16_t{0});
  request.add(kTcaKind, "clsact");
  return socket.request(request, Deadline(kNetlinkMs));
}

SysError add_filter(NetlinkSocket& socket, uint32_t ifindex, uint32_t parent, int prog_fd) {
  constexpr uint16_t kTcaBpfFd = 6, kTcaBpfName = 7, kTcaBpfFlags = 8;
  constexpr uint32_t kDirectAction = 1, kProtocolAll = 0x0300;  // ETH_P_ALL, as it goes over the wire
  netlink::TcMsg filter = {};
  filter.ifindex = static_cast<int32_t>(ifindex);
  filter.parent = parent;
  filter.info = kProtocolAll;  // the upper half is the priority; 0: the kernel chooses one
  NetlinkRequest request("RTM_NEWTFILTER", netlink::kRtmNewTfilter, filter, netlink::kNlmFCreate);
  request.add(kTcaKind, "bpf").nest(kTcaOptions, [&](NetlinkRequest& options) {
    options.add(kTcaBpfFd, static_cast<uint32_t>(prog_fd)).add(kTcaBpfName, "bpftop").add(kTcaBpfFlags, kDirectAction);
  });
  return socket.request(request, Deadline(kNetlinkMs));
}

/// The socket stays open: it knows the network namespace in which to take it off again.
Result<Attachment> attach_by_netlink(int prog_fd, const AttachPoint& point) {
  auto [opened, error] = NetlinkSocket::open();
  if (error) return {{}, error};
  const auto socket = std::make_shared<NetlinkSocket>(std::move(opened));
  const uint32_t ifindex = point.number;
  if (point.kind == AttachPoint::Kind::xdp_netlink) {
    if (const SysError failed = set_xdp(*socket, ifindex, prog_fd)) return {{}, failed};
    return {Attachment([=] { static_cast<void>(set_xdp(*socket, ifindex, -1)); }), {}};
  }
  if (const SysError failed = set_clsact(*socket, ifindex, true)) return {{}, failed};
  Attachment attached([=] { static_cast<void>(set_clsact(*socket, ifindex, false)); });
  const uint32_t parent = point.kind == AttachPoint::Kind::tc_ingress ? netlink::kTcIngress : netlink::kTcEgress;
  if (const SysError failed = add_filter(*socket, ifindex, parent, prog_fd)) return {{}, failed};
  return {std::move(attached), {}};
}

Result<UniqueFd> attach_tracepoint(int prog_fd, uint32_t id, bool by_link) {
  PerfEventAttr attr = {};
  attr.type = kTypeTracepoint;
  attr.config = id;
  return attach_perf_event(prog_fd, attr, by_link);
}

Result<UniqueFd> attach_software_event(int prog_fd, uint32_t which) {
  PerfEventAttr attr = {};
  attr.type = kTypeSoftware;
  attr.config = which;
  return attach_perf_event(prog_fd, attr);
}

Result<UniqueFd> attach_uprobe(int prog_fd, const char* file, uint32_t offset) {
  PerfEventAttr attr = {};
  const UniqueFd type(::open("/sys/bus/event_source/devices/uprobe/type", O_RDONLY | O_CLOEXEC));
  char digits[16] = {};
  if (!type || ::read(type.get(), digits, sizeof digits - 1) < 0) return {{}, {errno, "open"}};
  attr.type = static_cast<uint32_t>(std::strtoul(digits, nullptr, 10));
  attr.config1 = reinterpret_cast<uintptr_t>(file);
  attr.config2 = offset;
  return attach_perf_event(prog_fd, attr);
}

/// What an fd alone keeps there.
Result<UniqueFd> attach_held(int prog_fd, ProgType type, const AttachPoint& point) {
  const char* const text = point.text.c_str();
  switch (point.kind) {
    case AttachPoint::Kind::xdp:
      return link_create(prog_fd, point.number, AttachType::xdp, kXdpFlagsSkbMode);
    case AttachPoint::Kind::tcx:
      return link_create(prog_fd, point.number, AttachType::tcx_ingress);
    case AttachPoint::Kind::cgroup:
    case AttachPoint::Kind::netns:
      return attach_file(prog_fd, type, text);
    case AttachPoint::Kind::tracepoint:
    case AttachPoint::Kind::tracepoint_link:
      return attach_tracepoint(prog_fd, point.number, point.kind == AttachPoint::Kind::tracepoint_link);
    case AttachPoint::Kind::software_event:
      return attach_software_event(prog_fd, point.number);
    case AttachPoint::Kind::uprobe:
      return attach_uprobe(prog_fd, text, point.number);
    case AttachPoint::Kind::sockmap:
      return attach_sockmap(prog_fd, type, text);
    case AttachPoint::Kind::as_loaded:
      return attach_raw_tracepoint(prog_fd, nullptr);
    case AttachPoint::Kind::raw_tracepoint:
    case AttachPoint::Kind::cgroup_unlinked:
    case AttachPoint::Kind::xdp_netlink:
    case AttachPoint::Kind::tc_ingress:
    case AttachPoint::Kind::tc_egress:
      break;
  }
  return attach_raw_tracepoint(prog_fd, text);
}

}  // namespace

AttachType attach_type_of(ProgType type) {
  switch (type) {
    case ProgType::cgroup_skb:
      return AttachType::cgroup_inet_egress;
    case ProgType::cgroup_sock:
      return AttachType::cgroup_inet_sock_create;
    case ProgType::sk_lookup:
      return AttachType::sk_lookup;
    case ProgType::sock_ops:
      return AttachType::cgroup_sock_ops;
    case ProgType::cgroup_device:
      return AttachType::cgroup_device;
    case ProgType::cgroup_sock_addr:
      return AttachType::cgroup_inet4_connect;
    case ProgType::cgroup_sysctl:
      return AttachType::cgroup_sysctl;
    case ProgType::cgroup_sockopt:
      return AttachType::cgroup_getsockopt;
    case ProgType::sk_skb:
      return AttachType::sk_skb_stream_verdict;
    case ProgType::sk_msg:
      return AttachType::sk_msg_verdict;
    case ProgType::tracing:
      return AttachType::trace_fentry;
    default:
      return {};
  }
}

Result<Attachment> attach_prog(int prog_fd, ProgType type, const AttachPoint& point) {
  switch (point.kind) {
    case AttachPoint::Kind::xdp_netlink:
    case AttachPoint::Kind::tc_ingress:
    case AttachPoint::Kind::tc_egress:
      return attach_by_netlink(prog_fd, point);
    case AttachPoint::Kind::cgroup_unlinked:
      return attach_cgroup_unlinked(prog_fd, type, point.text.c_str());
    default:
      break;
  }
  auto [fd, error] = attach_held(prog_fd, type, point);
  if (error) return {{}, error};
  return {Attachment(std::move(fd)), {}};
}

}  // namespace bpftop
