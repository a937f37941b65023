// What native/core/names.h reads, for Node: readProgBtf(), readFunctions() and readProgArrays() of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds them to a module's exports.
void define_names(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
