// netwright train: trains a model and evaluates it; resumes by itself.
#include <algorithm>
#include <filesystem>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "commands/recipe_flags.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "data/match_classes.h"
#include "models/resolve.h"
#include "train/memory.h"
#include "train/signals.h"
#include "train/trainer.h"

namespace netwright {
namespace {

namespace fs = std::filesystem;

constexpr int kSignalled = 128;
constexpr double kEvalEpochs = 5.0;
constexpr int64_t kHistograms = 20;  // sets over a run

struct TrainOptions {
  ModelChoice model;
  RecipeOverrides overrides;
  DeviceChoice device;
  TrainerOptions trainer;
  std::string data;
  std::optional<std::string> eval_data;
  std::optional<int64_t> eval_steps;
  std::optional<int64_t> histogram_steps;
  std::optional<int64_t> max_bad_records;
  std::optional<int64_t> label_base;
  int64_t fake_images = 50000;
  int64_t seed = 0;
  bool classes_from_data = false;
  bool memory_check = true;
};

void declare_data(Flags& flags, TrainOptions& o) {
  flags.section("data");
  flags.add("data", o.data,
            {.help = "folder of TFRecords, IDX files or images by class, a pattern, or fake",
             .value = "DIR",
             .origin = "efficientnet, mnasnet: --data_dir"});
  flags.add(
      "eval_data", o.eval_data,
      {.help = "images for evaluation; the validation files of --data if not given", .value = "DIR", .rare = true});
  flags.add("label_base", o.label_base,
            {.help = "first label in TFRecords; 1, or 0 for AmoebaNet and AutoShrink with 1001 classes",
             .range = between(0, 1),
             .rare = true});
  flags.add("fake_images", o.fake_images,
            {.help = "how many images --data=fake has", .range = between(1, kMostImages), .rare = true});
  flags.add("data_threads", o.trainer.data_threads,
            {.help = "threads that read and decode", .range = between(1, 256), .rare = true});
  flags.add("max_bad_records", o.max_bad_records,
            {.help = "records that may be unreadable; 100, of the evaluation's data 0, if not given",
             .range = at_least(0),
             .rare = true});
}

void declare_run(Flags& flags, TrainOptions& o) {
  flags.section("run");
  flags.add("model_dir", o.trainer.model_dir,
            {.help = "folder of the run; a run that is there goes on",
             .value = "DIR",
             .origin = "efficientnet, mnasnet: --model_dir"});
  flags.add("seed", o.seed, {.help = "of all random numbers", .range = at_least(0), .rare = true});
  flags.add(
      "micro_batches", o.trainer.micro_batches,
      {.help = "parts of a batch worked on one after another, to save memory", .range = at_least(1), .rare = true});
  flags.add("memory_check", o.memory_check,
            {.help = "refuse a batch for which there is not memory enough", .rare = true});
  flags.add("log_steps", o.trainer.log_steps,
            {.help = "steps between two lines of metrics",
             .range = at_least(1),
             .origin = "efficientnet, mnasnet: --log_step_count_steps",
             .rare = true});
  flags.add("checkpoint_steps", o.trainer.checkpoint_steps,
            {.help = "steps between two checkpoints; 0: by time alone", .range = at_least(0), .rare = true});
  flags.add("checkpoint_minutes", o.trainer.checkpoint_minutes,
            {.help = "minutes between two checkpoints; 0: by steps alone", .range = at_least(0), .rare = true});
  flags.add("checkpoints_kept", o.trainer.checkpoints_kept,
            {.help = "how many checkpoints stay", .range = at_least(1), .rare = true});
  flags.add("steps_per_eval", o.eval_steps,
            {.help = "steps between two evaluations; 0: at the end only; five epochs if not given",
             .range = at_least(0),
             .origin = "efficientnet, mnasnet: --steps_per_eval",
             .rare = true});
  flags.add(
      "histogram_steps", o.histogram_steps,
      {.help = "steps between two sets of histograms of weights and gradients in the events; 0: none; a twentieth "
               "of the run if not given",
       .range = at_least(0),
       .rare = true});
  flags.add("archive", o.trainer.archive,
            {.help = "keep a copy of the best checkpoint in archive/",
             .origin = "efficientnet: --archive_ckpt",
             .rare = true});
  flags.add("eval_batch", o.trainer.eval_batch,
            {.help = "images a step of evaluation",
             .range = between(1, 1 << 20),
             .origin = "efficientnet, mnasnet: --eval_batch_size",
             .rare = true});
}

Flags declare(TrainOptions& o) {
  Flags flags(
      {.usage = "train MODEL --data=DIR --model_dir=DIR [flags]",
       .about = "Trains a model; started again, it goes on where it was. `netwright recipe` tells the settings.",
       .example = "netwright train mnasnet-a1 --data=fake --model_dir=run --epochs=1 --batch=32"});
  o.trainer.data_threads = default_data_threads();
  declare_data(flags, o);
  declare_run(flags, o);
  declare_model_flags(flags, o.model);
  declare_recipe_flags(flags, o.overrides);
  declare_device_flags(flags, o.device);
  return flags;
}

// Whether a folder has images set apart for evaluation, in one of the forms that open_source knows.
bool has_validation(const std::string& folder) {
  for (const char* pattern : {"/validation-*", "/t10k-images*", "/val", "/validation"}) {
    if (!match_files(folder + pattern).empty()) return true;
  }
  return false;
}

// Of the training split.
SourceOptions source_options(const TrainOptions& o, const Recipe& recipe) {
  const ResolvedModel model = resolve_model(recipe.model);
  const int64_t classes = model.build(recipe.model_options).classes();
  SourceOptions source;
  source.data = o.data;
  source.split = DataSplit::kTrain;
  source.label_base = o.label_base.value_or(default_label_base(model.family, classes));
  source.fake = {.size = o.fake_images,
                 .classes = classes,
                 .height = recipe.input.height,
                 .width = recipe.input.width,
                 .seed = static_cast<uint64_t>(o.seed)};
  return source;
}

TrainData open_data(const TrainOptions& o, const Recipe& recipe) {
  SourceOptions source = source_options(o, recipe);
  TrainData data;
  data.train = open_source(source);
  const bool validation = o.data == "fake" || has_validation(o.data);
  if (o.eval_data || validation) {
    source.data = o.eval_data.value_or(o.data);
    source.split = DataSplit::kValidation;
    ++source.fake.seed;  // other pictures
    data.eval = open_source(source);
    data.eval_name = source.data;
  } else {
    log_info("{} has no images for evaluation and --eval_data is not given: nothing is evaluated", o.data);
  }
  return data;
}

// The number of classes is the data's where the data name them and --classes doesn't say.
void choose_classes(TrainOptions& o, const TrainData& data) {
  const auto named = static_cast<int64_t>(data.train->class_names().size());
  o.classes_from_data = !o.model.options.classes && named > 0;
  if (o.classes_from_data) o.model.options.classes = named;
  const int64_t classes = o.model.options.classes.value_or(1000);
  if (named > classes) fail("{} has {} classes, more than --classes={}", o.data, named, classes);
}

// Labels of the evaluation's images mean what those of training mean.
void match_evaluation(const Recipe& recipe, TrainData& data) {
  if (!data.eval) return;
  const ResolvedModel model = resolve_model(recipe.model);
  KnownClasses known{.names = data.train->class_names(), .count = model.build(recipe.model_options).classes()};
  const int64_t label_base = default_label_base(model.family, known.count);
  known.first_label = first_named_label(label_base, known.count, known.names.size());
  data.eval = match_classes(data.eval, known, data.eval_name);
}

RunInfo describe_run(const TrainOptions& o, const Recipe& recipe, const TrainData& data, const CommandContext& context,
                     const Backend& backend) {
  const Graph graph = build_model(recipe.model, recipe.model_options);
  const ParameterLayout layout(graph);
  RunInfo info;
  info.version = NETWRIGHT_VERSION;
  info.backend = backend.description();
  info.command.assign(context.args().begin(), context.args().end());
  info.model = name_in_run(resolve_model(recipe.model));
  info.options = recipe.model_options;
  info.input = recipe.input;
  info.classes = graph.classes();
  info.parameters = layout.trainable_count();
  info.variables = hash_variables(layout);
  info.class_names = data.train->class_names();
  info.seed = static_cast<uint64_t>(o.seed);
  info.weight_decay = recipe.weight_decay.value;
  info.label_smoothing = recipe.label_smoothing.value;
  info.train_data = fingerprint(*data.train, o.data);
  info.settings = list_settings(recipe, o.model.options);
  for (Setting& setting : info.settings) {
    if (setting.name == "classes" && o.classes_from_data) setting.source = "the data";
  }
  return info;
}

void check_memory(const Recipe& recipe, const TrainData& data, const TrainerOptions& options, const Backend& backend) {
  check_training_memory(recipe, options.micro_batches, backend);
  if (!data.eval) return;
  const Graph graph = build_model(recipe.model, recipe.model_options);
  check_evaluation_memory(graph, options.eval_batch, recipe.precision.value, backend, "--eval_batch");
}

// Where the run keeps the file that describes its network; empty when no file does.
std::string kept_file(const ResolvedModel& model, const std::string& model_dir) {
  return model.file.empty() ? "" : (fs::path(model_dir) / fs::path(model.file).filename()).string();
}

void check_kept_file(const ResolvedModel& model, const std::string& model_dir) {
  const std::string kept = kept_file(model, model_dir);
  if (kept.empty() || !fs::exists(kept) || read_file(kept) == read_file(model.file)) return;
  fail("{} isn't what {} was begun with, see {}; take another --model_dir to begin a new run", model.file, model_dir,
       kept);
}

void keep_file(const ResolvedModel& model, const std::string& model_dir) {
  const std::string kept = kept_file(model, model_dir);
  if (!kept.empty() && !fs::exists(kept)) write_file_atomically(kept, read_file(model.file));
}

int finish(const TrainOutcome& outcome, const std::string& model_dir) {
  if (outcome.signal != 0) {
    log_info("stopped after step {}; the same command goes on from there", outcome.step);
    return kSignalled + outcome.signal;
  }
  log_info("{}: {} after {} steps", model_dir, outcome.already ? "was done already" : "done",
           with_commas(outcome.step));
  return 0;
}

}  // namespace

int run_train(CommandContext& context) {
  TrainOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  if (options.data.empty()) fail("--data is missing: where are the images? --data=fake trains on noise");
  if (options.trainer.model_dir.empty()) fail("--model_dir is missing: the folder that keeps the run");
  const Recipe first = make_recipe(options.model.name, options.model.options, options.overrides);
  TrainData data = open_data(options, first);
  choose_classes(options, data);
  options.overrides.train_images = data.train->size();
  options.overrides.eval_images = data.eval ? data.eval->size() : 0;
  options.overrides.images_from_data = true;
  const Recipe recipe = make_recipe(options.model.name, options.model.options, options.overrides);
  match_evaluation(recipe, data);
  options.trainer.seed = static_cast<uint64_t>(options.seed);
  options.trainer.histogram_steps =
      options.histogram_steps.value_or(std::max<int64_t>(1, recipe.train_steps.value / kHistograms));
  options.trainer.eval_steps =
      options.eval_steps.value_or(static_cast<int64_t>(kEvalEpochs * recipe.schedule().steps_per_epoch));
  if (options.max_bad_records) {
    options.trainer.max_bad_records = options.trainer.max_eval_bad_records = *options.max_bad_records;
  }
  Backend& backend = load_backend(options.device);
  check_micro_batches(recipe.batch.value, options.trainer.micro_batches);
  if (options.memory_check) check_memory(recipe, data, options.trainer, backend);
  const ResolvedModel model = resolve_model(recipe.model);
  check_kept_file(model, options.trainer.model_dir);
  Trainer trainer(recipe, data, options.trainer, describe_run(options, recipe, data, context, backend), backend);
  context.begin_work();
  keep_file(model, options.trainer.model_dir);
  log_info("{} on {}, {}: {} steps of {} images", recipe.model, options.data, backend.description(),
           with_commas(recipe.train_steps.value), recipe.batch.value);
  const StopSignals signals;
  return finish(trainer.train(), options.trainer.model_dir);
}

}  // namespace netwright
