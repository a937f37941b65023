// BPF_MAP_GET_NEXT_ID -> GET_FD_BY_ID -> OBJ_GET_INFO_BY_FD; then BPF_PROG_QUERY for a sockmap, and for a struct_ops map its
// value: where the kernel's struct has a pointer to a function, the kernel puts the program's id
// (bpf_struct_ops_map_update_elem in kernel/bpf/bpf_struct_ops.c). BTF tells where that is.
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/btf.h"
#include "core/time_limit.h"
#include "core/unlinked.h"

namespace bpftop {
namespace {

/// As of walk_progs.
constexpr uint32_t kMaxSteps = 1 << 20;
/// sched_ext_ops, the largest, has some 500 bytes.
constexpr uint32_t kMostValueBytes = 1 << 20;

/// What can be attached to a sockmap.
constexpr AttachType kSockmapAttachTypes[] = {AttachType::sk_skb_stream_parser, AttachType::sk_skb_stream_verdict,
                                              AttachType::sk_msg_verdict, AttachType::sk_skb_verdict};

/// enum bpf_struct_ops_state: the second word of a struct_ops map's value. `ready` waits for a link, or has one.
enum class StructOpsState : uint32_t { init, in_use, to_be_free, ready };

class Search {
 public:
  Search(MapsSought sought, uint32_t limit_ms) : sought_(sought), limit_(limit_ms) {}

  void all() {
    uint32_t id = 0;
    for (uint32_t step = 0; step < kMaxSteps; step++) {
      const auto [next, error] = map_next_id(id);
      if (error.err == ENOENT) return;
      if (error) return miss(error);
      if (next <= id) return miss({EPROTO, "bpf(BPF_MAP_GET_NEXT_ID)"});
      if (limit_.reached()) return miss({ETIME, "bpf(BPF_MAP_GET_NEXT_ID)"});
      id = next;
      map(id);
    }
    miss({EOVERFLOW, "bpf(BPF_MAP_GET_NEXT_ID)"});
  }

  Unlinked take() { return std::move(found_); }

 private:
  void map(uint32_t id) {
    const auto [fd, error] = map_fd_by_id(id, kMapReadOnly);
    if (error) {
      if (error.err != ENOENT) miss(error);
      return;
    }
    BpfMapInfo info = {};
    if (const SysError info_error = map_info_by_fd(fd.get(), info).error) return miss(info_error);
    switch (static_cast<MapType>(info.type)) {
      case MapType::sockmap:
      case MapType::sockhash:
        if (sought_.sockmaps) sockmap(fd.get(), info);
        break;
      case MapType::struct_ops:
        if (sought_.struct_ops) struct_ops(fd.get(), info);
        break;
      default:
        break;
    }
  }

  void sockmap(int fd, const BpfMapInfo& info) {
    for (const AttachType type : kSockmapAttachTypes) {
      const auto attach_type = static_cast<uint32_t>(type);
      const auto [prog_ids, error] = query_prog_ids(fd, attach_type);
      // EBUSY: its verdict is of the other kind, sk_skb_verdict or sk_skb_stream_verdict (sock_map_prog_lookup in
      // net/core/sock_map.c).
      if (error && error.err != EBUSY) miss(error);
      for (const uint32_t prog_id : prog_ids) add(LinkType::sockmap, info, prog_id).attach_type = attach_type;
    }
  }

  void struct_ops(int fd, const BpfMapInfo& info) {
    uint32_t head[2];
    std::vector<uint8_t> value(info.value_size);
    if (value.size() < sizeof head || value.size() > kMostValueBytes) return miss({EPROTO, "bpf(BPF_MAP_LOOKUP_ELEM)"});
    if (const SysError error = map_lookup(fd, 0, value.data())) return miss(error);
    std::memcpy(head, value.data(), sizeof head);
    const auto state = static_cast<StructOpsState>(head[1]);
    if (state != StructOpsState::in_use && state != StructOpsState::ready) return;

    const Btf* const btf = kernel_btf();
    if (btf == nullptr) return;
    // A type of a module's isn't in the kernel's BTF.
    const auto data = btf->member(info.btf_vmlinux_value_type_id, "data");
    if (!data || btf->size_of(info.btf_vmlinux_value_type_id) != value.size()) return miss({EOPNOTSUPP, "btf"});
    const std::string name(btf->name_of(data->type));
    for (const uint32_t offset : btf->function_pointers(data->type)) {
      uint64_t prog_id;
      const uint64_t at = uint64_t{data->bit_offset} / 8 + offset;
      if (at + sizeof prog_id > value.size()) break;
      std::memcpy(&prog_id, &value[at], sizeof prog_id);
      if (prog_id == 0 || prog_id > UINT32_MAX) continue;
      Link& link = add(LinkType::struct_ops, info, static_cast<uint32_t>(prog_id));
      if (!name.empty()) link.name = name;
      link.flags = info.map_flags;
    }
  }

  Link& add(LinkType type, const BpfMapInfo& info, uint32_t prog_id) {
    Link& link = found_.links.emplace_back();
    link.type = static_cast<uint32_t>(type);
    link.prog_id = prog_id;
    link.map_id = info.id;
    link.map_name = map_name_of(info);
    return link;
  }

  /// The kernel's types, read once a search; null: there are none.
  const Btf* kernel_btf() {
    if (!btf_) {
      btf_ = Btf::read("/sys/kernel/btf/vmlinux");
      if (btf_->error) miss(btf_->error);
    }
    return btf_->error ? nullptr : &btf_->value;
  }

  void miss(const SysError& error) {
    if (!found_.missed) found_.missed = error;
  }

  MapsSought sought_;
  TimeLimit limit_;
  std::optional<Result<Btf>> btf_;
  Unlinked found_;
};

}  // namespace

Unlinked find_map_progs(MapsSought sought, uint32_t limit_ms) {
  Search search(sought, limit_ms);
  search.all();
  return search.take();
}

}  // namespace bpftop
