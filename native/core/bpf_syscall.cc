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

}  // namespace

int bpf(BpfCmd cmd, void* attr, size_t size) {
  int result;
  do {
    result = bpf_once(cmd, attr, size);
  } while (result < 0 && errno == EINTR);
  return result;
}

Result<uint32_t> prog_next_id(uint32_t after) {
  struct {
    uint32_t start_id;
    uint32_t next_id;
  } attr = {after, 0};
  if (bpf(BpfCmd::prog_get_next_id, &attr, sizeof attr) < 0) return {0, {errno, "bpf(BPF_PROG_GET_NEXT_ID)"}};
  return {attr.next_id, {}};
}

Result<UniqueFd> prog_fd_by_id(uint32_t id) {
  struct {
    uint32_t prog_id;
  } attr = {id};
  UniqueFd fd(bpf(BpfCmd::prog_get_fd_by_id, &attr, sizeof attr));
  if (!fd) return {{}, {errno, "bpf(BPF_PROG_GET_FD_BY_ID)"}};
  return {std::move(fd), {}};
}

Result<uint32_t> prog_info_by_fd(int prog_fd, BpfProgInfo& info) {
  struct {
    int32_t bpf_fd;
    uint32_t info_len;
    uint64_t info;
  } attr = {prog_fd, sizeof info, address(&info)};
  if (bpf(BpfCmd::obj_get_info_by_fd, &attr, sizeof attr) < 0) return {0, {errno, "bpf(BPF_OBJ_GET_INFO_BY_FD)"}};
  return {attr.info_len, {}};
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
  } attr = {};
  static_assert(sizeof attr == 72);
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
  attr.expected_attach_type = load.expected_attach_type;

  // The verifier gives up with EAGAIN when a signal comes; five tries, as libbpf.
  for (int tries_left = 5;;) {
    UniqueFd fd(bpf(BpfCmd::prog_load, &attr, sizeof attr));
    if (fd) return {std::move(fd), {}};
    if (errno != EAGAIN || --tries_left == 0) return {{}, {errno, "bpf(BPF_PROG_LOAD)"}};
  }
}

SysError prog_test_run(int prog_fd, const TestRun& run) {
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
  } attr = {};
  static_assert(sizeof attr == 64);
  attr.prog_fd = prog_fd;
  attr.data_size_in = static_cast<uint32_t>(run.data.size());
  attr.data_in = address(run.data.data());
  attr.repeat = run.repeat;
  attr.ctx_size_in = static_cast<uint32_t>(run.ctx.size());
  attr.ctx_in = address(run.ctx.data());
  if (bpf_once(BpfCmd::prog_test_run, &attr, sizeof attr) < 0) return {errno, "bpf(BPF_PROG_TEST_RUN)"};
  return {};
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
