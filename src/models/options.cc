#include "models/options.h"

#include "core/error.h"

namespace netwright {

void refuse_option(const ModelInfo& model, std::string_view option, bool given) {
  if (given) fail("{}: there is no {} in the family {}", model.name, option, model.family);
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

InputSpec input_of(const ModelInfo& model, const ModelOptions& options, InputSpec input) {
  input.height = options.height.value_or(model.resolution);
  input.width = options.width.value_or(model.resolution);
  return input;
}

}  // namespace netwright
