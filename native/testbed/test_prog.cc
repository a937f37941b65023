// Assembles, loads and runs the test programs.
#include "testbed/test_prog.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "core/btf.h"

namespace bpftop {
namespace {

// BPF_F_SLEEPABLE; 5.10.
constexpr uint32_t kSleepable = 1 << 4;
// Not "GPL" alone: this project is MIT. Its being GPL-compatible is what the kernel asks of programs that call GPL-only
// helpers.
constexpr char kLicense[] = "Dual MIT/GPL";

constexpr struct {
  std::string_view name;
  ProgType type;
  /// What lets traffic pass as if the program weren't there.
  int32_t returns;
} kTypes[] = {
    {"socket_filter", ProgType::socket_filter, -1},  // the whole packet
    {"sched_cls", ProgType::sched_cls, -1},          // TC_ACT_UNSPEC
    {"xdp", ProgType::xdp, 2},                       // XDP_PASS
    {"tracepoint", ProgType::tracepoint, 0},         // 0: not on to perf
    {"raw_tracepoint", ProgType::raw_tracepoint, 0},
    {"cgroup_skb", ProgType::cgroup_skb, 1},    // allow
    {"cgroup_sock", ProgType::cgroup_sock, 1},  // allow
    {"sk_lookup", ProgType::sk_lookup, 1},      // SK_PASS
    {"cgroup_device", ProgType::cgroup_device, 1},
    {"cgroup_sock_addr", ProgType::cgroup_sock_addr, 1},
    {"cgroup_sysctl", ProgType::cgroup_sysctl, 1},
    {"cgroup_sockopt", ProgType::cgroup_sockopt, 1},
    {"sock_ops", ProgType::sock_ops, 1},
    {"sk_skb", ProgType::sk_skb, 1},                    // SK_PASS
    {"sk_msg", ProgType::sk_msg, 1},                    // SK_PASS
    {"sk_reuseport", ProgType::sk_reuseport, 1},        // SK_PASS
    {"flow_dissector", ProgType::flow_dissector, 129},  // BPF_FLOW_DISSECTOR_CONTINUE
    {"netfilter", ProgType::netfilter, 1},              // NF_ACCEPT
    {"kprobe", ProgType::kprobe, 0},
    {"perf_event", ProgType::perf_event, 0},
    {"syscall", ProgType::syscall, 0},
    {"tracing", ProgType::tracing, 0},
    {"lsm", ProgType::lsm, 0},
    {"ext", ProgType::ext, 2},  // in the place of an XDP program
};

/// r1 = each map; then a print; then a call of each function; then `loops` times round an empty loop; then the verdict. Two
/// instructions a time round, which the verifier follows one by one: 20 000 loops are 40 000 of the million it allows.
std::vector<Insn> assemble(const TestProgSpec& spec, const std::vector<UniqueFd>& maps, const UniqueFd& prog_array) {
  std::vector<Insn> code;
  // First of all, while r1 is the context. Where there is nothing to go on to, it goes on here.
  if (prog_array)
    code = {insn::mov(r6, r1),         insn::ld_map_fd(r2, prog_array.get()), insn::ld_map_rest(), insn::mov(r1, r6),
            insn::mov(r3, int32_t{0}), insn::call(Helper::tail_call)};
  for (const UniqueFd& map : maps) {
    code.push_back(insn::ld_map_fd(r1, map.get()));
    code.push_back(insn::ld_map_rest());
  }
  if (spec.prints) {
    constexpr char kText[8] = "bpftop\n";
    int32_t halves[2];
    std::memcpy(halves, kText, sizeof kText);
    for (const Insn& insn :
         {insn::store(Width::u32, r10, -8, halves[0]), insn::store(Width::u32, r10, -4, halves[1]), insn::mov(r1, r10),
          insn::add(r1, -8), insn::mov(r2, int32_t{sizeof kText}), insn::call(Helper::trace_printk)})
      code.push_back(insn);
  }
  // Behind the main program's exit the functions lie side by side, two instructions each.
  const auto rest = static_cast<int32_t>((spec.loops > 0 ? 3 : 0) + 2);
  for (uint32_t i = 0; i < spec.functions; i++) {
    const auto calls_after = static_cast<int32_t>(spec.functions - 1 - i);
    code.push_back(insn::call_function(calls_after + rest + 2 * static_cast<int32_t>(i)));
  }
  if (spec.loops > 0) {
    code.push_back(insn::mov(r2, static_cast<int32_t>(spec.loops)));
    code.push_back(insn::add(r2, -1));
    code.push_back(insn::jne(r2, 0, -2));
  }
  const auto* type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const auto& t) { return t.type == spec.type; });
  // The rest of its type is told of errors; to a cgroup's program 1 is to let it pass.
  const bool of_cgroup = spec.attach_type == AttachType::lsm_cgroup;
  code.push_back(insn::mov(r0, of_cgroup ? 1 : type->returns));
  code.push_back(insn::exit());
  for (uint32_t i = 0; i < spec.functions; i++) {
    code.push_back(insn::mov(r0, static_cast<int32_t>(i)));
    code.push_back(insn::exit());
  }
  return code;
}

/// Which type of the BTF below is the function.
constexpr uint32_t kFunctionId = 5;

/// BTF of `int name(struct xdp_md *ctx)`, a global function. To programs of other types than XDP the argument is just wrong.
std::vector<uint8_t> btf_of(const std::string& name) {
  const auto info = [](BtfKind kind, uint32_t vlen) { return static_cast<uint32_t>(kind) << 24 | vlen; };
  const std::string strings = std::string("\0int\0xdp_md\0ctx\0", 16) + name + '\0';
  constexpr uint32_t kInt = 1, kXdpMd = 5, kCtx = 12, kName = 16;
  const uint32_t types[] = {
      kInt,   info(BtfKind::integer, 0),
      4,      1u << 24 | 32,  // 1: signed, 32 bits
      kXdpMd, info(BtfKind::structure, 0),
      4,  // 2
      0,      info(BtfKind::pointer, 0),
      2,  // 3
      0,      info(BtfKind::function_prototype, 1),
      1,      kCtx,
      3,  // 4
      kName,  info(BtfKind::function, 1),
      4,  // 5, global
  };
  const auto len = static_cast<uint32_t>(strings.size());
  uint32_t header[] = {0, 24, 0, sizeof types, sizeof types, len};
  const uint16_t magic = 0xeb9f;
  const uint8_t version = 1;
  std::memcpy(header, &magic, sizeof magic);
  std::memcpy(reinterpret_cast<uint8_t*>(header) + sizeof magic, &version, sizeof version);
  std::vector<uint8_t> bytes(sizeof header + sizeof types + len);
  std::memcpy(bytes.data(), header, sizeof header);
  std::memcpy(bytes.data() + sizeof header, types, sizeof types);
  std::memcpy(bytes.data() + sizeof header + sizeof types, strings.data(), len);
  return bytes;
}

/// Until 5.11 maps and programs were charged to RLIMIT_MEMLOCK, root's too: 64 KB by default, and EPERM when it is reached.
void lift_memlock_limit() {
  const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
  ::setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

/// Calls `make` again with the limit lifted if it got EPERM.
template <typename Make>
auto with_memlock(Make make) {
  auto result = make();
  if (result.error.err != EPERM) return result;
  lift_memlock_limit();
  return make();
}

constexpr struct {
  std::string_view name;
  MapType type;
  /// Where they aren't four bytes.
  uint32_t key_size = 4, value_size = 4;
} kMapTypes[] = {
    {"array", MapType::array},
    {"hash", MapType::hash},
    {"percpu_hash", MapType::percpu_hash},
    {"lru_hash", MapType::lru_hash},
    {"lru_percpu_hash", MapType::lru_percpu_hash},
    {"lpm_trie", MapType::lpm_trie, 8},
    {"hash_of_maps", MapType::hash_of_maps},
    {"queue", MapType::queue, 0},
};

/// Makes a map, fills it and takes some of it out again.
Result<UniqueFd> make_map(const TestMapSpec& spec) {
  const auto* type =
      std::find_if(std::begin(kMapTypes), std::end(kMapTypes), [&](const auto& t) { return t.type == spec.type; });
  MapCreate create = {spec.type, type->value_size, spec.max_entries, spec.name.c_str(), type->key_size};
  if (!spec.preallocated) create.flags = 1;  // BPF_F_NO_PREALLOC
  // A value: of maps of maps the fd of one, of those with a value a CPU eight bytes for each.
  static_assert(CPU_SETSIZE >= 1024);
  uint64_t value[8 * CPU_SETSIZE] = {};
  UniqueFd inner;
  if (spec.type == MapType::hash_of_maps) {
    auto [fd, error] = map_create({MapType::array, 4, 1, "inner"});
    if (error) return {{}, error};
    inner = std::move(fd);
    create.inner_map_fd = inner.get();
    const auto inner_fd = static_cast<uint32_t>(inner.get());
    std::memcpy(value, &inner_fd, sizeof inner_fd);
  }
  auto map = map_create(create);
  if (map.error) return map;
  for (uint32_t key = 0; key < spec.inserts; key++)
    if (const SysError error = map_update(map.value.get(), key, value)) return {{}, error};
  for (uint32_t key = 0; key < spec.deletes; key++)
    if (const SysError error = map_delete(map.value.get(), key)) return {{}, error};
  return map;
}

/// The last lines of what the verifier writes about `load`; it is loaded once more for it.
std::string verifier_log(ProgLoad load) {
  // Some 70 bytes an instruction: of a long program the log is cut (ENOSPC), at its end until 6.4, at its start since.
  std::vector<char> text(1 << 20);
  load.log = text;
  const auto retried = prog_load(load);
  if (!retried.error) return {};
  const std::string log(text.data(), ::strnlen(text.data(), text.size()));
  constexpr size_t kMost = 1000;
  return log.size() <= kMost ? log : "… " + log.substr(log.size() - kMost);
}

/// Calls `work` in a thread of its own, to which no signal comes, and waits for it: BPF_PROG_TEST_RUN stops where something
/// waits for its thread, without saying how many runs it has done. For Node's main thread that may also be io_uring.
template <typename Work>
SysError undisturbed(Work work) {
  struct Call {
    Work& work;
    SysError error;
  } call = {work, {}};
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const auto run = [](void* data) -> void* {
    auto& asked = *static_cast<Call*>(data);
    asked.error = asked.work();
    return nullptr;
  };
  const int refused = ::pthread_create(&thread, nullptr, run, &call);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (refused != 0) return {refused, "pthread_create"};
  ::pthread_join(thread, nullptr);
  return call.error;
}

/// Moves this thread. EINVAL: no such CPU, or none of this process's.
SysError move_to(uint32_t cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  if (cpu < CPU_SETSIZE) CPU_SET(cpu, &one);
  if (::sched_setaffinity(0, sizeof one, &one) != 0) return {errno, "sched_setaffinity"};
  return {};
}

}  // namespace

bool prog_type_by_name(std::string_view name, ProgType& type) {
  for (const auto& known : kTypes) {
    if (known.name != name) continue;
    type = known.type;
    return true;
  }
  return false;
}

bool map_type_by_name(std::string_view name, MapType& type) {
  for (const auto& known : kMapTypes) {
    if (known.name != name) continue;
    type = known.type;
    return true;
  }
  return false;
}

Result<TestProg> TestProg::load(const TestProgSpec& spec, std::string& log) {
  // The program holds its maps once it is loaded; these fds go at the end of this function.
  std::vector<UniqueFd> maps;
  for (const TestMapSpec& each : spec.maps) {
    auto [map, error] = each.id != 0 ? map_fd_by_id(each.id) : with_memlock([&] { return make_map(each); });
    if (error) return {{}, error};
    maps.push_back(std::move(map));
  }
  UniqueFd prog_array;
  if (!spec.tail_calls.empty()) {
    const auto slots = static_cast<uint32_t>(spec.tail_calls.size());
    auto [array, error] = with_memlock([&] { return map_create({MapType::prog_array, 4, slots, "tail_calls"}); });
    if (error) return {{}, error};
    for (uint32_t slot = 0; slot < slots; slot++) {
      const auto [callee, open_error] = prog_fd_by_id(spec.tail_calls[slot]);
      if (open_error) return {{}, open_error};
      const int fd = callee.get();
      if (const SysError failed = map_update(array.get(), slot, &fd)) return {{}, failed};
    }
    prog_array = std::move(array);
  }
  const std::vector<Insn> code = assemble(spec, maps, prog_array);
  ProgLoad load;
  load.type = spec.type;
  load.insns = code;
  load.name = spec.name.c_str();
  load.license = kLicense;
  load.flags = spec.type == ProgType::syscall ? kSleepable : 0;
  load.expected_attach_type = spec.attach_type.value_or(attach_type_of(spec.type));
  // The program holds its BTF once it is loaded, and what it replaces.
  UniqueFd own_btf, replaced;
  constexpr BpfFuncInfo kMain[] = {{0, kFunctionId}};
  if (!spec.full_name.empty()) {
    auto [btf, error] = btf_load(btf_of(spec.full_name));
    if (error) return {{}, error};
    own_btf = std::move(btf);
    load.btf_fd = own_btf.get();
    load.functions = kMain;
  }
  if (spec.replaces != 0) {
    auto [target, error] = prog_fd_by_id(spec.replaces);
    if (error) return {{}, error};
    replaced = std::move(target);
    load.attach_prog_fd = replaced.get();
    load.attach_btf_id = kFunctionId;
  }
  if (!spec.attach_to.empty()) {
    const auto [kernel, error] = Btf::read("/sys/kernel/btf/vmlinux");
    if (error) return {{}, error};
    const bool by_type = load.expected_attach_type == AttachType::trace_raw_tp;
    load.attach_btf_id = kernel.find(by_type ? BtfKind::type_definition : BtfKind::function, spec.attach_to);
    if (load.attach_btf_id == 0) return {{}, {ENOENT, "btf"}};
  }

  Result<TestProg> result;
  auto [fd, error] = with_memlock([&] { return prog_load(load); });
  if (error) {
    log = verifier_log(load);
    result.error = error;
    return result;
  }
  BpfProgInfo info = {};
  result.error = prog_info_by_fd(fd.get(), info).error;
  result.value.type_ = spec.type;
  result.value.attach_type_ = load.expected_attach_type;
  result.value.fd_ = std::move(fd);
  result.value.id_ = info.id;
  result.value.prog_array_ = std::move(prog_array);
  return result;
}

SysError TestProg::run(uint32_t times, std::optional<uint32_t> cpu) {
  return undisturbed([&]() -> SysError {
    if (cpu)
      if (const SysError error = move_to(*cpu)) return error;
    return run_here(times);
  });
}

SysError TestProg::run_here(uint32_t times) {
  // Zeros will do: an Ethernet frame of unknown protocol, or arguments nobody reads.
  constexpr uint8_t kBytes[64] = {};
  if (times == 0) return {};  // to the kernel 0 is 1
  TestRun run;
  if (type_ == ProgType::raw_tracepoint || type_ == ProgType::syscall) {
    // These take a context and no repeat count (EINVAL).
    run.ctx = kBytes;
    for (uint32_t done = 0; done < times; done++)
      if (const SysError error = prog_test_run(fd_.get(), run).error) return error;
    return {};
  }
  run.data = kBytes;
  run.repeat = times;
  return prog_test_run(fd_.get(), run).error;
}

SysError TestProg::attach(const AttachPoint& point) {
  auto [attachment, error] = attach_prog(fd_.get(), attach_type_, point);
  if (!error) attached_.push_back(std::move(attachment));
  return error;
}

SysError TestProg::pin_link(const char* path) {
  if (attached_.empty() || attached_.back().holder() < 0) return {EINVAL, "bpf(BPF_OBJ_PIN)"};
  return obj_pin(attached_.back().holder(), path);
}

Result<BpfProgInfo> TestProg::info() const {
  Result<BpfProgInfo> result;
  result.error = prog_info_by_fd(fd_.get(), result.value).error;
  return result;
}

void TestProg::close() {
  detach();
  prog_array_.reset();
  fd_.reset();
}

}  // namespace bpftop
