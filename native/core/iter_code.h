// The two programs that let the kernel do the reading. Both are assembled for one kernel, from its layout.
#pragma once

#include <cstdint>

#include "core/assembler.h"
#include "core/bpf_syscall.h"
#include "core/kernel_layout.h"

namespace bpftop {

/// What the iterator writes of one program, and once at the end of its own, with id 0: how often it has run by then. A read
/// gives at most 8 pages (BPF's seq_file buffer): 341 of these, so that 1 000 programs are three reads. A record says itself
/// what this kernel doesn't know, so that a reader needs to know nothing of the kernel.
struct IterRecord {
  /// 0: the last record, in which `uid` is kIterLast, and the three counters are the iterator's own. Nothing else means
  /// anything there.
  uint32_t id;
  uint8_t type;
  /// IterFlag, or-ed.
  uint8_t flags;
  uint16_t expected_attach_type;
  uint16_t pages;
  /// Which of the possible CPUs, counted from 0, has the largest share of run_time_ns; kNoCpu where none ever ran it.
  uint16_t hottest;
  uint32_t uid;
  char name[kNameLen];
  uint8_t tag[kTagLen];
  uint64_t load_time;
  /// Of BPF's instructions, eight bytes each.
  uint32_t insns;
  /// Bytes of machine code, of all its functions.
  uint32_t jited_len;
  uint32_t verified_insns;
  uint32_t btf_id;
  uint32_t attach_btf_id;
  /// What the hottest CPU has of run_time_ns, per cent, rounded down.
  uint8_t hottest_pct;
  /// IterKnown, or-ed: which of the members that not every kernel has are filled in.
  uint8_t known;
  uint8_t pad[2];
  uint64_t run_time_ns;
  uint64_t run_cnt;
  uint64_t recursion_misses;
};
static_assert(sizeof(IterRecord) == 96);

inline constexpr uint16_t kNoCpu = UINT16_MAX;
/// So that what is pinned where an iterator of this form is expected, and isn't one, is not believed.
inline constexpr uint32_t kIterLast = 0x62706631;

enum IterFlag : uint8_t {
  kIterGplCompatible = 1 << 0,
  kIterSleepable = 1 << 1,
  kIterHasMaps = 1 << 2,
  /// jited_len isn't the length: the machine code is on a network card, or in more functions than are summed here.
  kIterOtherLength = 1 << 3,
  /// This is the iterator itself.
  kIterSelf = 1 << 4,
};

enum IterKnown : uint8_t {
  kIterKnowsPages = 1 << 0,
  kIterKnowsVerifiedInsns = 1 << 1,
  kIterKnowsSleepable = 1 << 2,
  kIterKnowsMisses = 1 << 3,
};

/// The value of the one-slot array that the iterator works with, up to the offsets of the CPUs, one u64 each.
struct IterMemory {
  /// The iterator's own id, written before the first pass.
  uint64_t own_id;
  /// Where it keeps what it found out about itself: its own __percpu pointer to its counters.
  uint64_t own_stats;
};

/// Two ways to read at an address that is only a number.
enum class ReadBy {
  /// The kfunc bpf_rdonly_cast, which is no call but a move: 4 ns a program and CPU. 6.2 and later.
  cast,
  /// The helper bpf_probe_read_kernel: 25 ns.
  probe,
};

struct IterWay {
  ReadBy read_by = ReadBy::cast;
  /// Touch the next programs before it is their turn, where that can be done by cast and KernelLayout::ksym_list is known.
  bool ahead = true;
};

/// A raw_tp program, to be run once: finds out how far each CPU's copy of anything per-CPU is from where a __percpu pointer
/// points. Writes it to the array behind `offsets_fd`, from the second u64 on, one a CPU from 0 to `cpus` - 1 (the first one
/// is for its own use), and returns the number of CPUs done. `anchor_fd` is a one-slot PERCPU_ARRAY. (The kernel's own table
/// of them, __per_cpu_offset, is out of a program's reach without CONFIG_KALLSYMS_ALL.)
Assembler assemble_offsets(const KernelLayout& layout, int anchor_fd, int offsets_fd, uint32_t cpus);

/// The same where there is no bpf_map_lookup_percpu_elem (before 5.19): to be run on every CPU, it writes that CPU's offset
/// alone, and returns 1 if it could.
Assembler assemble_offset_here(const KernelLayout& layout, int anchor_fd, int offsets_fd, uint32_t cpus);

/// The iter/bpf_prog program: one IterRecord a program, counters summed over `cpus` CPUs. The value of the array behind
/// `memory_fd` is an IterMemory and their offsets.
Assembler assemble_iterator(const KernelLayout& layout, IterWay way, int memory_fd, uint32_t cpus);

}  // namespace bpftop
