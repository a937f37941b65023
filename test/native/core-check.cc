// Checks of native/core without Node, built and run by core.test.ts with the address and undefined-behaviour sanitizers.
// Prints one TAP line a check. What needs the kernel is left out when it refuses.
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "core/btf.h"
#include "core/cpu_list.h"
#include "core/errno_name.h"
#include "core/file_iterator.h"
#include "core/kernel_layout.h"
#include "core/links.h"
#include "core/maps.h"
#include "core/names.h"
#include "core/netlink.h"
#include "core/netns.h"
#include "core/own_progs.h"
#include "core/pins.h"
#include "core/prog_info.h"
#include "core/prog_iterator.h"
#include "core/prog_walk.h"
#include "core/sampler.h"
#include "core/stats_cost.h"
#include "core/unlinked.h"
#include "synthetic-btf.h"

using namespace bpftop;

namespace {

int checks = 0;
bool failed = false;

void check(bool ok, const char* what) {
  std::printf("%s %d - %s\n", ok ? "ok" : "not ok", ++checks, what);
  failed |= !ok;
}

/// One committed pass of these identities; how many appeared.
size_t pass(ProgTable& table, std::initializer_list<ProgIdentity> identities) {
  table.begin();
  for (const ProgIdentity& identity : identities)
    if (ProgInfo* info = table.add(identity, {1, 2, 3})) info->type = 6;
  table.commit();
  return table.appeared().size();
}

void check_table() {
  ProgTable table;
  check(pass(table, {}) == 0, "no programs at all");
  check(pass(table, {{5, 100, 1}, {9, 200, 2}}) == 2, "all appear in the first pass with programs");
  check(pass(table, {{5, 100, 1}, {9, 200, 2}}) == 0, "and not in the second");
  check(pass(table, {{5, 101, 1}, {9, 200, 2}}) == 1 && table.appeared()[0].id == 5,
        "a reused id with another load time appears");
  check(pass(table, {{5, 101, 7}, {9, 200, 2}}) == 1 && table.appeared()[0].id == 5, "a reused id with another tag appears");
  check(pass(table, {{1, 1, 1}, {5, 101, 7}, {7, 1, 1}, {9, 200, 2}, {11, 1, 1}}) == 3, "new ones below, between and above");
  check(table.appeared()[1].id == 7 && table.appeared()[1].index == 2, "with the index of their row");
  check(pass(table, {{9, 200, 2}}) == 0 && table.ids().size() == 1, "the others leave");
  check(pass(table, {{5, 101, 7}, {9, 200, 2}}) == 1, "one that left and came back appears again");
  table.begin();
  check(table.add({12, 1, 1}, {}) != nullptr, "a new one in a pass that fails");
  check(pass(table, {{5, 101, 7}, {9, 200, 2}, {12, 1, 1}}) == 1 && table.appeared()[0].id == 12,
        "appears in the next as well");
}

void check_misses() {
  BpfProgInfo raw = {};
  raw.run_time_ns = 5;
  raw.run_cnt = 2;
  raw.recursion_misses = 3;
  check(counters_of(raw, sizeof raw).recursion_misses == 3u, "misses, where the kernel counts them");
  constexpr uint32_t kEnd = offsetof(BpfProgInfo, recursion_misses);
  check(counters_of(raw, kEnd + 8).recursion_misses == 3u, "also as the last it knows");
  const ProgCounters older = counters_of(raw, kEnd);
  check(older.run_time_ns == 5 && older.run_cnt == 2 && !older.recursion_misses, "unknown on kernels that don't, not 0");

  ProgTable table;
  table.begin();
  check(table.counts_misses(), "no programs: nothing against it");
  (void)table.add({1, 1, 1}, {1, 1, std::nullopt});
  check(!table.counts_misses(), "a table of rows without misses");
  table.begin();
  (void)table.add({1, 1, 1}, {1, 1, 4});
  check(table.counts_misses() && table.recursion_misses()[0] == 4, "and the next one with them");
}

void check_memlock() {
  check(parse_memlock("pos:\t0\nmemlock:\t4096\nprog_id:\t1\n") == 4096u, "memlock of a real fdinfo");
  check(parse_memlock("memlock: 18446744073709551615\n") == UINT64_MAX, "the largest number");
  for (const char* text :
       {"", "\n", "memlock", "memlock:", "memlock:\n", "memlock:\t\n", "memlock:\t-1\n", "memlock:\t0x10\n",
        "memlock:\t18446744073709551616\n", "memlock:\t12", "xmemlock:\t1\n", "memlock:\t1 2\n"})
    check(!parse_memlock(text), "no number is no memlock");
}

void check_errno_names() {
  check(std::strcmp(errno_name(EPERM), "EPERM") == 0, "a common errno");
  check(std::strcmp(errno_name(524), "ENOTSUPP") == 0, "the kernel's own ENOTSUPP");
  check(std::strcmp(errno_name(-1), "EUNKNOWN") == 0 && std::strcmp(errno_name(99999), "EUNKNOWN") == 0, "no errno");
}

void check_cpu_lists() {
  check(parse_cpu_list("0\n") == std::vector<uint16_t>{0}, "one CPU");
  check(parse_cpu_list("0-3,8,10-11\n") == std::vector<uint16_t>{0, 1, 2, 3, 8, 10, 11}, "ranges and gaps");
  check(parse_cpu_list("8191").has_value(), "the largest CPU");
  for (const char* text : {"", "\n", "0-", "-1", "x", "0,", "3-1", "1,1", "2,0-1", "0 1", "0-8192", "99999999999999999999"})
    check(!parse_cpu_list(text), "not a list of CPUs");
}

void check_stats_cost() {
  check(stats_cost_of(26, 94) == 68u && stats_cost_of(1, 2) == 1u, "what statistics add is the difference");
  check(!stats_cost_of(0, 0) && !stats_cost_of(0, 94), "a clock that is too coarse says nothing");
  check(!stats_cost_of(94, 94) && !stats_cost_of(94, 26), "nor do runs that are as fast with them, or faster");
  check(stats_cost_of(26, 10'025) == 9'999u && !stats_cost_of(26, 10'026), "nor ten microseconds");
  check(!StatsCost().time_with(), "not timed without");
}

Refusal layout_of(const SyntheticKernel& kernel, KernelLayout& layout) {
  auto [btf, error] = Btf::parse(synthetic_btf(kernel));
  if (error) return {error, "the test's own BTF"};
  return read_layout(btf, layout);
}

void check_layouts() {
  KernelLayout layout;
  check(!layout_of({}, layout), "a recent kernel's types");
  check(layout.prog_tag == 20 && layout.iter_prog == 8 && layout.array_pptrs == 256, "members of anonymous unions");
  check(layout.user_uid == 64 && layout.stats_nsecs == 8, "members of members, behind typedefs");
  constexpr bool kLittle = std::endian::native == std::endian::little;
  check(layout.prog_gpl_compatible.offset == 2 && layout.prog_gpl_compatible.shift == (kLittle ? 2 : 5), "a bit of a byte");
  check(layout.sleepable && layout.sleepable_in_prog && layout.sleepable->offset == 3, "sleepable as a bit of bpf_prog");
  check(layout.stats_in_prog && layout.stats == 32 && layout.stats_misses == 16, "statistics in bpf_prog");
  check(layout.ksym_list && layout.ksym_list->next == 168 && layout.ksym_list->is_prog == 192 &&
            layout.ksym_list->prog == 200 && layout.ksym_list->meta_seq_num == 16,
        "the list of programs with machine code");
  check(layout.prog_pages == 0 && layout.aux_verified_insns == 56 && layout.cast_function != 0, "what recent kernels have");

  layout = {};
  SyntheticKernel old;
  old.stats_in_aux = true;
  old.misses = old.verified_insns = old.cast = false;
  old.sleepable = SyntheticKernel::bool_in_aux;
  check(!layout_of(old, layout), "a kernel's types from before 5.12");
  check(!layout.stats_in_prog && layout.stats == 88, "statistics in bpf_prog_aux");
  check(layout.sleepable && !layout.sleepable_in_prog && layout.sleepable->shift == 0,
        "sleepable as a bool of bpf_prog_aux");
  check(!layout.stats_misses && !layout.aux_verified_insns && layout.cast_function == 0, "what it lacks is known to lack");

  layout = {};
  SyntheticKernel unlisted;
  unlisted.ksym = false;
  check(!layout_of(unlisted, layout) && !layout.ksym_list, "without that list no iterator is refused");

  SyntheticKernel strange;
  strange.load_time = false;
  const Refusal refusal = layout_of(strange, layout);
  check(refusal.text() == "btf: ENOENT: this kernel's types have no member load_time of 8 bytes",
        "what is missing is named");
}

/// Structs whose only members are those that are read, at offsets of no kernel.
BtfBuilder file_types(bool struct_ops, bool file) {
  BtfBuilder types;
  const uint32_t u32 = types.integer("unsigned int", 4), u64 = types.integer("unsigned long", 8);
  types.structure("bpf_iter__task_file", 32, {{"meta", u64, 0}, {"task", u64, 64}, {"fd", u32, 128}, {"file", u64, 192}});
  types.structure("bpf_iter_meta", 24, {{"seq", u64, 0}});
  types.structure("task_struct", 64,
                  {{"tgid", u32, 32}, {"group_leader", u64, 64}, {"start_boottime", u64, 128}, {"files", u64, 192}});
  types.structure("files_struct", 16, {{"fdt", u64, 64}});
  types.structure("fdtable", 16, {{"fd", u64, 64}});
  if (file) types.structure("file", 32, {{"f_op", u64, 64}, {"private_data", u64, 192}});
  types.structure("file_operations", 128, {{"release", u64, 448}});
  types.structure("bpf_prog", 64, {{"aux", u64, 320}});
  types.structure("bpf_prog_aux", 64, {{"id", u32, 96}});
  types.structure("bpf_map", 64, {{"id", u32, 160}});
  const uint32_t link = types.structure("bpf_link", 40, {{"type", u32, 96}, {"prog", u64, 128}});
  if (struct_ops) types.structure("bpf_struct_ops_link", 64, {{"link", link, 64}, {"map", u64, 448}});
  types.structure("bpf_iter_task_file", 0, {});
  return types;
}

void check_file_layouts() {
  // A struct of the function's name is no function.
  const auto parsed = Btf::parse(file_types(true, true).bytes());
  FileLayout layout;
  check(!parsed.error && read_file_layout(parsed.value, layout).text() ==
                             "btf: ENOENT: this kernel's types have no function bpf_iter_task_file",
        "a kernel without an iterator over files");
  check(layout.iter_file == 24 && layout.task_start_boottime == 16 && layout.f_op_release == 56 && layout.link_prog == 16,
        "where it keeps open files");
  check(layout.struct_ops_link_map == 48, "from a link that is inside of another struct to that one's map");
  layout = {};
  const auto old = Btf::parse(file_types(false, false).bytes());
  check(read_file_layout(old.value, layout).error && !layout.struct_ops_link_map, "links of struct_ops are not everywhere");
}

/// Where a struct of the kernel's has its functions.
void check_function_pointers() {
  using enum BtfKind;
  BtfBuilder make;
  const uint32_t number = make.integer("unsigned int", 4);
  const uint32_t prototype = make.add(function_prototype, "", 0, 0, {});
  const uint32_t to_function = make.reference(pointer, "", prototype);
  const uint32_t hook = make.reference(type_definition, "hook_t", make.reference(const_type, "", to_function));
  const uint32_t to_number = make.reference(pointer, "", number);
  const uint32_t ops = make.structure(
      "ops", 32, {{"flags", number, 0}, {"first", to_function, 64}, {"data", to_number, 128}, {"second", hook, 192}});
  make.structure("value", 64, {{"state", number, 32}, {"data", make.reference(type_definition, "ops_t", ops), 256}});
  const auto [btf, error] = Btf::parse(make.bytes());
  check(!error && btf.function_pointers(ops) == std::vector<uint32_t>{8, 24}, "pointers to functions, also behind typedefs");
  check(btf.function_pointers(number).empty() && btf.function_pointers(99).empty(), "what is no struct has none");
  const auto data = btf.member(btf.find(structure, "value"), "data");
  check(data && data->index == 1 && data->type == ops && btf.name_of(BtfKind::structure, data->type) == "ops",
        "a member's place and type");
  check(btf.name_of(BtfKind::pointer, to_function).empty() && btf.name_of(BtfKind::structure, 99).empty(),
        "what has no name has none");
}

/// Deep, circular and exploding types end, and are no type.
void check_hostile_btf() {
  BtfBuilder circle;
  const uint32_t loop = circle.reference(BtfKind::type_definition, "loop", 1);
  circle.structure("holds", 8, {{"member", loop, 0}});
  const auto circular = Btf::parse(circle.bytes());
  check(!circular.error && circular.value.size_of(loop) == 0, "a typedef of itself has no size");
  check(!circular.value.member(2, "member.x"), "nor members");

  BtfBuilder fan;
  std::vector<SyntheticMember> same(1000, {"", 0, 0});
  for (uint32_t level = 1; level <= 20; level++) {
    for (SyntheticMember& member : same) member.type = level + 1;
    fan.structure(level == 1 ? "fan" : "", 8, same);
  }
  const auto exploding = Btf::parse(fan.bytes());
  check(!exploding.error && !exploding.value.member(1, "x"), "structs that hold 1000 of each other are given up");

  BtfBuilder self;
  self.structure("self", 8, {{"", 1, 0}});
  const auto inside = Btf::parse(self.bytes());
  check(!inside.error && !inside.value.member(1, "x"), "a struct in itself has no end");

  BtfBuilder large;
  uint32_t array = large.integer("unsigned int", 4);
  for (int i = 0; i < 40; i++) array = large.array(array, 1 << 20);
  const auto huge = Btf::parse(large.bytes());
  check(!huge.error && huge.value.size_of(array) == 0 && huge.value.size_of(2) == 4u << 20,
        "an array too large has no size");

  const std::vector<uint8_t> good = synthetic_btf();
  bool all_refused = true;
  for (size_t len = 0; len < good.size(); len++) all_refused &= bool(Btf::parse({good.begin(), good.begin() + len}).error);
  check(all_refused, "BTF that is cut off anywhere");
  check(Btf().find(BtfKind::structure, "x") == 0 && Btf().size_of(1) == 0, "BTF of nothing");
  check(Btf::read("/no/such/file").error.err == ENOENT && Btf::read("/").error, "no file, and a directory");
  check(Btf::read("/dev/null").error.err == EBADMSG, "an empty file");
}

void check_names() {
  using enum BtfKind;
  BtfBuilder make;
  const uint32_t prototype = make.add(function_prototype, "", 0, 0, {});
  const uint32_t known = make.reference(function, "known", prototype);
  const auto kernel = Btf::parse(make.bytes());
  check(kernel.value.name_of(function, known) == "known", "a function's name");
  check(kernel.value.name_of(type_definition, known).empty() && kernel.value.name_of(function, prototype).empty(),
        "not one of another kind, nor of what has none");
  check(kernel.value.name_of(function, 0).empty() && kernel.value.name_of(function, known + 1).empty(),
        "nor beyond the end");

  const std::vector<uint8_t> kernel_bytes = make.bytes();
  uint32_t strings_len;
  std::memcpy(&strings_len, &kernel_bytes[20], sizeof strings_len);
  BtfBuilder module(strings_len);
  (void)module.reference(function, "own", prototype);
  (void)module.reference(function, "other", prototype);
  const std::vector<uint8_t> module_bytes = module.bytes();
  const auto on_top = Btf::view(module_bytes, &kernel.value);
  check(on_top.value.name_of(function, known + 1) == "own" && on_top.value.name_of(function, known + 2) == "other",
        "a module's ids and strings go on where the kernel's end");
  check(on_top.value.name_of(function, known) == "known" && on_top.value.name_of(function, known + 3).empty(),
        "and what comes before is the kernel's");
  check(Btf::view({}, &kernel.value).error.err == EBADMSG, "a module without BTF");

  const auto none = read_functions({});
  check(none.empty(), "nothing asked");
  const BtfType asked[] = {{0, 1}, {UINT32_MAX, 1}};
  const auto gone = read_functions(asked);
  check(gone.size() == 2 && !gone[0] && !gone[1], "BTF that isn't there has no names");
}

UniqueFd load_return_0() {
  constexpr Insn kCode[] = {insn::mov(r0, 0), insn::exit()};
  ProgLoad load;
  load.type = ProgType::socket_filter;
  load.insns = kCode;
  load.name = "core_check";
  return std::move(prog_load(load).value);
}

/// What only core can set: sources of information that are missing or wrong, and the two ways to read.
void check_iterator() {
  const UniqueFd prog = load_return_0();
  ProgIterator iterator;
  const Refusal refusal = iterator.open();
  if (!prog || refusal) {
    std::printf("ok %d - the iterator # SKIP %s\n", ++checks, refusal ? refusal.text().c_str() : "no program can be loaded");
    return;
  }
  IteratorOptions options;
  options.btf_path = "/no/such/file";
  check(iterator.open(options).text() == "open: ENOENT: /no/such/file" && !iterator, "no BTF");
  options.btf_path = "/proc/self/exe";
  check(iterator.open(options).text() == "btf: EBADMSG: /proc/self/exe", "a file that isn't BTF");
  options = {};
  options.possible_cpus_path = "/no/such/file";
  check(iterator.open(options).text() == "open: ENOENT: /no/such/file", "no list of CPUs");
  options.possible_cpus_path = "/proc/self/comm";
  check(iterator.open(options).text() == "read: EBADMSG: /proc/self/comm", "a file that isn't a list of CPUs");

  Sampler forced(false, {SamplerChoice::iterator, {}, options}), best(false, {SamplerChoice::best, {}, options});
  check(forced.pass().err == EBADMSG && forced.pass().err == EBADMSG, "the iterator or nothing: an error, each time");
  check(!best.pass() && !best.iterating() && best.refusal(), "else the walk, and why");

  const UniqueFd stats = std::move(enable_stats().value);
  constexpr uint8_t kPacket[14] = {};
  TestRun run;
  run.data = kPacket;
  run.repeat = 1000;
  // A thread goes where it is put: each is one of the CPUs that this process may use.
  cpu_set_t all;
  uint64_t runs = 0;
  check(sched_getaffinity(0, sizeof all, &all) == 0, "CPUs to run on");
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &all))
      std::thread([&] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) == 0 && !prog_test_run(prog.get(), run).error) runs += 1000;
      }).join();
  BpfProgInfo info = {};
  const auto [known, failure] = prog_info_by_fd(prog.get(), info);
  check(!failure && runs > 0 && info.run_cnt == runs, "runs on every CPU");
  const bool known_misses = known > offsetof(BpfProgInfo, recursion_misses);
  for (const bool recent : {true, false})
    for (const uint32_t times : {1u, 3u}) {
      options = {};
      options.may_cast = options.may_look_up = recent;
      const Refusal refused = iterator.open(options);
      if (!recent && refused.error.err == ENXIO) {
        std::printf("ok %d - as on an old kernel # SKIP offline: %s\n", ++checks, refused.detail.c_str());
        continue;
      }
      check(!refused, "opens");
      if (iterator.read_by() == ReadBy::cast) check(iterator.looks_ahead(), "where it casts, it looks ahead");
      options.may_look_ahead = false;
      check(!iterator.open(options) && !iterator.looks_ahead(), "opens without looking ahead");
      ProgTable without;
      check(!iterator.read(without) && !without.ids().empty(), "and reads");
      options.may_look_ahead = true;
      const uint32_t cpus = iterator.cpus();
      options.pretend_cpus = times * cpus;
      check(!iterator.open(options) && (recent || iterator.read_by() == ReadBy::probe),
            "in the ways of a recent kernel and of an old one");
      ProgTable table;
      check(!iterator.read(table), "a pass");
      check(table.counts_misses() == known_misses, "with recursion misses, if the kernel counts them");
      if (times == 1) check(iterator.runs_are_counted(), "sees that statistics are on");
      for (size_t row = 0; row < table.ids().size(); row++)
        if (table.ids()[row] == info.id)
          check(table.run_cnt()[row] == times * info.run_cnt && table.run_time_ns()[row] == times * info.run_time_ns,
                "the kernel's own counters, as often as each CPU is summed");
    }
}

void check_iterator_without_misses() {
  ProgIterator iterator;
  IteratorOptions options;
  options.may_count_misses = false;
  for (const bool recent : {true, false}) {
    options.may_cast = recent;
    if (const Refusal refusal = iterator.open(options)) {
      std::printf("ok %d - misses of an old kernel # SKIP %s\n", ++checks, refusal.text().c_str());
      continue;
    }
    ProgTable table;
    check(!iterator.read(table) && !table.ids().empty() && !table.counts_misses(),
          "a kernel that doesn't count misses: they are unknown");
  }
}

/// Whether this process has the id open, by a file of that kind.
bool has_open(const std::vector<FileRecord>& files, FileKind kind, uint32_t id) {
  return std::any_of(files.begin(), files.end(), [&](const FileRecord& file) {
    return file.tgid == static_cast<uint32_t>(::getpid()) && file.kind == kind && file.id == id;
  });
}

/// What is open here, by whatever thread; and reading while fds come and go.
void check_file_iterator() {
  UniqueFd prog = load_return_0();
  FileIterator iterator;
  std::vector<FileRecord> files;
  const Refusal refusal = iterator.read(files);
  if (!prog || refusal) {
    std::printf("ok %d - the iterator over files # SKIP %s\n", ++checks,
                refusal ? refusal.text().c_str() : "no program can be loaded");
    return;
  }
  BpfProgInfo info = {};
  check(!prog_info_by_fd(prog.get(), info).error && has_open(files, FileKind::prog, info.id), "a program that is open");
  UniqueFd again(::dup(prog.get()));
  const UniqueFd map = std::move(map_create({MapType::array, 8, 1, "core_check"}).value);
  const size_t before = files.size();
  check(!iterator.read(files), "a second look");
  // Others on this machine come and go: only what is here can be told.
  const auto here = [](const FileRecord& file) { return file.tgid == static_cast<uint32_t>(::getpid()); };
  const auto of_kind = [&](FileKind kind) {
    return std::count_if(files.begin(), files.end(),
                         [&](const FileRecord& file) { return here(file) && file.kind == kind; });
  };
  check(before > 0 && of_kind(FileKind::prog) == 1, "a program that is open twice is there once");
  check(of_kind(FileKind::map) == 1 && of_kind(FileKind::link) == 1, "a map, and the iterator's own link");
  check(std::is_sorted(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.tgid < b.tgid; }),
        "pids ascend");

  std::atomic<int> step = 0;
  std::thread alone([&] {
    step = ::unshare(CLONE_FILES) == 0 ? 1 : -1;
    step.notify_all();
    while (step == 1) step.wait(1);
  });
  step.wait(0);
  if (step == 1) {
    prog.reset();
    again.reset();
    check(!iterator.read(files) && has_open(files, FileKind::prog, info.id), "a program that a thread has for itself");
  }
  step = 2;
  step.notify_all();
  alone.join();
  check(!iterator.read(files) && !has_open(files, FileKind::prog, info.id), "and which goes with that thread");

  std::atomic<bool> stop = false;
  std::thread churn([&] {
    while (!stop) {
      std::vector<UniqueFd> some;
      for (int i = 0; i < 50; i++) some.push_back(load_return_0());
    }
  });
  bool all_read = true;
  for (int i = 0; i < 50; i++) all_read &= !iterator.read(files) && of_kind(FileKind::map) == 1;
  stop = true;
  churn.join();
  check(all_read, "looks while fds come and go");
}

/// Passes while another thread loads and unloads as fast as it can: every pass must succeed and hold what stays.
void check_churn() {
  const UniqueFd stays = load_return_0();
  if (!stays) {
    std::printf("ok %d - a walk under churn # SKIP no program can be loaded\n", ++checks);
    return;
  }
  BpfProgInfo info = {};
  check(!prog_info_by_fd(stays.get(), info).error, "information of a program");
  std::atomic<bool> stop = false;
  std::thread churn([&] {
    while (!stop) {
      UniqueFd some[20];
      for (UniqueFd& fd : some) fd = load_return_0();
    }
  });
  for (const SamplerChoice choice : {SamplerChoice::best, SamplerChoice::walk}) {
    Sampler sampler(false, {choice, {}, {}});
    bool all_passed = true, always_there = true, ascending = true;
    size_t appeared = 0;
    for (int i = 0; i < 300; i++) {
      all_passed &= !sampler.pass();
      const auto& ids = sampler.table().ids();
      bool there = false;
      for (size_t row = 0; row < ids.size(); row++) {
        there |= ids[row] == info.id;
        ascending &= row == 0 || ids[row] > ids[row - 1];
      }
      always_there &= there;
      for (const ProgInfo& prog : sampler.table().appeared()) appeared += prog.id == info.id;
    }
    check(all_passed, "300 passes under churn all succeed");
    check(always_there, "what stays is in each");
    check(ascending, "ids ascend");
    check(appeared == 1, "and it appears once");
  }
  stop = true;
  churn.join();
}

void check_link_info() {
  BpfLinkInfo info = {};
  info.type = 99;
  info.id = 5;
  info.prog_id = 6;
  for (uint64_t& part : info.all) part = ~0ull;
  const Link newer = link_of(info, sizeof info);
  check(newer.type == 99 && newer.id == 5 && newer.prog_id == 6u && !newer.attach_type && !newer.ifindex && !newer.map_id,
        "of a link of a type that nobody knows: its number and its program");
  info.type = static_cast<uint32_t>(LinkType::xdp);
  info.xdp.ifindex = 3;
  check(link_of(info, 20).ifindex == 3u, "an interface");
  check(!link_of(info, 16).ifindex, "which an older kernel didn't write");
  info.xdp.ifindex = 0;
  check(!link_of(info, sizeof info).ifindex, "and which may be gone");
  info.type = static_cast<uint32_t>(LinkType::cgroup);
  info.cgroup = {1ull << 40, 2};
  check(link_of(info, 28).cgroup_id == 1ull << 40 && link_of(info, 28).attach_type == 2u, "a cgroup, an id of 64 bits");
  check(!link_of(info, 24).cgroup_id && !link_of(info, 24).attach_type, "half of it is nothing");
  info.type = static_cast<uint32_t>(LinkType::netfilter);
  info.netfilter = {2, 0, -300, 1};
  const Link hook = link_of(info, sizeof info);
  check(hook.pf == 2u && hook.hooknum == 0u && hook.priority == -300 && hook.flags == 1u,
        "a netfilter hook, the first one too");
  info.type = static_cast<uint32_t>(LinkType::perf_event);
  info.all[0] = 0;
  check(!link_of(info, sizeof info).perf_type && !link_of(info, sizeof info).event_type,
        "a perf event of which the kernel tells nothing");
  check(!link_of(info, sizeof info).missed, "nor whether it missed any");
  info.perf_event.type = 3;
  info.perf_event.probe.missed = 7;
  check(link_of(info, sizeof info).missed == 7u && link_of(info, 56).missed == 7u,
        "what a kprobe missed, Linux 6.7 and later");
  check(!link_of(info, 48).missed, "which an older kernel doesn't count");
  info.perf_event.type = 1;
  check(!link_of(info, sizeof info).missed, "nor does a uprobe");
  info = {};
  info.type = static_cast<uint32_t>(LinkType::kprobe_multi);
  info.kprobe_multi.count = 2;
  info.kprobe_multi.missed = 8;
  check(link_of(info, 56).missed == 8u, "what a kprobe_multi link missed");
  check(link_of(info, 48).count == 2u && !link_of(info, 48).missed, "where there was room for it before it was told");
}

ino_t own_netns() {
  struct stat stat = {};
  return ::stat("/proc/thread-self/ns/net", &stat) == 0 ? stat.st_ino : 0;
}

/// One XDP program on lo of two network namespaces, which no process's main thread is in: each thread sees its own.
void check_netns() {
  bool ran = false;
  std::thread([&] {
    const Insn pass[] = {insn::mov(r0, 2), insn::exit()};
    ProgLoad load;
    load.type = ProgType::xdp;
    load.insns = pass;
    const auto [prog, refused] = prog_load(load);
    if (refused || ::unshare(CLONE_NEWNET) != 0) return;
    BpfProgInfo info = {};
    const UniqueFd link = link_create(prog.get(), 1, AttachType::xdp, /*XDP_FLAGS_SKB_MODE*/ 2).value;
    if (!link || prog_info_by_fd(prog.get(), info).error) return;
    ran = true;
    const ino_t here = own_netns();
    const auto [found, error] = read_net_namespaces();
    check(!error && !found.all.empty() && found.all[0].own && found.all[0].complete && found.all[0].ino == here,
          "the caller's own network namespace is the first");
    const NetAttachment on_lo = {NetAttachment::Type::xdp, info.id, 0, {}, 1, "lo", "generic"};
    check(!found.all.empty() && found.all[0].attachments == std::vector{on_lo}, "with what it has, and no more");
    check(own_netns() == here, "the caller stays in it");
    std::thread([&] {
      if (::unshare(CLONE_NEWNET) != 0) return;
      const auto seen = read_net_namespaces();
      check(!seen.value.all.empty() && seen.value.all[0].attachments.empty(), "another one has nothing of that");
    }).join();
  }).join();
  if (!ran) std::printf("ok %d - network namespaces # SKIP no XDP link can be made\n", ++checks);
}

/// What somebody else sends to the netlink sockets of this process: errno of the last one tried; 0: it was taken.
int send_to_own_netlink() {
  const UniqueFd other(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  int refused = EBADF;
  for (int fd = 3; fd < 1024; fd++) {
    struct {  // sockaddr_nl
      uint16_t family, pad;
      uint32_t pid, groups;
    } to = {};
    socklen_t len = sizeof to;
    if (fd == other.get() || ::getsockname(fd, reinterpret_cast<sockaddr*>(&to), &len) != 0) continue;
    if (to.family != AF_NETLINK || to.pid == 0) continue;
    const char lie[16] = {16};
    const ssize_t sent = ::sendto(other.get(), lie, sizeof lie, 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    refused = sent < 0 ? errno : 0;
  }
  return refused;
}

void check_netlink() {
  auto open = NetlinkSocket::open();
  if (open.error) return;
  const int refused = send_to_own_netlink();
  check(refused == ECONNREFUSED || refused == EPERM, "nobody but the kernel is listened to");
  netlink::IfInfoMsg all = {};
  const NetlinkRequest links("RTM_GETLINK", netlink::kRtmGetLink, all);
  const auto count = [](int& messages, Bytes) { messages++; };
  const auto dumped = open.value.dump<int>(links, Deadline(5000), count);
  check(!dumped.error && dumped.value > 0, "interfaces are listed");
  const auto again = open.value.dump<int>(links, Deadline(5000), count);
  check(!again.error && again.value > 0, "and again by the same socket");
  check(open.value.dump<int>(links, Deadline(0), count).error.err == ETIMEDOUT, "not after the time is over");
  netlink::IfInfoMsg none = {};
  none.index = 0x7fffffff;
  const SysError error = open.value.request(NetlinkRequest("RTM_GETLINK", netlink::kRtmGetLink, none), Deadline(5000));
  check(error.err == ENODEV && std::string(error.call) == "RTM_GETLINK", "what the kernel refuses is told");

  const char lies[] = {8, 0, 1, 0, 'a', 'b', 'c', 'd', 100, 0, 2, 0};
  int attrs = 0;
  for_each_attr(lies, [&](uint16_t type, Bytes value) { attrs += type == 1 && value.size() == 4 ? 1 : 100; });
  check(attrs == 1, "an attribute that claims more than there is ends the list");
  const char empty[] = {0, 0, 1, 0, 0, 0, 0, 0};
  for_each_attr(empty, [&](uint16_t, Bytes) { attrs++; });
  check(attrs == 1, "and so does one that is shorter than its head");
}

/// The kernel is asked by pids of this process's own pid namespace: /proc of another one is no help.
void check_perf_events() {
  const auto in_other_pid_namespace = [] {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(find_perf_event_progs("/proc", 1000).missed.err);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::_exit(WEXITSTATUS(status));
  };
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWPID) != 0) ::_exit(0);
    in_other_pid_namespace();
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WEXITSTATUS(status) == 0)
    std::printf("ok %d - perf events # SKIP no pid namespace can be made\n", ++checks);
  else
    check(WEXITSTATUS(status) == ESRCH, "a procfs with other pids is refused");
}

void check_maps() {
  const auto [map, refused] = map_create({MapType::hash, 8, 100, "core_check"});
  MapReader reader;
  auto read = reader.read();
  if (refused || read.error) {
    std::printf("ok %d - maps # SKIP none can be made or read\n", ++checks);
    return;
  }
  BpfMapInfo info = {};
  check(map_info_by_fd(map.get(), info).error.err == 0, "information of a map");
  const auto find = [&]() -> const Map* {
    for (const Map& each : read.value.maps)
      if (each.id == info.id) return &each;
    return nullptr;
  };
  check(find() != nullptr && find()->name == "core_check" && find()->max_entries == 100 && find()->memlock > 0u,
        "a map as it was made");
  const uint64_t value = 1;
  for (uint32_t key = 0; key < 9; key++) check(!map_update(map.get(), key, &value), "an element");
  read = reader.read();
  if (read.value.uncounted)
    std::printf("ok %d - elements # SKIP %s\n", ++checks, read.value.uncounted.text().c_str());
  else
    check(find()->entries == 9u, "has as many elements as were put in");
  check(read.value.uncounted ? !find()->entries : true, "where they can't be counted, how many is not known");
  check(!is_own_prog(0), "no program has the id 0");

  MapCounter counter;
  check(counter.open("/dev/null").error.err != 0 && !counter, "without BTF nothing is counted");
}

/// Whatever is pinned on this host, and a procfs that isn't one.
void check_pins() {
  const auto [pins, error] = read_pins({});
  check(!error || error.err == EACCES || error.err == EPERM, "pins are read, or refused");
  PinsSearch nowhere;
  nowhere.proc_root = "/nowhere";
  check(read_pins(nowhere).error.err == ENOENT, "no pins without a procfs");
  PinsSearch hasty;
  hasty.most_ms = 0;
  check(read_pins(hasty).value.cut_short, "no time for pins");
}

}  // namespace

int main() {
  check_table();
  check_misses();
  check_memlock();
  check_errno_names();
  check_cpu_lists();
  check_stats_cost();
  check_layouts();
  check_file_layouts();
  check_function_pointers();
  check_hostile_btf();
  check_names();
  check_iterator();
  check_iterator_without_misses();
  check_file_iterator();
  check_link_info();
  check_netlink();
  check_netns();
  check_perf_events();
  check_pins();
  check_churn();
  check_maps();
  std::printf("1..%d\n", checks);
  return failed;
}
