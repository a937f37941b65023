// Where a test program can be hung: XDP (by link or by netlink), tcx or netkit, tc, a cgroup, a network namespace, a sockmap
// (each by link or without), a tracepoint, a software event, a uprobe, a kprobe (each by ioctl or by link), many of those
// two at once, a raw tracepoint, netfilter, an iterator, a socket; or the function it was loaded for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "core/bpf_syscall.h"

namespace bpftop {

struct AttachPoint {
  enum class Kind {
    xdp,
    xdp_netlink,
    tcx,
    tc_ingress,
    tc_egress,
    cgroup,
    cgroup_unlinked,
    netns,
    netns_unlinked,
    tracepoint,
    tracepoint_link,
    raw_tracepoint,
    software_event,
    software_event_link,
    uprobe,
    uprobe_link,
    uprobe_multi,
    kprobe,
    kprobe_link,
    kprobe_multi,
    sockmap,
    sockmap_link,
    netfilter,
    iterator,
    socket,
    as_loaded,
  };
  Kind kind = Kind::xdp;
  /// xdp…, tc…: the interface's index; tracepoint, tracepoint_link: the id in tracefs events/…/id; software_event: which
  /// (enum perf_sw_ids); uprobe…: where in the file; netfilter: the hook (enum nf_inet_hooks).
  uint32_t number = 0;
  /// cgroup, cgroup_unlinked: a directory in a cgroup2 mount; netns: a file such as /proc/self/ns/net; raw_tracepoint: its
  /// name; uprobe…: the file; kprobe…: the function; sockmap…: what the map, made for it, is to be called.
  std::string text;
};

/// The attach type that a program of this type is loaded for and attached with; 0 for types without.
AttachType attach_type_of(ProgType type);

/// What keeps a program somewhere, until it goes.
class Attachment {
 public:
  Attachment() = default;
  /// `holder` alone keeps it there: a link, a perf event, a map.
  explicit Attachment(UniqueFd holder) : holder_(std::move(holder)) {}
  /// One that no fd holds: `undo` takes it off.
  explicit Attachment(std::function<void()> undo) : undo_(std::move(undo)) {}
  Attachment(Attachment&& other) noexcept { *this = std::move(other); }
  Attachment& operator=(Attachment&& other) noexcept {
    std::swap(holder_, other.holder_);
    std::swap(undo_, other.undo_);
    return *this;
  }
  ~Attachment() {
    if (undo_) undo_();
  }

  /// What alone keeps it there; -1: nothing does.
  int holder() const { return holder_.get(); }

 private:
  UniqueFd holder_;
  std::function<void()> undo_;
};

/// Attaches the program. By netlink (xdp_netlink, tc) it stays there if the process is killed: for network namespaces that
/// go with it. tc makes a clsact qdisc and takes it off again, with whatever else is on it. EINVAL: the type doesn't go
/// there, or, before 5.7 (cgroup), 5.9 (XDP), 5.15 (perf events), 6.6 (tcx) and 6.10 (sockmap), no links. EBUSY: the
/// interface has an XDP program. ENOENT: no such place.
Result<Attachment> attach_prog(int prog_fd, AttachType type, const AttachPoint& point);

}  // namespace bpftop
