// The steps of the torch backend, a maker an operator; each file of steps_*.cc holds a group.
#pragma once

#include <memory>

#include "engine/backend.h"
#include "graph/graph.h"

namespace netwright::torch_backend {

// What a maker is given. The references live as long as the Program.
struct StepContext {
  const Graph& graph;
  const StepPlan& plan;
  const LowerOptions& options;

  const Node& node() const { return graph.node(plan.node); }
  const Node& input_node(size_t index) const { return graph.node(node().inputs[index]); }
};

std::unique_ptr<Step> make_step_of(const StepContext& context, const Conv2D& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const DepthwiseConv2D& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const BatchNorm& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Activation& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Pool& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const GlobalPool& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Dense& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Flatten& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Scale& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Add& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Multiply& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Weigh& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Concat& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Split& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Pad& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Dropout& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const DropPath& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const SpaceToDepth& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const MixExperts& op);
std::unique_ptr<Step> make_step_of(const StepContext& context, const Softmax& op);
std::unique_ptr<Step> make_loss_step(const StepContext& context, const LossSpec& loss);

// What each step keeps, overwrites and needs besides (Backend::traits).
StepTraits traits_of(const Graph& graph, NodeId id, const LowerOptions& options);

// Backend::folds_batch_norm.
bool folds_batch_norm_of(const Graph& graph, NodeId convolution, const LowerOptions& options);

}  // namespace netwright::torch_backend
