// Reads struct btf_header, then the type section; struct btf_type and what follows it, by kind (include/uapi/linux/btf.h).
#include "core/btf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/unique_fd.h"

namespace bpftop {
namespace {

constexpr uint16_t kMagic = 0xeb9f;
constexpr size_t kHeaderLen = 24;
constexpr size_t kTypeLen = 12;
constexpr size_t kMemberLen = 12;
// Kernels' own are 2 to 12 MB, with everything built in.
constexpr size_t kMostBytes = 64 << 20;
// typedef const typedef …: real ones are 5 deep, anonymous structs 4, arrays 3.
constexpr int kMostSteps = 32;
// Members looked at in one lookup. The largest real struct with all that is anonymous in it has some 300; without an end, 16
// anonymous structs that hold each other would keep us busy for ever.
constexpr uint32_t kMostMembers = 1 << 16;
constexpr uint64_t kMostBits = INT32_MAX;

constexpr SysError kDamaged = {EBADMSG, "btf"};

/// Bytes after the twelve that every type has; nothing for an unknown kind.
std::optional<uint64_t> tail_len(uint8_t kind, uint32_t vlen) {
  switch (static_cast<BtfKind>(kind)) {
    case BtfKind::integer:
    case BtfKind::variable:
    case BtfKind::declaration_tag:
      return 4;
    case BtfKind::array:
      return 12;
    case BtfKind::structure:
    case BtfKind::union_type:
    case BtfKind::data_section:
    case BtfKind::enumeration_64:
      return uint64_t{vlen} * 12;
    case BtfKind::enumeration:
    case BtfKind::function_prototype:
      return uint64_t{vlen} * 8;
    case BtfKind::pointer:
    case BtfKind::forward:
    case BtfKind::type_definition:
    case BtfKind::volatile_type:
    case BtfKind::const_type:
    case BtfKind::restrict_type:
    case BtfKind::function:
    case BtfKind::floating:
    case BtfKind::type_tag:
      return 0;
  }
  return std::nullopt;
}

bool is_struct(BtfKind kind) {
  return kind == BtfKind::structure || kind == BtfKind::union_type;
}

}  // namespace

/// struct btf_type, taken apart.
struct Btf::Type {
  uint32_t name = 0;
  BtfKind kind{};
  uint32_t vlen = 0;
  /// Of a struct: member offsets carry a bitfield's size in their upper eight bits.
  bool kind_flag = false;
  /// Or the type referred to, as the kind will have it.
  uint32_t size = 0;
  /// Where what follows it begins.
  size_t tail = 0;
};

/// A member and what it is.
struct Btf::Found {
  uint64_t bit_offset = 0;
  uint32_t bit_size = 0;
  uint32_t type = 0;
  uint32_t index = 0;
};

uint32_t Btf::word(size_t at) const {
  uint32_t value;
  std::memcpy(&value, &bytes_[at], sizeof value);
  return value;
}

Result<Btf> Btf::parse(std::vector<uint8_t> bytes) {
  Result<Btf> result = view(bytes);
  if (!result.error) result.value.owned_ = std::move(bytes);
  return result;
}

Result<Btf> Btf::view(std::span<const uint8_t> bytes, const Btf* base) {
  Result<Btf> failed{{}, kDamaged};
  if (bytes.size() < kHeaderLen || bytes.size() > kMostBytes) return failed;
  Btf btf;
  btf.bytes_ = bytes;
  uint16_t magic;
  std::memcpy(&magic, btf.bytes_.data(), sizeof magic);
  // Byte 2 is the version, 1 as long as this layout holds; byte 3 has flags.
  if (magic != kMagic || btf.bytes_[2] != 1) return failed;
  // All offsets count from the end of the header, which may grow.
  const uint64_t header = btf.word(4), types = header + btf.word(8), types_len = btf.word(12),
                 strings = header + btf.word(16), strings_len = btf.word(20), len = btf.bytes_.size();
  if (header < kHeaderLen || types + types_len > len || strings + strings_len > len) return failed;
  // The first string is empty, so that offset 0 is "no name" (a module's is in its base), and the last one ends, so that all
  // do.
  if (base == nullptr && (strings_len == 0 || btf.bytes_[strings] != 0)) return failed;
  if (strings_len != 0 && btf.bytes_[strings + strings_len - 1] != 0) return failed;
  btf.base_ = base;
  btf.strings_ = strings;
  btf.strings_len_ = strings_len;

  btf.types_.reserve(types_len / 32);
  btf.types_.push_back(0);  // void
  const uint64_t end = types + types_len;
  for (uint64_t at = types; at < end;) {
    if (end - at < kTypeLen) return failed;
    const uint32_t info = btf.word(at + 4);
    const auto tail = tail_len(info >> 24 & 31, info & 0xffff);
    if (!tail) {
      failed.error.err = ENOTSUP;
      return failed;
    }
    if (end - at - kTypeLen < *tail) return failed;
    btf.types_.push_back(static_cast<uint32_t>(at));
    at += kTypeLen + *tail;
  }
  return {std::move(btf), {}};
}

Result<Btf> Btf::read(const char* path) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return {{}, {errno, "open"}};
  struct stat status;
  if (::fstat(fd.get(), &status) < 0) return {{}, {errno, "fstat"}};
  if (status.st_size < 0 || static_cast<uint64_t>(status.st_size) > kMostBytes) return {{}, {ENOMEM, "btf"}};
  const auto size = static_cast<size_t>(status.st_size);
  // Of sysfs a read gets a page at a time, 1 300 for a kernel's. From 6.16 on they can be mapped instead.
  if (Mapping mapping(fd.get(), size); !mapping.bytes().empty()) {
    Result<Btf> result = view(mapping.bytes());
    if (!result.error) result.value.mapping_ = std::move(mapping);
    return result;
  }
  std::vector<uint8_t> bytes(size);
  size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(fd.get(), bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return {{}, {errno, "read"}};
    if (got == 0) break;
    have += static_cast<size_t>(got);
  }
  bytes.resize(have);
  return parse(std::move(bytes));
}

bool Btf::type_at(uint32_t id, Type& type) const {
  if (id == 0 || id >= types_.size()) return false;
  const size_t at = types_[id];
  const uint32_t info = word(at + 4);
  type.name = word(at);
  type.kind = static_cast<BtfKind>(info >> 24 & 31);
  type.vlen = info & 0xffff;
  type.kind_flag = info >> 31;
  type.size = word(at + 8);
  type.tail = at + kTypeLen;
  return true;
}

std::string_view Btf::name_at(uint32_t offset) const {
  if (offset >= strings_len_) return {};
  // The section ends with a NUL.
  return reinterpret_cast<const char*>(&bytes_[strings_ + offset]);
}

std::string_view Btf::name_of(BtfKind kind, uint32_t id) const {
  if (base_ != nullptr) {
    const auto own_from = static_cast<uint32_t>(base_->types_.size());
    if (id < own_from) return base_->name_of(kind, id);
    id -= own_from - 1;  // the first of its own stands at 1
  }
  Type type;
  if (!type_at(id, type) || type.kind != kind) return {};
  if (base_ == nullptr) return name_at(type.name);
  return type.name < base_->strings_len_ ? base_->name_at(type.name)
                                         : name_at(type.name - static_cast<uint32_t>(base_->strings_len_));
}

uint32_t Btf::offset_of_name(std::string_view name) const {
  if (name.empty() || types_.empty()) return 0;
  const auto* text = reinterpret_cast<const char*>(&bytes_[strings_]);
  std::string_view rest(text, strings_len_);
  for (size_t at = rest.find(name); at != std::string_view::npos; at = rest.find(name, at + 1)) {
    const bool begins = at > 0 && rest[at - 1] == '\0';
    if (begins && rest[at + name.size()] == '\0') return static_cast<uint32_t>(at);
  }
  return 0;
}

uint32_t Btf::find(BtfKind kind, std::string_view name) const {
  const uint32_t offset = offset_of_name(name);
  if (offset == 0) return 0;
  for (uint32_t id = 1; id < types_.size(); id++)
    if (word(types_[id]) == offset && (word(types_[id] + 4) >> 24 & 31) == static_cast<uint8_t>(kind)) return id;
  return 0;
}

uint32_t Btf::resolve(uint32_t id) const {
  Type type;
  for (int step = 0; step < kMostSteps; step++) {
    if (!type_at(id, type)) return 0;
    switch (type.kind) {
      case BtfKind::type_definition:
      case BtfKind::volatile_type:
      case BtfKind::const_type:
      case BtfKind::restrict_type:
      case BtfKind::type_tag:
        id = type.size;
        break;
      default:
        return id;
    }
  }
  return 0;
}

uint32_t Btf::size_of(uint32_t id) const {
  uint64_t count = 1;
  Type type;
  for (int step = 0; step < kMostSteps; step++) {
    if (!type_at(resolve(id), type)) return 0;
    uint64_t size = type.size;
    switch (type.kind) {
      case BtfKind::array:
        // struct btf_array: element type, index type, number of elements.
        id = word(type.tail);
        count *= word(type.tail + 8);
        if (count > kMostBits) return 0;
        continue;
      case BtfKind::pointer:
        size = 8;  // of a 64-bit kernel, which is the only kind that the sampler goes on with
        break;
      case BtfKind::integer:
      case BtfKind::structure:
      case BtfKind::union_type:
      case BtfKind::enumeration:
      case BtfKind::enumeration_64:
      case BtfKind::floating:
        break;
      default:
        return 0;
    }
    return size * count <= kMostBits ? static_cast<uint32_t>(size * count) : 0;
  }
  return 0;
}

std::vector<uint32_t> Btf::function_pointers(uint32_t id) const {
  std::vector<uint32_t> offsets;
  Type type, member;
  if (!type_at(id, type) || !is_struct(type.kind)) return offsets;
  for (uint32_t i = 0; i < type.vlen; i++) {
    const size_t at = type.tail + i * kMemberLen;
    const uint32_t bit_offset = type.kind_flag ? word(at + 8) & 0xffffff : word(at + 8);
    if (bit_offset % 8 != 0 || !type_at(resolve(word(at + 4)), member) || member.kind != BtfKind::pointer) continue;
    if (type_at(resolve(member.size), member) && member.kind == BtfKind::function_prototype)
      offsets.push_back(bit_offset / 8);
  }
  return offsets;
}

std::optional<Btf::Found> Btf::find_member(uint32_t id, std::string_view name) const {
  // Structs still to be looked through, with where they begin: the one asked for, then the anonymous ones in it.
  struct Pending {
    uint32_t type;
    uint64_t bit_offset;
  };
  std::array<Pending, 2 * kMostSteps> pending;
  size_t waiting = 0;
  pending[waiting++] = {id, 0};
  uint32_t members_left = kMostMembers;
  while (waiting > 0) {
    const Pending here = pending[--waiting];
    Type type;
    if (!type_at(here.type, type) || !is_struct(type.kind)) continue;
    for (uint32_t i = 0; i < type.vlen; i++) {
      if (members_left-- == 0) return std::nullopt;
      // struct btf_member: name, type, offset.
      const size_t at = type.tail + i * kMemberLen;
      const uint32_t offset = word(at + 8);
      const Found member = {
          .bit_offset = here.bit_offset + (type.kind_flag ? offset & 0xffffff : offset),
          .bit_size = type.kind_flag ? offset >> 24 : 0,
          .type = word(at + 4),
          .index = i,
      };
      if (member.bit_offset > kMostBits) continue;
      if (word(at) != 0) {
        if (name_at(word(at)) == name) return member;
        continue;
      }
      Type inner;
      const uint32_t inner_id = resolve(member.type);
      if (!type_at(inner_id, inner) || !is_struct(inner.kind)) continue;
      if (waiting == pending.size()) return std::nullopt;
      pending[waiting++] = {inner_id, member.bit_offset};
    }
  }
  return std::nullopt;
}

std::optional<BtfMember> Btf::member(uint32_t type, std::string_view path) const {
  Found found{0, 0, type};
  uint64_t bit_offset = 0;
  for (;;) {
    const size_t dot = path.find('.');
    const auto next = find_member(resolve(found.type), path.substr(0, dot));
    if (!next) return std::nullopt;
    found = *next;
    bit_offset += found.bit_offset;
    if (bit_offset > kMostBits) return std::nullopt;
    if (dot == std::string_view::npos) break;
    path.remove_prefix(dot + 1);
  }
  const BtfMember member = {static_cast<uint32_t>(bit_offset), found.bit_size, size_of(found.type), found.index,
                            resolve(found.type)};
  // A whole value begins at a byte.
  if (member.bit_size == 0 && member.bit_offset % 8 != 0) return std::nullopt;
  return member;
}

}  // namespace bpftop
