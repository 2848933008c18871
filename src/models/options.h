// Checks of ModelOptions that the families share.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/registry.h"

namespace netwright {

// Throws Error when the option is `given`, since `model`'s family does not know it.
void refuse_option(const ModelInfo& model, std::string_view option, bool given);

// What every family takes: classes, rates, batch norm's constants. Throws Error that names the value and its range.
void check_classes(std::string_view name, int64_t classes);
void check_dropout(std::string_view name, double rate);
void check_survival(std::string_view name, double survival);

// The model's input with the height and width that the options ask for.
InputSpec input_of(const ModelInfo& model, const ModelOptions& options, InputSpec input);

}  // namespace netwright
