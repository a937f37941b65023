// Where this kernel keeps what is to be read of a program: offsets into its own structs, which differ from version to
// version and from build to build.
#pragma once

#include <cstdint>
#include <optional>

#include "core/btf.h"
#include "core/refusal.h"

namespace bpftop {

/// A bool, or a bit of a byte.
struct FlagAt {
  int16_t offset = 0;
  /// The bit's place in the byte, as a right shift; 0 for a bool.
  uint8_t shift = 0;
};

/// Where programs hang in the kernel's list of what has machine code (bpf_ksym, 5.7): to run ahead of an iterator.
struct KsymListAt {
  /// bpf_prog_aux, and in it: the link to the next one, whether a link is a program's at all, the program.
  uint32_t aux_type = 0;
  int16_t next = 0, is_prog = 0, prog = 0;
  /// u64 in bpf_iter_meta: how many programs were before this one.
  int16_t meta_seq_num = 0;
};

/// Offsets in bytes, by struct and member; ids of functions and types. Members that not every kernel with iterators has are
/// optional.
struct KernelLayout {
  /// FUNC bpf_iter_bpf_prog: what an iterator over programs is attached to.
  uint32_t iter_function = 0;
  /// FUNC bpf_rdonly_cast; 0: before 6.2.
  uint32_t cast_function = 0;
  // Structs that addresses are cast to.
  uint32_t prog_type = 0, stats_type = 0, list_head_type = 0;

  // struct bpf_iter__bpf_prog and struct bpf_iter_meta
  int16_t iter_meta = 0, iter_prog = 0, meta_seq = 0;

  // struct bpf_prog
  int16_t prog_aux = 0, prog_type_member = 0, prog_tag = 0, prog_len = 0, prog_jited_len = 0, prog_expected_attach_type = 0;
  FlagAt prog_gpl_compatible;
  /// u16, in pages; nothing if it isn't that any more.
  std::optional<int16_t> prog_pages;

  // struct bpf_prog_aux, and what it points to
  int16_t aux_id = 0, aux_name = 0, aux_load_time = 0, aux_user = 0, user_uid = 0, aux_used_map_cnt = 0, aux_func_cnt = 0,
          aux_func = 0, aux_btf = 0, btf_id = 0, aux_attach_btf_id = 0;
  FlagAt aux_offload_requested;
  /// 5.16
  std::optional<int16_t> aux_verified_insns;

  /// In bpf_prog from 6.10 on (a bit), in bpf_prog_aux from 5.10 on (a bool), nowhere before.
  std::optional<FlagAt> sleepable;
  bool sleepable_in_prog = false;

  /// The pointer to the per-CPU counters: in bpf_prog from 5.12 on, in bpf_prog_aux before.
  int16_t stats = 0;
  bool stats_in_prog = false;

  // struct bpf_prog_stats
  int16_t stats_cnt = 0, stats_nsecs = 0;
  /// 5.12
  std::optional<int16_t> stats_misses;

  // struct bpf_array
  int32_t array_pptrs = 0;

  /// Nothing where it isn't as expected: it is for speed alone.
  std::optional<KsymListAt> ksym_list;
};

/// Where it keeps what counts the elements of maps. Offsets in bytes, ids of functions.
struct MapLayout {
  /// FUNC bpf_iter_bpf_map: what an iterator over maps is attached to.
  uint32_t iter_function = 0;
  /// FUNC bpf_map_sum_elem_count; 6.6.
  uint32_t sum_function = 0;

  // struct bpf_iter__bpf_map, struct bpf_iter_meta, struct bpf_map
  int16_t iter_meta = 0, iter_map = 0, meta_seq = 0, map_id = 0, map_elem_count = 0;
};

/// Reads it off the kernel's BTF. Refused, naming what is missing, where a member isn't there or isn't of the size that it
/// has always had: then this reader knows too little of that kernel.
Refusal read_layout(const Btf& btf, KernelLayout& layout);
Refusal read_map_layout(const Btf& btf, MapLayout& layout);

}  // namespace bpftop
