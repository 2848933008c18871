// netwright bench --check: what two precisions compute from the same input, node by node.
#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/device_flags.h"
#include "commands/model_flags.h"
#include "core/error.h"
#include "core/random.h"
#include "engine/program.h"
#include "formats/json_text.h"
#include "train/weights.h"

namespace netwright {
namespace {

struct CheckOptions {
  ModelChoice model;
  DeviceChoice device;
  std::string precision = "fp32";
  std::string against = "fp64";
  std::string mode = "train";
  std::optional<std::string> weights;
  int64_t batch = 4;
  std::optional<int64_t> worst;
  std::optional<double> tolerance;
  bool json = false;
};

Flags declare(CheckOptions& o) {
  Flags flags({.usage = "bench --check MODEL [flags]",
               .about = "Runs a network in two precisions on the same noise and shows, for the value of every node "
                        "that both store, the largest difference relative to the largest value.",
               .example = "netwright bench --check mnasnet-a1 --precision=bf16 --worst=10"});
  flags.add("precision", o.precision, {.help = "what is checked", .choices = {"fp32", "bf16", "fp64"}});
  flags.add("against", o.against, {.help = "what is taken for right", .choices = {"fp32", "bf16", "fp64"}});
  flags.add("mode", o.mode,
            {.help = "train takes the batch's statistics, without drops", .choices = {"eval", "train"}});
  flags.add("weights", o.weights, {.help = "a checkpoint; initial values if not given", .value = "FILE"});
  flags.add("batch", o.batch, {.help = "images", .range = between(1, 1 << 20)});
  flags.add("worst", o.worst, {.help = "show only so many, the worst first", .range = at_least(1)});
  flags.add("tolerance", o.tolerance, {.help = "exit with 1 if any is above", .range = at_least(0)});
  flags.add("json", o.json, {.help = "print JSON"});
  declare_model_flags(flags, o.model);
  declare_device_flags(flags, o.device);
  return flags;
}

struct Difference {
  std::string name;
  double largest = 0.0;     // value, of what is taken for right
  double difference = 0.0;  // the largest of any element
  // Infinite where all values are zero but for some in what is checked, and for what is not a number; null in JSON.
  double relative() const { return difference == 0.0 ? 0.0 : difference / largest; }
};

Difference compare(std::string name, std::span<const float> right, std::span<const float> checked) {
  Difference result{.name = std::move(name)};
  for (size_t i = 0; i < right.size(); ++i) {
    result.largest = std::max(result.largest, std::abs(static_cast<double>(right[i])));
    const double off = std::abs(static_cast<double>(right[i]) - checked[i]);
    result.difference = std::max(result.difference, std::isnan(off) ? INFINITY : off);
  }
  return result;
}

// A pass over the network that keeps the value of every node but those which this precision never stores.
class CheckedRun {
 public:
  CheckedRun(const Graph& graph, const CheckOptions& o, const std::string& precision, std::span<const float> weights,
             Backend& backend)
      : program_(graph, backend, lower_options(graph, o, precision, backend)),
        values_(backend.make_buffer(program_.layout().size(), 0.0F)) {
    values_->upload(0, weights);
  }

  void run(std::span<const float> images) {
    program_.set_images(images);
    program_.forward(*values_);
  }

  const Program& program() const { return program_; }
  bool stores(NodeId node) const { return program_.plan().value_of[static_cast<size_t>(node)] >= 0; }

 private:
  static LowerOptions lower_options(const Graph& graph, const CheckOptions& o, const std::string& precision,
                                    const Backend& backend) {
    LowerOptions options = inference_options(o.batch, parse_precision(precision));
    options.batch_statistics = o.mode == "train";
    const std::vector<int> stored = make_plan(graph, ParameterLayout(graph), backend, options).value_of;
    for (NodeId node = 1; node < static_cast<NodeId>(graph.nodes().size()); ++node) {
      if (stored[static_cast<size_t>(node)] >= 0) options.keep.push_back(node);
    }
    return options;
  }

  Program program_;
  std::unique_ptr<FlatBuffer> values_;
};

std::vector<float> weights_of(const Graph& graph, const CheckOptions& o) {
  if (o.weights) return load_weights(graph, *o.weights, std::nullopt).values;
  const ParameterLayout layout(graph);
  std::vector<float> values(static_cast<size_t>(layout.size()));
  initialize_parameters(layout, 0, values);
  return values;
}

std::vector<Difference> compare(const CheckedRun& right, const CheckedRun& checked) {
  const Graph& graph = right.program().graph();
  std::vector<Difference> list;
  for (NodeId id = 1; id < static_cast<NodeId>(graph.nodes().size()); ++id) {
    if (!right.stores(id) || !checked.stores(id)) continue;
    const Node& node = graph.node(id);
    list.push_back(compare(fmt::format("{} {} {}", id, operator_name(node.op), node.scope), right.program().read(id),
                           checked.program().read(id)));
  }
  return list;
}

bool is_worse(const Difference& a, const Difference& b) { return a.relative() > b.relative(); }

void print_table(const std::vector<Difference>& list, const Difference& worst, const CheckOptions& o) {
  size_t width = 4;
  for (const Difference& d : list) width = std::max(width, d.name.size());
  print("{:<{}}{:>15}{:>15}{:>12}\n", "node", width, "largest value", "difference", "relative");
  for (const Difference& d : list) {
    print("{:<{}}{:>15.4g}{:>15.4g}{:>12.2e}\n", d.name, width, d.largest, d.difference, d.relative());
  }
  print("\n{} against {}: at most {:.2e}, {}\n", o.precision, o.against, worst.relative(), worst.name);
}

void print_json(const Graph& graph, const std::vector<Difference>& list, const Difference& worst,
                const CheckOptions& o) {
  nlohmann::ordered_json nodes = nlohmann::ordered_json::array();
  for (const Difference& d : list) {
    nodes.push_back(
        {{"name", d.name}, {"largest", d.largest}, {"difference", d.difference}, {"relative", d.relative()}});
  }
  const nlohmann::ordered_json json = {{"model", graph.name()},
                                       {"precision", o.precision},
                                       {"against", o.against},
                                       {"mode", o.mode},
                                       {"worst", {{"name", worst.name}, {"relative", worst.relative()}}},
                                       {"nodes", std::move(nodes)}};
  print("{}\n", json_text(json, 2));
}

}  // namespace

int run_bench_check(CommandContext& context) {
  CheckOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  const Graph graph = build_model(options.model);
  const std::vector<float> weights = weights_of(graph, options);
  Backend& backend = load_backend(options.device);
  context.begin_work();
  std::vector<float> images(static_cast<size_t>(options.batch * element_count(graph.input_shape())));
  RandomStream stream(0, RandomPurpose::kFakeData);
  for (float& pixel : images) pixel = static_cast<float>(stream.normal());
  CheckedRun right(graph, options, options.against, weights, backend);
  right.run(images);
  CheckedRun checked(graph, options, options.precision, weights, backend);
  checked.run(images);
  std::vector<Difference> list = compare(right, checked);
  const Difference worst = *std::min_element(list.begin(), list.end(), is_worse);
  if (options.worst) {
    std::stable_sort(list.begin(), list.end(), is_worse);
    list.resize(std::min(list.size(), static_cast<size_t>(*options.worst)));
  }
  options.json ? print_json(graph, list, worst, options) : print_table(list, worst, options);
  if (options.tolerance && !(worst.relative() <= *options.tolerance)) {
    fail("{}: {:.2e} is above --tolerance={}", worst.name, worst.relative(), *options.tolerance);
  }
  return 0;
}

}  // namespace netwright
