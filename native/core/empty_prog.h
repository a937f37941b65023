// A program that does nothing, to be run for what running shows: whether runs are counted, and what counting costs.
#pragma once

#include "core/bpf_syscall.h"

namespace bpftop {

/// Loads a socket filter of two instructions; the fd is the caller's.
inline Result<UniqueFd> load_empty_prog(const char* name) {
  static constexpr Insn kNothing[] = {insn::mov(r0, 0), insn::exit()};
  ProgLoad load;
  load.type = ProgType::socket_filter;
  load.insns = kNothing;
  load.name = name;
  return prog_load(load);
}

/// How to run it, that many times.
inline TestRun empty_run(uint32_t repeat) {
  // The shortest packet that a test run takes: an Ethernet header.
  static constexpr uint8_t kPacket[14] = {};
  TestRun run;
  run.data = kPacket;
  run.repeat = repeat;
  return run;
}

}  // namespace bpftop
