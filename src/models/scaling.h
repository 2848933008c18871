// How the families widen and deepen their networks. All arithmetic in double precision, as the originals'.
#pragma once

#include <cstdint>

namespace netwright {

// Width after scaling (specs efficientnet 2.2, mnasnet 2.4): x = filters * multiplier,
// n = max(least, trunc(x + divisor / 2) / divisor rounded down * divisor), plus one divisor if n < 0.9 x. `min_depth`
// is the least width, 0: the divisor. A multiplier of 0 leaves the filters as they are. Throws Error for a negative or
// not finite multiplier, a divisor below 1, and results above 2^24.
int64_t round_filters(int64_t filters, double multiplier, int64_t divisor = 8, int64_t min_depth = 0);

// A width of TuNAS: max(floor(filters * multiplier / base + 0.5) * base, base), rounding half up to a multiple of
// `base`. Throws Error for a multiplier that is negative or not finite, a base below 1, and results above 2^24.
int64_t scale_filters(int64_t filters, double multiplier, int64_t base);

// ceil(coefficient * repeats); a coefficient of 0 leaves them as they are. Throws Error for a negative or not finite
// coefficient and results above 10,000.
int round_repeats(int repeats, double coefficient);

// Drop-connect's survival probability of block `index` of `blocks` (spec efficientnet 2.3):
// 1 - (1 - survival) * index / blocks.
double block_survival(double survival, int index, int blocks);

}  // namespace netwright
