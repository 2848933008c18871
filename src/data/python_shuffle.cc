#include "data/python_shuffle.h"

#include <array>
#include <bit>
#include <numeric>
#include <random>
#include <utility>

namespace netwright {
namespace {

constexpr size_t kWords = 624;

// The state of an MT19937 that was seeded from an array of one word, as std::mt19937 asks for it.
class ArraySeed {
 public:
  using result_type = uint32_t;
  explicit ArraySeed(uint32_t word) {
    state_[0] = 19650218;
    for (uint32_t i = 1; i < kWords; ++i) state_[i] = 1812433253U * mixed(i - 1) + i;
    size_t at = 1;
    for (size_t step = 0; step < kWords; ++step) at = advance(at, 1664525U, word);
    for (size_t step = 1; step < kWords; ++step) at = advance(at, 1566083941U, -static_cast<uint32_t>(at));
    state_[0] = 0x80000000U;
  }

  template <typename Iterator>
  void generate(Iterator begin, Iterator end) const {
    for (size_t i = 0; begin != end; ++begin, ++i) *begin = state_[i];
  }

 private:
  uint32_t mixed(size_t i) const { return state_[i] ^ (state_[i] >> 30); }
  size_t advance(size_t at, uint32_t factor, uint32_t addend) {
    state_[at] = (state_[at] ^ (mixed(at - 1) * factor)) + addend;
    if (++at < kWords) return at;
    state_[0] = state_[kWords - 1];
    return 1;
  }

  std::array<uint32_t, kWords> state_;
};

uint32_t draw_below(std::mt19937& generator, uint32_t bound) {
  const int bits = std::bit_width(bound);
  for (;;) {
    const auto drawn = static_cast<uint32_t>(generator()) >> (32 - bits);
    if (drawn < bound) return drawn;
  }
}

}  // namespace

std::vector<uint32_t> python_shuffle(uint32_t size, uint32_t seed) {
  std::vector<uint32_t> order(size);
  std::iota(order.begin(), order.end(), 0);
  ArraySeed state(seed);
  std::mt19937 generator(state);
  for (uint32_t i = size; i-- > 1;) std::swap(order[i], order[draw_below(generator, i + 1)]);
  return order;
}

}  // namespace netwright
