// bpf_struct_ops_tcp_congestion_ops, as the kernel's BTF lays it out, with the three functions that it can't be without
// (tcp_register_congestion_control in net/ipv4/tcp_cong.c).
#include "testbed/struct_ops.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/btf.h"

namespace bpftop {
namespace {

constexpr const char* kOps[] = {"ssthresh", "cong_avoid", "undo_cwnd"};
constexpr uint32_t kLinkFlag = 1 << 13;  // BPF_F_LINK

/// BTF with an int in it: the kernel wants some from who brings a value of a type of its own.
Result<UniqueFd> load_some_btf() {
  const struct {
    uint16_t magic;
    uint8_t version, flags;
    uint32_t hdr_len, type_off, type_len, str_off, str_len;
    uint32_t name, info, size, encoding;
    char strings[5];
  } btf = {0xeb9f, 1, 0, 24, 0, 16, 16, 5, 1, 1 << 24, 4, 32, "\0int"};
  struct {
    uint64_t btf;
    uint64_t log_buf;
    uint32_t size;
    uint32_t log_size;
    uint32_t log_level;
  } attr = {reinterpret_cast<uintptr_t>(&btf), 0, 24 + 16 + 5, 0, 0};
  UniqueFd fd(bpf(BpfCmd::btf_load, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_BTF_LOAD)"}};
  return {std::move(fd), {}};
}

}  // namespace

Result<TestStructOps> TestStructOps::load(const std::string& name, bool by_link) {
  const auto [btf, btf_error] = Btf::read("/sys/kernel/btf/vmlinux");
  if (btf_error) return {{}, btf_error};
  const uint32_t type = btf.find(BtfKind::structure, "tcp_congestion_ops");
  const uint32_t value_type = btf.find(BtfKind::structure, "bpf_struct_ops_tcp_congestion_ops");
  const auto data = btf.member(value_type, "data");
  const auto label = btf.member(type, "name");
  if (type == 0 || !data || !label || label->size < name.size() + 1) return {{}, {ENOENT, "btf"}};

  Result<TestStructOps> result;
  TestStructOps& made = result.value;
  made.by_link_ = by_link;
  made.value_.resize(btf.size_of(value_type));
  std::memcpy(&made.value_[(data->bit_offset + label->bit_offset) / 8], name.data(), name.size());
  constexpr Insn kReturnOne[] = {insn::mov(r0, 1), insn::exit()};
  for (const char* op : kOps) {
    const auto member = btf.member(type, op);
    if (!member) return {{}, {ENOENT, "btf"}};
    ProgLoad load;
    load.type = ProgType::struct_ops;
    load.insns = kReturnOne;
    load.name = op;
    load.expected_attach_type = static_cast<AttachType>(member->index);
    load.attach_btf_id = type;
    auto [prog, error] = prog_load(load);
    if (error) return {{}, error};
    BpfProgInfo info = {};
    if (const SysError failed = prog_info_by_fd(prog.get(), info).error) return {{}, failed};
    made.ops_.push_back({std::move(prog), info.id, (data->bit_offset + member->bit_offset) / 8});
  }

  const auto [some_btf, some_error] = load_some_btf();
  if (some_error) return {{}, some_error};
  MapCreate map;
  map.type = MapType::struct_ops;
  map.value_size = static_cast<uint32_t>(made.value_.size());
  map.name = name.c_str();
  map.flags = by_link ? kLinkFlag : 0;
  map.btf_fd = some_btf.get();
  map.btf_vmlinux_value_type_id = value_type;
  auto [fd, map_error] = map_create(map);
  if (map_error) return {{}, map_error};
  BpfMapInfo info = {};
  if (const SysError failed = map_info_by_fd(fd.get(), info).error) return {{}, failed};
  made.map_ = std::move(fd);
  made.map_id_ = info.id;
  return result;
}

SysError TestStructOps::fill() {
  std::vector<uint8_t> value = value_;
  for (const Op& op : ops_) {
    const uint64_t fd = static_cast<uint64_t>(op.prog.get());
    std::memcpy(&value[op.offset], &fd, sizeof fd);
  }
  const SysError error = map_update(map_.get(), 0, value.data());
  filled_ = !error;
  return error;
}

SysError TestStructOps::link() {
  auto [link, error] = link_create(map_.get(), 0, AttachType::struct_ops);
  if (!error) link_ = std::move(link);
  return error;
}

void TestStructOps::detach() {
  link_.reset();
  // A map that takes a link keeps its programs (EOPNOTSUPP).
  if (filled_ && !by_link_) (void)map_delete(map_.get(), 0);
  filled_ = false;
}

void TestStructOps::close() {
  if (!map_) return;
  detach();
  map_.reset();
  ops_.clear();
}

std::vector<uint32_t> TestStructOps::prog_ids() const {
  std::vector<uint32_t> ids(ops_.size());
  std::transform(ops_.begin(), ops_.end(), ids.begin(), [](const Op& op) { return op.id; });
  return ids;
}

}  // namespace bpftop
