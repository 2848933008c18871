#include "models/tunas.h"

#include <array>

#include "core/error.h"
#include "models/choices.h"
#include "models/options.h"
#include "models/tower.h"

namespace netwright {
namespace {

constexpr std::string_view kFamily = "tunas";
constexpr int64_t kResolution = 224;
constexpr std::string_view kMobileNetV2 = "mobilenet_v2";
constexpr std::string_view kMobileNetV3 = "mobilenet_v3_large";

bool is_timms(std::string_view name) { return name == kMobileNetV2 || name == kMobileNetV3; }

}  // namespace

Graph build_tunas(std::string_view name, const Spec& spec, const ModelOptions& options, double dropout_rate) {
  const ModelInfo model = {.name = name, .family = kFamily, .resolution = kResolution};
  if (options.timm && !is_timms(name)) fail("{}: timm has no such network", name);
  refuse_options_but(model, options, {"dropout_rate", "filters_multiplier", "timm"});
  TowerOptions tower;
  tower.name = name;
  tower.input.resize = ResizeMethod::kBicubic;
  tower.input.crop = CentreCrop::kEfficientNet;
  tower.input.mean = kImageNetMean;
  tower.input.deviation = kImageNetDeviation;
  tower.input = input_of(model, options, tower.input);
  tower.classes = options.classes.value_or(tower.classes);
  tower.dropout_rate = options.dropout_rate.value_or(dropout_rate);
  if (options.timm.value_or(false)) {
    tower.padding = Padding::kSymmetric;
    tower.batch_norm_epsilon = kTimmEpsilon;
    tower.batch_norm_momentum = kTimmMomentum;
    tower.input = timm_input(tower.input);
    // The papers' activations, where TuNAS has plainer ones.
    if (name == kMobileNetV2) tower.relu = ActivationKind::kRelu6;
    if (name == kMobileNetV3) tower.sigmoid = ActivationKind::kHardSigmoid;
  }
  tower.batch_norm_momentum = options.batch_norm_momentum.value_or(tower.batch_norm_momentum);
  tower.batch_norm_epsilon = options.batch_norm_epsilon.value_or(tower.batch_norm_epsilon);
  NoChoices closed;
  return build_tower(scaled_spec(spec, options), closed, tower);
}

Spec scaled_spec(const Spec& spec, const ModelOptions& options) {
  if (!options.filters_multiplier) return spec;
  const std::array<double, 1> multipliers = {*options.filters_multiplier};
  return scale_widths(spec, multipliers);
}

double dropout_of(const SpaceDefinition& space) { return space.like_mobilenet_v3 ? 0.25 : 0.15; }

Spec member_spec(const SpaceDefinition& space, const std::vector<int64_t>& indices) {
  const Spec spec = space.build();
  check_indices(space.name, decisions(spec), indices);
  FixedChoices choices(indices);
  return prune(spec, choices);
}

const SpaceDefinition& space_of_model(const ModelInfo& model) {
  constexpr std::string_view kPrefix = "tunas-";
  std::string_view name = model.name;
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return space_of(name);
}

Graph build_named_tunas(const ModelInfo& model, const ModelOptions& options) {
  const SpaceDefinition& space = space_of_model(model);
  return build_tunas(model.name, space.build(), options, dropout_of(space));
}

}  // namespace netwright
