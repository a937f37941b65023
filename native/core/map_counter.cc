// Whether a map is counted is read off the map itself (bpf_map.elem_count), not off a list of types: there may be more one
// day.
#include "core/map_counter.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "core/own_iterator.h"

namespace bpftop {
namespace {

using namespace insn;

// As of a pass over programs.
constexpr size_t kMostRows = 1 << 20;
constexpr auto kRecord = -static_cast<int16_t>(sizeof(MapCountRecord));

constexpr int16_t in_record(size_t member) {
  return static_cast<int16_t>(kRecord + static_cast<int>(member));
}

}  // namespace

Assembler assemble_map_counter(const MapLayout& at) {
  Assembler code;
  Label uncounted, end;
  code << load(Width::u64, r6, r1, at.iter_meta) << load(Width::u64, r6, r6, at.meta_seq)
       << load(Width::u64, r7, r1, at.iter_map);
  // Null after the last map.
  code.jump(jeq(r7, 0), end);
  code << load(Width::u32, r1, r7, at.map_id) << store(Width::u32, r10, in_record(offsetof(MapCountRecord, id)), r1)
       << store(Width::u32, r10, in_record(offsetof(MapCountRecord, counted)), 0)
       << store(Width::u64, r10, in_record(offsetof(MapCountRecord, entries)), 0)
       << load(Width::u64, r1, r7, at.map_elem_count);
  // The kfunc gives 0 for such a map, as for an empty one.
  code.jump(jeq(r1, 0), uncounted);
  code << store(Width::u32, r10, in_record(offsetof(MapCountRecord, counted)), 1) << mov(r1, r7)
       << call_kfunc(at.sum_function) << store(Width::u64, r10, in_record(offsetof(MapCountRecord, entries)), r0);
  code.place(uncounted);
  code << mov(r1, r6) << mov(r2, r10) << add(r2, kRecord) << mov(r3, sizeof(MapCountRecord)) << call(Helper::seq_write);
  code.place(end);
  code << mov(r0, 0) << exit();
  return code;
}

Refusal MapCounter::open(const char* btf_path) {
  MapLayout layout;
  {
    const auto [btf, error] = Btf::read(btf_path);
    if (error) return {error, btf_path};
    if (Refusal refusal = read_map_layout(btf, layout)) return refusal;
  }
  const Assembler code = assemble_map_counter(layout);
  auto [iterator, error] = load_own_iterator("bpftop_maps", layout.iter_function, code.code());
  if (error) return {error, {}};
  link_ = std::move(iterator.link);
  return {};
}

Result<std::unordered_map<uint32_t, uint64_t>> MapCounter::read() {
  const auto [records, error] = run_iterator<MapCountRecord>(link_.get(), kMostRows);
  if (error) return {{}, error};
  Result<std::unordered_map<uint32_t, uint64_t>> counts;
  for (const MapCountRecord& record : records)
    if (record.counted) counts.value[record.id] = static_cast<uint64_t>(std::max<int64_t>(0, record.entries));
  return counts;
}

}  // namespace bpftop
