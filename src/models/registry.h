// Every architecture by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace netwright {

// What may be asked of a named model beyond its name. What is not set is the model's own value; what a family does not
// know is an Error that says so.
struct ModelOptions {
  std::optional<int64_t> classes;  // 1000 or 1001, as the original, when not set
  std::optional<int64_t> height;   // the model's resolution when not set
  std::optional<int64_t> width;
  std::optional<double> dropout_rate;
  std::optional<double> survival_probability;  // drop-connect: EfficientNet; drop-path: AmoebaNet
  std::optional<double> batch_norm_momentum;
  std::optional<double> batch_norm_epsilon;
  std::optional<double> width_coefficient;  // EfficientNet
  std::optional<double> depth_coefficient;  // EfficientNet
  std::optional<double> depth_multiplier;   // MnasNet, MixNet: widths
  std::optional<double> depth_divisor;
  std::optional<double> min_depth;
  std::optional<bool> use_keras;               // MnasNet, MixNet: the naming style
  std::optional<int64_t> num_cells;            // AmoebaNet
  std::optional<int64_t> reduction_size;       // AmoebaNet
  std::optional<int64_t> stem_reduction_size;  // AmoebaNet
  std::optional<bool> use_aux_head;            // AmoebaNet
  std::optional<double> aux_scaling;           // AmoebaNet
  // EfficientNet, MnasNet, MixNet, MobileNet: the convention of timm and torchvision: padding that is even on both
  // sides, epsilon 1e-5, momentum 0.9, Bessel's correction, residuals by the channels that arrive, ImageNet's
  // normalisation.
  std::optional<bool> timm;
  std::optional<double> filters_multiplier;  // TuNAS: widths
  std::optional<bool> strict;                // layer files: what the original passes over is an error

  bool operator==(const ModelOptions&) const = default;
};

// One row of the registry.
struct ModelInfo {
  std::string_view name;    // as the original calls it: "efficientnet-b0"
  std::string_view family;  // "efficientnet", "mnasnet", "mixnet", "amoebanet", "shrinkcnn", "tunas"
  int64_t resolution;       // pixels
  double published_top1;    // percent on ImageNet; 0: none is published
  std::string_view source;  // of that figure
  Graph (*build)(const ModelInfo& model, const ModelOptions& options);
};

// All models, in the order in which they are listed.
std::span<const ModelInfo> all_models();

// By any common spelling: "efficientnet-b0", "efficientnet_b0", "EfficientNetB0". Throws Error with the nearest names.
const ModelInfo& find_model(std::string_view name);

// The same; nullptr when there is none.
const ModelInfo* find_registered(std::string_view name);

// The network of anything that resolve_model understands (resolve.h): a name, indices of a space, a file.
Graph build_model(std::string_view name, const ModelOptions& options = {});

}  // namespace netwright
