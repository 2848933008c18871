#include "graph/subgraph.h"

#include <algorithm>
#include <utility>

#include "graph/builder.h"
#include "graph/fields.h"

namespace netwright {
namespace {

std::vector<bool> nodes_behind(const Graph& graph, NodeId output) {
  std::vector<bool> needed(graph.nodes().size());
  needed[0] = true;
  needed[static_cast<size_t>(output)] = true;
  for (size_t id = needed.size(); id-- > 0;) {
    if (!needed[id]) continue;
    for (const NodeId input : graph.nodes()[id].inputs) needed[static_cast<size_t>(input)] = true;
  }
  return needed;
}

std::vector<bool> parameters_of(const Graph& graph, const std::vector<bool>& nodes) {
  std::vector<bool> needed(graph.parameters().size());
  for (size_t id = 0; id < nodes.size(); ++id) {
    if (!nodes[id]) continue;
    for (const ParameterRef& ref : parameter_refs(graph.nodes()[id].op)) needed[static_cast<size_t>(ref.id)] = true;
  }
  return needed;
}

// The operator with its parameters' new numbers.
Operator renumbered(Operator op, const std::vector<int>& numbers) {
  std::visit(
      [&](auto& kind) {
        for_each_field(kind, [&]<typename Member>(std::string_view, Member& member) {
          if constexpr (std::is_same_v<Member, ParameterRef>) {
            if (member) member.id = numbers[static_cast<size_t>(member.id)];
          }
        });
      },
      op);
  return op;
}

}  // namespace

Graph only_output(const Graph& graph, std::string_view output) {
  const std::vector<bool> nodes = nodes_behind(graph, graph.output(output));
  const std::vector<bool> parameters = parameters_of(graph, nodes);
  GraphBuilder builder(graph.name(), graph.input_spec());
  std::vector<int> parameter_numbers(parameters.size(), -1);
  for (size_t id = 0; id < parameters.size(); ++id) {
    if (parameters[id]) parameter_numbers[id] = builder.parameter(graph.parameters()[id]).id;
  }
  std::vector<NodeId> node_numbers(nodes.size(), -1);
  node_numbers[0] = builder.input();
  for (size_t id = 1; id < nodes.size(); ++id) {
    if (!nodes[id]) continue;
    const Node& node = graph.nodes()[id];
    std::vector<NodeId> inputs;
    for (const NodeId input : node.inputs) inputs.push_back(node_numbers[static_cast<size_t>(input)]);
    const GraphBuilder::Scope scope = builder.scope(node.scope);
    node_numbers[id] = builder.add(renumbered(node.op, parameter_numbers), std::move(inputs));
  }
  for (const Output& item : graph.outputs()) {
    if (item.name == output) builder.output(item.name, node_numbers[static_cast<size_t>(item.node)], item.loss_weight);
  }
  for (const NamedNode& item : graph.endpoints()) {
    const NodeId node = node_numbers[static_cast<size_t>(item.node)];
    if (node >= 0) builder.endpoint(item.name, node);
  }
  return builder.finish();
}

Graph inference_graph(Graph graph) {
  const bool whole = graph.outputs().size() == 1 && graph.outputs().front().name == "logits";
  return whole ? std::move(graph) : only_output(graph, "logits");
}

}  // namespace netwright
