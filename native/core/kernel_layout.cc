// Looks the members up, one after the other; the first that is missing ends it.
#include "core/kernel_layout.h"

#include <bit>
#include <cerrno>
#include <string>

namespace bpftop {
namespace {

/// A load's offset is an i16; no struct here comes near.
constexpr uint32_t kMostBytes = INT16_MAX;

/// Lookups in one BTF. After the first failure the rest are without meaning, and `refusal` says which it was.
class Lookup {
 public:
  explicit Lookup(const Btf& btf) : btf_(btf) {}

  Refusal refusal;

  uint32_t type(BtfKind kind, const char* name) {
    const uint32_t id = btf_.find(kind, name);
    if (id == 0) missing(std::string(kind == BtfKind::function ? "function " : "struct ") + name);
    return id;
  }

  /// Offset of a member of `size` bytes, if it is there.
  std::optional<int16_t> maybe(uint32_t type, const char* path, uint32_t size) const {
    const auto member = btf_.member(type, path);
    if (!member || member->bit_size != 0 || member->size != size || member->bit_offset / 8 > kMostBytes) return std::nullopt;
    return static_cast<int16_t>(member->bit_offset / 8);
  }

  /// The same, and it must be there.
  int16_t offset(uint32_t type, const char* path, uint32_t size) {
    const auto found = maybe(type, path, size);
    if (!found) missing(std::string("member ") + path + " of " + std::to_string(size) + " bytes");
    return found.value_or(0);
  }

  std::optional<FlagAt> maybe_flag(uint32_t type, const char* path) const {
    const auto member = btf_.member(type, path);
    if (!member || member->bit_offset / 8 > kMostBytes) return std::nullopt;
    FlagAt flag = {static_cast<int16_t>(member->bit_offset / 8), 0};
    if (member->bit_size == 1) {
      // Bits are counted from the least significant one, on big-endian machines from the most significant one.
      const uint8_t bit = member->bit_offset % 8;
      flag.shift = std::endian::native == std::endian::little ? bit : 7 - bit;
    } else if (member->bit_size != 0 || member->size != 1) {
      return std::nullopt;
    }
    return flag;
  }

  FlagAt flag(uint32_t type, const char* path) {
    const auto found = maybe_flag(type, path);
    if (!found) missing(std::string("flag ") + path);
    return found.value_or(FlagAt{});
  }

  void missing(const std::string& what) {
    if (!refusal) refusal = {{ENOENT, "btf"}, "this kernel's types have no " + what};
  }

 private:
  const Btf& btf_;
};

void read_prog(Lookup& find, uint32_t prog, KernelLayout& to) {
  to.prog_aux = find.offset(prog, "aux", 8);
  to.prog_type_member = find.offset(prog, "type", 4);
  to.prog_tag = find.offset(prog, "tag", 8);
  to.prog_len = find.offset(prog, "len", 4);
  to.prog_jited_len = find.offset(prog, "jited_len", 4);
  to.prog_expected_attach_type = find.offset(prog, "expected_attach_type", 4);
  to.prog_gpl_compatible = find.flag(prog, "gpl_compatible");
  to.prog_pages = find.maybe(prog, "pages", 2);
}

void read_aux(Lookup& find, uint32_t aux, KernelLayout& to) {
  to.aux_id = find.offset(aux, "id", 4);
  to.aux_name = find.offset(aux, "name", 16);
  to.aux_load_time = find.offset(aux, "load_time", 8);
  to.aux_user = find.offset(aux, "user", 8);
  to.user_uid = find.offset(find.type(BtfKind::structure, "user_struct"), "uid.val", 4);
  to.aux_used_map_cnt = find.offset(aux, "used_map_cnt", 4);
  to.aux_func_cnt = find.offset(aux, "func_cnt", 4);
  to.aux_func = find.offset(aux, "func", 8);
  to.aux_btf = find.offset(aux, "btf", 8);
  to.btf_id = find.offset(find.type(BtfKind::structure, "btf"), "id", 4);
  to.aux_attach_btf_id = find.offset(aux, "attach_btf_id", 4);
  to.aux_offload_requested = find.flag(aux, "offload_requested");
  to.aux_verified_insns = find.maybe(aux, "verified_insns", 4);
}

/// What has moved from bpf_prog_aux to bpf_prog over the years.
void read_moved(Lookup& find, uint32_t prog, uint32_t aux, KernelLayout& to) {
  to.sleepable = find.maybe_flag(prog, "sleepable");
  to.sleepable_in_prog = to.sleepable.has_value();
  if (!to.sleepable) to.sleepable = find.maybe_flag(aux, "sleepable");

  const auto in_prog = find.maybe(prog, "stats", 8);
  to.stats_in_prog = in_prog.has_value();
  to.stats = in_prog ? *in_prog : find.offset(aux, "stats", 8);
}

std::optional<KsymListAt> find_ksym_list(const Lookup& find, uint32_t meta, uint32_t aux) {
  const auto next = find.maybe(aux, "ksym.lnode.next", 8);
  const auto is_prog = find.maybe(aux, "ksym.prog", 1);
  const auto prog = find.maybe(aux, "prog", 8);
  const auto seq_num = find.maybe(meta, "seq_num", 8);
  if (!next || !is_prog || !prog || !seq_num) return std::nullopt;
  return KsymListAt{aux, *next, *is_prog, *prog, *seq_num};
}

}  // namespace

Refusal read_layout(const Btf& btf, KernelLayout& to) {
  Lookup find(btf);
  to.iter_function = find.type(BtfKind::function, "bpf_iter_bpf_prog");
  to.cast_function = btf.find(BtfKind::function, "bpf_rdonly_cast");

  const uint32_t iter = find.type(BtfKind::structure, "bpf_iter__bpf_prog");
  to.iter_meta = find.offset(iter, "meta", 8);
  to.iter_prog = find.offset(iter, "prog", 8);
  const uint32_t meta = find.type(BtfKind::structure, "bpf_iter_meta");
  to.meta_seq = find.offset(meta, "seq", 8);

  to.prog_type = find.type(BtfKind::structure, "bpf_prog");
  const uint32_t aux = find.type(BtfKind::structure, "bpf_prog_aux");
  read_prog(find, to.prog_type, to);
  read_aux(find, aux, to);
  read_moved(find, to.prog_type, aux, to);
  to.ksym_list = find_ksym_list(find, meta, aux);

  to.stats_type = find.type(BtfKind::structure, "bpf_prog_stats");
  to.stats_cnt = find.offset(to.stats_type, "cnt", 8);
  to.stats_nsecs = find.offset(to.stats_type, "nsecs", 8);
  to.stats_misses = find.maybe(to.stats_type, "misses", 8);

  const auto pptrs = btf.member(find.type(BtfKind::structure, "bpf_array"), "pptrs");
  if (!pptrs) find.missing("member pptrs");
  to.array_pptrs = pptrs ? static_cast<int32_t>(pptrs->bit_offset / 8) : 0;

  // Two pointers. An addon of 32 bits may run on a kernel of 64, so it is the kernel's that counts.
  to.list_head_type = find.type(BtfKind::structure, "list_head");
  if (btf.size_of(to.list_head_type) != 16) find.missing("pointers of 64 bits");
  return find.refusal;
}

Refusal read_map_layout(const Btf& btf, MapLayout& to) {
  Lookup find(btf);
  to.sum_function = find.type(BtfKind::function, "bpf_map_sum_elem_count");
  to.iter_function = find.type(BtfKind::function, "bpf_iter_bpf_map");
  const uint32_t iter = find.type(BtfKind::structure, "bpf_iter__bpf_map");
  to.iter_meta = find.offset(iter, "meta", 8);
  to.iter_map = find.offset(iter, "map", 8);
  to.meta_seq = find.offset(find.type(BtfKind::structure, "bpf_iter_meta"), "seq", 8);
  const uint32_t map = find.type(BtfKind::structure, "bpf_map");
  to.map_id = find.offset(map, "id", 4);
  to.map_elem_count = find.offset(map, "elem_count", 8);
  return find.refusal;
}

}  // namespace bpftop
