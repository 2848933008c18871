// Recipes: every setting of a training run, its value and where it comes from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/augment.h"
#include "engine/lower_options.h"
#include "graph/graph.h"
#include "models/registry.h"
#include "train/optimizer.h"
#include "train/schedule.h"

namespace netwright {

// One line of a recipe as people read it.
struct Setting {
  std::string name;
  std::string value;
  std::string source;  // "EfficientNet main.py --weight_decay", "--batch" (the command line), "the data", ...
};

// A value and where it comes from.
template <typename T>
struct Chosen {
  T value{};
  std::string source;
};

// What may be changed of a family's recipe; what is not set stays. Ranges are checked by make_recipe.
struct RecipeOverrides {
  std::optional<int64_t> batch;
  std::optional<double> epochs;        // of the length one only:
  std::optional<int64_t> train_steps;  // epochs or steps
  std::optional<int64_t> train_images;
  std::optional<int64_t> eval_images;
  bool images_from_data = false;  // the counts above come from the data, not from the user
  std::optional<std::string> optimizer;
  std::optional<double> lars_weight_decay;
  std::optional<double> lars_epsilon;
  std::optional<double> base_learning_rate;
  std::optional<std::string> lr_schedule;
  std::optional<double> lr_decay_factor;
  std::optional<double> lr_decay_epochs;
  std::optional<double> lr_warmup_epochs;
  std::optional<double> weight_decay;
  std::optional<double> label_smoothing;
  std::optional<double> average_decay;
  std::optional<std::string> train_crop;
  std::optional<bool> flip;
  std::optional<int64_t> shift;
  std::optional<std::string> eval_crop;
  std::optional<std::string> resize;
  std::optional<std::string> precision;
};

// Which label of ImageNet's TFRecords, where the classes are 1 to 1000, is a network's class 0: 1; but AmoebaNet and
// AutoShrink give 1001 classes to a network, of which 0 is the background, and take the labels as they are.
int64_t default_label_base(std::string_view family, int64_t classes);

struct Recipe {
  std::string model;           // as the registry calls it
  ModelOptions model_options;  // with what the recipe adds (MnasNet's dropout)
  InputSpec input;             // the model's, with the overrides of crop and resize

  Chosen<int64_t> batch;         // images a step
  Chosen<int64_t> train_images;  // an epoch
  Chosen<int64_t> eval_images;
  Chosen<double> epochs;
  Chosen<int64_t> train_steps;
  Chosen<OptimizerKind> optimizer;
  Chosen<double> lars_weight_decay;
  Chosen<double> lars_epsilon;
  Chosen<double> base_learning_rate;  // for 256 images
  Chosen<ScheduleKind> lr_schedule;
  Chosen<double> lr_decay_factor;
  Chosen<double> lr_decay_epochs;
  Chosen<double> lr_warmup_epochs;
  Chosen<double> weight_decay;
  Chosen<double> label_smoothing;
  Chosen<double> average_decay;  // of the moving averages; 0: none are kept
  Chosen<TrainCrop> train_crop;
  Chosen<bool> flip;
  Chosen<int64_t> shift;  // pixels
  Chosen<CentreCrop> eval_crop;
  Chosen<ResizeMethod> resize;
  Chosen<Precision> precision;

  ScheduleSettings schedule() const;
  OptimizerSettings optimizer_settings() const;
  TrainAugment augment() const;
  bool keeps_averages() const { return average_decay.value > 0.0; }
};

// The recipe of the family of the model `name`, changed as asked: `options` go to the model, `o` to the rest. The
// length is `epochs` x images / batch steps, truncated, 350 epochs unless asked. Throws Error for an unknown model, a
// value out of range, and combinations that contradict each other.
Recipe make_recipe(std::string_view name, const ModelOptions& options, const RecipeOverrides& o);

// What a recipe's numbers may be at most.
inline constexpr double kMostImages = 1e15;
inline constexpr double kMostSteps = 1e15;
inline constexpr double kMostEpochs = 1e9;
inline constexpr double kMostRate = 1e6;
inline constexpr double kLeastDecayEpochs = 1e-9;

// The label of the first of so many class names: 1 where a network has a class for the background and they don't name
// it. `label_base` is the network's own.
int64_t first_named_label(int64_t label_base, int64_t classes, size_t names);

// All settings in the order in which a person reads them, derived ones included. `options` are what the user asked of
// the model.
std::vector<Setting> list_settings(const Recipe& recipe, const ModelOptions& options);

std::string_view to_string(OptimizerKind kind);
std::string_view to_string(TrainCrop crop);
std::string_view to_string(CentreCrop crop);
std::string_view to_string(ResizeMethod method);
// Throw Error that lists what is known.
OptimizerKind parse_optimizer(std::string_view text);
TrainCrop parse_train_crop(std::string_view text);
CentreCrop parse_centre_crop(std::string_view text);
ResizeMethod parse_resize(std::string_view text);

}  // namespace netwright
