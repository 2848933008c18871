// TensorFlow's padding in terms of libtorch's, which pads both sides alike.
#pragma once

#include <array>
#include <cstdint>

#include "graph/operators.h"

namespace netwright::torch_backend {

// Padding along one axis as TensorFlow has it.
struct AxisPadding {
  int64_t before = 0;
  int64_t after = 0;
};

AxisPadding axis_padding(const Window& window, int64_t input, int64_t kernel, int64_t stride);

// A convolution with `padding` on both sides whose output begins `crop` rows or columns early: where SAME is uneven,
// the even padding that holds it gives the wanted rows after a few others. Cropping the output moves stride^2 times
// fewer bytes than padding the input.
struct ConvolutionGeometry {
  std::array<int64_t, 2> stride;
  std::array<int64_t, 2> padding;
  std::array<int64_t, 2> dilation;
  std::array<int64_t, 2> crop;
  std::array<int64_t, 2> output;       // the wanted height and width
  std::array<int64_t, 2> full_output;  // of the even convolution

  bool is_cropped() const { return output != full_output; }
};

ConvolutionGeometry convolution_geometry(const Window& window, int64_t height, int64_t width);

// A pooling as libtorch takes it: padding on both sides that no window counts, the last window past the edge or not
// (ceil_mode). Where its positions can't be TensorFlow's (an even window at stride 1), `extra` rows and columns must
// be put behind the picture.
struct PoolGeometry {
  std::array<int64_t, 2> kernel;
  std::array<int64_t, 2> stride;
  std::array<int64_t, 2> padding;
  std::array<int64_t, 2> extra;
  bool ceil_mode = false;

  bool is_extended() const { return extra[0] + extra[1] > 0; }
};

PoolGeometry pool_geometry(const Window& window, int64_t height, int64_t width);

}  // namespace netwright::torch_backend
