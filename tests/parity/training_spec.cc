#include "parity/training_spec.h"

#include <cmath>
#include <map>
#include <set>

#include "models/layer_network.h"
#include "models/resolve.h"
#include "train/schedule.h"

namespace netwright::golden {
namespace {

OptimizerUpdate rmsprop(float momentum, float epsilon) {
  OptimizerUpdate update;
  update.kind = OptimizerKind::kRmsProp;
  update.momentum = momentum;
  update.epsilon = epsilon;
  return update;
}

OptimizerUpdate plain(OptimizerKind kind) {
  OptimizerUpdate update;
  update.kind = kind;
  return update;
}

// By the name that an original's flag or file gives it.
struct NamedOptimizer {
  std::string name;
  OptimizerUpdate update;
};

void set_optimizer(TrainingSpec& spec, const std::vector<NamedOptimizer>& known, const std::string& name) {
  static const std::map<OptimizerKind, std::vector<std::string>> kSlots = {
      {OptimizerKind::kRmsProp, {"RMSProp", "RMSProp_1"}},
      {OptimizerKind::kMomentum, {"Momentum"}},
      {OptimizerKind::kSgd, {}},
      {OptimizerKind::kLars, {"LARSOptimizer"}}};
  for (const NamedOptimizer& row : known) {
    if (row.name != name) continue;
    spec.optimizer = row.update;
    spec.slots = kSlots.at(row.update.kind);
    return;
  }
  // Cases whose training waits for the product.
  static const std::set<std::string> kNotThereYet = {"adam", "adam_imagenet", "nadam_cifar", "nadam_imagenet",
                                                     "sgd_nesterov"};
  (kNotThereYet.contains(name) ? spec.missing : spec.unknown) = "optimizer " + name + " isn't there";
}

// EfficientNet's and MnasNet's cases: "training" holds the settings by name.
TrainingSpec from_settings(const nlohmann::json& training) {
  const nlohmann::json& settings = training["settings"];
  const auto setting = [&](const char* name, double otherwise) { return settings.value(name, otherwise); };
  TrainingSpec spec;
  spec.steps = training["steps"].get<int64_t>();
  spec.label_smoothing = setting("label_smoothing", 0.1);
  spec.weight_decay = setting("weight_decay", 1e-5);
  spec.average_decay = setting("moving_average_decay", 0.9999);
  OptimizerUpdate lars = plain(OptimizerKind::kLars);
  lars.lars_weight_decay = static_cast<float>(setting("lars_weight_decay", 1e-5));
  lars.lars_epsilon = static_cast<float>(setting("lars_epsilon", 0.0));
  set_optimizer(spec,
                {{"rmsprop", plain(OptimizerKind::kRmsProp)},
                 {"momentum", plain(OptimizerKind::kMomentum)},
                 {"sgd", plain(OptimizerKind::kSgd)},
                 {"lars", lars}},
                settings.value("optimizer", std::string("rmsprop")));
  ScheduleSettings schedule;
  schedule.kind = parse_schedule(settings.value("lr_schedule", std::string("exponential")));
  schedule.initial_rate = setting("base_learning_rate", 0.016) * setting("train_batch_size", 256) / 256.0;
  schedule.steps_per_epoch = setting("steps_per_epoch", 1.0);
  schedule.decay_factor = setting("lr_decay_factor", 0.97);
  schedule.decay_epochs = setting("lr_decay_epoch", 2.4);
  schedule.warmup_epochs = setting("lr_warmup_epochs", 5.0);
  schedule.total_steps = static_cast<int64_t>(setting("total_steps", setting("train_steps", 0)));
  spec.rate = [schedule](int64_t step) { return learning_rate(schedule, step); };
  return spec;
}

// AmoebaNet's cases: "flags" is the command line (spec amoebanet 4.2 to 4.8, 6.1 for what isn't given).
TrainingSpec from_flags(const nlohmann::json& json) {
  const std::map<std::string, std::string> flags = flags_of(json);
  const auto number = [&](const char* name, double otherwise) {
    return flags.contains(name) ? std::stod(flags.at(name)) : otherwise;
  };
  TrainingSpec spec;
  spec.steps = json["steps"].get<int64_t>();
  spec.weight_decay = number("weight_decay", 4e-5);
  spec.average_decay = number("moving_average_decay", 0.9999);
  set_optimizer(spec,
                {{"rmsprop", rmsprop(0.9F, 1.0F)},
                 {"momentum", plain(OptimizerKind::kMomentum)},
                 {"sgd", plain(OptimizerKind::kSgd)}},
                flags.contains("optimizer") ? flags.at("optimizer") : "rmsprop");
  const auto method = flags.contains("lr_decay_method") ? flags.at("lr_decay_method") : "exponential";
  ScheduleSettings schedule;
  schedule.kind = parse_schedule(method);
  schedule.initial_rate = number("lr", 0.64);
  schedule.least_share = 1e-4;
  schedule.steps_per_epoch = std::floor(number("num_train_images", 1281167) / number("train_batch_size", 256));
  schedule.decay_factor = number("lr_decay_value", 0.9);
  schedule.decay_epochs = number("lr_num_epochs_per_decay", 1);
  schedule.warmup_epochs = method == "exponential" ? number("lr_warmup_epochs", 3) : 0;
  schedule.total_steps = static_cast<int64_t>(schedule.steps_per_epoch * number("num_epochs", 48));
  spec.rate = [schedule](int64_t step) { return learning_rate(schedule, step); };
  return spec;
}

// AutoShrink's cases: strengths of L2 are in the network, 8e-5 / 2 where it has the unit 1.
TrainingSpec from_solver(const nlohmann::json& json) {
  TrainingSpec spec;
  spec.steps = static_cast<int64_t>(json["epochs"].size());
  spec.weight_decay = 8e-5;
  spec.average_decay = 0.999;
  spec.averages_moving = false;
  spec.loss_has_l2 = false;
  const ResolvedModel model = resolve_model(json["model"].get<std::string>());
  if (model.layers) spec.label_smoothing = netwright::label_smoothing(*model.layers);
  set_optimizer(spec,
                {{"rmsprop", rmsprop(0.0F, 1e-10F)},
                 {"rmsprop_imagenet", rmsprop(0.9F, 1.0F)},
                 {"rmsprop_cifar10", rmsprop(0.9F, 1e-4F)},
                 {"sgd", plain(OptimizerKind::kSgd)},
                 {"sgd_momentum", plain(OptimizerKind::kMomentum)}},
                json["optimizer"].get<std::string>());
  return spec;
}

// TuNAS's cases: "hyper_parameters", the rate's peak and its steps included (spec tunas 4.3, 4.4).
TrainingSpec from_hyper_parameters(const nlohmann::json& json) {
  const nlohmann::json& given = json["hyper_parameters"];
  TrainingSpec spec;
  spec.steps = json["train_steps"].get<int64_t>();
  spec.label_smoothing = given["label_smoothing"].get<double>();
  spec.weight_decay = given["weight_decay"].get<double>();
  spec.average_decay = 0.0;
  set_optimizer(spec, {{"rmsprop", rmsprop(given["momentum"].get<float>(), given["epsilon"].get<float>())}}, "rmsprop");
  ScheduleSettings schedule;
  schedule.kind = ScheduleKind::kCosineAfterWarmup;
  schedule.initial_rate = given["learning_rate"].get<double>();
  schedule.total_steps = given["max_global_step"].get<int64_t>();
  schedule.steps_per_epoch = 1.0;
  schedule.warmup_epochs = given["warmup_steps"].get<double>();
  spec.rate = [schedule](int64_t step) { return learning_rate(schedule, step); };
  return spec;
}

}  // namespace

TrainingSpec training_spec(const Case& golden_case) {
  const nlohmann::json& json = golden_case.json;
  if (json.contains("training")) return from_settings(json["training"]);
  if (json.contains("flags") && json.contains("steps")) return from_flags(json);
  if (json.value("train_steps", 0) > 0 && json.contains("hyper_parameters")) return from_hyper_parameters(json);
  if (json.contains("optimizer") && json.contains("epochs")) return from_solver(json);
  return {};
}

}  // namespace netwright::golden
