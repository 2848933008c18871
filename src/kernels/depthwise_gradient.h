// The gradient of a depthwise convolution's kernel on the CPU.
#pragma once

#include <cstdint>

namespace netwright {

// A depthwise convolution of NHWC pictures. Output position o along an axis reads the inputs
// o * stride + k * dilation - pad, k = 0, 1, ... kernel - 1; those outside are zero.
struct DepthwiseShape {
  int64_t batch = 0;
  int64_t channels = 0;
  int64_t input_height = 0;
  int64_t input_width = 0;
  int64_t output_height = 0;
  int64_t output_width = 0;
  int64_t kernel_height = 0;
  int64_t kernel_width = 0;
  int64_t stride_height = 1;
  int64_t stride_width = 1;
  int64_t dilation = 1;
  int64_t pad_top = 0;
  int64_t pad_left = 0;
};

// gradient[ky, kx, c] = sum over images and output positions of output_gradient x the input that it was multiplied by.
// The work falls into tasks by groups of images and blocks of channels, which the caller shares out among threads:
// first every task, then every block. The sums' order is fixed, so the result doesn't depend on the threads.
class DepthwiseKernelGradient {
 public:
  explicit DepthwiseKernelGradient(const DepthwiseShape& shape);

  int64_t tasks() const { return groups_ * blocks_; }
  int64_t blocks() const { return blocks_; }
  // Floats that the tasks leave for the blocks.
  int64_t partial_size() const { return tasks() * block_size(); }

  // `input` is [batch, input_height, input_width, channels], `output_gradient` the same of the output; float, or
  // bfloat16 as its 16 bits. `partial` has partial_size() floats.
  template <typename Value>
  void run_task(int64_t task, const Value* input, const Value* output_gradient, float* partial) const;
  // Writes the channels of one block of `gradient` [kernel_height, kernel_width, channels].
  void finish_block(int64_t block, const float* partial, float* gradient) const;

 private:
  int64_t block_size() const;

  DepthwiseShape shape_;
  int64_t groups_;
  int64_t blocks_;
};

}  // namespace netwright
