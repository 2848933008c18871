// Shapes of values and parameters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace netwright {

// Dimensions in TensorFlow's order. A value's shape leaves out the batch: [H, W, C] for a picture, [C] for a vector,
// [kh, kw, cin, cout] for the kernels that MixExperts gives each example. A parameter's shape is the variable's.
using Shape = std::vector<int64_t>;

int64_t element_count(const Shape& shape);
// "[3, 3, 32, 1]".
std::string to_string(const Shape& shape);

}  // namespace netwright
