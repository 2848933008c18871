#include "graph/count.h"

namespace netwright {
namespace {

int64_t kernel_area(const Window& window) { return static_cast<int64_t>(window.kernel_h) * window.kernel_w; }

int64_t input_channels(const Graph& graph, const Node& node) { return graph.node(node.inputs[0]).shape.back(); }

int64_t multiply_adds(const Graph& graph, const Node& node) {
  const int64_t outputs = element_count(node.shape);
  return std::visit(Overloaded{
                        [&](const Conv2D& op) {
                          return outputs * kernel_area(op.window) * (input_channels(graph, node) / op.groups);
                        },
                        [&](const DepthwiseConv2D& op) { return outputs * kernel_area(op.window); },
                        [&](const Dense&) { return outputs * input_channels(graph, node); },
                        [&](const MixExperts&) { return outputs * input_channels(graph, node); },
                        [](const Input&) { return int64_t{0}; },
                        [](const BatchNorm&) { return int64_t{0}; },
                        [](const Activation&) { return int64_t{0}; },
                        [](const Pool&) { return int64_t{0}; },
                        [](const GlobalPool&) { return int64_t{0}; },
                        [](const Add&) { return int64_t{0}; },
                        [](const Multiply&) { return int64_t{0}; },
                        [](const Concat&) { return int64_t{0}; },
                        [](const Split&) { return int64_t{0}; },
                        [](const Pad&) { return int64_t{0}; },
                        [](const Dropout&) { return int64_t{0}; },
                        [](const DropPath&) { return int64_t{0}; },
                        [](const SpaceToDepth&) { return int64_t{0}; },
                        [](const Softmax&) { return int64_t{0}; },
                    },
                    node.op);
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  parameters += other.parameters;
  moving += other.moving;
  multiply_adds += other.multiply_adds;
  activation_bytes += other.activation_bytes;
  return *this;
}

std::vector<Cost> count_nodes(const Graph& graph) {
  std::vector<bool> counted(graph.parameters().size());
  std::vector<Cost> costs;
  costs.reserve(graph.nodes().size());
  for (const Node& node : graph.nodes()) {
    Cost cost;
    cost.multiply_adds = multiply_adds(graph, node);
    cost.activation_bytes = element_count(node.shape) * static_cast<int64_t>(sizeof(float));
    for (const ParameterRef& ref : parameter_refs(node.op)) {
      const auto id = static_cast<size_t>(ref.id);
      if (counted[id]) continue;
      counted[id] = true;
      (graph.parameter(ref.id).trainable() ? cost.parameters : cost.moving) += element_count(ref.extent);
    }
    costs.push_back(cost);
  }
  return costs;
}

Cost count(const Graph& graph) {
  Cost total;
  for (const Cost& cost : count_nodes(graph)) total += cost;
  return total;
}

}  // namespace netwright
