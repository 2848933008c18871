#include "models/scaling.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace netwright {
namespace {

constexpr double kMostFilters = 1 << 24;

void check_multiplier(double multiplier) {
  if (!(multiplier >= 0.0) || !std::isfinite(multiplier)) {
    fail("width multiplier {}: expected a number of at least 0", multiplier);
  }
}

}  // namespace

int64_t round_filters(int64_t filters, double multiplier, int64_t divisor, int64_t min_depth) {
  check_multiplier(multiplier);
  if (divisor < 1 || min_depth < 0) {
    fail("widths in steps of {} and at least {}: expected steps of 1 or more and no negative least width", divisor,
         min_depth);
  }
  if (multiplier == 0.0) return filters;
  const double scaled = static_cast<double>(filters) * multiplier;
  const double half = static_cast<double>(divisor) / 2.0;
  if (scaled + half > kMostFilters) fail("width multiplier {}: {} filters become too many", multiplier, filters);
  const int64_t least = min_depth > 0 ? min_depth : divisor;
  int64_t rounded = std::max(least, static_cast<int64_t>(scaled + half) / divisor * divisor);
  if (static_cast<double>(rounded) < 0.9 * scaled) rounded += divisor;
  return rounded;
}

int64_t scale_filters(int64_t filters, double multiplier, int64_t base) {
  check_multiplier(multiplier);
  if (base < 1) fail("widths in steps of {}: expected steps of 1 or more", base);
  const auto step = static_cast<double>(base);
  const double steps = std::floor(static_cast<double>(filters) * multiplier / step + 0.5);
  if (steps * step > kMostFilters) fail("width multiplier {}: {} filters become too many", multiplier, filters);
  return std::max(static_cast<int64_t>(steps) * base, base);
}

int round_repeats(int repeats, double coefficient) {
  constexpr double kMostRepeats = 10'000;
  if (!(coefficient >= 0.0) || !std::isfinite(coefficient)) {
    fail("depth coefficient {}: expected a number of at least 0", coefficient);
  }
  if (coefficient == 0.0) return repeats;
  const double scaled = std::ceil(coefficient * repeats);
  if (scaled > kMostRepeats) fail("depth coefficient {}: {} blocks become too many", coefficient, repeats);
  return static_cast<int>(scaled);
}

double block_survival(double survival, int index, int blocks) { return 1.0 - (1.0 - survival) * index / blocks; }

}  // namespace netwright
