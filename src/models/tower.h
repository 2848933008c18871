// From a specification to a network: the MobileNet-like towers of TuNAS, stand-alone and as one network of a search.
//
// One builder makes both. A OneOf with one choice is built as that choice, with static widths and the stand-alone
// names: "Sequential/ParallelSum_3/Sequential/Sequential_1/DepthwiseConv2D/kernel". Where several choices are open, the
// network is one of a search: the variables of all alternatives are there, under the search's names ("Switch",
// "MaskedConv2D") and in their largest shapes, in the same order whatever is chosen; the nodes are those of the chosen
// alternatives only, and use the leading channels of the variables that they share. A chosen width of 16 out of 32
// reads the kernel's first 16 columns. Such batch norms have no moving statistics.
//
// Layers with a depthwise convolution are the graph's blocks; those of one BlockSpec are a stage.
#pragma once

#include <cstdint>
#include <string>

#include "graph/graph.h"
#include "models/choices.h"
#include "models/spec.h"

namespace netwright {

struct TowerOptions {
  std::string name;
  InputSpec input;
  int64_t classes = 1001;
  double dropout_rate = 0.0;  // before the classifier; 0: none
  double batch_norm_momentum = 0.99;
  double batch_norm_epsilon = 1e-3;
  Padding padding = Padding::kSame;
  // What is built for the specification's relu and sigmoid.
  ActivationKind relu = ActivationKind::kRelu;
  ActivationKind sigmoid = ActivationKind::kSigmoid;
};

// The specification must be a ConvTowerSpec. Endpoints: block_i, each block's output, and endpoint_i, the outputs that
// the specification marks for detectors. Throws Error that names the node by its path for what can't be built, and as
// `choices`.
Graph build_tower(const Spec& spec, Choices& choices, const TowerOptions& options);

}  // namespace netwright
