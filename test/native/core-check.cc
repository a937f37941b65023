// Checks of native/core without Node, built and run by core.test.ts with the address and undefined-behaviour sanitizers.
// Prints one TAP line a check. What needs the kernel is left out when it refuses.
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "core/errno_name.h"
#include "core/prog_info.h"
#include "core/prog_walk.h"
#include "core/sampler.h"

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

UniqueFd load_return_0() {
  constexpr Insn kCode[] = {insn::mov(r0, 0), insn::exit()};
  ProgLoad load;
  load.type = ProgType::socket_filter;
  load.insns = kCode;
  load.name = "core_check";
  return std::move(prog_load(load).value);
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
  Sampler sampler(false);
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
  stop = true;
  churn.join();
  check(all_passed, "300 passes under churn all succeed");
  check(always_there, "what stays is in each");
  check(ascending, "ids ascend");
  check(appeared == 1, "and it appears once");
}

}  // namespace

int main() {
  check_table();
  check_memlock();
  check_errno_names();
  check_churn();
  std::printf("1..%d\n", checks);
  return failed;
}
