#include "kernels/pillow_resize.h"

#include <algorithm>
#include <cmath>

namespace netwright {
namespace {

constexpr int kPrecision = 32 - 8 - 2;  // bits of a weight behind the point
constexpr double kSupport = 2.0;        // of the filter, either side

double bicubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

int32_t to_fixed(double weight) { return static_cast<int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kPrecision)); }

uint8_t to_pixel(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kPrecision, 0, 255)); }

}  // namespace

void PillowResizer::prepare(int64_t in, int64_t out, int64_t offset, int64_t count, Taps& taps) {
  const double scale = static_cast<double>(in) / static_cast<double>(out);
  const double widened = std::max(scale, 1.0);
  const double support = kSupport * widened;
  taps.taps.clear();
  taps.weights.clear();
  std::vector<double> exact;
  for (int64_t i = offset; i < offset + count; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(std::trunc(centre - support + 0.5)), 0);
    const int64_t end = std::min<int64_t>(static_cast<int64_t>(std::trunc(centre + support + 0.5)), in);
    exact.clear();
    double sum = 0.0;
    for (int64_t pixel = first; pixel < end; ++pixel) {
      exact.push_back(bicubic((static_cast<double>(pixel) - centre + 0.5) * (1.0 / widened)));
      sum += exact.back();
    }
    taps.taps.push_back({first, end - first, taps.weights.size()});
    for (const double weight : exact) taps.weights.push_back(to_fixed(sum != 0.0 ? weight / sum : weight));
  }
}

void PillowResizer::resize(const RgbSource<uint8_t>& source, const ResizedWindow& window, const RgbTarget& target) {
  constexpr int32_t kHalf = 1 << (kPrecision - 1);
  prepare(source.width, window.width, window.left, target.width, x_);
  prepare(source.height, window.height, window.top, target.height, y_);
  const int64_t top = y_.taps.front().first;
  const int64_t bottom = y_.taps.back().first + y_.taps.back().count;
  const int64_t row_size = target.width * 3;
  narrowed_.resize(static_cast<size_t>((bottom - top) * row_size));
  for (int64_t y = top; y < bottom; ++y) {
    const uint8_t* from = source.pixels + y * source.stride;
    uint8_t* to = narrowed_.data() + (y - top) * row_size;
    for (const Tap& tap : x_.taps) {
      const int32_t* weights = x_.weights.data() + tap.begin;
      const uint8_t* pixel = from + tap.first * 3;
      int32_t sums[3] = {kHalf, kHalf, kHalf};
      for (int64_t i = 0; i < tap.count; ++i, pixel += 3) {
        for (int c = 0; c < 3; ++c) sums[c] += pixel[c] * weights[i];
      }
      for (const int32_t sum : sums) *to++ = to_pixel(sum);
    }
  }
  sums_.resize(static_cast<size_t>(row_size));
  for (int64_t y = 0; y < target.height; ++y) {
    const Tap& tap = y_.taps[static_cast<size_t>(y)];
    std::fill(sums_.begin(), sums_.end(), kHalf);
    for (int64_t i = 0; i < tap.count; ++i) {
      const int32_t weight = y_.weights[tap.begin + static_cast<size_t>(i)];
      const uint8_t* row = narrowed_.data() + (tap.first - top + i) * row_size;
      for (int64_t x = 0; x < row_size; ++x) sums_[static_cast<size_t>(x)] += row[x] * weight;
    }
    float* out = target.pixels + y * row_size;
    for (int64_t x = 0; x < row_size; ++x) {
      const int64_t pixel = target.mirror ? target.width - 1 - x / 3 : x / 3;
      const auto channel = static_cast<size_t>(x % 3);
      out[pixel * 3 + x % 3] = (static_cast<float>(to_pixel(sums_[static_cast<size_t>(x)])) - target.mean[channel]) /
                               target.deviation[channel];
    }
  }
}

}  // namespace netwright
