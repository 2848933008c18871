// netwright bench train, bench infer: throughput and memory of a network.
#include <algorithm>
#include <chrono>

#include "commands/bench.h"
#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "core/error.h"
#include "core/random.h"
#include "engine/program.h"
#include "graph/subgraph.h"
#include "train/memory.h"
#include "train/optimizer.h"
#include "train/recipe.h"

namespace netwright {
namespace {

constexpr size_t kLongest = 12;

struct StepBenchOptions {
  ModelChoice model;
  BenchChoice bench;
  DeviceChoice device;
  std::string precision = "fp32";
  bool profile = false;
};

Flags declare(StepBenchOptions& o, const CommandHelp& help) {
  Flags flags(help);
  declare_model_flags(flags, o.model);
  declare_bench_flags(flags, o.bench);
  flags.add("precision", o.precision, {.help = "of the computing", .choices = {"fp32", "bf16"}});
  flags.add("profile", o.profile, {.help = "show where the time goes, by operator and direction"});
  declare_device_flags(flags, o.device);
  return flags;
}

// Normal noise, and labels in turn.
struct Inputs {
  std::vector<float> images;
  std::vector<float> labels;   // one-hot rows
  std::vector<float> weights;  // 1 / batch each
};

Inputs make_inputs(const Graph& graph, int64_t batch) {
  Inputs inputs;
  inputs.images.resize(static_cast<size_t>(batch * element_count(graph.input_shape())));
  RandomStream stream(0, RandomPurpose::kFakeData);
  for (float& pixel : inputs.images) pixel = static_cast<float>(stream.normal());
  std::vector<int32_t> labels(static_cast<size_t>(batch));
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<int32_t>(i % static_cast<size_t>(graph.classes()));
  inputs.labels.resize(labels.size() * static_cast<size_t>(graph.classes()));
  one_hot(labels, graph.classes(), inputs.labels);
  inputs.weights.assign(labels.size(), 1.0F / static_cast<float>(batch));
  return inputs;
}

std::unique_ptr<FlatBuffer> initial_values(const ParameterLayout& layout, Backend& backend) {
  std::vector<float> values(static_cast<size_t>(layout.size()));
  initialize_parameters(layout, 0, values);
  auto buffer = backend.make_buffer(layout.size(), 0.0F);
  buffer->upload(0, values);
  return buffer;
}

// One element read back: a device works in order, so it is done with all that was begun before.
void wait_for(const FlatBuffer& buffer) {
  float value = 0.0F;
  buffer.download(0, {&value, 1});
}

// Everything that a training step does but the data: masks, forward, loss, backward, update, averages.
class TrainingRun {
 public:
  TrainingRun(const Recipe& recipe, const Graph& graph, const Inputs& inputs, Backend& backend)
      : recipe_(recipe),
        inputs_(inputs),
        backend_(backend),
        schedule_(recipe.schedule()),
        program_(graph, backend,
                 training_options(graph, recipe.batch.value, recipe.precision.value, recipe.label_smoothing.value)),
        optimizer_(recipe.optimizer_settings(), program_.layout(), recipe.weight_decay.value, backend),
        values_(initial_values(program_.layout(), backend)),
        gradients_(backend.make_buffer(program_.layout().trainable_size(), 0.0F)) {
    if (recipe.keeps_averages()) {
      averages_ = backend.make_buffer(program_.layout().size(), 0.0F);
      backend.copy(*averages_, *values_);
    }
  }

  void step() {
    const auto begin = Clock::now();
    program_.set_images(inputs_.images);
    program_.set_labels(inputs_.labels);
    program_.set_weights(inputs_.weights);
    program_.draw_masks(0, static_cast<uint64_t>(step_), 0);
    const auto drawn = Clock::now();
    program_.forward(*values_);
    program_.backward(*values_, *gradients_, false);
    const auto ran = Clock::now();
    optimizer_.update(*values_, *gradients_, learning_rate(schedule_, step_));
    const auto updated = Clock::now();
    ++step_;
    if (averages_) backend_.average(*averages_, *values_, average_decay(recipe_.average_decay.value, step_));
    parts_[0].seconds += seconds(begin, drawn);
    parts_[1].seconds += seconds(ran, updated);
    parts_[2].seconds += seconds(updated, Clock::now());
  }

  void finish() { wait_for(averages_ ? *averages_ : *values_); }

  int64_t predicted_bytes() const {
    int64_t elements = values_->size() + gradients_->size() + (averages_ ? averages_->size() : 0);
    for (const auto& slot : optimizer_.slots()) elements += slot->size();
    return program_.plan().peak_bytes + elements * static_cast<int64_t>(sizeof(float));
  }

  Program& program() { return program_; }
  std::vector<ProfilePart>& parts() { return parts_; }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds(Clock::time_point begin, Clock::time_point end) {
    return std::chrono::duration<double>(end - begin).count();
  }

  const Recipe& recipe_;
  const Inputs& inputs_;
  Backend& backend_;
  ScheduleSettings schedule_;
  Program program_;
  Optimizer optimizer_;
  std::unique_ptr<FlatBuffer> values_;
  std::unique_ptr<FlatBuffer> gradients_;
  std::unique_ptr<FlatBuffer> averages_;
  int64_t step_ = 0;
  std::vector<ProfilePart> parts_ = {{"inputs, masks"}, {"optimizer"}, {"averages"}};
};

class InferenceRun {
 public:
  InferenceRun(const Graph& graph, const StepBenchOptions& o, const Inputs& inputs, Backend& backend)
      : inputs_(inputs),
        program_(graph, backend, inference_options(o.bench.batch, parse_precision(o.precision))),
        values_(initial_values(program_.layout(), backend)),
        logits_(static_cast<size_t>(o.bench.batch * graph.classes())) {}

  void step() {
    program_.set_images(inputs_.images);
    program_.forward(*values_);
    program_.read(program_.graph().output("logits"), logits_);
  }

  void finish() {}

  int64_t predicted_bytes() const {
    return program_.plan().peak_bytes + values_->size() * static_cast<int64_t>(sizeof(float));
  }

  Program& program() { return program_; }
  std::vector<ProfilePart>& parts() { return parts_; }

 private:
  const Inputs& inputs_;
  Program program_;
  std::unique_ptr<FlatBuffer> values_;
  std::vector<float> logits_;
  std::vector<ProfilePart> parts_;
};

// Measures a run that is made only now, so that the growth of memory is its own.
template <typename MakeRun>
void measure(const StepBenchOptions& o, Backend& backend, BenchReport& report, MakeRun make_run) {
  const MemoryMeter meter;
  const int64_t tensors_before = backend.allocated_bytes();
  backend.reset_peak_allocated_bytes();
  const auto run = make_run();
  Profile profile(run->program());
  report.rates = measure_rounds(
      o.bench, [&] { run->step(); }, [&] { run->finish(); },
      [&] {
        if (o.profile) run->program().set_observer(&profile);
        for (ProfilePart& part : run->parts()) part.seconds = 0.0;
      });
  MemoryReport memory{.predicted = run->predicted_bytes(), .measured = meter.growth()};
  memory.tensors = backend.peak_allocated_bytes() - tensors_before;
  if (o.device.device.device != "cpu") memory.measured = memory.tensors;
  report.memory = memory;
  if (!o.profile) return;
  report.kinds = profile.by_kind();
  report.longest = profile.by_step();
  report.longest.resize(std::min(report.longest.size(), kLongest));
  report.parts = run->parts();
  report.profiled_steps = o.bench.rounds * o.bench.steps;
}

BenchReport begin_report(const StepBenchOptions& o, std::string command, const Graph& graph, const Backend& backend) {
  BenchReport report;
  report.command = std::move(command);
  report.model = graph.name();
  report.precision = o.precision;
  report.device = backend.description();
  report.input_shape = graph.input_shape();
  return report;
}

}  // namespace

int run_bench_train(CommandContext& context) {
  StepBenchOptions options;
  Flags flags = declare(
      options, {.usage = "bench train MODEL [flags]",
                .about = "Measures training steps on noise, with all that a step of the model's recipe does but "
                         "reading data, and what they take of memory.",
                .example = "netwright bench train mnasnet-a1 --batch=16 --threads=2"});
  if (!context.parse(flags)) return 0;
  RecipeOverrides overrides;
  overrides.batch = options.bench.batch;
  overrides.precision = options.precision;
  const Recipe recipe = make_recipe(options.model.name, options.model.options, overrides);
  const Graph graph = build_model(recipe.model, recipe.model_options);
  Backend& backend = load_backend(options.device);
  check_training_memory(recipe, std::nullopt, backend);
  context.begin_work();
  const Inputs inputs = make_inputs(graph, options.bench.batch);
  BenchReport report = begin_report(options, "train", graph, backend);
  measure(options, backend, report, [&] { return std::make_unique<TrainingRun>(recipe, graph, inputs, backend); });
  print_report(report, options.bench.json);
  return 0;
}

int run_bench_infer(CommandContext& context) {
  StepBenchOptions options;
  Flags flags = declare(options, {.usage = "bench infer MODEL [flags]",
                                  .about = "Measures inference on noise: images in, logits out.",
                                  .example = "netwright bench infer efficientnet-b0 --batch=1 --profile"});
  if (!context.parse(flags)) return 0;
  const Graph graph = inference_graph(build_model(options.model));
  Backend& backend = load_backend(options.device);
  check_evaluation_memory(graph, options.bench.batch, parse_precision(options.precision), backend, "--batch");
  context.begin_work();
  const Inputs inputs = make_inputs(graph, options.bench.batch);
  BenchReport report = begin_report(options, "infer", graph, backend);
  measure(options, backend, report, [&] { return std::make_unique<InferenceRun>(graph, options, inputs, backend); });
  print_report(report, options.bench.json);
  return 0;
}

}  // namespace netwright
