#include "export/dot.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/blocks.h"
#include "graph/count.h"
#include "graph/text.h"

namespace netwright {
namespace {

// A quoted DOT string: of special characters only the quote and, for Graphviz's labels, the backslash.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// The names of outputs or endpoints at a node.
template <typename Named>
std::string names_at(const std::vector<Named>& names, NodeId id) {
  std::string list;
  for (const Named& named : names) {
    if (named.node == id) list += (list.empty() ? "" : " ") + named.name;
  }
  return list;
}

class DotWriter {
 public:
  explicit DotWriter(const Graph& graph) : graph_(graph), costs_(count_nodes(graph)) {}

  std::string write() {
    text_ = fmt::format("digraph {} {{\n  node [shape=box, style=filled, fillcolor=white, fontname=\"Helvetica\"];\n",
                        quoted(graph_.name()));
    int cluster = 0;
    for (const Block& block : blocks_of(graph_)) {
      fmt::format_to(out(), "  subgraph cluster_{} {{\n    label={};\n    style=filled;\n    fillcolor=\"#f3f5f8\";\n",
                     cluster++, quoted(block.name));
      for (NodeId id = block.first; id <= block.last; ++id) write_node(id);
      text_ += "  }\n";
    }
    for (NodeId id = 0; id < static_cast<NodeId>(graph_.nodes().size()); ++id) write_edges(id);
    return text_ + "}\n";
  }

 private:
  std::back_insert_iterator<std::string> out() { return std::back_inserter(text_); }

  void write_node(NodeId id) {
    const Node& node = graph_.node(id);
    const Cost& cost = costs_[static_cast<size_t>(id)];
    const std::string shape = fmt::format("{}", fmt::join(node.shape, "x"));
    const auto attributes = attribute_texts(graph_, node.op);
    const auto window =
        std::find_if(attributes.begin(), attributes.end(), [](const auto& item) { return item.first == "window"; });
    const std::string first =
        std::string(operator_name(node.op)) + (window == attributes.end() ? "" : " " + window->second);
    // \n is Graphviz's line break.
    fmt::format_to(out(), "    n{} [label=\"{}\\n{}\", op={}, scope={}, output_shape=\"{}\"", id, first, shape,
                   quoted(operator_name(node.op)), quoted(node.scope), shape);
    fmt::format_to(out(), ", parameters={}, moving_statistics={}, multiply_adds={}", cost.parameters, cost.moving,
                   cost.multiply_adds);
    for (const auto& [name, value] : attributes) {
      // Graphviz has a node attribute of that name; the input's shape is its output's.
      if (name != "shape") fmt::format_to(out(), ", {}={}", name, quoted(value));
    }
    write_names("outputs", names_at(graph_.outputs(), id));
    write_names("endpoints", names_at(graph_.endpoints(), id));
    text_ += "];\n";
  }

  void write_names(std::string_view attribute, const std::string& names) {
    if (!names.empty()) fmt::format_to(out(), ", {}={}", attribute, quoted(names));
  }

  void write_edges(NodeId id) {
    const std::vector<NodeId>& inputs = graph_.node(id).inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      fmt::format_to(out(), "  n{} -> n{} [input={}];\n", inputs[i], id, i);
    }
  }

  const Graph& graph_;
  std::vector<Cost> costs_;
  std::string text_;
};

}  // namespace

std::string to_dot(const Graph& graph) { return DotWriter(graph).write(); }

}  // namespace netwright
