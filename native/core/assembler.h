// Puts instructions in a row and fills in the distances of jumps.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/insn.h"

namespace bpftop {

/// A place in a program. Jumps to it may be written before and after it is placed.
class Label {
  friend class Assembler;
  static constexpr size_t kNowhere = SIZE_MAX;
  size_t at_ = kNowhere;
  std::vector<size_t> jumps_;
};

/// A program under construction, at most 32 767 instructions long: what a jump can span.
class Assembler {
 public:
  /// Appends one instruction.
  Assembler& operator<<(const Insn& insn) {
    code_.push_back(insn);
    return *this;
  }

  /// Appends a jump to where `to` is or will be placed.
  void jump(Insn insn, Label& to) {
    if (to.at_ == Label::kNowhere) {
      to.jumps_.push_back(code_.size());
    } else {
      insn.off = distance(code_.size(), to.at_);
    }
    code_.push_back(insn);
  }

  /// The next instruction is where `label` is. Once a label.
  void place(Label& label) {
    label.at_ = code_.size();
    for (const size_t from : label.jumps_) code_[from].off = distance(from, label.at_);
  }

  std::span<const Insn> code() const { return code_; }

 private:
  static int16_t distance(size_t from, size_t to) {
    return static_cast<int16_t>(static_cast<ptrdiff_t>(to) - static_cast<ptrdiff_t>(from) - 1);
  }

  std::vector<Insn> code_;
};

}  // namespace bpftop
