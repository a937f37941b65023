// Most of what is read of a program is read by plain loads: the verifier knows the type of ctx->prog, follows its pointers
// by BTF, and makes each load one that gives 0 where there is nothing to be read. What it doesn't follow is arithmetic with
// addresses, which per-CPU counters and lists of functions take: there addresses are made into numbers first.
#include "core/iter_code.h"

#include <algorithm>
#include <cstddef>

namespace bpftop {
namespace {

using namespace insn;

// BPF_MAX_SUBPROGS: no program has more functions (to 6.18).
constexpr int32_t kMostFunctions = 256;
constexpr int32_t kPointerLen = 8;
// As many misses as a CPU keeps under way, and half of an L1 cache's lines. A power of two.
constexpr int32_t kAhead = 16;

// The frame of the iterator, from the top: the seq_file, room for a read, the record.
constexpr int16_t kSeq = -8;
constexpr int16_t kScratchLen = 64;
constexpr int16_t kScratch = kSeq - kScratchLen;
constexpr int16_t kRecord = kScratch - static_cast<int16_t>(sizeof(IterRecord));

class IteratorCode {
 public:
  IteratorCode(const KernelLayout& layout, IterWay way, int memory_fd, uint32_t cpus)
      : at_(layout), way_(way), memory_fd_(memory_fd), cpus_(static_cast<int32_t>(cpus)) {}

  Assembler assemble() {
    code_ << load(Width::u64, r2, r1, at_.iter_meta) << load(Width::u64, r2, r2, at_.meta_seq)
          << store(Width::u64, r10, kSeq, r2) << load(Width::u64, r7, r1, at_.iter_prog);
    // Null after the last program: the kernel lets an iterator write an end of its own.
    Label last, counters, end;
    code_.jump(jeq(r7, 0), last);
    code_ << load(Width::u64, r8, r7, at_.prog_aux);
    if (way_.ahead && at_.ksym_list) look_ahead(*at_.ksym_list);
    copy_static();
    copy_flags();
    take_stats_base();
    note_self();
    sum_functions();
    code_.jump(ja(), counters);
    code_.place(last);
    begin_last(end);
    code_.place(counters);
    sum_cpus();
    share_of_hottest();
    code_ << load(Width::u64, r1, r10, kSeq) << mov(r2, r10) << add(r2, kRecord) << mov(r3, sizeof(IterRecord))
          << call(Helper::seq_write);
    code_.place(end);
    code_ << mov(r0, 0) << exit();
    return std::move(code_);
  }

 private:
  static constexpr int16_t in_record(size_t member) { return static_cast<int16_t>(kRecord + static_cast<int>(member)); }

  /// For every kAhead-th program, touches what the kernel and this program are about to read of the kAhead next ones. At
  /// thousands of programs nothing of them is in a cache, and the kernel waits for it twice a program (bpf_prog, on a page
  /// of its own, then the reference count in bpf_prog_aux): here all that waiting is done at once, a fifth of a pass less at
  /// 10 000. Nothing that is read is used, so it doesn't matter that the list may be in another order, or end: its head
  /// is no aux, and what seems to be one around it are other variables of the kernel's, which are read and forgotten. A read
  /// from nowhere gives 0 (the verifier sees to that with what comes of a cast). r1 is the context, r8 aux; r6 counts, r9 is
  /// the address of an aux.
  void look_ahead(const KsymListAt& list) {
    Label next, done;
    code_ << load(Width::u64, r2, r1, at_.iter_meta) << load(Width::u64, r2, r2, list.meta_seq_num)
          << bit_and(r2, kAhead - 1);
    code_.jump(jne(r2, 0), done);
    code_ << mov(r6, 0) << mov(r9, r8);
    as_number_r9(list.aux_type);
    code_.place(next);
    code_ << mov(r1, r9);
    cast_r1(list.aux_type);
    code_ << load(Width::u64, r9, r0, list.next);
    as_number_r9(list.aux_type);
    code_ << add(r9, -list.next) << mov(r1, r9);
    cast_r1(list.aux_type);
    // Not a trampoline, whose memory isn't an aux.
    code_ << load(Width::u8, r1, r0, list.is_prog);
    code_.jump(jeq(r1, 0), done);
    // A load for each line of memory that is read of a program.
    code_ << load(Width::u32, r1, r0, at_.aux_id) << load(Width::u8, r1, r0, at_.aux_offload_requested.offset)
          << load(Width::u8, r1, r0, at_.aux_name) << load(Width::u64, r1, r0, at_.aux_btf)
          << load(Width::u64, r1, r0, list.prog) << load(Width::u32, r2, r1, at_.prog_type_member)
          << load(Width::u64, r2, r1, at_.prog_aux) << add(r6, 1);
    code_.jump(jne(r6, kAhead), next);
    code_.place(done);
  }

  /// record.member = *(src + from), of `len` bytes, in the widest loads that alignment allows.
  void copy(size_t member, Reg src, int16_t from, int16_t len) {
    for (int16_t done = 0; done < len;) {
      const auto to = in_record(member + static_cast<size_t>(done));
      const bool wide = len - done >= 8 && (from + done) % 8 == 0 && to % 8 == 0;
      const Width width = wide ? Width::u64 : Width::u32;
      code_ << load(width, r1, src, static_cast<int16_t>(from + done)) << store(width, r10, to, r1);
      done = static_cast<int16_t>(done + (wide ? 8 : 4));
    }
  }

  /// r7 is the program, r8 its aux.
  void copy_static() {
    copy(offsetof(IterRecord, id), r8, at_.aux_id, 4);
    code_ << load(Width::u32, r1, r7, at_.prog_type_member)
          << store(Width::u8, r10, in_record(offsetof(IterRecord, type)), r1)
          << load(Width::u32, r1, r7, at_.prog_expected_attach_type)
          << store(Width::u16, r10, in_record(offsetof(IterRecord, expected_attach_type)), r1);
    code_ << (at_.prog_pages ? load(Width::u16, r1, r7, *at_.prog_pages) : mov(r1, 0))
          << store(Width::u16, r10, in_record(offsetof(IterRecord, pages)), r1);
    code_ << load(Width::u64, r1, r8, at_.aux_user) << load(Width::u32, r1, r1, at_.user_uid)
          << store(Width::u32, r10, in_record(offsetof(IterRecord, uid)), r1);
    copy(offsetof(IterRecord, name), r8, at_.aux_name, kNameLen);
    copy(offsetof(IterRecord, tag), r7, at_.prog_tag, kTagLen);
    copy(offsetof(IterRecord, load_time), r8, at_.aux_load_time, 8);
    copy(offsetof(IterRecord, insns), r7, at_.prog_len, 4);
    copy(offsetof(IterRecord, jited_len), r7, at_.prog_jited_len, 4);
    code_ << (at_.aux_verified_insns ? load(Width::u32, r1, r8, *at_.aux_verified_insns) : mov(r1, 0))
          << store(Width::u32, r10, in_record(offsetof(IterRecord, verified_insns)), r1);
    // Without BTF the pointer is null, and what is read from there is 0.
    code_ << load(Width::u64, r1, r8, at_.aux_btf) << load(Width::u32, r1, r1, at_.btf_id)
          << store(Width::u32, r10, in_record(offsetof(IterRecord, btf_id)), r1);
    copy(offsetof(IterRecord, attach_btf_id), r8, at_.aux_attach_btf_id, 4);
    // All the rest is written below or is 0 to begin with; the verifier wants every byte written.
    const int32_t known = (at_.prog_pages ? kIterKnowsPages : 0) | (at_.aux_verified_insns ? kIterKnowsVerifiedInsns : 0) |
                          (at_.sleepable ? kIterKnowsSleepable : 0) | (at_.stats_misses ? kIterKnowsMisses : 0);
    code_ << store(Width::u16, r10, in_record(offsetof(IterRecord, hottest)), kNoCpu)
          << store(Width::u32, r10, in_record(offsetof(IterRecord, hottest_pct)), 0)
          << store(Width::u8, r10, in_record(offsetof(IterRecord, known)), known)
          << store(Width::u64, r10, in_record(offsetof(IterRecord, run_time_ns)), 0)
          << store(Width::u64, r10, in_record(offsetof(IterRecord, run_cnt)), 0)
          << store(Width::u64, r10, in_record(offsetof(IterRecord, recursion_misses)), 0);
  }

  /// r9 |= mask if the flag is set
  void gather_flag(Reg src, const FlagAt& flag, IterFlag mask) {
    Label not_set;
    code_ << load(Width::u8, r1, src, flag.offset) << bit_and(r1, 1 << flag.shift);
    code_.jump(jeq(r1, 0), not_set);
    code_ << bit_or(r9, mask);
    code_.place(not_set);
  }

  void copy_flags() {
    code_ << mov(r9, 0);
    gather_flag(r7, at_.prog_gpl_compatible, kIterGplCompatible);
    gather_flag(r8, at_.aux_offload_requested, kIterOtherLength);
    if (at_.sleepable) gather_flag(at_.sleepable_in_prog ? r7 : r8, *at_.sleepable, kIterSleepable);
    Label no_maps;
    code_ << load(Width::u32, r1, r8, at_.aux_used_map_cnt);
    code_.jump(jeq(r1, 0), no_maps);
    code_ << bit_or(r9, kIterHasMaps);
    code_.place(no_maps);
    code_ << store(Width::u8, r10, in_record(offsetof(IterRecord, flags)), r9);
  }

  /// r0 = r1, as a pointer to that struct, whatever r1 was.
  void cast_r1(uint32_t type) { code_ << mov(r2, static_cast<int32_t>(type)) << call_kfunc(at_.cast_function); }

  /// The scratch = `len` bytes from r3; r0 is 0 if they could be read.
  void probe_r3(int32_t len) {
    code_ << mov(r1, r10) << add(r1, kScratch) << mov(r2, len) << call(Helper::probe_read_kernel);
  }

  /// r9, a pointer, becomes a number: a pointer minus a pointer is one (to who has CAP_PERFMON), and what is subtracted here
  /// is null.
  void as_number_r9(uint32_t any_type) {
    code_ << mov(r1, 0);
    cast_r1(any_type);
    code_ << sub(r9, r0);
  }

  /// r7 = the program's __percpu pointer to its counters, as a number.
  void take_stats_base() {
    const Reg from = at_.stats_in_prog ? r7 : r8;
    if (way_.read_by == ReadBy::cast) {
      code_ << load(Width::u64, r9, from, at_.stats);
      as_number_r9(at_.stats_type);
      code_ << mov(r7, r9);
    } else {
      code_ << mov(r3, from) << add(r3, at_.stats);
      probe_r3(kPointerLen);
      code_ << load(Width::u64, r7, r10, kScratch);
    }
  }

  /// If the record is the iterator's own: says so, and keeps r7 for the last record.
  void note_self() {
    Label other;
    code_ << ld_map_value(r6, memory_fd_) << ld_map_rest() << load(Width::u64, r1, r6, offsetof(IterMemory, own_id))
          << load(Width::u32, r2, r10, in_record(offsetof(IterRecord, id)));
    code_.jump(jne(r1, r2), other);
    const int16_t flags = in_record(offsetof(IterRecord, flags));
    code_ << store(Width::u64, r6, offsetof(IterMemory, own_stats), r7) << load(Width::u8, r1, r10, flags)
          << bit_or(r1, kIterSelf) << store(Width::u8, r10, flags, r1);
    code_.place(other);
  }

  /// An empty record, and r7 as note_self has kept it; to `end` if it never has.
  void begin_last(Label& end) {
    code_ << ld_map_value(r6, memory_fd_) << ld_map_rest() << load(Width::u64, r7, r6, offsetof(IterMemory, own_stats));
    code_.jump(jeq(r7, 0), end);
    for (size_t at = 0; at < sizeof(IterRecord); at += 8) code_ << store(Width::u64, r10, in_record(at), 0);
    code_ << store(Width::u32, r10, in_record(offsetof(IterRecord, uid)), kIterLast);
  }

  /// What BPF_OBJ_GET_INFO_BY_FD does (bpf_prog_get_info_by_fd, 4.19 to 6.18): the length of a program of several functions
  /// is the sum of theirs; func[0] is itself. r8 is aux; r6 counts, r9 is how many there are, r8 the address of the next
  /// pointer.
  void sum_functions() {
    Label next, done, too_many;
    code_ << load(Width::u32, r9, r8, at_.aux_func_cnt);
    code_.jump(jeq(r9, 0), done);
    code_ << store(Width::u32, r10, in_record(offsetof(IterRecord, jited_len)), 0) << load(Width::u64, r8, r8, at_.aux_func)
          << mov(r6, 0);
    code_.place(next);
    code_.jump(jge(r6, r9), done);
    if (way_.read_by == ReadBy::cast) {
      // A struct that begins with a pointer stands for the slot of the list.
      code_ << mov(r1, r8);
      cast_r1(at_.list_head_type);
      code_ << load(Width::u64, r1, r0, 0);
      cast_r1(at_.prog_type);
      code_ << load(Width::u32, r1, r0, at_.prog_jited_len);
    } else {
      code_ << mov(r3, r8);
      probe_r3(kPointerLen);
      code_.jump(jne(r0, 0), too_many);
      code_ << load(Width::u64, r3, r10, kScratch) << add(r3, at_.prog_jited_len);
      probe_r3(4);
      code_.jump(jne(r0, 0), too_many);
      code_ << load(Width::u32, r1, r10, kScratch);
    }
    add_to(Width::u32, offsetof(IterRecord, jited_len));
    code_ << add(r8, kPointerLen) << add(r6, 1);
    code_.jump(jne(r6, kMostFunctions), next);
    code_.jump(jge(r6, r9), done);
    code_.place(too_many);
    const int16_t flags = in_record(offsetof(IterRecord, flags));
    code_ << load(Width::u8, r1, r10, flags) << bit_or(r1, kIterOtherLength) << store(Width::u8, r10, flags, r1);
    code_.place(done);
  }

  /// record.member += r1
  void add_to(Width width, size_t member) {
    code_ << load(width, r2, r10, in_record(member)) << add(r2, r1) << store(width, r10, in_record(member), r2);
  }

  /// r7 is the base; r6 walks the offsets, r8 counts CPUs, r9 is the largest run time so far.
  void sum_cpus() {
    const int16_t misses = at_.stats_misses.value_or(at_.stats_cnt);
    const int16_t first = std::min({at_.stats_cnt, at_.stats_nsecs, misses});
    const int16_t last = std::max({at_.stats_cnt, at_.stats_nsecs, misses});
    const bool cast = way_.read_by == ReadBy::cast;
    const Reg counters = cast ? r0 : r10;
    const auto counter = [&](int16_t member) { return static_cast<int16_t>(cast ? member : kScratch + member - first); };

    Label next_cpu, not_hotter, unreadable;
    code_ << ld_map_value(r6, memory_fd_) << ld_map_rest(sizeof(IterMemory)) << mov(r8, 0) << mov(r9, 0);
    code_.place(next_cpu);
    if (cast) {
      code_ << load(Width::u64, r1, r6, 0) << add(r1, r7);
      cast_r1(at_.stats_type);
    } else {
      code_ << load(Width::u64, r3, r6, 0) << add(r3, r7) << add(r3, first);
      probe_r3(last - first + 8);
      code_.jump(jne(r0, 0), unreadable);
    }
    code_ << load(Width::u64, r1, counters, counter(at_.stats_cnt));
    add_to(Width::u64, offsetof(IterRecord, run_cnt));
    if (at_.stats_misses) {
      code_ << load(Width::u64, r1, counters, counter(*at_.stats_misses));
      add_to(Width::u64, offsetof(IterRecord, recursion_misses));
    }
    code_ << load(Width::u64, r1, counters, counter(at_.stats_nsecs));
    add_to(Width::u64, offsetof(IterRecord, run_time_ns));
    code_.jump(jge(r9, r1), not_hotter);
    code_ << mov(r9, r1) << store(Width::u16, r10, in_record(offsetof(IterRecord, hottest)), r8);
    code_.place(not_hotter);
    code_.place(unreadable);
    code_ << add(r6, sizeof(uint64_t)) << add(r8, 1);
    code_.jump(jne(r8, cpus_), next_cpu);
  }

  /// record.hottest_pct = 100 * r9 / run_time_ns. From 2^57 ns on (4.5 CPU-years) that would leave 64 bits: then both are
  /// made smaller by as much.
  void share_of_hottest() {
    Label fits;
    code_ << load(Width::u64, r1, r10, in_record(offsetof(IterRecord, run_time_ns))) << mov(r2, r1) << shift_right(r2, 57);
    code_.jump(jeq(r2, 0), fits);
    code_ << shift_right(r1, 7) << shift_right(r9, 7);
    code_.place(fits);
    code_ << mul(r9, 100) << div(r9, r1) << store(Width::u8, r10, in_record(offsetof(IterRecord, hottest_pct)), r9);
  }

  Assembler code_;
  const KernelLayout& at_;
  const IterWay way_;
  const int memory_fd_;
  const int32_t cpus_;
};

// The frame of the programs that find offsets.
constexpr int16_t kBase = -8, kKey = -16;

/// r6 = the slot of CPU 0, r7 = where the anchor's __percpu pointer points, r8 = 0, and a key of 0 in the frame; to `failed`
/// if that can't be read. A pointer that has been in a map is a number (to who has CAP_PERFMON): that is what slot 0 is for.
void read_anchor(Assembler& code, const KernelLayout& layout, int anchor_fd, int offsets_fd, Label& failed) {
  code << ld_map_value(r6, offsets_fd) << ld_map_rest() << ld_map_fd(r1, anchor_fd) << ld_map_rest()
       << store(Width::u64, r6, 0, r1) << load(Width::u64, r3, r6, 0) << add(r3, layout.array_pptrs)
       << add(r6, sizeof(uint64_t)) << mov(r8, 0) << mov(r1, r10) << add(r1, kBase) << mov(r2, kPointerLen)
       << call(Helper::probe_read_kernel);
  code.jump(jne(r0, 0), failed);
  code << load(Width::u64, r7, r10, kBase) << store(Width::u32, r10, kKey, 0);
}

/// *r6 = r0 - r7, r0 being a pointer.
void write_offset(Assembler& code) {
  code << store(Width::u64, r6, 0, r0) << load(Width::u64, r1, r6, 0) << sub(r1, r7) << store(Width::u64, r6, 0, r1);
}

}  // namespace

Assembler assemble_offsets(const KernelLayout& layout, int anchor_fd, int offsets_fd, uint32_t cpus) {
  Assembler code;
  Label next_cpu, end;
  read_anchor(code, layout, anchor_fd, offsets_fd, end);
  code.place(next_cpu);
  code << ld_map_fd(r1, anchor_fd) << ld_map_rest() << mov(r2, r10) << add(r2, kKey) << mov(r3, r8)
       << call(Helper::map_lookup_percpu_elem);
  code.jump(jeq(r0, 0), end);
  write_offset(code);
  code << add(r6, sizeof(uint64_t)) << add(r8, 1);
  code.jump(jne(r8, static_cast<int32_t>(cpus)), next_cpu);
  code.place(end);
  code << mov(r0, r8) << exit();
  return code;
}

Assembler assemble_offset_here(const KernelLayout& layout, int anchor_fd, int offsets_fd, uint32_t cpus) {
  Assembler code;
  Label end;
  read_anchor(code, layout, anchor_fd, offsets_fd, end);
  code << call(Helper::get_smp_processor_id);
  code.jump(jge(r0, static_cast<int32_t>(cpus)), end);
  code << shift_left(r0, 3) << add(r6, r0) << ld_map_fd(r1, anchor_fd) << ld_map_rest() << mov(r2, r10) << add(r2, kKey)
       << call(Helper::map_lookup_elem);
  code.jump(jeq(r0, 0), end);
  write_offset(code);
  code << mov(r8, 1);
  code.place(end);
  code << mov(r0, r8) << exit();
  return code;
}

Assembler assemble_iterator(const KernelLayout& layout, IterWay way, int memory_fd, uint32_t cpus) {
  return IteratorCode(layout, way, memory_fd, cpus).assemble();
}

}  // namespace bpftop
