// A reader of BTF, the kernel's description of its own types (Documentation/bpf/btf.rst), for a handful of lookups by name.
// One pass finds where each type begins (70 000 of them, 5.5 MB, on 6.18); a lookup then goes through those of one kind.
//
// The input is hostile: a file may be cut off, come from another machine or be made up. Every offset, count and id is
// checked where it is used, no type is trusted to end anywhere but in a loop, and there is no recursion.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/mapping.h"
#include "core/sys_error.h"

namespace bpftop {

/// BTF_KIND_*, with the kernel each came with where iterators (5.9) are older.
enum class BtfKind : uint8_t {
  integer = 1,
  pointer,
  array,
  structure,
  union_type,
  enumeration,
  forward,
  type_definition,
  volatile_type,
  const_type,
  restrict_type,
  function,
  function_prototype,
  variable,
  data_section,
  floating,         // 5.13
  declaration_tag,  // 5.16
  type_tag,         // 5.17
  enumeration_64,   // 6.0
};

/// Where a member lies in the struct that was asked.
struct BtfMember {
  /// From the struct's beginning. Of a bitfield: to its first bit, as the compiler counts them on this byte order.
  uint32_t bit_offset = 0;
  /// 0: not a bitfield.
  uint32_t bit_size = 0;
  /// Bytes of its type; 0 where it has none (a flexible array) or it can't be told.
  uint32_t size = 0;
  /// Which of the members of the innermost struct that it is in.
  uint32_t index = 0;
  /// Id of its type, behind typedefs and const and their like.
  uint32_t type = 0;
};

/// Where the kernel has its own.
inline constexpr char kKernelBtf[] = "/sys/kernel/btf/vmlinux";

/// BTF in memory. Ids are those of the file; 0 is void, and the answer for "there is none".
class Btf {
 public:
  Btf() = default;
  Btf(Btf&&) = default;
  Btf& operator=(Btf&&) = default;

  /// Takes over `bytes` and checks them as far as lookups rely on it. EBADMSG: not BTF, of the other byte order, or damaged.
  /// ENOTSUP: of a kind that is not known here, so that what follows it can't be found.
  static Result<Btf> parse(std::vector<uint8_t> bytes);

  /// The same without a copy: `bytes` must outlive it. With `base`, the kernel's, which must outlive it too, they are a
  /// module's, whose ids and strings go on where those of `base` end; of its lookups `name_of` alone is true.
  static Result<Btf> view(std::span<const uint8_t> bytes, const Btf* base = nullptr);

  /// Reads a file and parses it. Errno of open and read as well. ENOMEM: longer than any kernel's.
  static Result<Btf> read(const char* path);

  /// The first type of that kind and name; 0: none.
  uint32_t find(BtfKind kind, std::string_view name) const;

  /// The name of a type, if it is of that kind and has one; else empty. As long as the Btf.
  std::string_view name_of(BtfKind kind, uint32_t id) const;

  /// The member of a struct or union, also one of an anonymous struct or union inside it. `path` has dots where it goes on
  /// into a struct that is a member ("uid.val"); it doesn't follow pointers.
  std::optional<BtfMember> member(uint32_t type, std::string_view path) const;

  /// Where, in bytes, the members of a struct lie that are pointers to functions, in order; those of structs inside it are
  /// not among them.
  std::vector<uint32_t> function_pointers(uint32_t type) const;

  /// Bytes that a value of the type takes; 0: none, or it can't be told.
  uint32_t size_of(uint32_t type) const;

 private:
  struct Type;
  struct Found;

  /// False if the bytes hold no such type.
  bool type_at(uint32_t id, Type& type) const;
  /// The type behind typedefs and const and their like; 0 where there is none, or they run in circles.
  uint32_t resolve(uint32_t id) const;
  /// The member of that name, whatever it is inside of.
  std::optional<Found> find_member(uint32_t type, std::string_view name) const;
  /// A name; empty for anonymous and for one that isn't in the file.
  std::string_view name_at(uint32_t offset) const;
  /// Where in the string section a name is; 0: nowhere. BTF holds each string once (btf__dedup).
  uint32_t offset_of_name(std::string_view name) const;
  uint32_t word(size_t at) const;

  /// Where the bytes are, unless they are another's: in one of these.
  std::vector<uint8_t> owned_;
  Mapping mapping_;
  std::span<const uint8_t> bytes_;
  /// Where each type begins in bytes_, by id.
  std::vector<uint32_t> types_;
  size_t strings_ = 0, strings_len_ = 0;
  /// Of a module: what comes before its first type and string.
  const Btf* base_ = nullptr;
};

}  // namespace bpftop
