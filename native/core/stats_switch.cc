// Statistics on or off. The sysctl alone doesn't tell: it reads 0 while somebody's BPF_ENABLE_STATS fd has them on (5.8
// to 6.18). So where it reads 0 a program of our own is run once, and its run_cnt grows only if runs are counted.
#include "core/stats_switch.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/empty_prog.h"
#include "core/stats_cost.h"

namespace bpftop {
bool StatsProbe::sysctl_on() {
  if (!sysctl_tried_) {
    sysctl_tried_ = true;
    sysctl_ = UniqueFd(::open("/proc/sys/kernel/bpf_stats_enabled", O_RDONLY | O_CLOEXEC));
  }
  char text[8];
  // A sysctl's fd gives the value of the moment at every read from 0.
  return sysctl_ && ::pread(sysctl_.get(), text, sizeof text, 0) > 0 && text[0] == '1';
}

bool StatsProbe::probe_on() {
  if (!prog_tried_) {
    // Once, and kept: audit logs record every load.
    prog_tried_ = true;
    prog_ = load_empty_prog("bpftop_probe").value;
  }
  if (!prog_) return false;

  BpfProgInfo info = {};
  if (prog_test_run(prog_.get(), empty_run(1)).error || prog_info_by_fd(prog_.get(), info).error) {
    // May load, may not run: nothing to be learnt from it, so it needn't stay.
    prog_.reset();
    prog_id_ = 0;
    return false;
  }
  prog_id_ = info.id;
  const bool grew = info.run_cnt > run_cnt_;
  run_cnt_ = info.run_cnt;
  return grew;
}

bool StatsProbe::on() {
  return sysctl_on() || probe_on();
}

void StatsSwitch::switch_on() {
  if (!wanted_) return;
  wanted_ = false;
  StatsCost cost;
  cost.time_without();
  auto [fd, error] = enable_stats();
  fd_ = std::move(fd);
  error_ = error;
  if (fd_) cost_ns_ = cost.time_with();
}

StatsState StatsSwitch::state() {
  if (enabled_here()) return StatsState::enabled_here;
  return probe_.on() ? StatsState::already_on : StatsState::off;
}

}  // namespace bpftop
