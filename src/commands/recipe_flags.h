// The flags that change a recipe, declared once for `recipe` and `train`.
#pragma once

#include "commands/flags.h"
#include "train/recipe.h"

namespace netwright {

// All of RecipeOverrides but the numbers of images.
void declare_recipe_flags(Flags& flags, RecipeOverrides& overrides);

}  // namespace netwright
