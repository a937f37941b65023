// What `bpftop-ts share` needs of the system, for Node: NativeShare of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds its functions to the module.
void define_share(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
