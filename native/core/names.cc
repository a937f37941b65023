// BPF_PROG_GET_FD_BY_ID -> bpf_prog_info with one func_info; BPF_BTF_GET_FD_BY_ID -> bpf_btf_info with all its bytes; every
// slot of a prog_array, whose values read as program ids.
#include "core/names.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "core/bpf_syscall.h"
#include "core/btf.h"
#include "core/mapping.h"

namespace bpftop {
namespace {

/// What the kernel calls its own BTF, beside modules' by their names.
constexpr std::string_view kVmlinux = "vmlinux";
/// Programs' own may have 16 MB (BTF_MAX_SIZE); the kernel's have 2 to 12.
constexpr uint32_t kMostBtf = 32 << 20;
/// KSYM_NAME_LEN
constexpr size_t kMostName = 512;

/// A BTF object of this kernel, whole.
struct BtfObject {
  Mapping bytes;
  /// "vmlinux", or a module's; empty: a program's.
  std::string name;
};

/// The type that the program's first function has; 0: it has no BTF, or another layout.
uint32_t read_main_type(int prog_fd, const BpfProgInfo& first) {
  uint8_t record[64];
  if (first.nr_func_info == 0 || first.func_info_rec_size < sizeof(BpfFuncInfo) || first.func_info_rec_size > sizeof record)
    return 0;
  BpfProgInfo asked = {};
  asked.nr_func_info = 1;
  asked.func_info_rec_size = first.func_info_rec_size;
  asked.func_info = reinterpret_cast<uintptr_t>(record);
  if (prog_info_by_fd(prog_fd, asked).error || asked.nr_func_info == 0) return 0;
  BpfFuncInfo main;
  std::memcpy(&main, record, sizeof main);
  return main.insn_off == 0 ? main.type_id : 0;
}

Result<BtfObject> read_btf_object(uint32_t id) {
  const auto [fd, open_error] = btf_fd_by_id(id);
  if (open_error) return {{}, open_error};
  BpfBtfInfo first = {};
  const auto [known_len, error] = btf_info_by_fd(fd.get(), first);
  if (error) return {{}, error};
  if (first.btf_size == 0 || first.btf_size > kMostBtf) return {{}, {EBADMSG, "btf"}};
  BtfObject object;
  object.bytes = Mapping(first.btf_size);
  if (object.bytes.bytes().empty()) return {{}, {ENOMEM, "mmap"}};
  char name[64] = {};  // a module's has at most 55
  BpfBtfInfo asked = {};
  asked.btf = reinterpret_cast<uintptr_t>(object.bytes.bytes().data());
  asked.btf_size = first.btf_size;
  // What this kernel doesn't know must stay zero.
  if (known_len >= sizeof asked && first.kernel_btf != 0) {
    asked.name = reinterpret_cast<uintptr_t>(name);
    asked.name_len = sizeof name;
  }
  if (const SysError failed = btf_info_by_fd(fd.get(), asked).error) return {{}, failed};
  object.name.assign(name, ::strnlen(name, sizeof name));
  return {std::move(object), {}};
}

/// The kernel's own BTF, on which that of its modules goes on: it came before them.
class Vmlinux {
 public:
  /// Null: there is none, or it can't be read.
  const Btf* get() {
    if (!tried_) read();
    tried_ = true;
    return btf_ ? &*btf_ : nullptr;
  }

 private:
  void read() {
    uint32_t id = 0;
    for (int steps = 0; steps < kMostSteps && !btf_; steps++) {
      const auto [next, error] = btf_next_id(id);
      if (error) return;
      id = next;
      auto [object, read_error] = read_btf_object(id);
      if (read_error || object.name != kVmlinux) continue;
      auto [btf, damaged] = Btf::view(object.bytes.bytes());
      if (damaged) return;
      object_ = std::move(object);
      btf_ = std::move(btf);
    }
  }

  /// Before it there may be those of programs that were loaded at boot.
  static constexpr int kMostSteps = 16;
  bool tried_ = false;
  BtfObject object_;
  std::optional<Btf> btf_;
};

/// The name of a function, or of a tracepoint, which BTF has as the type of its functions; empty: it is neither.
std::string_view function_name(const Btf& btf, uint32_t type_id) {
  constexpr std::string_view kTracepoint = "btf_trace_";
  std::string_view name = btf.name_of(BtfKind::function, type_id);
  if (name.empty()) {
    name = btf.name_of(BtfKind::type_definition, type_id);
    name = name.starts_with(kTracepoint) ? name.substr(kTracepoint.size()) : std::string_view();
  }
  return name.size() <= kMostName ? name : std::string_view();
}

}  // namespace

Result<std::optional<ProgBtf>> read_prog_btf(uint32_t prog_id) {
  const auto [fd, open_error] = prog_fd_by_id(prog_id);
  if (open_error) return {{}, open_error.err == ENOENT ? SysError{} : open_error};
  BpfProgInfo info = {};
  const auto [known_len, error] = prog_info_by_fd(fd.get(), info);
  if (error) return {{}, error};
  ProgBtf found;
  found.btf_id = info.btf_id;
  if (info.btf_id != 0) found.main_type_id = read_main_type(fd.get(), info);
  if (known_len >= offsetof(BpfProgInfo, attach_btf_id) + sizeof info.attach_btf_id) {
    found.attach_btf_obj_id = info.attach_btf_obj_id;
    found.attach_btf_id = info.attach_btf_id;
  }
  return {found, {}};
}

std::vector<std::optional<BtfFunction>> read_functions(std::span<const BtfType> asked) {
  std::vector<std::optional<BtfFunction>> functions(asked.size());
  std::map<uint32_t, std::vector<size_t>> by_btf;
  for (size_t i = 0; i < asked.size(); i++)
    if (asked[i].btf_id != 0) by_btf[asked[i].btf_id].push_back(i);
  Vmlinux vmlinux;
  for (const auto& [btf_id, wanted] : by_btf) {
    const auto [object, error] = read_btf_object(btf_id);
    if (error) continue;
    const std::string module = object.name == kVmlinux ? "" : object.name;
    const Btf* const base = module.empty() ? nullptr : vmlinux.get();
    if (!module.empty() && base == nullptr) continue;
    const auto [btf, damaged] = Btf::view(object.bytes.bytes(), base);
    if (damaged) continue;
    for (const size_t i : wanted) {
      const std::string_view name = function_name(btf, asked[i].type_id);
      if (!name.empty()) functions[i] = BtfFunction{std::string(name), module};
    }
  }
  return functions;
}

Result<std::optional<std::vector<uint32_t>>> read_prog_array(uint32_t map_id, uint32_t& most) {
  const auto [fd, open_error] = map_fd_by_id(map_id, kMapReadOnly);
  if (open_error) return {{}, open_error.err == ENOENT ? SysError{} : open_error};
  BpfMapInfo info = {};
  if (const SysError error = map_info_by_fd(fd.get(), info).error) return {{}, error};
  if (info.type != static_cast<uint32_t>(MapType::prog_array)) return {};
  std::vector<uint32_t> ids;
  const uint32_t slots = std::min(info.max_entries, most);
  most -= slots;
  for (uint32_t slot = 0; slot < slots; slot++) {
    uint32_t id = 0;
    const SysError error = map_lookup(fd.get(), slot, &id);
    if (!error)
      ids.push_back(id);
    else if (error.err != ENOENT)  // an empty slot
      return {{}, error};
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return {std::move(ids), {}};
}

}  // namespace bpftop
