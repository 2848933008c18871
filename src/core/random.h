// Counter-based random numbers: a draw is a function of a key and a counter, so it depends on neither threads nor
// order, and a resumed run continues exactly.
#pragma once

#include <array>
#include <cstdint>

namespace netwright {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// What a stream is for, so that two uses of one seed never share draws.
enum class RandomPurpose : uint32_t {
  kInitialize = 1,
  kShuffle = 2,
  kAugment = 3,
  kMask = 4,
  kFakeData = 5,
  kTest = 6,
  kReplace = 7,
  kArchitecture = 8,
};

// A stream of draws keyed by (seed, purpose, a, b): for example (seed, kAugment, epoch, sample index) or
// (seed, kMask, step, node), with `a` below 2^32. Two streams with different keys are independent.
class RandomStream {
 public:
  RandomStream(uint64_t seed, RandomPurpose purpose, uint64_t a = 0, uint64_t b = 0);

  uint32_t next_u32();
  uint64_t next_u64();
  // Uniform in [0, 1), a multiple of 2^-24: exact in float32.
  float uniform();
  // Uniform in [0, 1), a multiple of 2^-53.
  double uniform_double();
  // Uniform integer in [0, bound), without bias; bound > 0.
  uint64_t below(uint64_t bound);
  // Standard normal (Box-Muller).
  double normal();
  // Continues at the `block`-th group of four 32-bit draws: random access into the stream.
  void seek(uint32_t block);

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_{};
  int used_ = 4;
  double spare_normal_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace netwright
