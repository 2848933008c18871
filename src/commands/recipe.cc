// netwright recipe: every training setting of a model, its value and where it comes from.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/model_flags.h"
#include "commands/recipe_flags.h"
#include "formats/json_text.h"
#include "train/recipe.h"

namespace netwright {
namespace {

struct RecipeCommandOptions {
  ModelChoice model;
  RecipeOverrides overrides;
  bool json = false;
};

Flags declare(RecipeCommandOptions& o) {
  Flags flags({.usage = "recipe MODEL [flags]",
               .about = "Shows every setting that `netwright train` would use, and where it comes from.",
               .example = "netwright recipe efficientnet-b0 --batch=256"});
  declare_model_flags(flags, o.model);
  declare_recipe_flags(flags, o.overrides);
  flags.section("data");
  flags.add("train_images", o.overrides.train_images,
            {.help = "number of training images",
             .range = between(1, kMostImages),
             .origin = "efficientnet, mnasnet: --num_train_images",
             .rare = true});
  flags.add("eval_images", o.overrides.eval_images,
            {.help = "number of images for evaluation",
             .range = between(0, kMostImages),
             .origin = "efficientnet, mnasnet: --num_eval_images",
             .rare = true});
  flags.section("output");
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

void print_json(const std::vector<Setting>& settings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Setting& s : settings) list.push_back({{"name", s.name}, {"value", s.value}, {"source", s.source}});
  print("{}\n", json_text(list, 2));
}

void print_table(const std::vector<Setting>& settings) {
  size_t name_width = 0;
  size_t value_width = 0;
  for (const Setting& s : settings) {
    name_width = std::max(name_width, s.name.size());
    value_width = std::max(value_width, s.value.size());
  }
  for (const Setting& s : settings) print("{:<{}}  {:<{}}  {}\n", s.name, name_width, s.value, value_width, s.source);
}

}  // namespace

int run_recipe(CommandContext& context) {
  RecipeCommandOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  const Recipe recipe = make_recipe(options.model.name, options.model.options, options.overrides);
  const std::vector<Setting> settings = list_settings(recipe, options.model.options);
  if (options.json) {
    print_json(settings);
  } else {
    print_table(settings);
  }
  return 0;
}

}  // namespace netwright
