// Thin, typed wrappers of bpf(2): each fills the part of union bpf_attr that its command reads.
#include "core/bpf_syscall.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace bpftop {
namespace {

uint64_t address(const void* pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

int bpf_once(BpfCmd cmd, void* attr, size_t size) {
  return static_cast<int>(::syscall(SYS_bpf, static_cast<int>(cmd), attr, size));
}

SysError map_elem(BpfCmd cmd, const char* call, int map_fd, uint32_t key, const void* value) {
  struct {
    uint32_t map_fd;
    uint32_t pad;
    uint64_t key;
    uint64_t value;
    uint64_t flags;
  } attr = {static_cast<uint32_t>(map_fd), 0, address(&key), address(value), 0};
  if (bpf(cmd, &attr, sizeof attr) < 0) return {errno, call};
  return {};
}

Result<uint32_t> next_id(BpfCmd cmd, const char* call, uint32_t after) {
  struct {
    uint32_t start_id;
    uint32_t next_id;
  } attr = {after, 0};
  if (bpf(cmd, &attr, sizeof attr) < 0) return {0, {errno, call}};
  return {attr.next_id, {}};
}

Result<UniqueFd> fd_by_id(BpfCmd cmd, const char* call, uint32_t id) {
  struct {
    uint32_t id;
  } attr = {id};
  UniqueFd fd(bpf(cmd, &attr, sizeof attr));
  if (!fd) return {{}, {errno, call}};
  return {std::move(fd), {}};
}

Result<uint32_t> info_by_fd(int fd, void* info, uint32_t len) {
  struct {
    int32_t bpf_fd;
    uint32_t info_len;
    uint64_t info;
  } attr = {fd, len, address(info)};
  if (bpf(BpfCmd::obj_get_info_by_fd, &attr, sizeof attr) < 0) return {0, {errno, "bpf(BPF_OBJ_GET_INFO_BY_FD)"}};
  return {attr.info_len, {}};
}

/// Kernels that can't tell links know a shorter struct, and want what is beyond it to be zero.
Result<std::vector<Attached>> query(uint32_t target, AttachType type, bool with_links) {
  constexpr uint32_t kMost = 64;  // BPF_MPROG_MAX; a network namespace has as many
  uint32_t prog_ids[kMost] = {};
  uint32_t link_ids[kMost] = {};
  struct {
    uint32_t target;
    uint32_t attach_type;
    uint32_t query_flags;
    uint32_t attach_flags;
    uint64_t prog_ids;
    uint32_t count;
    uint32_t pad;
    uint64_t prog_attach_flags;
    uint64_t link_ids;
  } attr = {target, static_cast<uint32_t>(type), 0, 0, address(prog_ids), kMost, 0, 0, address(link_ids)};
  const size_t size = with_links ? sizeof attr : offsetof(decltype(attr), prog_attach_flags);
  if (bpf(BpfCmd::prog_query, &attr, size) < 0) return {{}, {errno, "bpf(BPF_PROG_QUERY)"}};
  std::vector<Attached> found;
  for (uint32_t i = 0; i < std::min(attr.count, kMost); i++) found.push_back({prog_ids[i], link_ids[i]});
  return {std::move(found), {}};
}

}  // namespace

int bpf(BpfCmd cmd, void* attr, size_t size) {
  int result;
  do {
    result = bpf_once(cmd, attr, size);
  } while (result < 0 && errno == EINTR);
  return result;
}

Result<uint32_t> prog_next_id(uint32_t after) {
  return next_id(BpfCmd::prog_get_next_id, "bpf(BPF_PROG_GET_NEXT_ID)", after);
}

Result<UniqueFd> prog_fd_by_id(uint32_t id) {
  return fd_by_id(BpfCmd::prog_get_fd_by_id, "bpf(BPF_PROG_GET_FD_BY_ID)", id);
}

Result<uint32_t> prog_info_by_fd(int prog_fd, BpfProgInfo& info) {
  return info_by_fd(prog_fd, &info, sizeof info);
}

Result<UniqueFd> btf_load(std::span<const uint8_t> bytes) {
  struct {
    uint64_t btf;
    uint64_t btf_log_buf;
    uint32_t btf_size;
    uint32_t btf_log_size;
    uint32_t btf_log_level;
    uint32_t pad;
  } attr = {address(bytes.data()), 0, static_cast<uint32_t>(bytes.size()), 0, 0, 0};
  UniqueFd fd(bpf(BpfCmd::btf_load, &attr, offsetof(decltype(attr), pad)));
  if (!fd) return {{}, {errno, "bpf(BPF_BTF_LOAD)"}};
  return {std::move(fd), {}};
}

Result<uint32_t> btf_next_id(uint32_t after) {
  return next_id(BpfCmd::btf_get_next_id, "bpf(BPF_BTF_GET_NEXT_ID)", after);
}

Result<UniqueFd> btf_fd_by_id(uint32_t id) {
  return fd_by_id(BpfCmd::btf_get_fd_by_id, "bpf(BPF_BTF_GET_FD_BY_ID)", id);
}

Result<uint32_t> btf_info_by_fd(int btf_fd, BpfBtfInfo& info) {
  return info_by_fd(btf_fd, &info, sizeof info);
}

Result<uint32_t> link_next_id(uint32_t after) {
  return next_id(BpfCmd::link_get_next_id, "bpf(BPF_LINK_GET_NEXT_ID)", after);
}

Result<UniqueFd> link_fd_by_id(uint32_t id) {
  return fd_by_id(BpfCmd::link_get_fd_by_id, "bpf(BPF_LINK_GET_FD_BY_ID)", id);
}

Result<uint32_t> link_info_by_fd(int link_fd, BpfLinkInfo& info) {
  return info_by_fd(link_fd, &info, sizeof info);
}

Result<std::vector<Attached>> query_interface(uint32_t ifindex, AttachType type) {
  return query(ifindex, type, true);
}

Result<std::vector<Attached>> query_netns(int netns_fd, AttachType type) {
  return query(static_cast<uint32_t>(netns_fd), type, false);
}

Result<std::vector<uint32_t>> query_prog_ids(int target_fd, uint32_t attach_type) {
  constexpr char kCall[] = "bpf(BPF_PROG_QUERY)";
  std::vector<uint32_t> ids(64);  // BPF_CGROUP_MAX_PROGS
  for (int tries = 0; tries < 4; tries++) {
    std::vector<uint32_t> flags(attach_type == static_cast<uint32_t>(AttachType::lsm_cgroup) ? ids.size() : 0);
    struct {
      uint32_t target_fd;
      uint32_t attach_type;
      uint32_t query_flags;
      uint32_t attach_flags;
      uint64_t prog_ids;
      uint32_t count;  // in: room; out: how many there are, also where the room was too small
      uint32_t pad;
      uint64_t prog_attach_flags;  // 6.0; of lsm_cgroup, which has several hooks, it must be there
    } attr = {static_cast<uint32_t>(target_fd),
              attach_type,
              0,
              0,
              address(ids.data()),
              static_cast<uint32_t>(ids.size()),
              0,
              flags.empty() ? 0 : address(flags.data())};
    const size_t size = flags.empty() ? offsetof(decltype(attr), prog_attach_flags) : sizeof attr;
    const bool failed = bpf(BpfCmd::prog_query, &attr, size) < 0;
    if (failed && errno != ENOSPC) return {{}, {errno, kCall}};
    if (!failed && attr.count <= ids.size()) {
      ids.resize(attr.count);
      return {std::move(ids), {}};
    }
    ids.resize(size_t{attr.count} + 64);
  }
  return {{}, {ENOSPC, kCall}};
}

Result<TaskFd> task_fd_query(uint32_t pid, uint32_t fd) {
  char text[4096] = {};  // PATH_MAX
  struct {
    uint32_t pid;
    uint32_t fd;
    uint32_t flags;
    uint32_t buf_len;
    uint64_t buf;
    uint32_t prog_id;
    uint32_t fd_type;
    uint64_t probe_offset;
    uint64_t probe_addr;
  } attr = {pid, fd, 0, sizeof text, address(text), 0, 0, 0, 0};
  if (bpf(BpfCmd::task_fd_query, &attr, sizeof attr) < 0) return {{}, {errno, "bpf(BPF_TASK_FD_QUERY)"}};
  return {{attr.prog_id, static_cast<TaskFdType>(attr.fd_type), {text, ::strnlen(text, sizeof text)}, attr.probe_offset},
          {}};
}

Result<UniqueFd> prog_load(const ProgLoad& load) {
  struct {
    uint32_t prog_type;
    uint32_t insn_cnt;
    uint64_t insns;
    uint64_t license;
    uint32_t log_level;
    uint32_t log_size;
    uint64_t log_buf;
    uint32_t kern_version;
    uint32_t prog_flags;
    char prog_name[kNameLen];
    uint32_t prog_ifindex;
    uint32_t expected_attach_type;
    uint32_t prog_btf_fd;
    uint32_t func_info_rec_size;
    uint64_t func_info;
    uint32_t func_info_cnt;
    uint32_t line_info_rec_size;
    uint64_t line_info;
    uint32_t line_info_cnt;
    uint32_t attach_btf_id;
    uint32_t attach_prog_fd;
  } attr = {};
  static_assert(offsetof(decltype(attr), expected_attach_type) == 68);
  static_assert(offsetof(decltype(attr), attach_prog_fd) == 112);
  attr.prog_type = static_cast<uint32_t>(load.type);
  attr.insn_cnt = static_cast<uint32_t>(load.insns.size());
  attr.insns = address(load.insns.data());
  attr.license = address(load.license);
  if (!load.log.empty()) {
    attr.log_level = 1;
    attr.log_size = static_cast<uint32_t>(load.log.size());
    attr.log_buf = address(load.log.data());
  }
  attr.prog_flags = load.flags;
  std::memcpy(attr.prog_name, load.name, std::min(std::strlen(load.name), kNameLen - 1));
  attr.expected_attach_type = static_cast<uint32_t>(load.expected_attach_type);
  attr.attach_btf_id = load.attach_btf_id;
  attr.attach_prog_fd = static_cast<uint32_t>(load.attach_prog_fd);
  attr.prog_btf_fd = static_cast<uint32_t>(load.btf_fd);
  attr.func_info_rec_size = load.functions.empty() ? 0 : sizeof(BpfFuncInfo);
  attr.func_info = address(load.functions.data());
  attr.func_info_cnt = static_cast<uint32_t>(load.functions.size());
  // A kernel that knows less of the union wants the rest to be zero: what isn't used isn't even shown to it.
  const size_t size = load.attach_btf_id != 0 || load.btf_fd != 0 ? sizeof attr : offsetof(decltype(attr), prog_btf_fd);

  // The verifier gives up with EAGAIN when a signal comes; five tries, as libbpf.
  for (int tries_left = 5;;) {
    UniqueFd fd(bpf(BpfCmd::prog_load, &attr, size));
    if (fd) return {std::move(fd), {}};
    if (errno != EAGAIN || --tries_left == 0) return {{}, {errno, "bpf(BPF_PROG_LOAD)"}};
  }
}

Result<TestRan> prog_test_run(int prog_fd, const TestRun& run) {
  struct {
    int32_t prog_fd;
    uint32_t retval;
    uint32_t data_size_in;
    uint32_t data_size_out;
    uint64_t data_in;
    uint64_t data_out;
    uint32_t repeat;
    uint32_t duration;
    uint32_t ctx_size_in;
    uint32_t ctx_size_out;
    uint64_t ctx_in;
    uint64_t ctx_out;
    uint32_t flags;
    uint32_t cpu;
  } attr = {};
  static_assert(sizeof attr == 72);
  attr.prog_fd = prog_fd;
  attr.data_size_in = static_cast<uint32_t>(run.data.size());
  attr.data_in = address(run.data.data());
  attr.repeat = run.repeat;
  attr.ctx_size_in = static_cast<uint32_t>(run.ctx.size());
  attr.ctx_in = address(run.ctx.data());
  if (run.cpu) {
    attr.flags = 1;  // BPF_F_TEST_RUN_ON_CPU
    attr.cpu = *run.cpu;
  }
  if (bpf_once(BpfCmd::prog_test_run, &attr, sizeof attr) < 0) return {{}, {errno, "bpf(BPF_PROG_TEST_RUN)"}};
  return {{attr.retval, attr.duration}, {}};
}

Result<UniqueFd> map_create(const MapCreate& map) {
  struct {
    uint32_t map_type;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t max_entries;
    uint32_t map_flags;
    uint32_t inner_map_fd;
    uint32_t numa_node;
    char map_name[kNameLen];
    uint32_t map_ifindex;
    uint32_t btf_fd;
    uint32_t btf_key_type_id;
    uint32_t btf_value_type_id;
    uint32_t btf_vmlinux_value_type_id;
  } attr = {};
  attr.map_type = static_cast<uint32_t>(map.type);
  attr.key_size = map.key_size;
  attr.value_size = map.value_size;
  attr.max_entries = map.max_entries;
  attr.map_flags = map.flags;
  attr.inner_map_fd = static_cast<uint32_t>(map.inner_map_fd);
  std::memcpy(attr.map_name, map.name, std::min(std::strlen(map.name), kNameLen - 1));
  attr.btf_fd = static_cast<uint32_t>(map.btf_fd);
  attr.btf_vmlinux_value_type_id = map.btf_vmlinux_value_type_id;
  // As of a program: what isn't used isn't shown.
  const size_t size = map.btf_vmlinux_value_type_id != 0 ? sizeof attr : offsetof(decltype(attr), map_ifindex);
  UniqueFd fd(bpf(BpfCmd::map_create, &attr, size));
  if (!fd) return {{}, {errno, "bpf(BPF_MAP_CREATE)"}};
  return {std::move(fd), {}};
}

Result<uint32_t> map_next_id(uint32_t after) {
  return next_id(BpfCmd::map_get_next_id, "bpf(BPF_MAP_GET_NEXT_ID)", after);
}

Result<UniqueFd> map_fd_by_id(uint32_t id, uint32_t flags) {
  struct {
    uint32_t map_id;
    uint32_t next_id;
    uint32_t open_flags;
  } attr = {id, 0, flags};
  UniqueFd fd(bpf(BpfCmd::map_get_fd_by_id, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_MAP_GET_FD_BY_ID)"}};
  return {std::move(fd), {}};
}

Result<uint32_t> map_info_by_fd(int map_fd, BpfMapInfo& info) {
  return info_by_fd(map_fd, &info, sizeof info);
}

SysError map_lookup(int map_fd, uint32_t key, void* value) {
  return map_elem(BpfCmd::map_lookup_elem, "bpf(BPF_MAP_LOOKUP_ELEM)", map_fd, key, value);
}

SysError map_update(int map_fd, uint32_t key, const void* value) {
  return map_elem(BpfCmd::map_update_elem, "bpf(BPF_MAP_UPDATE_ELEM)", map_fd, key, value);
}

SysError map_delete(int map_fd, uint32_t key) {
  return map_elem(BpfCmd::map_delete_elem, "bpf(BPF_MAP_DELETE_ELEM)", map_fd, key, nullptr);
}

Result<UniqueFd> link_create(int prog_fd, uint32_t target, AttachType type, uint32_t flags) {
  struct {
    int32_t prog_fd;
    uint32_t target;
    uint32_t attach_type;
    uint32_t flags;
  } attr = {prog_fd, target, static_cast<uint32_t>(type), flags};
  UniqueFd fd(bpf(BpfCmd::link_create, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_LINK_CREATE)"}};
  return {std::move(fd), {}};
}

SysError obj_pin(int fd, const char* path) {
  struct {
    uint64_t pathname;
    uint32_t bpf_fd;
    uint32_t file_flags;
  } attr = {reinterpret_cast<uint64_t>(path), static_cast<uint32_t>(fd), 0};
  if (bpf(BpfCmd::obj_pin, &attr, sizeof attr) < 0) return {errno, "bpf(BPF_OBJ_PIN)"};
  return {};
}

Result<UniqueFd> obj_get(const char* path) {
  struct {
    uint64_t pathname;
    uint32_t bpf_fd;
    uint32_t file_flags;
  } attr = {address(path), 0, 0};
  UniqueFd fd(bpf(BpfCmd::obj_get, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_OBJ_GET)"}};
  return {std::move(fd), {}};
}

Result<UniqueFd> iter_create(int link_fd) {
  struct {
    int32_t link_fd;
    uint32_t flags;
  } attr = {link_fd, 0};
  UniqueFd fd(bpf(BpfCmd::iter_create, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_ITER_CREATE)"}};
  return {std::move(fd), {}};
}

Result<UniqueFd> enable_stats() {
  struct {
    uint32_t type;
  } attr = {0};  // BPF_STATS_RUN_TIME
  UniqueFd fd(bpf(BpfCmd::enable_stats, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_ENABLE_STATS)"}};
  return {std::move(fd), {}};
}

}  // namespace bpftop
