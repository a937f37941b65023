// What programs and functions are called, beyond what bpf_prog_info holds: by the BTF of programs, of the kernel and of its
// modules; and which programs tail calls can reach. About 30 µs a program with BTF of its own, 4 ms for the kernel's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/sys_error.h"

namespace bpftop {

/// Where the BTF of one program has its names.
struct ProgBtf {
  /// The BTF object it was loaded with; 0: none.
  uint32_t btf_id = 0;
  /// Its main function there; 0: it doesn't tell.
  uint32_t main_type_id = 0;
  /// The BTF object of what it was loaded to be attached to, and the type there; 0: nothing, or, once it hangs on another
  /// program, forgotten. None: this kernel doesn't tell (before 6.0).
  std::optional<uint32_t> attach_btf_obj_id;
  std::optional<uint32_t> attach_btf_id;
};

/// A type in a BTF object.
struct BtfType {
  uint32_t btf_id = 0;
  uint32_t type_id = 0;
};

/// A function that BTF names, or a tracepoint.
struct BtfFunction {
  std::string name;
  /// The module it is in; empty: the kernel proper, or a program's BTF.
  std::string module;
};

/// Looks at one program; none: it is gone.
Result<std::optional<ProgBtf>> read_prog_btf(uint32_t prog_id);

/// Names those functions, in the order asked; none: the BTF object is gone, can't be read, or has no such function. Each
/// object is read once, and let go before the next.
std::vector<std::optional<BtfFunction>> read_functions(std::span<const BtfType> asked);

/// Ids of the programs in a map of type prog_array, ascending; none: it is a map of another type, or gone. At most `most`
/// slots are looked at, which are taken off it.
Result<std::optional<std::vector<uint32_t>>> read_prog_array(uint32_t map_id, uint32_t& most);

}  // namespace bpftop
