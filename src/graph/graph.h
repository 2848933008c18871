// A network as a value: operators with shapes, independent of any tensor library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "graph/input_spec.h"
#include "graph/operators.h"
#include "graph/shape.h"

namespace netwright {

enum class ParameterRole {
  kKernel,           // [kh, kw, in, out]
  kDepthwiseKernel,  // [kh, kw, channels, 1]
  kExpertKernels,    // [experts, kernel elements]
  kDenseKernel,      // [in, out]
  kBias,
  kGamma,
  kBeta,
  kMovingMean,
  kMovingVariance,
  kScale,  // one number
};

// How a parameter begins.
struct Initializer {
  enum class Kind { kZeros, kOnes, kNormal, kUniform, kTruncatedNormal };
  Kind kind = Kind::kZeros;
  // The normal's standard deviation, before what lies beyond two of it is drawn again where it is truncated; the
  // uniform's limit: [-scale, scale).
  double scale = 0.0;
  bool operator==(const Initializer&) const = default;
};

// A variable. Its name is the TensorFlow variable's name, without ":0".
struct Parameter {
  std::string name;
  Shape shape;
  ParameterRole role = ParameterRole::kKernel;
  Initializer initializer;
  // Times the recipe's weight decay is this variable's L2 coefficient: 0 for those that the original leaves out.
  double l2 = 1.0;
  bool frozen = false;  // training leaves it as it is

  bool trainable() const {
    return !frozen && role != ParameterRole::kMovingMean && role != ParameterRole::kMovingVariance;
  }
  bool operator==(const Parameter&) const = default;
};

using NodeId = int;

struct Node {
  Operator op;
  std::vector<NodeId> inputs;
  std::string scope;  // where it stands in the network, e.g. "efficientnet-b0/blocks_1/se"
  Shape shape;        // inferred, without the batch
  bool operator==(const Node&) const = default;
};

// A value with a name, an endpoint: "block_3", "reduction_2".
struct NamedNode {
  std::string name;
  NodeId node = -1;
  bool operator==(const NamedNode&) const = default;
};

// What a network gives: "logits", an auxiliary head's.
struct Output {
  std::string name;
  NodeId node = -1;
  double loss_weight = 1.0;  // times its cross-entropy is its part of the training loss; 0: it has none
  bool operator==(const Output&) const = default;
};

// A block of the network, the nodes [begin, end), and the stage that it belongs to, from 0: what conventions that name
// layers by their place (timm's) go by.
struct BlockSpan {
  int stage = 0;
  NodeId begin = 0;
  NodeId end = 0;
  bool operator==(const BlockSpan&) const = default;
};

// Immutable once built (GraphBuilder::finish). Nodes are in topological order; node 0 is the Input.
class Graph {
 public:
  const std::string& name() const { return name_; }
  // Lists are not given out by a graph that is about to go: `for (... : build_model(name).nodes())` would read freed
  // memory.
  const std::vector<Node>& nodes() const& { return nodes_; }
  void nodes() && = delete;
  const Node& node(NodeId id) const { return nodes_[static_cast<size_t>(id)]; }
  // In TensorFlow's creation order.
  const std::vector<Parameter>& parameters() const& { return parameters_; }
  void parameters() && = delete;
  const Parameter& parameter(int id) const { return parameters_[static_cast<size_t>(id)]; }
  const std::vector<Output>& outputs() const& { return outputs_; }
  void outputs() && = delete;
  const std::vector<NamedNode>& endpoints() const& { return endpoints_; }
  void endpoints() && = delete;
  // In their order, apart from each other; empty for networks without such a structure.
  const std::vector<BlockSpan>& blocks() const& { return blocks_; }
  void blocks() && = delete;
  // What the network expects of its images.
  const InputSpec& input_spec() const { return input_spec_; }

  // The node of an output; throws Error with the known names when there is none.
  NodeId output(std::string_view name) const;
  // Shape [H, W, 3] of the input.
  const Shape& input_shape() const { return nodes_.front().shape; }
  // Width of the output "logits".
  int64_t classes() const;

  bool operator==(const Graph&) const = default;

 private:
  friend class GraphBuilder;
  std::string name_;
  std::vector<Node> nodes_;
  std::vector<Parameter> parameters_;
  std::vector<Output> outputs_;
  std::vector<NamedNode> endpoints_;
  std::vector<BlockSpan> blocks_;
  InputSpec input_spec_;
};

// The parameters that an operator uses, in a fixed order (kernel, bias, gamma, beta, moving mean, moving variance,
// experts, scale), absent ones left out.
std::vector<ParameterRef> parameter_refs(const Operator& op);

// "Conv2D", "BatchNorm", ...
std::string_view operator_name(const Operator& op);

}  // namespace netwright
