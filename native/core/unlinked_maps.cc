// BPF_MAP_GET_NEXT_ID -> GET_FD_BY_ID -> OBJ_GET_INFO_BY_FD; then BPF_PROG_QUERY for a sockmap, and for a struct_ops map its
// value: where the kernel's struct has a pointer to a function, the kernel puts the program's id
// (bpf_struct_ops_map_update_elem in kernel/bpf/bpf_struct_ops.c). BTF tells where that is.
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/btf.h"
#include "core/deadline.h"
#include "core/ids.h"
#include "core/unlinked.h"

namespace bpftop {
namespace {

/// sched_ext_ops, the largest, has some 500 bytes.
constexpr uint32_t kMostValueBytes = 1 << 20;

/// What can be attached to a sockmap.
constexpr AttachType kSockmapAttachTypes[] = {AttachType::sk_skb_stream_parser, AttachType::sk_skb_stream_verdict,
                                              AttachType::sk_msg_verdict, AttachType::sk_skb_verdict};

/// enum bpf_struct_ops_state: the second word of a struct_ops map's value. `ready` waits for a link, or has one.
enum class StructOpsState : uint32_t { init, in_use, to_be_free, ready };

class Search {
 public:
  Search(MapsSought sought, uint32_t limit_ms) : sought_(sought), deadline_(limit_ms) {}

  void all() {
    static constexpr char kCall[] = "bpf(BPF_MAP_GET_NEXT_ID)";
    const auto look = [this](uint32_t id) -> SysError {
      if (deadline_.passed()) return {ETIME, kCall};
      map(id);
      return {};
    };
    if (const SysError error = for_each_id(map_next_id, kCall, look)) miss(error);
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
      // EOPNOTSUPP: this kernel was built without programs of that kind. EBUSY: of the two verdicts on streams and on
      // packets it has the other one (sock_map_prog_lookup, net/core/sock_map.c).
      if (error && error.err != EOPNOTSUPP && error.err != EBUSY) miss(error);
      for (const uint32_t prog_id : prog_ids) add(LinkType::sockmap, info, prog_id).attach_type = attach_type;
    }
  }

  void struct_ops(int fd, const BpfMapInfo& info) {
    uint32_t head[2];
    if (info.value_size < sizeof head || info.value_size > kMostValueBytes)
      return miss({EPROTO, "bpf(BPF_MAP_LOOKUP_ELEM)"});
    std::vector<uint8_t> value(info.value_size);
    if (const SysError error = map_lookup(fd, 0, value.data())) return miss(error);
    std::memcpy(head, value.data(), sizeof head);
    const auto state = static_cast<StructOpsState>(head[1]);
    if (state != StructOpsState::in_use && state != StructOpsState::ready) return;

    const Btf* const btf = kernel_btf();
    if (btf == nullptr) return;
    // A type of a module's isn't in the kernel's BTF.
    const auto data = btf->member(info.btf_vmlinux_value_type_id, "data");
    if (!data || btf->size_of(info.btf_vmlinux_value_type_id) != value.size()) return miss({EOPNOTSUPP, "btf"});
    const std::string name(btf->name_of(BtfKind::structure, data->type));
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
      btf_ = Btf::read(kKernelBtf);
      if (btf_->error) miss(btf_->error);
    }
    return btf_->error ? nullptr : &btf_->value;
  }

  void miss(const SysError& error) {
    if (!found_.missed) found_.missed = error;
  }

  MapsSought sought_;
  Deadline deadline_;
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
