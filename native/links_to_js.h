// Reading links, for Node: NativeLinkReader of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds it to the module.
void define_links(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
