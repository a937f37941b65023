// A source alone, without Node: median µs of a pass over the programs that are loaded, and µs to open it. Built and run by
// sampling.ts, also below strace. Usage: sampling cast|probe|walk CPUS PASSES; CPUS is how many an iterator sums, the real ones
// again and again, 0 being as many as there are.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "core/prog_iterator.h"
#include "core/prog_walk.h"

using namespace bpftop;

namespace {

/// By the vDSO: no system call.
double now_us() {
  timespec time = {};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const bool walk = std::strcmp(argv[1], "walk") == 0;
  IteratorOptions options;
  options.may_cast = std::strcmp(argv[1], "cast") == 0;
  options.pretend_cpus = static_cast<uint32_t>(std::atoi(argv[2]));
  ProgIterator iterator;
  const double began = now_us();
  if (const Refusal refusal = walk ? Refusal() : iterator.open(options)) {
    std::fprintf(stderr, "%s\n", refusal.text().c_str());
    return 1;
  }
  const double opened = now_us() - began;
  ProgTable table;
  std::vector<double> passes(static_cast<size_t>(std::atoi(argv[3])));
  for (double& pass : passes) {
    const double start = now_us();
    if (walk ? walk_progs(table) : iterator.read(table)) return 1;
    pass = now_us() - start;
  }
  std::sort(passes.begin(), passes.end());
  std::printf("%.0f %.0f\n", passes[passes.size() / 2], opened);
}
