// rtnetlink(7): requests and dumps. The ABI is declared here, as that of bpf(2) in bpf_syscall.h.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <vector>

#include "core/deadline.h"
#include "core/sys_error.h"
#include "core/unique_fd.h"

namespace bpftop {

namespace netlink {

inline constexpr uint16_t kRtmNewLink = 16, kRtmGetLink = 18, kRtmSetLink = 19;
inline constexpr uint16_t kRtmNewQdisc = 36, kRtmDelQdisc = 37, kRtmGetQdisc = 38;
inline constexpr uint16_t kRtmGetTclass = 42;
inline constexpr uint16_t kRtmNewTfilter = 44, kRtmGetTfilter = 46;
inline constexpr uint16_t kNlmFCreate = 0x400;
/// Handles of tc: the root of an interface, its clsact or ingress qdisc, and what is under that.
inline constexpr uint32_t kTcRoot = 0xffffffff, kTcClsact = 0xfffffff1;
inline constexpr uint32_t kTcIngress = 0xfffffff2, kTcEgress = 0xfffffff3;

/// struct ifinfomsg.
struct IfInfoMsg {
  uint8_t family;
  uint8_t pad;
  uint16_t type;
  int32_t index;
  uint32_t flags;
  uint32_t change;
};

/// struct tcmsg.
struct TcMsg {
  uint8_t family;
  uint8_t pad1;
  uint16_t pad2;
  int32_t ifindex;
  uint32_t handle;
  uint32_t parent;
  uint32_t info;
};

}  // namespace netlink

/// What a message or an attribute holds.
using Bytes = std::span<const char>;

/// The start of `bytes` as a T; zeros where they are too few.
template <typename T>
T read_as(Bytes bytes) {
  T value = {};
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// Calls `use(type, payload)` for each attribute; one that claims more than there is ends it.
template <typename Use>
void for_each_attr(Bytes bytes, Use use) {
  struct Attr {
    uint16_t len;
    uint16_t type;
  };
  constexpr uint16_t kTypeMask = 0x3fff;  // NLA_TYPE_MASK
  while (bytes.size() >= sizeof(Attr)) {
    const auto attr = read_as<Attr>(bytes);
    if (attr.len < sizeof attr || attr.len > bytes.size()) return;
    use(static_cast<uint16_t>(attr.type & kTypeMask), bytes.subspan(sizeof attr, attr.len - sizeof attr));
    const size_t step = (attr.len + size_t{3}) & ~size_t{3};
    if (step >= bytes.size()) return;
    bytes = bytes.subspan(step);
  }
}

/// What follows the family's own header, of type T, in a message.
template <typename T>
Bytes after(Bytes message) {
  return message.size() < sizeof(T) ? Bytes() : message.subspan(sizeof(T));
}

/// A request in the making.
class NetlinkRequest {
 public:
  /// `call` is what it is called where it fails: a string literal.
  template <typename Header>
  NetlinkRequest(const char* call, uint16_t type, const Header& header, uint16_t flags = 0)
      : call_(call), type_(type), flags_(flags) {
    append(&header, sizeof header);
  }

  NetlinkRequest& add(uint16_t type, const void* data, size_t len);
  NetlinkRequest& add(uint16_t type, uint32_t value) { return add(type, &value, sizeof value); }
  /// With its NUL.
  NetlinkRequest& add(uint16_t type, const char* text) { return add(type, text, std::strlen(text) + 1); }
  /// An attribute of attributes: those that `fill` adds.
  template <typename Fill>
  NetlinkRequest& nest(uint16_t type, Fill fill) {
    const size_t at = body_.size();
    add(type, nullptr, 0);
    fill(*this);
    const auto len = static_cast<uint16_t>(body_.size() - at);
    std::memcpy(body_.data() + at, &len, sizeof len);
    return *this;
  }

 private:
  friend class NetlinkSocket;
  void append(const void* data, size_t len);

  const char* call_;
  uint16_t type_;
  uint16_t flags_;
  std::vector<char> body_;
};

/// What a dump told, and what ended it before its end.
template <typename T>
struct Dumped {
  T value{};
  SysError error{};
};

/// A socket in the network namespace that the thread is in when it is opened.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open();

  /// Asks, and waits for the kernel to say that it is done.
  SysError request(const NetlinkRequest& request, Deadline deadline);

  /// Asks for a list; `use(value, payload)` is called for each of its messages, `value` being a T that begins empty. What
  /// changes while it is told is asked for again a few times: then EINTR. ETIMEDOUT: not done in time.
  template <typename T, typename Use>
  Dumped<T> dump(const NetlinkRequest& request, Deadline deadline, Use use) {
    Dumped<T> dumped;
    constexpr int kTries = 5;
    for (int tries = 0; tries < kTries; tries++) {
      dumped.value = {};
      dumped.error = dump_once(request, deadline, [&](Bytes payload) { use(dumped.value, payload); });
      if (dumped.error.err != EINTR) break;
    }
    return dumped;
  }

 private:
  using Use = std::function<void(Bytes)>;

  SysError send(const NetlinkRequest& request, uint16_t flags);
  /// EINTR: to be asked for again, from the beginning.
  SysError dump_once(const NetlinkRequest& request, Deadline deadline, const Use& use);
  /// Reads messages until the kernel says that it is done.
  SysError receive(const char* call, Deadline deadline, const Use& use);

  UniqueFd fd_;
  uint32_t seq_ = 0;
  std::vector<char> buffer_;
};

}  // namespace bpftop
