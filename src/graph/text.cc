#include "graph/text.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/text.h"
#include "graph/count.h"
#include "graph/fields.h"

namespace netwright {
namespace {

// How each type of attribute prints.
class AttributeText {
 public:
  explicit AttributeText(const Graph& graph) : graph_(graph) {}

  std::string operator()(const Shape& shape) const { return to_string(shape); }
  template <typename Number>
  requires std::is_arithmetic_v<Number> std::string operator()(Number value) const { return fmt::format("{}", value); }
  template <typename Enum>
  requires std::is_enum_v<Enum> std::string operator()(Enum value) const { return std::string(enum_name(value)); }
  std::string operator()(const Window& window) const {
    std::string text = fmt::format("{}x{}", window.kernel_h, window.kernel_w);
    if (window.stride_h != window.stride_w) {
      text += fmt::format("/{}x{}", window.stride_h, window.stride_w);
    } else if (window.stride_h != 1) {
      text += fmt::format("/{}", window.stride_h);
    }
    if (window.dilation != 1) text += fmt::format(",dilation={}", window.dilation);
    if (window.padding != Padding::kSame) text += fmt::format(",{}", enum_name(window.padding));
    return text;
  }
  // The name, with the extent where only a part of the parameter is used.
  std::string operator()(const ParameterRef& ref) const {
    const Parameter& parameter = graph_.parameter(ref.id);
    return ref.extent == parameter.shape ? parameter.name : parameter.name + to_string(ref.extent);
  }

 private:
  const Graph& graph_;
};

std::string attributes_text(const Graph& graph, const Operator& op) {
  std::string text;
  std::visit(
      [&]<typename Kind>(const Kind& kind) {
        const Kind plain;
        const AttributeText print(graph);
        for_each_field(kind, [&]<typename Member>(std::string_view name, const Member& member) {
          bool is_default = false;
          for_each_field(plain, [&]<typename Other>(std::string_view other_name, const Other& other) {
            if constexpr (std::is_same_v<Member, Other>) {
              if (other_name == name) is_default = other == member;
            }
          });
          if (!is_default) text += fmt::format(" {}={}", name, print(member));
        });
      },
      op);
  return text;
}

// The scope without the network's own: "net/blocks_3/se" of the network "net" is "blocks_3/se".
std::string_view inner_scope(const Graph& graph, const Node& node) {
  std::string_view scope = node.scope;
  const std::string& name = graph.name();
  if (scope == name) return {};
  if (scope.starts_with(name) && scope.size() > name.size() && scope[name.size()] == '/') {
    scope.remove_prefix(name.size() + 1);
  }
  return scope;
}

constexpr size_t kColumns = 5;
using Row = std::array<std::string, kColumns>;

Row make_row(std::string layer, const Shape& shape, const Cost& cost) {
  return {std::move(layer), to_string(shape), with_commas(cost.parameters), with_commas(cost.multiply_adds),
          format_bytes(cost.activation_bytes)};
}

std::vector<Row> rows_by_block(const Graph& graph, const std::vector<Cost>& costs) {
  std::vector<Row> rows;
  const std::vector<Node>& nodes = graph.nodes();
  const auto block_of = [&](size_t i) {
    if (i == 0) return std::string("input");
    const std::string_view scope = inner_scope(graph, nodes[i]);
    return std::string(scope.substr(0, scope.find('/')));
  };
  Cost sum;
  for (size_t i = 0; i < nodes.size(); ++i) {
    sum += costs[i];
    const std::string block = block_of(i);
    if (i + 1 < nodes.size() && block_of(i + 1) == block) continue;
    rows.push_back(make_row(block, nodes[i].shape, sum));
    sum = {};
  }
  return rows;
}

std::vector<Row> rows_by_node(const Graph& graph, const std::vector<Cost>& costs) {
  std::vector<Row> rows;
  for (size_t i = 0; i < costs.size(); ++i) {
    const Node& node = graph.nodes()[i];
    const std::string_view scope = inner_scope(graph, node);
    std::string layer = fmt::format("%{} {}{}{}", i, scope, scope.empty() ? "" : "/", operator_name(node.op));
    rows.push_back(make_row(std::move(layer), node.shape, costs[i]));
  }
  return rows;
}

}  // namespace

std::string to_text(const Graph& graph) {
  std::string text = fmt::format("graph {}\n", graph.name());
  auto out = std::back_inserter(text);
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node& node = graph.nodes()[i];
    std::vector<std::string> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(fmt::format("%{}", input));
    fmt::format_to(out, "%{} = {}({}){} : {}", i, operator_name(node.op), fmt::join(inputs, ", "),
                   attributes_text(graph, node.op), to_string(node.shape));
    if (!node.scope.empty()) fmt::format_to(out, " @ {}", node.scope);
    text += '\n';
  }
  for (const NamedNode& named : graph.outputs()) fmt::format_to(out, "output {} = %{}\n", named.name, named.node);
  for (const NamedNode& named : graph.endpoints()) fmt::format_to(out, "endpoint {} = %{}\n", named.name, named.node);
  return text;
}

std::string summary_table(const Graph& graph, SummaryRows kind) {
  const std::vector<Cost> costs = count_nodes(graph);
  std::vector<Row> rows = kind == SummaryRows::kBlocks ? rows_by_block(graph, costs) : rows_by_node(graph, costs);
  rows.insert(rows.begin(), Row{"layer", "output", "parameters", "multiply-adds", "activations"});
  Cost total;
  for (const Cost& cost : costs) total += cost;
  rows.push_back(make_row("total", graph.nodes().back().shape, total));
  std::array<size_t, kColumns> widths{};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    text += fmt::format("{:<{}}  {:<{}}  {:>{}}  {:>{}}  {:>{}}\n", row[0], widths[0], row[1], widths[1], row[2],
                        widths[2], row[3], widths[3], row[4], widths[4]);
  }
  return text;
}

}  // namespace netwright
