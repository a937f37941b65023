// Each call takes numbers and is one work item of libuv's pool, which owns all it needs; nothing is kept between two.
// Answers are in the order of the questions, null where there is none.
#include "names_to_js.h"

#include <cerrno>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/names.h"
#include "js.h"
#include "napi_error.h"

namespace bpftop {
namespace {

template <typename T>
using Answers = Result<std::vector<std::optional<T>>>;

/// What each call is: its name, what it does on a pool thread (no JavaScript there), and what becomes of an answer.
struct ReadProgBtf {
  static constexpr const char* kName = "readProgBtf";
  using Answer = ProgBtf;

  static Answers<Answer> read(const std::vector<uint32_t>& prog_ids) {
    Answers<Answer> answers;
    for (const uint32_t id : prog_ids) {
      auto [btf, error] = read_prog_btf(id);
      if (error) return {{}, error};
      answers.value.push_back(btf);
    }
    return answers;
  }

  static napi_value to_js(Js& js, const Answer& prog) {
    const napi_value object = js.object();
    js.set(object, "btfId", js.number(prog.btf_id));
    js.set(object, "mainTypeId", js.number(prog.main_type_id));
    js.set(object, "attachBtfObjId", js.number_or_null(prog.attach_btf_obj_id));
    js.set(object, "attachBtfId", js.number_or_null(prog.attach_btf_id));
    return object;
  }
};

struct ReadFunctions {
  static constexpr const char* kName = "readFunctions";
  using Answer = BtfFunction;

  /// Pairs: a BTF object's id, a type's id there.
  static Answers<Answer> read(const std::vector<uint32_t>& pairs) {
    std::vector<BtfType> asked;
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) asked.push_back({pairs[i], pairs[i + 1]});
    return {read_functions(asked), {}};
  }

  static napi_value to_js(Js& js, const Answer& function) {
    const napi_value object = js.object();
    js.set(object, "name", js.string(function.name.data(), function.name.size()));
    js.set(object, "module",
           function.module.empty() ? js.null() : js.string(function.module.data(), function.module.size()));
    return object;
  }
};

struct ReadProgArrays {
  static constexpr const char* kName = "readProgArrays";
  using Answer = std::vector<uint32_t>;
  /// Slots in one call: 20 ms.
  static constexpr uint32_t kMostSlots = 1 << 16;

  static Answers<Answer> read(const std::vector<uint32_t>& map_ids) {
    Answers<Answer> answers;
    uint32_t most = kMostSlots;
    for (const uint32_t id : map_ids) {
      auto [progs, error] = read_prog_array(id, most);
      if (error) return {{}, error};
      answers.value.push_back(std::move(progs));
    }
    return answers;
  }

  static napi_value to_js(Js& js, const Answer& prog_ids) {
    const napi_value list = js.array(prog_ids.size());
    for (uint32_t i = 0; i < prog_ids.size(); i++) js.set(list, i, js.number(prog_ids[i]));
    return list;
  }
};

void reject(napi_env env, napi_deferred deferred, const SysError& error, const char* detail = "") {
  if (const napi_value js_error = make_system_error(env, error, detail)) napi_reject_deferred(env, deferred, js_error);
}

/// One call. Owns itself between `start` and `complete`.
template <typename Call>
struct Reading {
  std::vector<uint32_t> asked;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
  Answers<typename Call::Answer> answers;

  /// False: Node refused, and nothing was started.
  static bool start(napi_env env, napi_deferred deferred, std::vector<uint32_t> asked) {
    auto reading = std::make_unique<Reading>();
    reading->deferred = deferred;
    reading->asked = std::move(asked);
    napi_value name;
    if (napi_create_string_utf8(env, Call::kName, NAPI_AUTO_LENGTH, &name) != napi_ok) return false;
    if (napi_create_async_work(env, nullptr, name, execute, complete, reading.get(), &reading->work) != napi_ok)
      return false;
    if (napi_queue_async_work(env, reading->work) != napi_ok) {
      napi_delete_async_work(env, reading->work);
      return false;
    }
    reading.release();
    return true;
  }

  static void execute(napi_env, void* data) {
    auto* reading = static_cast<Reading*>(data);
    reading->answers = Call::read(reading->asked);
  }

  /// Back on JavaScript's thread, also when the environment is being torn down: then nothing here does anything.
  static void complete(napi_env env, napi_status, void* data) {
    const std::unique_ptr<Reading> reading(static_cast<Reading*>(data));
    napi_delete_async_work(env, reading->work);
    if (reading->answers.error) {
      reject(env, reading->deferred, reading->answers.error);
    } else if (const napi_value answers = reading->to_js(env)) {
      napi_resolve_deferred(env, reading->deferred, answers);
    } else {
      napi_value ignored;
      napi_get_and_clear_last_exception(env, &ignored);
      reject(env, reading->deferred, {ENOMEM, Call::kName}, "no memory for the result");
    }
  }

  /// Null where JavaScript can't run any more, or has no memory.
  napi_value to_js(napi_env env) const {
    Js js(env);
    const napi_value list = js.array(answers.value.size());
    uint32_t at = 0;
    for (const auto& answer : answers.value)
      js.scoped([&] { js.set(list, at++, answer ? Call::to_js(js, *answer) : js.null()); });
    return js.ok() ? list : nullptr;
  }
};

/// readX(Uint32Array): Promise
template <typename Call>
Napi::Value call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    Napi::TypeError::New(env, std::string(Call::kName) + " wants a Uint32Array").ThrowAsJavaScriptException();
    return {};
  }
  const auto asked = info[0].As<Napi::Uint32Array>();
  napi_deferred deferred;
  napi_value promise;
  if (napi_create_promise(env, &deferred, &promise) != napi_ok) return {};
  if (!Reading<Call>::start(env, deferred, {asked.Data(), asked.Data() + asked.ElementLength()}))
    reject(env, deferred, {ENOMEM, Call::kName}, "Node could not start it");
  return {env, promise};
}

template <typename Call>
void define(Napi::Env env, Napi::Object exports) {
  exports.Set(Call::kName, Napi::Function::New<call<Call>>(env, Call::kName));
}

}  // namespace

void define_names(Napi::Env env, Napi::Object exports) {
  define<ReadProgBtf>(env, exports);
  define<ReadFunctions>(env, exports);
  define<ReadProgArrays>(env, exports);
}

}  // namespace bpftop
