// How a failed system call becomes a JavaScript Error: with the same three properties as Node's own.
#pragma once

#include <node_api.h>

#include <string>
#include <string_view>

#include "core/errno_name.h"
#include "core/sys_error.h"

namespace bpftop {

/// An Error with `code` (the errno's name), `syscall` and `errno` (negative, as Node's own errors have it); `detail` goes at
/// the end of its message. Null where JavaScript can't run any more.
inline napi_value make_system_error(napi_env env, const SysError& error, std::string_view detail = {}) {
  const char* code_text = errno_name(error.err);
  std::string message_text = std::string(error.call) + ": " + code_text;
  if (!detail.empty()) message_text.append(": ").append(detail);

  napi_value message, code, syscall, number, js_error;
  const bool ok = napi_create_string_utf8(env, message_text.data(), message_text.size(), &message) == napi_ok &&
                  napi_create_string_utf8(env, code_text, NAPI_AUTO_LENGTH, &code) == napi_ok &&
                  napi_create_string_utf8(env, error.call, NAPI_AUTO_LENGTH, &syscall) == napi_ok &&
                  napi_create_int32(env, -error.err, &number) == napi_ok &&
                  napi_create_error(env, code, message, &js_error) == napi_ok &&
                  napi_set_named_property(env, js_error, "syscall", syscall) == napi_ok &&
                  napi_set_named_property(env, js_error, "errno", number) == napi_ok;
  return ok ? js_error : nullptr;
}

/// Throws it, once control is back in JavaScript.
inline void throw_system_error(napi_env env, const SysError& error, std::string_view detail = {}) {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_throw(env, js_error);
}

}  // namespace bpftop
