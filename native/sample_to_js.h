// A finished pass as the JavaScript object of src/addon.ts (NativeSample).
#pragma once

#include <node_api.h>

#include "core/sampler.h"

namespace bpftop {

/// The object, or null where JavaScript can't run any more: a worker may be terminated between any two calls. Leaves no
/// exception pending that wasn't.
napi_value sample_to_js(napi_env env, const Sampler& sampler);

}  // namespace bpftop
