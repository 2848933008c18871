// netwright summary: the layers of a model, as a table or drawn.
#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "commands/model_flags.h"
#include "core/error.h"
#include "core/file.h"
#include "core/log.h"
#include "core/text.h"
#include "export/dot.h"
#include "export/drawing.h"
#include "formats/json_text.h"
#include "graph/blocks.h"
#include "graph/count.h"
#include "graph/json.h"
#include "graph/text.h"
#include "models/resolve.h"
#include "models/spec_json.h"
#include "models/tunas.h"

namespace netwright {
namespace {

struct SummaryOptions {
  ModelChoice model;
  bool blocks = false;
  std::string count = "macs";
  bool text = false;
  bool json = false;
  std::optional<std::string> svg;
  std::optional<std::string> dot;
  std::optional<std::string> block;
  std::optional<std::string> model_spec;
  std::optional<std::string> graph;
  std::optional<std::string> prototxt;
};

Flags declare(SummaryOptions& o) {
  Flags flags({.usage = "summary MODEL [flags]",
               .about = "Shows the layers of a model with the shape of what they give, their parameters and their "
                        "multiply-adds for one image; as a table, or drawn.",
               .example = "netwright summary efficientnet-b0 --svg=b0.svg"});
  declare_model_flags(flags, o.model);
  flags.section("output");
  flags.add("blocks", o.blocks, {.help = "one line a block instead of one a layer"});
  flags.add("count", o.count,
            {.help = "macs: multiply-adds; tflite: the operations that TensorFlow's old converter to TFLite estimates",
             .choices = {"macs", "tflite"}});
  flags.add("text", o.text, {.help = "print the graph itself, a node a line with all its attributes"});
  flags.add("json", o.json, {.help = "print JSON, a layer each"});
  flags.add("svg", o.svg, {.help = "draw the network into a file; - is standard output", .value = "FILE"});
  flags.add("block", o.block, {.help = "draw only this block, with every operator", .value = "NAME"});
  flags.add("dot", o.dot, {.help = "write the whole graph in Graphviz's language", .value = "FILE"});
  flags.add(
      "model_spec", o.model_spec,
      {.help = "write TuNAS's description of one of its networks, a model_spec.json", .value = "FILE", .rare = true});
  flags.add("graph", o.graph, {.help = "write the graph as JSON, which is a MODEL again", .value = "FILE"});
  flags.add("prototxt", o.prototxt,
            {.help = "write a network of AutoShrink's in its layer language", .value = "FILE", .rare = true});
  return flags;
}

// A line of the table: one node, or the nodes of a block.
struct Row {
  std::string name;
  std::string what;
  Shape shape;
  Cost cost;
};

// "Conv2D 3x3 /2": the operator, its window and its stride.
std::string describe(const Operator& op) {
  std::string text(operator_name(op));
  const Window* window = nullptr;
  if (const auto* conv = std::get_if<Conv2D>(&op)) window = &conv->window;
  if (const auto* depthwise = std::get_if<DepthwiseConv2D>(&op)) window = &depthwise->window;
  if (const auto* pool = std::get_if<Pool>(&op)) window = &pool->window;
  if (!window) return text;
  text += fmt::format(" {}x{}", window->kernel_h, window->kernel_w);
  if (window->stride_h > 1 || window->stride_w > 1) text += fmt::format(" /{}", window->stride_h);
  return text;
}

std::vector<Row> layer_rows(const Graph& graph) {
  const std::vector<Cost> costs = count_nodes(graph);
  std::vector<Row> rows;
  for (size_t i = 0; i < costs.size(); ++i) {
    const Node& node = graph.nodes()[i];
    rows.push_back({node.scope.empty() ? "input" : node.scope, describe(node.op), node.shape, costs[i]});
  }
  return rows;
}

// The nodes of a block become one line, with the shape of the last.
std::vector<Row> block_rows(const Graph& graph, const std::vector<Row>& layers) {
  std::vector<Row> rows;
  for (const Block& block : blocks_of(graph)) {
    rows.push_back({block.name, "", graph.node(block.last).shape, {}});
    for (NodeId id = block.first; id <= block.last; ++id) rows.back().cost += layers[static_cast<size_t>(id)].cost;
  }
  return rows;
}

void print_table(const Graph& graph, const std::vector<Row>& rows, const Cost& total, bool tflite) {
  size_t name_width = 5;
  for (const Row& row : rows) name_width = std::max(name_width, row.name.size());
  const size_t what_width = rows.front().what.empty() ? 0 : 24;
  print("{:<{}}  {:<{}}{:<18}{:>12}{:>16}\n", "layer", name_width, what_width ? "operator" : "", what_width, "output",
        "parameters", tflite ? "operations" : "multiply-adds");
  for (const Row& row : rows) {
    const int64_t work = tflite ? row.cost.tflite_operations : row.cost.multiply_adds;
    print("{:<{}}  {:<{}}{:<18}{:>12}{:>16}\n", row.name, name_width, row.what, what_width, to_string(row.shape),
          row.cost.parameters ? with_commas(row.cost.parameters) : "", work ? with_commas(work) : "");
  }
  print("\n{}: input {}, {} classes\n", graph.name(), to_string(graph.input_shape()), with_commas(graph.classes()));
  print("  parameters          {:>17}\n", with_commas(total.parameters));
  print("  moving statistics   {:>17}\n", with_commas(total.moving));
  print("  multiply-adds       {:>17}\n", with_commas(total.multiply_adds));
  if (tflite) {
    print("  operations          {:>17}  half of them, as MnasNet's published table: {:.1f}M\n",
          with_commas(total.tflite_operations), static_cast<double>(total.tflite_operations) / 2e6);
  }
  print("  activations         {:>17}  an image in float32, every layer's\n", format_bytes(total.activation_bytes));
}

nlohmann::ordered_json to_json(const Cost& cost) {
  return {{"parameters", cost.parameters},
          {"moving_statistics", cost.moving},
          {"multiply_adds", cost.multiply_adds},
          {"tflite_operations", cost.tflite_operations},
          {"activation_bytes", cost.activation_bytes}};
}

void print_json(const Graph& graph, const std::vector<Row>& rows, const Cost& total, std::string_view rows_name) {
  nlohmann::ordered_json out = {
      {"name", graph.name()}, {"input_shape", graph.input_shape()}, {"classes", graph.classes()}};
  out.update(to_json(total));
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json item = {{"name", row.name}};
    if (!row.what.empty()) item["operator"] = row.what;
    item["shape"] = row.shape;
    item.update(to_json(row.cost));
    list.push_back(std::move(item));
  }
  out[rows_name] = std::move(list);
  print("{}\n", json_text(out, 2));
}

void check(const SummaryOptions& o, const Flags& flags) {
  if (flags.given("count") && (o.text || o.json || o.svg || o.dot)) {
    fail("--count is for the table; --json has both counts, --text and drawings have none");
  }
  if (o.text && (o.json || o.blocks)) fail("--text goes with neither --json nor --blocks");
  if ((o.svg || o.dot) && (o.text || o.json || o.blocks)) {
    fail("--{} writes a file instead of a table: it goes with none of --text, --json and --blocks",
         o.svg ? "svg" : "dot");
  }
  if (o.block && !o.svg) fail("--block={} says what --svg=FILE draws; `--blocks` lists all blocks", *o.block);
}

void write_to(const std::string& path, std::string_view content) {
  if (path == "-") return print_text(content);
  if (std::filesystem::is_directory(path)) fail("{}: is a folder; expected a file's name", path);
  write_file_atomically(path, content);
  log_info("{}: written", path);
}

// Files from which the network can be read again. False when none is asked for.
bool write_descriptions(const SummaryOptions& o) {
  const char* flag = o.model_spec ? "model_spec" : o.prototxt ? "prototxt" : "graph";
  if (!o.model_spec && !o.prototxt && !o.graph) return false;
  if (o.text || o.json || o.blocks || o.svg || o.dot) {
    fail("--{} writes a file: it goes with none of --text, --json, --blocks, --svg and --dot", flag);
  }
  const ResolvedModel model = resolve_model(o.model.name);
  if (o.model_spec) {
    if (!model.spec) fail("--model_spec: {} is none of TuNAS's networks", model.name);
    write_to(*o.model_spec, spec_to_json(scaled_spec(*model.spec, o.model.options)));
  }
  if (o.prototxt) {
    if (!model.layers) fail("--prototxt: {} is not made of AutoShrink's layers", model.name);
    if (o.model.options != ModelOptions{})
      fail("--prototxt writes the layers as they are, without the model's options");
    write_to(*o.prototxt, to_prototxt(*model.layers));
  }
  if (o.graph) write_to(*o.graph, to_json(model.build(o.model.options)));
  return true;
}

}  // namespace

int run_summary(CommandContext& context) {
  SummaryOptions options;
  Flags flags = declare(options);
  if (!context.parse(flags)) return 0;
  check(options, flags);
  if (write_descriptions(options)) return 0;
  const Graph graph = build_model(options.model);
  if (options.svg) write_to(*options.svg, options.block ? draw_block(graph, *options.block) : draw_network(graph));
  if (options.dot) write_to(*options.dot, to_dot(graph));
  if (options.svg || options.dot) return 0;
  if (options.text) {
    print("{}", to_text(graph));
    return 0;
  }
  std::vector<Row> rows = layer_rows(graph);
  if (options.blocks) rows = block_rows(graph, rows);
  const Cost total = count(graph);
  if (options.json) {
    print_json(graph, rows, total, options.blocks ? "blocks" : "layers");
  } else {
    print_table(graph, rows, total, options.count == "tflite");
  }
  return 0;
}

}  // namespace netwright
