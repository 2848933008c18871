#include "kernels/resize.h"

#include <algorithm>
#include <cmath>

// The lines from here to HWY_BEFORE_NAMESPACE compile the rest of the file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace netwright {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Scratch = RgbResizer::Scratch;

template <class D>
HWY_INLINE hn::Vec<D> load_pixels(D d, const uint8_t* from) {
  const hn::Rebind<uint8_t, D> bytes;
  const hn::Rebind<int32_t, D> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, from)));
}
template <class D>
HWY_INLINE hn::Vec<D> load_pixels(D d, const float* from) {
  return hn::LoadU(d, from);
}

template <class V>
HWY_INLINE V mix_four(V a, V b, V c, V d, V wa, V wb, V wc, V wd) {
  return hn::Add(hn::Add(hn::Add(hn::Mul(a, wa), hn::Mul(b, wb)), hn::Mul(c, wc)), hn::Mul(d, wd));
}

// Calls body(d, i) for whole vectors and then for single values, so that nothing is read or written beyond `count`.
template <class Body>
HWY_INLINE void for_each_vector(int64_t count, const Body& body) {
  const hn::ScalableTag<float> full;
  const auto lanes = static_cast<int64_t>(hn::Lanes(full));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(full, i);
  const hn::CappedTag<float, 1> single;
  for (; i < count; ++i) body(single, i);
}

// Calls body(d, channel) for the channels of a pixel: for all at once, with a fourth lane that reads and writes beyond
// the pixel; but one by one for the last pixel of a row, since the floats behind it may be another thread's.
template <class Body>
HWY_INLINE void for_each_channel([[maybe_unused]] bool last, const Body& body) {
#if HWY_TARGET != HWY_SCALAR
  if (!last) {
    const hn::FixedTag<float, 4> four;
    body(four, int64_t{0});
    return;
  }
#endif
  const hn::CappedTag<float, 1> single;
  for (int64_t channel = 0; channel < 3; ++channel) body(single, channel);
}

template <typename Pixel>
void mix_rows(const RgbSource<Pixel>& source, const RgbResizer::BicubicTap& tap, float* to) {
  const int64_t stride = source.width * 3;
  std::array<const Pixel*, 4> rows;
  for (size_t i = 0; i < 4; ++i) rows[i] = source.pixels + tap.index[i] * stride;
  for_each_vector(stride, [&](auto d, int64_t i) HWY_ATTR {
    const auto mixed = mix_four(load_pixels(d, rows[0] + i), load_pixels(d, rows[1] + i), load_pixels(d, rows[2] + i),
                                load_pixels(d, rows[3] + i), hn::Set(d, tap.weight[0]), hn::Set(d, tap.weight[1]),
                                hn::Set(d, tap.weight[2]), hn::Set(d, tap.weight[3]));
    hn::StoreU(mixed, d, to + i);
  });
}

template <typename Pixel>
void bicubic(const RgbSource<Pixel>& source, const RgbTarget& target, Scratch& scratch) {
  const float* mean = scratch.mean.data();
  const float* deviation = scratch.deviation.data();
  for (int64_t y = 0; y < target.height; ++y) {
    mix_rows(source, scratch.bicubic_y[static_cast<size_t>(y)], scratch.row.data());
    float* to = target.pixels + y * target.width * 3;
    for (int64_t x = 0; x < target.width; ++x) {
      const RgbResizer::BicubicTap& tap = scratch.bicubic_x[static_cast<size_t>(x)];
      for_each_channel(x + 1 == target.width, [&](auto d, int64_t c) HWY_ATTR {
        const float* row = scratch.row.data() + c;
        const auto value =
            mix_four(hn::LoadU(d, row + tap.index[0]), hn::LoadU(d, row + tap.index[1]),
                     hn::LoadU(d, row + tap.index[2]), hn::LoadU(d, row + tap.index[3]), hn::Set(d, tap.weight[0]),
                     hn::Set(d, tap.weight[1]), hn::Set(d, tap.weight[2]), hn::Set(d, tap.weight[3]));
        const auto normal = hn::Div(hn::Sub(value, hn::LoadU(d, mean + c)), hn::LoadU(d, deviation + c));
        hn::StoreU(normal, d, to + x * 3 + c);
      });
    }
  }
}

// One source row along x, into `to`.
template <typename Pixel>
void narrow_row(const RgbSource<Pixel>& source, int64_t y, int64_t width, Scratch& scratch, float* to) {
  const int64_t stride = source.width * 3;
  const Pixel* from = source.pixels + y * stride;
  float* row = scratch.row.data();
  for_each_vector(stride, [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(load_pixels(d, from + i), d, row + i); });
  for (int64_t x = 0; x < width; ++x) {
    const RgbResizer::BilinearTap& tap = scratch.bilinear_x[static_cast<size_t>(x)];
    for_each_channel(x + 1 == width, [&](auto d, int64_t c) HWY_ATTR {
      const auto lower = hn::LoadU(d, row + tap.lower + c);
      const auto upper = hn::LoadU(d, row + tap.upper + c);
      const auto value = hn::Add(lower, hn::Mul(hn::Sub(upper, lower), hn::Set(d, tap.weight)));
      hn::StoreU(value, d, to + x * 3 + c);
    });
  }
}

template <typename Pixel>
void bilinear(const RgbSource<Pixel>& source, const RgbTarget& target, Scratch& scratch) {
  std::array<int64_t, 2> held = {-1, -1};  // which source rows `narrow` has
  const auto find = [&](int64_t y, size_t keep) {
    for (size_t i = 0; i < 2; ++i) {
      if (held[i] == y) return i;
    }
    const size_t slot = keep == 0 ? 1 : 0;
    narrow_row(source, y, target.width, scratch, scratch.narrow[slot].data());
    held[slot] = y;
    return slot;
  };
  const float* mean = scratch.mean.data();
  const float* deviation = scratch.deviation.data();
  for (int64_t y = 0; y < target.height; ++y) {
    const RgbResizer::BilinearTap& tap = scratch.bilinear_y[static_cast<size_t>(y)];
    const size_t held_upper = held[0] == tap.upper ? 0 : 1;
    const size_t lower_slot = find(tap.lower, held_upper);
    const float* top = scratch.narrow[lower_slot].data();
    const float* bottom = scratch.narrow[find(tap.upper, lower_slot)].data();
    float* to = target.pixels + y * target.width * 3;
    for_each_vector(target.width * 3, [&](auto d, int64_t i) HWY_ATTR {
      const auto lower = hn::LoadU(d, top + i);
      const auto step = hn::Mul(hn::Sub(hn::LoadU(d, bottom + i), lower), hn::Set(d, tap.weight));
      const auto centred = hn::Sub(hn::Add(lower, step), hn::LoadU(d, mean + i));
      hn::StoreU(hn::Div(centred, hn::LoadU(d, deviation + i)), d, to + i);
    });
  }
}

void bicubic_bytes(const RgbSource<uint8_t>& source, const RgbTarget& target, Scratch& scratch) {
  bicubic(source, target, scratch);
}
void bicubic_floats(const RgbSource<float>& source, const RgbTarget& target, Scratch& scratch) {
  bicubic(source, target, scratch);
}
void bilinear_bytes(const RgbSource<uint8_t>& source, const RgbTarget& target, Scratch& scratch) {
  bilinear(source, target, scratch);
}
void bilinear_floats(const RgbSource<float>& source, const RgbTarget& target, Scratch& scratch) {
  bilinear(source, target, scratch);
}

}  // namespace HWY_NAMESPACE
}  // namespace netwright
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
namespace {

HWY_EXPORT(bicubic_bytes);
HWY_EXPORT(bicubic_floats);
HWY_EXPORT(bilinear_bytes);
HWY_EXPORT(bilinear_floats);

constexpr int kTableSteps = 1024;
constexpr double kCubicA = -0.75;

// Weights of the near and the far tap at distance step / 1024 and 1 + step / 1024.
struct CubicTable {
  std::array<float, kTableSteps + 1> near;
  std::array<float, kTableSteps + 1> far;

  CubicTable() {
    for (int i = 0; i <= kTableSteps; ++i) {
      float x = static_cast<float>(i) / kTableSteps;
      near[static_cast<size_t>(i)] = static_cast<float>(((kCubicA + 2) * x - (kCubicA + 3)) * x * x + 1);
      x += 1.0F;
      far[static_cast<size_t>(i)] =
          static_cast<float>(((kCubicA * x - 5 * kCubicA) * x + 8 * kCubicA) * x - 4 * kCubicA);
    }
  }
};

// `unit`: elements from one index to the next.
void fill_taps(int64_t in, int64_t out, int32_t unit, std::vector<RgbResizer::BicubicTap>& taps) {
  static const CubicTable table;
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  taps.resize(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    RgbResizer::BicubicTap& tap = taps[static_cast<size_t>(i)];
    const float at = static_cast<float>(i) * scale;
    const auto base = static_cast<int64_t>(std::floor(at));
    const auto step = static_cast<size_t>(std::lrintf((at - static_cast<float>(base)) * kTableSteps));
    tap.weight = {table.far[step], table.near[step], table.near[kTableSteps - step], table.far[kTableSteps - step]};
    for (int64_t k = 0; k < 4; ++k) {
      const int64_t index = std::clamp<int64_t>(base - 1 + k, 0, in - 1);
      tap.index[static_cast<size_t>(k)] = static_cast<int32_t>(index) * unit;
    }
  }
}

void fill_taps(int64_t in, int64_t out, int32_t unit, std::vector<RgbResizer::BilinearTap>& taps) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  taps.resize(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float at = static_cast<float>(i) * scale;
    const float lower = std::floor(at);
    const auto upper = std::min(static_cast<int64_t>(std::ceil(at)), in - 1);
    taps[static_cast<size_t>(i)] = {static_cast<int32_t>(lower) * unit, static_cast<int32_t>(upper) * unit, at - lower};
  }
}

// One value a channel over a row, and one more for the fourth lane of a pixel.
void fill_row(const std::array<float, 3>& channels, int64_t width, std::vector<float>& row) {
  row.resize(static_cast<size_t>(width * 3 + 1));
  for (size_t i = 0; i < row.size(); ++i) row[i] = channels[i % 3];
}

}  // namespace

template <typename Pixel>
void RgbResizer::prepare(const RgbSource<Pixel>& source, const RgbTarget& target, ResizeFilter filter) {
  if (filter == ResizeFilter::kBicubic) {
    fill_taps(source.width, target.width, 3, scratch_.bicubic_x);
    fill_taps(source.height, target.height, 1, scratch_.bicubic_y);
    if (target.mirror) std::ranges::reverse(scratch_.bicubic_x);
  } else {
    fill_taps(source.width, target.width, 3, scratch_.bilinear_x);
    fill_taps(source.height, target.height, 1, scratch_.bilinear_y);
    if (target.mirror) std::ranges::reverse(scratch_.bilinear_x);
    for (auto& row : scratch_.narrow) row.resize(static_cast<size_t>(target.width * 3));
  }
  scratch_.row.resize(static_cast<size_t>(source.width * 3 + 1));
  fill_row(target.mean, target.width, scratch_.mean);
  fill_row(target.deviation, target.width, scratch_.deviation);
}

void RgbResizer::resize(const RgbSource<uint8_t>& source, const RgbTarget& target, ResizeFilter filter) {
  prepare(source, target, filter);
  const auto kernel =
      filter == ResizeFilter::kBicubic ? HWY_DYNAMIC_DISPATCH(bicubic_bytes) : HWY_DYNAMIC_DISPATCH(bilinear_bytes);
  kernel(source, target, scratch_);
}

void RgbResizer::resize(const RgbSource<float>& source, const RgbTarget& target, ResizeFilter filter) {
  prepare(source, target, filter);
  const auto kernel =
      filter == ResizeFilter::kBicubic ? HWY_DYNAMIC_DISPATCH(bicubic_floats) : HWY_DYNAMIC_DISPATCH(bilinear_floats);
  kernel(source, target, scratch_);
}

}  // namespace netwright
#endif  // HWY_ONCE
