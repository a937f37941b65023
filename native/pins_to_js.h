// Reading pins, for Node: NativePinReader of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds it to the module.
void define_pins(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
