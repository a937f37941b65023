// A file is a place in four columns: a host may have thousands, and JavaScript's thread is to make no object of each.
#include "holders_to_js.h"

#include <unistd.h>

#include <vector>

#include "core/file_iterator.h"
#include "js.h"
#include "reading.h"

namespace bpftop {
namespace {

constexpr double kNsPerSecond = 1e9;

/// Null where JavaScript can't run any more, or has no memory.
napi_value files_to_js(napi_env env, const std::vector<FileRecord>& files) {
  std::vector<uint32_t> pids, ids;
  std::vector<uint8_t> kinds;
  std::vector<double> started;
  for (auto* column : {&pids, &ids}) column->reserve(files.size());
  kinds.reserve(files.size());
  started.reserve(files.size());
  // As the kernel does it for /proc/PID/stat (nsec_to_clock_t).
  const auto tick_ns = static_cast<uint64_t>(kNsPerSecond / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  for (const FileRecord& file : files) {
    pids.push_back(file.tgid);
    kinds.push_back(static_cast<uint8_t>(file.kind));
    ids.push_back(file.id);
    started.push_back(static_cast<double>(file.start_boottime / tick_ns));
  }
  Js js(env);
  const napi_value object = js.object();
  js.set(object, "pids", js.column(napi_uint32_array, pids));
  js.set(object, "startTicks", js.column(napi_float64_array, started));
  js.set(object, "kinds", js.column(napi_uint8_array, kinds));
  js.set(object, "ids", js.column(napi_uint32_array, ids));
  return js.ok() ? object : nullptr;
}

class JsHolders : public Napi::ObjectWrap<JsHolders> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Holders",
                       {
                           InstanceMethod<&JsHolders::read>("read"),
                           InstanceMethod<&JsHolders::close>("close"),
                       });
  }

  explicit JsHolders(const Napi::CallbackInfo& info) : ObjectWrap(info) { session_.open(); }

 private:
  Napi::Value read(const Napi::CallbackInfo& info) {
    const auto read = [](FileIterator& iterator, std::vector<FileRecord>& files) { return iterator.read(files); };
    return session_.read<std::vector<FileRecord>>(info.Env(), "Holders.read", read, files_to_js);
  }

  void close(const Napi::CallbackInfo&) { session_.close(); }

  Session<FileIterator> session_;
};

}  // namespace

void define_holders(Napi::Env env, Napi::Object exports) {
  exports.Set("Holders", JsHolders::define(env));
}

}  // namespace bpftop
