// Names of other collections: timm's, which stand for one of our networks with their own conventions.
#pragma once

#include <optional>
#include <string_view>

#include "models/registry.h"

namespace netwright {

struct ModelAlias {
  std::string_view name;   // as timm spells it: "efficientnet_b0", "tf_efficientnet_b0"
  std::string_view model;  // of the registry
  ModelOptions options;    // what the name says beside it
};

// Exactly as timm spells it, in lower case with "_": those that begin with "tf_" are TensorFlow's networks, the others
// have the convention of ModelOptions::timm. Null when the name is none of timm's.
std::optional<ModelAlias> find_alias(std::string_view name);

// `asked` where it says something, else the alias.
ModelOptions with_alias(const ModelOptions& asked, const ModelAlias& alias);

}  // namespace netwright
