// BTF made by hand: the types that the iterator sampler looks up, as kernels of several ages lay them out, and nothing else.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "core/btf.h"

namespace bpftop {

struct SyntheticMember {
  const char* name;
  uint32_t type;
  uint32_t bit_offset;
  /// Not 0: a bitfield.
  uint32_t bit_size = 0;
};

/// Appends types and gives their ids.
class BtfBuilder {
 public:
  /// Of a module: its strings go on after so many bytes of the kernel's.
  explicit BtfBuilder(uint32_t strings_before = 0) : strings_(1, '\0'), strings_before_(strings_before) {}

  uint32_t integer(const char* name, uint32_t bytes) { return add(BtfKind::integer, name, 0, bytes, {bytes * 8}); }
  uint32_t reference(BtfKind kind, const char* name, uint32_t to) { return add(kind, name, 0, to, {}); }
  uint32_t array(uint32_t of, uint32_t count) { return add(BtfKind::array, "", 0, 0, {of, 1, count}); }
  uint32_t structure(const char* name, uint32_t bytes, const std::vector<SyntheticMember>& members,
                     BtfKind kind = BtfKind::structure) {
    bool bitfields = false;
    for (const SyntheticMember& member : members) bitfields |= member.bit_size != 0;
    std::vector<uint32_t> tail;
    for (const SyntheticMember& member : members) {
      tail.push_back(string(member.name));
      tail.push_back(member.type);
      tail.push_back(member.bit_size << 24 | member.bit_offset);
    }
    return add(kind, name, static_cast<uint32_t>(members.size()) | (bitfields ? 1u << 31 : 0), bytes, tail);
  }
  uint32_t add(BtfKind kind, const char* name, uint32_t vlen_and_flag, uint32_t size, const std::vector<uint32_t>& tail) {
    words_.insert(words_.end(), {string(name), static_cast<uint32_t>(kind) << 24 | vlen_and_flag, size});
    words_.insert(words_.end(), tail.begin(), tail.end());
    return ++last_;
  }

  std::vector<uint8_t> bytes() const {
    const auto types_len = static_cast<uint32_t>(words_.size() * 4), strings_len = static_cast<uint32_t>(strings_.size());
    // Magic and version of either byte order.
    const uint16_t magic = 0xeb9f;
    uint32_t header[6] = {0, 24, 0, types_len, types_len, strings_len};
    const uint8_t version = 1;
    std::memcpy(header, &magic, sizeof magic);
    std::memcpy(reinterpret_cast<uint8_t*>(header) + 2, &version, 1);
    std::vector<uint8_t> all(sizeof header + types_len + strings_len);
    std::memcpy(all.data(), header, sizeof header);
    std::memcpy(all.data() + sizeof header, words_.data(), types_len);
    std::memcpy(all.data() + sizeof header + types_len, strings_.data(), strings_len);
    return all;
  }

 private:
  /// Each string once, as in the kernel's own.
  uint32_t string(const char* text) {
    if (*text == '\0') return 0;
    const std::string whole = std::string(1, '\0') + text + '\0';
    const size_t found = strings_.find(whole);
    if (found != std::string::npos) return strings_before_ + static_cast<uint32_t>(found + 1);
    strings_.append(text).push_back('\0');
    return strings_before_ + static_cast<uint32_t>(strings_.size() - std::strlen(text) - 1);
  }

  std::vector<uint32_t> words_;
  std::string strings_;
  uint32_t strings_before_;
  uint32_t last_ = 0;
};

/// What has changed from kernel to kernel.
struct SyntheticKernel {
  bool stats_in_aux = false;
  bool misses = true;
  bool verified_insns = true;
  enum { nowhere, bool_in_aux, bit_in_prog } sleepable = bit_in_prog;
  bool cast = true;
  /// Of bpf_prog_aux; not there under these names when false.
  bool load_time = true, ksym = true;
};

/// The types of such a kernel. bpf_prog: pages 0, bits 2, type 4, attach type 8, len 12, jited_len 16, tag 20, stats 32,
/// aux 40.
inline std::vector<uint8_t> synthetic_btf(const SyntheticKernel& kernel = {}) {
  BtfBuilder make;
  using enum BtfKind;
  const uint32_t u8 = make.integer("unsigned char", 1), u16_base = make.integer("unsigned short", 2),
                 u32 = make.integer("unsigned int", 4), u64 = make.integer("unsigned long", 8),
                 boolean = make.integer("_Bool", 1);
  const uint32_t u16 = make.reference(type_definition, "u16", make.reference(const_type, "", u16_base));
  const uint32_t pointer_to_void = make.reference(pointer, "", 0), name_array = make.array(u8, 16);
  const uint32_t percpu = make.reference(pointer, "", make.reference(type_tag, "percpu", u64));

  const uint32_t counter = make.structure("", 8, {{"v", u64, 0}});
  const uint32_t stats_type = make.reference(type_definition, "u64_stats_t", counter);
  std::vector<SyntheticMember> stats = {{"cnt", stats_type, 0}, {"nsecs", stats_type, 64}};
  if (kernel.misses) stats.push_back({"misses", stats_type, 128});
  make.structure("bpf_prog_stats", 64, stats);

  const uint32_t kuid = make.reference(type_definition, "kuid_t", make.structure("", 4, {{"val", u32, 0}}));
  make.structure("user_struct", 96, {{"__count", u32, 0}, {"uid", kuid, 64 * 8}});
  make.structure("btf", 64, {{"data", pointer_to_void, 0}, {"id", u32, 48 * 8}});
  const uint32_t list_head = make.structure("list_head", 16, {{"next", pointer_to_void, 0}, {"prev", pointer_to_void, 64}});
  const uint32_t ksym = make.structure("bpf_ksym", 64, {{"lnode", list_head, 32 * 8}, {"prog", boolean, 56 * 8}});

  std::vector<SyntheticMember> aux = {
      {"used_map_cnt", u32, 8 * 8},        {"id", u32, 12 * 8},
      {"func_cnt", u32, 16 * 8},           {"attach_btf_id", u32, 20 * 8},
      {"offload_requested", boolean, 192}, {"func", pointer_to_void, 32 * 8},
      {"user", pointer_to_void, 40 * 8},   {"name", name_array, 64 * 8},
      {"btf", pointer_to_void, 80 * 8},
  };
  if (kernel.ksym) aux.push_back({"ksym", ksym, 136 * 8});
  aux.push_back({"prog", pointer_to_void, 200 * 8});
  if (kernel.load_time) aux.push_back({"load_time", u64, 48 * 8});
  if (kernel.verified_insns) aux.push_back({"verified_insns", u32, 56 * 8});
  if (kernel.sleepable == SyntheticKernel::bool_in_aux) aux.push_back({"sleepable", boolean, 200});
  if (kernel.stats_in_aux) aux.push_back({"stats", percpu, 88 * 8});
  make.structure("bpf_prog_aux", 208, aux);

  const uint32_t tag_union =
      make.structure("", 8, {{"digest", make.array(u8, 8), 0}, {"tag", make.array(u8, 8), 0}}, union_type);
  std::vector<SyntheticMember> prog = {
      {"pages", u16, 0},
      {"jited", u16, 16, 1},
      {"gpl_compatible", u16, 18, 1},
      {"type", u32, 32},
      {"expected_attach_type", u32, 64},
      {"len", u32, 96},
      {"jited_len", u32, 128},
      {"", tag_union, 160},
      {"aux", pointer_to_void, 320},
  };
  if (kernel.sleepable == SyntheticKernel::bit_in_prog) prog.push_back({"sleepable", u16, 30, 1});
  if (!kernel.stats_in_aux) prog.push_back({"stats", percpu, 256});
  make.structure("bpf_prog", 48, prog);

  const uint32_t seq = make.structure("", 8, {{"seq", pointer_to_void, 0}}, union_type);
  make.structure("bpf_iter_meta", 24, {{"", seq, 0}, {"session_id", u64, 64}, {"seq_num", u64, 128}});
  const uint32_t meta = make.structure("", 8, {{"meta", pointer_to_void, 0}}, union_type);
  const uint32_t iter_prog = make.structure("", 8, {{"prog", pointer_to_void, 0}}, union_type);
  make.structure("bpf_iter__bpf_prog", 16, {{"", meta, 0}, {"", iter_prog, 64}});
  const uint32_t values =
      make.structure("", 0, {{"value", make.array(u8, 0), 0}, {"pptrs", make.array(u64, 0), 0}}, union_type);
  make.structure("bpf_array", 256, {{"elem_size", u32, 0}, {"", values, 256 * 8}});

  const uint32_t prototype = make.add(function_prototype, "", 1, u32, {0, pointer_to_void});
  make.reference(function, "bpf_iter_bpf_prog", prototype);
  if (kernel.cast) make.reference(function, "bpf_rdonly_cast", prototype);
  return make.bytes();
}

}  // namespace bpftop
