// rtnetlink(7): one question, one answer. The ABI is declared here, as that of bpf(2) in bpf_syscall.h.
#include "core/interface.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <span>

#include "core/unique_fd.h"

namespace bpftop {
namespace {

constexpr int kNetlinkRoute = 0;
constexpr uint16_t kNlmsgError = 2, kRtmNewLink = 16, kRtmGetLink = 18, kNlmFRequest = 1;
constexpr uint16_t kIflaIfname = 3, kIflaXdp = 43;
// Of IFLA_XDP: the program of the only mode, and those of the modes where there are several.
constexpr uint16_t kXdpProgId = 4, kXdpHwProgId = 7;
constexpr uint16_t kTypeMask = 0x3fff;  // NLA_TYPE_MASK

struct NlMsgHdr {
  uint32_t len;
  uint16_t type;
  uint16_t flags;
  uint32_t seq;
  uint32_t pid;
};

struct IfInfoMsg {
  uint8_t family;
  uint8_t pad;
  uint16_t type;
  int32_t index;
  uint32_t flags;
  uint32_t change;
};

struct Attr {
  uint16_t len;
  uint16_t type;
};

using Bytes = std::span<const char>;

template <typename T>
T read_as(Bytes bytes) {
  T value = {};
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// Calls `use(type, payload)` for each attribute; one that claims more than there is ends it.
template <typename Use>
void for_each_attr(Bytes bytes, Use use) {
  while (bytes.size() >= sizeof(Attr)) {
    const auto attr = read_as<Attr>(bytes);
    if (attr.len < sizeof attr || attr.len > bytes.size()) return;
    use(attr.type & kTypeMask, bytes.subspan(sizeof attr, attr.len - sizeof attr));
    const size_t step = (attr.len + size_t{3}) & ~size_t{3};
    if (step >= bytes.size()) return;
    bytes = bytes.subspan(step);
  }
}

}  // namespace

Result<Interface> interface_by_index(uint32_t ifindex) {
  const UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, kNetlinkRoute));
  if (!fd) return {{}, {errno, "socket(AF_NETLINK)"}};
  struct {
    NlMsgHdr header;
    IfInfoMsg interface;
  } request = {};
  request.header = {sizeof request, kRtmGetLink, kNlmFRequest, 1, 0};
  request.interface.index = static_cast<int32_t>(ifindex);
  if (::send(fd.get(), &request, sizeof request, 0) < 0) return {{}, {errno, "send(RTM_GETLINK)"}};

  // About 1 KB; an SR-IOV card with its functions more, but they are told only to those who ask.
  std::vector<char> answer(1 << 15);
  // The kernel has answered before send() returns.
  const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  if (got < 0) return {{}, {errno, "recv(RTM_GETLINK)"}};
  Bytes bytes(answer.data(), static_cast<size_t>(got));
  const auto header = read_as<NlMsgHdr>(bytes);
  if (header.len > bytes.size() || header.len < sizeof header + sizeof(IfInfoMsg))
    return {{}, {EPROTO, "recv(RTM_GETLINK)"}};
  bytes = bytes.subspan(sizeof header, header.len - sizeof header);
  if (header.type == kNlmsgError) return {{}, {-read_as<int32_t>(bytes), "RTM_GETLINK"}};
  if (header.type != kRtmNewLink) return {{}, {EPROTO, "recv(RTM_GETLINK)"}};

  Interface found;
  for_each_attr(bytes.subspan(sizeof(IfInfoMsg)), [&](int type, Bytes value) {
    if (type == kIflaIfname) found.name.assign(value.data(), ::strnlen(value.data(), value.size()));
    if (type != kIflaXdp) return;
    for_each_attr(value, [&](int mode, Bytes prog) {
      if (mode >= kXdpProgId && mode <= kXdpHwProgId) found.xdp_prog_ids.push_back(read_as<uint32_t>(prog));
    });
  });
  return {std::move(found), {}};
}

}  // namespace bpftop
