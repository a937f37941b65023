// Writing requests, and reading answers of whatever length until the kernel says that there is no more.
#include "core/netlink.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace bpftop {
namespace {

constexpr int kNetlinkRoute = 0;
constexpr uint16_t kNlmsgError = 2, kNlmsgDone = 3;
constexpr uint16_t kFRequest = 1, kFAck = 4, kFDumpIntr = 0x10, kFDump = 0x300;
/// The kernel gives at most 32 KiB at once to those who have room for it, but for a single message that is longer.
constexpr size_t kUsualRoom = 1 << 15, kMostRoom = 1 << 22;

/// struct sockaddr_nl.
struct SockAddrNl {
  uint16_t family;
  uint16_t pad;
  uint32_t pid;
  uint32_t groups;
};

struct NlMsgHdr {
  uint32_t len;
  uint16_t type;
  uint16_t flags;
  uint32_t seq;
  uint32_t pid;
};

}  // namespace

NetlinkRequest& NetlinkRequest::add(uint16_t type, const void* data, size_t len) {
  const auto total = static_cast<uint16_t>(len + 2 * sizeof(uint16_t));
  append(&total, sizeof total);
  append(&type, sizeof type);
  append(data, len);
  body_.resize((body_.size() + 3) & ~size_t{3});
  return *this;
}

void NetlinkRequest::append(const void* data, size_t len) {
  const auto* bytes = static_cast<const char*>(data);
  body_.insert(body_.end(), bytes, bytes + len);
}

Result<NetlinkSocket> NetlinkSocket::open() {
  NetlinkSocket socket;
  socket.fd_ = UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, kNetlinkRoute));
  if (!socket.fd_) return {{}, {errno, "socket(AF_NETLINK)"}};
  // From then on nothing is let in but what the kernel says: whoever is root in a container's own network namespace could
  // send here, too.
  const SockAddrNl kernel = {AF_NETLINK, 0, 0, 0};
  if (::connect(socket.fd_.get(), reinterpret_cast<const sockaddr*>(&kernel), sizeof kernel) != 0)
    return {{}, {errno, "connect(AF_NETLINK)"}};
  socket.buffer_.resize(kUsualRoom);
  return {std::move(socket), {}};
}

SysError NetlinkSocket::request(const NetlinkRequest& request, Deadline deadline) {
  if (const SysError error = send(request, kFAck)) return error;
  return receive(request.call_, deadline, [](Bytes) {});
}

SysError NetlinkSocket::send(const NetlinkRequest& request, uint16_t flags) {
  const NlMsgHdr header = {static_cast<uint32_t>(sizeof header + request.body_.size()), request.type_,
                           static_cast<uint16_t>(request.flags_ | flags | kFRequest), ++seq_, 0};
  std::vector<char> message(sizeof header);
  std::memcpy(message.data(), &header, sizeof header);
  message.insert(message.end(), request.body_.begin(), request.body_.end());
  if (::send(fd_.get(), message.data(), message.size(), 0) < 0) return {errno, request.call_};
  return {};
}

SysError NetlinkSocket::dump_once(const NetlinkRequest& request, Deadline deadline, const Use& use) {
  if (deadline.passed()) return {ETIMEDOUT, request.call_};
  if (const SysError error = send(request, kFDump)) return error;
  const SysError error = receive(request.call_, deadline, use);
  if (error.err != EMSGSIZE || buffer_.size() >= kMostRoom) return error;
  // What is left of a dump goes with its socket; a message that is longer than the buffer is rare enough to begin anew.
  auto [socket, failed] = open();
  if (failed) return failed;
  socket.buffer_.resize(buffer_.size() * 4);
  *this = std::move(socket);
  return {EINTR, request.call_};
}

SysError NetlinkSocket::receive(const char* call, Deadline deadline, const Use& use) {
  bool changed = false;
  for (;;) {
    pollfd ready = {fd_.get(), POLLIN, 0};
    const int left_ms = deadline.left_ms();
    const int polled = left_ms == 0 ? 0 : ::poll(&ready, 1, left_ms);
    if (polled == 0) return {ETIMEDOUT, call};
    if (polled < 0 && errno == EINTR) continue;
    if (polled < 0) return {errno, call};
    // MSG_TRUNC: how long it is, not how much of it there was room for.
    const ssize_t got = ::recv(fd_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return {errno, call};
    if (static_cast<size_t>(got) > buffer_.size()) return {EMSGSIZE, call};
    Bytes bytes(buffer_.data(), static_cast<size_t>(got));
    while (bytes.size() >= sizeof(NlMsgHdr)) {
      const auto header = read_as<NlMsgHdr>(bytes);
      if (header.len < sizeof header || header.len > bytes.size()) return {EPROTO, call};
      const Bytes payload = bytes.subspan(sizeof header, header.len - sizeof header);
      bytes = bytes.subspan(std::min<size_t>((header.len + size_t{3}) & ~size_t{3}, bytes.size()));
      if (header.seq != seq_) continue;  // of a request that was given up
      changed |= (header.flags & kFDumpIntr) != 0;
      if (header.type == kNlmsgError || header.type == kNlmsgDone) {
        const auto err = read_as<int32_t>(payload);
        if (err < 0) return {-err, call};
        return changed ? SysError{EINTR, call} : SysError{};
      }
      use(payload);
    }
  }
}

}  // namespace bpftop
