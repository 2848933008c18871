// The gradient of a depthwise kernel against sums taken one by one in double.
#include "kernels/depthwise_gradient.h"

#include <bit>
#include <cmath>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "core/random.h"

namespace netwright {
namespace {

std::vector<float> noise(int64_t count, uint64_t stream) {
  RandomStream random(1, RandomPurpose::kTest, stream, 0);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = random.uniform() - 0.5F;
  return values;
}

// The upper halves, and in `values` what they stand for.
std::vector<uint16_t> cut_to_bfloat16(std::vector<float>& values) {
  std::vector<uint16_t> halves;
  for (float& value : values) {
    const uint32_t bits = std::bit_cast<uint32_t>(value);
    halves.push_back(static_cast<uint16_t>(bits >> 16));
    value = std::bit_cast<float>(bits & 0xFFFF0000U);
  }
  return halves;
}

struct Buffers {
  explicit Buffers(const DepthwiseShape& s)
      : input(noise(s.batch * s.input_height * s.input_width * s.channels, 1)),
        gradient(noise(s.batch * s.output_height * s.output_width * s.channels, 2)) {}
  std::vector<float> input;
  std::vector<float> gradient;
};

// Sums, and in `sizes` the sums of the terms' sizes.
std::vector<double> expected(const DepthwiseShape& s, const Buffers& buffers, std::vector<double>& sizes) {
  std::vector<double> sums(static_cast<size_t>(s.kernel_height * s.kernel_width * s.channels));
  sizes = sums;
  const auto each = [](int64_t count, const auto& body) {
    for (int64_t i = 0; i < count; ++i) body(i);
  };
  const auto add = [&](int64_t n, int64_t oy, int64_t ox, int64_t ky, int64_t kx) {
    const int64_t y = oy * s.stride_height + ky * s.dilation - s.pad_top;
    const int64_t x = ox * s.stride_width + kx * s.dilation - s.pad_left;
    if (y < 0 || y >= s.input_height || x < 0 || x >= s.input_width) return;
    for (int64_t c = 0; c < s.channels; ++c) {
      const double term =
          static_cast<double>(buffers.input[((n * s.input_height + y) * s.input_width + x) * s.channels + c]) *
          buffers.gradient[((n * s.output_height + oy) * s.output_width + ox) * s.channels + c];
      const auto at = static_cast<size_t>((ky * s.kernel_width + kx) * s.channels + c);
      sums[at] += term;
      sizes[at] += std::abs(term);
    }
  };
  each(s.batch, [&](int64_t n) {
    each(s.output_height, [&](int64_t oy) {
      each(s.output_width, [&](int64_t ox) {
        each(s.kernel_height, [&](int64_t ky) { each(s.kernel_width, [&](int64_t kx) { add(n, oy, ox, ky, kx); }); });
      });
    });
  });
  return sums;
}

template <typename Value>
std::vector<float> computed(const DepthwiseShape& shape, const std::vector<Value>& input,
                            const std::vector<Value>& gradient) {
  const DepthwiseKernelGradient kernel(shape);
  std::vector<float> partial(static_cast<size_t>(kernel.partial_size()), NAN);
  std::vector<float> out(static_cast<size_t>(shape.kernel_height * shape.kernel_width * shape.channels), NAN);
  for (int64_t task = kernel.tasks(); task-- > 0;) kernel.run_task(task, input.data(), gradient.data(), partial.data());
  for (int64_t block = 0; block < kernel.blocks(); ++block) kernel.finish_block(block, partial.data(), out.data());
  return out;
}

void expect_near(const std::vector<float>& sums, const std::vector<double>& right, const std::vector<double>& sizes) {
  for (size_t i = 0; i < right.size(); ++i) ASSERT_NEAR(sums[i], right[i], 1e-6 * sizes[i] + 1e-12) << i;
}

class DepthwiseGradient : public ::testing::TestWithParam<DepthwiseShape> {};

TEST_P(DepthwiseGradient, EqualsTheSum) {
  const DepthwiseShape shape = GetParam();
  Buffers buffers(shape);
  std::vector<double> sizes;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    SCOPED_TRACE(hwy::TargetName(target));
    const std::vector<double> right = expected(shape, buffers, sizes);
    expect_near(computed(shape, buffers.input, buffers.gradient), right, sizes);
    Buffers cut = buffers;
    const std::vector<uint16_t> input = cut_to_bfloat16(cut.input);
    const std::vector<uint16_t> gradient = cut_to_bfloat16(cut.gradient);
    const std::vector<double> right_of_cut = expected(shape, cut, sizes);
    expect_near(computed(shape, input, gradient), right_of_cut, sizes);
  }
  hwy::SetSupportedTargetsForTest(0);
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, DepthwiseGradient,
    ::testing::Values(
        // batch, channels, input, output, kernel, strides, dilation, padding
        DepthwiseShape{2, 32, 6, 7, 6, 7, 3, 3, 1, 1, 1, 1, 1}, DepthwiseShape{9, 40, 5, 5, 5, 5, 5, 5, 1, 1, 1, 2, 2},
        DepthwiseShape{1, 3, 9, 8, 5, 4, 5, 5, 2, 2, 1, 2, 1}, DepthwiseShape{3, 67, 7, 7, 4, 4, 3, 3, 2, 2, 1, 1, 1},
        DepthwiseShape{1, 33, 4, 4, 4, 4, 7, 7, 1, 1, 1, 3, 3}, DepthwiseShape{2, 16, 6, 6, 6, 6, 9, 9, 1, 1, 1, 4, 4},
        DepthwiseShape{2, 5, 8, 9, 8, 9, 3, 3, 1, 1, 2, 2, 2}, DepthwiseShape{1, 64, 6, 6, 2, 2, 2, 2, 3, 3, 1, 0, 0},
        DepthwiseShape{2, 20, 11, 12, 6, 6, 11, 1, 2, 2, 1, 5, 0},
        DepthwiseShape{1, 7, 1, 1, 1, 1, 5, 5, 1, 1, 1, 2, 2}),
    [](const auto& info) {
      const DepthwiseShape& s = info.param;
      return fmt::format("{}x{}_stride{}_dilation{}_{}x{}x{}", s.kernel_height, s.kernel_width, s.stride_height,
                         s.dilation, s.input_height, s.input_width, s.channels);
    });

}  // namespace
}  // namespace netwright
