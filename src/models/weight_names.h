// What PyTorch's collections of models call the weights of a network, and how these lie there.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/sites.h"

namespace netwright {

// What a layer is called. In a name {stage}, {block}, {index}, {position} stand for the numbers of its Site and may
// have a number added, {stage+1}; {stages} and {blocks} count all of them.
struct LayerName {
  BlockForm form;  // kNone: whatever the form, also outside of blocks
  Layer layer;
  std::string_view conv;
  std::string_view norm;
  bool dense = false;  // a matrix there, [out, in], also where ours is a 1 x 1 convolution
};

// Names and layouts of PyTorch: OIHW kernels, [out, in] dense ones.
struct WeightConvention {
  std::string_view name;   // "timm"
  std::string_view where;  // who uses it, for people
  std::span<const LayerName> layers;
};

std::span<const WeightConvention> weight_conventions();
// Throws Error with the known names.
const WeightConvention& find_weight_convention(std::string_view name);

// A parameter of a graph as a convention has it.
struct ForeignTensor {
  std::string name;
  Shape shape;

  // Values from there in TensorFlow's layout, and back. Both spans have all elements.
  void to_ours(std::span<const float> foreign, std::span<float> target) const;
  void from_ours(std::span<const float> source, std::span<float> foreign) const;

  // How they lie: `outer` blocks (experts) of ours[0] x ... x ours[3] values; axis i there is axis order[i] of ours.
  int64_t outer = 1;
  std::array<int64_t, 4> ours = {1, 1, 1, 1};
  std::array<int, 4> order = {0, 1, 2, 3};
};

// By parameter. Null when the convention has no name for one of the graph's layers.
std::optional<std::vector<ForeignTensor>> foreign_tensors(const Graph& graph, const WeightConvention& convention);

// The batch norms' step counters, which only PyTorch keeps: NAME.num_batches_tracked.
inline constexpr std::string_view kCounterSuffix = ".num_batches_tracked";
std::vector<std::string> foreign_counters(const Graph& graph, const WeightConvention& convention);

}  // namespace netwright
