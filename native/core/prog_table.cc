// Columns of a pass, and the merge by id that finds the identities that are new.
#include "core/prog_table.h"

namespace bpftop {

void ProgTable::begin() {
  ids_.clear();
  run_time_ns_.clear();
  run_cnt_.clear();
  recursion_misses_.clear();
  counts_misses_ = true;
  hottest_cpu_.clear();
  hottest_pct_.clear();
  appeared_.clear();
  now_.clear();
  merged_ = 0;
}

ProgInfo* ProgTable::add(const ProgIdentity& identity, const ProgCounters& counters) {
  ids_.push_back(identity.id);
  run_time_ns_.push_back(counters.run_time_ns);
  run_cnt_.push_back(counters.run_cnt);
  recursion_misses_.push_back(counters.recursion_misses.value_or(0));
  counts_misses_ &= counters.recursion_misses.has_value();
  hottest_cpu_.push_back(counters.hottest_cpu);
  hottest_pct_.push_back(counters.hottest_pct);
  now_.push_back(identity);

  while (merged_ < before_.size() && before_[merged_].id < identity.id) merged_++;
  if (merged_ < before_.size() && before_[merged_] == identity) return nullptr;

  ProgInfo& info = appeared_.emplace_back();
  info.index = static_cast<uint32_t>(ids_.size() - 1);
  info.id = identity.id;
  return &info;
}

void ProgTable::commit() {
  before_.swap(now_);
}

}  // namespace bpftop
