#include "train/recipe.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "core/text.h"
#include "models/layer_network.h"
#include "models/resolve.h"

namespace netwright {
namespace {

// What differs between the programs that trained the families.
struct FamilyRecipe {
  std::string_view family;
  std::string_view program;
  int64_t batch;
  std::optional<double> dropout;   // overrides the model's own rate (spec mnasnet 6.3)
  std::optional<double> survival;  // drop-connect, where the family has it
};

constexpr std::array<FamilyRecipe, 3> kFamilies = {{
    {"efficientnet", "EfficientNet main.py", 2048, std::nullopt, 0.8},
    {"mnasnet", "MnasNet mnasnet_config.py", 1024, 0.2, std::nullopt},
    {"mixnet", "MnasNet mnasnet_config.py", 1024, 0.2, std::nullopt},
}};

constexpr std::string_view kOurs = "netwright";
constexpr std::string_view kData = "the data";
constexpr std::string_view kModel = "the model";
constexpr std::string_view kUtils = "EfficientNet utils.py";  // both programs' schedules and optimisers
constexpr std::string_view kInput = "imagenet_input.py";

constexpr double kEpochs = 350.0;  // 218949 steps of 2048, 437898 steps of 1024 images
constexpr double kBaseBatch = 256.0;

// A family without a recipe of its own is trained as the first.
const FamilyRecipe& recipe_of_family(std::string_view family) {
  const auto* found =
      std::find_if(kFamilies.begin(), kFamilies.end(), [&](const FamilyRecipe& f) { return f.family == family; });
  return found == kFamilies.end() ? kFamilies.front() : *found;
}

template <typename Kind>
struct Named {
  Kind kind;
  std::string_view name;
};
constexpr std::array<Named<OptimizerKind>, 4> kOptimizers = {{{OptimizerKind::kRmsProp, "rmsprop"},
                                                              {OptimizerKind::kMomentum, "momentum"},
                                                              {OptimizerKind::kSgd, "sgd"},
                                                              {OptimizerKind::kLars, "lars"}}};
constexpr std::array<Named<TrainCrop>, 2> kTrainCrops = {
    {{TrainCrop::kRandomResized, "random"}, {TrainCrop::kNone, "none"}}};
constexpr std::array<Named<CentreCrop>, 4> kCentreCrops = {{{CentreCrop::kEfficientNet, "efficientnet"},
                                                            {CentreCrop::kMnasNet, "mnasnet"},
                                                            {CentreCrop::kCentral, "central"},
                                                            {CentreCrop::kNone, "none"}}};
constexpr std::array<Named<ResizeMethod>, 3> kResizes = {{{ResizeMethod::kBilinear, "bilinear"},
                                                          {ResizeMethod::kBicubic, "bicubic"},
                                                          {ResizeMethod::kPillowBicubic, "pillow-bicubic"}}};

template <typename Kind, size_t N>
std::string_view name_in(const std::array<Named<Kind>, N>& table, Kind kind) {
  for (const Named<Kind>& row : table) {
    if (row.kind == kind) return row.name;
  }
  return "";
}

template <typename Kind, size_t N>
Kind find_in(const std::array<Named<Kind>, N>& table, std::string_view what, std::string_view text) {
  std::vector<std::string> known;
  for (const Named<Kind>& row : table) {
    if (row.name == text) return row.kind;
    known.emplace_back(row.name);
  }
  fail("{} \"{}\" is not known; there are {}", what, text, join(known, ", "));
}

template <typename T>
void override_with(Chosen<T>& setting, const std::optional<T>& given, std::string_view flag) {
  if (given) setting = {*given, std::string(flag)};
}

template <typename T, typename Parse>
void override_with(Chosen<T>& setting, const std::optional<std::string>& given, std::string_view flag, Parse parse) {
  if (given) setting = {parse(*given), std::string(flag)};
}

void refuse_unless(bool sound, std::string_view flag, bool given, std::string_view reason) {
  if (given && !sound) fail("--{} has no meaning {}", flag, reason);
}

void check_range(std::string_view name, double value, double low, double high) {
  if (!(value >= low && value <= high)) fail("{} is {}; it must be in [{}, {}]", name, value, low, high);
}

void check_combinations(const RecipeOverrides& o, const Recipe& recipe) {
  if (o.epochs && o.train_steps) fail("--epochs and --train_steps both say how long to train; give one of them");
  const bool lars = recipe.optimizer.value == OptimizerKind::kLars;
  refuse_unless(lars, "lars_weight_decay", o.lars_weight_decay.has_value(), "without --optimizer=lars");
  refuse_unless(lars, "lars_epsilon", o.lars_epsilon.has_value(), "without --optimizer=lars");
  const bool stairs = recipe.lr_schedule.value == ScheduleKind::kExponential;
  refuse_unless(stairs, "lr_decay_factor", o.lr_decay_factor.has_value(), "without --lr_schedule=exponential");
  refuse_unless(stairs, "lr_decay_epoch", o.lr_decay_epochs.has_value(), "without --lr_schedule=exponential");
}

void check_values(const Recipe& r) {
  check_range("eval_images", static_cast<double>(r.eval_images.value), 0, kMostImages);
  check_range("train_steps", static_cast<double>(r.train_steps.value), 1, kMostSteps);
  check_range("base_learning_rate", r.base_learning_rate.value, 0, kMostRate);
  check_range("lr_decay_factor", r.lr_decay_factor.value, 0, 1);
  check_range("lr_decay_epoch", r.lr_decay_epochs.value, kLeastDecayEpochs, kMostEpochs);
  check_range("lr_warmup_epochs", r.lr_warmup_epochs.value, 0, kMostEpochs);
  check_range("weight_decay", r.weight_decay.value, 0, kMostRate);
  check_range("label_smoothing", r.label_smoothing.value, 0, 1);
  check_range("moving_average_decay", r.average_decay.value, 0, 1);
  check_range("shift", static_cast<double>(r.shift.value), 0, static_cast<double>(r.input.height - 1));
  if (r.precision.value == Precision::kFloat64) fail("--precision=fp64 is for tests; train in fp32 or bf16");
}

// The family's settings before anything is overridden.
Recipe family_defaults(const ResolvedModel& model, const Graph& graph) {
  const FamilyRecipe& family = recipe_of_family(model.family);
  const auto flag = [&](std::string_view name) { return fmt::format("{} --{}", family.program, name); };
  const std::string utils(kUtils);
  Recipe r;
  r.model = model.name;
  r.input = graph.input_spec();
  r.batch = {family.batch, flag("train_batch_size")};
  r.train_images = {1281167, flag("num_train_images")};
  r.eval_images = {50000, flag("num_eval_images")};
  r.epochs = {kEpochs, flag("train_steps")};
  r.optimizer = {OptimizerKind::kRmsProp, utils + " build_optimizer"};
  r.lars_weight_decay = {1e-5, flag("lars_weight_decay")};
  r.lars_epsilon = {0.0, flag("lars_epsilon")};
  r.base_learning_rate = {0.016, flag("base_learning_rate")};
  r.lr_schedule = {ScheduleKind::kExponential, utils + " build_learning_rate"};
  r.lr_decay_factor = {0.97, utils + " build_learning_rate"};
  r.lr_decay_epochs = {2.4, utils + " build_learning_rate"};
  r.lr_warmup_epochs = {5.0, utils + " build_learning_rate"};
  r.weight_decay = {1e-5, flag("weight_decay")};
  r.label_smoothing = {0.1, flag("label_smoothing")};
  if (model.layers) r.label_smoothing = {label_smoothing(*model.layers), std::string(kModel)};
  r.average_decay = {0.9999, flag("moving_average_decay")};
  r.train_crop = {TrainCrop::kRandomResized, std::string(kInput)};
  r.flip = {true, std::string(kInput)};
  r.shift = {0, std::string(kInput)};
  r.eval_crop = {r.input.crop, std::string(kModel)};
  r.resize = {r.input.resize, std::string(kModel)};
  r.precision = {Precision::kFloat32, std::string(kOurs)};
  return r;
}

void set_length(Recipe& r, const RecipeOverrides& o) {
  check_range("batch", static_cast<double>(r.batch.value), 1, 1 << 20);
  check_range("train_images", static_cast<double>(r.train_images.value), 1, kMostImages);
  const double steps_per_epoch = static_cast<double>(r.train_images.value) / static_cast<double>(r.batch.value);
  override_with(r.epochs, o.epochs, "--epochs");
  if (o.epochs) check_range("epochs", *o.epochs, 0, kMostEpochs);
  if (o.train_steps) {
    r.train_steps = {*o.train_steps, "--train_steps"};
    r.epochs = {static_cast<double>(*o.train_steps) / steps_per_epoch, "--train_steps"};
  } else {
    const double steps = r.epochs.value * steps_per_epoch;
    check_range("epochs x images / batch", steps, 0, kMostSteps);  // what doesn't fit can't be converted
    r.train_steps = {std::max<int64_t>(1, static_cast<int64_t>(steps)), r.epochs.source};
  }
}

double drop_rate(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    if (const auto* dropout = std::get_if<Dropout>(&node.op)) return dropout->rate;
  }
  return 0.0;
}

std::string triple(const std::array<float, 3>& values) {
  return fmt::format("{} {} {}", values[0], values[1], values[2]);
}

class SettingList {
 public:
  template <typename T>
  void add(std::string_view name, const Chosen<T>& setting) {
    if constexpr (std::is_enum_v<T>) {
      add(name, std::string(to_string(setting.value)), setting.source);
    } else {
      add(name, fmt::format("{}", setting.value), setting.source);
    }
  }
  void add(std::string_view name, std::string value, std::string_view source) {
    settings_.push_back({std::string(name), std::move(value), std::string(source)});
  }
  std::vector<Setting> take() { return std::move(settings_); }

 private:
  std::vector<Setting> settings_;
};

void add_model(SettingList& list, const Recipe& r, const ModelOptions& options) {
  const Graph graph = build_model(r.model, r.model_options);
  const auto source = [](bool given, std::string_view flag, std::string_view otherwise) {
    return given ? flag : otherwise;
  };
  const FamilyRecipe& family = recipe_of_family(resolve_model(r.model).family);
  list.add("model", r.model, "MODEL");
  list.add("image_size", fmt::format("{}x{}", r.input.height, r.input.width),
           source(options.height.has_value(), "--image_size", kModel));
  list.add("classes", fmt::format("{}", graph.classes()), source(options.classes.has_value(), "--classes", kModel));
  const std::string dropout_source =
      family.dropout ? fmt::format("{} --dropout_rate", family.program) : std::string(kModel);
  list.add("dropout_rate", fmt::format("{}", drop_rate(graph)),
           source(options.dropout_rate.has_value(), "--dropout_rate", dropout_source));
  if (family.survival) {
    list.add("survival_prob", fmt::format("{}", options.survival_probability.value_or(*family.survival)),
             source(options.survival_probability.has_value(), "--survival_prob", kModel));
  }
}

void add_length(SettingList& list, const Recipe& r) {
  list.add("batch", r.batch);
  list.add("train_images", r.train_images);
  list.add("eval_images", r.eval_images);
  list.add("epochs", r.epochs);
  list.add("train_steps", r.train_steps);
  list.add("steps_per_epoch", fmt::format("{}", r.schedule().steps_per_epoch), "train_images / batch");
}

void add_optimizer(SettingList& list, const Recipe& r) {
  const OptimizerSettings optimizer = r.optimizer_settings();
  const std::string constants = std::string(kUtils) + " build_optimizer";
  list.add("optimizer", r.optimizer);
  if (optimizer.kind != OptimizerKind::kSgd) {
    list.add("momentum", fmt::format("{}", optimizer.momentum), constants);
  }
  if (optimizer.kind == OptimizerKind::kRmsProp) {
    list.add("rmsprop_decay", fmt::format("{}", optimizer.decay), constants);
    list.add("rmsprop_epsilon", fmt::format("{}", optimizer.epsilon), constants);
  }
  if (optimizer.kind == OptimizerKind::kLars) {
    list.add("lars_eta", fmt::format("{}", optimizer.eta), "EfficientNet lars_optimizer.py");
    list.add("lars_weight_decay", r.lars_weight_decay);
    list.add("lars_epsilon", r.lars_epsilon);
  }
  list.add("base_learning_rate", r.base_learning_rate);
  list.add("learning_rate", fmt::format("{}", r.schedule().initial_rate), "base_learning_rate x batch / 256");
  list.add("lr_schedule", r.lr_schedule);
  if (r.lr_schedule.value == ScheduleKind::kExponential) {
    list.add("lr_decay_factor", r.lr_decay_factor);
    list.add("lr_decay_epoch", r.lr_decay_epochs);
  }
  list.add("lr_warmup_epochs", r.lr_warmup_epochs);
  list.add("lr_warmup_steps", fmt::format("{}", warmup_steps(r.schedule())), "lr_warmup_epochs x steps_per_epoch");
}

void add_rest(SettingList& list, const Recipe& r) {
  list.add("weight_decay", r.weight_decay);
  list.add("label_smoothing", r.label_smoothing);
  list.add("moving_average_decay", r.average_decay);
  list.add("train_crop", r.train_crop);
  list.add("flip", r.flip);
  list.add("shift", r.shift);
  list.add("eval_crop", r.eval_crop);
  list.add("resize", r.resize);
  list.add("mean", triple(r.input.mean), kModel);
  list.add("deviation", triple(r.input.deviation), kModel);
  list.add("precision", r.precision);
}

}  // namespace

int64_t default_label_base(std::string_view family, int64_t classes) {
  constexpr int64_t kWithBackground = 1001;
  return classes == kWithBackground && (family == "amoebanet" || family == "shrinkcnn") ? 0 : 1;
}

int64_t first_named_label(int64_t label_base, int64_t classes, size_t names) {
  return label_base == 0 && static_cast<int64_t>(names) == classes - 1 ? 1 : 0;
}

std::string_view to_string(OptimizerKind kind) { return name_in(kOptimizers, kind); }
std::string_view to_string(TrainCrop crop) { return name_in(kTrainCrops, crop); }
std::string_view to_string(CentreCrop crop) { return name_in(kCentreCrops, crop); }
std::string_view to_string(ResizeMethod method) { return name_in(kResizes, method); }
OptimizerKind parse_optimizer(std::string_view text) { return find_in(kOptimizers, "optimizer", text); }
TrainCrop parse_train_crop(std::string_view text) { return find_in(kTrainCrops, "training crop", text); }
CentreCrop parse_centre_crop(std::string_view text) { return find_in(kCentreCrops, "evaluation crop", text); }
ResizeMethod parse_resize(std::string_view text) { return find_in(kResizes, "resize method", text); }

ScheduleSettings Recipe::schedule() const {
  return {.kind = lr_schedule.value,
          .initial_rate = base_learning_rate.value * static_cast<double>(batch.value) / kBaseBatch,
          .steps_per_epoch = static_cast<double>(train_images.value) / static_cast<double>(batch.value),
          .decay_factor = lr_decay_factor.value,
          .decay_epochs = lr_decay_epochs.value,
          .total_steps = train_steps.value,
          .warmup_epochs = lr_warmup_epochs.value};
}

OptimizerSettings Recipe::optimizer_settings() const {
  OptimizerSettings settings;
  settings.kind = optimizer.value;
  settings.lars_weight_decay = static_cast<float>(lars_weight_decay.value);
  settings.lars_epsilon = static_cast<float>(lars_epsilon.value);
  return settings;
}

TrainAugment Recipe::augment() const {
  TrainAugment augment;
  augment.crop = train_crop.value;
  augment.flip = flip.value;
  augment.shift = shift.value;
  return augment;
}

Recipe make_recipe(std::string_view name, const ModelOptions& options, const RecipeOverrides& o) {
  const ResolvedModel model = resolve_model(name);
  const FamilyRecipe& family = recipe_of_family(model.family);
  ModelOptions model_options = options;
  if (!model_options.dropout_rate) model_options.dropout_rate = family.dropout;
  Recipe r = family_defaults(model, model.build(model_options));
  r.model_options = model_options;
  const std::string_view images_train = o.images_from_data ? kData : "--train_images";
  const std::string_view images_eval = o.images_from_data ? kData : "--eval_images";
  override_with(r.batch, o.batch, "--batch");
  override_with(r.train_images, o.train_images, images_train);
  override_with(r.eval_images, o.eval_images, images_eval);
  override_with(r.optimizer, o.optimizer, "--optimizer", parse_optimizer);
  override_with(r.lars_weight_decay, o.lars_weight_decay, "--lars_weight_decay");
  override_with(r.lars_epsilon, o.lars_epsilon, "--lars_epsilon");
  override_with(r.base_learning_rate, o.base_learning_rate, "--base_learning_rate");
  override_with(r.lr_schedule, o.lr_schedule, "--lr_schedule", parse_schedule);
  override_with(r.lr_decay_factor, o.lr_decay_factor, "--lr_decay_factor");
  override_with(r.lr_decay_epochs, o.lr_decay_epochs, "--lr_decay_epoch");
  override_with(r.lr_warmup_epochs, o.lr_warmup_epochs, "--lr_warmup_epochs");
  override_with(r.weight_decay, o.weight_decay, "--weight_decay");
  override_with(r.label_smoothing, o.label_smoothing, "--label_smoothing");
  override_with(r.average_decay, o.average_decay, "--moving_average_decay");
  override_with(r.train_crop, o.train_crop, "--train_crop", parse_train_crop);
  override_with(r.flip, o.flip, "--flip");
  override_with(r.shift, o.shift, "--shift");
  override_with(r.eval_crop, o.eval_crop, "--eval_crop", parse_centre_crop);
  override_with(r.resize, o.resize, "--resize", parse_resize);
  override_with(r.precision, o.precision, "--precision", parse_precision);
  r.input.crop = r.eval_crop.value;
  r.input.resize = r.resize.value;
  set_length(r, o);
  check_combinations(o, r);
  check_values(r);
  check_schedule(r.schedule());
  return r;
}

std::vector<Setting> list_settings(const Recipe& recipe, const ModelOptions& options) {
  SettingList list;
  add_model(list, recipe, options);
  add_length(list, recipe);
  add_optimizer(list, recipe);
  add_rest(list, recipe);
  return list.take();
}

}  // namespace netwright
