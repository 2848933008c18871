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

#if HWY_TARGET == HWY_SCALAR

// For processors without vectors; no pains taken for speed.
template <typename Pixel>
void bicubic(const RgbSource<Pixel>& source, const RgbTarget& target, const Scratch& scratch) {
  const auto mix_four = [](const std::array<float, 4>& weight, const auto& at) {
    return at(0) * weight[0] + at(1) * weight[1] + at(2) * weight[2] + at(3) * weight[3];
  };
  float* to = target.pixels;
  for (const RgbResizer::BicubicTap& row : scratch.bicubic_y) {
    for (const RgbResizer::BicubicTap& column : scratch.bicubic_x) {
      for (size_t c = 0; c < 3; ++c) {
        const float value = mix_four(column.weight, [&](size_t i) {
          const Pixel* from = source.pixels + 3 * column.index[i] + c;
          return mix_four(row.weight, [&](size_t k) { return static_cast<float>(from[row.index[k] * source.stride]); });
        });
        *to++ = (value - target.mean[c]) / target.deviation[c];
      }
    }
  }
}

template <typename Pixel>
void bilinear(const RgbSource<Pixel>& source, const RgbTarget& target, const Scratch& scratch) {
  const auto mix_two = [](float lower, float upper, float weight) { return lower + (upper - lower) * weight; };
  float* to = target.pixels;
  for (const RgbResizer::BilinearTap& row : scratch.bilinear_y) {
    for (const RgbResizer::BilinearTap& column : scratch.bilinear_x) {
      for (size_t c = 0; c < 3; ++c) {
        const auto along_x = [&](int32_t rank) {
          const Pixel* from = source.pixels + scratch.needed_rows[static_cast<size_t>(rank)] * source.stride + c;
          return mix_two(static_cast<float>(from[3 * column.lower]), static_cast<float>(from[3 * column.upper]),
                         column.weight);
        };
        const float value = mix_two(along_x(row.lower), along_x(row.upper), row.weight);
        *to++ = (value - target.mean[c]) / target.deviation[c];
      }
    }
  }
}

#else

// Along x, several rows are resized at once, or *abreast*: a vector is one to four blocks of four floats, and a block
// is one row's pixel: red, green, blue and a lane that nobody looks at. So the weights of a column serve all rows.
#if HWY_HAVE_SCALABLE
constexpr int64_t kAbreast = 1;
#else
constexpr int64_t kAbreast = std::min<int64_t>(HWY_LANES(float) / 4, RgbResizer::kMaxAbreast);
#endif
using Wide = hn::FixedTag<float, static_cast<size_t>(4 * kAbreast)>;
using WideVector = hn::Vec<Wide>;

template <class D>
HWY_INLINE hn::Vec<D> load_values(D d, const uint8_t* from) {
  const hn::Rebind<uint8_t, D> bytes;
  const hn::Rebind<int32_t, D> integers;
  return hn::ConvertTo(d, hn::PromoteTo(integers, hn::LoadU(bytes, from)));
}
template <class D>
HWY_INLINE hn::Vec<D> load_values(D d, const float* from) {
  return hn::LoadU(d, from);
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

template <typename Pixel>
void convert_row(const RgbSource<Pixel>& source, int64_t y, float* to) {
  const Pixel* from = source.pixels + y * source.stride;
  for_each_vector(3 * source.width,
                  [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(load_values(d, from + i), d, to + i); });
}

// The blocks at `from`, `from` + step, ...; each reads a float beyond its pixel.
template <class D>
HWY_INLINE hn::Vec<D> load_blocks(D d, const float* from, int64_t step) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> half;
    const auto lower = load_blocks(half, from, step);
    return hn::Combine(d, load_blocks(half, from + static_cast<int64_t>(hn::MaxLanes(half) / 4) * step, step), lower);
  }
}
template <class D>
HWY_INLINE void store_blocks(D d, hn::Vec<D> vector, int64_t step, float* to) {
  if constexpr (hn::MaxLanes(D()) <= 4) {
    hn::StoreU(vector, d, to);
  } else {
    const hn::Half<D> half;
    store_blocks(half, hn::LowerHalf(half, vector), step, to);
    store_blocks(half, hn::UpperHalf(half, vector), step, to + static_cast<int64_t>(hn::MaxLanes(half) / 4) * step);
  }
}

HWY_INLINE WideVector in_every_block(const std::array<float, 3>& channels, float fourth) {
  const std::array<float, 4> block = {channels[0], channels[1], channels[2], fourth};
  std::array<float, 16> lanes;
  for (size_t i = 0; i < lanes.size(); ++i) lanes[i] = block[i % 4];
  return hn::LoadU(Wide(), lanes.data());
}

// Writes columns value_at(0), value_at(1), ... of `rows` rows abreast to rows of `width` pixels. A pixel's fourth lane
// falls on the next pixel, which is written later; but not so at a row's end.
template <class ValueAt>
HWY_INLINE void write_columns(int64_t width, int64_t rows, const ValueAt& value_at, float* to) {
  const Wide d;
  const int64_t stride = 3 * width;
  const int64_t whole = rows == kAbreast ? width - 1 : 0;
  for (int64_t x = 0; x < width; ++x) {
    const WideVector value = value_at(x);
    if (x < whole) {
      store_blocks(d, value, stride, to + 3 * x);
    } else {
      std::array<float, 16> held;
      hn::StoreU(value, d, held.data());
      for (int64_t row = 0; row < rows; ++row) std::copy_n(held.data() + 4 * row, 3, to + row * stride + 3 * x);
    }
  }
}

// at(k): the vector of tap k.
template <class D, class At>
HWY_INLINE hn::Vec<D> mix_four(D d, const std::array<float, 4>& weight, const At& at) {
  const auto part = [&](size_t k) HWY_ATTR { return hn::Mul(at(k), hn::Set(d, weight[k])); };
  return hn::Add(hn::Add(hn::Add(part(0), part(1)), part(2)), part(3));
}

// Mixes the four source rows of each target row. A source row becomes floats once: taps only move down, and four
// neighbours always have places of their own among four.
template <typename Pixel>
class RowMixer {
 public:
  RowMixer(const RgbSource<Pixel>& source, Scratch& scratch) : source_(source), converted_(scratch.converted.data()) {}

  void mix(const RgbResizer::BicubicTap& tap, float* to) {
    std::array<const float*, 4> rows;
    for (size_t k = 0; k < 4; ++k) rows[k] = row(tap.index[k]);
    for_each_vector(3 * source_.width, [&](auto d, int64_t i) HWY_ATTR {
      hn::StoreU(mix_four(d, tap.weight, [&](size_t k) HWY_ATTR { return hn::LoadU(d, rows[k] + i); }), d, to + i);
    });
  }

 private:
  const float* row(int32_t y) {
    const int32_t place = y % 4;
    float* to = converted_ + place * 3 * source_.width;
    if (held_[static_cast<size_t>(place)] != y) convert_row(source_, y, to);
    held_[static_cast<size_t>(place)] = y;
    return to;
  }

  const RgbSource<Pixel>& source_;
  float* converted_;
  std::array<int32_t, 4> held_ = {-1, -1, -1, -1};
};

template <typename Pixel>
void bicubic(const RgbSource<Pixel>& source, const RgbTarget& target, Scratch& scratch) {
  const Wide d;
  const WideVector mean = in_every_block(target.mean, 0.0F);
  const WideVector deviation = in_every_block(target.deviation, 1.0F);
  const int64_t step = scratch.row_step;
  float* abreast = scratch.abreast.data();
  const auto value_at = [&](int64_t x) HWY_ATTR {
    const RgbResizer::BicubicTap& tap = scratch.bicubic_x[static_cast<size_t>(x)];
    const auto mixed =
        mix_four(d, tap.weight, [&](size_t k) HWY_ATTR { return load_blocks(d, abreast + 3 * tap.index[k], step); });
    return hn::Div(hn::Sub(mixed, mean), deviation);
  };
  RowMixer<Pixel> mixer(source, scratch);
  for (int64_t y = 0; y < target.height; y += kAbreast) {
    const int64_t rows = std::min(kAbreast, target.height - y);
    for (int64_t row = 0; row < rows; ++row) {
      mixer.mix(scratch.bicubic_y[static_cast<size_t>(y + row)], abreast + row * step);
    }
    write_columns(target.width, rows, value_at, target.pixels + y * target.width * 3);
  }
}

// Source rows that stand at `rank`, `rank` + 1, ... among those that are needed, resized along x.
template <typename Pixel>
void narrow_bilinear(const RgbSource<Pixel>& source, int64_t width, int64_t rank, Scratch& scratch, float* to) {
  const Wide d;
  const int64_t step = scratch.row_step;
  float* abreast = scratch.abreast.data();
  const int64_t rows = std::min(kAbreast, static_cast<int64_t>(scratch.needed_rows.size()) - rank);
  for (int64_t row = 0; row < rows; ++row) {
    convert_row(source, scratch.needed_rows[static_cast<size_t>(rank + row)], abreast + row * step);
  }
  const auto value_at = [&](int64_t x) HWY_ATTR {
    const RgbResizer::BilinearTap& tap = scratch.bilinear_x[static_cast<size_t>(x)];
    const auto lower = load_blocks(d, abreast + 3 * tap.lower, step);
    const auto upper = load_blocks(d, abreast + 3 * tap.upper, step);
    return hn::Add(lower, hn::Mul(hn::Sub(upper, lower), hn::Set(d, tap.weight)));
  };
  write_columns(width, rows, value_at, to);
}

template <typename Pixel>
void bilinear(const RgbSource<Pixel>& source, const RgbTarget& target, Scratch& scratch) {
  const int64_t stride = target.width * 3;
  const float* mean = scratch.mean.data();
  const float* deviation = scratch.deviation.data();
  // Two groups of narrowed rows are kept: a target row's two neighbours may lie on either side of their border.
  const auto narrowed = [&](int64_t rank) { return scratch.narrowed.data() + rank % (2 * kAbreast) * stride; };
  int64_t done = 0;  // ranks
  for (int64_t y = 0; y < target.height; ++y) {
    const RgbResizer::BilinearTap& tap = scratch.bilinear_y[static_cast<size_t>(y)];
    for (; done <= tap.upper; done += kAbreast) narrow_bilinear(source, target.width, done, scratch, narrowed(done));
    const float* top = narrowed(tap.lower);
    const float* bottom = narrowed(tap.upper);
    float* to = target.pixels + y * stride;
    for_each_vector(stride, [&](auto d, int64_t i) HWY_ATTR {
      const auto lower = hn::LoadU(d, top + i);
      const auto difference = hn::Mul(hn::Sub(hn::LoadU(d, bottom + i), lower), hn::Set(d, tap.weight));
      const auto centred = hn::Sub(hn::Add(lower, difference), hn::LoadU(d, mean + i));
      hn::StoreU(hn::Div(centred, hn::LoadU(d, deviation + i)), d, to + i);
    });
  }
}

#endif  // HWY_TARGET == HWY_SCALAR

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

void fill_taps(int64_t in, int64_t out, std::vector<RgbResizer::BicubicTap>& taps) {
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
      tap.index[static_cast<size_t>(k)] = static_cast<int32_t>(index);
    }
  }
}

void fill_taps(int64_t in, int64_t out, std::vector<RgbResizer::BilinearTap>& taps) {
  const float scale = static_cast<float>(in) / static_cast<float>(out);
  taps.resize(static_cast<size_t>(out));
  for (int64_t i = 0; i < out; ++i) {
    const float at = static_cast<float>(i) * scale;
    const float lower = std::floor(at);
    const auto upper = std::min(static_cast<int64_t>(std::ceil(at)), in - 1);
    taps[static_cast<size_t>(i)] = {static_cast<int32_t>(lower), static_cast<int32_t>(upper), at - lower};
  }
}

// Lists the source rows that any tap needs, and makes the taps count in that list instead of in the picture.
void rank_rows(std::vector<RgbResizer::BilinearTap>& taps, std::vector<int32_t>& rows) {
  rows.clear();
  const auto rank_of = [&](int32_t row) {
    if (rows.empty() || rows.back() < row) rows.push_back(row);
    return static_cast<int32_t>(rows.size()) - (rows.back() == row ? 1 : 2);
  };
  for (RgbResizer::BilinearTap& tap : taps) {
    tap.lower = rank_of(tap.lower);
    tap.upper = rank_of(tap.upper);
  }
}

void fill_row(const std::array<float, 3>& channels, int64_t width, std::vector<float>& row) {
  row.resize(static_cast<size_t>(width * 3));
  for (size_t i = 0; i < row.size(); ++i) row[i] = channels[i % 3];
}

}  // namespace

void RgbResizer::prepare(int64_t height, int64_t width, const RgbTarget& target, ResizeFilter filter) {
  // A block of the last pixel reads one float more.
  scratch_.row_step = 3 * width + 1;
  scratch_.abreast.resize(static_cast<size_t>(kMaxAbreast * scratch_.row_step));
  if (filter == ResizeFilter::kBicubic) {
    fill_taps(width, target.width, scratch_.bicubic_x);
    fill_taps(height, target.height, scratch_.bicubic_y);
    if (target.mirror) std::ranges::reverse(scratch_.bicubic_x);
    scratch_.converted.resize(static_cast<size_t>(4 * 3 * width));
  } else {
    fill_taps(width, target.width, scratch_.bilinear_x);
    fill_taps(height, target.height, scratch_.bilinear_y);
    rank_rows(scratch_.bilinear_y, scratch_.needed_rows);
    if (target.mirror) std::ranges::reverse(scratch_.bilinear_x);
    scratch_.narrowed.resize(static_cast<size_t>(2 * kMaxAbreast * target.width * 3));
    fill_row(target.mean, target.width, scratch_.mean);
    fill_row(target.deviation, target.width, scratch_.deviation);
  }
}

void RgbResizer::resize(const RgbSource<uint8_t>& source, const RgbTarget& target, ResizeFilter filter) {
  prepare(source.height, source.width, target, filter);
  const auto kernel =
      filter == ResizeFilter::kBicubic ? HWY_DYNAMIC_DISPATCH(bicubic_bytes) : HWY_DYNAMIC_DISPATCH(bilinear_bytes);
  kernel(source, target, scratch_);
}

void RgbResizer::resize(const RgbSource<float>& source, const RgbTarget& target, ResizeFilter filter) {
  prepare(source.height, source.width, target, filter);
  const auto kernel =
      filter == ResizeFilter::kBicubic ? HWY_DYNAMIC_DISPATCH(bicubic_floats) : HWY_DYNAMIC_DISPATCH(bilinear_floats);
  kernel(source, target, scratch_);
}

}  // namespace netwright
#endif  // HWY_ONCE
