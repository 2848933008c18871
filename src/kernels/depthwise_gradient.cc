#include "kernels/depthwise_gradient.h"

#include <algorithm>
#include <type_traits>

// Vectors of unknown size can't be kept in arrays.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
// The lines from here to HWY_BEFORE_NAMESPACE compile the rest of the file once for each instruction set.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/depthwise_gradient.cc"
#include <hwy/aligned_allocator.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#ifndef NETWRIGHT_DEPTHWISE_GRADIENT_CONSTANTS
#define NETWRIGHT_DEPTHWISE_GRADIENT_CONSTANTS
namespace netwright {
// Channels that are worked on together: two vectors of 512 bits, so that five taps a row stay in registers.
constexpr int64_t kBlock = 32;
}  // namespace netwright
#endif

HWY_BEFORE_NAMESPACE();
namespace netwright {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::CappedTag<float, 16>;

HWY_INLINE hn::Vec<Floats> load_values(Floats d, const float* from) { return hn::LoadU(d, from); }
// The bits of a bfloat16 are a float's upper half.
HWY_INLINE hn::Vec<Floats> load_values(Floats d, const uint16_t* from) {
  const hn::Rebind<uint16_t, Floats> halves;
  const hn::Rebind<uint32_t, Floats> words;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(words, hn::LoadU(halves, from))));
}

// Copies `count` channels of each of `width` pixels, `stride` values apart, into pixels of kBlock floats.
template <typename Value>
void gather_row(const Value* from, int64_t width, int64_t stride, int64_t count, float* to) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t x = 0; x < width; ++x, from += stride, to += kBlock) {
    int64_t c = 0;
    for (; c + lanes <= count; c += lanes) hn::Store(load_values(d, from + c), d, to + c);
    if (c == kBlock) continue;
    Value rest[HWY_MAX_BYTES / sizeof(float)] = {};
    std::copy_n(from + c, count - c, rest);
    hn::Store(load_values(d, rest), d, to + c);
    for (c += lanes; c < kBlock; c += lanes) hn::Store(hn::Zero(d), d, to + c);
  }
}

// sums[k] += sum over o of gradient[o] x input[o * stride + k * dilation], for kTaps taps k.
template <int kTaps>
HWY_INLINE void add_taps(const float* input, const float* gradient, int64_t width, int64_t stride, int64_t dilation,
                         float* sums) {
  const Floats d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  // Two vectors of all taps are what 32 registers hold.
  constexpr int64_t kVectors = kTaps <= 7 ? 2 : 1;
  for (int64_t c = 0; c < kBlock; c += kVectors * lanes) {
    hn::Vec<Floats> total[kTaps][kVectors];
    for (auto& tap : total) {
      for (auto& vector : tap) vector = hn::Zero(d);
    }
    for (int64_t o = 0; o < width; ++o) {
      for (int64_t v = 0; v < kVectors; ++v) {
        const int64_t at = c + v * lanes;
        const auto factor = hn::Load(d, gradient + o * kBlock + at);
        for (int64_t k = 0; k < kTaps; ++k) {
          const float* pixel = input + (o * stride + k * dilation) * kBlock;
          total[k][v] = hn::MulAdd(factor, hn::Load(d, pixel + at), total[k][v]);
        }
      }
    }
    for (int64_t k = 0; k < kTaps; ++k) {
      for (int64_t v = 0; v < kVectors; ++v) {
        float* sum = sums + k * kBlock + c + v * lanes;
        hn::Store(hn::Add(hn::Load(d, sum), total[k][v]), d, sum);
      }
    }
  }
}

void add_row(const float* input, const float* gradient, const DepthwiseShape& shape, float* sums) {
  const int64_t width = shape.output_width;
  switch (shape.kernel_width) {
    case 3:
      return add_taps<3>(input, gradient, width, shape.stride_width, shape.dilation, sums);
    case 5:
      return add_taps<5>(input, gradient, width, shape.stride_width, shape.dilation, sums);
    case 7:
      return add_taps<7>(input, gradient, width, shape.stride_width, shape.dilation, sums);
    case 9:
      return add_taps<9>(input, gradient, width, shape.stride_width, shape.dilation, sums);
    default:
      for (int64_t k = 0; k < shape.kernel_width; ++k) {
        add_taps<1>(input + k * shape.dilation * kBlock, gradient, width, shape.stride_width, shape.dilation,
                    sums + k * kBlock);
      }
  }
}

// Rows of one block of channels, gathered when they are first needed and kept while the kernel's rows pass over them.
template <typename Value>
class InputRows {
 public:
  explicit InputRows(const DepthwiseShape& shape)
      : shape_(shape),
        count_((shape.kernel_height - 1) * shape.dilation + 1),
        width_(std::max((shape.output_width - 1) * shape.stride_width + (shape.kernel_width - 1) * shape.dilation + 1,
                        shape.pad_left + shape.input_width)),
        rows_(hwy::AllocateAligned<float>(static_cast<size_t>(count_ * width_ * kBlock))) {
    // What is left and right of the picture stays zero.
    std::fill_n(rows_.get(), count_ * width_ * kBlock, 0.0F);
  }

  // `picture` begins at the block's first channel.
  void begin(const Value* picture, int64_t channels) {
    picture_ = picture;
    channels_ = channels;
    next_ = 0;
  }

  // Row y, from pad_left pixels left of the picture. Rows are asked for from top to bottom.
  const float* row(int64_t y) {
    next_ = std::max(next_, y - count_ + 1);
    for (; next_ <= y; ++next_) {
      gather_row(picture_ + next_ * shape_.input_width * shape_.channels, shape_.input_width, shape_.channels,
                 channels_, slot(next_) + shape_.pad_left * kBlock);
    }
    return slot(y);
  }

 private:
  float* slot(int64_t y) { return rows_.get() + y % count_ * width_ * kBlock; }

  const DepthwiseShape& shape_;
  int64_t count_;
  int64_t width_;
  hwy::AlignedFreeUniquePtr<float[]> rows_;
  const Value* picture_ = nullptr;
  int64_t channels_ = 0;
  int64_t next_ = 0;
};

// Adds images [begin, end) of the channels from `channel` on to sums [kernel_height, kernel_width, kBlock].
template <typename Value>
void add_images(const DepthwiseShape& shape, int64_t begin, int64_t end, int64_t channel, const Value* input,
                const Value* output_gradient, float* sums) {
  const int64_t count = std::min(kBlock, shape.channels - channel);
  const int64_t output_row = shape.output_width * shape.channels;
  InputRows<Value> rows(shape);
  const auto gradient = hwy::AllocateAligned<float>(static_cast<size_t>(shape.output_width * kBlock));
  for (int64_t n = begin; n < end; ++n) {
    rows.begin(input + n * shape.input_height * shape.input_width * shape.channels + channel, count);
    for (int64_t o = 0; o < shape.output_height; ++o) {
      gather_row(output_gradient + (n * shape.output_height + o) * output_row + channel, shape.output_width,
                 shape.channels, count, gradient.get());
      for (int64_t k = 0; k < shape.kernel_height; ++k) {
        const int64_t y = o * shape.stride_height + k * shape.dilation - shape.pad_top;
        if (y < 0 || y >= shape.input_height) continue;
        add_row(rows.row(y), gradient.get(), shape, sums + k * shape.kernel_width * kBlock);
      }
    }
  }
}

void add_float_images(const DepthwiseShape& shape, int64_t begin, int64_t end, int64_t channel, const float* input,
                      const float* output_gradient, float* sums) {
  add_images(shape, begin, end, channel, input, output_gradient, sums);
}
void add_bfloat16_images(const DepthwiseShape& shape, int64_t begin, int64_t end, int64_t channel,
                         const uint16_t* input, const uint16_t* output_gradient, float* sums) {
  add_images(shape, begin, end, channel, input, output_gradient, sums);
}

}  // namespace HWY_NAMESPACE
}  // namespace netwright
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace netwright {
namespace {

HWY_EXPORT(add_float_images);
HWY_EXPORT(add_bfloat16_images);

// As many parts of the batch at most, so that partial sums stay small and few channels still feed many threads.
constexpr int64_t kGroups = 8;

}  // namespace

DepthwiseKernelGradient::DepthwiseKernelGradient(const DepthwiseShape& shape)
    : shape_(shape), groups_(std::min(kGroups, shape.batch)), blocks_((shape.channels + kBlock - 1) / kBlock) {}

int64_t DepthwiseKernelGradient::block_size() const { return shape_.kernel_height * shape_.kernel_width * kBlock; }

template <typename Value>
void DepthwiseKernelGradient::run_task(int64_t task, const Value* input, const Value* output_gradient,
                                       float* partial) const {
  const int64_t group = task / blocks_;
  const int64_t begin = shape_.batch * group / groups_;
  const int64_t end = shape_.batch * (group + 1) / groups_;
  const int64_t channel = task % blocks_ * kBlock;
  const auto sums = hwy::AllocateAligned<float>(static_cast<size_t>(block_size()));
  std::fill_n(sums.get(), block_size(), 0.0F);
  if constexpr (std::is_same_v<Value, float>) {
    HWY_DYNAMIC_DISPATCH(add_float_images)(shape_, begin, end, channel, input, output_gradient, sums.get());
  } else {
    HWY_DYNAMIC_DISPATCH(add_bfloat16_images)(shape_, begin, end, channel, input, output_gradient, sums.get());
  }
  std::copy_n(sums.get(), block_size(), partial + task * block_size());
}

template void DepthwiseKernelGradient::run_task(int64_t, const float*, const float*, float*) const;
template void DepthwiseKernelGradient::run_task(int64_t, const uint16_t*, const uint16_t*, float*) const;

void DepthwiseKernelGradient::finish_block(int64_t block, const float* partial, float* gradient) const {
  const int64_t channel = block * kBlock;
  const int64_t count = std::min(kBlock, shape_.channels - channel);
  for (int64_t tap = 0; tap < shape_.kernel_height * shape_.kernel_width; ++tap) {
    float* to = gradient + tap * shape_.channels + channel;
    std::fill_n(to, count, 0.0F);
    for (int64_t group = 0; group < groups_; ++group) {
      const float* from = partial + (group * blocks_ + block) * block_size() + tap * kBlock;
      for (int64_t c = 0; c < count; ++c) to[c] += from[c];
    }
  }
}

}  // namespace netwright
#endif  // HWY_ONCE
