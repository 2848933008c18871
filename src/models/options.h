// What is done with ModelOptions: their list, and the checks that the families share.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "models/registry.h"

namespace netwright {

// Calls visit(name, member of ModelOptions) for every option: what writes, reads or merges them misses none.
template <typename Visitor>
void for_each_option(Visitor visit) {
  visit("classes", &ModelOptions::classes);
  visit("height", &ModelOptions::height);
  visit("width", &ModelOptions::width);
  visit("dropout_rate", &ModelOptions::dropout_rate);
  visit("survival_probability", &ModelOptions::survival_probability);
  visit("batch_norm_momentum", &ModelOptions::batch_norm_momentum);
  visit("batch_norm_epsilon", &ModelOptions::batch_norm_epsilon);
  visit("width_coefficient", &ModelOptions::width_coefficient);
  visit("depth_coefficient", &ModelOptions::depth_coefficient);
  visit("depth_multiplier", &ModelOptions::depth_multiplier);
  visit("depth_divisor", &ModelOptions::depth_divisor);
  visit("min_depth", &ModelOptions::min_depth);
  visit("use_keras", &ModelOptions::use_keras);
  visit("num_cells", &ModelOptions::num_cells);
  visit("reduction_size", &ModelOptions::reduction_size);
  visit("stem_reduction_size", &ModelOptions::stem_reduction_size);
  visit("use_aux_head", &ModelOptions::use_aux_head);
  visit("aux_scaling", &ModelOptions::aux_scaling);
  visit("timm", &ModelOptions::timm);
  visit("filters_multiplier", &ModelOptions::filters_multiplier);
  visit("strict", &ModelOptions::strict);
}

// Throws Error when an option is given that is neither among `known` nor one of those that every family knows (classes,
// height, width, batch_norm_momentum, batch_norm_epsilon).
void refuse_options_but(const ModelInfo& model, const ModelOptions& options,
                        std::initializer_list<std::string_view> known);

// What ImageNet's pictures are normalised with, of 255.
inline constexpr std::array<float, 3> kImageNetMean = {123.675F, 116.28F, 103.53F};
inline constexpr std::array<float, 3> kImageNetDeviation = {58.395F, 57.12F, 57.375F};

// What every family takes: classes, rates, batch norm's constants. Throws Error that names the value and its range.
void check_classes(std::string_view name, int64_t classes);
void check_dropout(std::string_view name, double rate);
void check_survival(std::string_view name, double survival);

// The model's input with the height and width that the options ask for.
InputSpec input_of(const ModelInfo& model, const ModelOptions& options, InputSpec input);

// What timm's and torchvision's convention sets (ModelOptions::timm).
inline constexpr double kTimmEpsilon = 1e-5;
inline constexpr double kTimmMomentum = 0.9;
InputSpec timm_input(InputSpec input);

}  // namespace netwright
