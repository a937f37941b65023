// Thin, typed wrappers of bpf(2). The ABI is declared here, exactly the part that is used, not taken from <linux/bpf.h>: a
// distribution's headers may be older than the kernel it runs (or absent: Alpine), and the ABI never changes once released.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/insn.h"
#include "core/sys_error.h"
#include "core/unique_fd.h"

namespace bpftop {

/// enum bpf_cmd, with the kernel each came with.
enum class BpfCmd : int {
  map_create = 0,
  map_lookup_elem = 1,
  map_update_elem = 2,
  map_delete_elem = 3,
  prog_load = 5,
  obj_pin = 6,               // 4.4
  obj_get = 7,               // 4.4
  prog_attach = 8,           // 4.10
  prog_detach = 9,           // 4.10
  prog_test_run = 10,        // 4.12
  prog_get_next_id = 11,     // 4.13
  map_get_next_id = 12,      // 4.13
  prog_get_fd_by_id = 13,    // 4.13
  map_get_fd_by_id = 14,     // 4.13
  obj_get_info_by_fd = 15,   // 4.13
  prog_query = 16,           // 4.15
  raw_tracepoint_open = 17,  // 4.17
  btf_load = 18,             // 4.18
  btf_get_fd_by_id = 19,     // 4.19
  task_fd_query = 20,        // 4.18
  btf_get_next_id = 23,      // 5.4
  link_create = 28,          // 5.7
  link_get_fd_by_id = 30,    // 5.8
  link_get_next_id = 31,     // 5.8
  enable_stats = 32,         // 5.8
  iter_create = 33,          // 5.8
};

/// enum bpf_prog_type, as far as it is loaded by this project.
enum class ProgType : uint32_t {
  socket_filter = 1,
  kprobe = 2,
  sched_cls = 3,
  tracepoint = 5,
  xdp = 6,
  perf_event = 7,
  cgroup_skb = 8,
  cgroup_sock = 9,
  sock_ops = 13,
  sk_skb = 14,
  cgroup_device = 15,
  sk_msg = 16,
  raw_tracepoint = 17,
  cgroup_sock_addr = 18,
  sk_reuseport = 21,
  flow_dissector = 22,
  cgroup_sysctl = 23,
  cgroup_sockopt = 25,
  tracing = 26,
  struct_ops = 27,
  ext = 28,        // 5.6
  lsm = 29,        // 5.7
  sk_lookup = 30,  // 5.9
  syscall = 31,    // 5.14
  netfilter = 32,  // 6.4
};

/// enum bpf_attach_type, as far as it is loaded or attached by this project.
enum class AttachType : uint32_t {
  /// What types without attach types are loaded for, too.
  cgroup_inet_ingress = 0,
  cgroup_inet_egress = 1,
  cgroup_inet_sock_create = 2,
  cgroup_sock_ops = 3,
  sk_skb_stream_parser = 4,
  sk_skb_stream_verdict = 5,
  cgroup_device = 6,
  sk_msg_verdict = 7,
  cgroup_inet4_connect = 10,
  flow_dissector = 17,
  cgroup_sysctl = 18,
  cgroup_getsockopt = 21,
  trace_raw_tp = 23,
  trace_fentry = 24,
  lsm_mac = 27,
  trace_iter = 28,
  sk_lookup = 36,  // 5.9
  xdp = 37,
  sk_skb_verdict = 38,  // 5.13
  sk_reuseport_select = 39,
  perf_event = 41,          // 5.15
  trace_kprobe_multi = 42,  // 5.18
  lsm_cgroup = 43,          // 6.0
  struct_ops = 44,          // 6.4
  netfilter = 45,           // 6.4
  tcx_ingress = 46,         // 6.6
  tcx_egress = 47,          // 6.6
  trace_uprobe_multi = 48,  // 6.6
  netkit_primary = 54,      // 6.7
  netkit_peer = 55,         // 6.7
};

/// enum bpf_map_type, as far as it is created or looked into by this project.
enum class MapType : uint32_t {
  hash = 1,
  array = 2,
  prog_array = 3,
  percpu_hash = 5,
  percpu_array = 6,
  lru_hash = 9,
  lru_percpu_hash = 10,
  lpm_trie = 11,
  hash_of_maps = 13,
  sockmap = 15,
  sockhash = 18,
  queue = 22,
  struct_ops = 26,  // 5.6
};

/// Bytes of a program's name with its NUL (BPF_OBJ_NAME_LEN).
inline constexpr size_t kNameLen = 16;
inline constexpr size_t kTagLen = 8;

/// struct bpf_prog_info up to the last member that is used. The kernel fills the shorter of its struct and ours, and wants
/// what is beyond its own to be zero, so one struct serves all: 208 bytes come back on 5.10, all of ours from 5.16 on.
struct BpfProgInfo {
  uint32_t type;
  uint32_t id;
  uint8_t tag[kTagLen];
  uint32_t jited_prog_len;
  uint32_t xlated_prog_len;
  uint64_t jited_prog_insns;
  uint64_t xlated_prog_insns;
  uint64_t load_time;  // CLOCK_BOOTTIME
  uint32_t created_by_uid;
  uint32_t nr_map_ids;  // in: room at map_ids; out: how many there are, however much room there was
  uint64_t map_ids;     // address of uint32_t[]
  char name[kNameLen];
  uint32_t ifindex;
  uint32_t gpl_compatible : 1;  // a bitfield there too: which bit it is follows the CPU's byte order
  uint32_t : 31;
  uint64_t netns_dev;
  uint64_t netns_ino;
  uint32_t nr_jited_ksyms;
  uint32_t nr_jited_func_lens;
  uint64_t jited_ksyms;
  uint64_t jited_func_lens;
  uint32_t btf_id;
  uint32_t func_info_rec_size;
  uint64_t func_info;
  uint32_t nr_func_info;
  uint32_t nr_line_info;
  uint64_t line_info;
  uint64_t jited_line_info;
  uint32_t nr_jited_line_info;
  uint32_t line_info_rec_size;
  uint32_t jited_line_info_rec_size;
  uint32_t nr_prog_tags;
  uint64_t prog_tags;
  uint64_t run_time_ns;        // 5.1
  uint64_t run_cnt;            // 5.1
  uint64_t recursion_misses;   // 5.12
  uint32_t verified_insns;     // 5.16
  uint32_t attach_btf_obj_id;  // 6.0
  uint32_t attach_btf_id;      // 6.0
  uint32_t pad;
};
static_assert(offsetof(BpfProgInfo, run_time_ns) == 192);
static_assert(offsetof(BpfProgInfo, verified_insns) == 216);
static_assert(sizeof(BpfProgInfo) == 232);

/// struct bpf_map_info up to the last member that is used; as BpfProgInfo.
struct BpfMapInfo {
  uint32_t type;
  uint32_t id;
  uint32_t key_size;
  uint32_t value_size;
  uint32_t max_entries;
  uint32_t map_flags;
  char name[kNameLen];
  uint32_t ifindex;
  uint32_t btf_vmlinux_value_type_id;  // of struct_ops
};
static_assert(sizeof(BpfMapInfo) == 48);

/// struct bpf_func_info: which function of its BTF begins at which instruction of a program. It may grow.
struct BpfFuncInfo {
  uint32_t insn_off;
  uint32_t type_id;
};

/// struct bpf_btf_info. The address and the lengths beside it are in and out, as in BpfLinkInfo.
struct BpfBtfInfo {
  uint64_t btf;
  uint32_t btf_size;  // in: room at btf; out: how much there is
  uint32_t id;
  uint64_t name;        // 5.11
  uint32_t name_len;    // in: room at name; out: without its NUL
  uint32_t kernel_btf;  // 5.11; 1: of the kernel ("vmlinux") or of a module, whose name it has
};
static_assert(sizeof(BpfBtfInfo) == 32);

/// enum bpf_link_type, as far as its link_info is read.
enum class LinkType : uint32_t {
  raw_tracepoint = 1,
  tracing = 2,
  cgroup = 3,
  iter = 4,
  netns = 5,
  xdp = 6,
  perf_event = 7,     // 5.15; link_info since 6.6
  kprobe_multi = 8,   // 5.18; link_info since 6.6
  struct_ops = 9,     // link_info since 6.4
  netfilter = 10,     // 6.4
  tcx = 11,           // 6.6
  uprobe_multi = 12,  // 6.6; link_info since 6.8
  netkit = 13,        // 6.7
  sockmap = 14,       // 6.10
};

/// struct bpf_link_info. The kernel fills the shorter of its struct and ours, and of the union only what the link's type has
/// there; a type that had nothing to tell yet leaves zeros. Addresses and the lengths beside them are in and out: what to
/// write a text to, and with how much room.
struct BpfLinkInfo {
  uint32_t type;
  uint32_t id;
  uint32_t prog_id;  // 0: the link has no program of its own (struct_ops)
  uint32_t pad;
  union {
    struct {
      uint64_t tp_name;
      uint32_t tp_name_len;
    } raw_tracepoint;
    struct {
      uint32_t attach_type;
      uint32_t target_obj_id;  // a program's id where that is what it is attached to, otherwise a BTF object's
      uint32_t target_btf_id;
    } tracing;
    struct {
      uint64_t cgroup_id;  // 0: the cgroup is gone
      uint32_t attach_type;
    } cgroup;
    struct {
      uint64_t target_name;
      uint32_t target_name_len;
    } iter;
    struct {
      uint32_t netns_ino;  // 0: the namespace is gone
      uint32_t attach_type;
    } netns;
    struct {
      uint32_t ifindex;  // 0: the interface is gone
    } xdp;
    struct {
      uint32_t map_id;
    } struct_ops;
    struct {
      uint32_t pf;
      uint32_t hooknum;
      int32_t priority;
      uint32_t flags;
    } netfilter;
    struct {
      uint64_t addrs;
      uint32_t count;
      uint32_t flags;
      uint64_t missed;  // 6.7
    } kprobe_multi;
    struct {
      uint64_t path;
      uint64_t offsets;
      uint64_t ref_ctr_offsets;
      uint64_t cookies;
      uint32_t path_size;
      uint32_t count;
      uint32_t flags;
      uint32_t pid;
    } uprobe_multi;
    struct {
      uint32_t type;  // enum bpf_perf_event_type
      uint32_t pad;
      union {
        /// Of a uprobe (a file), a kprobe (a function) and a tracepoint (which has no offset) alike.
        struct {
          uint64_t name;
          uint32_t name_len;
          uint32_t offset;
          uint64_t addr;    // of a kprobe alone, as what follows
          uint64_t missed;  // 6.7
        } probe;
        struct {
          uint64_t config;
          uint32_t type;
        } event;
      };
    } perf_event;
    /// Of netkit as well.
    struct {
      uint32_t ifindex;  // 0: the interface is gone
      uint32_t attach_type;
    } tcx;
    struct {
      uint32_t map_id;
      uint32_t attach_type;
    } sockmap;
    uint64_t all[6];
  };
};
static_assert(offsetof(BpfLinkInfo, xdp) == 16);
static_assert(sizeof(BpfLinkInfo) == 64);

/// enum bpf_task_fd_type: what hangs on a perf event.
enum class TaskFdType : uint32_t { raw_tracepoint, tracepoint, kprobe, kretprobe, uprobe, uretprobe };

/// bpf(2) itself, with EINTR tried again. `attr` may be shorter than the kernel's union: it reads the rest as zero.
/// Gives what the call gives, -1 with errno on failure.
int bpf(BpfCmd cmd, void* attr, size_t size);

/// The lowest loaded program id above `after`. ENOENT: there is none. EPERM: without CAP_SYS_ADMIN.
Result<uint32_t> prog_next_id(uint32_t after);

/// A new fd, the caller's, close-on-exec, for a loaded program. ENOENT: unloaded meanwhile. EPERM: without CAP_SYS_ADMIN.
Result<UniqueFd> prog_fd_by_id(uint32_t id);

/// What the kernel says of a program. `info` is in and out: zero it but for map_ids and nr_map_ids. The value is how many
/// bytes of it this kernel knows; what is beyond stays as it was.
Result<uint32_t> prog_info_by_fd(int prog_fd, BpfProgInfo& info);

/// Hands BTF to the kernel; the fd is the caller's, close-on-exec. EINVAL: it is not BTF, or of a newer kernel.
Result<UniqueFd> btf_load(std::span<const uint8_t> bytes);

/// The lowest id of a BTF object above `after`. ENOENT: there is none. EPERM: without CAP_SYS_ADMIN.
Result<uint32_t> btf_next_id(uint32_t after);

/// A new fd, the caller's, close-on-exec, for a BTF object. ENOENT: gone. EPERM: without CAP_SYS_ADMIN.
Result<UniqueFd> btf_fd_by_id(uint32_t id);

/// What the kernel says of a BTF object. `info` is in and out: zero it but for the room. The value is how many bytes of it
/// this kernel knows. ENOSPC: too little room for the name.
Result<uint32_t> btf_info_by_fd(int btf_fd, BpfBtfInfo& info);

/// The lowest link id above `after`. ENOENT: there is none. EPERM: without CAP_SYS_ADMIN. EINVAL: before 5.8.
Result<uint32_t> link_next_id(uint32_t after);

/// A new fd, the caller's, close-on-exec, for a link, which stays as long as the fd does. ENOENT: gone meanwhile. EAGAIN:
/// just being made. EPERM: without CAP_SYS_ADMIN.
Result<UniqueFd> link_fd_by_id(uint32_t id);

/// What the kernel says of a link. `info` is in and out: zero it but for the room for texts. The value is how many bytes of
/// it this kernel knows; what is beyond stays as it was. ENOSPC: too little room. Others: the type can't tell.
Result<uint32_t> link_info_by_fd(int link_fd, BpfLinkInfo& info);

/// What BPF_PROG_QUERY finds attached in one place.
struct Attached {
  uint32_t prog_id = 0;
  /// 0: without a link, or it wasn't asked for.
  uint32_t link_id = 0;
};

/// What is attached to an interface of this network namespace with this attach type (tcx, netkit), with ids of links.
/// ENODEV: no such interface. EINVAL: this kernel knows no such attach type. ENXIO, EACCES: netkit, but the interface isn't
/// one, or is its peer. EPERM: without CAP_NET_ADMIN.
Result<std::vector<Attached>> query_interface(uint32_t ifindex, AttachType type);

/// What is attached to a network namespace (flow_dissector, sk_lookup). EINVAL: as above. EPERM: without CAP_NET_ADMIN.
Result<std::vector<Attached>> query_netns(int netns_fd, AttachType type);

/// Ids of the programs attached to what `target_fd` is (a cgroup's directory, a sockmap) itself, not to what is above it; by
/// link or without. EINVAL: this kernel has no such attach type, or can't tell.
Result<std::vector<uint32_t>> query_prog_ids(int target_fd, uint32_t attach_type);

/// What a process's perf event runs.
struct TaskFd {
  uint32_t prog_id = 0;
  TaskFdType type{};
  /// A tracepoint, a function, a file.
  std::string name;
  /// From the start of that function or file.
  uint64_t offset = 0;
};

/// Asks what an fd of a process, a perf event, runs. ENOENT: that process, that fd or a program isn't there. EOPNOTSUPP: a
/// program, on an event that is none of the TaskFdTypes. ENOTSUPP (524): no perf event. EPERM: without CAP_SYS_ADMIN.
Result<TaskFd> task_fd_query(uint32_t pid, uint32_t fd);

/// What to load. All pointers belong to the caller and are not kept.
struct ProgLoad {
  ProgType type{};
  std::span<const Insn> insns;
  /// At most 15 bytes of [A-Za-z0-9_.]; the kernel answers EINVAL to others.
  const char* name = "";
  /// Whether it is GPL-compatible decides which helpers it may call.
  const char* license = "Dual MIT/GPL";
  uint32_t flags = 0;
  AttachType expected_attach_type{};
  /// Id, in the kernel's BTF, of the function that it is attached to; 0: none.
  uint32_t attach_btf_id = 0;
  /// The program whose BTF that is of instead; 0: none.
  int attach_prog_fd = 0;
  /// Its own BTF, and which function begins where; 0: none.
  int btf_fd = 0;
  std::span<const BpfFuncInfo> functions;
  /// Where the verifier writes what it thinks; empty: nowhere.
  std::span<char> log;
};

/// Loads a program; the fd is the caller's, close-on-exec. EACCES, EINVAL, E2BIG: refused by the verifier. EPERM: not
/// allowed, or, before 5.11, RLIMIT_MEMLOCK reached.
Result<UniqueFd> prog_load(const ProgLoad& load);

/// What BPF_PROG_TEST_RUN wants; which members may be set depends on the program's type.
struct TestRun {
  std::span<const uint8_t> data;
  std::span<const uint8_t> ctx;
  /// The kernel takes 0 as 1.
  uint32_t repeat = 0;
  /// The CPU to run it on, of raw_tp programs from 5.10 on; none: this one.
  std::optional<uint32_t> cpu;
};

/// How a test run went.
struct TestRan {
  /// What the program returned; of the last repeat.
  uint32_t returned = 0;
  /// ns a run, rounded down, by the kernel's clock around all repeats; 0 also for types that it doesn't time.
  uint32_t duration_ns = 0;
};

/// Runs a program. ENOTSUPP (524): its type can't be. ENXIO: that CPU is offline. EINTR: a signal
/// came between two of the repeats, which is therefore not tried again here: some have been run.
Result<TestRan> prog_test_run(int prog_fd, const TestRun& run);

/// What map to create. The name belongs to the caller and is not kept.
struct MapCreate {
  MapType type{};
  uint32_t value_size = 0;
  uint32_t max_entries = 1;
  /// As of a program.
  const char* name = "";
  uint32_t key_size = sizeof(uint32_t);
  uint32_t flags = 0;
  /// Like which map those in it must be, of a map of maps.
  int inner_map_fd = 0;
  /// BTF of one's own, and the type of the value in the kernel's (struct_ops).
  int btf_fd = 0;
  uint32_t btf_vmlinux_value_type_id = 0;
};

/// Creates a map; the fd is the caller's, close-on-exec. EPERM: not allowed, or, before 5.11,
/// RLIMIT_MEMLOCK reached.
Result<UniqueFd> map_create(const MapCreate& map);

/// The lowest map id above `after`. ENOENT: there is none. EPERM: without CAP_SYS_ADMIN.
Result<uint32_t> map_next_id(uint32_t after);

/// BPF_F_RDONLY; 4.15.
inline constexpr uint32_t kMapReadOnly = 1 << 3;

/// A new fd, the caller's, close-on-exec, for a map. ENOENT: gone. EPERM: without CAP_SYS_ADMIN, or not to be had from a
/// security module.
Result<UniqueFd> map_fd_by_id(uint32_t id, uint32_t flags = 0);

/// What the kernel says of a map. `info` is in and out: zero it.
Result<uint32_t> map_info_by_fd(int map_fd, BpfMapInfo& info);

/// Reads the value of a key into `value`, which must have room for all of it.
SysError map_lookup(int map_fd, uint32_t key, void* value);

/// Writes the value of a key.
SysError map_update(int map_fd, uint32_t key, const void* value);

/// Takes a key out. ENOENT: it isn't there.
SysError map_delete(int map_fd, uint32_t key);

/// Attaches a program; the fd of the link, which holds both, is the caller's, close-on-exec. `target` is an fd, an
/// interface's index or 0, as the type has it. EINVAL: the type doesn't go there, or this kernel has no link for it.
Result<UniqueFd> link_create(int prog_fd, uint32_t target, AttachType type, uint32_t flags = 0);

/// Gives a program, map or link a name in a bpffs, which keeps it after all fds of it are closed. The file must not be there
/// yet. EINVAL or EPERM: not in a bpffs.
SysError obj_pin(int fd, const char* path);

/// A new fd, the caller's, close-on-exec, of what is pinned at a path: a program, map or link, which /proc/self/fd/FD tells.
/// EACCES: nothing of BPF's, or not allowed. ENOENT: gone meanwhile.
Result<UniqueFd> obj_get(const char* path);

/// A new run of the iterator behind a link: what its program writes is read from the fd, the caller's, close-on-exec. Wants
/// no capability.
Result<UniqueFd> iter_create(int link_fd);

/// Switches run-time statistics on for as long as the fd, the caller's, is open. EINVAL: before 5.8. EPERM: without
/// CAP_SYS_ADMIN.
Result<UniqueFd> enable_stats();

}  // namespace bpftop
