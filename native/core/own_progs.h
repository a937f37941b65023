// Programs of this process's own that no sampler has loaded, so that every sampler can tell them from the host's.
#pragma once

#include <cstdint>

#include "core/bpf_syscall.h"

namespace bpftop {

/// As prog_load; is_own_prog knows the program as soon as anybody can see it. It is to be loaded once and kept: audit logs
/// record every load, and whoever watches the list sees it come and go.
Result<UniqueFd> load_own_prog(const ProgLoad& load);

/// Whether load_own_prog has loaded the program of that id, in whatever thread. Waits for a load that is under way. An id
/// that it once gave stays known: it won't be another's before 2^31 programs have been loaded.
bool is_own_prog(uint32_t id);

}  // namespace bpftop
