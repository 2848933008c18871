// netwright eval: accuracy and loss of a checkpoint on labelled images.
#include <charconv>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "commands/trained_model.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "data/match_classes.h"
#include "formats/json_text.h"
#include "train/archive.h"
#include "train/checkpoint_watcher.h"
#include "train/evaluator.h"
#include "train/memory.h"
#include "train/recipe.h"
#include "train/signals.h"

namespace netwright {
namespace {

constexpr int kSignalled = 128;

struct EvalCommandOptions {
  std::vector<std::string> model;
  TrainedChoice trained;
  DeviceChoice device;
  std::string data;
  std::optional<int64_t> label_base;
  int64_t fake_images = 50000;
  int64_t batch = 100;
  std::string precision = "fp32";
  int data_threads = default_data_threads();
  int64_t max_bad_records = 0;
  bool watch = false;
  std::optional<int64_t> eval_timeout;
  bool archive = true;
  bool memory_check = true;
  bool json = false;
};

Flags declare(EvalCommandOptions& o) {
  Flags flags({.usage = "eval [MODEL] --data=DIR --model_dir=DIR [flags]",
               .about = "Evaluates a checkpoint on every image of the data exactly once.",
               .example = "netwright eval mnasnet-a1 --weights=model.safetensors --data=imagenet"});
  flags.positionals("MODEL", o.model, 0, "a name or a file; a run's folder tells it", model_offers());
  flags.section("data");
  flags.add("data", o.data,
            {.help = "folder of TFRecords, IDX files or images by class (its validation part), a pattern, or fake",
             .value = "DIR"});
  flags.add("label_base", o.label_base,
            {.help = "first label in TFRecords; 1, or 0 for AmoebaNet and AutoShrink with 1001 classes",
             .range = between(0, 1),
             .rare = true});
  flags.add("fake_images", o.fake_images,
            {.help = "how many images --data=fake has", .range = between(1, kMostImages), .rare = true});
  flags.add("data_threads", o.data_threads,
            {.help = "threads that read and decode", .range = between(1, 256), .rare = true});
  flags.add(
      "max_bad_records", o.max_bad_records,
      {.help = "how many records that can't be read or decoded are left out", .range = at_least(0), .rare = true});
  declare_trained_flags(flags, o.trained);
  flags.section("run");
  flags.add("watch", o.watch,
            {.help = "evaluate each new checkpoint of --model_dir until its training is done",
             .origin = "efficientnet, mnasnet: --mode=eval"});
  flags.add("eval_timeout", o.eval_timeout,
            {.help = "with --watch: seconds to wait for a new checkpoint; no end if not given",
             .range = between(0, 1e9),
             .origin = "efficientnet, mnasnet: --eval_timeout",
             .rare = true});
  flags.add("archive", o.archive,
            {.help = "with --watch: keep a copy of the best checkpoint in archive/",
             .origin = "efficientnet: --archive_ckpt",
             .rare = true});
  flags.add("batch", o.batch, {.help = "images a step", .range = between(1, 1 << 20)});
  flags.add("memory_check", o.memory_check,
            {.help = "refuse a batch for which there is not memory enough", .rare = true});
  flags.add("precision", o.precision, {.help = "of the computing", .choices = {"fp32", "bf16"}});
  declare_device_flags(flags, o.device);
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

std::shared_ptr<const ImageSource> open_data(const EvalCommandOptions& o, const TrainedModel& trained) {
  SourceOptions source;
  source.data = o.data;
  source.split = DataSplit::kValidation;
  source.label_base = o.label_base.value_or(trained.label_base);
  source.fake = {.size = o.fake_images,
                 .classes = trained.graph.classes(),
                 .height = trained.input.height,
                 .width = trained.input.width};
  KnownClasses known{.count = trained.graph.classes()};
  if (trained.run) known.names = trained.run->class_names;
  known.first_label = first_named_label(trained.label_base, known.count, known.names.size());
  return match_classes(open_source(source), known, o.data);
}

nlohmann::ordered_json to_json(const EvalResult& result, const TrainedModel& trained) {
  nlohmann::ordered_json bad_records = nlohmann::ordered_json::array();
  for (const BadRecord& bad : result.bad_records) bad_records.push_back(bad.reason);
  nlohmann::ordered_json out = {{"model", trained.graph.name()},         {"weights", trained.weights.path},
                                {"average", trained.weights.averaged},   {"images", result.images},
                                {"bad_records", std::move(bad_records)}, {"top_1_accuracy", result.top1},
                                {"top_5_accuracy", result.top5},         {"loss", result.loss},
                                {"cross_entropy", result.cross_entropy}};
  if (trained.weights.step) out["step"] = *trained.weights.step;
  return out;
}

void print_result(const EvalResult& result, const TrainedModel& trained, const EvalCommandOptions& o) {
  // Of several checkpoints each has a line of its own.
  if (o.json) return print("{}\n", json_text(to_json(result, trained), o.watch ? -1 : 2));
  if (o.watch) print("step           {}\n", with_commas(trained.weights.step.value_or(0)));
  print("images         {}\n", with_commas(result.images));
  if (!result.bad_records.empty()) print("bad records    {}\n", with_commas(result.bad_records.size()));
  print("top-1          {:.2f} %\n", 100.0 * result.top1);
  print("top-5          {:.2f} %\n", 100.0 * result.top5);
  print("loss           {:.5f}  with label smoothing {} and weight decay {}\n", result.loss, trained.label_smoothing,
        trained.weight_decay);
  print("cross-entropy  {:.5f}\n", result.cross_entropy);
}

void check_options(EvalCommandOptions& o) {
  if (o.model.size() > 1) fail("one MODEL is expected, {} words are given: {}", o.model.size(), join(o.model, " "));
  if (!o.model.empty()) o.trained.model = o.model.front();
  if (o.data.empty()) fail("--data is missing: where are the images?");
  if (o.watch && o.trained.model_dir.empty()) fail("--watch is for a run: give its folder as --model_dir");
  if (o.eval_timeout && !o.watch) fail("--eval_timeout is for --watch");
}

// Evaluates one set of weights after another with the same program.
class EvalSession {
 public:
  EvalSession(const EvalCommandOptions& options, const TrainedModel& trained, std::shared_ptr<const ImageSource> source,
              Backend& backend)
      : options_(options),
        images_(source->size()),
        data_(fingerprint(*source, options.data)),
        evaluator_(trained.graph, backend, std::move(source),
                   {.input = trained.input,
                    .batch = options.batch,
                    .precision = parse_precision(options.precision),
                    .label_smoothing = trained.label_smoothing,
                    .weight_decay = trained.weight_decay,
                    .data_threads = options.data_threads,
                    .max_bad_records = options.max_bad_records}),
        values_(backend.make_buffer(evaluator_.program().layout().size(), 0.0F)) {}

  // Nothing when a signal ended it.
  std::optional<EvalResult> run(const TrainedModel& trained) {
    log_info("{}: {} weights on {} images of {}", trained.weights.path, trained.weights.averaged ? "averaged" : "raw",
             with_commas(images_), options_.data);
    values_->upload(0, trained.weights.values);
    std::optional<EvalResult> result = evaluator_.evaluate(*values_);
    if (!result) return result;
    report_bad_records(result->bad_records, "left out");
    if (result->not_finite > 0) {
      fail("{}: the network's outputs aren't finite for {} of {} images", trained.weights.path,
           with_commas(result->not_finite), with_commas(result->images));
    }
    print_result(*result, trained, options_);
    record_result(*result, trained);
    return result;
  }

  const ParameterLayout& layout() const { return evaluator_.program().layout(); }

 private:
  // Beside the run, as the evaluations of training are. The result has been told: a folder that can't be written to
  // spoils nothing.
  void record_result(const EvalResult& result, const TrainedModel& trained) {
    if (options_.trained.model_dir.empty() || !trained.run) return;
    try {
      if (!log_) log_ = std::make_unique<MetricsLog>(options_.trained.model_dir + "/eval");
      const EvalMark mark{.by = "eval", .data = data_, .averaged = trained.weights.averaged};
      write_result(*log_, trained.weights.step.value_or(0), result, mark);
    } catch (const Error& error) {
      log_warning("the result isn't kept with the run: {}", error.what());
    }
  }

  const EvalCommandOptions& options_;
  int64_t images_;
  DataFingerprint data_;
  Evaluator evaluator_;
  std::unique_ptr<FlatBuffer> values_;
  std::unique_ptr<MetricsLog> log_;  // one file of events, however many checkpoints
};

// The step at which the run will be done, as run.json tells now: a run may have been made longer.
std::optional<int64_t> last_step(const std::string& model_dir) {
  const std::optional<RunInfo> run = read_run_info(model_dir);
  if (!run) return std::nullopt;
  for (const Setting& setting : run->settings) {
    int64_t steps = 0;
    const char* end = setting.value.data() + setting.value.size();
    if (setting.name == "train_steps" && std::from_chars(setting.value.data(), end, steps).ptr == end) return steps;
  }
  return std::nullopt;
}

// As the originals' mode eval.
void watch(const EvalCommandOptions& o, TrainedModel& trained, EvalSession& session) {
  std::optional<std::chrono::seconds> timeout;
  if (o.eval_timeout) timeout = std::chrono::seconds(*o.eval_timeout);
  CheckpointWatcher watcher(o.trained.model_dir, timeout);
  while (const std::optional<std::string> prefix = watcher.next()) {
    try {
      trained.weights = load_weights(trained.graph, *prefix, o.trained.average);
    } catch (const Error&) {
      if (std::filesystem::exists(*prefix + ".index")) throw;
      log_info("{}: no longer there, left out", *prefix);
      continue;
    }
    const std::optional<EvalResult> result = session.run(trained);
    if (!result) return;
    const int64_t step = trained.weights.step.value_or(0);
    if (o.archive) archive_best(o.trained.model_dir, trained.weights.path, *result, step);
    const std::optional<int64_t> last = last_step(o.trained.model_dir);
    if (last && step >= *last) return;
  }
  if (StopSignals::received() == 0) {
    log_info("{}: no new checkpoint in {} s; watched no longer", o.trained.model_dir, o.eval_timeout.value_or(0));
  }
}

}  // namespace

int run_eval(CommandContext& context) {
  EvalCommandOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  check_options(options);
  TrainedModel trained = options.watch ? describe_trained(options.trained) : open_trained(options.trained);
  const auto source = open_data(options, trained);
  Backend& backend = load_backend(options.device);
  if (options.memory_check) {
    check_evaluation_memory(trained.graph, options.batch, parse_precision(options.precision), backend, "--batch");
  }
  context.begin_work();
  EvalSession session(options, trained, source, backend);
  const StopSignals signals;
  if (options.watch) {
    watch(options, trained, session);
  } else {
    session.run(trained);
  }
  return StopSignals::received() == 0 ? 0 : kSignalled + StopSignals::received();
}

}  // namespace netwright
