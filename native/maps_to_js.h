// Reading maps, for Node: class MapReader of src/addon.ts.
#pragma once

#include <napi.h>

namespace bpftop {

/// Adds it to the module.
void define_maps(Napi::Env env, Napi::Object exports);

}  // namespace bpftop
