// The flags that choose a model and change it, declared once for all commands that build one.
#pragma once

#include <string>

#include "commands/flags.h"
#include "models/registry.h"

namespace netwright {

struct ModelChoice {
  std::string name;
  ModelOptions options;
};

// MODEL and the flags of ModelOptions; all but --classes and --image_size are rare ones.
void declare_model_flags(Flags& flags, ModelChoice& choice);

// What MODEL may be, for completion.
Offers model_offers(bool files = false);

// The flags alone, for commands that may learn the model from elsewhere.
void declare_model_options(Flags& flags, ModelOptions& options);

// The graph of the choice; throws Error as build_model.
inline Graph build_model(const ModelChoice& choice) { return build_model(choice.name, choice.options); }

}  // namespace netwright
