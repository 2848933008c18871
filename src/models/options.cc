#include "models/options.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace netwright {

void refuse_options_but(const ModelInfo& model, const ModelOptions& options,
                        std::initializer_list<std::string_view> known) {
  static constexpr std::array<std::string_view, 5> kCommon = {"classes", "height", "width", "batch_norm_momentum",
                                                              "batch_norm_epsilon"};
  for_each_option([&](std::string_view name, auto option) {
    const bool is_known = std::find(kCommon.begin(), kCommon.end(), name) != kCommon.end() ||
                          std::find(known.begin(), known.end(), name) != known.end();
    if (options.*option && !is_known) fail("{}: there is no {} in the family {}", model.name, name, model.family);
  });
}

void check_classes(std::string_view name, int64_t classes) {
  constexpr int64_t kMostClasses = 10'000'000;
  if (classes < 1 || classes > kMostClasses) {
    fail("{}: {} classes, expected 1 to {}", name, classes, kMostClasses);
  }
}

void check_dropout(std::string_view name, double rate) {
  if (!(rate >= 0.0 && rate < 1.0)) fail("{}: dropout rate {}, expected at least 0 (off) and below 1", name, rate);
}

void check_survival(std::string_view name, double survival) {
  if (!(survival >= 0.0 && survival <= 1.0)) {
    fail("{}: survival probability {}, expected 0 (off) to 1", name, survival);
  }
}

InputSpec timm_input(InputSpec input) {
  input.mean = kImageNetMean;
  input.deviation = kImageNetDeviation;
  input.resize = ResizeMethod::kPillowBicubic;
  input.crop = CentreCrop::kMnasNet;  // timm's fractions at each size are this rule's
  return input;
}

InputSpec input_of(const ModelInfo& model, const ModelOptions& options, InputSpec input) {
  input.height = options.height.value_or(model.resolution);
  input.width = options.width.value_or(model.resolution);
  return input;
}

}  // namespace netwright
