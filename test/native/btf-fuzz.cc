// Damages BTF in every way it can think of and reads it: nothing may crash, read out of bounds, overflow or go on for ever.
// Built and run by core.test.ts, with the sanitizers; at length by `npm run fuzz`. Deterministic: the same seed does the
// same. Usage: btf-fuzz INPUTS SEED [REAL]; with REAL, a file, every 20 000th input is that one, damaged.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "core/iter_code.h"
#include "core/kernel_layout.h"
#include "synthetic-btf.h"

using namespace bpftop;

namespace {

/// xorshift64*
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2654435769u + 1) {}
  uint32_t below(size_t end) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return end == 0 ? 0 : static_cast<uint32_t>((state_ * 2685821657736338717u >> 32) % end);
  }

 private:
  uint64_t state_;
};

/// Numbers that bounds checks get wrong.
uint32_t interesting(Random& random, size_t len) {
  const uint32_t values[] = {0,
                             1,
                             0x7fffffff,
                             0x80000000,
                             0xffffffff,
                             0xffff,
                             0x1000000,
                             0xff000000,
                             static_cast<uint32_t>(len),
                             static_cast<uint32_t>(len - 24),
                             random.below(len + 64),
                             random.below(256),
                             random.below(32) << 24 | random.below(64),
                             random.below(SIZE_MAX)};
  return values[random.below(std::size(values))];
}

void damage(std::vector<uint8_t>& bytes, Random& random) {
  const uint32_t times = 1 + random.below(8);
  for (uint32_t i = 0; i < times && !bytes.empty(); i++) {
    const uint32_t at = random.below(bytes.size());
    switch (random.below(8)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1 << random.below(8));
        break;
      case 1:
        bytes[at] = static_cast<uint8_t>(random.below(256));
        break;
      case 2:
      case 3:
      case 4: {  // a word, on its boundary
        const uint32_t value = interesting(random, bytes.size());
        if (const size_t word = at & ~3u; word + 4 <= bytes.size()) std::memcpy(&bytes[word], &value, 4);
        break;
      }
      case 5: {  // a word of the header
        const uint32_t value = interesting(random, bytes.size());
        if (bytes.size() >= 24) std::memcpy(&bytes[4 * (1 + random.below(5))], &value, 4);
        break;
      }
      case 6:
        bytes.resize(at);
        break;
      case 7: {  // a piece, copied elsewhere
        const size_t len = std::min<size_t>(random.below(200), bytes.size() - at);
        const uint32_t to = random.below(bytes.size() - len + 1);
        std::memmove(bytes.data() + to, bytes.data() + at, len);
        break;
      }
    }
  }
}

const std::vector<uint8_t> module_bytes = synthetic_btf();

struct Counts {
  uint64_t parsed = 0, laid_out = 0;
};

/// Names of functions anywhere, and beyond.
void name_some(const Btf& btf, Random& random) {
  for (int i = 0; i < 16; i++) (void)btf.name_of(BtfKind::function, random.below(i % 2 ? 256 : SIZE_MAX)).size();
}

void use(std::vector<uint8_t> bytes, Random& random, Counts& counts) {
  static const Btf kernel = Btf::parse(synthetic_btf()).value;
  if (const auto [module, damaged] = Btf::view(bytes, &kernel); !damaged) name_some(module, random);
  const auto [btf, error] = Btf::parse(std::move(bytes));
  if (error) return;
  counts.parsed++;
  name_some(btf, random);
  const auto [on_top, refused] = Btf::view(module_bytes, &btf);
  if (!refused) name_some(on_top, random);
  for (int i = 0; i < 16; i++) {
    const uint32_t id = random.below(i % 2 ? 128 : SIZE_MAX);
    (void)btf.size_of(id);
    for (const char* path : {"aux", "uid.val", "v", "prog", ".", "", "a.b.c.d"}) (void)btf.member(id, path);
    (void)btf.function_pointers(id);
  }
  KernelLayout layout;
  if (read_layout(btf, layout)) return;
  counts.laid_out++;
  for (const IterWay way : {IterWay{ReadBy::cast, true}, IterWay{ReadBy::cast, false}, IterWay{ReadBy::probe, false}})
    if (assemble_iterator(layout, way, 3, 1 + random.below(8192)).code().size() < 100) std::abort();
  if (assemble_offsets(layout, 3, 4, 2).code().size() < 10) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const uint64_t inputs = std::strtoull(argv[1], nullptr, 10);
  Random random(std::strtoull(argv[2], nullptr, 10));
  std::vector<uint8_t> real;
  if (argc > 3) {
    std::ifstream file(argv[3], std::ios::binary);
    real.assign(std::istreambuf_iterator<char>(file), {});
  }
  SyntheticKernel old;
  old.stats_in_aux = true;
  old.sleepable = SyntheticKernel::bool_in_aux;
  const std::vector<uint8_t> whole[] = {synthetic_btf(), synthetic_btf(old)};

  Counts counts;
  for (uint64_t i = 0; i < inputs; i++) {
    std::vector<uint8_t> bytes = !real.empty() && i % 20'000 == 0 ? real : whole[i % 2];
    // Now and then none at all: what is whole must be read.
    if (random.below(64) != 0) damage(bytes, random);
    use(std::move(bytes), random, counts);
  }
  std::printf("%llu inputs, %llu parsed, %llu with all members\n", static_cast<unsigned long long>(inputs),
              static_cast<unsigned long long>(counts.parsed), static_cast<unsigned long long>(counts.laid_out));
  return counts.laid_out > 0 ? 0 : 1;
}
