// Giving up privileges, for Node: NativePrivileges of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds it to the module.
void define_privileges(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
