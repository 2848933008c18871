// TensorFlow 1's resizing of RGB pictures, with mirroring and normalisation on the way out.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace netwright {

enum class ResizeFilter {
  kBilinear,  // resize_bilinear: lower and upper neighbour
  kBicubic,   // resize_bicubic: four taps, A = -0.75, weights from a table of 1024 steps; overshoot is kept
};

// Pixels [height, width, 3]; rows begin `stride` elements apart.
template <typename Pixel>
struct RgbSource {
  const Pixel* pixels = nullptr;
  int64_t height = 0;
  int64_t width = 0;
  int64_t stride = 0;
};

// Packed rows [height, width, 3], written as (value - mean) / deviation per channel. Must not overlap the source.
struct RgbTarget {
  float* pixels = nullptr;
  int64_t height = 0;
  int64_t width = 0;
  bool mirror = false;  // left-right, after resizing
  std::array<float, 3> mean = {0.0F, 0.0F, 0.0F};
  std::array<float, 3> deviation = {1.0F, 1.0F, 1.0F};
};

// Source coordinate = target index x (in / out), without half-pixel shift, antialiasing or aligned corners (spec
// augmentation 5.6). Every sum is taken in the order of TensorFlow's kernels and without fused multiply-adds, so the
// result is theirs bit for bit on every instruction set. Keeps its rows of scratch; one a thread. Sizes are at least 1.
class RgbResizer {
 public:
  void resize(const RgbSource<uint8_t>& source, const RgbTarget& target, ResizeFilter filter);
  void resize(const RgbSource<float>& source, const RgbTarget& target, ResizeFilter filter);

  struct BilinearTap {
    int32_t lower;
    int32_t upper;
    float weight;  // of the upper one
  };
  struct BicubicTap {
    std::array<int32_t, 4> index;
    std::array<float, 4> weight;
  };
  static constexpr int64_t kMaxAbreast = 4;  // rows that are resized along x at once

  // What the vector code works on.
  struct Scratch {
    std::vector<BilinearTap> bilinear_x, bilinear_y;
    std::vector<BicubicTap> bicubic_x, bicubic_y;
    std::vector<float> converted;  // four source rows
    std::vector<float> abreast;    // up to kMaxAbreast source rows or mixes, row_step floats apart
    int64_t row_step = 0;
    std::vector<int32_t> needed_rows;    // source rows of bilinear_y, which counts in this list
    std::vector<float> narrowed;         // twice as many source rows resized along x
    std::vector<float> mean, deviation;  // one target row
  };

 private:
  void prepare(int64_t height, int64_t width, const RgbTarget& target, ResizeFilter filter);

  Scratch scratch_;
};

}  // namespace netwright
