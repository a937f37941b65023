// Builds values with the C API, where each call's status is looked at: a worker can be terminated in the middle of it, from
// then on every call fails, and the C++ wrapper would turn each failure into an Error object of its own.
#pragma once

#include <node_api.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "core/errno_name.h"
#include "core/sys_error.h"

namespace bpftop {

/// Makes values; after the first failed call it makes none and `ok` stays false.
class Js {
 public:
  explicit Js(napi_env env) : env_(env) {}

  bool ok() const { return ok_; }

  napi_value null() {
    return make([&](napi_value* out) { return napi_get_null(env_, out); });
  }
  napi_value boolean(bool value) {
    return make([&](napi_value* out) { return napi_get_boolean(env_, value, out); });
  }
  napi_value number(double value) {
    return make([&](napi_value* out) { return napi_create_double(env_, value, out); });
  }
  napi_value number(uint32_t value) {
    return make([&](napi_value* out) { return napi_create_uint32(env_, value, out); });
  }
  napi_value number_or_null(const std::optional<uint32_t>& value) { return value ? number(*value) : null(); }
  /// A u64 as a double: true below 2^53.
  napi_value number_or_null(const std::optional<uint64_t>& value) {
    return value ? number(static_cast<double>(*value)) : null();
  }
  napi_value bigint(uint64_t value) {
    return make([&](napi_value* out) { return napi_create_bigint_uint64(env_, value, out); });
  }
  /// Bytes that aren't UTF-8 become U+FFFD: V8 doesn't refuse them.
  napi_value string(const char* text, size_t len = NAPI_AUTO_LENGTH) {
    return make([&](napi_value* out) { return napi_create_string_utf8(env_, text, len, out); });
  }
  napi_value string(std::string_view text) { return string(text.data(), text.size()); }
  /// Null where it is empty.
  napi_value text_or_null(std::string_view text) { return text.empty() ? null() : string(text); }
  napi_value object() {
    return make([&](napi_value* out) { return napi_create_object(env_, out); });
  }
  napi_value array(size_t len) {
    return make([&](napi_value* out) { return napi_create_array_with_length(env_, len, out); });
  }

  /// A typed array alone in an ArrayBuffer of its own.
  template <typename T>
  napi_value column(napi_typedarray_type type, const std::vector<T>& values) {
    void* data = nullptr;
    const size_t bytes = values.size() * sizeof(T);
    const napi_value buffer = make([&](napi_value* out) { return napi_create_arraybuffer(env_, bytes, &data, out); });
    if (!ok_) return nullptr;
    if (bytes != 0) std::memcpy(data, values.data(), bytes);
    return make([&](napi_value* out) { return napi_create_typedarray(env_, type, values.size(), buffer, 0, out); });
  }

  void set(napi_value object, napi_value key, napi_value value) {
    if (ok_) ok_ = napi_set_property(env_, object, key, value) == napi_ok;
  }
  void set(napi_value object, const char* key, napi_value value) {
    if (ok_) ok_ = napi_set_named_property(env_, object, key, value) == napi_ok;
  }
  void set(napi_value array, uint32_t index, napi_value value) {
    if (ok_) ok_ = napi_set_element(env_, array, index, value) == napi_ok;
  }

  /// Runs `body` with a handle scope of its own, so that what it makes can be collected before the whole list is done.
  template <typename Body>
  void scoped(Body body) {
    napi_handle_scope scope;
    if (ok_) ok_ = napi_open_handle_scope(env_, &scope) == napi_ok;
    if (!ok_) return;
    body();
    napi_close_handle_scope(env_, scope);
  }

 private:
  template <typename Call>
  napi_value make(Call call) {
    napi_value value = nullptr;
    if (ok_) ok_ = call(&value) == napi_ok;
    return value;
  }

  napi_env env_;
  bool ok_ = true;
};

/// NativeCallError of src/addon.ts; null: nothing failed.
inline napi_value error_to_js(Js& js, const SysError& error) {
  if (!error) return js.null();
  const napi_value object = js.object();
  js.set(object, "code", js.string(errno_name(error.err)));
  js.set(object, "syscall", js.string(error.call));
  return object;
}

}  // namespace bpftop
