// Builds NativeSample. Columns are copied once, from the pass's reused vectors: 33 KB at 1 000 programs, 2 µs, and no memory
// owned by two sides.
#include "sample_to_js.h"

#include <string>

#include "js.h"

namespace bpftop {
namespace {

constexpr char kHex[] = "0123456789abcdef";

/// Keys of NativeProgInfo, made once for a list: 18 a program.
class ProgInfoKeys {
 public:
  explicit ProgInfoKeys(Js& js)
      : index(js.string("index")),
        id(js.string("id")),
        type(js.string("type")),
        name(js.string("name")),
        tag(js.string("tag")),
        load_time_ns(js.string("loadTimeNs")),
        created_by_uid(js.string("createdByUid")),
        gpl_compatible(js.string("gplCompatible")),
        xlated_prog_len(js.string("xlatedProgLen")),
        jited_prog_len(js.string("jitedProgLen")),
        memlock(js.string("memlock")),
        verified_insns(js.string("verifiedInsns")),
        btf_id(js.string("btfId")),
        sleepable(js.string("sleepable")),
        expected_attach_type(js.string("expectedAttachType")),
        attach_btf_id(js.string("attachBtfId")),
        map_ids(js.string("mapIds")),
        self(js.string("self")) {}

  napi_value index, id, type, name, tag, load_time_ns, created_by_uid, gpl_compatible, xlated_prog_len, jited_prog_len,
      memlock, verified_insns, btf_id, sleepable, expected_attach_type, attach_btf_id, map_ids, self;
};

napi_value tag_to_js(Js& js, const uint8_t (&tag)[kTagLen]) {
  char text[2 * kTagLen];
  for (size_t i = 0; i < kTagLen; i++) {
    text[2 * i] = kHex[tag[i] >> 4];
    text[2 * i + 1] = kHex[tag[i] & 15];
  }
  return js.string(text, sizeof text);
}

napi_value map_ids_to_js(Js& js, const std::optional<std::vector<uint32_t>>& ids) {
  if (!ids) return js.null();
  const napi_value list = js.array(ids->size());
  uint32_t at = 0;
  for (const uint32_t id : *ids) js.set(list, at++, js.number(id));
  return list;
}

napi_value prog_info_to_js(Js& js, const ProgInfoKeys& keys, const ProgInfo& info) {
  const napi_value object = js.object();
  js.set(object, keys.index, js.number(info.index));
  js.set(object, keys.id, js.number(info.id));
  js.set(object, keys.type, js.number(info.type));
  js.set(object, keys.name, js.string(info.name));
  js.set(object, keys.tag, tag_to_js(js, info.tag));
  js.set(object, keys.load_time_ns, js.bigint(info.load_time_ns));
  js.set(object, keys.created_by_uid, js.number(info.created_by_uid));
  js.set(object, keys.gpl_compatible, js.boolean(info.gpl_compatible));
  js.set(object, keys.xlated_prog_len, js.number(info.xlated_prog_len));
  js.set(object, keys.jited_prog_len, js.number(info.jited_prog_len));
  js.set(object, keys.memlock, js.number_or_null(info.memlock));
  js.set(object, keys.verified_insns, js.number_or_null(info.verified_insns));
  js.set(object, keys.btf_id, js.number(info.btf_id));
  js.set(object, keys.sleepable, info.sleepable ? js.boolean(*info.sleepable) : js.null());
  js.set(object, keys.expected_attach_type, js.number_or_null(info.expected_attach_type));
  js.set(object, keys.attach_btf_id, js.number_or_null(info.attach_btf_id));
  js.set(object, keys.map_ids, map_ids_to_js(js, info.map_ids));
  js.set(object, keys.self, js.boolean(info.self));
  return object;
}

napi_value appeared_to_js(Js& js, const std::vector<ProgInfo>& appeared) {
  const napi_value list = js.array(appeared.size());
  const ProgInfoKeys keys(js);
  uint32_t at = 0;
  for (const ProgInfo& info : appeared) js.scoped([&] { js.set(list, at++, prog_info_to_js(js, keys, info)); });
  return list;
}

const char* stats_state_name(StatsState state) {
  switch (state) {
    case StatsState::enabled_here:
      return "enabled_here";
    case StatsState::already_on:
      return "already_on";
    case StatsState::off:
      break;
  }
  return "off";
}

const char* read_by_name(ReadBy read_by) {
  switch (read_by) {
    case ReadBy::cast:
      return "cast";
    case ReadBy::probe:
      break;
  }
  return "probe";
}

}  // namespace

napi_value sample_to_js(napi_env env, const Sampler& sampler) {
  const ProgTable& table = sampler.table();
  Js js(env);
  const napi_value sample = js.object();
  js.set(sample, "timeNs", js.bigint(sampler.time_ns()));
  js.set(sample, "realtimeNs", js.bigint(sampler.realtime_ns()));
  js.set(sample, "durationNs", js.number(static_cast<double>(sampler.duration_ns())));
  const bool own_iterator = sampler.iterating() && !sampler.pinned();
  js.set(sample, "sampler", js.string(sampler.iterating() ? "iterator" : "walk"));
  js.set(sample, "pinned", js.boolean(sampler.pinned()));
  js.set(sample, "readBy", own_iterator ? js.string(read_by_name(sampler.read_by())) : js.null());
  const std::string reason = sampler.refusal() ? sampler.refusal().text() : std::string();
  js.set(sample, "fallbackReason", js.text_or_null(reason));
  js.set(sample, "stats", js.string(stats_state_name(sampler.stats_state())));
  js.set(sample, "statsError", error_to_js(js, sampler.stats().error()));
  js.set(sample, "statsCostNs", js.number_or_null(sampler.stats().cost_ns()));
  js.set(sample, "ids", js.column(napi_uint32_array, table.ids()));
  js.set(sample, "runTimeNs", js.column(napi_biguint64_array, table.run_time_ns()));
  js.set(sample, "runCnt", js.column(napi_biguint64_array, table.run_cnt()));
  js.set(sample, "recursionMisses",
         table.counts_misses() ? js.column(napi_biguint64_array, table.recursion_misses()) : js.null());
  js.set(sample, "hottestCpu", js.column(napi_int32_array, table.hottest_cpu()));
  js.set(sample, "hottestPct", js.column(napi_uint8_array, table.hottest_pct()));
  js.set(sample, "appeared", appeared_to_js(js, table.appeared()));
  return js.ok() ? sample : nullptr;
}

}  // namespace bpftop
