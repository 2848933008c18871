#include "core/random.h"

#include <cmath>
#include <numbers>

namespace netwright {
namespace {

uint64_t mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9ULL;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(p1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(p1),
               static_cast<uint32_t>(p0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

RandomStream::RandomStream(uint64_t seed, RandomPurpose purpose, uint64_t a, uint64_t b) {
  // The counter's last three words hold (b, a); the key is the seed and the purpose, mixed so that neighbouring seeds
  // don't give neighbouring keys. The first word counts blocks.
  const uint64_t key = mix(seed + 0x9E3779B97F4A7C15ULL * (static_cast<uint64_t>(purpose) + (a >> 32 << 8)));
  key_ = {static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
  counter_ = {0, static_cast<uint32_t>(b), static_cast<uint32_t>(b >> 32), static_cast<uint32_t>(a)};
}

uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t RandomStream::next_u64() {
  const uint64_t low = next_u32();
  return low | static_cast<uint64_t>(next_u32()) << 32;
}

float RandomStream::uniform() { return static_cast<float>(next_u32() >> 8) * 0x1p-24F; }

double RandomStream::uniform_double() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

uint64_t RandomStream::below(uint64_t bound) {
  // Lemire's method: the high half of a 128-bit product, redrawn in the few cases that would be biased.
  const uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const auto product = static_cast<unsigned __int128>(next_u64()) * bound;
    if (static_cast<uint64_t>(product) >= threshold) return static_cast<uint64_t>(product >> 64);
  }
}

double RandomStream::normal() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform_double()));
  const double angle = 2.0 * std::numbers::pi * uniform_double();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return radius * std::cos(angle);
}

void RandomStream::seek(uint32_t block) {
  counter_[0] = block;
  used_ = 4;
  has_spare_ = false;
}

}  // namespace netwright
