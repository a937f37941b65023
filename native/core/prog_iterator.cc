// Set up: maps (so that a process that may not at all finds out first), BTF, the offsets of the CPUs, the iterator, its
// link. A pass: BPF_ITER_CREATE, read until there is no more, close.
#include "core/prog_iterator.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/btf.h"
#include "core/cpu_list.h"
#include "core/prog_info.h"

namespace bpftop {
namespace {

constexpr char kIteratorName[] = "bpftop_iter";
constexpr char kOffsetsName[] = "bpftop_cpus";
// As in the walk: a pass that doesn't end, because programs are loaded faster than they are read.
constexpr uint32_t kMostRows = 1 << 20;
// The buffer that bpf_seq_read fills before it answers (kernel/bpf/bpf_iter.c, 5.9 to 6.18).
constexpr uint64_t kPagesARead = 8;
constexpr char kRead[] = "read(bpf_iter)";
constexpr char kOpenPin[] = "open(bpf_iter)";
// BPF_FS_MAGIC of <linux/magic.h>.
constexpr int64_t kBpfFs = 0xcafe4a11;
constexpr uint32_t kMemorySlots = sizeof(IterMemory) / sizeof(uint64_t);

/// The last line of substance that the verifier writes about a program it refused: what it objected to.
std::string verifier_words(ProgLoad load) {
  std::vector<char> text(1 << 20);
  load.log = text;
  if (!prog_load(load).error) return {};
  std::string_view log(text.data(), ::strnlen(text.data(), text.size()));
  std::string_view words;
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    // "processed 61 insns (limit 1000000) …" is always there.
    if (!line.empty() && !line.starts_with("processed ") && !line.starts_with("verification time")) words = line;
  }
  return std::string(words.substr(0, 200));
}

/// Loads it, and on failure finds out why: that takes loading it once more. EPERM comes before the verifier.
Refusal load_prog(const ProgLoad& load, UniqueFd& prog) {
  auto [fd, error] = prog_load(load);
  if (error) return {error, error.err == EPERM ? std::string() : verifier_words(load)};
  prog = std::move(fd);
  return {};
}

/// Loads a raw_tp program and runs it, on each of `cpus` or, without any, wherever it is; it must return `expected`.
Refusal run_once(const Assembler& code, uint32_t expected, const std::vector<uint16_t>& cpus) {
  ProgLoad load;
  load.type = ProgType::raw_tracepoint;
  load.insns = code.code();
  load.name = kOffsetsName;
  UniqueFd prog;
  if (Refusal refusal = load_prog(load, prog)) return refusal;
  for (size_t i = 0; i < std::max<size_t>(1, cpus.size()); i++) {
    TestRun run;
    if (!cpus.empty()) run.cpu = cpus[i];
    const auto [ran, error] = prog_test_run(prog.get(), run);
    if (error) return {error, cpus.empty() ? std::string() : "CPU " + std::to_string(cpus[i])};
    if (ran.returned != expected) return {{ERANGE, "bpf(BPF_PROG_TEST_RUN)"}, "no per-CPU memory for every possible CPU"};
  }
  return {};
}

Refusal read_cpus(const char* path, std::vector<uint16_t>& cpus) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return {{errno, "open"}, path};
  char text[4096];
  const ssize_t len = ::read(fd.get(), text, sizeof text);
  if (len < 0) return {{errno, "read"}, path};
  auto list = parse_cpu_list({text, static_cast<size_t>(len)});
  if (!list) return {{EBADMSG, "read"}, path};
  cpus = std::move(*list);
  return {};
}

Refusal read_kernel_layout(const char* path, KernelLayout& layout) {
  // 5.5 MB, gone again at the end of this function.
  const auto [btf, error] = Btf::read(path);
  if (error) return {error, path};
  return read_layout(btf, layout);
}

}  // namespace

Refusal ProgIterator::open(const IteratorOptions& options) {
  close();
  Refusal refusal = set_up(options);
  if (refusal) close();
  return refusal;
}

Refusal ProgIterator::set_up(const IteratorOptions& options) {
  if (Refusal refusal = read_cpus(options.possible_cpus_path, cpus_)) return refusal;
  summed_ = options.pretend_cpus != 0 ? options.pretend_cpus : static_cast<uint32_t>(cpus_.size());
  // There may be gaps between possible CPUs: while offsets are looked for there is a slot for each up to the last, and one
  // more.
  std::vector<uint64_t> memory(std::max(kMemorySlots + summed_, cpus_.back() + 2u));
  const auto value_size = static_cast<uint32_t>(memory.size() * sizeof(uint64_t));
  const auto [map, error] = map_create({MapType::array, value_size, 1, kOffsetsName});
  if (error) return {error, {}};
  KernelLayout layout;
  if (Refusal refusal = read_kernel_layout(options.btf_path, layout)) return refusal;
  if (!options.may_count_misses) layout.stats_misses.reset();
  if (Refusal refusal = find_offsets(layout, map.get(), options.may_look_up, memory)) return refusal;
  return load(layout, map.get(), options, memory);
}

Refusal ProgIterator::open_pin(const std::string& path, const IteratorOptions& options) {
  close();
  if (Refusal refusal = read_cpus(options.possible_cpus_path, cpus_)) return refusal;
  pin_ = path;
  if (const SysError error = begin_run().error) {
    close();
    return {error, path};
  }
  make_buffer();
  return {};
}

Refusal ProgIterator::pin(const std::string& path) const {
  if (const SysError error = obj_pin(link_.get(), path.c_str())) return {error, path};
  if (::chmod(path.c_str(), S_IRUSR) != 0) return {{errno, "chmod"}, path};
  return {};
}

Result<UniqueFd> ProgIterator::begin_run() const {
  if (pin_.empty()) return iter_create(link_.get());
  UniqueFd fd(::open(pin_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd) return {{}, {errno, kOpenPin}};
  // What is read there is believed: it must come from a BPF program.
  struct statfs in = {};
  if (::fstatfs(fd.get(), &in) != 0 || in.f_type != kBpfFs) return {{}, {EBADF, kOpenPin}};
  return {std::move(fd), {}};
}

void ProgIterator::make_buffer() {
  page_size_ = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  buffer_.resize(page_size_ * kPagesARead);
}

void ProgIterator::close() {
  *this = ProgIterator();
}

Refusal ProgIterator::find_offsets(const KernelLayout& layout, int memory_fd, bool may_look_up,
                                   std::vector<uint64_t>& memory) {
  const auto [anchor, error] = map_create({MapType::percpu_array, sizeof(uint64_t), 1, kOffsetsName});
  if (error) return {error, {}};
  const uint32_t up_to_last = cpus_.back() + 1u;
  Refusal refusal = {{EINVAL, "bpf(BPF_PROG_LOAD)"}, {}};
  if (may_look_up) refusal = run_once(assemble_offsets(layout, anchor.get(), memory_fd, up_to_last), up_to_last, {});
  // Before 5.19 the verifier knows no such helper. Then every possible CPU must be online, to be asked itself.
  if (refusal.error.err == EINVAL)
    refusal = run_once(assemble_offset_here(layout, anchor.get(), memory_fd, up_to_last), 1, cpus_);
  if (refusal) return refusal;

  std::vector<uint64_t> found(memory.size());
  if (const SysError failed = map_lookup(memory_fd, 0, found.data())) return {failed, {}};
  for (uint32_t i = 0; i < summed_; i++) memory[kMemorySlots + i] = found[1 + cpus_[i % cpus_.size()]];
  return {};
}

Refusal ProgIterator::load(const KernelLayout& layout, int memory_fd, const IteratorOptions& options,
                           std::vector<uint64_t>& memory) {
  UniqueFd prog;
  ProgLoad load;
  load.type = ProgType::tracing;
  load.expected_attach_type = AttachType::trace_iter;
  load.attach_btf_id = layout.iter_function;
  load.name = kIteratorName;
  Refusal refusal;
  const bool has_cast = options.may_cast && layout.cast_function != 0;
  const bool has_list = options.may_look_ahead && layout.ksym_list;
  // The fastest that the verifier lets through.
  for (const IterWay way : {IterWay{ReadBy::cast, true}, IterWay{ReadBy::cast, false}, IterWay{ReadBy::probe, false}}) {
    if ((way.read_by == ReadBy::cast && !has_cast) || (way.ahead && !has_list)) continue;
    const Assembler code = assemble_iterator(layout, way, memory_fd, summed_);
    load.insns = code.code();
    refusal = load_prog(load, prog);
    way_ = way;
    if (!refusal) break;
  }
  if (refusal) return refusal;

  BpfProgInfo info = {};
  if (const SysError error = prog_info_by_fd(prog.get(), info).error) return {error, {}};
  memory[offsetof(IterMemory, own_id) / sizeof(uint64_t)] = info.id;
  if (const SysError error = map_update(memory_fd, 0, memory.data())) return {error, {}};
  auto [link, error] = link_create(prog.get(), 0, AttachType::trace_iter);
  if (error) return {error, {}};
  make_buffer();
  link_ = std::move(link);
  return {};
}

SysError ProgIterator::read(ProgTable& table) {
  const auto [run, error] = begin_run();
  if (error) return error;
  table.begin();
  rows_ = last_id_ = 0;
  own_run_cnt_ = end_run_cnt_ = 0;
  ended_ = false;
  for (size_t have = 0;;) {
    const ssize_t got = ::read(run.get(), buffer_.data() + have, buffer_.size() - have);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return {errno, kRead};
    if (got == 0) return {EPROTO, kRead};
    have += static_cast<size_t>(got);
    if (const SysError failed = add_rows(have, table)) return failed;
    // To read on would find what has been loaded since, if anything.
    if (ended_) {
      table.commit();
      return {};
    }
    // A record in two parts has not been seen: what there is of it goes to the front.
    const size_t rest = have % sizeof(IterRecord);
    std::memmove(buffer_.data(), buffer_.data() + have - rest, rest);
    have = rest;
  }
}

SysError ProgIterator::add_rows(size_t len, ProgTable& table) {
  for (size_t at = 0; at + sizeof(IterRecord) <= len; at += sizeof(IterRecord)) {
    IterRecord record;
    std::memcpy(&record, buffer_.data() + at, sizeof record);
    if (record.id == 0) {
      if (record.uid != kIterLast) return {EPROTO, kRead};
      end_run_cnt_ = record.run_cnt;
      ended_ = true;
      return {};
    }
    // In the order of the kernel's own list (an idr), since there are iterators over it (5.9 to 6.18).
    if (record.id <= last_id_) return {EPROTO, kRead};
    if (++rows_ > kMostRows) return {EOVERFLOW, kRead};
    last_id_ = record.id;
    if (record.flags & kIterSelf) own_run_cnt_ = record.run_cnt;
    ProgIdentity identity{record.id, record.load_time, 0};
    std::memcpy(&identity.tag, record.tag, sizeof record.tag);
    if (ProgInfo* info = table.add(identity, counters_of(record))) describe(record, identity, *info);
  }
  return {};
}

ProgCounters ProgIterator::counters_of(const IterRecord& record) const {
  ProgCounters counters{record.run_time_ns, record.run_cnt};
  if (record.known & kIterKnowsMisses) counters.recursion_misses = record.recursion_misses;
  if (record.hottest == kNoCpu) return counters;
  counters.hottest_cpu = cpus_[record.hottest % cpus_.size()];
  counters.hottest_pct = record.hottest_pct;
  return counters;
}

void ProgIterator::describe(const IterRecord& record, const ProgIdentity& identity, ProgInfo& info) {
  info.type = record.type;
  std::memcpy(info.name, record.name, sizeof info.name);
  info.name[sizeof info.name - 1] = '\0';
  std::memcpy(info.tag, record.tag, sizeof info.tag);
  info.load_time_ns = record.load_time;
  info.created_by_uid = record.uid;
  info.gpl_compatible = record.flags & kIterGplCompatible;
  info.xlated_prog_len = record.insns * static_cast<uint32_t>(sizeof(Insn));
  if (record.known & kIterKnowsPages) info.memlock = record.pages * page_size_;
  if (record.known & kIterKnowsVerifiedInsns) info.verified_insns = record.verified_insns;
  if (record.known & kIterKnowsSleepable) info.sleepable = (record.flags & kIterSleepable) != 0;
  info.btf_id = record.btf_id;
  info.expected_attach_type = record.expected_attach_type;
  info.attach_btf_id = record.attach_btf_id;
  info.self = (record.flags & kIterSelf) != 0;

  const bool has_maps = record.flags & kIterHasMaps;
  const bool other_length = record.flags & kIterOtherLength;
  if (!has_maps) info.map_ids.emplace();
  if (!other_length) info.jited_prog_len = record.jited_len;
  if (has_maps || other_length) ask_for_rest(identity, info);
}

void ProgIterator::ask_for_rest(const ProgIdentity& identity, ProgInfo& info) {
  if (!may_ask_) return;
  const auto [fd, error] = prog_fd_by_id(identity.id);
  if (error.err == EPERM) may_ask_ = false;
  BpfProgInfo raw = {};
  if (error || prog_info_by_fd(fd.get(), raw).error || identity_of(raw) != identity) return;
  info.map_ids = read_map_ids(fd.get(), raw.nr_map_ids);
  info.jited_prog_len = raw.jited_prog_len;
}

}  // namespace bpftop
