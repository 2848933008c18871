#include "data/epoch_order.h"

#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/random.h"

namespace netwright {

EpochOrder::EpochOrder(uint64_t seed, int64_t size) : seed_(seed), size_(size) {
  if (size < 1 || size >= int64_t{1} << 32) fail("{} images can't be shuffled; expected 1 to 2^32 - 1", size);
}

int64_t EpochOrder::at(int64_t epoch, int64_t place) const {
  const std::lock_guard lock(mutex_);
  return find(epoch).order[static_cast<size_t>(place)];
}

const EpochOrder::Epoch& EpochOrder::find(int64_t epoch) const {
  Epoch& held = epochs_[static_cast<size_t>(epoch % 2)];
  if (held.number == epoch) return held;
  // Fisher and Yates.
  RandomStream stream(seed_, RandomPurpose::kShuffle, static_cast<uint64_t>(epoch));
  held.order.resize(static_cast<size_t>(size_));
  std::iota(held.order.begin(), held.order.end(), 0U);
  for (size_t i = held.order.size() - 1; i > 0; --i) std::swap(held.order[i], held.order[stream.below(i + 1)]);
  held.number = epoch;
  return held;
}

}  // namespace netwright
