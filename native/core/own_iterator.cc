#include "core/own_iterator.h"

#include <utility>

#include "core/own_progs.h"

namespace bpftop {

Result<OwnIterator> load_own_iterator(const char* name, uint32_t function, std::span<const Insn> code) {
  ProgLoad load;
  load.type = ProgType::tracing;
  load.expected_attach_type = AttachType::trace_iter;
  load.attach_btf_id = function;
  load.name = name;
  load.insns = code;
  auto [prog, refused] = load_own_prog(load);
  if (refused) return {{}, refused};
  auto [link, error] = link_create(prog.get(), 0, AttachType::trace_iter);
  if (error) return {{}, error};
  return {{std::move(prog), std::move(link)}, {}};
}

}  // namespace bpftop
