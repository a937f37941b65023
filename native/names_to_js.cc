// Each call takes numbers; answers are in the order of the questions, null where there is none.
#include "names_to_js.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/names.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

template <typename T>
using Answers = std::vector<std::optional<T>>;

/// What each call is: its name, what it does on a pool thread (no JavaScript there), and what becomes of an answer.
struct ReadProgBtf {
  static constexpr const char* kName = "readProgBtf";
  using Answer = ProgBtf;

  static Result<Answers<Answer>> read(const std::vector<uint32_t>& prog_ids) {
    Result<Answers<Answer>> answers;
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
  static Result<Answers<Answer>> read(const std::vector<uint32_t>& pairs) {
    std::vector<BtfType> asked;
    for (size_t i = 0; i + 1 < pairs.size(); i += 2) asked.push_back({pairs[i], pairs[i + 1]});
    return {read_functions(asked), {}};
  }

  static napi_value to_js(Js& js, const Answer& function) {
    const napi_value object = js.object();
    js.set(object, "name", js.string(function.name));
    js.set(object, "module", js.text_or_null(function.module));
    return object;
  }
};

struct ReadProgArrays {
  static constexpr const char* kName = "readProgArrays";
  using Answer = std::vector<uint32_t>;
  /// Slots in one call: 20 ms.
  static constexpr uint32_t kMostSlots = 1 << 16;

  static Result<Answers<Answer>> read(const std::vector<uint32_t>& map_ids) {
    Result<Answers<Answer>> answers;
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

/// Null where JavaScript can't run any more, or has no memory.
template <typename Call>
napi_value answers_to_js(napi_env env, const Answers<typename Call::Answer>& answers) {
  Js js(env);
  const napi_value list = js.array(answers.size());
  uint32_t at = 0;
  for (const auto& answer : answers) js.scoped([&] { js.set(list, at++, answer ? Call::to_js(js, *answer) : js.null()); });
  return js.ok() ? list : nullptr;
}

/// readX(Uint32Array): Promise
template <typename Call>
Napi::Value call(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsTypedArray() || info[0].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    Napi::TypeError::New(env, std::string(Call::kName) + " wants a Uint32Array").ThrowAsJavaScriptException();
    return {};
  }
  const auto numbers = info[0].As<Napi::Uint32Array>();
  const std::vector<uint32_t> asked(numbers.Data(), numbers.Data() + numbers.ElementLength());
  return Reading<Answers<typename Call::Answer>>::start(
      env, Call::kName, [asked] { return Call::read(asked); }, answers_to_js<Call>);
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
