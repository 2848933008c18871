// Recipes against the originals' defaults (spec efficientnet 4 and 6.1, mnasnet 4 and 6).
#include "train/recipe.h"

#include <map>

#include "formats/support.h"

namespace netwright {
namespace {

using test::error_of;
using ::testing::HasSubstr;

std::map<std::string, Setting> settings_of(const Recipe& recipe, const ModelOptions& options = {}) {
  std::map<std::string, Setting> by_name;
  for (const Setting& setting : list_settings(recipe, options)) by_name[setting.name] = setting;
  return by_name;
}

TEST(Recipe, EfficientNetDefaults) {
  const Recipe recipe = make_recipe("efficientnet-b0", {}, {});
  EXPECT_EQ(recipe.batch.value, 2048);
  EXPECT_EQ(recipe.train_steps.value, 218949);
  EXPECT_EQ(recipe.optimizer.value, OptimizerKind::kRmsProp);
  EXPECT_DOUBLE_EQ(recipe.schedule().initial_rate, 0.128);
  EXPECT_NEAR(recipe.schedule().steps_per_epoch, 625.5698, 1e-4);
  EXPECT_EQ(warmup_steps(recipe.schedule()), 3127);
  EXPECT_NEAR(learning_rate(recipe.schedule(), 218948), 0.001545658, 1e-9);
  auto settings = settings_of(recipe);
  EXPECT_EQ(settings["dropout_rate"].value, "0.2");
  EXPECT_EQ(settings["survival_prob"].value, "0.8");
  EXPECT_EQ(settings["weight_decay"].source, "EfficientNet main.py --weight_decay");
}

TEST(Recipe, MnasNetDefaults) {
  const Recipe recipe = make_recipe("mnasnet-small", {}, {});
  EXPECT_EQ(recipe.batch.value, 1024);
  EXPECT_EQ(recipe.train_steps.value, 437898);
  EXPECT_DOUBLE_EQ(recipe.schedule().initial_rate, 0.064);
  // The trainer's 0.2 overrides the model's own 0; a rate that is asked for overrides both.
  EXPECT_EQ(settings_of(recipe)["dropout_rate"].value, "0.2");
  EXPECT_EQ(settings_of(recipe)["dropout_rate"].source, "MnasNet mnasnet_config.py --dropout_rate");
  ModelOptions options;
  options.dropout_rate = 0.0;
  const Recipe without = make_recipe("mnasnet-small", options, {});
  EXPECT_EQ(settings_of(without, options)["dropout_rate"].value, "0");
  EXPECT_EQ(settings_of(without, options)["dropout_rate"].source, "--dropout_rate");
}

TEST(Recipe, EverySettingOfEveryModelHasASource) {
  for (const ModelInfo& model : all_models()) {
    const Recipe recipe = make_recipe(model.name, {}, {});
    for (const Setting& setting : list_settings(recipe, {})) {
      EXPECT_FALSE(setting.value.empty()) << model.name << " " << setting.name;
      EXPECT_FALSE(setting.source.empty()) << model.name << " " << setting.name;
    }
  }
}

TEST(Recipe, OverridesSayWhereTheyComeFrom) {
  RecipeOverrides overrides;
  overrides.batch = 128;
  overrides.epochs = 2.0;
  overrides.train_images = 1000;
  overrides.images_from_data = true;
  overrides.eval_crop = "none";
  const Recipe recipe = make_recipe("mnasnet-a1", {}, overrides);
  EXPECT_EQ(recipe.train_steps.value, 15);  // 2 x 7.8125, truncated
  EXPECT_DOUBLE_EQ(recipe.schedule().initial_rate, 0.008);
  EXPECT_EQ(recipe.input.crop, CentreCrop::kNone);
  auto settings = settings_of(recipe);
  EXPECT_EQ(settings["batch"].source, "--batch");
  EXPECT_EQ(settings["train_steps"].source, "--epochs");
  EXPECT_EQ(settings["train_images"].source, "the data");
  EXPECT_EQ(settings["eval_crop"].source, "--eval_crop");
}

TEST(Recipe, RefusesContradictions) {
  const auto message = [](const RecipeOverrides& overrides) {
    return error_of([&] { make_recipe("efficientnet-b0", {}, overrides); });
  };
  EXPECT_EQ(message({.epochs = 1.0, .train_steps = 3}),
            "--epochs and --train_steps both say how long to train; give one of them");
  EXPECT_EQ(message({.lars_epsilon = 0.1}), "--lars_epsilon has no meaning without --optimizer=lars");
  EXPECT_EQ(message({.lr_schedule = "cosine", .lr_decay_factor = 0.9}),
            "--lr_decay_factor has no meaning without --lr_schedule=exponential");
  EXPECT_EQ(message({.optimizer = "adam"}), "optimizer \"adam\" is not known; there are rmsprop, momentum, sgd, lars");
  EXPECT_EQ(message({.batch = 0}), "batch is 0; it must be in [1, 1048576]");
  EXPECT_EQ(message({.precision = "fp64"}), "--precision=fp64 is for tests; train in fp32 or bf16");
  EXPECT_THAT(error_of([] { make_recipe("efficientnet-b9", {}, {}); }), HasSubstr("efficientnet-b0"));
}

// The background is class 0 where the originals say so.
TEST(Recipe, LabelsOfNetworksWithBackground) {
  EXPECT_EQ(default_label_base("amoebanet", 1001), 0);
  EXPECT_EQ(default_label_base("shrinkcnn", 1001), 0);
  EXPECT_EQ(default_label_base("amoebanet", 1000), 1);
  EXPECT_EQ(default_label_base("tunas", 1001), 1);
  EXPECT_EQ(default_label_base("efficientnet", 1000), 1);
}

}  // namespace
}  // namespace netwright
