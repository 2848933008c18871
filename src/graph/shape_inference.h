// The shape of what an operator yields, and the check that it can be applied.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace netwright {

// One axis of a sliding window: how many positions it has and what padding it reads on either side.
struct WindowAxis {
  int64_t output = 0;
  int64_t before = 0;
  int64_t after = 0;
  bool operator==(const WindowAxis&) const = default;
};

// SAME is TensorFlow's: output = ceil(size / stride), total = max((output - 1) * stride + (kernel - 1) * dilation + 1 -
// size, 0), before = total / 2 rounded down (spec mnasnet 2.5). The output is below 1 when the window does not fit.
WindowAxis window_axis(int64_t size, int kernel, int stride, int dilation, Padding padding);

// The shape of `op` applied to inputs of these shapes. Throws Error that says what was given and what was expected:
// wrong number or rank of inputs, sizes below 1, windows that do not fit, parameters of the wrong shape, rates out of
// range. The caller adds the layer's name.
Shape infer_shape(const Operator& op, std::span<const Shape* const> inputs, std::span<const Parameter> parameters);

// Throws Error unless every dimension is at least 1 and the whole at most 2^40 elements; `what` begins the message.
void check_shape(const Shape& shape, std::string_view what);

}  // namespace netwright
