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

namespace insn {

/// dst = imm, sign-extended to 64 bits.
constexpr Insn mov(Reg dst, int32_t imm) {
  return {0xb7, dst, 0, 0, imm};
}
/// dst += imm
constexpr Insn add(Reg dst, int32_t imm) {
  return {0x07, dst, 0, 0, imm};
}
/// if (dst != imm) skip the next `off` instructions, or go back when negative (a bounded loop; 5.3 and later)
constexpr Insn jne(Reg dst, int32_t imm, int16_t off) {
  return {0x55, dst, 0, off, imm};
}
/// return r0
constexpr Insn exit() {
  return {0x95, 0, 0, 0, 0};
}
/// First half of dst = the map behind `map_fd` (BPF_LD | BPF_IMM | BPF_DW with BPF_PSEUDO_MAP_FD); `ld_map_fd_rest` must
/// follow.
constexpr Insn ld_map_fd(Reg dst, int map_fd) {
  return {0x18, dst, 1, 0, map_fd};
}
constexpr Insn ld_map_fd_rest() {
  return {0, 0, 0, 0, 0};
}

}  // namespace insn
}  // namespace bpftop
