// The order that CPython 3's random.shuffle makes, since imagenet_to_gcs.py orders its training images with it.
#pragma once

#include <cstdint>
#include <vector>

namespace netwright {

// list(range(size)) after random.seed(seed); random.shuffle(...). Size and seed are below 2^32. The generator is
// MT19937, seeded from an array (Matsumoto and Nishimura, "Mersenne Twister with improved initialization", 2002); a
// place below n is drawn from as many high bits as n has, again until it fits.
std::vector<uint32_t> python_shuffle(uint32_t size, uint32_t seed);

}  // namespace netwright
