// netwright forward: raw tensors in and out, for people who compare implementations.
#include <algorithm>
#include <filesystem>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "core/error.h"
#include "core/log.h"
#include "engine/program.h"
#include "formats/safetensors.h"
#include "models/resolve.h"
#include "train/weights.h"

namespace netwright {
namespace {

constexpr int64_t kMaxSide = 8192;

struct ForwardOptions {
  ModelChoice model;
  DeviceChoice device;
  std::string weights;
  std::optional<bool> average;
  std::string input;
  std::string output;
  std::string mode = "eval";
  std::string precision = "fp32";
  bool endpoints = false;
};

Flags declare(ForwardOptions& o) {
  Flags flags({.usage = "forward MODEL --weights=FILE --input=FILE --output=FILE [flags]",
               .about = "Runs a network on the tensor `images` [N, H, W, 3], normalised as its first layer sees it: "
                        "gives `logits`, and with `labels` [N], from 0, their mean cross-entropy `loss`.",
               .example = "netwright forward mnasnet-a1 --weights=run --input=in.st --output=out.st"});
  flags.add("weights", o.weights, {.help = "a checkpoint, its folder, a .safetensors or .pth file", .value = "FILE"});
  flags.add("average", o.average, {.help = "take the averages of the weights; if they are there when not given"});
  flags.add("input", o.input, {.help = "safetensors with the images, of any size", .value = "FILE"});
  flags.add("output", o.output, {.help = "safetensors to write", .value = "FILE"});
  flags.add("mode", o.mode,
            {.help = "train takes the batch's statistics, without drops", .choices = {"eval", "train"}});
  flags.add("endpoints", o.endpoints, {.help = "write every block's output, too"});
  flags.add("precision", o.precision, {.help = "of the computing", .choices = {"fp32", "bf16", "fp64"}});
  declare_model_flags(flags, o.model);
  declare_device_flags(flags, o.device);
  return flags;
}

struct Inputs {
  std::vector<float> images;
  Shape shape;  // [N, H, W, 3]
  std::vector<int32_t> labels;
};

const SafeTensor& wanted(const SafetensorsReader& file, const std::string& path, const char* name) {
  const SafeTensor* tensor = file.find(name);
  if (tensor != nullptr) return *tensor;
  std::string found;
  for (size_t i = 0; i < std::min<size_t>(file.tensors().size(), 10); ++i) found += " " + file.tensors()[i].name;
  fail("{}: has no tensor `{}`; it has{}", path, name, found.empty() ? " none" : found);
}

Inputs read_inputs(const std::string& path) {
  const SafetensorsReader file(path);
  Inputs inputs;
  inputs.shape = wanted(file, path, "images").shape;
  const Shape& shape = inputs.shape;
  const bool sound = shape.size() == 4 && shape[3] == 3 && shape[0] >= 1 && std::min(shape[1], shape[2]) >= 1 &&
                     std::max(shape[1], shape[2]) <= kMaxSide;
  if (!sound) {
    fail("{}: `images` is {}, expected [N, H, W, 3] with sides of 1 to {} pixels", path, to_string(shape), kMaxSide);
  }
  inputs.images = file.read_floats("images");
  if (!file.contains("labels")) return inputs;
  const SafeTensor& labels = wanted(file, path, "labels");
  if (labels.shape != Shape{shape[0]}) {
    fail("{}: `labels` is {}, expected [{}], one an image", path, to_string(labels.shape), shape[0]);
  }
  for (const int64_t label : file.read_ints("labels")) inputs.labels.push_back(static_cast<int32_t>(label));
  return inputs;
}

void check_labels(const Inputs& inputs, int64_t classes, const std::string& path) {
  for (size_t i = 0; i < inputs.labels.size(); ++i) {
    if (inputs.labels[i] < 0 || inputs.labels[i] >= classes) {
      fail("{}: labels[{}] is {}, expected 0 to {}", path, i, inputs.labels[i], classes - 1);
    }
  }
}

void check_options(const ForwardOptions& o) {
  if (o.weights.empty()) fail("--weights is missing: which checkpoint?");
  if (o.input.empty()) fail("--input is missing: which safetensors file has the images?");
  if (o.output.empty()) fail("--output is missing: where are the results to go?");
  if (o.model.options.height) fail("--image_size is told by the images of --input");
  const std::filesystem::path folder = std::filesystem::absolute(o.output).parent_path();
  if (!std::filesystem::is_directory(folder)) fail("--output={}: there is no folder {}", o.output, folder.string());
  if (std::filesystem::is_directory(o.output)) fail("--output={} is a folder", o.output);
}

LowerOptions lower_options(const ForwardOptions& o, const Graph& graph, const Inputs& inputs) {
  LowerOptions options = inference_options(inputs.shape[0], parse_precision(o.precision));
  options.batch_statistics = o.mode == "train";
  if (!inputs.labels.empty()) options.losses = {LossSpec{}};
  if (o.endpoints) {
    for (const NamedNode& endpoint : graph.endpoints()) options.keep.push_back(endpoint.node);
  }
  return options;
}

void run(Program& program, FlatBuffer& values, const Inputs& inputs) {
  const int64_t classes = program.graph().classes();
  const std::vector<float> weights(static_cast<size_t>(inputs.shape[0]), 1.0F / static_cast<float>(inputs.shape[0]));
  std::vector<float> rows(inputs.labels.size() * static_cast<size_t>(classes));
  one_hot(inputs.labels, classes, rows);
  program.set_images(inputs.images);
  program.set_labels(rows);
  program.set_weights(weights);
  program.forward(values);
}

void write_outputs(const ForwardOptions& o, const Program& program, const LoadedWeights& weights) {
  const Graph& graph = program.graph();
  SafetensorsWriter file;
  const auto add = [&](const auto& named) {
    Shape shape = graph.node(named.node).shape;
    shape.insert(shape.begin(), program.options().batch);
    file.add_floats(named.name, shape, program.read(named.node));
  };
  for (const Output& output : graph.outputs()) add(output);
  if (o.endpoints) {
    for (const NamedNode& endpoint : graph.endpoints()) add(endpoint);
  }
  if (!program.options().losses.empty()) {
    const auto loss = static_cast<float>(program.loss());
    file.add_floats("loss", {}, {&loss, 1});
  }
  file.set_metadata("model", graph.name());
  file.set_metadata("mode", o.mode);
  file.set_metadata("precision", o.precision);
  file.set_metadata("weights", weights.averaged ? "averaged" : "raw");
  file.write(o.output);
}

}  // namespace

int run_forward(CommandContext& context) {
  ForwardOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  check_options(options);
  resolve_model(options.model.name);
  const Inputs inputs = read_inputs(options.input);
  options.model.options.height = inputs.shape[1];
  options.model.options.width = inputs.shape[2];
  const Graph graph = build_model(options.model);
  check_labels(inputs, graph.classes(), options.input);
  const LoadedWeights weights = load_weights(graph, options.weights, options.average);
  Backend& backend = load_backend(options.device);
  context.begin_work();
  Program program(graph, backend, lower_options(options, graph, inputs));
  const auto values = backend.make_buffer(static_cast<int64_t>(weights.values.size()), 0.0F);
  values->upload(0, weights.values);
  run(program, *values, inputs);
  write_outputs(options, program, weights);
  log_info("{}: {} weights of {}, {} images of {} x {} pixels", options.output, weights.averaged ? "averaged" : "raw",
           weights.path, inputs.shape[0], inputs.shape[1], inputs.shape[2]);
  return 0;
}

}  // namespace netwright
