// An assembler of a few dense lines: BPF instructions as constexpr values. Operand order is destination first, as in C.
#pragma once

#include <cstdint>

namespace bpftop {

/// struct bpf_insn of <linux/bpf.h>. The two register nibbles are bitfields there as well: their order follows the CPU's.
struct Insn {
  uint8_t code;
  uint8_t dst : 4;
  uint8_t src : 4;
  int16_t off;
  int32_t imm;
};
static_assert(sizeof(Insn) == 8);

/// r0 result; r1-r5 arguments, lost in a call; r6-r9 kept across calls; r10 the frame, 512 bytes below it.
enum Reg : uint8_t { r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10 };

/// How many bytes a load or store moves, as their opcodes have it (BPF_SIZE).
enum class Width : uint8_t { u32 = 0x00, u16 = 0x08, u8 = 0x10, u64 = 0x18 };

/// Helpers by number (enum bpf_func_id), with the kernel each came with.
enum class Helper : int32_t {
  map_lookup_elem = 1,
  trace_printk = 6,  // 4.1
  get_smp_processor_id = 8,
  tail_call = 12,
  get_current_task = 35,         // 4.8; of GPL-compatible programs
  probe_read_kernel = 113,       // 5.5; of GPL-compatible programs
  seq_write = 127,               // 5.7
  map_lookup_percpu_elem = 195,  // 5.19
};

namespace insn {

/// dst = imm, sign-extended to 64 bits.
constexpr Insn mov(Reg dst, int32_t imm) {
  return {0xb7, dst, 0, 0, imm};
}
/// dst = src
constexpr Insn mov(Reg dst, Reg src) {
  return {0xbf, dst, src, 0, 0};
}
/// dst += imm
constexpr Insn add(Reg dst, int32_t imm) {
  return {0x07, dst, 0, 0, imm};
}
/// dst += src
constexpr Insn add(Reg dst, Reg src) {
  return {0x0f, dst, src, 0, 0};
}
/// dst -= src
constexpr Insn sub(Reg dst, Reg src) {
  return {0x1f, dst, src, 0, 0};
}
/// dst *= imm
constexpr Insn mul(Reg dst, int32_t imm) {
  return {0x27, dst, 0, 0, imm};
}
/// dst /= src, unsigned; 0 where src is 0
constexpr Insn div(Reg dst, Reg src) {
  return {0x3f, dst, src, 0, 0};
}
/// dst |= imm
constexpr Insn bit_or(Reg dst, int32_t imm) {
  return {0x47, dst, 0, 0, imm};
}
/// dst &= imm
constexpr Insn bit_and(Reg dst, int32_t imm) {
  return {0x57, dst, 0, 0, imm};
}
/// dst <<= imm
constexpr Insn shift_left(Reg dst, int32_t imm) {
  return {0x67, dst, 0, 0, imm};
}
/// dst >>= imm, zeros coming in
constexpr Insn shift_right(Reg dst, int32_t imm) {
  return {0x77, dst, 0, 0, imm};
}
/// dst = *(src + off), zero-extended
constexpr Insn load(Width width, Reg dst, Reg src, int16_t off) {
  return {static_cast<uint8_t>(0x61 | static_cast<uint8_t>(width)), dst, src, off, 0};
}
/// *(dst + off) = src
constexpr Insn store(Width width, Reg dst, int16_t off, Reg src) {
  return {static_cast<uint8_t>(0x63 | static_cast<uint8_t>(width)), dst, src, off, 0};
}
/// *(dst + off) = imm
constexpr Insn store(Width width, Reg dst, int16_t off, int32_t imm) {
  return {static_cast<uint8_t>(0x62 | static_cast<uint8_t>(width)), dst, 0, off, imm};
}
/// skip the next `off` instructions
constexpr Insn ja(int16_t off = 0) {
  return {0x05, 0, 0, off, 0};
}
/// if (dst == imm) skip the next `off` instructions, or go back when negative (a bounded loop; 5.3 and later)
constexpr Insn jeq(Reg dst, int32_t imm, int16_t off = 0) {
  return {0x15, dst, 0, off, imm};
}
/// if (dst == src)
constexpr Insn jeq(Reg dst, Reg src, int16_t off = 0) {
  return {0x1d, dst, src, off, 0};
}
/// if (dst != imm)
constexpr Insn jne(Reg dst, int32_t imm, int16_t off = 0) {
  return {0x55, dst, 0, off, imm};
}
/// if (dst != src)
constexpr Insn jne(Reg dst, Reg src, int16_t off = 0) {
  return {0x5d, dst, src, off, 0};
}
/// if (dst >= imm), unsigned
constexpr Insn jge(Reg dst, int32_t imm, int16_t off = 0) {
  return {0x35, dst, 0, off, imm};
}
/// if (dst >= src), unsigned
constexpr Insn jge(Reg dst, Reg src, int16_t off = 0) {
  return {0x3d, dst, src, off, 0};
}
/// r0 = helper(r1, …)
constexpr Insn call(Helper helper) {
  return {0x85, 0, 0, 0, static_cast<int32_t>(helper)};
}
/// r0 = the kernel's own function of that BTF id, called with r1, … (BPF_PSEUDO_KFUNC_CALL; 5.13)
constexpr Insn call_kfunc(uint32_t btf_id) {
  return {0x85, 0, 2, 0, static_cast<int32_t>(btf_id)};
}
/// r0 = the function that begins after the next `skip` instructions, called with r1, … (BPF_PSEUDO_CALL)
constexpr Insn call_function(int32_t skip) {
  return {0x85, 0, 1, 0, skip};
}
/// return r0
constexpr Insn exit() {
  return {0x95, 0, 0, 0, 0};
}
/// First half of dst = the map behind `map_fd` (BPF_LD | BPF_IMM | BPF_DW with BPF_PSEUDO_MAP_FD); `ld_map_rest` must
/// follow.
constexpr Insn ld_map_fd(Reg dst, int map_fd) {
  return {0x18, dst, 1, 0, map_fd};
}
/// First half of dst = address in the first value of the array behind `map_fd` (BPF_PSEUDO_MAP_VALUE; 5.2); `ld_map_rest`
/// must follow, and says how far into it.
constexpr Insn ld_map_value(Reg dst, int map_fd) {
  return {0x18, dst, 2, 0, map_fd};
}
constexpr Insn ld_map_rest(int32_t offset = 0) {
  return {0, 0, 0, 0, offset};
}

}  // namespace insn
}  // namespace bpftop
