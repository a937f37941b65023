// Attaching by BPF link where there is one for it and nothing else is asked for: what holds the program there is an fd, so a
// killed test leaves nothing behind. But for a cgroup without link: there it stays as long as the cgroup.
#include "testbed/attach.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <memory>

#include "core/netlink.h"

namespace bpftop {
namespace {

// <linux/if_link.h>: through the generic hook, which any interface has; lo has no other.
constexpr uint32_t kXdpFlagsSkbMode = 1 << 1;

/// To what a file stands for: a cgroup's directory, a network namespace.
Result<UniqueFd> attach_file(int prog_fd, AttachType type, const char* path) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  if (!file) return {{}, {errno, "open"}};
  return link_create(prog_fd, static_cast<uint32_t>(file.get()), type);
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

/// Without a link, to what `target` is: a cgroup's directory, or with -1 this process's network namespace.
Result<Attachment> attach_unlinked(int prog_fd, AttachType type, UniqueFd target, uint32_t flags) {
  const auto held = std::make_shared<UniqueFd>(std::move(target));
  const auto prog = std::make_shared<UniqueFd>(::fcntl(prog_fd, F_DUPFD_CLOEXEC, 0));
  if (!*prog) return {{}, {errno, "fcntl"}};
  AttachAttr attr = {*held ? static_cast<uint32_t>(held->get()) : 0, static_cast<uint32_t>(prog->get()),
                     static_cast<uint32_t>(type), flags};
  if (bpf(BpfCmd::prog_attach, &attr, sizeof attr) < 0) return {{}, {errno, "bpf(BPF_PROG_ATTACH)"}};
  attr.attach_flags = 0;
  // Refused: the cgroup is gone, and the program with it.
  return {Attachment([held, prog, attr]() mutable { bpf(BpfCmd::prog_detach, &attr, sizeof attr); }), {}};
}

Result<Attachment> attach_cgroup_unlinked(int prog_fd, AttachType type, const char* directory) {
  constexpr uint32_t kAllowMulti = 1 << 1;  // BPF_F_ALLOW_MULTI
  UniqueFd cgroup(::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup) return {{}, {errno, "open"}};
  return attach_unlinked(prog_fd, type, std::move(cgroup), kAllowMulti);
}

/// The map lets the program go when it goes itself; a link holds the map.
Result<UniqueFd> attach_sockmap(int prog_fd, AttachType type, const char* name, bool by_link) {
  auto [map, error] = map_create({.type = MapType::sockmap, .value_size = 4, .name = name});
  if (error) return {{}, error};
  if (by_link) return link_create(prog_fd, static_cast<uint32_t>(map.get()), type);
  AttachAttr attr = {static_cast<uint32_t>(map.get()), static_cast<uint32_t>(prog_fd), static_cast<uint32_t>(type), 0};
  if (bpf(BpfCmd::prog_attach, &attr, sizeof attr) < 0) return {{}, {errno, "bpf(BPF_PROG_ATTACH)"}};
  return {std::move(map), {}};
}

/// As BPF_LINK_CREATE reads it where a type wants more than a target: `more` is its part of the union.
template <typename More>
Result<UniqueFd> link_create_with(int prog_fd, AttachType type, const More& more) {
  struct {
    int32_t prog_fd;
    uint32_t target;
    uint32_t attach_type;
    uint32_t flags;
    alignas(8) More more;
  } attr = {prog_fd, 0, static_cast<uint32_t>(type), 0, more};
  static_assert(offsetof(decltype(attr), more) == 16);
  UniqueFd fd(bpf(BpfCmd::link_create, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_LINK_CREATE)"}};
  return {std::move(fd), {}};
}

Result<UniqueFd> attach_uprobe_multi(int prog_fd, AttachType type, const char* file, uint64_t offset) {
  struct {
    uint64_t path, offsets, ref_ctr_offsets, cookies;
    uint32_t count, flags, pid, pad;
  } more = {reinterpret_cast<uintptr_t>(file), reinterpret_cast<uintptr_t>(&offset), 0, 0, 1, 0, 0, 0};
  return link_create_with(prog_fd, type, more);
}

Result<UniqueFd> attach_kprobe_multi(int prog_fd, AttachType type, const char* function) {
  struct {
    uint32_t flags, count;
    uint64_t symbols, addresses, cookies;
  } more = {0, 1, reinterpret_cast<uintptr_t>(&function), 0, 0};
  return link_create_with(prog_fd, type, more);
}

Result<UniqueFd> attach_netfilter(int prog_fd, AttachType type, uint32_t hook) {
  constexpr uint32_t kIpv4 = 2;  // NFPROTO_IPV4
  struct {
    uint32_t pf, hook;
    int32_t priority;
    uint32_t flags;
  } more = {kIpv4, hook, 10, 0};  // priority 0 is taken by others
  return link_create_with(prog_fd, type, more);
}

/// To a socket, which the fd is: SO_ATTACH_BPF, or of a program that chooses among sockets SO_ATTACH_REUSEPORT_EBPF.
Result<UniqueFd> attach_socket(int prog_fd, AttachType type) {
  UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return {{}, {errno, "socket"}};
  const bool chooses = type == AttachType::sk_reuseport_select;
  const int on = 1;
  if (chooses && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0) return {{}, {errno, "setsockopt"}};
  const int option = chooses ? SO_ATTACH_REUSEPORT_EBPF : SO_ATTACH_BPF;
  if (::setsockopt(fd.get(), SOL_SOCKET, option, &prog_fd, sizeof prog_fd) < 0) return {{}, {errno, "setsockopt"}};
  return {std::move(fd), {}};
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

Result<UniqueFd> attach_software_event(int prog_fd, uint32_t which, bool by_link) {
  PerfEventAttr attr = {};
  attr.type = kTypeSoftware;
  attr.config = which;
  attr.sample_period = which <= 1 ? 1'000'000 : 1;  // 0 and 1 are clocks, in ns
  return attach_perf_event(prog_fd, attr, by_link);
}

/// To what a PMU (`uprobe`, `kprobe`) knows: a file or function, and where in it.
Result<UniqueFd> attach_probe(int prog_fd, const char* pmu, const char* what, uint32_t offset, bool by_link) {
  PerfEventAttr attr = {};
  const std::string file = std::string("/sys/bus/event_source/devices/") + pmu + "/type";
  const UniqueFd type(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  char digits[16] = {};
  if (!type || ::read(type.get(), digits, sizeof digits - 1) < 0) return {{}, {errno, "open"}};
  attr.type = static_cast<uint32_t>(std::strtoul(digits, nullptr, 10));
  attr.config1 = reinterpret_cast<uintptr_t>(what);
  attr.config2 = offset;
  return attach_perf_event(prog_fd, attr, by_link);
}

/// What an fd alone keeps there.
Result<UniqueFd> attach_held(int prog_fd, AttachType type, const AttachPoint& point) {
  using Kind = AttachPoint::Kind;
  const char* const text = point.text.c_str();
  switch (point.kind) {
    case Kind::xdp:
      return link_create(prog_fd, point.number, AttachType::xdp, kXdpFlagsSkbMode);
    case Kind::tcx:
      return link_create(prog_fd, point.number, type == AttachType{} ? AttachType::tcx_ingress : type);
    case Kind::cgroup:
    case Kind::netns:
      return attach_file(prog_fd, type, text);
    case Kind::tracepoint:
    case Kind::tracepoint_link:
      return attach_tracepoint(prog_fd, point.number, point.kind == Kind::tracepoint_link);
    case Kind::software_event:
    case Kind::software_event_link:
      return attach_software_event(prog_fd, point.number, point.kind == Kind::software_event_link);
    case Kind::uprobe:
    case Kind::uprobe_link:
      return attach_probe(prog_fd, "uprobe", text, point.number, point.kind == Kind::uprobe_link);
    case Kind::kprobe:
    case Kind::kprobe_link:
      return attach_probe(prog_fd, "kprobe", text, 0, point.kind == Kind::kprobe_link);
    case Kind::uprobe_multi:
      return attach_uprobe_multi(prog_fd, type, text, point.number);
    case Kind::kprobe_multi:
      return attach_kprobe_multi(prog_fd, type, text);
    case Kind::sockmap:
    case Kind::sockmap_link:
      return attach_sockmap(prog_fd, type, text, point.kind == Kind::sockmap_link);
    case Kind::netfilter:
      return attach_netfilter(prog_fd, type, point.number);
    case Kind::iterator:
      return link_create(prog_fd, 0, type);
    case Kind::socket:
      return attach_socket(prog_fd, type);
    case Kind::as_loaded:
      return attach_raw_tracepoint(prog_fd, nullptr);
    case Kind::raw_tracepoint:
    case Kind::cgroup_unlinked:
    case Kind::netns_unlinked:
    case Kind::xdp_netlink:
    case Kind::tc_ingress:
    case Kind::tc_egress:
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
    case ProgType::lsm:
      return AttachType::lsm_mac;
    case ProgType::netfilter:
      return AttachType::netfilter;
    case ProgType::flow_dissector:
      return AttachType::flow_dissector;
    case ProgType::sk_reuseport:
      return AttachType::sk_reuseport_select;
    default:
      return {};
  }
}

Result<Attachment> attach_prog(int prog_fd, AttachType type, const AttachPoint& point) {
  switch (point.kind) {
    case AttachPoint::Kind::xdp_netlink:
    case AttachPoint::Kind::tc_ingress:
    case AttachPoint::Kind::tc_egress:
      return attach_by_netlink(prog_fd, point);
    case AttachPoint::Kind::cgroup_unlinked:
      return attach_cgroup_unlinked(prog_fd, type, point.text.c_str());
    case AttachPoint::Kind::netns_unlinked:
      return attach_unlinked(prog_fd, type, UniqueFd(), 0);
    default:
      break;
  }
  auto [fd, error] = attach_held(prog_fd, type, point);
  if (error) return {{}, error};
  return {Attachment(std::move(fd)), {}};
}

}  // namespace bpftop
