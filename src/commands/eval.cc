// netwright eval: accuracy and loss of a checkpoint on labelled images.
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "commands/trained_model.h"
#include "core/error.h"
#include "core/log.h"
#include "core/text.h"
#include "train/evaluator.h"
#include "train/signals.h"

namespace netwright {
namespace {

constexpr int kSignalled = 128;

struct EvalCommandOptions {
  std::vector<std::string> model;
  TrainedChoice trained;
  DeviceChoice device;
  std::string data;
  int64_t label_base = 1;
  int64_t fake_images = 50000;
  int64_t batch = 100;
  std::string precision = "fp32";
  int data_threads = default_data_threads();
  bool json = false;
};

Flags declare(EvalCommandOptions& o) {
  Flags flags({.usage = "eval [MODEL] --data=DIR --model_dir=DIR [flags]",
               .about = "Evaluates a checkpoint on every image of the data exactly once.",
               .example = "netwright eval mnasnet-a1 --weights=model.safetensors --data=imagenet"});
  flags.positionals("MODEL", o.model, 0, "an architecture; not needed for a run's folder", model_offers());
  flags.section("data");
  flags.add("data", o.data,
            {.help = "folder of TFRecords, IDX files or images by class (its validation part), a pattern, or fake",
             .value = "DIR"});
  flags.add("label_base", o.label_base, {.help = "first label in TFRecords", .range = between(0, 1), .rare = true});
  flags.add("fake_images", o.fake_images,
            {.help = "how many images --data=fake has", .range = at_least(1), .rare = true});
  flags.add("data_threads", o.data_threads,
            {.help = "threads that read and decode", .range = between(1, 256), .rare = true});
  declare_trained_flags(flags, o.trained);
  flags.section("run");
  flags.add("batch", o.batch, {.help = "images a step", .range = between(1, 1 << 20)});
  flags.add("precision", o.precision, {.help = "of the computing", .choices = {"fp32", "bf16"}});
  declare_device_flags(flags, o.device);
  flags.add("json", o.json, {.help = "print JSON"});
  return flags;
}

std::shared_ptr<const ImageSource> open_data(const EvalCommandOptions& o, const TrainedModel& trained) {
  SourceOptions source;
  source.data = o.data;
  source.split = DataSplit::kValidation;
  source.label_base = o.label_base;
  source.fake = {.size = o.fake_images,
                 .classes = trained.graph.classes(),
                 .height = trained.input.height,
                 .width = trained.input.width};
  std::shared_ptr<const ImageSource> opened = open_source(source);
  const auto named = static_cast<int64_t>(opened->class_names().size());
  if (named > trained.graph.classes()) {
    fail("{} has {} classes, the model {}", o.data, named, trained.graph.classes());
  }
  return opened;
}

void print_result(const EvalResult& result, const TrainedModel& trained, bool json) {
  if (json) {
    nlohmann::ordered_json out = {
        {"model", trained.graph.name()}, {"weights", trained.weights.path},      {"average", trained.weights.averaged},
        {"images", result.images},       {"top_1_accuracy", result.top1},        {"top_5_accuracy", result.top5},
        {"loss", result.loss},           {"cross_entropy", result.cross_entropy}};
    if (trained.weights.step) out["step"] = *trained.weights.step;
    print("{}\n", out.dump(2));
    return;
  }
  print("images         {}\n", with_commas(result.images));
  print("top-1          {:.2f} %\n", 100.0 * result.top1);
  print("top-5          {:.2f} %\n", 100.0 * result.top5);
  print("loss           {:.5f}  with label smoothing {} and weight decay {}\n", result.loss, trained.label_smoothing,
        trained.weight_decay);
  print("cross-entropy  {:.5f}\n", result.cross_entropy);
}

// Beside the run, as the evaluations of training are.
void record_result(const EvalResult& result, const TrainedModel& trained, const std::string& model_dir) {
  if (model_dir.empty() || !trained.run) return;
  MetricsLog log(model_dir + "/eval");
  write_result(log, trained.weights.step.value_or(0), result);
}

}  // namespace

int run_eval(CommandContext& context) {
  EvalCommandOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  if (options.model.size() > 1)
    fail("one MODEL is expected, {} words are given: {}", options.model.size(), join(options.model, " "));
  if (!options.model.empty()) options.trained.model = options.model.front();
  if (options.data.empty()) fail("--data is missing: where are the images?");
  const TrainedModel trained = open_trained(options.trained);
  const auto source = open_data(options, trained);
  Backend& backend = load_backend(options.device);
  context.begin_work();
  log_info("{}: {} weights on {} images of {}", trained.weights.path, trained.weights.averaged ? "averaged" : "raw",
           with_commas(source->size()), options.data);
  const EvalOptions eval_options{.input = trained.input,
                                 .batch = options.batch,
                                 .precision = parse_precision(options.precision),
                                 .label_smoothing = trained.label_smoothing,
                                 .weight_decay = trained.weight_decay,
                                 .data_threads = options.data_threads};
  Evaluator evaluator(trained.graph, backend, source, eval_options);
  const auto values = backend.make_buffer(static_cast<int64_t>(trained.weights.values.size()), 0.0F);
  values->upload(0, trained.weights.values);
  const StopSignals signals;
  const std::optional<EvalResult> result = evaluator.evaluate(*values);
  if (!result) return kSignalled + StopSignals::received();
  record_result(*result, trained, options.trained.model_dir);
  print_result(*result, trained, options.json);
  return 0;
}

}  // namespace netwright
