// Pillow's bicubic resizing of 8-bit RGB pictures: what torchvision's and timm's evaluation shows a network.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/resize.h"

namespace netwright {

// A picture's size and the part of it that is wanted.
struct ResizedWindow {
  int64_t height = 0;  // of the whole resized picture
  int64_t width = 0;
  int64_t top = 0;  // of the part, which has the target's size
  int64_t left = 0;
};

// Antialiased: the filter (A = -0.5) is as many times wider as the picture shrinks. First along x, then along y, either
// with weights in whole numbers of 22 bits and a result rounded to 8 bits, so it is Pillow's bit for bit
// (python-pillow/Pillow, src/libImaging/Resample.c). Keeps its rows of scratch; one a thread. Sizes are at least 1; the
// window lies inside the resized picture.
class PillowResizer {
 public:
  void resize(const RgbSource<uint8_t>& source, const ResizedWindow& window, const RgbTarget& target);

 private:
  // The source pixels [first, first + weights) of one target pixel; its weights begin at `begin`.
  struct Tap {
    int64_t first;
    int64_t count;
    size_t begin;
  };
  struct Taps {
    std::vector<Tap> taps;
    std::vector<int32_t> weights;
  };
  static void prepare(int64_t in, int64_t out, int64_t offset, int64_t count, Taps& taps);

  Taps x_, y_;
  std::vector<uint8_t> narrowed_;  // source rows that are needed, resized along x
  std::vector<int32_t> sums_;      // a target row's
};

}  // namespace netwright
