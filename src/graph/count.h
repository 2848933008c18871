// What a network costs, counted from the graph alone.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/graph.h"

namespace netwright {

// For one image.
struct Cost {
  int64_t parameters = 0;        // elements of the trainable parameters
  int64_t moving = 0;            // elements of the moving statistics
  int64_t multiply_adds = 0;     // of convolutions, dense layers and the mixing of experts; nothing else counts
  int64_t activation_bytes = 0;  // of the value, in float32
  // What TensorFlow's old converter to TFLite estimates for the exported network, batch norms folded: half of it is
  // what the MnasNet papers' tables call multiply-adds (spec mnasnet 3.3). Twice the multiply-adds and 1 for each bias
  // or folded batch norm's output; for each output 1 in additions and multiplications, 64 in sigmoids and the like;
  // else 0.
  int64_t tflite_operations = 0;

  Cost& operator+=(const Cost& other);
  bool operator==(const Cost&) const = default;
};

// A convolution counts every position of its kernel, those that read padding too, as TensorFlow's statistics do (half
// of its "flops"). A parameter that several nodes use is counted at the first of them, by what that one uses of it.
std::vector<Cost> count_nodes(const Graph& graph);

// The sum over all nodes.
Cost count(const Graph& graph);

}  // namespace netwright
