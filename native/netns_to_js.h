// Reading network namespaces, for Node: readNetns(…) of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds it to the module.
void define_netns(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
