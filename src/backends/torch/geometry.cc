#include "backends/torch/geometry.h"

#include <algorithm>

#include "graph/shape_inference.h"

namespace netwright::torch_backend {

AxisPadding axis_padding(const Window& window, int64_t input, int64_t kernel, int64_t stride) {
  const int64_t reach = (kernel - 1) * window.dilation + 1;
  switch (window.padding) {
    case Padding::kValid:
      return {};
    case Padding::kSymmetric:
      return {(reach - 1) / 2, (reach - 1) / 2};
    case Padding::kSame:
      break;
  }
  const int64_t output = (input + stride - 1) / stride;
  const int64_t total = std::max<int64_t>((output - 1) * stride + reach - input, 0);
  return {total / 2, total - total / 2};
}

ConvolutionGeometry convolution_geometry(const Window& window, int64_t height, int64_t width) {
  ConvolutionGeometry geometry{{window.stride_h, window.stride_w}, {}, {window.dilation, window.dilation}, {}, {}, {}};
  const std::array<int64_t, 2> input = {height, width};
  const std::array<int64_t, 2> kernel = {window.kernel_h, window.kernel_w};
  for (size_t axis = 0; axis < 2; ++axis) {
    const int64_t stride = geometry.stride[axis];
    const int64_t reach = (kernel[axis] - 1) * window.dilation + 1;
    const AxisPadding wanted = axis_padding(window, input[axis], kernel[axis], stride);
    int64_t padding = wanted.before;
    while (padding < wanted.after) padding += stride;
    geometry.padding[axis] = padding;
    geometry.crop[axis] = (padding - wanted.before) / stride;
    geometry.output[axis] = (input[axis] + wanted.before + wanted.after - reach) / stride + 1;
    geometry.full_output[axis] = (input[axis] + 2 * padding - reach) / stride + 1;
  }
  return geometry;
}

PoolGeometry pool_geometry(const Window& window, int64_t height, int64_t width) {
  PoolGeometry geometry{{window.kernel_h, window.kernel_w}, {window.stride_h, window.stride_w}, {}, {}};
  const std::array<int64_t, 2> input = {height, width};
  std::array<WindowAxis, 2> axes;
  for (size_t axis = 0; axis < 2; ++axis) {
    axes[axis] = window_axis(input[axis], static_cast<int>(geometry.kernel[axis]),
                             static_cast<int>(geometry.stride[axis]), 1, window.padding);
    geometry.padding[axis] = axes[axis].before;
  }
  const auto gives = [&](bool ceil_mode) {
    for (size_t axis = 0; axis < 2; ++axis) {
      const int64_t stride = geometry.stride[axis];
      const int64_t room = input[axis] + 2 * axes[axis].before - geometry.kernel[axis];
      int64_t output = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
      // libtorch's last window begins inside the picture.
      if (ceil_mode && (output - 1) * stride >= input[axis] + axes[axis].before) --output;
      if (room < 0 || output != axes[axis].output) return false;
    }
    return true;
  };
  geometry.ceil_mode = !gives(false) && gives(true);
  if (gives(geometry.ceil_mode)) return geometry;
  for (size_t axis = 0; axis < 2; ++axis) geometry.extra[axis] = axes[axis].after - axes[axis].before;
  return geometry;
}

}  // namespace netwright::torch_backend
