// A small, harmless program of a chosen type, loaded, run and attached for real: what tests and `demo` look at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bpf_syscall.h"
#include "testbed/attach.h"

namespace bpftop {

/// A map for it; see TestMapSpec in src/addon.ts.
struct TestMapSpec {
  /// At most 15 bytes of [A-Za-z0-9_.].
  std::string name;
  MapType type = MapType::array;
  uint32_t max_entries = 1;
  /// Keys from 0 on that are put in, and how many of them are then taken out again.
  uint32_t inserts = 0, deletes = 0;
  bool preallocated = true;
  /// Not 0: that map, which is there already; nothing else counts.
  uint32_t id = 0;
};

/// What to load; see TestProgSpec in src/addon.ts.
struct TestProgSpec {
  ProgType type = ProgType::socket_filter;
  /// At most 15 bytes of [A-Za-z0-9_.].
  std::string name;
  /// Times round an empty loop; the verifier walks each, up to 1 million instructions in all (300 000 loops at most).
  uint32_t loops = 0;
  std::vector<TestMapSpec> maps;
  /// Functions beside the main one, each called once a run; at most 255.
  uint32_t functions = 0;
  /// Calls bpf_trace_printk once a run, of a type that may.
  bool prints = false;
  /// Of its main function, by BTF of its own; empty: it is loaded without BTF.
  std::string full_name;
  /// Ids of programs of its type that it can tail call; a run goes on to the first of them.
  std::vector<uint32_t> tail_calls;
  /// Of type ext: id of the program, one with a full name, whose main function it replaces.
  uint32_t replaces = 0;
  /// The attach type that it is loaded for and attached with; none: that of attach_type_of.
  std::optional<AttachType> attach_type;
  /// Of types tracing and lsm: what in the kernel's BTF it is loaded for: a function; of trace_raw_tp a type, such as
  /// btf_trace_sys_enter.
  std::string attach_to;
};

/// The type that TestProgSpec calls `name`; false if it has none of that name.
bool prog_type_by_name(std::string_view name, ProgType& type);

/// The map type that TestMapSpec calls `name`; false if it has none of that name.
bool map_type_by_name(std::string_view name, MapType& type);

/// Owns a loaded program and what it is attached by; all of it goes with the object.
class TestProg {
 public:
  /// Creates its maps and loads it. On failure `log` has the end of what the verifier said, if it said anything.
  /// E2BIG: too many loops, (more than 64) maps or elements. EINVAL: bad name, or no such type of map. EPERM: not allowed.
  static Result<TestProg> load(const TestProgSpec& spec, std::string& log);

  uint32_t id() const { return id_; }

  /// Runs it exactly `times` times on that CPU, or on the one that the calling thread is on; signals wait meanwhile.
  /// ENOTSUPP: its type can't be. EINVAL: nor can it, or there is no such CPU.
  SysError run(uint32_t times, std::optional<uint32_t> cpu = {});

  /// Hangs it at one more place; errno as in attach.h.
  SysError attach(const AttachPoint& point);

  /// Takes it off everything. The kernel may drop the program itself a little later (after an RCU grace period).
  void detach() { attached_.clear(); }

  /// Gives it a name in a bpffs, which keeps it when this object goes; errno as of obj_pin.
  SysError pin(const char* path) { return obj_pin(fd_.get(), path); }

  /// The same for the link that it was attached by last. EINVAL also: by none.
  SysError pin_link(const char* path);

  /// The kernel's own counters.
  Result<BpfProgInfo> info() const;

  /// Detaches and unloads it.
  void close();
  bool closed() const { return !fd_; }

 private:
  SysError run_here(uint32_t times);

  ProgType type_ = ProgType::socket_filter;
  AttachType attach_type_{};
  UniqueFd fd_;
  uint32_t id_ = 0;
  std::vector<Attachment> attached_;
  /// An array of programs is emptied when the last fd of it closes.
  UniqueFd prog_array_;
};

}  // namespace bpftop
