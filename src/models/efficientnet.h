// EfficientNet: B0 to B8, L2, Lite, EdgeTPU, CondConv, X and H (spec efficientnet 2).
#pragma once

#include <string>
#include <vector>

#include "models/block_string.h"
#include "models/registry.h"

namespace netwright {

// Everything that shapes a network of this family; build_model fills it in from a name.
struct EfficientNetParams {
  std::string name;
  std::vector<BlockSpec> stages;
  int64_t stem_filters = 32;
  int64_t head_filters = 1280;
  double width_coefficient = 1.0;  // 0: no rounding either
  double depth_coefficient = 1.0;  // 0: as the stages say
  int64_t depth_divisor = 8;
  int64_t min_depth = 0;       // 0: the divisor
  bool fix_head_stem = false;  // Lite: stem, head and the first and last stage's repeats are not scaled
  bool squeeze_excite = true;
  bool local_pooling = false;  // Lite, EdgeTPU: the pooled features keep their dimensions [1, 1, C]
  ActivationKind activation = ActivationKind::kSwish;
  double se_coefficient = 1.0;        // times each stage's ratio
  int experts = 0;                    // of the stages marked "cc"
  double dropout_rate = 0.2;          // 0: none
  double survival_probability = 0.8;  // drop-connect of the last block, see block_survival; 0 or 1: none
  double batch_norm_momentum = 0.99;
  double batch_norm_epsilon = 1e-3;
  bool timm = false;  // the convention of ModelOptions::timm, without its batch norm's constants and input
  int64_t classes = 1000;
  InputSpec input;
};

// Endpoints (spec 2.4): stem, block_i, block_i/expansion_output, reduction_k, reduction_k/expansion_output, features,
// head_1x1, pooled_features, global_pool, head. Throws Error for parameters that no network can have.
Graph build_efficientnet(const EfficientNetParams& params);

// The registry's builder.
Graph build_named_efficientnet(const ModelInfo& model, const ModelOptions& options);

}  // namespace netwright
