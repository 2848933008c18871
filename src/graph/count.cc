#include "graph/count.h"

#include <algorithm>

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
                        [](const Flatten&) { return int64_t{0}; },
                        [](const Scale&) { return int64_t{0}; },
                        [](const Add&) { return int64_t{0}; },
                        [](const Multiply&) { return int64_t{0}; },
                        [](const Weigh&) { return int64_t{0}; },
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

// Whether a batch norm of this value disappears into the convolutions before it.
bool folds_batch_norm(const Graph& graph, NodeId id) {
  const Node& node = graph.node(id);
  if (!std::holds_alternative<Concat>(node.op)) {
    return std::holds_alternative<Conv2D>(node.op) || std::holds_alternative<DepthwiseConv2D>(node.op);
  }
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [&](NodeId input) { return folds_batch_norm(graph, input); });
}

// A swish is a sigmoid and a product, the hard ones are an addition and products.
int64_t operations_of(ActivationKind kind) {
  constexpr int64_t kTranscendental = 64;
  switch (kind) {
    case ActivationKind::kSigmoid:
    case ActivationKind::kTanh:
    case ActivationKind::kElu:
      return kTranscendental;
    case ActivationKind::kLeakyRelu:
      return 1;
    case ActivationKind::kSwish:
      return kTranscendental + 1;
    case ActivationKind::kHardSigmoid:
      return 2;
    case ActivationKind::kHardSwish:
      return 3;
    case ActivationKind::kRelu:
    case ActivationKind::kRelu6:
      return 0;
  }
  return 0;
}

// Of one output, beside its multiply-adds.
int64_t operations_an_output(const Graph& graph, const Node& node) {
  return std::visit(Overloaded{
                        [](const Conv2D& op) { return int64_t{op.bias ? 1 : 0}; },
                        [](const DepthwiseConv2D& op) { return int64_t{op.bias ? 1 : 0}; },
                        [](const Dense& op) { return int64_t{op.bias ? 1 : 0}; },
                        [&](const BatchNorm&) { return int64_t{folds_batch_norm(graph, node.inputs[0]) ? 1 : 2}; },
                        [](const Activation& op) { return operations_of(op.kind); },
                        [&](const Add&) { return static_cast<int64_t>(node.inputs.size()) - 1; },
                        [](const Multiply&) { return int64_t{1}; },
                        [](const Weigh&) { return int64_t{1}; },
                        [](const Scale&) { return int64_t{1}; },
                        [](const Softmax&) { return operations_of(ActivationKind::kSigmoid); },
                        [](const MixExperts&) { return int64_t{0}; },
                        [](const Input&) { return int64_t{0}; },
                        [](const Pool&) { return int64_t{0}; },
                        [](const GlobalPool&) { return int64_t{0}; },
                        [](const Flatten&) { return int64_t{0}; },
                        [](const Concat&) { return int64_t{0}; },
                        [](const Split&) { return int64_t{0}; },
                        [](const Pad&) { return int64_t{0}; },
                        [](const Dropout&) { return int64_t{0}; },
                        [](const DropPath&) { return int64_t{0}; },
                        [](const SpaceToDepth&) { return int64_t{0}; },
                    },
                    node.op);
}

}  // namespace

Cost& Cost::operator+=(const Cost& other) {
  parameters += other.parameters;
  moving += other.moving;
  multiply_adds += other.multiply_adds;
  activation_bytes += other.activation_bytes;
  tflite_operations += other.tflite_operations;
  return *this;
}

std::vector<Cost> count_nodes(const Graph& graph) {
  std::vector<bool> counted(graph.parameters().size());
  std::vector<Cost> costs;
  costs.reserve(graph.nodes().size());
  for (const Node& node : graph.nodes()) {
    Cost cost;
    cost.multiply_adds = multiply_adds(graph, node);
    const int64_t outputs = element_count(node.shape);
    cost.activation_bytes = outputs * static_cast<int64_t>(sizeof(float));
    cost.tflite_operations = 2 * cost.multiply_adds + outputs * operations_an_output(graph, node);
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
