// Reading who has programs open, for Node: class Holders of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds it to the module.
void define_holders(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
