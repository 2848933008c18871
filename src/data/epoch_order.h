// The order of the training images: a permutation of each epoch that depends on (seed, epoch) alone.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace netwright {

class EpochOrder {
 public:
  // `size` images, at least 1 and below 2^32 (Error otherwise).
  EpochOrder(uint64_t seed, int64_t size);

  // Which image is at `place` (0..size-1) of the epoch. Thread-safe. The permutations of two epochs are kept, as
  // batches and prefetching reach over an epoch's end.
  int64_t at(int64_t epoch, int64_t place) const;

 private:
  struct Epoch {
    int64_t number = -1;
    std::vector<uint32_t> order;
  };
  const Epoch& find(int64_t epoch) const;

  uint64_t seed_;
  int64_t size_;
  mutable std::mutex mutex_;
  mutable std::array<Epoch, 2> epochs_;  // epoch e is held at e % 2
};

}  // namespace netwright
