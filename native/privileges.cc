#include "privileges.h"

#include <string>

#include "core/privileges.h"
#include "napi_error.h"

namespace bpftop {
namespace {

/// dropPrivileges(capabilities, id)
void drop_privileges(const Napi::CallbackInfo& info) {
  if (!info[0].IsBigInt() || !(info[1].IsNumber() || info[1].IsNull())) {
    Napi::TypeError::New(info.Env(), "dropPrivileges wants (capabilities: bigint, id: number | null)")
        .ThrowAsJavaScriptException();
    return;
  }
  Privileges left;
  bool lossless = false;
  left.capabilities = info[0].As<Napi::BigInt>().Uint64Value(&lossless);
  if (info[1].IsNumber()) left.id = info[1].As<Napi::Number>().Uint32Value();
  const auto [error, thread] = bpftop::drop_privileges(left);
  if (error) throw_system_error(info.Env(), error, "thread " + std::to_string(thread));
}

}  // namespace

void define_privileges(Napi::Env env, Napi::Object exports) {
  exports.Set("dropPrivileges", Napi::Function::New<drop_privileges>(env, "dropPrivileges"));
}

}  // namespace bpftop
