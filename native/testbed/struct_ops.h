// A TCP congestion control made of BPF programs: a struct_ops map, registered with the kernel or not. No connection uses it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bpf_syscall.h"

namespace bpftop {

/// Owns the map, its programs and what registers it; all of it goes with the object. A killed process leaves one that was
/// registered without a link behind.
class TestStructOps {
 public:
  TestStructOps() = default;
  TestStructOps(TestStructOps&&) = default;
  TestStructOps& operator=(TestStructOps&&) = default;
  ~TestStructOps() { close(); }

  /// Loads the programs and makes the map, with nothing in it. `name` is the map's and the congestion control's. ENOENT: the
  /// kernel has no such struct; errno of reading BTF as well. EINVAL: `by_link` before 6.4.
  static Result<TestStructOps> load(const std::string& name, bool by_link);

  /// Puts the programs into the map; without a link that registers it. EEXIST: there is a congestion control of that name.
  SysError fill();
  /// Registers a filled map by a link.
  SysError link();
  /// Ends that, or takes the programs out.
  void detach();
  void close();

  uint32_t map_id() const { return map_id_; }
  std::vector<uint32_t> prog_ids() const;

 private:
  /// A program and where in the value its id goes.
  struct Op {
    UniqueFd prog;
    uint32_t id = 0;
    uint32_t offset = 0;
  };

  bool by_link_ = false;
  bool filled_ = false;
  std::vector<Op> ops_;
  std::vector<uint8_t> value_;
  UniqueFd map_, link_;
  uint32_t map_id_ = 0;
};

}  // namespace bpftop
