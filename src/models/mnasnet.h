// MnasNet: A1, B1, Small, D1 and D1-320 at any width; and the builder that MixNet shares (spec mnasnet 2).
#pragma once

#include <string>
#include <vector>

#include "models/block_string.h"
#include "models/registry.h"

namespace netwright {

// How a family names its scopes.
struct MnasNetScopes {
  std::string_view layers = "mnas_";          // before "stem", "blocks_3", "head"
  std::string_view keras = "mnas_net_model";  // of the Keras layers, below the network's own
  bool depthwise_is_keras = false;            // in the other style as well
};

// Everything that shapes a network of this family; build_model fills it in from a name.
struct MnasNetParams {
  std::string name;
  std::vector<BlockSpec> stages;
  int64_t stem_filters = 32;
  int64_t head_filters = 1280;    // never scaled
  double depth_multiplier = 0.0;  // of the widths, see round_filters; 0: none, and no rounding
  int64_t depth_divisor = 8;
  int64_t min_depth = 0;      // 0: the divisor
  double dropout_rate = 0.2;  // 0: none
  double batch_norm_momentum = 0.99;
  double batch_norm_epsilon = 1e-3;
  bool use_keras = true;  // the naming style of all but the batch norms (spec 2.7)
  MnasNetScopes scopes;
  bool timm = false;  // the convention of ModelOptions::timm, without its batch norm's constants and input
  int64_t classes = 1000;
  InputSpec input;
};

// Endpoints (spec 2.5): stem, block_i, block_i/expansion_output, reduction_j, reduction_j/expansion_output, global_pool
// (the last block's output, as the original calls it), head. Throws Error for parameters that no network can have.
Graph build_mnasnet(const MnasNetParams& params);

// The same with what the options ask for.
Graph build_mnasnet(const ModelInfo& model, const ModelOptions& options, MnasNetParams params);

// The registry's builder.
Graph build_named_mnasnet(const ModelInfo& model, const ModelOptions& options);

}  // namespace netwright
